// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

#include <atomic>
#include <cerrno>
#include <coproc/detail/one_at_a_time.hpp>
#include <coproc/detail/system.hpp>
#include <coproc/detail/watched_fd.hpp>
#include <memory>
#include <string_view>

namespace coproc::detail {

/// write() that gives EPIPE without SIGPIPE, whatever the host does with that signal. Where the
/// system has no call for that, the signal is blocked in this thread meanwhile, and taken back if the
/// write has raised it.
inline ssize_t write_without_sigpipe(int fd, const void* data, std::size_t size) {
  static std::atomic<bool> in_one_call = true;
  if (in_one_call.load(std::memory_order_relaxed)) {
    const ssize_t written = system::write_no_signal(fd, data, size);
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
  do written = ::write(fd, data, size);
  while (written < 0 && errno == EINTR);
  const int error = errno;
  if (written < 0 && error == EPIPE) {
#if defined(__APPLE__)  // has no sigtimedwait
    int number = 0;
    ::sigpending(&waiting);
    if (sigismember(&waiting, SIGPIPE) == 1) ::sigwait(&sigpipe, &number);
#else
    const timespec now = {};
    while (::sigtimedwait(&sigpipe, nullptr, &now) < 0 && errno == EINTR) {
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

/// What is behind a writer.
class pipe_writer {
 public:
  using self = std::shared_ptr<pipe_writer>;

  pipe_writer(const asio::any_io_executor& executor, unique_fd fd, bool terminal)
      : fd_(executor, std::move(fd)), terminal_(terminal) {}

  const asio::any_io_executor& executor() const noexcept { return fd_.executor(); }
  bool is_open() const noexcept { return fd_.get() >= 0 && !closed_; }

  void close() {
    if (!is_open()) return;
    closed_ = true;
    if (!terminal_) return fd_.close();
    // Closing this side would hang up on the child; the end-of-file character ends its input, at
    // the start of a line. The descriptor stays until nobody has this object.
    write_without_sigpipe(fd_.get(), at_line_start_ ? "\4" : "\4\4", at_line_start_ ? 1 : 2);
    fd_.cancel();
  }

  /// Writes what the pipe takes now: a count, 0 where it takes none.
  /// @throws error, `broken_pipe` where nobody reads any more
  std::size_t try_write(std::string_view bytes) {
    if (!is_open()) fail(EBADF);
    if (bytes.empty()) return 0;
    const ssize_t written = write_without_sigpipe(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno != EAGAIN) fail(errno == EIO && terminal_ ? EPIPE : errno);
    if (written <= 0) return 0;
    at_line_start_ = bytes[static_cast<std::size_t>(written) - 1] == '\n';
    return static_cast<std::size_t>(written);
  }

  static awaitable<void> write(self me, std::string bytes) {
    const one_at_a_time guard(me->busy_, "write");
    if (!me->is_open()) me->fail(EBADF);
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::size_t written = me->try_write(rest);
      rest.remove_prefix(written);
      if (written == 0) {
        const auto [failure] = co_await me->fd_.writable();
        const bool heeded = co_await asio::this_coro::throw_if_cancelled();
        const auto state = co_await asio::this_coro::cancellation_state;
        if (failure || me->closed_ || missed_cancellation(heeded, state))
          throw cancelled_error("write");
        me->fairness_.waited();
      } else if (me->fairness_.due()) {
        const bool go_on = co_await yield_to_others();
        if (!go_on || me->closed_) throw cancelled_error("write");
      }
    }
  }

  template <class Buffers, class Token>
  static auto async_write_some(self me, const Buffers& buffers, Token&& token) {
    const auto executor = me->executor();
    return asio::async_compose<Token, void(error_code, std::size_t)>(
        write_operation<Buffers>(std::move(me), buffers), token, executor);
  }

  bool& busy() noexcept { return busy_; }
  watched_fd& descriptor() noexcept { return fd_; }

 private:
  [[noreturn]] static void fail(int number) {
    const error_code code(number, boost::system::system_category());
    throw error(code, number == EBADF ? "write: the stream is closed" : "write: " + code.message());
  }

  template <class Buffers>
  class write_operation {
   public:
    write_operation(self me, const Buffers& buffers) : me_(std::move(me)), buffers_(buffers) {}

    template <class Operation>
    void operator()(Operation& operation, error_code failure = {}) {
      if (!started_) {
        started_ = true;
        operation.reset_cancellation_state(asio::enable_total_cancellation());
        // Nothing may throw here: use_awaitable would lose its coroutine.
        if (me_->busy_) result_ = asio::error::already_started;
        else guard_ = std::make_unique<one_at_a_time>(me_->busy_, "async_write_some");
        finished_ = result_ || attempt();
        if (finished_)  // not from within the initiating function
          return asio::post(me_->executor(), std::move(operation));
      } else if (!finished_) {
        if (failure) result_ = failure;
        finished_ = failure || attempt();
      }
      if (finished_) {
        guard_.reset();
        return operation.complete(result_, written_);
      }
      auto* const descriptor = me_->fd_.registered(result_);
      finished_ = descriptor == nullptr;
      if (finished_) return asio::post(me_->executor(), std::move(operation));
      descriptor->async_wait(asio::posix::descriptor_base::wait_write, std::move(operation));
    }

   private:
    /// True: done, one way or the other.
    bool attempt() {
      try {
        for (auto at = asio::buffer_sequence_begin(buffers_);
             at != asio::buffer_sequence_end(buffers_); ++at) {
          const asio::const_buffer bytes(*at);
          if (bytes.size() == 0) continue;
          written_ = me_->try_write({static_cast<const char*>(bytes.data()), bytes.size()});
          return written_ > 0;
        }
      } catch (const error& e) {
        result_ = e.code();
      }
      return true;
    }

    self me_;
    Buffers buffers_;
    std::unique_ptr<one_at_a_time> guard_;
    bool started_ = false, finished_ = false;
    error_code result_;
    std::size_t written_ = 0;
  };

  watched_fd fd_;
  bool terminal_;
  bool closed_ = false;
  bool at_line_start_ = true;
  bool busy_ = false;
  fairness fairness_;
};

}  // namespace coproc::detail
