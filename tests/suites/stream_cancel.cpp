// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Reads that do not come to their end: cancelled, or with their process moved or destroyed.

#include "support.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_future.hpp>
#include <coproc/detail/pipe/pipe_reader.hpp>

namespace stream_cancel_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using coproc::exec;
using test::beside;
using test::child;
using test::thrown;

namespace {

/// What a read gives: its bytes, at the end those there were, or nothing where it was cancelled.
/// Another error than the library's own for this comes through.
asio::awaitable<std::optional<std::string>> bytes_of(beside<std::string> reading) {
  std::optional<std::string> bytes;
  try {
    bytes = co_await reading.result();
  } catch (const coproc::cancelled_error& e) {
    if (e.code() != asio::error::operation_aborted) throw;
  } catch (const coproc::incomplete_read_error& e) {
    bytes = e.partial();
  }
  co_return bytes;
}

asio::awaitable<std::string> one_line(coproc::reader& out) {
  std::string line;
  const bool more = co_await out.readline(line);
  if (more) line += '\n';
  co_return line;
}

asio::awaitable<std::string> optional_line(coproc::reader& out) {
  std::optional<std::string> line = co_await out.readline();
  co_return line ? *line + '\n' : std::string();
}

asio::awaitable<std::string> all_lines(coproc::reader& out) {
  std::string text;
  const coproc::line_views views = co_await out.lines();
  for (const std::string_view line : views) (text += line) += '\n';
  co_return text;
}

asio::awaitable<std::string> some(coproc::reader& out) {
  std::string bytes(1000, '\0');
  const auto buffer = asio::buffer(bytes);
  const auto [error, count] =
      co_await out.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
  if (error == asio::error::operation_aborted) throw coproc::cancelled_error("async_read_some");
  bytes.resize(count);
  co_return bytes;
}

using kind_of_read = asio::awaitable<std::string> (*)(coproc::reader&);
const kind_of_read kinds[] = {
    [](coproc::reader& out) { return out.read(); },
    [](coproc::reader& out) { return out.read(100); },
    [](coproc::reader& out) { return out.readexactly(64); },
    [](coproc::reader& out) { return out.readuntil("xx\n"); },
    [](coproc::reader& out) { return out.until("x\n"); },
    &one_line,
    &optional_line,
    &all_lines,
    &some,
};

}  // namespace

COPROC_TEST("stream_cancel: every read obeys every type of cancellation, and the next one works") {
  auto process = co_await exec(child, "pieces", "line\n", std_in = piped, std_out = piped);
  coproc::reader& out = process.std_out();
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total})
    for (const kind_of_read read : kinds) {
      beside<std::string> reading(co_await asio::this_coro::executor, read(out));
      co_await test::turns(3);
      CHECK(!reading.done());
      reading.cancel(type);
      const auto error = co_await thrown<coproc::cancelled_error>(reading.result());
      CHECK(error.code() == asio::error::operation_aborted);
    }
  CHECK(process.returncode() == std::nullopt);  // it has not noticed
  co_await process.std_in().write("x");
  const auto line = co_await out.readline();
  CHECK(line == std::optional<std::string>("line"));
}

COPROC_TEST("stream_cancel: what a cancelled read had already taken stays for the next") {
  auto process = co_await exec(child, "pieces", "half a ", "line\nand ", "more", std_in = piped,
                               std_out = piped, std_err = piped);
  coproc::reader& out = process.std_out();
  const auto executor = co_await asio::this_coro::executor;
  for (const kind_of_read read : {kinds[0], kinds[2], kinds[3], kinds[4], kinds[5], kinds[7]}) {
    beside<std::string> reading(executor, read(out));
    if (read == kinds[0]) {
      co_await process.std_in().write("x");
      co_await process.std_err().readexactly(1);
    }
    co_await test::turns(20);  // the piece is in the pipe: now it has been read
    reading.cancel();
    const auto bytes = co_await bytes_of(reading);
    CHECK(bytes == std::nullopt);
  }
  co_await process.std_in().write("x");
  const auto line = co_await out.readline();
  CHECK(line == std::optional<std::string>("half a line"));
  beside<std::string> reading(executor, out.read());
  co_await test::turns(20);
  reading.cancel();
  co_await thrown<coproc::cancelled_error>(reading.result());
  co_await process.std_in().write("x");
  process.std_in().close();
  const std::string rest = co_await out.read();
  CHECK(rest == "and more");
}

COPROC_TEST("stream_cancel: no read loses a byte, at whatever moment it is cancelled") {
  int cancelled = 0;  // of all: one of a line seldom waits where the child is faster
  for (const kind_of_read read : kinds) {
    auto process = co_await exec(child, "lines", 20000, std_out = piped);
    coproc::reader& out = process.std_out();
    const auto executor = co_await asio::this_coro::executor;
    std::string all;
    for (int i = 0; !out.at_eof(); ++i) {
      beside<std::string> reading(executor, read(out));
      if (i < 2000) {
        co_await test::turns(i % 11);
        reading.cancel();
      }
      const auto bytes = co_await bytes_of(reading);
      if (bytes) all += *bytes;
      cancelled += !bytes;
    }
    const std::string line = std::string(63, 'x') + '\n';
    std::string expected;
    for (int i = 0; i < 20000; ++i) expected += line;
    CHECK((all == expected));
  }
  CHECK(cancelled > 0);
}

COPROC_TEST("stream_cancel: a read that times out loses nothing") {
  auto process = co_await exec(child, "fill", 1, 1'000'000, std_out = piped);
  coproc::reader& out = process.std_out();
  std::string all;
  int timed_out = 0;
  for (int i = 0; !out.at_eof(); ++i) {
    try {
      const std::string bytes = co_await coproc::wait_for(out.readexactly(10'000), i % 20 * 10us);
      all += bytes;
    } catch (const coproc::incomplete_read_error& e) {
      all += e.partial();
    } catch (const coproc::timeout_error&) {
      ++timed_out;
    }
  }
  CHECK((all == test::pattern(1'000'000)));
  CHECK(timed_out > 0);
}

COPROC_TEST("stream_cancel: a read beaten by a timer with || loses nothing") {
  auto process = co_await exec(child, "pieces", "a line\n", std_in = piped, std_out = piped);
  coproc::reader& out = process.std_out();
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::string into;
  timer.expires_after(1ms);
  const auto first = co_await (out.readline() || timer.async_wait(asio::use_awaitable));
  CHECK(first.index() == 1);
  timer.expires_after(1ms);
  const auto second = co_await (timer.async_wait(asio::use_awaitable) || out.readline(into));
  CHECK(second.index() == 0);
  co_await process.std_in().write("x");
  timer.expires_after(test::patience);
  const auto third = co_await (out.readline() || timer.async_wait(asio::use_awaitable));
  CHECK(third.index() == 0);
  CHECK(std::get<0>(third) == std::optional<std::string>("a line"));
}

COPROC_TEST("stream_cancel: Asio's composed reads are cancelled without a loss") {
  auto process = co_await exec(child, "pieces", "half a ", "line\nrest", std_in = piped,
                               std_out = piped, std_err = piped);
  coproc::reader& out = process.std_out();
  std::string text;
  auto dynamic = asio::dynamic_buffer(text);
  beside<std::size_t> reading(co_await asio::this_coro::executor,
                              asio::async_read_until(out, dynamic, '\n', asio::use_awaitable));
  co_await process.std_in().write("x");
  co_await process.std_err().readexactly(1);
  co_await test::turns(20);
  CHECK(text.starts_with("half a "));
  reading.cancel();
  const auto error = co_await thrown<boost::system::system_error>(reading.result());
  CHECK(error.code() == asio::error::operation_aborted);
  co_await process.std_in().write("x");
  const std::size_t found =
      co_await asio::async_read_until(out, dynamic, '\n', asio::use_awaitable);
  CHECK(text.substr(0, found) == "half a line\n");
  process.std_in().close();
  const std::string rest = co_await out.read();
  CHECK(text.substr(found) + rest == "rest");
}

COPROC_TEST("stream_cancel: a process may be moved while its streams are read") {
  auto process = co_await exec(child, "pieces", "line\n", "rest", std_in = piped, std_out = piped);
  coproc::reader& out = process.std_out();
  beside<std::string> reading(co_await asio::this_coro::executor, one_line(out));
  co_await test::turns(5);
  coproc::process moved = std::move(process);
  CHECK(&moved.std_out() == &out);
  co_await moved.std_in().write("x");
  const std::string line = co_await reading.result();
  CHECK(line == "line\n");
  auto other = co_await exec(child, "wait", std_in = piped, std_out = piped);
  co_await other.std_out().readline();
  other = std::move(moved);  // ends the one that waits
  CHECK(&other.std_out() == &out);
  co_await other.std_in().write("x");
  other.std_in().close();
  const std::string rest = co_await other.std_out().read();
  CHECK(rest == "rest");
}

COPROC_TEST("stream_cancel: a read whose process is destroyed is cancelled") {
  for (const kind_of_read read : kinds) {
    if (read == kinds[5] || read == kinds[6] || read == kinds[7] || read == kinds[8])
      continue;  // these functions use the reader after the wait
    std::optional<coproc::process> process = co_await exec(child, "wait", std_out = piped);
    co_await process->std_out().readline();
    beside<std::string> reading(co_await asio::this_coro::executor, read(process->std_out()));
    co_await test::turns(3);
    process.reset();
    co_await thrown<coproc::cancelled_error>(reading.result());
  }
  std::optional<coproc::process> process = co_await exec(child, "wait", std_out = piped);
  co_await process->std_out().readline();
  beside<std::optional<std::string>> reading(co_await asio::this_coro::executor,
                                             process->std_out().readline());
  co_await test::turns(3);
  process.reset();
  co_await thrown<coproc::cancelled_error>(reading.result());
}

COPROC_TEST("stream_cancel: a flood that loses its process never looks like all there was") {
  for (int moment = 0; moment < 60; ++moment) {
    std::optional<coproc::process> process = co_await exec(child, "flood", std_out = piped);
    beside<std::string> reading(co_await asio::this_coro::executor, process->std_out().read());
    co_await test::turns(moment);
    process.reset();
    co_await thrown<coproc::cancelled_error>(reading.result());
  }
}

COPROC_TEST(
    "stream_cancel: a stream read to its end is still that after its process is destroyed") {
  std::optional<coproc::process> process = co_await exec(child, "say", "all", std_out = piped);
  const std::string all = co_await process->std_out().read();
  CHECK(all == "all");
  process.reset();
  const bool gone = co_await test::eventually([] { return !test::has_children(); });
  CHECK(gone);
}

#if !defined(_WIN32)
TEST_CASE("stream_cancel: a cancellation that comes when the wait has just ended is one too") {
  asio::io_context context(2);
  const auto strand = asio::make_strand(context);
  const auto body = [&]() -> asio::awaitable<void> {
    for (const kind_of_read read : {kinds[0], kinds[2], kinds[3], kinds[4], kinds[5], kinds[7]}) {
      auto process =
          co_await exec(child, "pieces", "half a ", "line", std_in = piped, std_out = piped);
      coproc::reader& out = process.std_out();
      beside<std::string> reading(strand, read(out));
      // Told by the one other thread, after the reading coroutine was: that waits for our strand.
      std::atomic<bool> there = false;
      out.implementation()->pipe().registered().async_wait(
          asio::posix::descriptor_base::wait_read,
          asio::bind_executor(context, [&](coproc::error_code) { there = true; }));
      co_await process.std_in().write("x");
      while (!there) std::this_thread::yield();
      reading.cancel();
      co_await thrown<coproc::cancelled_error>(reading.result());
      const std::string bytes = co_await out.read(100);
      CHECK(bytes == "half a ");
    }
  };
  auto done = asio::co_spawn(strand, body(), asio::use_future);
  CHECK(test::run_out(context, 2));
  REQUIRE(done.wait_for(0s) == std::future_status::ready);
  done.get();
}
#endif

COPROC_TEST("stream_cancel: a read that starts after its process was destroyed is cancelled") {
  std::optional<coproc::process> process =
      co_await exec(child, "cat", std_in = piped, std_out = piped);
  auto line = process->std_out().readline();
  std::string memory;
  auto into = process->std_out().readline(memory);
  process.reset();
  const auto nothing = co_await std::move(line);
  CHECK_FALSE(nothing.has_value());
  const bool more = co_await std::move(into);
  CHECK_FALSE(more);
}

TEST_CASE("stream_cancel: an operation that goes with its context is the last to have the stream") {
  char room[8];
  for (const bool reads : {true, false}) {
    asio::io_context context;
    std::optional<coproc::process> process;
    const auto start = [&]() -> asio::awaitable<void> {
      process.emplace(co_await exec(child, "wait", std_in = piped, std_out = piped));
      const auto line = co_await process->std_out().readline();
      CHECK(line == std::optional<std::string>("ready"));
      // So much that the pipe is full.
      if (!reads)
        (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(
            process->std_in().write(std::string(1 << 20, 'x')), std::chrono::milliseconds(1)));
    };
    asio::co_spawn(context, start(), asio::detached);
    context.run();
    context.restart();
    bool told = false;
    const auto tell = [&](coproc::error_code, std::size_t) { told = true; };
    if (reads) process->std_out().async_read_some(asio::buffer(room), tell);
    else process->std_in().async_write_some(asio::buffer(room), tell);
    context.poll();
    process.reset();  // which ends it, but nobody runs the context any more
    CHECK_FALSE(told);
  }
}

}  // namespace stream_cancel_tests
