# What `cmake --install` installs: headers, a CMake package, pkg-config files. Nothing depends on the
# architecture, so all of it goes below share/ beside the headers; coproc::compiled is built by whoever
# links it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/coproc")
set(pc_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")

install(TARGETS coproc EXPORT coproc-targets
  FILE_SET HEADERS FILE_SET other_systems FILE_SET definitions)
install(EXPORT coproc-targets NAMESPACE coproc:: DESTINATION "${package_dir}")

configure_package_config_file(
  cmake/coproc-config.cmake.in "${PROJECT_BINARY_DIR}/coproc-config.cmake"
  INSTALL_DESTINATION "${package_dir}")
# While the version is 0.x every minor version may break what uses the one before.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/coproc-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/coproc-config.cmake"
  "${PROJECT_BINARY_DIR}/coproc-config-version.cmake"
  cmake/compiled.cmake
  DESTINATION "${package_dir}")

# coproc.pc finds the headers from where it lies itself, so that an installed tree can be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}" OR IS_ABSOLUTE "${pc_dir}")
  set(pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH pc_includedir "/${pc_dir}" "/${CMAKE_INSTALL_INCLUDEDIR}")
  string(PREPEND pc_includedir "\${pcfiledir}/")
endif()
set(pc_libs -pthread)
if(WIN32)
  string(APPEND pc_libs " -lws2_32 -lmswsock") # those of Asio
endif()
foreach(name coproc coproc-compiled)
  configure_file(cmake/${name}.pc.in "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${pc_dir}")
endforeach()

install(FILES LICENSE README.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN "*.cpp")

# `cpack -G DEB` in the build folder makes a Debian package. Boost's headers come by another name
# where the distribution's default Boost is older than what coproc needs.
set(CPACK_PACKAGE_NAME libcoproc-dev)
set(CPACK_PACKAGE_CONTACT "The coproc authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libboost-dev (>= 1.81) | libboost1.81-dev")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Header-only: exec, shell, communicate, capture, gather and pipelines as
coroutines on an io_context, on top of Boost.Process.")
include(CPack)
