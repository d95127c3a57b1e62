// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <coproc/detail/config.hpp>
#include <memory>

namespace coproc::detail {

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
    co_return error;
  }

 private:
  std::atomic<unsigned> bits_ = 0;
  asio::experimental::concurrent_channel<void(error_code)> channel_;
};

}  // namespace coproc::detail
