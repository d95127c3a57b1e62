// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace coproc::detail {

inline std::string in_seconds(std::chrono::nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", std::chrono::duration<double>(time).count());
  return text;
}

inline bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 32 || byte == 127;
}
inline void append_escape(std::string& text, char c) {
  constexpr char digits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  text += "\\x";
  text += digits[byte / 16];
  text += digits[byte % 16];
}

/// A text with its control characters, line breaks among them, as escapes.
inline std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (is_control(c)) append_escape(line, c);
    else line += c;
  }
  return line;
}

/// As much of the end of a text as last_lines could show.
inline std::string_view last_bytes(std::string_view text) {
  constexpr std::size_t most = 2048;
  return text.size() > most ? text.substr(text.size() - most) : text;
}

/// The end of a text, made fit for a message: at most 10 lines and 2000 bytes, control characters
/// as escapes, no newline at the end.
inline std::string last_lines(std::string_view text) {
  constexpr std::size_t most_bytes = 2000, most_lines = 10;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  bool cut = text.size() > most_bytes;
  if (cut) text.remove_prefix(text.size() - most_bytes);
  std::size_t lines = 0;
  for (std::size_t i = text.size(); i-- > 0;)
    if (text[i] == '\n' && ++lines == most_lines) {
      text.remove_prefix(i + 1);
      cut = true;
      break;
    }
  std::string shown = cut ? "...\n" : "";
  for (const char c : text) {
    if (c == '\n' || c == '\t' || !is_control(c)) shown += c;
    else if (c != '\r') append_escape(shown, c);
  }
  return shown;
}

}  // namespace coproc::detail
