// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(_WIN32)
#include <coproc/detail/child_windows.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/child_posix.hpp>  // IWYU pragma: export
#endif

namespace coproc::detail {

/// Waits until the child has ended. Any number of coroutines may.
/// @return false: cancelled, or the child was given away.
inline awaitable<bool> wait_for_end(std::shared_ptr<child> who) {
  while (!who->ended() && !who->given_up()) {
    const auto wake = std::make_shared<wakeup>(co_await asio::this_coro::executor);
    asio::cancellation_signal stop;
    who->notify(wake, 1, stop.slot());
    const error_code error = co_await wake->wait();
    who->stop_notifying(stop);
    if (error && !who->ended()) co_return false;
  }
  co_return who->reaped();
}

}  // namespace coproc::detail
