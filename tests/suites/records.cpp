// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Records that end with something else than a newline, and a reader that wants no more.

#include "support.hpp"

#include <boost/asio/read.hpp>

namespace records_tests {

using namespace test;
using coproc::exec;

namespace {

using records = std::vector<std::string>;

/// All records, in one of three ways.
coproc::awaitable<records> all(coproc::reader& out, coproc::separator by, int way) {
  records found;
  std::string record;
  if (way == 0)
    while (auto next = co_await out.readline(by)) found.push_back(std::move(*next));
  if (way == 1) {
    for (bool more = true; more;) {
      more = co_await out.readline(by, record);
      if (more) found.push_back(record);
    }
  }
  for (bool more = way == 2; more;) {
    const coproc::line_views views = co_await out.lines(by);
    for (const std::string_view each : views) found.emplace_back(each);
    more = !views.empty();
  }
  co_return found;
}

}  // namespace

COPROC_TEST("records: end with a byte, a text, or any of some bytes; the last needs none") {
  for (const int way : {0, 1, 2}) {
    const auto read = [way](std::string text, coproc::separator by) -> coproc::awaitable<records> {
      auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
      // A byte at a time, so that a separator comes in pieces.
      for (const char each : text) co_await process.std_in().write(std::string(1, each));
      process.std_in().close();
      records found = co_await all(process.std_out(), by, way);
      co_return found;
    };
    const std::string nul("a\0\0bc\0d", 7);
    records found = co_await read(nul, '\0');
    CHECK(found == records{"a", "", "bc", "d"});
    found = co_await read("one\r\ntwo\n\r\n", "\r\n");
    CHECK(found == records{"one", "two\n"});
    found = co_await read("10%\r20%\rdone\nend", any_of("\r\n"));
    CHECK(found == records{"10%", "20%", "done", "end"});
    found = co_await read("a-----b", "--");
    CHECK(found == records{"a", "", "-b"});
    found = co_await read("", ';');
    CHECK(found.empty());
  }
}

COPROC_TEST("records: lines and records may take turns on one stream") {
  auto process = co_await exec(child, "say", "name\nlong;and;short\nrest", std_out = piped);
  auto& out = process.std_out();
  auto next = co_await out.readline();
  CHECK(next == std::optional<std::string>("name"));
  next = co_await out.readline(';');
  CHECK(next == std::optional<std::string>("long"));
  next = co_await out.readline();
  CHECK(next == std::optional<std::string>("and;short"));
  next = co_await out.readline(';');
  CHECK(next == std::optional<std::string>("rest"));
  next = co_await out.readline(';');
  CHECK_FALSE(next);
}

COPROC_TEST("records: one that is too long is a limit_error, and stays") {
  auto process = co_await exec(child, "say", "0123456789\n;x;", std_out = piped, limit = 8);
  (void)co_await thrown<coproc::limit_error>(process.std_out().readline(';'));
  (void)co_await thrown<coproc::limit_error>(process.std_out().lines(';'));
  const std::string text = co_await process.std_out().read();
  CHECK(text == "0123456789\n;x;");
}

COPROC_TEST("records: cancelled, they lose nothing") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  co_await process.std_in().write("first half, ");
  (void)co_await thrown<coproc::timeout_error>(
      coproc::wait_for(process.std_out().readline("--"), 20ms));
  co_await process.std_in().write("second half--");
  const auto next = co_await process.std_out().readline("--");
  CHECK(next == std::optional<std::string>("first half, second half"));
}

#if !defined(_WIN32)
COPROC_TEST("records: a closed reader makes the child's next write fail") {
  auto process = co_await exec(child, "flood", std_out = piped);
  const std::string some = co_await process.std_out().read(10);
  CHECK(process.std_out().is_open());
  process.std_out().close();
  process.std_out().close();
  CHECK_FALSE(process.std_out().is_open());
  const int code = co_await process.wait();
  CHECK(code == -SIGPIPE);
}
#endif

COPROC_TEST("records: every read of a closed reader fails at once, also of what had been read") {
  auto process = co_await exec(child, "say", "one\ntwo\n", std_out = piped, std_err = piped);
  auto& out = process.std_out();
  const auto line = co_await out.readline();
  CHECK(line == std::optional<std::string>("one"));
  out.close();
  std::string into;
  const auto refused = [](coproc::error e) { CHECK(e.code() == asio::error::bad_descriptor); };
  refused(co_await thrown<coproc::error>(out.read()));
  refused(co_await thrown<coproc::error>(out.read(1)));
  refused(co_await thrown<coproc::error>(out.readexactly(1)));
  refused(co_await thrown<coproc::error>(out.readuntil(std::string_view("x"))));
  refused(co_await thrown<coproc::error>(out.until(std::string_view("x"), 5)));
  refused(co_await thrown<coproc::error>(out.until("x", std::string_view("y"))));
  refused(co_await thrown<coproc::error>(out.readline()));
  refused(co_await thrown<coproc::error>(out.readline(into)));
  refused(co_await thrown<coproc::error>(out.readline(';')));
  refused(co_await thrown<coproc::error>(out.readline(';', into)));
  refused(co_await thrown<coproc::error>(out.lines()));
  refused(co_await thrown<coproc::error>(out.lines(';')));
  char byte;
  const auto buffer = asio::buffer(&byte, 1);
  const auto [error, count] =
      co_await out.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
  CHECK(error == asio::error::bad_descriptor);
  CHECK(count == 0);
  const auto written = co_await process.communicate();  // with the other one
  CHECK(written.out.empty());
  CHECK(process.returncode() == 0);
}

COPROC_TEST("records: close ends a read that waits") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const auto executor = co_await asio::this_coro::executor;
  beside<std::optional<std::string>> reading(executor, process.std_out().readline());
  co_await turns(5);
  process.std_out().close();
  (void)co_await thrown<coproc::cancelled_error>(reading.result());
  char byte;
  auto other = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const auto some = [](coproc::reader& from, char& to) -> asio::awaitable<coproc::error_code> {
    const auto [error, count] =
        co_await from.async_read_some(asio::buffer(&to, 1), asio::as_tuple(asio::use_awaitable));
    co_return error;
  };
  beside<coproc::error_code> asking(executor, some(other.std_out(), byte));
  co_await turns(5);
  other.std_out().close();
  const auto error = co_await asking.result();
  CHECK(error == asio::error::operation_aborted);
}

COPROC_TEST("records: the limit counts the record, not the start of its separator") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped, limit = 4);
  auto& out = process.std_out();
  co_await process.std_in().write("x\nabcd\r");
  (void)co_await out.readline();  // now the rest is here, too
  beside<std::optional<std::string>> reading(co_await asio::this_coro::executor,
                                             out.readline("\r\n"));
  co_await turns(5);
  co_await process.std_in().write("\nabcd\r\n");
  auto next = co_await reading.result();
  CHECK(next == std::optional<std::string>("abcd"));
  next = co_await out.readline("\r\n");
  CHECK(next == std::optional<std::string>("abcd"));
}

COPROC_TEST("records: close beside a read that waits drops what that had read") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  auto& out = process.std_out();
  co_await process.std_in().write("x\nstart of a line");
  (void)co_await out.readline();  // now the rest is here, too
  beside<std::optional<std::string>> reading(co_await asio::this_coro::executor, out.readline());
  co_await turns(50);
  out.close();
  (void)co_await thrown<coproc::cancelled_error>(reading.result());
  CHECK(out.at_eof());
  const auto written = co_await process.communicate();
  CHECK(written.out.empty());
}

}  // namespace records_tests
