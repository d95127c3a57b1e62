// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// process::communicate. Its misuse, its cancellation and its threads are in communicate_cancel.cpp.

#include "support.hpp"

namespace communicate_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using test::child;
using test::thrown;

namespace {

/// Ends what a test has left behind on purpose.
class ends_at_last {
 public:
  explicit ends_at_last(int pid) : pid_(pid) {}
  ends_at_last(const ends_at_last&) = delete;
  ends_at_last& operator=(const ends_at_last&) = delete;
  ~ends_at_last() { ::kill(pid_, SIGKILL); }

 private:
  int pid_;
};

}  // namespace

COPROC_TEST("communicate: gives both outputs and waits for the end") {
  auto process =
      co_await exec(child, "say", "to stdout", "to stderr", std_out = piped, std_err = piped);
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "to stdout");
  CHECK(err == "to stderr");
  CHECK(process.returncode() == 0);
}

COPROC_TEST("communicate: gives the child its input and an end of file") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const coproc::output written = co_await process.communicate("some\ninput without an end");
  CHECK(written.out == "some\ninput without an end");
  CHECK(written.err.empty());
  CHECK(!written.pipe_still_open);
  CHECK(!process.std_in().is_open());
}

COPROC_TEST("communicate: without input a piped stdin is closed") {
  for (const bool empty : {false, true}) {
    auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
    coproc::output written;
    if (empty) written = co_await process.communicate("");
    else written = co_await process.communicate();
    CHECK(written.out.empty());
    CHECK(process.returncode() == 0);
  }
}

COPROC_TEST("communicate: without any pipe it waits for the end") {
  auto process = co_await exec(child, "exit", 7);
  const auto [out, err] = co_await process.communicate();
  CHECK(out.empty());
  CHECK(err.empty());
  CHECK(process.returncode() == 7);
}

COPROC_TEST("communicate: input where stdin is no pipe is a logic_error") {
  auto process = co_await exec(child, "say", "x", std_out = piped);
  co_await thrown<std::logic_error>(process.communicate("input"));
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "x");
}

COPROC_TEST("communicate: 10 MiB each way, all at once, arrive byte for byte") {
  constexpr std::size_t size = 10 << 20;
  auto process =
      co_await exec(child, "exchange", size, std_in = piped, std_out = piped, std_err = piped);
  const std::string all = test::pattern(size);
  const auto [out, err] = co_await process.communicate(all);
  CHECK(process.returncode() == 0);  // it has compared its input
  CHECK((out == all));
  CHECK((err == all));
}

COPROC_TEST("communicate: 10 MiB each way in whatever order the child likes") {
  constexpr std::size_t size = 10 << 20;
  const std::string all = test::pattern(size);
  for (const char* order : {"012", "021", "102", "120", "201", "210"}) {
    CAPTURE(order);
    auto process = co_await exec(child, "in-order", order, size, std_in = piped, std_out = piped,
                                 std_err = piped);
    const auto [out, err] = co_await process.communicate(all);
    CHECK(process.returncode() == 0);
    CHECK((out == all));
    CHECK((err == all));
  }
}

COPROC_TEST("communicate: a cat of 10 MiB") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const std::string all = test::pattern(10 << 20);
  const auto [out, err] = co_await process.communicate(all);
  CHECK((out == all));
}

COPROC_TEST("communicate: one output may go elsewhere while the other is read") {
  test::temporary_directory directory;
  const auto file = directory.path / "err";
  auto process = co_await exec(child, "say", "out", "err", std_out = piped, std_err = file);
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "out");
  CHECK(err.empty());
  CHECK(test::read_file(file) == "err");
}

COPROC_TEST("communicate: with std_err = to_stdout both come in the order of writing") {
  auto process =
      co_await exec(child, "say", "first ", "second", std_out = piped, std_err = to_stdout);
  CHECK_THROWS_AS(process.std_err(), std::logic_error);
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "first second");
  CHECK(err.empty());
}

#if !defined(_WIN32)
COPROC_TEST("communicate: a child that ends without reading its input is no error") {
  REQUIRE(::signal(SIGPIPE, SIG_DFL) == SIG_DFL);
  for (int i = 0; i < 20; ++i) {  // it ends before, while and after the first bytes are written
    auto process = co_await exec(child, "exit", 3, std_in = piped, std_out = piped);
    if (i % 2 == 0) co_await process.wait();
    const auto [out, err] = co_await process.communicate(std::string(1 << 20, 'i'));
    CHECK(process.returncode() == 3);
    CHECK(out.empty());
  }
  struct sigaction now;
  ::sigaction(SIGPIPE, nullptr, &now);
  CHECK(now.sa_handler == SIG_DFL);
}
#endif

COPROC_TEST("communicate: a child that closes its stdin and goes on is no error") {
  constexpr std::size_t size = 1 << 20;
  auto process = co_await exec(child, "close-stdin", size, std_in = piped, std_out = piped);
  const auto [out, err] = co_await process.communicate(std::string(1 << 20, 'i'));
  CHECK(process.returncode() == 0);
  CHECK((out == "ready\n" + test::pattern(size)));
}

COPROC_TEST("communicate: the child's own end by a signal is in the returncode", "[posix]") {
  auto process = co_await exec(child, "signal", 15, std_out = piped);
  co_await process.communicate();
  CHECK(process.returncode() == -15);
}

COPROC_TEST("communicate: after some lines the rest comes") {
  auto process = co_await exec(child, "say", "one\ntwo\nthree\nfour", "err 1\nerr 2",
                               std_out = piped, std_err = piped);
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>("one"));
  const std::string some = co_await process.std_out().read(2);
  CHECK(some == "tw");
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "o\nthree\nfour");
  CHECK(err == "err 1\nerr 2");
  const std::string nothing_left = co_await process.std_out().read();
  CHECK(nothing_left.empty());
}

COPROC_TEST("communicate: after everything has been read and waited for there is nothing left") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  co_await process.std_in().write("in");
  process.std_in().close();
  const std::string all = co_await process.std_out().read();
  CHECK(all == "in");
  co_await process.wait();
  const auto [out, err] = co_await process.communicate();
  CHECK(out.empty());
  CHECK(process.returncode() == 0);
}

COPROC_TEST("communicate: what was written before by hand comes before the input") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  co_await process.std_in().write("by hand, ");
  const auto [out, err] = co_await process.communicate("then the rest");
  CHECK(out == "by hand, then the rest");
}

COPROC_TEST("communicate: called again after success it gives the same again") {
  auto process =
      co_await exec(child, "exchange", 300'000, std_in = piped, std_out = piped, std_err = piped);
  const coproc::output first = co_await process.communicate(test::pattern(300'000));
  CHECK(first.out.size() == 300'000);
  for (int i = 0; i < 2; ++i) {
    const coproc::output again = co_await process.communicate();
    CHECK((again.out == first.out));
    CHECK((again.err == first.err));
    CHECK(again.pipe_still_open == first.pipe_still_open);
  }
  co_await thrown<std::logic_error>(process.communicate("other input"));
}

COPROC_TEST("communicate: a grandchild that holds the pipes does not hold it up") {
  auto process =
      co_await exec(child, "grandchild", std_in = piped, std_out = piped, std_err = piped);
  const auto start = std::chrono::steady_clock::now();
  const coproc::output written = co_await process.communicate();
  const auto took = std::chrono::steady_clock::now() - start;
  REQUIRE(!written.out.empty());
  const ends_at_last grandchild(std::stoi(written.out));
  CHECK(test::exists(std::stoi(written.out)));
  CHECK(written.pipe_still_open);
  CHECK(took < test::patience);
  CHECK(process.returncode() == 0);
  const coproc::output again = co_await process.communicate();
  CHECK(again.out == written.out);
  CHECK(again.pipe_still_open);
}

COPROC_TEST("communicate: each late chunk of a grandchild makes it listen on") {
  // 30 chunks, 20 ms from one to the next: far longer than one silence in all.
  const bool heard = co_await test::sooner_or_later([]() -> asio::awaitable<bool> {
    auto process = co_await exec(child, "late-grandchild", 30, std_out = piped);
    const coproc::output written = co_await process.communicate();
    REQUIRE(!written.out.empty());
    const ends_at_last grandchild(std::stoi(written.out));
    CHECK(written.pipe_still_open);
    std::string expected = written.out.substr(0, written.out.find('\n') + 1);
    for (int i = 0; i < 30; ++i) expected += "late " + std::to_string(i) + '\n';
    CHECK(expected.starts_with(written.out));
    co_return written.out == expected;
  });
  CHECK(heard);
}

COPROC_TEST("communicate: a pipe that a grandchild closes in time is not called open", "[posix]") {
  const bool in_time = co_await test::sooner_or_later([]() -> asio::awaitable<bool> {
    auto process = co_await exec("/bin/sh", "-c", "(echo late) & exit 4", std_out = piped);
    const coproc::output written = co_await process.communicate();
    CHECK(process.returncode() == 4);
    co_return written.out == "late\n" && !written.pipe_still_open;
  });
  CHECK(in_time);
}

#if !defined(_WIN32)
COPROC_TEST("communicate: a terminal takes input and gives what was on it") {
  auto process =
      co_await exec(child, "cat", std_in = terminal, std_out = terminal, std_err = terminal);
  const auto [out, err] = co_await process.communicate("hello\nno newline");
  CHECK(process.returncode() == 0);
  // Each line twice: the terminal's echo, and the child's copy.
  for (const std::string text : {"hello\r\n", "no newline"}) {
    const std::size_t echo = out.find(text);
    REQUIRE(echo != std::string::npos);
    CHECK(out.find(text, echo + 1) != std::string::npos);
  }
  CHECK(out.size() == 2 * std::strlen("hello\r\nno newline"));
  CHECK(err.empty());
}
#endif

COPROC_TEST(
    "communicate: more than max_output stops the child, and the first of it is in the error") {
  auto process = co_await exec(child, "flood", std_out = piped, max_output = 100000);
  auto e = co_await thrown<coproc::limit_error>(process.communicate());
  CHECK(e.out().size() == 100000);
  CHECK(process.returncode() == -SIGTERM);
}

COPROC_TEST("communicate: max_output may cut, or keep both ends, and says how much is gone",
            "[posix]") {
  auto cutting = co_await exec("seq", 1, 100000, std_out = piped, max_output = cut(6));
  const auto start = co_await cutting.communicate();
  CHECK(start.out == "1\n2\n3\n");
  CHECK(start.out_dropped == 588895 - 6);
  auto both = co_await exec("seq", 1, 100000, std_out = piped, max_output = head_and_tail(14));
  const auto ends = co_await both.communicate();
  CHECK(ends.out == "1\n2\n3\n4100000\n");
}

}  // namespace communicate_tests
