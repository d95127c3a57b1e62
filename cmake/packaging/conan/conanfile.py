# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0

# A recipe of the tree it lies in: conan create cmake/packaging/conan --build=missing
import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rmdir


class Coproc(ConanFile):
    name = "coproc"
    version = "0.2.0"
    description = "Child processes to co_await, for C++20 and Boost.Asio"
    license = "BSL-1.0"
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    default_options = {"boost/*:header_only": True}  # only headers are used, on every Boost

    def export_sources(self):
        tree = os.path.join(self.recipe_folder, "..", "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*"):
            copy(self, pattern, src=tree, dst=self.export_sources_folder)

    def requirements(self):
        self.requires("boost/[>=1.81.0 <2]", transitive_headers=True)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("coproc has been tried on Linux only")
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["COPROC_BUILD_TESTS"] = False
        toolchain.cache_variables["COPROC_BUILD_EXAMPLES"] = False
        toolchain.generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(self.package_folder, "share"))  # what finds it here comes from Conan

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "coproc")
        self.cpp_info.set_property("cmake_target_name", "coproc::coproc")
        self.cpp_info.set_property("pkg_config_name", "coproc")
        self.cpp_info.requires = ["boost::headers"]
        self.cpp_info.system_libs = ["pthread"]
