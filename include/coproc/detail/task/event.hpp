// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <coproc/detail/task/cancellation.hpp>
#include <coproc/detail/task/context.hpp>
#include <coproc/detail/task/time.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <new>

namespace coproc::detail {

/// Lets one coroutine sleep until any of a set of things has happened, on whatever thread. Each
/// thing is a bit.
class event final : public std::enable_shared_from_this<event>, private context_member {
 public:
  /// @param executor of the context in which coroutines will wait
  explicit event(const asio::any_io_executor& executor) { join_context(executor); }

  /// Sets @p bits, from any thread. The coroutine goes on later.
  void notify(unsigned bits) {
    bits_.fetch_or(bits, std::memory_order_release);
    end_wait(error_code(), false);
  }
  /// The same for a handler that does nothing after it: the coroutine goes on from within this
  /// call, where its executor allows that, and not by another turn of the loop.
  void notify_now(unsigned bits) {
    bits_.fetch_or(bits, std::memory_order_release);
    end_wait(error_code(), true);
  }

  /// The bits since the last call.
  unsigned take() { return bits_.exchange(0, std::memory_order_acquire); }

  /// Returns when there are bits to take, or at times without any. Error: cancelled.
  /// @param go_on is asked where the coroutine runs, in its place. It sleeps on while that says
  /// false.
  COPROC_ON_USE awaitable<error_code> wait(std::function<bool()> go_on = nullptr) {
    go_on_ = std::move(go_on);
    return suspend(false);
  }

  /// Goes once around the event loop. Error: cancelled.
  /// @param bit that will be among those to take
  COPROC_ON_USE awaitable<error_code> yield(unsigned bit = 1) {
    bits_.fetch_or(bit, std::memory_order_release);
    go_on_ = nullptr;
    return suspend(true);
  }

  /// The same for a handler in place of a coroutine.
  /// @param executor of the handler
  void start_wait(wait_handler handler, const asio::any_io_executor& executor) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected())
      slot.assign([weak = weak_from_this()](asio::cancellation_type) {
        const auto self = weak.lock();
        if (!self) return;
        ++self->cancellations_;
        self->end_wait(asio::error::operation_aborted, false);
      });
    sleep(std::move(handler), executor);
  }

  /// Whoever holds this keeps the coroutine that waits here from being destroyed with the context,
  /// until it is let go.
  std::shared_ptr<wait_handler> keeper() {
    std::shared_ptr<wait_handler> kept = keeper_.lock();
    if (!kept) keeper_ = kept = std::make_shared<wait_handler>();
    return kept;
  }

  /// How many cancellations have come since the first wait, also between two waits. A coroutine
  /// that has been cancelled once learns of a second cancellation nowhere else.
  unsigned cancellations() const { return cancellations_.load(); }

 private:
  /// @param always even where there are bits to take
  COPROC_ON_USE awaitable<error_code> suspend(bool always) {
    if (!always && bits_.load(std::memory_order_acquire) != 0) co_return error_code();
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    constexpr auto token = asio::as_tuple(asio::use_awaitable_t<>());
    const auto start = [this, &executor](auto handler) {
      start_wait(std::move(handler), executor);
    };
    const auto [error] =
        co_await asio::async_initiate<decltype(token), void(error_code)>(start, token);
    const bool heeded = co_await asio::this_coro::throw_if_cancelled();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (missed_cancellation(heeded, state)) co_return error_code(asio::error::operation_aborted);
    co_return error;
  }

  void sleep(wait_handler handler, const asio::any_io_executor& executor) {
    // Once the handler is in its place another thread may resume the coroutine, which owns this.
    const auto self = shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      executor_ = executor;
      waiting_.swap(handler);  // the move assignment of Boost 1.81 recurses for ever
    }
    if (bits_.load(std::memory_order_acquire) != 0) end_wait(error_code(), false);
  }

  /// The handler stays here until it is called: where there is no memory now, or the context goes,
  /// it is not lost.
  void end_wait(error_code result, bool at_once) {
    asio::any_io_executor executor;
    {
      const std::lock_guard lock(mutex_);
      if (!waiting_ || ending_) return;
      ending_ = true;
      result_ = result;
      executor = executor_;
    }
    try {
      auto complete = [self = shared_from_this()] { self->complete(); };
      if (at_once) asio::dispatch(executor, std::move(complete));
      else asio::post(executor, std::move(complete));
    } catch (const std::bad_alloc&) {
      const std::lock_guard lock(mutex_);
      ending_ = false;
      throw;
    }
  }

  void complete() {
    wait_handler handler;
    asio::any_io_executor executor;
    error_code result;
    {
      const std::lock_guard lock(mutex_);
      handler.swap(waiting_);
      executor.swap(executor_);
      result = result_;
      ending_ = false;
    }
    if (!handler) return;  // the context has gone
    if (!result && go_on_ && !go_on_()) return sleep(std::move(handler), executor);
    std::move(handler)(result);
  }

  void context_gone(std::vector<wait_handler>& waiting) override {
    const std::lock_guard lock(mutex_);
    const auto kept = keeper_.lock();
    (kept ? *kept : waiting.emplace_back()).swap(waiting_);
    executor_ = asio::any_io_executor();
  }

  asio::any_io_executor executor_;  // of the coroutine that waits
  std::atomic<unsigned> bits_ = 0, cancellations_ = 0;
  std::mutex mutex_;
  wait_handler waiting_;
  error_code result_;    // what it will be called with
  bool ending_ = false;  // it is about to be called
  std::weak_ptr<wait_handler> keeper_;
  std::function<bool()> go_on_;  // called where the coroutine runs, and nowhere else
};

/// A timer that notifies an event.
class event_timer {
 public:
  explicit event_timer(const asio::any_io_executor& executor) : timer_(executor) {}

  /// Notifies @p target with @p bit at that time, and not at the one that was set before.
  void set(steady_time time, std::shared_ptr<event> target, unsigned bit) {
    timer_.expires_at(time);
    timer_.async_wait([target = std::move(target), bit](error_code failure) {
      if (!failure) target->notify_now(bit);
    });
  }
  bool passed() const { return timer_.expiry() <= std::chrono::steady_clock::now(); }

 private:
  asio::steady_timer timer_;
};

/// Sleeps for that time. False: cancelled.
COPROC_ON_USE inline awaitable<bool> sleep_for(std::chrono::nanoseconds time) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<event>(executor);
  event_timer timer(executor);
  timer.set(deadline_in(time), wake, 1);
  error_code failure;
  while (!failure && wake->take() == 0) failure = co_await wake->wait();
  co_return !failure && wake->cancellations() == 0;
}

/// Goes once around the event loop. False: the coroutine has been cancelled.
COPROC_ON_USE inline awaitable<bool> yield_to_others() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<event>(executor);
  const error_code cancelled = co_await wake->yield();
  co_return !cancelled && wake->cancellations() == 0;
}

/// Waits until the children that were killed on behalf of this context have been reaped; not for
/// later ones, of which there may always be some. For a coroutine that is shielded.
COPROC_ON_USE inline awaitable<void> wait_until_clean() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  context_service& service = context_service::of(executor);
  const std::uint64_t number = service.last_cleanup();
  if (number == 0) co_return;
  const auto wake = std::make_shared<event>(executor);
  while (service.notify_when_clean(number, [wake] { wake->notify(1); })) {
    co_await wake->wait();
    wake->take();
  }
}

}  // namespace coproc::detail
