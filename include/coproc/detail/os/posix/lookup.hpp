// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace coproc::detail {

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
    if (directory.starts_with('/'))
      found.push_back(std::string(directory) + '/' + std::string(name));
  }
  return found;
}

/// The same with the host's PATH.
inline std::vector<std::string> candidates_here(std::string_view name) {
  return candidates(name, std::getenv("PATH"));
}

/// Whether it is a file that this user may execute.
inline bool is_program(const std::string& path) {
  struct stat about;
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
         ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
}

}  // namespace coproc::detail
