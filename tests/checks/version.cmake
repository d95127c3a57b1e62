# Fails unless the recipes of package managers, which cannot read include/coproc/version.hpp, have its
# version too.
#
#   cmake -DVERSION=<x.y.z> -P version.cmake
cmake_minimum_required(VERSION 3.25)

cmake_path(SET packaging NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../cmake/packaging")
file(READ "${packaging}/conan/conanfile.py" conan)
string(FIND "${conan}" "\n    version = \"${VERSION}\"\n" in_conan)
file(READ "${packaging}/vcpkg/coproc/vcpkg.json" vcpkg)
string(JSON in_vcpkg GET "${vcpkg}" version)
if(in_conan EQUAL -1 OR NOT in_vcpkg STREQUAL VERSION)
  message(FATAL_ERROR "${VERSION} is not the version of conanfile.py or of vcpkg.json.")
endif()
