// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <coproc/detail/one_at_a_time.hpp>
#include <coproc/detail/watched_fd.hpp>
#include <memory>
#include <string_view>

namespace coproc::detail {

/// What is behind a writer.
class pipe_writer {
 public:
  using self = std::shared_ptr<pipe_writer>;

  pipe_writer(const asio::any_io_executor& executor, unique_fd fd, bool terminal)
      : fd_(executor, std::move(fd)), terminal_(terminal) {}

  const asio::any_io_executor& executor() const noexcept { return fd_.executor(); }
  bool is_open() const noexcept { return fd_.is_open() && !closed_; }

  void close() {
    if (!is_open()) return;
    closed_ = true;
    if (!terminal_) return fd_.close();
    // Closing this side would hang up on the child; the end-of-file character ends its input, at
    // the start of a line. The descriptor stays until nobody has this object.
    error_code ignored;
    fd_.write_some(at_line_start_ ? "\4" : "\4\4", at_line_start_ ? 1 : 2, ignored);
    fd_.cancel();
  }

  /// Writes what the pipe takes now: a count, 0 where it takes none.
  /// @throws error, `broken_pipe` where nobody reads any more
  std::size_t try_write(std::string_view bytes) {
    check_open();
    if (bytes.empty()) return 0;
    error_code failure;
    const std::size_t written = fd_.write_some(bytes.data(), bytes.size(), failure);
    if (written > 0) at_line_start_ = bytes[written - 1] == '\n';
    else if (terminal_ && failure.value() == EIO) fail(asio::error::broken_pipe);
    else if (failure != asio::error::would_block) fail(failure);
    return written;
  }

  /// How much of what was begun to be written counts as written, since nobody waits for it any more.
  std::size_t let_go() noexcept { return fd_.let_go(); }
  /// Whether some of it still is being written.
  bool writing() const { return fd_.writing(); }

  static awaitable<void> write(self me, std::string bytes) {
    const one_at_a_time guard(me->busy_, "write");
    const end_of_write end(*me);
    me->check_open();
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
  [[noreturn]] static void fail(error_code code) { throw error(code, "write: " + code.message()); }
  void check_open() const {
    if (!is_open()) throw error(asio::error::bad_descriptor, "write: the stream is closed");
  }

  /// Whatever the end of an operation, nothing that it began goes on.
  class end_of_write {
   public:
    explicit end_of_write(pipe_writer& me) : me_(me) {}
    end_of_write(const end_of_write&) = delete;
    end_of_write& operator=(const end_of_write&) = delete;
    ~end_of_write() { me_.fd_.give_up(); }

   private:
    pipe_writer& me_;
  };

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
        if (!failure && !me_->is_open()) failure = asio::error::operation_aborted;
        if (failure) result_ = failure;
        finished_ = failure || attempt();
      }
      if (finished_) {
        if (guard_) end_write();
        guard_.reset();
        return operation.complete(result_, written_);
      }
      finished_ = !me_->fd_.can_wait(result_);
      if (finished_) return asio::post(me_->executor(), std::move(operation));
      me_->fd_.async_wait(watched_fd::to_write, std::move(operation));
    }

   private:
    /// What has been written counts, also where a cancellation came with it.
    void end_write() {
      if (result_ && !me_->writing()) written_ += me_->let_go();
      me_->fd_.give_up();
    }

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
      } catch (const boost::system::system_error& e) {
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
