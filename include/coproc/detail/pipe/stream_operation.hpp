// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <coproc/detail/os/os.hpp>
#include <coproc/detail/pipe/busy_guard.hpp>
#include <memory>
#include <optional>

namespace coproc::detail {

using transfer_handler = asio::any_completion_handler<void(error_code, std::size_t)>;

/// One async_read_some or async_write_some: an attempt that is repeated each time the pipe end is
/// ready. Misuse is an error code here, since Asio loses a coroutine where an operation throws as
/// it begins.
/// @tparam Operation derives from this, and says how to attempt(), whether the stream is_open(),
/// and what is to be done when it is about_to_wait() and when it has ended(). (No virtual
/// functions: who calls neither of the two has none of this to compile.)
template <class Operation>
class stream_operation : public std::enable_shared_from_this<Operation> {
 public:
  /// @param stream that owns @p pipe and @p busy, and whose context is there
  stream_operation(std::shared_ptr<void> stream, async_pipe_end& pipe,
                   async_pipe_end::wait_type kind, bool& busy, transfer_handler handler)
      : stream_(std::move(stream)),
        pipe_(pipe),
        kind_(kind),
        busy_(busy),
        handler_(std::move(handler)),
        executor_(asio::prefer(asio::get_associated_executor(handler_, pipe.executor()),
                               asio::execution::outstanding_work.tracked)) {}
  stream_operation(const stream_operation&) = delete;
  stream_operation& operator=(const stream_operation&) = delete;

  void start() {
    if (busy_) result_ = asio::error::already_started;
    else guard_.emplace(busy_, "async operation");
    if (result_ || derived().attempt(result_, count_) || !wait())
      asio::post(pipe_.executor(), [self = this->shared_from_this()] {  // not from within this call
        asio::dispatch(self->executor_, [self] { self->complete(); });
      });
  }

 private:
  Operation& derived() { return static_cast<Operation&>(*this); }

  /// False: it cannot be waited for, and result_ says why.
  bool wait() {
    std::shared_ptr<event> wake;
    try {
      pipe_.registered();
      wake = std::make_shared<event>(pipe_.executor());
      derived().about_to_wait(wake);
    } catch (const boost::system::system_error& e) {  // nothing may throw here
      result_ = e.code();
      return false;
    }
    const auto slot = asio::get_associated_cancellation_slot(handler_);
    wake->start_wait(
        asio::bind_cancellation_slot(slot,
                                     [self = this->shared_from_this(), wake](error_code failure) {
                                       asio::dispatch(self->executor_,
                                                      [self, failure] { self->woken(failure); });
                                     }),
        pipe_.executor());
    pipe_.notify(kind_, wake, 1);
    return true;
  }

  void woken(error_code failure) {
    if (failure) pipe_.cancel();
    else if (!derived().is_open()) failure = asio::error::operation_aborted;
    result_ = failure;
    if (failure || derived().attempt(result_, count_) || !wait()) complete();
  }

  void complete() {
    if (guard_) derived().ended(result_, count_);
    guard_.reset();
    std::move(handler_)(result_, count_);
  }

  std::shared_ptr<void> stream_;  // goes last: the guard below looks at it
  async_pipe_end& pipe_;
  async_pipe_end::wait_type kind_;
  bool& busy_;
  std::optional<busy_guard> guard_;
  transfer_handler handler_;
  asio::any_completion_executor executor_;  // of the handler
  error_code result_;
  std::size_t count_ = 0;
};

}  // namespace coproc::detail
