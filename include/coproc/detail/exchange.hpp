// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/child.hpp>
#include <coproc/detail/pipe_reader.hpp>
#include <coproc/detail/pipe_writer.hpp>
#include <coproc/detail/printable.hpp>
#include <memory>

namespace coproc::detail {

/// One output of a child as communicate and capture gather it. The bytes lie in the reader, where
/// nothing is lost when the gathering stops; this is what is done with them on the way.
class gathering {
 public:
  std::shared_ptr<pipe_reader> stream;  // null where it is not piped, or not made yet
  std::shared_ptr<sink> copy_to;
  std::size_t copied = 0;  // up to this byte of the stream
  std::size_t dropped = 0;
  buffer all;  // when complete

  /// What is no more in the buffer; only a tee or a bound needs it.
  struct taken_out {
    std::string unfinished;  // the start of a line that is not whole
    std::string head;        // with head_and_tail: the first half, once the buffer has overflowed
    std::string tail;        // the last of what was cut off: a message may need it
  };
  taken_out& beside() {
    if (!beside_) beside_ = std::make_unique<taken_out>();
    return *beside_;
  }
  std::string_view head_text() const { return beside_ ? beside_->head : std::string_view(); }
  std::string_view tail_text() const { return beside_ ? beside_->tail : std::string_view(); }

  bool open() const { return stream && !stream->ended(); }

  /// Keeps what there is within the bound. False: it must not be exceeded, and has been.
  bool keep_within(const output_bound& bound) {
    if (!stream) return true;
    buffer& bytes = stream->bytes();
    const std::size_t room = bound.bytes - head_text().size();
    if (bytes.size() <= room) return true;
    auto& [unfinished, head, tail] = beside();
    if (copy_to) unfinished += new_bytes();
    if (bound.then == output_bound::policy::head_and_tail) {
      if (head.empty()) head = bytes.take(bound.bytes / 2);
      const std::size_t gone = bytes.size() - (bound.bytes - head.size());
      dropped += gone;
      bytes.consume(gone);
    } else {
      dropped += bytes.size() - bound.bytes;
      tail = last_bytes(tail + std::string(last_bytes(bytes.view().substr(bound.bytes))));
      bytes.shorten(bound.bytes);
    }
    copied = bytes.consumed() + bytes.size();
    return bound.then != output_bound::policy::fail;
  }

  /// What has not been copied yet, of what is in the buffer. (Somebody may have read some of it.)
  std::string_view new_bytes() const {
    const buffer& bytes = stream->bytes();
    const std::size_t from = std::max(copied, bytes.consumed()) - bytes.consumed();
    return bytes.view().substr(std::min(from, bytes.size()));
  }

  std::string text(const buffer& bytes) const { return bytes.copy(head_text()); }
  /// The same when complete, for the last time: without a second copy in memory.
  std::string take() { return head_text().empty() ? all.drain() : text(all); }

 private:
  std::unique_ptr<taken_out> beside_;
};

/// One child with its streams, and what communicate or capture has done with them so far.
class exchange {
 public:
  exchange(const asio::any_io_executor& executor, launched& started, const options& how)
      : who(std::make_shared<child>(executor, started)), most(how.max_output), limit_(how.limit) {
    const auto terminal = [&](int fd) { return how.streams[fd].what == stdio::kind::terminal; };
    one_terminal = terminal(1) && terminal(2);
    out.copy_to = how.streams[1].copy_to;
    err.copy_to = how.streams[2].copy_to;
    for (const int fd : {0, 1, 2}) {
      unmade_[fd] = std::move(started.ends[fd]);
      to_make_[fd] = static_cast<bool>(unmade_[fd]);
      if (terminal(fd)) make_stream(fd, true);
    }
  }
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  /// Makes what is behind a stream, at its first use: many a child is only waited for.
  void make_stream(int fd, bool terminal = false) {
    if (!to_make_[fd]) return;
    unique_fd& end = unmade_[fd];
    const bool closed = !end;  // by close(), before anybody has used it
    if (fd == 0) {
      in = std::make_shared<pipe_writer>(who->executor(), std::move(end), terminal);
    } else {
      auto& stream = (fd == 1 ? out : err).stream;
      stream = std::make_shared<pipe_reader>(who->executor(), std::move(end), limit_, terminal);
      if (closed) stream->close();
    }
    to_make_[fd] = false;
  }
  void make_streams() {
    for (const int fd : {0, 1, 2}) make_stream(fd);
  }

  std::shared_ptr<child> who;
  std::shared_ptr<pipe_writer> in;  // null where it is not piped, or not made yet
  gathering out, err;
  const std::optional<output_bound> most;

  std::string input;
  std::size_t input_done = 0;
  bool one_terminal = false;  // for both outputs: it is read as stdout
  bool has_input = false;  // an input has been given, if only an empty one
  bool complete = false;   // all outputs are in
  bool abandoned = false;  // the process has been destroyed, or released
  bool pipe_still_open = false;
  std::weak_ptr<wakeup> waiting;  // of a communicate or capture that goes on
  static constexpr unsigned other_news = 1u << 8;  // none of the bits that a session has
  std::size_t next_first = 1;  // for next_line: whose turn it is
  fairness turns;

  /// The bytes so far, or all of them.
  output gathered() const {
    const auto text = [this](const gathering& one) {
      return one.stream ? one.text(complete ? one.all : one.stream->bytes()) : std::string();
    };
    output now(text(out), text(err));
    now.pipe_still_open = pipe_still_open;
    now.out_dropped = out.dropped;
    now.err_dropped = err.dropped;
    return now;
  }

  /// The same, when complete and for the last time.
  output take() {
    output now;
    now.out = out.take();
    now.err = err.take();
    now.pipe_still_open = pipe_still_open;
    now.out_dropped = out.dropped;
    now.err_dropped = err.dropped;
    return now;
  }

  void finish(bool left_open) {
    pipe_still_open = left_open;
    complete = true;
    if (out.stream) out.all = std::move(out.stream->bytes());
    if (err.stream) err.all = std::move(err.stream->bytes());
    close();
  }

  /// Ends all streams, and what uses them as if cancelled.
  void abandon() {
    abandoned = true;
    close();
    if (const auto wake = waiting.lock()) wake->notify(other_news);
  }

  /// Ends all streams.
  void close() {
    for (unique_fd& end : unmade_) end.reset();
    if (in) in->close();
    if (out.stream) out.stream->close();
    if (err.stream) err.stream->close();
  }

  /// @throws std::logic_error where another operation uses a stream.
  void check_idle(const char* what) const {
    if (in) one_at_a_time::check(in->busy(), what);
    if (out.stream) one_at_a_time::check(out.stream->busy(), what);
    if (err.stream) one_at_a_time::check(err.stream->busy(), what);
  }

 private:
  const std::size_t limit_;
  unique_fd unmade_[3];
  bool to_make_[3] = {};
};

}  // namespace coproc::detail
