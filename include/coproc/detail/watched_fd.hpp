// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(_WIN32)
#include <coproc/detail/watched_fd_windows.hpp>  // IWYU pragma: export
#else
#include <coproc/detail/watched_fd_posix.hpp>  // IWYU pragma: export
#endif

namespace coproc::detail {

/// For loops that may find work at every turn: lets everything else run now and then.
class fairness {
 public:
  /// True every @p often calls: yield then.
  bool due(unsigned often = 32) { return ++turns_ % often == 0; }
  void waited() { turns_ = 0; }

 private:
  unsigned turns_ = 0;
};

/// Goes once around the event loop. False: the coroutine has been cancelled.
inline awaitable<bool> yield_to_others() {
  co_await asio::post(asio::use_awaitable_t<>());
  const bool heeded = co_await asio::this_coro::throw_if_cancelled();
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return !heeded || state.cancelled() == asio::cancellation_type::none;
}

}  // namespace coproc::detail
