// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/separator.hpp>
#include <cstddef>
#include <string_view>

namespace coproc::detail {

/// Finds the lines, or other records, in a text that grows at its end and is consumed at its front.
/// It remembers how far it has looked, so that no byte is looked at twice.
class line_scanner {
 public:
  static constexpr auto none = std::string_view::npos;

  /// Where the first separator is, or none. Afterwards scanned() is how long the line has become.
  std::size_t find(std::string_view text, const separator& by) {
    if (!(by == by_)) {
      by_ = by;
      scanned_ = 0;
    }
    const std::size_t found = by.find(text, scanned_);
    // The last bytes may be the start of a separator.
    scanned_ = found == none ? text.size() - std::min(text.size(), by.size() - 1) : found;
    return found;
  }
  std::size_t scanned() const noexcept { return scanned_; }

  /// The front of the text has been consumed, or changed.
  void restart() noexcept { scanned_ = 0; }

  /// The offset behind the last separator, or behind everything where the text is @p complete; but
  /// before the first line that is longer than @p limit. For separators of one byte it looks at few
  /// bytes only: from the start of a line it goes to the last separator within the limit.
  static std::size_t end_of_lines(std::string_view text, const separator& by, bool complete,
                                  std::size_t limit) {
    if (by.size() > 1) return end_of_records(text, by, complete, limit);
    const std::size_t end = complete ? text.size() : by.rfind(text) + 1;  // none + 1 is 0
    std::size_t good = 0;
    while (end - good > limit) {
      const std::size_t next = by.rfind(text, good + limit) + 1;
      if (next <= good) return good;
      good = next;
    }
    return end;
  }

 private:
  /// The same from the front: only so is it clear where each begins, as they might overlap.
  static std::size_t end_of_records(std::string_view text, const separator& by, bool complete,
                                    std::size_t limit) {
    std::size_t good = 0;
    for (;;) {
      const std::size_t found = by.find(text, good);
      const std::size_t length = std::min(found, text.size()) - good;
      if (length > limit) return good;
      if (found == none) return complete ? text.size() : good;
      good = found + by.size();
    }
  }

  separator by_ = separator('\n');
  std::size_t scanned_ = 0;  // up to here no separator starts
};

}  // namespace coproc::detail
