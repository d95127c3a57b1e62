// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/exec.hpp>

namespace coproc {

/// Runs a text by `/bin/sh -c`: `co_await shell("ls -l | head", std_out = piped)`.
///
/// Never put a value of unknown origin into the text: it would be code. Use exec, or quote().
/// @return the running shell. What the shell cannot find is not an error here: its returncode is
/// then 127, and its stderr says why.
/// @throws launch_error if the shell itself cannot be started
/// @par Source asyncio.create_subprocess_shell
/// @par Example examples/shell_command.cpp
template <class... Keywords>
  requires(detail::is_setting<std::remove_cvref_t<Keywords>> && ...)
awaitable<process> shell(std::string_view text, Keywords&&... keywords) {
  // A text that starts as an option would must not be taken for one.
  if (text.starts_with('-') || text.starts_with('+'))
    return detail::start(command("/bin/sh", "-c", "--", text, keywords...));
  return detail::start(command("/bin/sh", "-c", text, keywords...));
}

}  // namespace coproc
