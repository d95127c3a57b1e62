// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/completed.hpp>
#include <coproc/detail/os/message_text.hpp>

namespace coproc {

COPROC_INLINE void completed::throw_exit_error() const {
  std::string text = to_string(command) + ": " + describe(returncode);
  const std::string tail = detail::last_lines(dropped_end_.empty() ? err : dropped_end_);
  if (!tail.empty()) text += '\n' + tail;
  throw exit_error(returncode, std::move(text), *this, why, elapsed, usage);
}

}  // namespace coproc
