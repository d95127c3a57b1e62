// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/keywords/options.hpp>
#include <coproc/detail/os/windows/command_line.hpp>
#include <coproc/detail/os/windows/lookup.hpp>

namespace coproc::detail {

inline std::string quoted_for_shell(const std::string& value) { return cmd_word(value); }

inline std::vector<std::string> shell_words_of(std::string script, options& chosen) {
  chosen.raw_text = true;  // the launch says the rest
  return {host_variable(L"COMSPEC").value_or("cmd.exe"), "/c", std::move(script)};
}

}  // namespace coproc::detail
