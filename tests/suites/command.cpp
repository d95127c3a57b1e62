// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <array>
#include <climits>
#include <cstdint>
#include <ranges>
#include <span>
#include <sstream>
#include <type_traits>

#include <list>

#include "support.hpp"

namespace command_tests {

using namespace test;
using coproc::command;
using coproc::secret;

namespace {

using words = std::vector<std::string>;

struct as_string {
  operator std::string() const { return "as a string"; }
};
struct as_view {
  operator std::string_view() const { return "as a view"; }
};
struct as_path {
  operator std::filesystem::path() const { return "/as/a/path"; }
};

static_assert(!std::is_convertible_v<std::string, command>);
static_assert(std::is_copy_constructible_v<command> && std::is_copy_assignable_v<command>);

}  // namespace

TEST_CASE("command: the first word is the program") {
  const command what("git", "log");
  CHECK(what.program() == "git");
  CHECK(what.words() == words{"git", "log"});
}

TEST_CASE("command: strings of every kind are arguments") {
  const char* const pointer = "pointer";
  const char array[] = "array";
  char buffer[16] = "buffer";
  const std::string string = "string";
  const std::string_view view = "view";
  std::string moved = "moved";
  const command what("p", pointer, array, buffer, string, view, std::move(moved), as_string(),
                     as_view(), "");
  CHECK(what.words() == words{"p", "pointer", "array", "buffer", "string", "view", "moved",
                              "as a string", "as a view", ""});
}

TEST_CASE("command: a NUL in a string is kept, for the launch to refuse") {
  const command what("p", std::string_view("a\0b", 3));
  CHECK(what.words()[1].size() == 3);
}

TEST_CASE("command: a path is one argument, not a range of its parts") {
  const command what("p", std::filesystem::path("/a b/c"), as_path());
  CHECK(what.words() == words{"p", "/a b/c", "/as/a/path"});
}

TEST_CASE("command: integers are written in decimal") {
  const command what("p", 0, -1, 42u, short{-7}, LLONG_MIN, ULLONG_MAX, std::uint8_t{65},
                     std::int8_t{-66});
  CHECK(what.words() == words{"p", "0", "-1", "42", "-7", "-9223372036854775808",
                              "18446744073709551615", "65", "-66"});
}

TEST_CASE("command: a range is spliced in, whatever its elements and depth") {
  const words strings = {"a", "b"};
  const std::array<int, 2> numbers = {1, 2};
  std::set<std::filesystem::path> paths = {"/x", "/y"};
  const std::vector<words> nested = {{"c"}, {}, {"d", "e"}};
  const char* const pointers[] = {"f", "g"};
  const command what("p", strings, numbers, paths, nested, pointers, std::span(numbers),
                     std::list<std::string>{"b", "a"}, words(), "end");
  CHECK(what.words() == words{"p", "a", "b", "1", "2", "/x", "/y", "c", "d", "e", "f", "g", "1",
                              "2", "b", "a", "end"});
}

TEST_CASE("command: all of it may be one range") {
  const words all = {"git", "log"};
  CHECK(command(all).words() == all);
  CHECK(command(words()).words().empty());
  CHECK(command(words()).program() == "");
}

TEST_CASE("command: keywords may stand anywhere and are no arguments") {
  const command what(cwd = "/a", "git", std_out = piped, "log", env["K"] = "v");
  CHECK(what.words() == words{"git", "log"});
  CHECK(what.options().cwd == std::filesystem::path("/a"));
  CHECK(what.options().streams[1].source == coproc::detail::stdio::kind::piped);
  CHECK(what.options().environment.at("K") == "v");
}

TEST_CASE("command: a null pointer is refused") {
  const char* const nothing = nullptr;
  CHECK_THROWS_AS(command(nothing), std::invalid_argument);
  CHECK_THROWS_AS(command("p", "a", nothing), std::invalid_argument);
  const std::array<const char*, 2> array = {"a", nullptr};
  CHECK_THROWS_AS(command("p", array), std::invalid_argument);
  CHECK_THROWS_AS(secret(nothing), std::invalid_argument);
}

TEST_CASE("command: a command is the base to which more is added") {
  const command git("git", cwd = "/repo", std_out = piped);
  const command log(git, "log", -1, cwd = "/other");
  CHECK(log.words() == words{"git", "log", "-1"});
  CHECK(log.options().cwd == std::filesystem::path("/other"));
  CHECK(log.options().streams[1].source == coproc::detail::stdio::kind::piped);
  CHECK(git.words() == words{"git"});
  CHECK(git.options().cwd == std::filesystem::path("/repo"));
  CHECK(command(command("git"), "status").words() == words{"git", "status"});
}

TEST_CASE("command: it is a value") {
  command first("git", "log", std_in = devnull);
  command copy = first;
  command second("ls");
  second = first;
  first = command("changed");
  CHECK(copy.words() == words{"git", "log"});
  CHECK(second.words() == words{"git", "log"});
  CHECK(second.options().streams[0].source == coproc::detail::stdio::kind::devnull);
  CHECK(first.words() == words{"changed"});
}

TEST_CASE("command: it is printed as one would type it in a shell") {
  const command what("git", "commit", "-m", "it's done", "", cwd = "/repo");
  CHECK(coproc::to_string(what) == R"(git commit -m 'it'"'"'s done' '')");
  std::ostringstream stream;
  stream << what;
  CHECK(stream.str() == to_string(what));
  CHECK(to_string(command(words())) == "");
}

TEST_CASE("command: a secret is passed on but not printed, nor is a variable") {
  const command what("curl", "-u", secret("user:hunter2"), secret(12345), "url",
                     env["TOKEN"] = "hunter3");
  CHECK(what.words() == words{"curl", "-u", "user:hunter2", "12345", "url"});
  CHECK(to_string(what) == "curl -u *** *** url");
  // A copy, and what is built on it, keep the secret.
  CHECK(to_string(command(what, secret("x"), "y")) == "curl -u *** *** url *** y");
  const std::vector<secret> several = {secret("a"), secret("b")};
  CHECK(to_string(command("p", several)) == "p *** ***");
}

COPROC_TEST("command: the child gets the words as they are, secrets too") {
  const command what(child, "args", "two words", "", "it's", secret("hunter2"), 7, "-x", "$HOME",
                     "*", std_out = piped);
  auto process = co_await coproc::exec(what);
  const auto result = co_await process.communicate();
  CHECK(result.out == child + "\ntwo words\n\nit's\nhunter2\n7\n-x\n$HOME\n*\n");
}

COPROC_TEST("command: one command runs many times") {
  const command what(child, "exit", 3);
  for (int i = 0; i < 3; ++i) {
    auto process = co_await coproc::exec(what);
    const int code = co_await process.wait();
    CHECK(code == 3);
  }
}

COPROC_TEST("command: what cannot be launched does not show its secrets or variables") {
  const command what("/no/such/program", secret("hunter2"), env["TOKEN"] = "hunter3");
  const auto e = co_await thrown<coproc::launch_error>(coproc::exec(what));
  CHECK(std::string(e.what()).find("hunter") == std::string::npos);
  const std::string_view with_nul("hunter2\0", 8);
  const command bad(child, secret(with_nul), env["TOKEN"] = with_nul);
  const auto refused = co_await thrown<coproc::launch_error>(coproc::exec(bad));
  CHECK(std::string(refused.what()).find("hunter") == std::string::npos);
}

TEST_CASE("command: reworded has other words, secrets among them, and the same keywords") {
  const command login("mysql", secret("-ppass word"), cwd = "/tmp");
  const command nicer = login.reworded("nice", "-n", 10, login);
  CHECK(nicer.words() == words{"nice", "-n", "10", "mysql", "-ppass word"});
  CHECK(to_string(nicer) == "nice -n 10 mysql ***");
  CHECK(nicer.options().cwd == "/tmp");
  const command other = login.reworded(words{"true", "x"}, cwd = "/");
  CHECK(other.words() == words{"true", "x"});
  CHECK(other.options().cwd == "/");
  CHECK(login.words() == words{"mysql", "-ppass word"});
}

}  // namespace command_tests
