// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>

namespace coproc::detail {

/// A value as one word of a shell's text.
inline std::string quoted_for_shell(const std::string& value) { return quote(value); }

/// The command that runs a text by the shell.
inline command run_by_shell(const std::string& script) {
  // A text that starts as an option would must not be taken for one.
  const bool option_like = script.starts_with('-') || script.starts_with('+');
  command shell("/bin/sh", "-c");
  if (option_like) shell = command(shell, "--");
  return command(shell, script);
}

}  // namespace coproc::detail
