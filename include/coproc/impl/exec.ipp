// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child/child_streams.hpp>
#include <coproc/exec.hpp>

namespace coproc::detail {

/// Launches a command for exec, which has no use for what is capture's.
COPROC_INLINE process start_process(const asio::any_io_executor& executor, const command& program) {
  const options& chosen = program.options();
  if (chosen.timeout || chosen.idle_timeout || chosen.grace || chosen.input ||
      chosen.retry.attempts > 1)
    throw std::invalid_argument(
        "coproc: timeout, idle_timeout, grace, input and retry are for capture; with exec and "
        "shell "
        "use wait_for, stop, the streams and communicate");
  return process(launch_with_hooks(executor, program));
}

COPROC_ON_USE awaitable<process> start(command program) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_return start_process(executor, program);
}

}  // namespace coproc::detail
