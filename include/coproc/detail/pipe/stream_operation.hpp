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
class stream_operation : public std::enable_shared_from_this<stream_operation> {
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
  virtual ~stream_operation() = default;

  void start() {
    if (busy_) result_ = asio::error::already_started;
    else guard_.emplace(busy_, "async operation");
    if (result_ || attempt(result_, count_) || !wait())
      asio::post(pipe_.executor(), [self = shared_from_this()] {  // not from within this call
        asio::dispatch(self->executor_, [self] { self->complete(); });
      });
  }

 protected:
  /// Transfers what goes without waiting. True: the operation is done, one way or the other.
  virtual bool attempt(error_code& result, std::size_t& count) = 0;
  /// False once this side has closed the stream.
  virtual bool is_open() const = 0;
  /// Called before each wait, with what will be woken. May throw an error.
  virtual void about_to_wait(const std::shared_ptr<event>&) {}
  /// Called before the handler.
  virtual void ended(const error_code&, std::size_t&) {}

 private:
  /// False: it cannot be waited for, and result_ says why.
  bool wait() {
    std::shared_ptr<event> wake;
    try {
      pipe_.registered();
      wake = std::make_shared<event>(pipe_.executor());
      about_to_wait(wake);
    } catch (const boost::system::system_error& e) {  // nothing may throw here
      result_ = e.code();
      return false;
    }
    const auto slot = asio::get_associated_cancellation_slot(handler_);
    wake->start_wait(
        asio::bind_cancellation_slot(slot,
                                     [self = shared_from_this(), wake](error_code failure) {
                                       asio::dispatch(self->executor_,
                                                      [self, failure] { self->woken(failure); });
                                     }),
        pipe_.executor());
    pipe_.notify(kind_, wake, 1);
    return true;
  }

  void woken(error_code failure) {
    if (failure) pipe_.cancel();
    else if (!is_open()) failure = asio::error::operation_aborted;
    result_ = failure;
    if (failure || attempt(result_, count_) || !wait()) complete();
  }

  void complete() {
    if (guard_) ended(result_, count_);
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
