// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child/child_streams.hpp>
#include <coproc/exec.hpp>

namespace coproc::detail {

/// Refuses what is capture's.
COPROC_INLINE void check_for_exec(const command& program) {
  const options& chosen = program.options();
  const auto refuse = [&](bool said, const char* keyword, const char* instead) {
    if (said)
      throw std::invalid_argument("coproc: exec: '" + to_string(program) + "' has " + keyword +
                                  ", which is for capture; " + instead);
  };
  refuse(chosen.timeout || chosen.idle_timeout, chosen.timeout ? "timeout" : "idle_timeout",
         "here wait_for and stop bound the time");
  refuse(chosen.grace.has_value(), "grace", "stop takes it");
  refuse(chosen.input.has_value(), "input", "communicate and std_in().write take it");
  refuse(chosen.retry.attempts > 1, "retry", "exec it again");
}

COPROC_INLINE process start_process(const asio::any_io_executor& executor, const command& program) {
  return process(launch_with_hooks(executor, program));
}

COPROC_ON_USE awaitable<process> start(command program) {
  check_for_exec(program);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_return start_process(executor, program);
}

}  // namespace coproc::detail
