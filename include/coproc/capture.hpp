// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/completed.hpp>
#include <coproc/detail/capture.hpp>

namespace coproc {

/// Runs a command to its end and returns all there is to know of it:
/// `auto done = co_await capture("git", "status", cwd = repo, timeout = 10s);`
///
/// Takes a `command`, or what makes one. Where the keywords do not say otherwise stdin is `devnull`
/// and both outputs are captured. A returncode other than 0 is no error here; `.check()` makes it
/// one. If the child ends while somebody else, a grandchild, keeps a pipe open, what is in it is
/// returned when it has been silent for 250 ms, with `pipe_still_open` set.
/// @return completed
/// @throws launch_error; timeout_error when `timeout` or `idle_timeout` has passed; limit_error
/// when there is more than `max_output`; cancelled_error. The last three after the child, and its
/// group if it leads one, has been ended as by process::stop (SIGTERM, `grace`, SIGKILL) and
/// reaped; they carry the output until then. An end in the very moment of the timeout is an end.
/// @par Cancellation All types: ends the child as above, then throws; a second cancellation sends
/// SIGKILL at once.
/// @par Source Python's subprocess.run, with capture_output=True
/// @par Example examples/capture.cpp
template <class... Arguments>
awaitable<completed> capture(Arguments&&... arguments) {
  return detail::capture(command(std::forward<Arguments>(arguments)...));
}

/// Captures each command of a range: `co_await gather(commands, concurrency = 8, timeout = 1min)`.
///
/// Keywords of commands, `retry` among them, apply to each, over what its own say. As many as there
/// are processors run at once, where `concurrency` does not say otherwise; fewer where descriptors
/// run short (near RLIMIT_NOFILE), which then is no failure.
/// @return a vector of `completed`, in the order of the range; with `return_exceptions = true` of
/// `outcome<completed>`
/// @par Cancellation As for gather and capture.
template <std::ranges::input_range Range, class... Keywords>
  requires std::same_as<std::ranges::range_value_t<Range>, command>
auto gather(Range&& range, Keywords&&... keywords) {
  auto jobs = detail::captures_of<Range>(std::forward<Range>(range), keywords...);
  return detail::gather_range<decltype(jobs)>(std::move(jobs), detail::default_concurrency(),
                                              keywords...);
}

}  // namespace coproc
