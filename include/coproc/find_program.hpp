// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/awaitable.hpp>
#include <filesystem>
#include <optional>
#include <string_view>

namespace coproc {

/// The program that exec would run for this name, or nothing.
/// @param name with a `/` (on Windows also a `\`): that path; else looked up in the host's PATH
/// (the system's default path where PATH is unset), in absolute directories only. Directories and
/// files that this user may not execute are passed over. On Windows a name is looked up with .com,
/// .exe, .bat and .cmd, too.
/// @source Python's `shutil.which`, except for relative entries of PATH
std::optional<std::filesystem::path> find_program(std::string_view name);

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/find_program.ipp>
#endif
