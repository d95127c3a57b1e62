# An overlay port of the tree it lies in: vcpkg install coproc --overlay-ports=cmake/packaging/vcpkg
cmake_path(ABSOLUTE_PATH CURRENT_PORT_DIR OUTPUT_VARIABLE port_dir)
cmake_path(SET source_path NORMALIZE "${port_dir}/../../../..")

set(VCPKG_BUILD_TYPE release) # headers only
vcpkg_cmake_configure(
  SOURCE_PATH "${source_path}"
  OPTIONS -DCOPROC_BUILD_TESTS=OFF -DCOPROC_BUILD_EXAMPLES=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/coproc)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
vcpkg_install_copyright(FILE_LIST "${source_path}/LICENSE")
