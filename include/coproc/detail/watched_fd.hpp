// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/descriptor.hpp>
#include <coproc/detail/wakeup.hpp>
#include <coproc/error.hpp>
#include <variant>

namespace coproc::detail {

/// A descriptor of ours, registered with its context's reactor at the first wait, and still ours
/// when the context has gone.
class watched_fd final : private context_bound {
 public:
  using descriptor = asio::posix::stream_descriptor;

  /// @param executor empty when the context has gone: then nothing can be waited for
  watched_fd(const asio::any_io_executor& executor, unique_fd fd)
      : fd_(std::move(fd)), registered_(executor) {
    if (executor) bind(executor);
  }
  ~watched_fd() { close(); }

  int get() const noexcept { return fd_.get(); }
  /// Empty when the context has gone.
  const asio::any_io_executor& executor() noexcept {
    auto* const made = std::get_if<descriptor>(&registered_);
    return made != nullptr ? made->get_executor() : *std::get_if<asio::any_io_executor>(&registered_);
  }

  /// For waits only.
  descriptor& registered() {
    if (!executor() || !fd_) throw cancelled_error("wait for a closed descriptor");
    // The first of a context needs descriptors of its own, and throws where there are none left.
    if (std::holds_alternative<asio::any_io_executor>(registered_))
      registered_ = descriptor(asio::any_io_executor(executor()));
    auto& made = std::get<descriptor>(registered_);
    if (!made.is_open()) made.assign(fd_.get());
    return made;
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
    if (auto* const made = std::get_if<descriptor>(&registered_)) made->cancel(ignored);
  }

  /// Ends all waits on it, as cancelled, and takes the descriptor away.
  unique_fd release() {
    release_registered();
    return std::move(fd_);
  }
  void close() { release(); }

  /// `co_await fd.ready(kind)`: waits until the descriptor is ready. Error: cancelled, or closed.
  awaitable<error_code> ready(asio::posix::descriptor_base::wait_type kind) {
    const auto [error] =
        co_await registered().async_wait(kind, asio::as_tuple(asio::use_awaitable_t<>()));
    if (error) co_return error;
    // A cancellation that came when the wait had just succeeded: the next co_await would throw.
    const bool heeded = co_await asio::this_coro::throw_if_cancelled();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (!heeded || state.cancelled() == asio::cancellation_type::none) co_return error;
    co_return error_code(asio::error::operation_aborted);
  }

  /// Notifies @p target with @p bit when the descriptor is ready, or no more waited for.
  void notify(asio::posix::descriptor_base::wait_type kind, std::shared_ptr<wakeup> target,
              unsigned bit) {
    registered().async_wait(
        kind, [target = std::move(target), bit](error_code) { target->notify_now(bit); });
  }

 private:
  void release_registered() {
    auto* const made = std::get_if<descriptor>(&registered_);
    if (made != nullptr && made->is_open()) made->release();
  }

  void context_gone(std::vector<wait_handler>&) override {
    release_registered();
    registered_ = asio::any_io_executor();
  }

  unique_fd fd_;
  // The executor until there is a wait; an empty one when the context has gone. In place, not
  // allocated: the cancellation slot of a wait that close() has ended may still refer to it until
  // its coroutine goes on.
  std::variant<asio::any_io_executor, descriptor> registered_;
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
