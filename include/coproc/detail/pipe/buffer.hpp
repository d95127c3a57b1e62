// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <coproc/awaitable.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace coproc::detail {

/// Bytes between a reader in the kernel and a reader in the program: appended at the end, consumed
/// at the front. Memory of malloc, since realloc grows a large block by moving pages, not bytes,
/// and nothing is ever zeroed.
class buffer {
 public:
  buffer() = default;
  buffer(buffer&& other) noexcept { swap(other); }
  buffer& operator=(buffer&& other) noexcept {
    buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~buffer() { std::free(data_); }

  std::string_view view() const noexcept { return {data_ + begin_, end_ - begin_}; }
  std::size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }

  /// Room at the end for @p least bytes or more.
  std::pair<char*, std::size_t> prepare(std::size_t least) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ < least) {
      // Move to the front only what is small beside the room this makes, so that it costs O(1) a
      // byte however the caller mixes reads.
      if (size() + least <= capacity_ && size() <= begin_) {
        std::memmove(data_, data_ + begin_, size());
        end_ = size();
        begin_ = 0;
      } else {
        grow(end_ + least);
      }
    }
    return {data_ + end_, capacity_ - end_};
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
    std::string text;
    text.reserve(before.size() + size());
    advise_huge(text.data(), text.capacity());
    text.append(before).append(view());
    return text;
  }

  /// All of it as a string, giving its own pages back on the way: the two together hold little
  /// more than the bytes.
  std::string drain() {
    constexpr std::size_t slice = 4u << 20;
    std::string text;
    text.reserve(size());
    advise_huge(text.data(), size());
    while (size() > slice) {
      text.append(view().substr(0, slice));
      forget(slice);
      consume(slice);
    }
    text.append(view());
    const std::size_t total = consumed_ + size();
    *this = buffer();
    consumed_ = total;
    return text;
  }

 private:
  void swap(buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(consumed_, other.consumed_);
  }

  void grow(std::size_t least) {
    const std::size_t capacity =
        std::max(least, capacity_ < large ? capacity_ * 2 : capacity_ / 2 * 3);
    auto* const data = static_cast<char*>(std::realloc(data_, capacity));
    if (data == nullptr) throw std::bad_alloc();
    data_ = data;
    capacity_ = capacity;
    advise_huge(data_, capacity_);
  }

#if !defined(_WIN32)
  /// The page boundary at or below an address.
  static char* page_of(char* at) {
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    return at - reinterpret_cast<std::uintptr_t>(at) % page;
  }
#endif

  /// Asks for large pages: with small ones, page faults take most of the time of a large capture.
  static void advise_huge([[maybe_unused]] char* data, [[maybe_unused]] std::size_t size) {
#if defined(MADV_HUGEPAGE)
    if (size >= large) ::madvise(page_of(data), size, MADV_HUGEPAGE);
#endif
  }

  /// Gives the whole pages of the next @p bytes back to the system; what was in them is lost.
  void forget([[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
    // Not the page in which the block starts: what is before the block is another's.
    char* const from = std::max(page_of(data_) + ::sysconf(_SC_PAGESIZE), page_of(data_ + begin_));
    char* const to = page_of(data_ + begin_ + bytes);
    if (to > from) ::madvise(from, static_cast<std::size_t>(to - from), MADV_DONTNEED);
#endif
  }

  static constexpr std::size_t large = 1u << 20;

  char* data_ = nullptr;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0, consumed_ = 0;
};

}  // namespace coproc::detail
