// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <coproc/detail/descriptor.hpp>
#include <coproc/detail/wakeup.hpp>
#include <coproc/error.hpp>
#include <optional>
#include <tuple>

namespace coproc::detail {

/// Runs a handler where the reactor has found it, at once: for those that are bound to an executor
/// of their own, or only dispatch to one. With a type-erased executor each wait allocates a few
/// times, and on a strand takes it twice.
class reactor_executor {
 public:
  /// @param home of the descriptor, which may only go together with that: it is looked at while a
  /// wait begins
  explicit reactor_executor(const asio::any_io_executor* home) noexcept : home_(home) {}

  template <class Function>
  void execute(Function function) const {
    function();
  }
  asio::execution_context& query(asio::execution::context_t) const {
    return asio::query(*home_, asio::execution::context);
  }
  /// For a wait that ends while it begins.
  asio::any_io_executor require(asio::execution::blocking_t::never_t never) const {
    return asio::require(*home_, never);
  }
  friend bool operator==(const reactor_executor&, const reactor_executor&) = default;

 private:
  const asio::any_io_executor* home_;
};

/// A descriptor of ours, registered with its context's reactor at the first wait, and still ours
/// when the context has gone.
class watched_fd final : private context_bound {
 public:
  using descriptor = asio::posix::basic_stream_descriptor<reactor_executor>;

  /// @param executor empty when the context has gone: then nothing can be waited for
  watched_fd(const asio::any_io_executor& executor, unique_fd fd)
      : fd_(std::move(fd)), executor_(executor) {
    if (executor) bind(executor);
  }
  ~watched_fd() { close(); }

  int get() const noexcept { return fd_.get(); }
  /// Empty when the context has gone.
  const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// For waits, and for read().
  descriptor& registered() {
    if (!executor_ || !fd_) throw cancelled_error("wait for a closed descriptor");
    // The first of a context needs descriptors of its own, and throws where there are none left.
    if (!registered_) registered_.emplace(reactor_executor(&executor_));
    if (!registered_->is_open()) registered_->assign(fd_.get());
    return *registered_;
  }

  /// The same for where nothing may throw: null, and @p failure says why.
  descriptor* registered(error_code& failure) {
    try {
      return &registered();
    } catch (const boost::system::system_error& e) {
      failure = e.code();
      return nullptr;
    }
  }

  /// Ends all waits on it, as cancelled.
  void cancel() {
    error_code ignored;
    if (registered_) registered_->cancel(ignored);
  }

  /// Ends all waits on it, as cancelled, and takes the descriptor away.
  unique_fd release() {
    release_registered();
    return std::move(fd_);
  }
  void close() { release(); }

  /// Waits until the descriptor takes bytes. Error: cancelled, or closed; whoever awaits it looks for
  /// a missed_cancellation() too. (No coroutine of its own: this is waited for at each turn.)
  awaitable<std::tuple<error_code>> writable() {
    return registered().async_wait(asio::posix::descriptor_base::wait_write,
                                   asio::as_tuple(asio::use_awaitable_t<>()));
  }

  /// Waits for bytes, or the end, and reads into @p room, which must stay until then: that costs less
  /// than to wait and then read. Where it has read something, that counts, whatever the error.
  awaitable<std::tuple<error_code, std::size_t>> read(asio::mutable_buffer room) {
    return registered().async_read_some(room, asio::as_tuple(asio::use_awaitable_t<>()));
  }

  /// Notifies @p target with @p bit when the descriptor is ready, or no more waited for.
  void notify(asio::posix::descriptor_base::wait_type kind, std::shared_ptr<wakeup> target,
              unsigned bit) {
    registered().async_wait(
        kind, [target = std::move(target), bit](error_code) { target->notify_now(bit); });
  }

 private:
  void release_registered() {
    if (registered_ && registered_->is_open()) registered_->release();
  }

  void context_gone(std::vector<wait_handler>&) override {
    release_registered();
    registered_.reset();
    executor_ = asio::any_io_executor();
  }

  unique_fd fd_;
  asio::any_io_executor executor_;  // empty when the context has gone
  // Made at the first wait. In place, not allocated: the cancellation slot of a wait that close()
  // has ended may still refer to it until its coroutine goes on.
  std::optional<descriptor> registered_;
};

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
