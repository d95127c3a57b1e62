// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <coproc/detail/os/inline_executor.hpp>
#include <coproc/detail/os/posix/calls.hpp>
#include <coproc/detail/task/event.hpp>
#include <coproc/error.hpp>
#include <optional>
#include <tuple>
#include <vector>

namespace coproc::detail {

/// writev() that gives EPIPE without SIGPIPE, whatever the host does with that signal. Where the
/// system has no call for that, the signal is blocked in this thread meanwhile, and taken back if
/// the write has raised it.
inline ssize_t write_without_sigpipe(int fd, const iovec* bytes, int count) {
  static std::atomic<bool> in_one_call = true;
  if (in_one_call.load(std::memory_order_relaxed)) {
    const ssize_t written = calls::write_no_signal(fd, bytes, count);
    if (written >= 0 || errno == EAGAIN || errno == EPIPE || errno == EIO) return written;
    if (errno != EINTR) in_one_call.store(false, std::memory_order_relaxed);
  }
  sigset_t sigpipe, before, waiting;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  bool pending = false;
  if (sigismember(&before, SIGPIPE) == 1) {  // only then can there be one that is not ours
    ::sigpending(&waiting);
    pending = sigismember(&waiting, SIGPIPE) == 1;
  }
  ssize_t written;
  do written = ::writev(fd, bytes, count);
  while (written < 0 && errno == EINTR);
  const int error = errno;
  if (written < 0 && error == EPIPE) {
#if defined(__APPLE__)  // has no sigtimedwait
    int number = 0;
    ::sigpending(&waiting);
    if (sigismember(&waiting, SIGPIPE) == 1) ::sigwait(&sigpipe, &number);
#else
    const timespec no_time = {};
    while (::sigtimedwait(&sigpipe, nullptr, &no_time) < 0 && errno == EINTR) {
    }
#endif
    // Ours is this thread's own, and is taken first. One that was pending for the process is still
    // there; one that was pending for this thread was the same as ours, and is put back.
    ::sigpending(&waiting);
    if (pending && sigismember(&waiting, SIGPIPE) == 0) ::raise(SIGPIPE);
  }
  if (!pending) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

/// This process's end of a pipe: a descriptor that is registered with its context's reactor at the
/// first wait, and still ours when the context has gone.
class async_pipe_end final : private context_member {
 public:
  using descriptor = asio::posix::basic_stream_descriptor<inline_executor>;

  /// @param executor empty when the context has gone: then nothing can be waited for
  async_pipe_end(const asio::any_io_executor& executor, unique_handle fd)
      : fd_(std::move(fd)), executor_(executor) {
    if (executor) join_context(executor);
  }
  ~async_pipe_end() { close(); }

  using wait_type = asio::posix::descriptor_base::wait_type;
  static constexpr auto to_read = asio::posix::descriptor_base::wait_read;
  static constexpr auto to_write = asio::posix::descriptor_base::wait_write;

  int get() const noexcept { return fd_.get(); }
  bool is_open() const noexcept { return static_cast<bool>(fd_); }
  /// Empty when the context has gone.
  const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Reads what there is now. 0 with @p failure: `would_block`, `eof`, or the errno.
  std::size_t read_some(void* data, std::size_t size, error_code& failure) {
    ssize_t got;
    do got = ::read(fd_.get(), data, size);
    while (got < 0 && errno == EINTR);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) failure = asio::error::eof;
    else failure = last_system_error();
    return 0;
  }

  /// Writes what is taken now, without SIGPIPE. 0 with @p failure: `would_block`, `broken_pipe`, or
  /// the errno.
  std::size_t write_some(const std::vector<asio::const_buffer>& buffers, error_code& failure) {
    constexpr std::size_t most = 16;  // far below IOV_MAX; the rest is the next call's
    iovec bytes[most];
    int count = 0;
    for (const asio::const_buffer& buffer : buffers)
      if (buffer.size() > 0 && count < static_cast<int>(most))
        bytes[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
    return write_some(bytes, count, failure);
  }
  std::size_t write_some(const void* data, std::size_t size, error_code& failure) {
    const iovec bytes = {const_cast<void*>(data), size};
    return write_some(&bytes, 1, failure);
  }
  /// Bytes still in flight that no one is waiting for: a write here is done, or has not begun.
  std::size_t detach_write() noexcept { return 0; }
  bool writing() const noexcept { return false; }
  void cancel_write() noexcept {}

  /// For waits, and for read(). Throws where there is nothing to wait for, or no means to.
  descriptor& registered() {
    if (!fd_) throw cancelled_error("wait for a closed descriptor");
    if (!executor_) throw_context_gone();
    // The first of a context needs descriptors of its own, and throws where there are none left.
    if (!registered_) registered_.emplace(inline_executor(&executor_));
    if (!registered_->is_open()) registered_->assign(fd_.get());
    return *registered_;
  }

  /// Calls @p handler, with an error, when the descriptor is ready, or no more waited for.
  template <class Handler>
  void async_wait(wait_type kind, Handler&& handler) {
    registered().async_wait(kind, std::forward<Handler>(handler));
  }

  /// Ends all waits on it, as cancelled.
  void cancel() {
    error_code ignored;
    if (registered_) registered_->cancel(ignored);
  }

  /// Ends all waits on it, as cancelled, and takes the descriptor away.
  unique_handle release() {
    release_registered();
    return std::move(fd_);
  }
  void close() { release(); }

  /// Lets more bytes wait in the pipe. Where that is refused it stays as it is.
  void enlarge([[maybe_unused]] std::size_t bytes) {
#if defined(F_SETPIPE_SZ)
    ::fcntl(fd_.get(), F_SETPIPE_SZ, static_cast<int>(bytes));
#endif
  }

  /// Waits until the descriptor takes bytes. Error: cancelled, or closed.
  COPROC_ON_USE awaitable<error_code> writable() {
    registered();  // throws where there is nothing to wait for
    const auto wake = std::make_shared<event>(executor_);
    notify(to_write, wake, 1);
    const error_code failure = co_await wake->wait();
    if (failure) cancel();
    else if (!is_open()) co_return error_code(asio::error::operation_aborted);
    co_return failure;
  }

  /// Waits for bytes, or the end, and reads into @p room, which must stay until then: that costs
  /// less than to wait and then read. Where it has read something, that counts, whatever the error.
  /// @tparam Token what it is, so that who does not read has none of Asio's to compile
  template <class Token = asio::as_tuple_t<asio::use_awaitable_t<>>>
  awaitable<std::tuple<error_code, std::size_t>> read(asio::mutable_buffer room) {
    return heeding<std::size_t>(registered().async_read_some(room, Token(asio::use_awaitable)));
  }

  /// Notifies @p target with @p bit when the descriptor is ready, or no more waited for.
  void notify(wait_type kind, std::shared_ptr<event> target, unsigned bit) {
    async_wait(kind, [target = std::move(target), bit](error_code) { target->notify_now(bit); });
  }

 private:
  std::size_t write_some(const iovec* bytes, int count, error_code& failure) {
    const ssize_t written = write_without_sigpipe(fd_.get(), bytes, count);
    if (written > 0) return static_cast<std::size_t>(written);
    if (written == 0) failure = asio::error::would_block;
    else failure = last_system_error();
    return 0;
  }

  void release_registered() {
    if (registered_ && registered_->is_open()) registered_->release();
  }

  void context_gone(std::vector<wait_handler>&) override {
    release_registered();
    registered_.reset();
    executor_ = asio::any_io_executor();
  }

  unique_handle fd_;
  asio::any_io_executor executor_;  // empty when the context has gone
  // Made at the first wait. In place, not allocated: the cancellation slot of a wait that close()
  // has ended may still refer to it until its coroutine goes on.
  std::optional<descriptor> registered_;
};

}  // namespace coproc::detail
