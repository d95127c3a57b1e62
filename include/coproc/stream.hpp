// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>
#include <coproc/detail/keywords/text.hpp>
#include <coproc/separator.hpp>
#include <coproc/status.hpp>
#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coproc {
namespace detail {

class pipe_reader;
class pipe_writer;

using transfer_handler = asio::any_completion_handler<void(error_code, std::size_t)>;
COPROC_ON_USE void async_read_some(std::shared_ptr<pipe_reader> from,
                                   std::vector<asio::mutable_buffer> room,
                                   transfer_handler handler);
COPROC_ON_USE void async_write_some(std::shared_ptr<pipe_writer> to,
                                    std::vector<asio::const_buffer> bytes,
                                    transfer_handler handler);
bool context_has_gone(const pipe_reader& stream);
bool context_has_gone(const pipe_writer& stream);

/// The end of an operation on a stream whose context has gone: nothing else could tell of it.
template <class Handler>
void post_bad_descriptor(Handler handler) {
  const auto executor = asio::get_associated_executor(handler, asio::system_executor());
  asio::post(executor, [handler = std::move(handler)]() mutable {
    std::move(handler)(error_code(asio::error::bad_descriptor), std::size_t{0});
  });
}

template <class Buffer, class Buffers>
std::vector<Buffer> buffer_list(const Buffers& buffers) {
  return {asio::buffer_sequence_begin(buffers), asio::buffer_sequence_end(buffers)};
}

}  // namespace detail

/// Lines, or other records, in a stream's buffer, as views into it, good until the next operation
/// on that stream. Empty only at the end of the stream.
class line_views {
 public:
  /// A forward iterator over std::string_view.
  class iterator {
   public:
    /// @cond
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    iterator(std::string_view rest, separator by) : rest_(rest), by_(std::move(by)) { find(); }
    std::string_view operator*() const { return rest_.substr(0, length_); }
    iterator& operator++() {
      rest_.remove_prefix(std::min(rest_.size(), length_ + by_.size()));
      find();
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const { return rest_.size() == other.rest_.size(); }
    /// @endcond

   private:
    void find() { length_ = std::min(by_.find(rest_), rest_.size()); }

    std::string_view rest_;
    separator by_ = separator('\n');
    std::size_t length_ = 0;
  };

  /// The lines of @p text, a last one without a separator among them.
  explicit line_views(std::string_view text, separator by = separator('\n'))
      : text_(text), by_(std::move(by)) {}
  /// The first.
  iterator begin() const { return iterator(text_, by_); }
  /// Behind the last.
  iterator end() const { return iterator(text_.substr(text_.size()), by_); }
  /// Whether there is none.
  bool empty() const { return text_.empty(); }

 private:
  std::string_view text_;
  separator by_;
};

/// The end of a child's stdout or stderr that is in this process: `process.std_out()`.
///
/// One operation at a time: a second one beside it is a `std::logic_error` at once.
/// @cancellation Each operation takes all cancellation types and then throws `cancelled_error`.
/// No byte is lost: what was read stays in the stream for the next operation. The child does not
/// notice.
/// @threads The process may be moved while an operation runs; destroying it cancels
/// the operation. Use one stream from one thread or strand at a time.
/// @source asyncio's StreamReader. Where we differ: an end of stream is an empty optional, not
/// empty bytes; lines come without their newline; and a line that is too long stays in the stream.
class reader {
 public:
  /// @private For the library's own use.
  explicit reader(std::shared_ptr<detail::pipe_reader> stream) : stream_(std::move(stream)) {}
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;

  /// Everything up to the end of the stream.
  COPROC_ON_USE awaitable<std::string> read();

  /// What there is, at least one byte and at most @p most; empty only at the end.
  COPROC_ON_USE awaitable<std::string> read(std::size_t most);

  /// Exactly @p count bytes.
  /// @throws incomplete_read_error with the bytes there were, if the stream ends before that
  COPROC_ON_USE awaitable<std::string> readexactly(std::size_t count);

  /// The same as below, with the stream's `limit`.
  COPROC_ON_USE awaitable<std::string> readuntil(std::string separator = "\n");
  /// Up to and with @p separator, which must not be empty; what follows it stays.
  /// @param most how many bytes may come before it
  /// @throws incomplete_read_error with the bytes there were, if the stream ends before that
  /// @throws limit_error if more than @p most bytes have no separator; they stay in the stream
  COPROC_ON_USE awaitable<std::string> readuntil(std::string separator, std::size_t most);
  /// The same for what converts to a std::string_view.
  template <detail::text Text, std::convertible_to<std::size_t>... Most>
  awaitable<std::string> readuntil(const Text& separator, Most... most) {
    return readuntil(detail::to_bytes(separator), static_cast<std::size_t>(most)...);
  }

  /// Returns as soon as @p text has come by, with all up to and with it.
  /// @param most how many bytes may come before it; any number by default
  /// @throws incomplete_read_error with the bytes there were, if the stream ends before that
  /// @throws limit_error if more than @p most bytes come before it; they stay in the stream
  COPROC_ON_USE awaitable<std::string> until(
      std::string text, std::size_t most = std::numeric_limits<std::size_t>::max());
  /// The same for what converts to a std::string_view.
  template <detail::text Text, std::convertible_to<std::size_t>... Most>
  awaitable<std::string> until(const Text& text, Most... most) {
    return until(detail::to_bytes(text), static_cast<std::size_t>(most)...);
  }

  /// Returns as soon as one of several texts has come by: `until("(yes/no)? ", "password: ")`. That
  /// is the one that ends first; of two that end with the same byte, the one that stands first
  /// here. What follows it stays.
  /// @return `index`, from 0, of the text that has come, and as `text` all up to and with it
  /// @throws incomplete_read_error with the bytes there were, if the stream ends before that
  template <detail::text First, detail::text Second, detail::text... More>
  awaitable<found_text> until(const First& first, const Second& second, const More&... more) {
    std::vector<std::string> texts{detail::to_bytes(first), detail::to_bytes(second),
                                   detail::to_bytes(more)...};
    return until_first(std::move(texts));
  }

  /// The next line without its newline, or nothing at the end of the stream. A last line needs no
  /// newline. `while (auto line = co_await process.std_out().readline())`
  /// @throws limit_error if the line is longer than `limit` bytes; it stays in the stream
  /// @shown{read_lines.cpp}
  COPROC_ON_USE awaitable<std::optional<std::string>> readline();

  /// The same into @p line, whose memory is used again. False at the end of the stream.
  /// @lifetime @p line must live until the operation has ended.
  COPROC_ON_USE awaitable<bool> readline(std::string& line);

  /// All lines that are in the buffer, waiting for one if there is none, as views that are good
  /// until the next operation; empty at the end. The way to go through very much text.
  /// @throws limit_error as readline
  COPROC_ON_USE awaitable<line_views> lines();

  // The same for records that end with something else than a newline: `readline('\0')` for `git -z`
  // and `find -print0`, `readline("\r\n")`, `readline(any_of("\r\n"))`.

  /// The next record without its separator, or nothing at the end of the stream.
  /// @throws limit_error as readline; std::invalid_argument for an empty separator
  COPROC_ON_USE awaitable<std::optional<std::string>> readline(separator by);
  /// The same into @p record, whose memory is used again. False at the end of the stream. (A
  /// separator comes first: a string alone is the line to read into.)
  /// @lifetime @p record must live until the operation has ended.
  COPROC_ON_USE awaitable<bool> readline(separator by, std::string& record);
  /// All whole records that are in the buffer, as lines().
  COPROC_ON_USE awaitable<line_views> lines(separator by);

  /// Wants no more: what has not been read is dropped, and the child's next write fails (SIGPIPE,
  /// or EPIPE where it ignores that), as `head` makes it. An operation that waits ends as if
  /// cancelled; a later one is an `error` with code `bad_descriptor`, at once. May be called at any
  /// time and any number of times.
  void close();
  /// False once close() has been called.
  bool is_open() const noexcept;

  /// True when the stream has ended and all of it has been read.
  bool at_eof() const noexcept;

  /// As Asio's AsyncReadStream has it.
  using executor_type = asio::any_io_executor;
  /// That of the process; empty once its context has gone.
  executor_type get_executor() const;
  /// What makes it an AsyncReadStream of Asio's, so that asio::async_read_until and others work on
  /// it. What the functions above have left in the stream comes first.
  template <class MutableBuffers, class Token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [stream = stream_](auto handler, std::vector<asio::mutable_buffer> room) {
          if (detail::context_has_gone(*stream))
            return detail::post_bad_descriptor(std::move(handler));
          detail::async_read_some(stream, std::move(room), std::move(handler));
        },
        token, detail::buffer_list<asio::mutable_buffer>(buffers));
  }

  /// @private For the library's own use.
  const std::shared_ptr<detail::pipe_reader>& implementation() const { return stream_; }

 private:
  COPROC_ON_USE awaitable<found_text> until_first(std::vector<std::string> texts);

  std::shared_ptr<detail::pipe_reader> stream_;
};

/// The end of a child's stdin that is in this process: `process.std_in()`.
///
/// Writes queue: one that is begun beside others is done after them. A write never raises SIGPIPE,
/// whatever the host does with that signal.
/// @threads As for reader.
/// @source asyncio's StreamWriter, with write and drain in one.
class writer {
 public:
  /// @private For the library's own use.
  explicit writer(std::shared_ptr<detail::pipe_writer> stream) : stream_(std::move(stream)) {}
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  /// Writes all of @p bytes, text or a range of bytes; returns when the pipe has taken the last of
  /// them, so a child that does not read makes it wait.
  /// @throws error with code `broken_pipe` when the child has closed its end or has ended, with
  /// `io_error` when a write before it was cancelled in the middle of its bytes; std::logic_error
  /// beside communicate or async_write_some
  /// @cancellation All types; throws a `cancelled_error` that says how many bytes had been
  /// written(). Where that is none, those that wait behind it go on.
  /// @shown{interpreter.cpp}
  COPROC_ON_USE awaitable<void> write(std::string bytes);
  /// The same.
  template <detail::bytes Bytes>
  awaitable<void> write(const Bytes& bytes) {
    return write(detail::to_bytes(bytes));
  }

  /// Closes the stream: the child reads an end of file. A write that waits ends as if cancelled,
  /// one after that fails at once. May be called at any time and any number of times.
  void close();
  /// False after close().
  bool is_open() const noexcept;

  /// As Asio's AsyncWriteStream has it.
  using executor_type = asio::any_io_executor;
  /// That of the process; empty once its context has gone.
  executor_type get_executor() const;
  /// What makes it an AsyncWriteStream of Asio's, for asio::async_write and others.
  template <class ConstBuffers, class Token>
  auto async_write_some(const ConstBuffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [stream = stream_](auto handler, std::vector<asio::const_buffer> bytes) {
          if (detail::context_has_gone(*stream))
            return detail::post_bad_descriptor(std::move(handler));
          detail::async_write_some(stream, std::move(bytes), std::move(handler));
        },
        token, detail::buffer_list<asio::const_buffer>(buffers));
  }

  /// @private For the library's own use.
  const std::shared_ptr<detail::pipe_writer>& implementation() const { return stream_; }

 private:
  std::shared_ptr<detail::pipe_writer> stream_;
};

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/stream.ipp>
#include <coproc/impl/task_group.ipp>
#endif
