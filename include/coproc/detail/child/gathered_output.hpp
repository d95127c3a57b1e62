// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/keywords/options.hpp>
#include <coproc/detail/os/message_text.hpp>
#include <coproc/detail/pipe/buffer.hpp>
#include <memory>

namespace coproc::detail {

/// What communicate and capture do with one output on its way: keep it within a bound, and hand out
/// the pieces that a tee copies. The bytes themselves lie in the stream's buffer, where nothing is
/// lost when the gathering stops.
class gathered_output {
 public:
  std::shared_ptr<sink> copy_to;
  bool copy_failed = false;  // its stream has not taken everything

  /// Keeps what is in @p bytes within the bound. False: it must not be exceeded, and has been.
  bool keep_within(buffer& bytes, const output_bound& bound) {
    const std::size_t room = bound.bytes - head_text().size();
    if (bytes.size() <= room) return true;
    if (copy_to) set_aside(new_bytes(bytes));
    std::string& head = aside().head;
    std::string& tail = aside().tail;
    if (bound.then == output_bound::policy::head_and_tail) {
      if (head.empty()) head = bytes.take(bound.bytes / 2);
      const std::size_t excess = bytes.size() - (bound.bytes - head.size());
      dropped_ += excess;
      bytes.consume(excess);
    } else {
      dropped_ += bytes.size() - bound.bytes;
      tail = last_bytes(tail + std::string(last_bytes(bytes.view().substr(bound.bytes))));
      bytes.shorten(bound.bytes);
    }
    copied_ = bytes.consumed() + bytes.size();
    return bound.then != output_bound::policy::fail;
  }

  /// The next piece that is to be copied, if there is one. The view is good until the next call, or
  /// the next read.
  /// @param complete nothing more will come: a last line needs no newline
  /// @param limit a line that is longer comes in pieces
  std::optional<std::string_view> next_piece(const buffer& bytes, bool complete,
                                             std::size_t limit) {
    const bool lines = copy_to->lines;
    buffer& unfinished = aside().unfinished;
    unfinished.consume(std::exchange(piece_, 0));
    const std::size_t newline = lines ? unfinished.view().find('\n') : std::string_view::npos;
    if (newline != std::string_view::npos) {
      piece_ = newline + 1;
      return unfinished.view().substr(0, newline);
    }
    std::string_view text = new_bytes(bytes);
    std::size_t taken = text.size();
    bool whole = !lines;
    if (const auto end = text.find('\n'); lines && end != std::string_view::npos) {
      whole = true;
      text = text.substr(0, end);
      taken = end + 1;
    }
    const bool short_line = unfinished.size() + text.size() <= limit;
    if (taken == 0 && unfinished.empty()) return std::nullopt;
    if (!whole && !complete && short_line) return std::nullopt;
    copied_ = std::max(copied_, bytes.consumed()) + taken;
    if (unfinished.empty()) return text;
    set_aside(text);
    piece_ = unfinished.size();
    return unfinished.view();
  }

  /// How many of the bytes have not been copied yet.
  std::size_t uncopied(const buffer& bytes) const { return new_bytes(bytes).size(); }

  /// The bytes so far, or all of them.
  std::string text(const buffer& bytes) const { return bytes.copy(head_text()); }
  /// The same when complete, for the last time: without a second copy in memory.
  std::string take(buffer& bytes) { return head_text().empty() ? bytes.drain() : text(bytes); }

  /// How many bytes the bound has left out.
  std::size_t dropped() const noexcept { return dropped_; }
  /// The last of what was cut off: a message may need it.
  std::string_view tail_text() const { return aside_ ? aside_->tail : std::string_view(); }

 private:
  /// What is no more in the buffer; only a tee or a bound needs it.
  struct set_aside_bytes {
    buffer unfinished;  // the start of a line that is not whole, or what a bound has cut off
    std::string head;   // with head_and_tail: the first half, once the buffer has overflowed
    std::string tail;
  };
  set_aside_bytes& aside() {
    if (!aside_) aside_ = std::make_unique<set_aside_bytes>();
    return *aside_;
  }
  std::string_view head_text() const { return aside_ ? aside_->head : std::string_view(); }

  void set_aside(std::string_view text) {
    if (text.empty()) return;
    buffer& unfinished = aside().unfinished;
    std::memcpy(unfinished.prepare(text.size()).first, text.data(), text.size());
    unfinished.commit(text.size());
  }

  /// What has not been copied yet, of what is in the buffer. (Somebody may have read some of it.)
  std::string_view new_bytes(const buffer& bytes) const {
    const std::size_t from = std::max(copied_, bytes.consumed()) - bytes.consumed();
    return bytes.view().substr(std::min(from, bytes.size()));
  }

  std::size_t copied_ = 0;  // up to this byte of the stream
  std::size_t dropped_ = 0;
  std::size_t piece_ = 0;  // so much of `unfinished` has been handed out
  std::unique_ptr<set_aside_bytes> aside_;
};

}  // namespace coproc::detail
