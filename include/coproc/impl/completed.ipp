// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/completed.hpp>
#include <coproc/detail/os/message_text.hpp>

namespace coproc {

COPROC_INLINE void completed::throw_exit_error() const {
  const bool unreachable = why == end_reason::unreachable;
  std::string text =
      to_string(command) + ": " + (unreachable ? "not reached" : describe(returncode));
  const std::string tail = detail::last_lines(dropped_end_.empty() ? err : dropped_end_);
  const bool one_line = tail.find('\n') == std::string::npos;
  if (!tail.empty()) text += (unreachable && one_line ? ": " : "\n") + tail;
  throw exit_error(returncode, std::move(text), *this, why, elapsed, usage);
}

}  // namespace coproc
