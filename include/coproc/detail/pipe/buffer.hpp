// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/detail/os/os.hpp>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace coproc::detail {

/// Bytes between a reader in the kernel and a reader in the program: appended at the end, consumed
/// at the front. Nothing is ever zeroed.
class buffer {
 public:
  buffer() = default;
  buffer(buffer&& other) noexcept { swap(other); }
  buffer& operator=(buffer&& other) noexcept {
    buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~buffer() = default;

  std::string_view view() const noexcept { return {memory_.data() + begin_, end_ - begin_}; }
  std::size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }

  /// Room at the end for @p least bytes or more.
  std::pair<char*, std::size_t> prepare(std::size_t least) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (memory_.capacity() - end_ < least) {
      // Move to the front only what is small beside the room this makes, so that it costs O(1) a
      // byte however the caller mixes reads.
      if (size() + least <= memory_.capacity() && size() <= begin_) {
        std::memmove(memory_.data(), memory_.data() + begin_, size());
        end_ = size();
        begin_ = 0;
      } else {
        memory_.grow(end_ + least);
      }
    }
    return {memory_.data() + end_, memory_.capacity() - end_};
  }
  void commit(std::size_t bytes) noexcept { end_ += bytes; }
  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    consumed_ += bytes;
  }
  /// How many bytes have been consumed, all in all.
  std::size_t consumed() const noexcept { return consumed_; }

  void shorten(std::size_t bytes) noexcept { end_ = std::min(end_, begin_ + bytes); }

  std::string take(std::size_t bytes) {
    std::string text(view().substr(0, bytes));
    consume(bytes);
    return text;
  }

  /// A copy of all of it, behind @p before.
  std::string copy(std::string_view before) const {
    std::string text = room_for(before.size() + size());
    text.append(before).append(view());
    return text;
  }

  /// All of it as a string, giving its own pages back on the way: the two together hold little
  /// more than the bytes.
  std::string drain() {
    constexpr std::size_t slice = 4u << 20;
    std::string text = room_for(size());
    while (size() > slice) {
      text.append(view().substr(0, slice));
      memory_.forget(begin_, begin_ + slice);
      consume(slice);
    }
    text.append(view());
    const std::size_t total = consumed_ + size();
    *this = buffer();
    consumed_ = total;
    return text;
  }

 private:
  static std::string room_for(std::size_t bytes) {
    std::string text;
    text.reserve(bytes);
    growing_memory::expect_much(text.data(), bytes);
    return text;
  }

  void swap(buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(consumed_, other.consumed_);
  }

  growing_memory memory_;
  std::size_t begin_ = 0, end_ = 0, consumed_ = 0;
};

}  // namespace coproc::detail
