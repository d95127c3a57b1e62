// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace coproc::detail {

/// Memory that grows, of malloc, which is never zeroed.
class growing_memory {
 public:
  growing_memory() = default;
  growing_memory(growing_memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  growing_memory& operator=(growing_memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~growing_memory() { std::free(data_); }

  char* data() const noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }

  void grow(std::size_t least) {
    const std::size_t capacity = std::max(least, capacity_ * 2);
    auto* const data = static_cast<char*>(std::realloc(data_, capacity));
    if (data == nullptr) throw std::bad_alloc();
    data_ = data;
    capacity_ = capacity;
  }
  void forget(std::size_t, std::size_t) {}
  static void expect_much(char*, std::size_t) {}

 private:
  char* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace coproc::detail
