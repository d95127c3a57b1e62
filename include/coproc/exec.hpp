// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>
#include <coproc/process.hpp>

namespace coproc {
namespace detail {

COPROC_ON_USE awaitable<process> start(command program);

}  // namespace detail

/// Starts a program, without a shell: `co_await exec("git", "log", "-1", cwd = repo, std_out =
/// piped)`. Takes a `command`, or what makes one.
/// @return the running child; its streams are driven by the awaiting coroutine's executor
/// @throws launch_error if it cannot be started; then nothing is left behind: no child, no zombie,
/// no descriptor
/// @cancellation None: it does not wait. (The calling thread is busy until the kernel has
/// loaded the program, some hundred microseconds whatever the size of this process.)
/// @source asyncio.create_subprocess_exec
/// @shown{basic_exec.cpp}
template <class... Arguments>
awaitable<process> exec(Arguments&&... arguments) {
  static_assert(sizeof...(Arguments) > 0, "coproc: exec needs a program, or a command");
  detail::refuse_for_capture<Arguments...>();
  return detail::start(command(std::forward<Arguments>(arguments)...));
}

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/exec.ipp>
#endif
