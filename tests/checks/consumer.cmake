# Builds and runs one consumer in an otherwise empty folder:
#
#   cmake -DWAY=<folder of consumers, or [compiled_]pkg_config> -DWORK=<folder> -DPREFIX=<where coproc is installed>
#     -DGENERATOR=<name> -DCOMPILER=<path> [-DLAUNCHER=<path>] [-DLIBRARY=<the compiled form>]
#     [-DPACKAGE_OF=<build folder whose Debian package is unpacked to WORK/root first>] -P consumer.cmake
cmake_minimum_required(VERSION 3.25)

cmake_path(SET tree NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../..")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
file(COPY "${tree}/examples/quickstart.cpp" "${tree}/tests/consumers/small.cpp" DESTINATION "${WORK}")

function(must)
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY "${WORK}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message("${command}\n${output}")
    message(FATAL_ERROR "That ended with ${status}.")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

if(PACKAGE_OF)
  must("${CMAKE_CPACK_COMMAND}" -G DEB -B "${WORK}/package" --config "${PACKAGE_OF}/CPackConfig.cmake")
  file(GLOB package "${WORK}/package/libcoproc-dev_*_all.deb")
  must(dpkg-deb -x "${package}" root)
endif()

# All headers have been installed.
if(NOT WAY MATCHES "add_subdirectory|fetch_content")
  file(GLOB_RECURSE here RELATIVE "${tree}/include" "${tree}/include/*pp")
  file(GLOB_RECURSE there RELATIVE "${PREFIX}/include" "${PREFIX}/include/*pp")
  if(NOT here STREQUAL there)
    message(FATAL_ERROR "Installed are:\n${there}")
  endif()
endif()

if(WAY MATCHES "pkg_config")
  set(ENV{PKG_CONFIG_PATH} "${PREFIX}/share/pkgconfig")
  set(package coproc)
  set(files small.cpp)
  if(WAY STREQUAL "compiled_pkg_config")
    set(package coproc-compiled)
    set(files quickstart.cpp "${LIBRARY}")
  endif()
  must(pkg-config --cflags --libs "${package} >= 0.1")
  if(package STREQUAL "coproc" AND output MATCHES "SEPARATE_COMPILATION"
     OR package STREQUAL "coproc-compiled" AND NOT output MATCHES "-DCOPROC_SEPARATE_COMPILATION")
    message(FATAL_ERROR "pkg-config says of ${package}: ${output}")
  endif()
  separate_arguments(flags UNIX_COMMAND "${output}")
  must("${COMPILER}" -std=c++20 ${files} -o program ${flags})
  must("${WORK}/program")
else()
  file(COPY "${tree}/tests/consumers/${WAY}/" DESTINATION "${WORK}")
  set(configure "${CMAKE_COMMAND}" -S . -B build -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
    -DCMAKE_BUILD_TYPE= -DCMAKE_CXX_FLAGS= -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
  if(WAY MATCHES "add_subdirectory|fetch_content")
    list(APPEND configure "-DCOPROC_TREE=${tree}")
  else()
    list(APPEND configure "-DCMAKE_PREFIX_PATH=${PREFIX}")
  endif()
  must(${configure})
  must("${CMAKE_COMMAND}" --build build)

  # Nothing of ours may reach the consumer: no tests and examples to build, no library where none is
  # linked, no flag but the standard (and those of a library that it links itself) and our one macro.
  file(GLOB_RECURSE libraries "${WORK}/build/*.a")
  list(FILTER libraries INCLUDE REGEX "/libcoproc\\.a$")
  list(LENGTH libraries built)
  set(linked 0)
  if(WAY MATCHES "add_subdirectory|both_forms")
    set(linked 1)
  endif()
  if(NOT built EQUAL linked)
    message(FATAL_ERROR "It has built ${built} libraries of ours, and needs ${linked}.")
  endif()
  file(GLOB_RECURSE own "${WORK}/*.cpp")
  list(FILTER own EXCLUDE REGEX "^${WORK}/build/|/share/doc/|quickstart|small")
  list(LENGTH own expected)
  if(NOT expected)
    set(expected 1) # quickstart.cpp or small.cpp
  endif()
  if(WAY MATCHES "add_subdirectory|both_forms") # which build two programs
    math(EXPR expected "${expected} + 1")
  endif()
  file(READ "${WORK}/build/compile_commands.json" commands)
  string(JSON count LENGTH "${commands}")
  if(NOT count EQUAL expected)
    message("${commands}")
    message(FATAL_ERROR "It compiles more than its own files.")
  endif()
  string(JSON command GET "${commands}" 0 command)
  string(REPLACE " -DCOPROC_SEPARATE_COMPILATION" "" command "${command}")
  if(command MATCHES " -([DOWfgm][^ ]*)" AND NOT WAY STREQUAL "beside_boost_process")
    message("${command}")
    message(FATAL_ERROR "It compiles with -${CMAKE_MATCH_1}, which it has not asked for.")
  endif()
  must("${WORK}/build/program")
endif()

if(NOT output STREQUAL "STDOUT: Hello, world!\n")
  message(FATAL_ERROR "It wrote:\n${output}")
endif()

# An incompatible version is not taken for the one that was asked for.
if(WAY STREQUAL "find_package")
  file(READ "${WORK}/CMakeLists.txt" lists)
  string(REPLACE "coproc 0.2 " "coproc 0.3 " lists "${lists}")
  file(WRITE "${WORK}/CMakeLists.txt" "${lists}")
  execute_process(COMMAND ${configure} WORKING_DIRECTORY "${WORK}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status EQUAL 0 OR NOT output MATCHES "compatible[ \n]+with")
    message("${output}")
    message(FATAL_ERROR "Version 0.3 was asked for, and that was the answer.")
  endif()
endif()
