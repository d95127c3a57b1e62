// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace coproc {

/// What ends a record of a stream: a byte, a text, or any one of some bytes.
/// `readline('\0')`, `readline("\r\n")`, `lines(any_of("\r\n"))`
class separator {
 public:
  /// One byte.
  template <std::same_as<char> Byte>
  separator(Byte byte) noexcept : first_(byte) {}
  /// A literal with all its bytes, but for the NUL that the compiler adds.
  template <std::size_t Size>
  separator(const char (&text)[Size]) : separator(std::string_view(text, Size - 1), false) {}
  /// An array that is no literal: up to its NUL.
  template <std::size_t Size>
  separator(char (&text)[Size]) : separator(std::string_view(text), false) {}
  /// @throws std::invalid_argument where the text is empty
  template <std::convertible_to<std::string_view> Text>
  separator(const Text& text) : separator(std::string_view(text), false) {}
  /// @param any each of the bytes is a separator, not all of them together
  separator(std::string_view bytes, bool any) : any_(any && bytes.size() > 1) {
    if (bytes.empty()) throw std::invalid_argument("coproc: the separator is empty");
    first_ = bytes.front();
    if (bytes.size() > 1) bytes_ = bytes;
  }

  /// How many bytes one of them has.
  std::size_t size() const noexcept { return any_ || bytes_.empty() ? 1 : bytes_.size(); }

  /// Where the first is that starts at @p from or later, or npos.
  std::size_t find(std::string_view text, std::size_t from = 0) const noexcept {
    if (bytes_.empty()) return text.find(first_, from);
    return any_ ? text.find_first_of(bytes_, from) : text.find(bytes_, from);
  }
  /// Where the last is that starts at @p last or before, or npos.
  std::size_t rfind(std::string_view text,
                    std::size_t last = std::string_view::npos) const noexcept {
    if (bytes_.empty()) return text.rfind(first_, last);
    return any_ ? text.find_last_of(bytes_, last) : text.rfind(bytes_, last);
  }

  /// Whether both end the same records.
  friend bool operator==(const separator& one, const separator& other) noexcept {
    return one.first_ == other.first_ && one.any_ == other.any_ && one.bytes_ == other.bytes_;
  }

 private:
  char first_ = '\n';
  bool any_ = false;
  std::string bytes_;  // where there is more than one
};

namespace keywords {
/// Each of these bytes ends a record: `readline(any_of("\r\n"))`, for the progress of programs.
/// (After "\r\n" there is then an empty record.)
template <std::size_t Size>
separator any_of(const char (&bytes)[Size]) {
  return separator(std::string_view(bytes, Size - 1), true);
}
/// The same for what converts to a std::string_view.
template <std::convertible_to<std::string_view> Text>
separator any_of(const Text& bytes) {
  return separator(std::string_view(bytes), true);
}
}  // namespace keywords
using namespace keywords;

}  // namespace coproc
