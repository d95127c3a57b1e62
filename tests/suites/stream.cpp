// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Reading a child's output. Cancellation is in stream_cancel.cpp, writing in stream_write.cpp.

#include "support.hpp"

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>

namespace stream_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using test::beside;
using test::child;
using test::thrown;

using optional_line = std::optional<std::string>;

// What reader has to be for Asio's composed reads.
static_assert(std::is_same_v<coproc::reader::executor_type, asio::any_io_executor>);

COPROC_TEST("stream: readline gives lines without their newline, the last one too, then the end") {
  auto process = co_await exec(child, "say", "one\n\n\nfour\r\nlast", std_out = piped);
  coproc::reader& out = process.std_out();
  for (const char* expected : {"one", "", "", "four\r", "last"}) {
    const optional_line line = co_await out.readline();
    CHECK(line == optional_line(expected));
  }
  for (int i = 0; i < 3; ++i) {
    const optional_line line = co_await out.readline();
    CHECK(line == std::nullopt);
  }
}

COPROC_TEST("stream: readline into a string says when the stream has ended") {
  auto process = co_await exec(child, "say", "one\n\nlast", std_out = piped);
  coproc::reader& out = process.std_out();
  std::string line = "before";
  for (const char* expected : {"one", "", "last"}) {
    const bool more = co_await out.readline(line);
    CHECK(more);
    CHECK(line == expected);
  }
  for (int i = 0; i < 2; ++i) {
    const bool more = co_await out.readline(line);
    CHECK(!more);
    CHECK(line.empty());
  }
}

COPROC_TEST("stream: a newline at the very end does not make an empty line") {
  auto process = co_await exec(child, "say", "only\n", std_out = piped);
  const optional_line line = co_await process.std_out().readline();
  CHECK(line == optional_line("only"));
  const optional_line end = co_await process.std_out().readline();
  CHECK(end == std::nullopt);
}

COPROC_TEST("stream: many lines come whole, in each of the three forms") {
  constexpr int count = 60000;  // far more than the pipe and any buffer hold
  for (const int form : {0, 1, 2}) {
    auto process = co_await exec(child, "lines", count, std_out = piped);
    coproc::reader& out = process.std_out();
    int lines = 0, wrong = 0;
    const auto check = [&](std::string_view line) {
      ++lines;
      wrong += line != std::string(63, 'x');
    };
    if (form == 0)
      while (auto line = co_await out.readline()) check(*line);
    std::string line;
    while (form == 1) {
      const bool more = co_await out.readline(line);
      if (!more) break;
      check(line);
    }
    while (form == 2) {
      const coproc::line_views views = co_await out.lines();
      if (views.empty()) break;
      for (const std::string_view one : views) check(one);
    }
    CHECK(lines == count);
    CHECK(wrong == 0);
    CHECK(out.at_eof());
  }
}

COPROC_TEST("stream: lines() gives all that are there, waits for the rest of one, ends empty") {
  auto process = co_await exec(child, "pieces", "a\n\nb", "c\nd", std_in = piped, std_out = piped,
                               std_err = piped);
  coproc::reader& out = process.std_out();
  const auto words = [](coproc::line_views views) {
    return std::vector<std::string>(views.begin(), views.end());
  };
  co_await process.std_in().write("1");
  std::vector<std::string> lines = words(co_await out.lines());
  CHECK(lines == std::vector<std::string>{"a", ""});
  co_await process.std_in().write("2");
  lines = words(co_await out.lines());
  CHECK(lines == std::vector<std::string>{"bc"});
  process.std_in().close();
  lines = words(co_await out.lines());
  CHECK(lines == std::vector<std::string>{"d"});
  for (int i = 0; i < 2; ++i) {
    const coproc::line_views end = co_await out.lines();
    CHECK(end.empty());
    CHECK(end.begin() == end.end());
  }
}

COPROC_TEST("stream: read takes everything, NULs too, up to the end") {
  constexpr std::size_t size = 3'000'001;
  auto process = co_await exec(child, "fill", 1, size, std_out = piped);
  const std::string all = co_await process.std_out().read();
  CHECK((all == test::pattern(size)));
  const std::string again = co_await process.std_out().read();
  CHECK(again.empty());
}

COPROC_TEST("stream: read(n) takes one to n bytes, and none only at the end") {
  constexpr std::size_t size = 500'000;
  auto process = co_await exec(child, "fill", 1, size, std_out = piped);
  const std::string none = co_await process.std_out().read(0);
  CHECK(none.empty());
  std::string all;
  for (;;) {
    const std::string piece = co_await process.std_out().read(777);
    if (piece.empty()) break;
    if (piece.size() > 777) FAIL("too much: " << piece.size());
    all += piece;
  }
  CHECK((all == test::pattern(size)));
  CHECK(process.std_out().at_eof());
  const std::string again = co_await process.std_out().read(777);
  CHECK(again.empty());
}

COPROC_TEST("stream: read(n) does not wait for more than there is") {
  auto process = co_await exec(child, "pieces", "first", std_in = piped, std_out = piped);
  co_await process.std_in().write("1");
  const std::string piece = co_await process.std_out().read(1000);  // the child is still there
  CHECK(piece == "first");
}

COPROC_TEST("stream: readexactly takes just as many, and says what there was at an early end") {
  auto process = co_await exec(child, "fill", 1, 300'010, std_out = piped);
  coproc::reader& out = process.std_out();
  const std::string all = test::pattern(300'010);
  const std::string none = co_await out.readexactly(0);
  CHECK(none.empty());
  const std::string one = co_await out.readexactly(1);
  CHECK((one == all.substr(0, 1)));
  const std::string large = co_await out.readexactly(299'999);
  CHECK((large == all.substr(1, 299'999)));
  const auto error = co_await thrown<coproc::incomplete_read_error>(out.readexactly(11));
  CHECK((error.partial() == all.substr(300'000)));
  CHECK(error.expected() == 11);
  CHECK(error.code() == asio::error::eof);
  CHECK(out.at_eof());
  const auto again = co_await thrown<coproc::incomplete_read_error>(out.readexactly(1));
  CHECK(again.partial().empty());
}

COPROC_TEST("stream: readuntil finds a separator of several bytes and leaves what follows") {
  auto process = co_await exec(child, "say", "a\r\r\nb\r\n\r\nrest", std_out = piped);
  coproc::reader& out = process.std_out();
  for (const char* expected : {"a\r\r\n", "b\r\n", "\r\n"}) {
    const std::string text = co_await out.readuntil("\r\n");
    CHECK(text == expected);
  }
  const auto error = co_await thrown<coproc::incomplete_read_error>(out.readuntil("\r\n"));
  CHECK(error.partial() == "rest");
  CHECK(std::string(error.what()).find("4 bytes") != std::string::npos);
}

COPROC_TEST("stream: readuntil finds a separator that comes in pieces") {
  auto process = co_await exec(child, "pieces", "text-", "-", "-=-", "-=|rest", std_in = piped,
                               std_out = piped, std_err = piped);
  test::beside<std::string> reading(co_await asio::this_coro::executor,
                                    process.std_out().readuntil("--=|"));
  for (int piece = 0; piece < 4; ++piece) {
    CHECK(!reading.done());
    co_await process.std_in().write("x");
    const std::string written = co_await process.std_err().readexactly(1);
    co_await test::turns(20);  // the piece is in the pipe: now it has been read
  }
  const std::string text = co_await reading.result();
  CHECK(text == "text---=--=|");
  process.std_in().close();
  const std::string rest = co_await process.std_out().read();
  CHECK(rest == "rest");
}

COPROC_TEST("stream: readuntil has a newline for its separator, and refuses an empty one") {
  auto process = co_await exec(child, "say", "line\nrest", std_out = piped);
  co_await thrown<std::invalid_argument>(process.std_out().readuntil(""));
  const std::string line = co_await process.std_out().readuntil();
  CHECK(line == "line\n");
}

COPROC_TEST("stream: until returns as soon as the text has come by, with all up to it") {
  auto process = co_await exec(child, "pieces", "starting\nlistening on", " port 80\n",
                               std_in = piped, std_out = piped);
  co_await process.std_in().write("x");
  const std::string text = co_await process.std_out().until("listening on");
  CHECK(text == "starting\nlistening on");
  co_await process.std_in().write("x");
  const optional_line rest = co_await process.std_out().readline();
  CHECK(rest == optional_line(" port 80"));
  const auto error = co_await thrown<coproc::incomplete_read_error>(process.std_out().until("x"));
  CHECK(error.partial().empty());
}

COPROC_TEST("stream: until of several texts says which has come, and leaves what follows") {
  auto process = co_await exec(child, "pieces", "sure? pass", "word: sure", "ly?", std_in = piped,
                               std_out = piped);
  coproc::reader& out = process.std_out();
  co_await process.std_in().write("x");
  const auto first = co_await out.until("password: ", std::string("sure? "));
  CHECK(first.index == 1);
  CHECK(first.text == "sure? ");
  // Across what has come in two pieces, and an operation that was cancelled between them.
  beside<coproc::found_text> waiting(co_await asio::this_coro::executor,
                                     out.until("surely", "password: ", std::string_view("?")));
  co_await test::turns(20);
  waiting.cancel();
  (void)co_await thrown<coproc::cancelled_error>(waiting.result());
  co_await process.std_in().write("x");
  const auto [index, text] = co_await out.until("surely", "password: ", std::string_view("?"));
  CHECK(index == 1);
  CHECK(text == "password: ");
  co_await process.std_in().write("x");
  const auto last = co_await out.until("?", "surely?");  // which end with the same byte
  CHECK(last.index == 0);
  CHECK(last.text == "surely?");
}

COPROC_TEST("stream: until of several texts has what there was at the end, and knows no limit") {
  constexpr std::size_t size = 1'000'000;
  auto process = co_await exec(child, "fill", 1, size, std_out = piped, limit = 10);
  const auto error = co_await thrown<coproc::incomplete_read_error>(
      process.std_out().until("this text is not in the pattern", "nor is that"));
  CHECK((error.partial() == test::pattern(size)));
  co_await thrown<std::invalid_argument>(process.std_out().until("a", ""));
}

COPROC_TEST("stream: until of a text and a number is bound by the number") {
  auto process = co_await exec(child, "say", "1234567890", std_out = piped);
  co_await thrown<coproc::limit_error>(process.std_out().until("0", 8));
  const std::string text = co_await process.std_out().until("0", 9u);
  CHECK(text == "1234567890");
}

COPROC_TEST("stream: until knows no limit") {
  constexpr std::size_t size = 1'000'000;
  auto process = co_await exec(child, "fill", 1, size, std_out = piped, limit = 10);
  const auto error = co_await thrown<coproc::incomplete_read_error>(
      process.std_out().until("this text is not in the pattern"));
  CHECK((error.partial() == test::pattern(size)));
}

COPROC_TEST("stream: a line over the limit is an error that loses nothing") {
  auto process =
      co_await exec(child, "say", "1234567890\n12345678901\nrest", std_out = piped, limit = 10);
  coproc::reader& out = process.std_out();
  const optional_line fits = co_await out.readline();
  CHECK(fits == optional_line("1234567890"));
  for (int i = 0; i < 2; ++i) {
    const auto error = co_await thrown<coproc::limit_error>(out.readline());
    CHECK(error.reached() == 11);
    CHECK(std::string(error.what()).find("limit of 10 bytes") != std::string::npos);
  }
  std::string into;
  co_await thrown<coproc::limit_error>(out.readline(into));
  co_await thrown<coproc::limit_error>(out.readuntil());
  co_await thrown<coproc::limit_error>(out.lines());
  const std::string some = co_await out.read(3);
  CHECK(some == "123");
  const optional_line rest_of_it = co_await out.readline();
  CHECK(rest_of_it == optional_line("45678901"));
  const std::string rest = co_await out.read();
  CHECK(rest == "rest");
}

COPROC_TEST("stream: an endless line meets the limit, 64 KiB by default") {
  auto process = co_await exec(child, "flood", std_out = piped);
  const auto error = co_await thrown<coproc::limit_error>(process.std_out().readline());
  CHECK(error.reached() > 64 * 1024);
  CHECK(error.reached() < 4 * 64 * 1024);
  const std::string bytes = co_await process.std_out().readexactly(error.reached() + 1000);
  CHECK((bytes == std::string(error.reached() + 1000, 'y')));
}

COPROC_TEST("stream: the limit is for the text before the separator, however that arrives") {
  auto process = co_await exec(child, "pieces", "|1234567890\r", "\n", "1234567890\r", "?",
                               std_in = piped, std_out = piped, limit = 10);
  coproc::reader& out = process.std_out();
  co_await process.std_in().write("x");
  const std::string before = co_await out.readuntil("|");  // the text has come in the same piece
  CHECK(before == "|");
  const auto executor = co_await asio::this_coro::executor;
  test::beside<std::string> reading(executor, out.readuntil("\r\n"));
  co_await test::turns(5);
  co_await process.std_in().write("x");
  const std::string fits = co_await reading.result();
  CHECK(fits == "1234567890\r\n");
  test::beside<std::string> failing(executor, out.readuntil("\r\n"));
  co_await process.std_in().write("xx");
  co_await thrown<coproc::limit_error>(failing.result());
  const std::string all = co_await out.readexactly(12);
  CHECK(all == "1234567890\r?");
}

COPROC_TEST("stream: readuntil and until take a limit of their own") {
  auto process = co_await exec(child, "say", "12345;1234567890;rest", std_out = piped, limit = 3);
  coproc::reader& out = process.std_out();
  co_await thrown<coproc::limit_error>(out.readuntil(";"));
  const std::string fits = co_await out.readuntil(";", 5);
  CHECK(fits == "12345;");
  const auto over = co_await thrown<coproc::limit_error>(out.until(";", 9));
  CHECK(over.reached() == 10);
  CHECK(std::string(over.what()).find("limit of 9 bytes") != std::string::npos);
  const std::string exact = co_await out.until(";", 10);
  CHECK(exact == "1234567890;");
}

COPROC_TEST("stream: lines() keeps the limit for every line, and gives those before a long one") {
  auto process =
      co_await exec(child, "say", "one\ntwo\n12345678901\nfour\n", std_out = piped, limit = 10);
  coproc::reader& out = process.std_out();
  const coproc::line_views views = co_await out.lines();
  CHECK(std::vector<std::string>(views.begin(), views.end()) ==
        std::vector<std::string>{"one", "two"});
  const auto error = co_await thrown<coproc::limit_error>(out.lines());
  CHECK(error.reached() == 11);
  const std::string rest = co_await out.read();
  CHECK(rest == "12345678901\nfour\n");
}

COPROC_TEST("stream: at_eof is true when the stream has ended and all of it has been read") {
  auto process = co_await exec(child, "say", "line\nx", std_out = piped);
  coproc::reader& out = process.std_out();
  CHECK(!out.at_eof());
  co_await out.readline();
  CHECK(!out.at_eof());
  const int code = co_await process.wait();
  CHECK(code == 0);
  CHECK(!out.at_eof());
  co_await out.readline();
  CHECK(out.at_eof());
}

COPROC_TEST("stream: the ways to read may be mixed") {
  auto process =
      co_await exec(child, "say", "line 1\nline 2\n12345;67\nx\ny\nrest", std_out = piped);
  coproc::reader& out = process.std_out();
  const optional_line line = co_await out.readline();
  CHECK(line == optional_line("line 1"));
  const std::string exact = co_await out.readexactly(7);
  CHECK(exact == "line 2\n");
  const std::string until = co_await out.readuntil(";");
  CHECK(until == "12345;");
  const std::string some = co_await out.read(2);
  CHECK(some == "67");
  std::string into;
  co_await out.readline(into);
  CHECK(into.empty());
  const coproc::line_views views = co_await out.lines();
  CHECK(std::vector<std::string>(views.begin(), views.end()) == std::vector<std::string>{"x", "y"});
  const std::string rest = co_await out.read();
  CHECK(rest == "rest");
}

COPROC_TEST("stream: what the child has written can be read after its end, to the end") {
  auto process = co_await exec(child, "say", "out\nput", "err", std_out = piped, std_err = piped);
  const int code = co_await process.wait();
  CHECK(code == 0);
  const optional_line line = co_await process.std_out().readline();
  CHECK(line == optional_line("out"));
  const std::string out = co_await process.std_out().read();
  CHECK(out == "put");
  const std::string err = co_await process.std_err().readexactly(3);
  CHECK(err == "err");
  const std::string end = co_await process.std_err().read(1);
  CHECK(end.empty());
}

COPROC_TEST("stream: one that is not piped is a logic_error") {
  auto process = co_await exec(child, "exit", 0, std_out = piped, std_err = devnull);
  CHECK_THROWS_AS(process.std_in(), std::logic_error);
  CHECK_NOTHROW(process.std_out());
  CHECK_THROWS_AS(process.std_err(), std::logic_error);
}

COPROC_TEST("stream: a second read beside one is a logic_error, and harms it not") {
  auto process = co_await exec(child, "pieces", "line\nrest", std_in = piped, std_out = piped);
  coproc::reader& out = process.std_out();
  test::beside<optional_line> reading(co_await asio::this_coro::executor, out.readline());
  co_await test::turns(5);
  std::string into;
  char byte;
  co_await thrown<std::logic_error>(out.readline());
  co_await thrown<std::logic_error>(out.readline(into));
  co_await thrown<std::logic_error>(out.lines());
  co_await thrown<std::logic_error>(out.read());
  co_await thrown<std::logic_error>(out.read(1));
  co_await thrown<std::logic_error>(out.readexactly(1));
  co_await thrown<std::logic_error>(out.readuntil("x"));
  co_await thrown<std::logic_error>(out.until("x"));
  const auto buffer = asio::buffer(&byte, 1);
  const auto [error, count] =
      co_await out.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
  CHECK(error == asio::error::already_started);
  CHECK(count == 0);
  CHECK(!reading.done());
  co_await process.std_in().write("x");
  const optional_line line = co_await reading.result();
  CHECK(line == optional_line("line"));
  const std::string rest = co_await out.read(10);
  CHECK(rest == "rest");
}

COPROC_TEST("stream: both outputs may be read beside each other") {
  constexpr std::size_t size = 1'000'000;
  auto process =
      co_await exec(child, "exchange", size, std_in = devnull, std_out = piped, std_err = piped);
  const auto [out, err] =
      co_await coproc::gather(process.std_out().read(), process.std_err().read());
  CHECK((out == test::pattern(size)));
  CHECK((err == test::pattern(size)));
}

COPROC_TEST("stream: Asio's composed reads work on a reader, and mix with its own") {
  constexpr std::size_t size = 400'000;
  auto process = co_await exec(child, "fill", 1, size, std_out = piped);
  coproc::reader& out = process.std_out();
  const std::string all = test::pattern(size);
  std::string text;
  auto dynamic = asio::dynamic_buffer(text);
  const std::size_t found =
      co_await asio::async_read_until(out, dynamic, all.substr(1000, 8), asio::use_awaitable);
  CHECK(found == all.find(all.substr(1000, 8)) + 8);
  CHECK((text == all.substr(0, text.size())));
  std::size_t at = text.size();
  std::string block(100'000, '\0');
  const auto buffer = asio::buffer(block);
  const std::size_t got = co_await asio::async_read(out, buffer, asio::use_awaitable);
  CHECK(got == block.size());
  CHECK((block == all.substr(at, block.size())));
  at += block.size();
  const std::string own = co_await out.readexactly(1000);
  CHECK((own == all.substr(at, 1000)));
  at += 1000;
  std::string rest;
  auto to_the_end = asio::dynamic_buffer(rest);
  const auto [error, count] = co_await asio::async_read(out, to_the_end, asio::transfer_all(),
                                                        asio::as_tuple(asio::use_awaitable));
  CHECK(error == asio::error::eof);
  CHECK(count == size - at);
  CHECK((rest == all.substr(at)));
  const auto [again, none] =
      co_await out.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
  CHECK(again == asio::error::eof);
  CHECK(none == 0);
  const auto nothing = asio::buffer(block, 0);
  const auto [fine, zero] =
      co_await out.async_read_some(nothing, asio::as_tuple(asio::use_awaitable));
  CHECK(!fine);
  CHECK(zero == 0);
}

COPROC_TEST("stream: async_read_some never calls its handler from within itself") {
  auto process = co_await exec(child, "say", "ab", std_out = piped);
  co_await process.wait();
  char byte;
  for (int i = 0; i < 3; ++i) {  // a byte from the pipe, one from the buffer, the end
    bool called = false;
    process.std_out().async_read_some(asio::buffer(&byte, 1),
                                      [&](coproc::error_code, std::size_t) { called = true; });
    CHECK(!called);
    const bool in_the_end = co_await test::eventually([&] { return called; });
    CHECK(in_the_end);
  }
}

COPROC_TEST("stream: a flooding child starves neither a timer nor another coroutine") {
  auto process = co_await exec(child, "flood", std_out = piped);
  const auto executor = co_await asio::this_coro::executor;
  test::beside<std::string> reading(executor, process.std_out().until("never"));
  const auto start = std::chrono::steady_clock::now();
  asio::steady_timer timer(executor);
  for (int i = 0; i < 10; ++i) {
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  CHECK(std::chrono::steady_clock::now() - start < test::patience);
  reading.cancel();
  co_await thrown<coproc::cancelled_error>(reading.result());
  const auto reads = [&]() -> asio::awaitable<void> {  // one that always finds something to take
    for (;;) co_await process.std_out().read(1000);
  };
  co_await thrown<coproc::timeout_error>(coproc::wait_for(reads(), 10ms));
  CHECK(std::chrono::steady_clock::now() - start < test::patience);
}

}  // namespace stream_tests
