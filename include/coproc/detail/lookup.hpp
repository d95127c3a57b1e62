// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(_WIN32)
#include <coproc/detail/lookup_windows.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/lookup_posix.hpp>  // IWYU pragma: export
#endif

#include <coproc/detail/options.hpp>
#include <optional>

namespace coproc {

/// The program that exec would run for this name, or nothing.
/// @param name with a `/` (on Windows also a `\`): that path; else looked up in the host's PATH (the
/// system's default path where PATH is unset), in absolute directories only. Directories and files
/// that this user may not execute are passed over. On Windows a name is looked up with .com, .exe, .bat
/// and .cmd, too.
/// @par Source Python's `shutil.which`, except for relative entries of PATH
inline std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) return std::nullopt;
  for (const std::string& candidate : detail::candidates_here(name))
    if (detail::is_program(candidate)) return detail::path_of(candidate);
  return std::nullopt;
}

}  // namespace coproc
