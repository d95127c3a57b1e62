// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coproc {

/// @p word written so that a POSIX shell reads it back as this one word.
/// @return the word itself where it has only safe characters, else the word in single quotes.
/// @par Source Python's `shlex.quote`, the same result to the byte.
inline std::string quote(std::string_view word) {
  constexpr auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, safe)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') quoted += R"('"'"')";
    else quoted += c;
  }
  quoted += '\'';
  return quoted;
}

/// The words, each quoted, with a space between them.
/// @par Source Python's `shlex.join`.
template <std::ranges::input_range Words>
  requires std::convertible_to<std::ranges::range_reference_t<Words>, std::string_view>
std::string join(Words&& words) {
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
/// @par Source Python's `shlex.split`.
inline std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (std::exchange(in_word, false)) words.push_back(std::exchange(word, {}));
      continue;
    }
    in_word = true;
    if (c == '\\') {
      if (++i == line.size()) throw std::invalid_argument("split: no escaped character");
      word += line[i];
    } else if (c == '\'' || c == '"') {
      for (++i; i < line.size() && line[i] != c; ++i) {
        // Within double quotes a backslash escapes only the quote and itself.
        if (c == '"' && line[i] == '\\') {
          if (++i == line.size()) throw std::invalid_argument("split: no escaped character");
          if (line[i] != '"' && line[i] != '\\') word += '\\';
        }
        word += line[i];
      }
      if (i >= line.size()) throw std::invalid_argument("split: no closing quotation");
    } else {
      word += c;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace coproc
