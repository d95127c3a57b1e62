// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string_view>

namespace coproc::detail {

/// Finds the lines in a text that grows at its end and is consumed at its front. It remembers how
/// far it has looked, so that no byte is looked at twice.
class line_scanner {
 public:
  static constexpr auto none = std::string_view::npos;

  /// Where the first newline is, or none. Afterwards scanned() is how long the line has become.
  std::size_t find(std::string_view text) {
    const std::size_t found = text.find('\n', scanned_);
    scanned_ = found == none ? text.size() : found;
    return found;
  }
  std::size_t scanned() const noexcept { return scanned_; }

  /// The front of the text has been consumed, or changed.
  void restart() noexcept { scanned_ = 0; }

  /// The offset behind the last newline, or behind everything where the text is @p complete; but
  /// before the first line that is longer than @p limit. Looks at few bytes only: from the start of
  /// a line it goes to the last newline within the limit.
  static std::size_t end_of_lines(std::string_view text, bool complete, std::size_t limit) {
    const std::size_t end = complete ? text.size() : text.rfind('\n') + 1;  // none + 1 is 0
    std::size_t good = 0;
    while (end - good > limit) {
      const std::size_t next = text.rfind('\n', good + limit) + 1;
      if (next <= good) return good;
      good = next;
    }
    return end;
  }

 private:
  std::size_t scanned_ = 0;  // up to here there is no newline
};

}  // namespace coproc::detail
