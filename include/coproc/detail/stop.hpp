// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child.hpp>

namespace coproc::detail {

/// Waits until the child has ended, or until @p deadline. Error: cancelled.
inline awaitable<error_code> wait_until(std::shared_ptr<child> who,
                                        std::chrono::steady_clock::time_point deadline) {
  enum : unsigned { may_have_ended = 1, time_is_up = 2 };
  const auto executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<wakeup>(executor);
  asio::cancellation_signal stop_watching;
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([wake](error_code failure) {
    if (!failure) wake->notify(time_is_up);
  });
  error_code failure;
  bool armed = false;
  while (!who->ended() && !who->given_up() && !failure) {
    if (!armed) who->notify(wake, may_have_ended, stop_watching.slot());
    failure = co_await wake->wait();
    const unsigned bits = wake->take();
    if (bits & time_is_up) break;
    armed = !(bits & may_have_ended);
  }
  stop_watching.emit(asio::cancellation_type::terminal);
  if (who->given_up()) failure = asio::error::operation_aborted;
  co_return failure;
}

/// The ladder of process::stop.
inline awaitable<int> stop(std::shared_ptr<child> who, std::chrono::nanoseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::duration_cast<std::chrono::steady_clock::duration>(grace);
  who->send(SIGTERM, true);
  who->send(SIGCONT, true);
  error_code failure = co_await wait_until(who, deadline);
  // The rest of a group gives no notice of its end, so look now and then; this is rare.
  auto pause = std::chrono::milliseconds(1);
  while (!failure && who->ended() && who->group_alive() &&
         std::chrono::steady_clock::now() < deadline) {
    asio::steady_timer timer(co_await asio::this_coro::executor, pause);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable_t<>()));
    failure = error;
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
  if (!who->ended() || who->group_alive()) who->send(SIGKILL, true);
  if (!failure) {
    const bool ended = co_await child::wait(who);
    if (ended) co_return who->returncode();
  }
  throw cancelled_error("stop");
}

}  // namespace coproc::detail
