// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/cancellation_state.hpp>
#include <coproc/awaitable.hpp>
#include <coproc/outcome.hpp>
#include <exception>
#include <optional>
#include <tuple>

namespace coproc::detail {

/// Whether a cancellation came when a wait had just succeeded: the next co_await would throw.
/// @param heeded, state the two of asio::this_coro after the wait
inline bool missed_cancellation(bool heeded, const asio::cancellation_state& state) {
  return heeded && state.cancelled() != asio::cancellation_type::none;
}

/// Awaits a wait of Asio's whose result is a tuple. Where a cancellation came when it had just
/// succeeded, the error says so.
template <class... Results>
awaitable<std::tuple<error_code, Results...>> heeding(
    awaitable<std::tuple<error_code, Results...>> wait) {
  auto result = co_await std::move(wait);
  const bool heeded = co_await asio::this_coro::throw_if_cancelled();
  const auto state = co_await asio::this_coro::cancellation_state;
  if (missed_cancellation(heeded, state)) std::get<0>(result) = asio::error::operation_aborted;
  co_return result;
}

/// Whether a coroutine has been cancelled since this was made. A cancellation that comes when a
/// wait has already succeeded is seen nowhere else.
class cancellation_watch {
 public:
  /// @param state of the coroutine that keeps this: `co_await asio::this_coro::cancellation_state`
  explicit cancellation_watch(const asio::cancellation_state& state)
      : state_(state), before_(cancelled()) {}
  bool hit() const { return cancelled() != before_; }

 private:
  bool cancelled() const { return state_.cancelled() != asio::cancellation_type::none; }

  asio::cancellation_state state_;
  bool before_;
};

/// Runs a coroutine that may co_await although it has been cancelled, because it has to wait for
/// others, or to hand over what it has, before it passes the cancellation on.
template <class T>
awaitable<T> shielded(awaitable<T> task) {
  const bool before = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr failure;
  std::optional<no_void<T>> result;
  try {
    if constexpr (std::is_void_v<T>) co_await std::move(task);
    else result.emplace(co_await std::move(task));
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(before);
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

/// Counts the turns of a loop that may find work at every turn, so that everything else runs now
/// and then.
class yield_budget {
 public:
  /// True every @p often calls: yield then.
  bool spent(unsigned often = 32) { return ++turns_ % often == 0; }
  void waited() { turns_ = 0; }

 private:
  unsigned turns_ = 0;
};

}  // namespace coproc::detail
