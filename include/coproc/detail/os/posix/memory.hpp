// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace coproc::detail {

/// Memory that grows, of malloc. On Linux, once it is large, a part of the address space that has
/// room to grow in place, on large pages: page faults take most of the time of a large capture, and
/// these take one for each 2 MiB.
class growing_memory {
 public:
  growing_memory() = default;
  growing_memory(growing_memory&& other) noexcept { swap(other); }
  growing_memory& operator=(growing_memory&& other) noexcept {
    growing_memory(std::move(other)).swap(*this);
    return *this;
  }
  ~growing_memory() {
    if (reserved_ > 0) ::munmap(data_, reserved_);
    else std::free(data_);
  }

  char* data() const noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }

  /// Makes the capacity @p least or more. What is in it may move.
  void grow(std::size_t least) {
    if (least >= large && grow_in_place(least)) return;
    const std::size_t capacity =
        std::max(least, capacity_ < large ? capacity_ * 2 : capacity_ / 2 * 3);
    auto* const data = static_cast<char*>(std::realloc(reserved_ > 0 ? nullptr : data_, capacity));
    if (data == nullptr) throw std::bad_alloc();
    if (reserved_ > 0) {
      std::memcpy(data, data_, capacity_);
      *this = growing_memory();
    }
    data_ = data;
    capacity_ = capacity;
    expect_much(data_, capacity_);
  }

  /// Gives whole pages back to the system, from one offset to another; what was in them is lost.
  void forget([[maybe_unused]] std::size_t from, [[maybe_unused]] std::size_t to) {
#if defined(__linux__)
    // Not the page in which a block of malloc's starts: what is before the block is another's.
    char* const own = reserved_ > 0 ? data_ : page_of(data_) + ::sysconf(_SC_PAGESIZE);
    char* const start = std::max(own, page_of(data_ + from));
    char* const end = page_of(data_ + to);
    if (end > start) ::madvise(start, static_cast<std::size_t>(end - start), MADV_DONTNEED);
#endif
  }

  /// Asks for large pages for somebody's memory that will be written to as a whole.
  static void expect_much([[maybe_unused]] char* data, [[maybe_unused]] std::size_t size) {
#if defined(MADV_HUGEPAGE)
    if (size >= large) ::madvise(page_of(data), size, MADV_HUGEPAGE);
#endif
  }

 private:
  static constexpr std::size_t large = 1u << 20;

  void swap(growing_memory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(reserved_, other.reserved_);
  }

  /// The page boundary at or below an address.
  static char* page_of(char* at) {
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    return at - reinterpret_cast<std::uintptr_t>(at) % page;
  }

#if defined(__linux__) && defined(MADV_HUGEPAGE)
  static constexpr std::size_t large_page = 2u << 20;

  static std::size_t whole_pages(std::size_t bytes) {
    return (bytes + large_page - 1) / large_page * large_page;
  }

  /// Reserves address space of which what is not used yet cannot be accessed, and costs nothing.
  static growing_memory reserve(std::size_t bytes) {
    growing_memory made;
    void* const block = ::mmap(nullptr, bytes + large_page, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) return made;
    // Aligned, since nothing else gets large pages, nor keeps them when it is moved.
    char* const start = static_cast<char*>(block);
    const std::size_t before = whole_pages(reinterpret_cast<std::uintptr_t>(start)) -
                               reinterpret_cast<std::uintptr_t>(start);
    if (before > 0) ::munmap(start, before);
    if (before < large_page) ::munmap(start + before + bytes, large_page - before);
    ::madvise(start + before, bytes, MADV_HUGEPAGE);
    made.data_ = start + before;
    made.reserved_ = bytes;
    return made;
  }

  /// False: not here, or not now.
  bool grow_in_place(std::size_t least) {
    if constexpr (sizeof(void*) < 8) return false;
    const std::size_t capacity = whole_pages(std::max(least, capacity_ * 2));
    if (capacity <= reserved_) {
      if (::mprotect(data_, capacity, PROT_READ | PROT_WRITE) != 0) return false;
      capacity_ = capacity;
      return true;
    }
    growing_memory larger = reserve(std::max(std::size_t{1} << 30, capacity * 2));
    if (larger.reserved_ == 0 || !larger.grow_in_place(capacity)) return false;
    if (reserved_ == 0) {
      std::copy_n(data_, capacity_, larger.data_);
    } else {
      // What was moved from is nobody's at once: another thread may have it already.
      if (::mremap(data_, capacity_, capacity_, MREMAP_MAYMOVE | MREMAP_FIXED, larger.data_) ==
          MAP_FAILED)
        throw std::bad_alloc();
      data_ += capacity_;
      reserved_ -= capacity_;
      if (reserved_ == 0) data_ = nullptr;
    }
    swap(larger);
    return true;
  }
#else
  bool grow_in_place(std::size_t) { return false; }
#endif

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t reserved_ = 0;  // 0: it is malloc's
};

}  // namespace coproc::detail
