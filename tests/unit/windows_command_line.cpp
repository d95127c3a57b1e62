// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// How arguments become one line, as far as that needs no Windows: windows.cpp has them read there.

#include <coproc/detail/os/windows/command_line.hpp>

#include "support.hpp"

namespace windows_command_line_tests {

using coproc::detail::argv_word;
using coproc::detail::is_batch_file;
using coproc::detail::quote_for_cmd;

namespace {

/// CommandLineToArgvW, by its documentation, for the words behind the first.
std::vector<std::string> read_back(std::string_view line) {
  std::vector<std::string> words;
  std::size_t i = 0;
  while (i < line.size()) {
    if (line[i] == ' ' || line[i] == '\t') {
      ++i;
      continue;
    }
    std::string word;
    for (bool quoted = false; i < line.size() && (quoted || (line[i] != ' ' && line[i] != '\t'));) {
      std::size_t backslashes = 0;
      while (i < line.size() && line[i] == '\\') ++i, ++backslashes;
      if (i < line.size() && line[i] == '"') {
        word.append(backslashes / 2, '\\');
        if (backslashes % 2 == 1) word += '"';
        else if (quoted && i + 1 < line.size() && line[i + 1] == '"') word += line[++i];
        else quoted = !quoted;
        ++i;
      } else {
        word.append(backslashes, '\\');
        if (backslashes == 0) word += line[i++];
      }
    }
    words.push_back(word);
  }
  return words;
}

}  // namespace

TEST_CASE("windows_command_line: a plain word stays as it is, others are quoted") {
  CHECK(argv_word("plain") == "plain");
  CHECK(argv_word("C:\\dir\\") == "C:\\dir\\");
  CHECK(argv_word("") == "\"\"");
  CHECK(argv_word("two words") == "\"two words\"");
  CHECK(argv_word("a\"b") == "\"a\\\"b\"");
  CHECK(argv_word("a\\\"b") == "\"a\\\\\\\"b\"");
  CHECK(argv_word("a b\\") == "\"a b\\\\\"");
  CHECK(argv_word("a\\b c") == "\"a\\b c\"");
}

TEST_CASE(
    "windows_command_line: every word of backslashes, quotes, blanks and letters is read back") {
  constexpr std::string_view letters = "\\\" \ta";
  std::vector<std::string> all(1);
  for (std::size_t i = 0; all.back().size() < 5; ++i)
    for (const char c : letters) all.push_back(all[i] + c);
  std::string line = coproc::detail::command_line({"x"}, "C:\\some where\\x.exe");
  CHECK(line == "\"C:\\some where\\x.exe\"");
  std::vector<std::string> with_first(1, "x");
  with_first.insert(with_first.end(), all.begin(), all.end());
  line = coproc::detail::command_line(with_first, "x");
  CHECK(read_back(std::string_view(line).substr(3)) == all);
}

TEST_CASE(
    "windows_command_line: for cmd.exe all is in quotes, and what quotes cannot hold is refused") {
  CHECK(quote_for_cmd("a&b|c<d>e^f(g)!h;i,j=k") == "\"a&b|c<d>e^f(g)!h;i,j=k\"");
  CHECK(quote_for_cmd("") == "\"\"");
  CHECK(quote_for_cmd("C:\\dir\\") == "\"C:\\dir\\\\\"");
  CHECK(quote_for_cmd("\\\\") == "\"\\\\\\\\\"");
  for (const std::string bad : {"\"", "100%", "%PATH%", "a\nb", "a\rb"}) {
    CAPTURE(bad);
    CHECK_FALSE(quote_for_cmd(bad).has_value());
  }
  CHECK_FALSE(quote_for_cmd(std::string_view("\0", 1)).has_value());
  CHECK_THROWS_AS(coproc::detail::cmd_word("a\"b"), std::invalid_argument);
}

TEST_CASE("windows_command_line: batch files are told by their ending in any case") {
  CHECK(is_batch_file("x.bat"));
  CHECK(is_batch_file("C:\\y\\X.CmD"));
  CHECK_FALSE(is_batch_file("bat"));
  CHECK_FALSE(is_batch_file("x.bat.exe"));
}

}  // namespace windows_command_line_tests
