// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <chrono>
#include <coproc/detail/context.hpp>
#include <functional>
#include <memory>
#include <mutex>

namespace coproc::detail {

/// The moment @p time after @p start; the last one there is where that would be later.
inline std::chrono::steady_clock::time_point moment(std::chrono::steady_clock::time_point start,
                                                    std::chrono::nanoseconds time) {
  using clock = std::chrono::steady_clock;
  const auto length = std::chrono::ceil<clock::duration>(time);
  return length < clock::time_point::max() - start ? start + length : clock::time_point::max();
}

/// Whether a cancellation came when a wait had just succeeded: the next co_await would throw.
/// @param heeded, state the two of asio::this_coro after the wait
inline bool missed_cancellation(bool heeded, const asio::cancellation_state& state) {
  return heeded && state.cancelled() != asio::cancellation_type::none;
}

/// Lets one coroutine sleep until anything of a set of things has happened, on whatever thread:
/// each says which it is by a bit.
class wakeup final : public std::enable_shared_from_this<wakeup>, private context_bound {
 public:
  /// @param executor of the context in which coroutines will wait
  explicit wakeup(const asio::any_io_executor& executor) { bind(executor); }

  /// Any thread. The coroutine goes on later.
  void notify(unsigned bits) {
    bits_.fetch_or(bits, std::memory_order_release);
    end_wait(error_code(), false);
  }
  /// For a handler that does nothing after it: the coroutine goes on from within this call, where
  /// its executor allows that, and not by another turn of the loop.
  void notify_now(unsigned bits) {
    bits_.fetch_or(bits, std::memory_order_release);
    end_wait(error_code(), true);
  }

  /// The bits since the last call.
  unsigned take() { return bits_.exchange(0, std::memory_order_acquire); }

  /// Returns when there are bits to take, or at times without; error: cancelled.
  /// @param enough asked where the coroutine runs, in its place; it sleeps on while that says false
  awaitable<error_code> wait(std::function<bool()> enough = nullptr) {
    if (bits_.load(std::memory_order_acquire) != 0) co_return error_code();
    enough_ = std::move(enough);
    const asio::any_io_executor here = co_await asio::this_coro::executor;
    constexpr auto token = asio::as_tuple(asio::use_awaitable_t<>());
    const auto start = [this, &here](auto handler) { start_wait(std::move(handler), here); };
    const auto [error] =
        co_await asio::async_initiate<decltype(token), void(error_code)>(start, token);
    const bool heeded = co_await asio::this_coro::throw_if_cancelled();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (error || !missed_cancellation(heeded, state)) co_return error;
    co_return error_code(asio::error::operation_aborted);
  }

  /// The same for a handler in the place of a coroutine.
  /// @param here its executor
  void start_wait(wait_handler handler, const asio::any_io_executor& here) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected())
      slot.assign([weak = weak_from_this()](asio::cancellation_type) {
        const auto self = weak.lock();
        if (self) self->end_wait(asio::error::operation_aborted, false);
      });
    sleep(std::move(handler), here);
  }

 private:
  void sleep(wait_handler handler, const asio::any_io_executor& here) {
    // Once the handler is in its place another thread may resume the coroutine, which has this object.
    const auto self = shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      executor_ = here;
      waiting_.swap(handler);  // the move assignment of Boost 1.81 recurses for ever
    }
    if (bits_.load(std::memory_order_acquire) != 0) end_wait(error_code(), false);
  }

  void end_wait(error_code result, bool now) {
    wait_handler handler;
    asio::any_io_executor executor;
    {
      const std::lock_guard lock(mutex_);
      handler.swap(waiting_);
      if (!handler) return;
      executor.swap(executor_);
    }
    // Of what is captured the handler keeps all the rest, being the coroutine.
    auto complete = [this, executor, handler = std::move(handler), result]() mutable {
      if (!result && enough_ && !enough_()) return sleep(std::move(handler), executor);
      std::move(handler)(result);
    };
    if (now) asio::dispatch(executor, std::move(complete));
    else asio::post(executor, std::move(complete));
  }

  void context_gone(std::vector<wait_handler>& waiting) override {
    const std::lock_guard lock(mutex_);
    waiting.emplace_back().swap(waiting_);
    executor_ = asio::any_io_executor();
  }

  asio::any_io_executor executor_;  // of the coroutine that waits
  std::atomic<unsigned> bits_ = 0;
  std::mutex mutex_;
  wait_handler waiting_;
  std::function<bool()> enough_;  // for the coroutine and in its place only
};

void context_service::cleanup_finished(std::uint64_t number) {
  std::vector<std::shared_ptr<wakeup>> clean;  // notified without the lock, which their end takes
  {
    const std::lock_guard lock(mutex_);
    cleanups_.erase(number);
    std::erase_if(waiting_, [&](auto& waiting) {
      const bool done = clean_up_to(waiting.first);
      if (done) clean.push_back(std::move(waiting.second));
      return done;
    });
    if (cleanups_.empty()) {
      // Within run(): work that ends outside of it would stop a context that nobody runs just now.
      asio::post(*work_, [] {});
      work_.reset();
    }
  }
  for (const auto& one : clean) one->notify(1);
}

/// While it is up, a cancelled coroutine may still co_await: for those that have to wait for others,
/// or to hand over what they have, before they pass a cancellation on. Put it down on every way out.
class shield {
 public:
  awaitable<void> up() {
    before_ = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
  }
  awaitable<void> down() { co_await asio::this_coro::throw_if_cancelled(before_); }

 private:
  bool before_ = true;
};

/// Whether a coroutine has been cancelled since this was made. A cancellation that comes when a
/// wait has already succeeded is seen nowhere else.
class cancellation_watch {
 public:
  /// @param state of the coroutine that keeps this: `co_await asio::this_coro::cancellation_state`
  explicit cancellation_watch(const asio::cancellation_state& state)
      : state_(state), before_(now()) {}
  bool hit() const { return now() != before_; }

 private:
  bool now() const { return state_.cancelled() != asio::cancellation_type::none; }

  asio::cancellation_state state_;
  bool before_;
};

/// Waits until the children that were killed on behalf of this context have been reaped; for no
/// later ones, of which there may always be some. For a coroutine with its shield up.
inline awaitable<void> wait_until_clean() {
  const auto executor = co_await asio::this_coro::executor;
  const std::uint64_t number = context_service::of(executor).cleaning();
  if (number == 0) co_return;
  const auto wake = std::make_shared<wakeup>(executor);
  while (context_service::of(executor).notify_when_clean(number, wake)) {
    co_await wake->wait();
    wake->take();
  }
}

}  // namespace coproc::detail
