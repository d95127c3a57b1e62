// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/buffer.hpp>
#include <coproc/detail/one_at_a_time.hpp>
#include <coproc/detail/watched_fd.hpp>
#include <memory>

namespace coproc::detail {

/// What is behind a reader: the descriptor, and the bytes that have been read, not yet asked for.
/// What an operation has read is kept whatever else has become of it, so no cancellation loses any.
class pipe_reader {
 public:
  using self = std::shared_ptr<pipe_reader>;

  pipe_reader(const asio::any_io_executor& executor, unique_fd fd, std::size_t limit, bool terminal)
      : fd_(executor, std::move(fd)), limit_(limit), terminal_(terminal) {}

  const asio::any_io_executor& executor() const noexcept { return fd_.executor(); }
  std::size_t limit() const noexcept { return limit_; }
  bool at_eof() const noexcept { return eof_ && buffer_.empty(); }

  // The coroutines take their own reference to *this: the process may be destroyed meanwhile.

  static awaitable<std::string> read_all(self me) {
    const one_at_a_time guard(me->busy_, "read");
    while (!me->eof_) co_await me->fill("read", whole);
    me->scanned_ = 0;
    co_return me->buffer_.drain();
  }

  static awaitable<std::string> read_some(self me, std::size_t most) {
    const one_at_a_time guard(me->busy_, "read");
    while (most > 0 && me->buffer_.empty() && !me->eof_) co_await me->fill("read", piece);
    co_return me->take(std::min(most, me->buffer_.size()));
  }

  static awaitable<std::string> read_exactly(self me, std::size_t count) {
    const one_at_a_time guard(me->busy_, "readexactly");
    while (me->buffer_.size() < count) {
      if (me->eof_) throw incomplete_read_error(me->take(me->buffer_.size()), count);
      co_await me->fill("readexactly", whole);
    }
    co_return me->take(count);
  }

  static awaitable<std::string> read_until(self me, std::string text, const char* what,
                                           std::size_t most) {
    if (text.empty())
      throw std::invalid_argument(std::string("coproc: ") + what + ": the text is empty");
    const one_at_a_time guard(me->busy_, what);
    for (std::size_t from = 0;;) {
      const std::size_t found = me->buffer_.view().find(text, from);
      const bool there = found != std::string_view::npos;
      // The last bytes may be the start of the text.
      const std::size_t size = me->buffer_.size();
      const std::size_t reached = there ? found : size - std::min(size, text.size() - 1);
      if (reached > most) over_limit(what, reached, most);
      if (there) co_return me->take(found + text.size());
      if (me->eof_) throw incomplete_read_error(me->take(size), 0);
      from = reached;
      co_await me->fill(what, piece);
    }
  }

  // Lines: what is in the buffer costs no second frame and no turn of the loop.

  static awaitable<std::optional<std::string>> read_line(self me) {
    one_at_a_time::check(me->busy_, "readline");
    std::optional<std::string_view> line = me->next_line();
    if (!line && !me->eof_) {
      const one_at_a_time guard(me->busy_, "readline");
      co_await me->fill("readline", piece, true);
      line = me->next_line();
    }
    co_return line;
  }

  static awaitable<bool> read_line(self me, std::string& into) {
    one_at_a_time::check(me->busy_, "readline");
    std::optional<std::string_view> line = me->next_line();
    if (!line && !me->eof_) {
      const one_at_a_time guard(me->busy_, "readline");
      co_await me->fill("readline", piece, true);
      line = me->next_line();
    }
    into = line.value_or(std::string_view());
    co_return line.has_value();
  }

  /// Views of as many whole lines as are there.
  template <class Views>
  static awaitable<Views> read_lines(self me) {
    one_at_a_time::check(me->busy_, "lines");
    std::size_t end = me->end_of_lines();
    if (end == 0 && !me->eof_) {
      const one_at_a_time guard(me->busy_, "lines");
      co_await me->fill("lines", piece, true);
      end = me->end_of_lines();
    }
    if (end == 0 && !me->buffer_.empty()) over_limit("lines", me->find_line_end(), me->limit_);
    const std::string_view text = me->buffer_.view().substr(0, end);
    me->consume(text.size());
    co_return Views(text);
  }

  template <class Buffers, class Token>
  static auto async_read_some(self me, const Buffers& buffers, Token&& token) {
    const auto executor = me->executor();
    return asio::async_compose<Token, void(error_code, std::size_t)>(
        read_operation<Buffers>(std::move(me), buffers), token, executor);
  }

  // For those that read both outputs at once.

  enum class fill_result { data, end, blocked };

  static constexpr std::size_t piece = 128 * 1024;    // a read for lines stays in the cache
  static constexpr std::size_t whole = 1024 * 1024;  // one for everything is as long as a pipe

  /// Reads once, without waiting.
  /// @param most an upper bound for the size of this read
  fill_result try_fill(std::size_t most) {
    if (eof_) return fill_result::end;
    chunk_ = std::min(chunk_, most);
    // What comes in small pieces takes no more memory than it needs: it goes by way of the stack.
    char little[smallest];
    const bool by_stack = chunk_ <= smallest;
    const auto [data, room] = by_stack ? std::pair(little, chunk_) : buffer_.prepare(chunk_);
    const std::size_t asked = std::min(room, most);
    error_code failure;
    const std::size_t count = fd_.read_some(data, asked, failure);
    if (count > 0) {
      if (by_stack) std::memcpy(buffer_.prepare(count).first, data, count);
      committed(count, asked);
      return fill_result::data;
    }
    if (failure == asio::error::would_block) {
      drained_ = true;
      return fill_result::blocked;
    }
    // A terminal whose other side is closed says EIO.
    if (failure != asio::error::eof && !(terminal_ && failure.value() == EIO))
      throw error(failure, "read: " + failure.message());
    eof_ = true;
    fd_.close();
    return fill_result::end;
  }

  /// Takes a line off the buffer, if there is a whole one.
  std::optional<std::string_view> next_line() {
    const std::size_t found = find_newline();
    const bool whole_line = found != std::string_view::npos;
    if (scanned_ > limit_) over_limit("readline", scanned_, limit_);
    if (!whole_line && (!eof_ || buffer_.empty())) return std::nullopt;
    const std::string_view line = buffer_.view().substr(0, found);
    consume(line.size() + (whole_line ? 1 : 0));
    return line;
  }

  /// Whether the last read took all there was, so that it is time to wait.
  bool drained() const noexcept { return drained_; }
  bool ended() const noexcept { return eof_; }
  bool& busy() noexcept { return busy_; }
  watched_fd& descriptor() noexcept { return fd_; }
  buffer& bytes() noexcept {
    scanned_ = 0;
    return buffer_;
  }
  /// Ends the stream where it is.
  void close() {
    closed_ = !eof_;
    eof_ = true;
    fd_.close();
  }

 private:
  static constexpr std::size_t smallest = 4096;

  /// Waits for bytes, or for a whole line with @p to_line; or for the end.
  awaitable<void> fill(const char* what, std::size_t most, bool to_line = false) {
    for (;;) {
      if (to_line && find_newline() != std::string_view::npos) co_return;
      if (to_line && buffer_.size() > limit_) over_limit(what, buffer_.size(), limit_);
      bool filled;
      if (drained_) {
        // A stream that little has come from yet needs little memory to wait.
        const auto [data, room] = buffer_.prepare(chunk_ <= smallest ? 64 : std::min(chunk_, most));
        const std::size_t asked = std::min(room, most);
        const auto [failure, got] = co_await fd_.read(asio::buffer(data, asked));
        const bool heeded = co_await asio::this_coro::throw_if_cancelled();
        const auto state = co_await asio::this_coro::cancellation_state;
        filled = got > 0;
        if (filled) committed(got, asked);
        else drained_ = false;  // the end, or an error: a read of our own tells
        if (failure == asio::error::operation_aborted || closed_ ||
            missed_cancellation(heeded, state))
          throw cancelled_error(what);
        fairness_.waited();
      } else {
        filled = try_fill(most) != fill_result::blocked;
        if (filled && fairness_.due()) {
          const bool go_on = co_await yield_to_others();
          if (!go_on || closed_) throw cancelled_error(what);
        }
      }
      if (filled && (!to_line || eof_)) co_return;
    }
  }

  /// So many bytes, of those that were asked for, are in the buffer now.
  void committed(std::size_t count, std::size_t asked) {
    buffer_.commit(count);
    drained_ = count < asked;
    if (!drained_) chunk_ *= 4;
    // A pipe that was full to the brim is a busy one: fewer, larger turns. Not before, as users
    // other than root have only so many pages for pipes.
    if (!enlarged_ && count >= 64 * 1024) enlarge();
  }

  std::size_t find_line_end() {
    find_newline();
    return scanned_;
  }

  /// Where the first newline is; remembers how far it has looked.
  std::size_t find_newline() {
    const std::size_t found = buffer_.view().find('\n', scanned_);
    scanned_ = found == std::string_view::npos ? buffer_.size() : found;
    return found;
  }

  /// The offset behind the last newline, or behind everything at the end of the stream; but before
  /// the first line that is over the limit. Looks at few bytes only: from the start of a line it
  /// goes to the last newline within the limit.
  std::size_t end_of_lines() const {
    const std::string_view text = buffer_.view();
    const std::size_t end = eof_ ? text.size() : text.rfind('\n') + 1;  // npos + 1 is 0
    std::size_t good = 0;
    while (end - good > limit_) {
      const std::size_t next = text.rfind('\n', good + limit_) + 1;
      if (next <= good) return good;
      good = next;
    }
    return end;
  }

  void consume(std::size_t bytes) {
    buffer_.consume(bytes);
    scanned_ = 0;
  }
  std::string take(std::size_t bytes) {
    scanned_ = 0;
    return buffer_.take(bytes);
  }

  [[noreturn]] static void over_limit(const char* what, std::size_t reached, std::size_t most) {
    throw limit_error(std::string(what) + ": no end of it within the limit of " +
                          std::to_string(most) + " bytes",
                      reached);
  }

  void enlarge() {
    enlarged_ = true;
#if defined(F_SETPIPE_SZ)
    ::fcntl(fd_.get(), F_SETPIPE_SZ, static_cast<int>(whole));  // refused: it stays as it is
#endif
  }

  template <class Buffers>
  class read_operation {
   public:
    read_operation(self me, const Buffers& buffers) : me_(std::move(me)), buffers_(buffers) {}

    template <class Operation>
    void operator()(Operation& operation, error_code failure = {}) {
      if (!started_) {
        started_ = true;
        operation.reset_cancellation_state(asio::enable_total_cancellation());
        // Nothing may throw here: use_awaitable would lose its coroutine.
        if (me_->busy_) result_ = asio::error::already_started;
        else guard_ = std::make_unique<one_at_a_time>(me_->busy_, "async_read_some");
        finished_ = result_ || attempt();
        if (finished_)  // not from within the initiating function
          return asio::post(me_->executor(), std::move(operation));
      } else if (!finished_) {
        if (!failure && me_->closed_) failure = asio::error::operation_aborted;
        if (failure) result_ = failure, me_->fd_.cancel();
        finished_ = failure || attempt();
      }
      if (finished_) {
        guard_.reset();
        return operation.complete(result_, got_);
      }
      finished_ = !me_->fd_.can_wait(result_);
      if (finished_) return asio::post(me_->executor(), std::move(operation));
      me_->fd_.async_wait(watched_fd::to_read, std::move(operation));
    }

   private:
    /// True: done, one way or the other.
    bool attempt() {
      if (asio::buffer_size(buffers_) == 0) return true;
      if (me_->buffer_.empty()) {
        try {
          const fill_result result = me_->try_fill(piece);
          if (result == fill_result::blocked) return false;
          if (result == fill_result::end) result_ = asio::error::eof;
        } catch (const error& e) {
          result_ = e.code();
        }
      }
      got_ = asio::buffer_copy(
          buffers_, asio::buffer(me_->buffer_.view().data(), me_->buffer_.view().size()));
      me_->consume(got_);
      return true;
    }

    self me_;
    Buffers buffers_;
    std::unique_ptr<one_at_a_time> guard_;
    bool started_ = false, finished_ = false;
    error_code result_;
    std::size_t got_ = 0;
  };

  watched_fd fd_;
  buffer buffer_;
  std::size_t limit_;
  std::size_t scanned_ = 0;  // so far there is no newline
  std::size_t chunk_ = smallest;
  bool terminal_;
  bool eof_ = false;
  bool closed_ = false;  // by this side, before the end
  bool busy_ = false;
  bool drained_ = true;  // nothing is known to be in the pipe: wait first
  bool enlarged_ = false;
  fairness fairness_;
};

}  // namespace coproc::detail
