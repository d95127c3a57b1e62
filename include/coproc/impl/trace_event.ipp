// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/message_text.hpp>
#include <coproc/trace_event.hpp>

namespace coproc {

COPROC_INLINE std::string to_string(const trace_event& event) {
  std::string name = detail::one_line(event.command);
  if (!event.via.empty()) name += " via " + detail::one_line(event.via);
  if (event.kind == trace_kind::started)
    return "+ " + name + "  (pid " + std::to_string(event.pid) + ')';
  if (event.kind == trace_kind::signalled) return "! " + name + ": " + signal_name(event.signal);
  if (event.kind == trace_kind::failed)
    return "- " + name + ": not started: " + detail::one_line(event.error);
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(event.elapsed);
  const std::string end = event.kind != trace_kind::ended        ? "abandoned"
                          : event.why == end_reason::unreachable ? "not reached"
                                                                 : describe(event.returncode);
  return "- " + name + ": " + end + ", " + std::to_string(time.count()) + " ms";
}

}  // namespace coproc
