// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// How Windows takes a list of arguments: as one line, which the program takes apart again. Texts
// are UTF-8. (Nothing here calls the system, so it is tested everywhere.)

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace coproc::detail {

/// An argument as CommandLineToArgvW, and so the C runtimes, will read it: in quotes a backslash is
/// one, unless a quote comes after it and those before.
inline std::string argv_word(std::string_view word) {
  if (!word.empty() && word.find_first_of(" \t\n\v\"") == std::string_view::npos)
    return std::string(word);
  std::string quoted = "\"";
  std::size_t backslashes = 0;
  for (const char c : word) {
    if (c == '"') quoted.append(backslashes + 1, '\\');
    backslashes = c == '\\' ? backslashes + 1 : 0;
    quoted += c;
  }
  return quoted.append(backslashes, '\\') += '"';
}

/// A whole line. The first word is read by another rule, in which no backslash means anything.
inline std::string command_line(const std::vector<std::string>& words, const std::string& argv0) {
  std::string line = '"' + argv0 + '"';
  for (std::size_t i = 1; i < words.size(); ++i) (line += ' ') += argv_word(words[i]);
  return line;
}

/// A value in a text for cmd.exe, or an argument of a batch file, which cmd.exe runs: in quotes,
/// where only a quote and a percent sign still mean something.
/// @return nothing where it cannot be written so that it stays that very text
inline std::optional<std::string> quote_for_cmd(std::string_view value) {
  if (value.find_first_of(std::string_view("\"%\r\n\0", 5)) != std::string_view::npos)
    return std::nullopt;
  std::string quoted = '"' + std::string(value);
  // For the program that gets it in the end, a quote behind a backslash would be no end.
  const std::size_t last = value.find_last_not_of('\\');
  const std::size_t backslashes = value.size() - (last == std::string_view::npos ? 0 : last + 1);
  return quoted.append(backslashes, '\\') += '"';
}

inline std::string cmd_word(const std::string& value) {
  auto quoted = quote_for_cmd(value);
  if (!quoted)
    throw std::invalid_argument("coproc: shell: cmd.exe has no way to quote '" + value +
                                "': a value must not have a quote, a percent sign or a line break");
  return *std::move(quoted);
}

/// What cmd.exe is given to run @p text as it is. (/v:off: an exclamation mark means nothing.)
inline std::string cmd_line(const std::string& shell, const std::string& text) {
  return '"' + shell + "\" /d /v:off /s /c \"" + text + '"';
}

/// Whether a program is run by cmd.exe: Windows does so with a batch file, and cmd.exe reads its
/// arguments by rules of its own. Dots and blanks at the end of a name are nothing to Windows.
inline bool is_batch_file(std::string_view path) {
  while (!path.empty() && (path.back() == '.' || path.back() == ' ')) path.remove_suffix(1);
  if (path.size() < 4) return false;
  std::string end(path.substr(path.size() - 4));
  for (char& c : end)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return end == ".bat" || end == ".cmd";
}

}  // namespace coproc::detail
