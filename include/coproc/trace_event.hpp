// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <coproc/status.hpp>
#include <cstdint>
#include <string>

namespace coproc {

/// What a trace_event tells of.
enum class trace_kind {
  started,    ///< the child runs
  failed,     ///< the launch has failed: there is no child
  signalled,  ///< a signal has been sent to the child, or to the group that it leads
  ended,      ///< the child's end has been seen
  /// Its end will not be seen: its `process` was destroyed (after SIGKILL, of which is told, unless
  /// it was detached) or released.
  abandoned
};

/// What trace is told of. Of each launch there is one `failed`; or one `started`, any number of
/// `signalled`, and one `ended` or `abandoned`, of the same `id`. (`signalled` can come last: what
/// is left of a group is signalled after its leader's end.)
class trace_event {
 public:
  /// @private For the library's own use.
  trace_event(std::uint64_t launch, std::string text) : id(launch), command(std::move(text)) {}

  trace_kind kind = trace_kind::started;  ///< what has happened
  std::uint64_t id;                       ///< 1 for the first traced launch of the io_context, ...
  /// What is launched, after every intercept, as to_string of a command says it: secrets are `***`.
  std::string command;
  /// What carries it elsewhere, "ssh db1"; empty where it runs here. (Of a function that calls no
  /// ssh, inside or prefix nothing is known.)
  std::string via;
  int pid = -1;                          ///< the child's; -1 where none was started
  int signal = 0;                        ///< of `signalled`: its number
  int returncode = unknown_returncode;   ///< of `ended`: 0..255, or -N for signal N
  end_reason why = end_reason::unknown;  ///< of `ended`: exited, signalled, unreachable, unknown
  class usage usage;                     ///< of `ended`: CPU times and peak memory
  std::chrono::nanoseconds elapsed{};    ///< since just before the launch
  std::string error;                     ///< of `failed`: what the exception says
};

/// An event as one line, without a newline; control characters are escapes. It is what
/// `COPROC_TRACE=1` writes:
/// @code
/// + git log -1  (pid 4711)
/// ! git log -1: SIGTERM
/// - git log -1: killed by SIGTERM, 12 ms
/// - git log -1: abandoned, 12 ms
/// - nope: not started: nope: No such file or directory
/// - uptime via ssh db1: not reached, 12 ms
/// @endcode
std::string to_string(const trace_event& event);

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/trace_event.ipp>
#endif
