// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "support.hpp"

namespace next_line_tests {

using namespace test;
using coproc::exec;

COPROC_TEST("next_line: the lines of both outputs, each in its order, until both have ended",
            "[posix]") {
  auto process = co_await exec("sh", "-c",
                               "for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf last",
                               std_out = piped, std_err = piped);
  std::vector<std::string> lines[3];
  while (auto next = co_await process.next_line()) lines[next->fd].push_back(next->line);
  CHECK(lines[1] == std::vector<std::string>{"out 1", "out 2", "out 3", "last"});
  CHECK(lines[2] == std::vector<std::string>{"err 1", "err 2", "err 3"});
  const auto again = co_await process.next_line();
  CHECK_FALSE(again.has_value());
}

COPROC_TEST("next_line: one output alone, and none") {
  auto process = co_await exec(child, "say", "a\nb\n", "c", std_err = piped, std_out = devnull);
  auto next = co_await process.next_line();
  REQUIRE(next.has_value());
  CHECK(next->fd == 2);
  CHECK(next->line == "c");
  auto silent = co_await exec(child, "exit", 0);
  const auto nothing = co_await silent.next_line();
  CHECK_FALSE(nothing.has_value());
}

COPROC_TEST("next_line: a flood of one output does not keep the other waiting", "[posix]") {
  // The flood ends only when somebody has seen the line on stderr and ended it.
  auto process = co_await exec("sh", "-c", "yes & echo $! >&2; sleep 0.3; echo late >&2; wait",
                               std_out = piped, std_err = piped);
  int writer = 0, seen = 0;
  bool late = false;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!late && std::chrono::steady_clock::now() < until) {
    const auto next = co_await process.next_line();
    if (!next) break;
    if (next->fd == 1) ++seen;
    if (next->fd == 2 && writer == 0) writer = std::atoi(next->line.c_str());
    else late = late || next->fd == 2;
  }
  CHECK(late);
  CHECK(seen > 0);
  REQUIRE(writer > 0);
  ::kill(writer, SIGKILL);
}

COPROC_TEST("next_line: cancelled, it loses nothing") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped, std_err = piped);
  co_await process.std_in().write("first half, ");
  (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(process.next_line(), 20ms));
  co_await process.std_in().write("second half\n");
  const auto next = co_await process.next_line();
  REQUIRE(next.has_value());
  CHECK(next->line == "first half, second half");
}

COPROC_TEST("next_line: beside another operation on a stream it is refused") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  beside<std::optional<std::string>> reading(co_await asio::this_coro::executor,
                                             process.std_out().readline());
  co_await turns(3);
  (void)co_await thrown<std::logic_error>(process.next_line());
  process.std_in().close();
  const auto line = co_await reading.result();
  CHECK_FALSE(line.has_value());
}

COPROC_TEST("next_line: a line over the limit stays, and the stream goes on") {
  auto process = co_await exec(child, "say", "123456\nok\n", std_out = piped, limit = 5);
  const auto over = co_await thrown<coproc::limit_error>(process.next_line());
  CHECK(std::string(over.what()) == "next_line: over the limit of 5 bytes without an end");
  auto part = co_await process.std_out().read(7);
  CHECK(part == "123456\n");
  const auto next = co_await process.next_line();
  REQUIRE(next.has_value());
  CHECK(next->line == "ok");
}

}  // namespace next_line_tests
