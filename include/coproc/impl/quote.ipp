// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/quote.hpp>
#include <stdexcept>

namespace coproc {

COPROC_INLINE std::string quote(std::string_view word) {
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

COPROC_INLINE std::vector<std::string> split(std::string_view line) {
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
