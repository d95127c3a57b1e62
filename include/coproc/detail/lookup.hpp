// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <coproc/detail/config.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coproc {
namespace detail {

/// Where a program may be, in the order in which to try: the path itself where the name has a `/`,
/// else the name in each absolute directory of @p path (a PATH; null: the system's default one).
/// Empty, `.` and relative entries are passed over: what runs must not depend on where one stands.
inline std::vector<std::string> candidates(std::string_view name, const char* path) {
  std::vector<std::string> found;
  if (name.find('/') != std::string_view::npos) {
    found.emplace_back(name);
    return found;
  }
  std::string standard;
  if (path == nullptr) {
    standard.resize(::confstr(_CS_PATH, nullptr, 0));
    ::confstr(_CS_PATH, standard.data(), standard.size());
    path = standard.c_str();
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
    if (directory.starts_with('/')) found.push_back(std::string(directory) + '/' + std::string(name));
  }
  return found;
}

}  // namespace detail

/// The program that exec would run for this name, or nothing.
/// @param name with a `/`: that path; else looked up in the host's PATH (the system's default path
/// where PATH is unset), in absolute directories only. Directories and files that this user may not
/// execute are passed over.
/// @par Source Python's `shutil.which`, except for relative entries of PATH
inline std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) return std::nullopt;
  for (const std::string& candidate : detail::candidates(name, std::getenv("PATH"))) {
    struct stat about;
    if (::stat(candidate.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
        ::faccessat(AT_FDCWD, candidate.c_str(), X_OK, AT_EACCESS) == 0)
      return candidate;
  }
  return std::nullopt;
}

}  // namespace coproc
