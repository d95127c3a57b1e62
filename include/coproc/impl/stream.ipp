// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/pipe/pipe_reader.hpp>
#include <coproc/detail/pipe/pipe_writer.hpp>
#include <coproc/stream.hpp>

namespace coproc {
namespace detail {

COPROC_INLINE bool context_has_gone(const pipe_reader& stream) { return !stream.executor(); }
COPROC_INLINE bool context_has_gone(const pipe_writer& stream) { return !stream.executor(); }

COPROC_ON_USE void async_read_some(std::shared_ptr<pipe_reader> from,
                                   std::vector<asio::mutable_buffer> room,
                                   transfer_handler handler) {
  pipe_reader::async_read_some(std::move(from), std::move(room), std::move(handler));
}

COPROC_ON_USE void async_write_some(std::shared_ptr<pipe_writer> to,
                                    std::vector<asio::const_buffer> bytes,
                                    transfer_handler handler) {
  pipe_writer::async_write_some(std::move(to), std::move(bytes), std::move(handler));
}

// What pipe_reader::with_line takes.

/// What ends a line: a newline, where no separator is given.
class line_end {
 public:
  line_end() = default;
  explicit line_end(separator given)
      : given_(std::make_shared<const separator>(std::move(given))) {}
  const separator& by() const {
    static const separator newline('\n');
    return given_ ? *given_ : newline;
  }

 private:
  std::shared_ptr<const separator> given_;
};

class copy_of_line : public line_end {
 public:
  using line_end::line_end;
  std::optional<std::string> operator()(pipe_reader& reader) const {
    const auto line = reader.next_line(by());
    return line ? std::optional<std::string>(*line) : std::nullopt;
  }
};

class line_into : public line_end {
 public:
  template <class... Separator>
  explicit line_into(std::string& line, Separator&&... by)
      : line_end(std::forward<Separator>(by)...), line_(line) {}
  bool operator()(pipe_reader& reader) const {
    const auto line = reader.next_line(by());
    line_ = line.value_or(std::string_view());
    return line.has_value();
  }

 private:
  std::string& line_;
};

class whole_lines : public line_end {
 public:
  using line_end::line_end;
  line_views operator()(pipe_reader& reader) const {
    return line_views(reader.next_lines(by()), by());
  }
};

}  // namespace detail

COPROC_ON_USE awaitable<std::string> reader::read() {
  return detail::pipe_reader::read(stream_, detail::read_request::everything());
}

COPROC_ON_USE awaitable<std::string> reader::read(std::size_t most) {
  return detail::pipe_reader::read(stream_, detail::read_request::at_most(most));
}

COPROC_ON_USE awaitable<std::string> reader::readexactly(std::size_t count) {
  return detail::pipe_reader::read(stream_, detail::read_request::exactly(count));
}

COPROC_ON_USE awaitable<std::string> reader::readuntil(std::string separator) {
  return readuntil(std::move(separator), stream_->limit());
}

COPROC_ON_USE awaitable<std::string> reader::readuntil(std::string separator, std::size_t most) {
  return detail::pipe_reader::read(
      stream_, detail::read_request::until(std::move(separator), "readuntil", most));
}

COPROC_ON_USE awaitable<std::string> reader::until(std::string text, std::size_t most) {
  return detail::pipe_reader::read(stream_,
                                   detail::read_request::until(std::move(text), "until", most));
}

COPROC_ON_USE awaitable<found_text> reader::until_first(std::vector<std::string> texts) {
  return detail::pipe_reader::read_until_first(stream_,
                                               detail::read_request::until_first(std::move(texts)));
}

COPROC_ON_USE awaitable<std::optional<std::string>> reader::readline() {
  return detail::pipe_reader::with_line(stream_, "readline", detail::copy_of_line());
}

COPROC_ON_USE awaitable<bool> reader::readline(std::string& line) {
  return detail::pipe_reader::with_line(stream_, "readline", detail::line_into(line));
}

COPROC_ON_USE awaitable<line_views> reader::lines() {
  return detail::pipe_reader::with_line(stream_, "lines", detail::whole_lines());
}

COPROC_ON_USE awaitable<std::optional<std::string>> reader::readline(separator by) {
  return detail::pipe_reader::with_line(stream_, "readline", detail::copy_of_line(std::move(by)));
}

COPROC_ON_USE awaitable<bool> reader::readline(separator by, std::string& record) {
  return detail::pipe_reader::with_line(stream_, "readline",
                                        detail::line_into(record, std::move(by)));
}

COPROC_ON_USE awaitable<line_views> reader::lines(separator by) {
  return detail::pipe_reader::with_line(stream_, "lines", detail::whole_lines(std::move(by)));
}

COPROC_INLINE void reader::close() { stream_->give_up(); }
COPROC_INLINE bool reader::is_open() const noexcept { return stream_->is_open(); }
COPROC_INLINE bool reader::at_eof() const noexcept { return stream_->at_eof(); }
COPROC_INLINE reader::executor_type reader::get_executor() const { return stream_->executor(); }

COPROC_ON_USE awaitable<void> writer::write(std::string bytes) {
  return detail::pipe_writer::write(stream_, std::move(bytes));
}

COPROC_INLINE void writer::close() { stream_->close(); }
COPROC_INLINE bool writer::is_open() const noexcept { return stream_->is_open(); }
COPROC_INLINE writer::executor_type writer::get_executor() const { return stream_->executor(); }

}  // namespace coproc
