// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/pipe/stream_operation.hpp>
#include <string_view>
#include <vector>

namespace coproc::detail {

/// What is behind a writer.
class pipe_writer {
 public:
  using pointer = std::shared_ptr<pipe_writer>;

  pipe_writer(const asio::any_io_executor& executor, unique_handle handle, bool terminal)
      : pipe_(executor, std::move(handle)), terminal_(terminal) {}

  const asio::any_io_executor& executor() const noexcept { return pipe_.executor(); }
  bool is_open() const noexcept { return pipe_.is_open() && !closed_; }

  void close() {
    if (!is_open()) return;
    closed_ = true;
    for (place_in_queue* const waiting : queue_) waiting->wake();
    if (!terminal_) return pipe_.close();
    // Closing this side would hang up on the child; the end-of-file character ends its input, at
    // the start of a line. The descriptor stays until nobody has this object.
    error_code ignored;
    pipe_.write_some(at_line_start_ ? "\4" : "\4\4", at_line_start_ ? 1 : 2, ignored);
    pipe_.cancel();
  }

  /// Writes what the pipe takes now: a count, 0 where it takes none.
  /// @throws error, `broken_pipe` where nobody reads any more
  std::size_t try_write(std::string_view bytes) {
    check_open();
    if (bytes.empty()) return 0;
    error_code failure;
    const std::size_t written = pipe_.write_some(bytes.data(), bytes.size(), failure);
    return count_written(written, failure, written > 0 ? bytes[written - 1] : '\0');
  }
  /// The same for several buffers, of which not all are empty.
  std::size_t try_write(const std::vector<asio::const_buffer>& buffers) {
    check_open();
    error_code failure;
    const std::size_t written = pipe_.write_some(buffers, failure);
    std::size_t rest = written;
    char last = '\0';
    for (const asio::const_buffer& bytes : buffers) {
      if (rest == 0) break;
      const std::size_t size = std::min(rest, bytes.size());
      if (size > 0) last = static_cast<const char*>(bytes.data())[size - 1];
      rest -= size;
    }
    return count_written(written, failure, last);
  }

  /// Bytes still in flight that no one is waiting for. They count as written.
  std::size_t detach_write() noexcept { return pipe_.detach_write(); }
  /// Whether some bytes still are in flight.
  bool writing() const { return pipe_.writing(); }

  /// Writes all, after the writes that wait already.
  COPROC_ON_USE static awaitable<void> write(pointer writer, std::string bytes) {
    place_in_queue place(*writer);
    while (!place.first()) {
      const bool go_on = co_await place.wait();
      if (place.torn()) fail_after_another();
      if (!go_on || writer->closed_) throw cancelled_error("write", 0);
    }
    const end_of_write end(*writer);
    writer->check_open();
    std::size_t written = 0;
    while (written < bytes.size()) {
      const std::size_t count = writer->try_write(std::string_view(bytes).substr(written));
      written += count;
      bool go_on = true;
      if (count == 0) {
        const error_code failure = co_await writer->pipe_.writable();
        go_on = !failure;
        writer->budget_.waited();
      } else if (writer->budget_.spent()) {
        go_on = co_await yield_to_others();
      }
      if (go_on && !writer->closed_) continue;
      const bool in_flight = writer->writing();
      if (!in_flight) written += writer->detach_write();
      if (written > 0 || in_flight) writer->tear_queue();
      throw cancelled_error("write", written);
    }
  }

  COPROC_ON_USE static void async_write_some(pointer writer, std::vector<asio::const_buffer> bytes,
                                             transfer_handler handler) {
    std::make_shared<write_operation>(std::move(writer), std::move(bytes), std::move(handler))
        ->start();
  }

  bool& busy() noexcept { return busy_; }
  async_pipe_end& pipe() noexcept { return pipe_; }

 private:
  [[noreturn]] static void fail(error_code code) { throw error(code, "write: " + code.message()); }
  std::size_t count_written(std::size_t written, error_code failure, char last) {
    if (written > 0) at_line_start_ = last == '\n';
    else if (terminal_ && failure.value() == EIO) fail(asio::error::broken_pipe);
    else if (failure != asio::error::would_block) fail(failure);
    return written;
  }
  void check_open() const {
    if (!is_open()) throw error(asio::error::bad_descriptor, "write: the stream is closed");
  }

  /// Where a write stands among those that wait. The first of them writes; while there are any the
  /// stream is busy for all else.
  class place_in_queue {
   public:
    /// @throws std::logic_error where something else than a write uses the stream
    explicit place_in_queue(pipe_writer& writer) : writer_(writer) {
      if (writer_.queue_.empty()) busy_guard::check(writer_.busy_, "write");
      writer_.queue_.push_back(this);
      writer_.busy_ = true;
    }
    place_in_queue(const place_in_queue&) = delete;
    place_in_queue& operator=(const place_in_queue&) = delete;
    ~place_in_queue() {
      const bool was_first = first();
      std::erase(writer_.queue_, this);
      if (writer_.queue_.empty()) writer_.busy_ = false;
      else if (was_first) writer_.queue_.front()->wake();
    }

    bool first() const { return writer_.queue_.front() == this; }
    /// One before it has ended with a part of its bytes written.
    bool torn() const noexcept { return torn_; }
    void tear() { torn_ = true; }

    /// Waits until something is different. False: cancelled.
    COPROC_ON_USE awaitable<bool> wait() {
      if (!event_) event_ = std::make_shared<event>(writer_.executor());
      const error_code cancelled = co_await event_->wait();
      event_->take();
      co_return !cancelled && event_->cancellations() == 0;
    }
    void wake() {
      if (event_) event_->notify(1);
    }

   private:
    pipe_writer& writer_;
    std::shared_ptr<class event> event_;
    bool torn_ = false;
  };

  /// Those that wait behind the first must not go on in the middle of its text.
  void tear_queue() {
    for (place_in_queue* const waiting : queue_) waiting->tear();
  }
  [[noreturn]] static void fail_after_another() {
    throw error(make_error_code(boost::system::errc::io_error),
                "write: one before it was cancelled when a part of it had been written");
  }

  /// Whatever the end of an operation, nothing that it began goes on.
  class end_of_write {
   public:
    explicit end_of_write(pipe_writer& writer) : writer_(writer) {}
    end_of_write(const end_of_write&) = delete;
    end_of_write& operator=(const end_of_write&) = delete;
    ~end_of_write() { writer_.pipe_.cancel_write(); }

   private:
    pipe_writer& writer_;
  };

  class write_operation final : public stream_operation<write_operation> {
   public:
    write_operation(pointer writer, std::vector<asio::const_buffer> bytes, transfer_handler handler)
        : stream_operation(writer, writer->pipe_, async_pipe_end::to_write, writer->busy_,
                           std::move(handler)),
          writer_(std::move(writer)),
          bytes_(std::move(bytes)) {}

    bool attempt(error_code& result, std::size_t& count) {
      if (asio::buffer_size(bytes_) == 0) return true;
      try {
        count = writer_->try_write(bytes_);
        return count > 0;
      } catch (const boost::system::system_error& e) {
        result = e.code();
      }
      return true;
    }

    bool is_open() const { return writer_->is_open(); }
    void about_to_wait(const std::shared_ptr<event>&) const {}

    /// What has been written counts, also where a cancellation came with it.
    void ended(const error_code& result, std::size_t& count) {
      if (result && !writer_->writing()) count += writer_->detach_write();
      writer_->pipe_.cancel_write();
    }

   private:
    pointer writer_;
    std::vector<asio::const_buffer> bytes_;
  };

  async_pipe_end pipe_;
  bool terminal_;
  bool closed_ = false;
  bool at_line_start_ = true;
  bool busy_ = false;
  std::vector<place_in_queue*> queue_;
  yield_budget budget_;
};

}  // namespace coproc::detail
