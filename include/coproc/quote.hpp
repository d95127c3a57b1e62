// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/awaitable.hpp>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coproc {

/// @p word written so that a POSIX shell reads it back as this one word.
/// @return the word itself where it has only safe characters, else the word in single quotes.
/// @source Python's `shlex.quote`, the same result to the byte.
std::string quote(std::string_view word);

/// The words, each quoted, with a space between them.
/// @source Python's `shlex.join`.
template <std::ranges::input_range Words>
  requires std::convertible_to<std::ranges::range_reference_t<Words>, std::string_view> std::string
  join(Words&& words) {
    std::string line;
    bool first = true;
    for (auto&& word : words) {
      if (!std::exchange(first, false)) line += ' ';
      line += quote(word);
    }
    return line;
  }

/// A command line cut into words as a POSIX shell cuts it (quotes and backslashes; nothing is
/// expanded, and `#` starts no comment).
/// @throws std::invalid_argument for a quotation that does not end, or a backslash at the end.
/// @source Python's `shlex.split`.
std::vector<std::string> split(std::string_view line);

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/quote.ipp>
#endif
