// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>
#include <coproc/detail/os/windows/command_line.hpp>
#include <coproc/detail/os/windows/lookup.hpp>

namespace coproc::detail {

inline std::string quoted_for_shell(const std::string& value) { return cmd_word(value); }

inline command run_by_shell(std::string script) {
  command shell(host_variable(L"COMSPEC").value_or("cmd.exe"), "/c", std::move(script));
  shell.options().raw_text = true;  // the launch says the rest
  return shell;
}

}  // namespace coproc::detail
