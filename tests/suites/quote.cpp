// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <array>
#include <random>
#include <ranges>
#include <string_view>

#include <list>

#include "support.hpp"

namespace quote_tests {

using namespace test;

namespace {

using words = std::vector<std::string>;

std::string text(std::string_view bytes) { return std::string(bytes); }

/// What has ever been quoted wrongly.
const words& nasty_words() {
  static const words all = [] {
    words list = {"",
                  " ",
                  "  two  words  ",
                  "\t",
                  "\n",
                  "a\nb\n",
                  "\r\n",
                  "'",
                  "''",
                  "'''",
                  "it's",
                  "'quoted'",
                  "\"",
                  "\"quoted\"",
                  "'\"'\"'",
                  "\\",
                  "\\\\",
                  "ends with \\",
                  "\\n",
                  "\\'",
                  "$HOME",
                  "$(id)",
                  "`id`",
                  "${x:-y}",
                  "*",
                  "?",
                  "[a-z]*",
                  "~",
                  "~root",
                  "{a,b}",
                  "a;b",
                  "; rm -rf /",
                  "a|b",
                  "a&b",
                  "a>b",
                  "a<b",
                  "(a)",
                  "#comment",
                  "a#b",
                  "!history",
                  "a=b",
                  "A=b",
                  "-rf",
                  "--",
                  "+x",
                  "%s",
                  "^a^b",
                  "plain",
                  "_@%+=:,./-",
                  "azAZ09",
                  "/usr/bin/env",
                  "caf\xc3\xa9",
                  "\xff\xfe",
                  "\x01\x1b[31m",
                  "\x7f",
                  "\v\f",
                  std::string(5000, '\''),
                  std::string(5000, 'x')};
    for (int c = 1; c < 256; ++c) list.push_back(std::string(1, static_cast<char>(c)));
    return list;
  }();
  return all;
}

/// The same every time, of what matters to a shell.
words random_texts(int count) {
  constexpr std::string_view alphabet = "''\"\"\\\\ \t\n\r$`*;&|<>(){}[]#!~=%-+ab\xc3\xa9\x80";
  std::mt19937 random(20);
  const auto below = [&](std::size_t n) { return random() % n; };
  words list;
  for (int i = 0; i < count; ++i) {
    std::string one;
    for (std::size_t size = below(12); size > 0; --size) one += alphabet[below(alphabet.size())];
    list.push_back(one);
  }
  return list;
}

words everything() {
  words all = nasty_words();
  std::ranges::copy(random_texts(2000), std::back_inserter(all));
  return all;
}

std::string hex(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes) {
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return digits;
}

/// One answer a line: python3 runs @p expression on each of the texts as `t`.
asio::awaitable<words> ask_python(std::string expression, words texts) {
  std::string questions;
  for (const std::string& one : texts) questions += hex(one) + '\n';
  const std::string program =
      "import shlex, sys\n"
      "hex = lambda s: s.encode('latin-1').hex()\n"
      "def split(t):\n"
      "  try: return 'words ' + ' '.join(hex(w) or '-' for w in shlex.split(t))\n"
      "  except ValueError as e: return 'error ' + str(e)\n"
      "for line in sys.stdin:\n"
      "  t = bytes.fromhex(line).decode('latin-1')\n"
      "  print(" +
      expression + ")\n";
  auto python = co_await coproc::exec("python3", "-c", program, std_in = piped, std_out = piped);
  const auto result = co_await python.communicate(std::move(questions));
  REQUIRE(python.returncode() == 0);
  words answers;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) answers.push_back(line);
  REQUIRE(answers.size() == texts.size());
  co_return answers;
}

/// A shell reads the quoted words and writes each with a NUL behind it.
asio::awaitable<words> read_by_shell(std::string shell, words all) {
  const std::string script = "printf '%s\\0' " + coproc::join(all) + '\n';
  auto process = co_await coproc::exec(shell, std_in = piped, std_out = piped);
  const auto result = co_await process.communicate(script);
  REQUIRE(process.returncode() == 0);
  words read;
  for (std::string_view rest = result.out; !rest.empty();) {
    const std::size_t end = rest.find('\0');
    REQUIRE(end != std::string_view::npos);
    read.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  co_return read;
}

}  // namespace

TEST_CASE("quote: a word of safe characters stays as it is") {
  CHECK(coproc::quote("ls") == "ls");
  CHECK(coproc::quote("/usr/bin/g++") == "/usr/bin/g++");
  CHECK(coproc::quote("a_b@c%d+e=f:g,h.i/j-k") == "a_b@c%d+e=f:g,h.i/j-k");
}

TEST_CASE("quote: any other word is put in single quotes") {
  CHECK(coproc::quote("") == "''");
  CHECK(coproc::quote("two words") == "'two words'");
  CHECK(coproc::quote("it's") == R"('it'"'"'s')");
  CHECK(coproc::quote("$HOME") == "'$HOME'");
  CHECK(coproc::quote(text({"a\0b", 3})) == text({"'a\0b'", 5}));
}

TEST_CASE("quote: join puts a space between the quoted words of any range") {
  CHECK(coproc::join(words()) == "");
  CHECK(coproc::join(words(1, "")) == "''");
  CHECK(coproc::join(words(2, "a b")) == "'a b' 'a b'");
  const std::array<const char*, 3> array = {"git", "commit", "-m x"};
  CHECK(coproc::join(array) == "git commit '-m x'");
  CHECK(coproc::join(std::list<std::string_view>{"commit", "-m x"}) == "commit '-m x'");
}

TEST_CASE("quote: split cuts as a shell does") {
  CHECK(coproc::split("").empty());
  CHECK(coproc::split(" \t\r\n").empty());
  CHECK(coproc::split("git commit  -m 'two words'") == words{"git", "commit", "-m", "two words"});
  CHECK(coproc::split(R"(a"b c"'d e'\ f)") == words{"ab cd e f"});
  CHECK(coproc::split("'' \"\"") == words{"", ""});
  CHECK(coproc::split("a#b #c") == words{"a#b", "#c"});
  CHECK(coproc::split(R"("\"\\\n")") == words{R"("\\n)"});
  CHECK(coproc::split("$HOME *") == words{"$HOME", "*"});
}

TEST_CASE("quote: split refuses what has no end") {
  for (const char* const line : {"'", "\"", "a 'b", "a \"b", "\"it's", "'\\''"}) {
    CAPTURE(line);
    CHECK_THROWS_WITH(coproc::split(line), "split: no closing quotation");
  }
  for (const char* const line : {"\\", "a \\", "\"a\\"}) {
    CAPTURE(line);
    CHECK_THROWS_WITH(coproc::split(line), "split: no escaped character");
  }
  CHECK_THROWS_AS(coproc::split("'"), std::invalid_argument);
}

TEST_CASE("quote: split gives back what join was given") {
  const words all = everything();
  CHECK(coproc::split(coproc::join(all)) == all);
}

COPROC_TEST("quote: quote is Python's shlex.quote to the byte", "[posix]") {
  words all = everything();
  all.push_back(text({"a\0b", 3}));
  const words expected = co_await ask_python("hex(shlex.quote(t))", all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i]);
    CHECK(hex(coproc::quote(all[i])) == expected[i]);
  }
}

COPROC_TEST("quote: split is Python's shlex.split, errors too", "[posix]") {
  const words lines = everything();
  const words expected = co_await ask_python("split(t)", lines);
  int errors = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string answer;
    try {
      answer = "words";
      const words cut = coproc::split(lines[i]);
      for (const std::string& word : cut) answer += ' ' + (word.empty() ? "-" : hex(word));
      if (cut.empty()) answer += ' ';
    } catch (const std::invalid_argument& e) {
      ++errors;
      answer = text(e.what()).find("escaped") != std::string::npos ? "error No escaped character"
                                                                   : "error No closing quotation";
    }
    CAPTURE(lines[i]);
    CHECK(answer == expected[i]);
  }
  CHECK(errors > 100);  // both kinds of lines have been there
  CHECK(errors < static_cast<int>(lines.size()) - 100);
}

COPROC_TEST("quote: sh reads each quoted word back", "[posix]") {
  const words all = everything();
  const words read = co_await read_by_shell("/bin/sh", all);
  CHECK(read == all);
}

COPROC_TEST("quote: bash reads each quoted word back", "[posix]") {
  const words all = everything();
  const words read = co_await read_by_shell("bash", all);
  CHECK(read == all);
}

}  // namespace quote_tests
