// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/detail/os/windows/handle.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coproc::detail {

/// A variable of this process's environment.
inline std::optional<std::string> host_variable(const wchar_t* name) {
  for (std::wstring value(256, L'\0');;) {
    ::SetLastError(0);
    const DWORD size =
        ::GetEnvironmentVariableW(name, value.data(), static_cast<DWORD>(value.size()));
    if (size == 0 && ::GetLastError() == ERROR_ENVVAR_NOT_FOUND) return std::nullopt;
    if (size < value.size()) return narrow(std::wstring_view(value).substr(0, size));
    value.resize(size);
  }
}

inline std::string system_directory() {
  wchar_t path[MAX_PATH];
  const UINT length = ::GetSystemDirectoryW(path, MAX_PATH);
  return narrow(std::wstring_view(path, length));
}

inline bool has_directory(std::string_view name) {
  return name.find_first_of("/\\") != std::string_view::npos || (name.size() > 1 && name[1] == ':');
}
inline bool is_absolute(std::string_view path) {
  return path.starts_with("\\\\") ||
         (path.size() > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/'));
}

/// Where a program may be, in the order in which to try: as written where the name has a directory,
/// else in each absolute directory of @p path (a PATH; nothing: the system's directory); each with
/// the endings of programs, too.
inline std::vector<std::string> candidates(std::string_view name,
                                           const std::optional<std::string>& path) {
  std::vector<std::string> found;
  const bool here = has_directory(name);
  const bool ending = name.find('.', name.find_last_of("/\\") + 1) != std::string_view::npos;
  const auto add = [&](const std::string& file) {
    if (here || ending) found.push_back(file);
    for (const char* const suffix : {".com", ".exe", ".bat", ".cmd"})
      found.push_back(file + suffix);
  };
  const std::string directories = path.value_or(system_directory());
  if (here) add(std::string(name));
  else
    for (std::string_view rest = directories; !rest.empty();) {
      std::string_view directory = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
      if (directory.size() > 1 && directory.front() == '"' && directory.back() == '"')
        directory = directory.substr(1, directory.size() - 2);
      if (is_absolute(directory)) add(std::string(directory) + '\\' + std::string(name));
    }
  return found;
}

/// The same with the host's PATH.
inline std::vector<std::string> candidates_here(std::string_view name) {
  return candidates(name, host_variable(L"PATH"));
}

inline bool is_directory(const std::wstring& path) {
  const DWORD about = ::GetFileAttributesW(path.c_str());
  return about != INVALID_FILE_ATTRIBUTES && (about & FILE_ATTRIBUTE_DIRECTORY) != 0;
}
inline bool is_program(const std::string& path) {
  const DWORD about = ::GetFileAttributesW(widen(path).c_str());
  return about != INVALID_FILE_ATTRIBUTES && (about & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

}  // namespace coproc::detail
