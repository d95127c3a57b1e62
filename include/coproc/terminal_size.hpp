// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace coproc {

/// How many characters a terminal shows: `terminal = size(24, 80)`. A value.
class terminal_size {
 public:
  /// @param rows 1 to 65535, and @p columns the same
  /// @throws std::invalid_argument for any other number
  template <std::integral Rows, std::integral Columns>
  terminal_size(Rows rows, Columns columns)
      : rows_(checked(rows, "rows")), columns_(checked(columns, "columns")) {}
  /// From top to bottom.
  int rows() const noexcept { return rows_; }
  /// From left to right.
  int columns() const noexcept { return columns_; }
  /// Whether both are the same.
  friend bool operator==(const terminal_size&, const terminal_size&) = default;

 private:
  template <class Number>
  static std::uint16_t checked(Number number, const char* name) {
    if (std::cmp_less(number, 1) || std::cmp_greater(number, 65535))
      throw std::invalid_argument(std::string("coproc: size: ") + name + " are 1 to 65535, not " +
                                  std::to_string(number));
    return static_cast<std::uint16_t>(number);
  }
  std::uint16_t rows_, columns_;
};

namespace keywords {
/// For terminal, and terminal_side::resize. (A function, not a type: beside std::size, which takes
/// one argument, a call of it is not ambiguous.)
/// @throws std::invalid_argument where a number is not 1 to 65535
template <std::integral Rows, std::integral Columns>
terminal_size size(Rows rows, Columns columns) {
  return terminal_size(rows, columns);
}
}  // namespace keywords
using namespace keywords;

}  // namespace coproc
