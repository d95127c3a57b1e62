// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/pipe/buffer.hpp>
#include <coproc/detail/pipe/line_scanner.hpp>
#include <coproc/detail/pipe/read_request.hpp>
#include <coproc/detail/pipe/stream_operation.hpp>
#include <coproc/status.hpp>

namespace coproc::detail {

/// Keeps a stream from ending before its time. A reader lets it look whenever it reads, and tell
/// whenever it waits.
class stream_keeper {
 public:
  virtual ~stream_keeper() = default;
  /// Lets go of the stream where it is time.
  virtual void look() = 0;
  /// Notifies @p wake when that may be; null: nobody any more.
  virtual void notify(std::shared_ptr<event> wake) = 0;
};

/// What is behind a reader: the pipe end, and the bytes that have been read, not yet asked for.
/// What an operation has read is kept whatever else becomes of it, so no cancellation loses any.
///
/// The coroutines keep the reader they work on: its process may be destroyed meanwhile.
class pipe_reader {
 public:
  using pointer = std::shared_ptr<pipe_reader>;

  pipe_reader(const asio::any_io_executor& executor, unique_handle handle, std::size_t limit,
              bool terminal, std::shared_ptr<stream_keeper> keeper = nullptr)
      : pipe_(executor, std::move(handle)),
        limit_(limit),
        terminal_(terminal),
        keeper_(std::move(keeper)) {}

  const asio::any_io_executor& executor() const noexcept { return pipe_.executor(); }
  std::size_t limit() const noexcept { return limit_; }
  bool at_eof() const noexcept { return eof_ && buffer_.empty(); }

  /// @param index set to that of the text which was found, if not null
  COPROC_ON_USE static awaitable<std::string> read(pointer reader, read_request request,
                                                   std::size_t* index = nullptr) {
    const busy_guard guard(reader->busy_, request.name());
    reader->check_open(request.name());
    for (;;) {
      buffer& bytes = reader->buffer_;
      const auto count = request.ready(bytes.view(), reader->eof_);
      if (count && index != nullptr) *index = request.index();
      if (count)
        co_return request.takes_everything() ? reader->take_everything() : reader->take(*count);
      if (reader->eof_) throw incomplete_read_error(reader->take(bytes.size()), request.expected());
      co_await reader->fill(request.name(), request.is_large() ? whole : piece);
    }
  }

  COPROC_ON_USE static awaitable<found_text> read_until_first(pointer reader,
                                                              read_request request) {
    std::size_t index = 0;
    std::string text = co_await read(std::move(reader), std::move(request), &index);
    co_return found_text(index, std::move(text));
  }

  /// Calls @p take(reader) when there is a whole line, or the end. What is in the buffer costs no
  /// second frame and no turn of the loop.
  /// @param take by() is what ends a line
  template <class Take>
  static awaitable<std::invoke_result_t<Take, pipe_reader&>> with_line(pointer reader,
                                                                       const char* name,
                                                                       Take take) {
    busy_guard::check(reader->busy_, name);
    reader->check_open(name);
    if (!reader->has_line(take.by()) && !reader->eof_) {
      const busy_guard guard(reader->busy_, name);
      co_await reader->fill(name, piece, &take.by());
    }
    co_return take(*reader);
  }

  /// Takes a line off the buffer, if there is a whole one. The view is good until the next call.
  /// @param name of the operation, for the message
  std::optional<std::string_view> next_line(const separator& by, const char* name = "readline") {
    const std::size_t found = scanner_.find(buffer_.view(), by);
    const bool complete = found != line_scanner::none;
    if (scanner_.scanned() > limit_) throw_over_limit(name, scanner_.scanned(), limit_);
    if (!complete && (!eof_ || buffer_.empty())) return std::nullopt;
    const std::string_view line = buffer_.view().substr(0, found);
    consume(line.size() + (complete ? by.size() : 0));
    return line;
  }

  /// Takes as many whole lines off the buffer as there are.
  std::string_view next_lines(const separator& by) {
    const std::size_t end = line_scanner::end_of_lines(buffer_.view(), by, eof_, limit_);
    if (end == 0 && !buffer_.empty()) {
      scanner_.find(buffer_.view(), by);
      throw_over_limit("lines", scanner_.scanned(), limit_);
    }
    const std::string_view text = buffer_.view().substr(0, end);
    consume(end);
    return text;
  }

  COPROC_ON_USE static void async_read_some(pointer reader, std::vector<asio::mutable_buffer> room,
                                            transfer_handler handler) {
    std::make_shared<read_operation>(std::move(reader), std::move(room), std::move(handler))
        ->start();
  }

  // For those that read both outputs at once.

  enum class fill_result { data, end, blocked };

  static constexpr std::size_t piece = 128 * 1024;   // a read for lines stays in the cache
  static constexpr std::size_t whole = 1024 * 1024;  // one for everything is as long as a pipe

  /// Reads once, without waiting.
  /// @param most an upper bound for the size of this read
  fill_result try_fill(std::size_t most) {
    if (eof_) return fill_result::end;
    if (keeper_) keeper_->look();
    chunk_ = std::min(chunk_, most);
    // What comes in small pieces takes no more memory than it needs: it goes by way of the stack.
    char little[smallest];
    const bool by_stack = chunk_ <= smallest;
    const auto [data, room] = by_stack ? std::pair(little, chunk_) : buffer_.prepare(chunk_);
    const std::size_t asked = std::min(room, most);
    error_code failure;
    const std::size_t count = pipe_.read_some(data, asked, failure);
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
    pipe_.close();
    return fill_result::end;
  }

  /// Whether the last read took all there was, so that it is time to wait.
  bool drained() const noexcept { return drained_; }
  bool ended() const noexcept { return eof_; }
  bool& busy() noexcept { return busy_; }
  async_pipe_end& pipe() noexcept { return pipe_; }
  buffer& bytes() noexcept {
    scanner_.restart();
    return buffer_;
  }
  /// Ends the stream where it is.
  void close() {
    closed_ = closed_ || !eof_;
    eof_ = true;
    pipe_.close();
  }
  /// The same for its user, who wants none of it any more.
  void give_up() {
    given_up_ = true;
    close();
    if (!busy_) bytes() = buffer();
  }
  bool is_open() const noexcept { return !given_up_; }

 private:
  static constexpr std::size_t smallest = 4096;

  bool has_line(const separator& by) {
    return scanner_.find(buffer_.view(), by) != line_scanner::none;
  }

  /// @throws error once the user has closed it
  void check_open(const char* name) const {
    if (!given_up_) return;
    throw error(asio::error::bad_descriptor, std::string(name) + ": the stream is closed");
  }

  [[noreturn]] void fail_cancelled(const char* name) {
    if (given_up_) bytes() = buffer();  // give_up() has left it to this operation
    throw cancelled_error(name);
  }

  /// Waits for bytes, or for what @p to_line ends, where that is not null; or for the end.
  COPROC_ON_USE awaitable<void> fill(const char* name, std::size_t most,
                                     const separator* to_line = nullptr) {
    for (;;) {
      if (to_line && has_line(*to_line)) co_return;
      if (to_line && scanner_.scanned() > limit_)
        throw_over_limit(name, scanner_.scanned(), limit_);
      bool filled = true;
      if (!pipe_.executor()) {  // its context has gone: what there is can be had, and no more
        if (try_fill(most) == fill_result::blocked) throw_context_gone();
      } else if (drained_ && keeper_) {
        const error_code failure = co_await wait_beside_keeper();
        drained_ = filled = false;  // a read of our own tells
        if (failure || closed_) fail_cancelled(name);
        budget_.waited();
      } else if (drained_) {
        // A stream that little has come from yet needs little memory to wait.
        const auto [data, room] = buffer_.prepare(chunk_ <= smallest ? 64 : std::min(chunk_, most));
        const std::size_t asked = std::min(room, most);
        const auto [failure, got] = co_await pipe_.read(asio::buffer(data, asked));
        filled = got > 0;
        if (filled) committed(got, asked);
        else drained_ = false;  // the end, or an error: a read of our own tells
        if (failure == asio::error::operation_aborted || closed_) fail_cancelled(name);
        budget_.waited();
      } else {
        filled = try_fill(most) != fill_result::blocked;
        if (filled && budget_.spent()) {
          const bool go_on = co_await yield_to_others();
          if (!go_on || closed_) fail_cancelled(name);
        }
      }
      if (filled && (!to_line || eof_)) co_return;
    }
  }

  /// Waits for bytes, or until the keeper may have let go. Error: cancelled.
  COPROC_ON_USE awaitable<error_code> wait_beside_keeper() {
    const auto wake = std::make_shared<event>(pipe_.executor());
    keeper_->notify(wake);
    pipe_.notify(async_pipe_end::to_read, wake, 1);
    error_code failure = co_await wake->wait();
    if (wake->cancellations() > 0) failure = asio::error::operation_aborted;
    stop_waiting_beside_keeper();
    co_return failure;
  }
  /// Whichever of the two has told, the other's wait goes on until then.
  void stop_waiting_beside_keeper() {
    keeper_->notify(nullptr);
    pipe_.cancel();
  }

  /// So many bytes, of those that were asked for, are in the buffer now.
  void committed(std::size_t count, std::size_t asked) {
    buffer_.commit(count);
    drained_ = count < asked;
    if (!drained_) chunk_ *= 4;
    // A pipe that was full to the brim is a busy one: fewer, larger turns. Not before, as users
    // other than root have only so many pages for pipes.
    if (!enlarged_ && count >= 64 * 1024) enlarged_ = true, pipe_.enlarge(whole);
  }

  void consume(std::size_t bytes) {
    buffer_.consume(bytes);
    scanner_.restart();
  }
  std::string take(std::size_t bytes) {
    scanner_.restart();
    return buffer_.take(bytes);
  }
  std::string take_everything() {
    scanner_.restart();
    return buffer_.drain();
  }

  class read_operation final : public stream_operation<read_operation> {
   public:
    read_operation(pointer reader, std::vector<asio::mutable_buffer> room, transfer_handler handler)
        : stream_operation(reader, reader->pipe_, async_pipe_end::to_read, reader->busy_,
                           std::move(handler)),
          reader_(std::move(reader)),
          room_(std::move(room)) {}

    /// Transfers what goes without waiting. True: the operation is done, one way or the other.
    bool attempt(error_code& result, std::size_t& count) {
      if (asio::buffer_size(room_) == 0) return true;
      if (reader_->given_up_) {
        result = asio::error::bad_descriptor;
        return true;
      }
      if (reader_->buffer_.empty()) {
        try {
          const fill_result filled = reader_->try_fill(piece);
          if (filled == fill_result::blocked) return false;
          if (filled == fill_result::end) result = asio::error::eof;
        } catch (const error& e) {
          result = e.code();
        }
      }
      const std::string_view bytes = reader_->buffer_.view();
      count = asio::buffer_copy(room_, asio::buffer(bytes.data(), bytes.size()));
      reader_->consume(count);
      return true;
    }

    bool is_open() const { return !reader_->closed_; }

    void about_to_wait(const std::shared_ptr<event>& wake) {
      if (reader_->keeper_) reader_->keeper_->notify(wake);
    }
    void ended(const error_code&, std::size_t&) {
      if (reader_->keeper_) reader_->stop_waiting_beside_keeper();
    }

   private:
    pointer reader_;
    std::vector<asio::mutable_buffer> room_;
  };

  async_pipe_end pipe_;
  buffer buffer_;
  std::size_t limit_;
  line_scanner scanner_;
  std::size_t chunk_ = smallest;
  bool terminal_;
  std::shared_ptr<stream_keeper> keeper_;  // or null
  bool eof_ = false;
  bool closed_ = false;    // by this side, before the end
  bool given_up_ = false;  // by the user
  bool busy_ = false;
  bool drained_ = true;  // nothing is known to be in the pipe: wait first
  bool enlarged_ = false;
  yield_budget budget_;
};

}  // namespace coproc::detail
