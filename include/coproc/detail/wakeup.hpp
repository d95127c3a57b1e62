// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <chrono>
#include <coproc/detail/config.hpp>
#include <memory>

namespace coproc::detail {

/// The moment @p time after @p start; the last one there is where that would be later.
inline std::chrono::steady_clock::time_point moment(std::chrono::steady_clock::time_point start,
                                                    std::chrono::nanoseconds time) {
  using clock = std::chrono::steady_clock;
  const auto length = std::chrono::ceil<clock::duration>(time);
  return length < clock::time_point::max() - start ? start + length : clock::time_point::max();
}

/// Lets one coroutine sleep until anything of a set of things has happened, on whatever thread:
/// each says which it is by a bit.
class wakeup {
 public:
  explicit wakeup(const asio::any_io_executor& executor) : channel_(executor, 1) {}

  /// Any thread.
  void notify(unsigned bits) {
    bits_.fetch_or(bits, std::memory_order_release);
    channel_.try_send(error_code());
  }

  /// The bits since the last call.
  unsigned take() { return bits_.exchange(0, std::memory_order_acquire); }

  /// Returns when there are bits to take, or at times without; error: cancelled.
  awaitable<error_code> wait() {
    if (bits_.load(std::memory_order_acquire) != 0) co_return error_code();
    const auto [error] = co_await channel_.async_receive(asio::as_tuple(asio::use_awaitable_t<>()));
    if (error) co_return error;
    // A cancellation that came when the wait had just succeeded: the next co_await would throw.
    const bool heeded = co_await asio::this_coro::throw_if_cancelled();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (!heeded || state.cancelled() == asio::cancellation_type::none) co_return error;
    co_return error_code(asio::error::operation_aborted);
  }

 private:
  std::atomic<unsigned> bits_ = 0;
  asio::experimental::concurrent_channel<void(error_code)> channel_;
};

/// While it is up, a cancelled coroutine may still co_await: for those that have to wait for others,
/// or to hand over what they have, before they pass a cancellation on. Put it down on every way out.
class shield {
 public:
  awaitable<void> up() {
    before_ = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
  }
  awaitable<void> down() { co_await asio::this_coro::throw_if_cancelled(before_); }

  /// Whether the coroutine has been cancelled. A cancellation that comes when a wait has already
  /// succeeded is seen nowhere else.
  static awaitable<bool> hit() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
  }

 private:
  bool before_ = true;
};

}  // namespace coproc::detail
