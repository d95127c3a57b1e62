// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Writing to a child's stdin, and terminals.

#include "support.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>
#include <csignal>

namespace stream_write_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using test::beside;
using test::child;
using test::thrown;

namespace {

constexpr std::size_t more_than_a_pipe = 3 << 20;

bool is_pending(int number) {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, number) == 1;
}

/// What a thread does with SIGPIPE: has it changed since?
class sigpipe_state {
 public:
  sigpipe_state() : pending_(is_pending(SIGPIPE)) {
    ::sigaction(SIGPIPE, nullptr, &action_);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
  }
  bool operator==(const sigpipe_state& other) const {
    bool same = action_.sa_handler == other.action_.sa_handler && pending_ == other.pending_;
    for (int number = 1; number <= SIGRTMAX; ++number)
      same = same && ::sigismember(&mask_, number) == ::sigismember(&other.mask_, number);
    return same;
  }

 private:
  struct sigaction action_;
  sigset_t mask_;
  bool pending_;
};

/// Writes to a child that has closed its stdin, and to one that has ended, in each of two ways.
asio::awaitable<void> break_pipes() {
  auto ended = co_await exec(child, "exit", 0, std_in = piped);
  co_await ended.wait();
  auto deaf =
      co_await exec(child, "close-stdin", more_than_a_pipe, std_in = piped, std_out = piped);
  co_await deaf.std_out().readline();
  for (coproc::writer* in : {&ended.std_in(), &deaf.std_in()}) {
    const auto error = co_await thrown<coproc::error>(in->write("text"));
    CHECK(error.code() == boost::system::errc::broken_pipe);
    CHECK(std::string(error.what()).find("Broken pipe") != std::string::npos);
    const auto buffer = asio::buffer("text", 4);
    const auto [code, count] =
        co_await asio::async_write(*in, buffer, asio::as_tuple(asio::use_awaitable));
    CHECK(code == boost::system::errc::broken_pipe);
    CHECK(count == 0);
  }
  CHECK(deaf.returncode() == std::nullopt);  // it writes, and we do not read: it is still there
}

}  // namespace

COPROC_TEST("stream_write: the child reads what is written, and the end at close") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  CHECK(process.std_in().is_open());
  co_await process.std_in().write("one\n");
  co_await process.std_in().write("");
  co_await process.std_in().write(std::string("t\0wo\n", 5));
  const auto one = co_await process.std_out().readline();
  CHECK(one == std::optional<std::string>("one"));
  const auto two = co_await process.std_out().readline();
  CHECK(two == std::optional<std::string>(std::string("t\0wo", 4)));
  process.std_in().close();
  const std::string end = co_await process.std_out().read();
  CHECK(end.empty());
  const int code = co_await process.wait();
  CHECK(code == 0);
}

COPROC_TEST("stream_write: a child that does not read makes it wait, and then gets every byte") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  beside<void> writing(co_await asio::this_coro::executor,
                       process.std_in().write(test::pattern(more_than_a_pipe)));
  co_await test::turns(200);
  CHECK(!writing.done());
  process.send_signal(SIGUSR1);
  co_await writing.result();
  process.std_in().close();
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));
}

COPROC_TEST("stream_write: Asio's composed write works on it, with backpressure too") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const std::string all = test::pattern(more_than_a_pipe);
  const std::string_view view = all;
  std::vector<asio::const_buffer> buffers;  // several, an empty one among them
  for (const std::size_t at : {std::size_t(0), std::size_t(1), std::size_t(1), view.size() / 2})
    buffers.push_back(asio::buffer(view.substr(at, 0)));
  buffers[1] = asio::buffer(view.substr(0, 1));
  buffers[2] = asio::buffer(view.substr(1, view.size() / 2 - 1));
  buffers[3] = asio::buffer(view.substr(view.size() / 2));
  beside<std::size_t> writing(co_await asio::this_coro::executor,
                              asio::async_write(process.std_in(), buffers, asio::use_awaitable));
  co_await test::turns(200);
  CHECK(!writing.done());
  process.send_signal(SIGUSR1);
  const std::size_t count = co_await writing.result();
  CHECK(count == all.size());
  process.std_in().close();
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));
}

COPROC_TEST("stream_write: after close it fails at once, and close may come again") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  coproc::writer& in = process.std_in();
  in.close();
  in.close();
  CHECK(!in.is_open());
  for (const char* text : {"text", ""}) {
    const auto error = co_await thrown<coproc::error>(in.write(text));
    CHECK(error.code() == boost::system::errc::bad_file_descriptor);
    CHECK(std::string(error.what()).find("closed") != std::string::npos);
  }
  const auto buffer = asio::buffer("text", 4);
  const auto [code, count] =
      co_await in.async_write_some(buffer, asio::as_tuple(asio::use_awaitable));
  CHECK(code == boost::system::errc::bad_file_descriptor);
  CHECK(count == 0);
  const int exit_status = co_await process.wait();
  CHECK(exit_status == 0);
}

COPROC_TEST("stream_write: close ends a write that waits") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const auto executor = co_await asio::this_coro::executor;
  const std::string all = test::pattern(more_than_a_pipe);
  beside<void> writing(executor, process.std_in().write(all));
  co_await test::turns(5);
  process.std_in().close();
  co_await thrown<coproc::cancelled_error>(writing.result());
  process.send_signal(SIGUSR1);
  const auto line = co_await process.std_out().readline();
  REQUIRE(line.has_value());
  CHECK(line->ends_with(" right"));  // a part, and then the end
}

COPROC_TEST("stream_write: SIGPIPE is not raised where it would end the host") {
  REQUIRE(::signal(SIGPIPE, SIG_DFL) == SIG_DFL);
  const sigpipe_state before;
  co_await break_pipes();
  CHECK(sigpipe_state() == before);
}

COPROC_TEST("stream_write: SIGPIPE does not get to a handler of the host") {
  static int calls = 0;
  const auto handler = [](int) { ++calls; };
  ::signal(SIGPIPE, handler);
  const sigpipe_state before;
  co_await break_pipes();
  CHECK(sigpipe_state() == before);
  CHECK(calls == 0);
  ::raise(SIGPIPE);  // the host's own
  CHECK(calls == 1);
  ::signal(SIGPIPE, SIG_DFL);
}

COPROC_TEST("stream_write: a SIGPIPE that the host blocks is left as it is, pending or not") {
  sigset_t sigpipe, mask;
  ::sigemptyset(&sigpipe);
  ::sigaddset(&sigpipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &sigpipe, &mask);
  {
    const sigpipe_state before;
    co_await break_pipes();
    CHECK(sigpipe_state() == before);
    CHECK(!is_pending(SIGPIPE));
  }
  for (const bool to_the_process : {false, true}) {
    if (to_the_process) ::kill(::getpid(), SIGPIPE);
    else ::raise(SIGPIPE);
    const sigpipe_state before;
    co_await break_pipes();
    CHECK(sigpipe_state() == before);
    CHECK(is_pending(SIGPIPE));
    int number = 0;
    ::sigwait(&sigpipe, &number);
    CHECK(!is_pending(SIGPIPE));
  }
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

COPROC_TEST("stream_write: a cancelled write leaves a stream that can be written on") {
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total}) {
    auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
    co_await process.std_out().readline();
    const auto executor = co_await asio::this_coro::executor;
    beside<void> writing(executor, process.std_in().write(test::pattern(more_than_a_pipe)));
    co_await test::turns(5);
    writing.cancel(type);
    co_await thrown<coproc::cancelled_error>(writing.result());
    process.send_signal(SIGUSR1);
    co_await process.std_in().write("x");
    process.std_in().close();
    const auto line = co_await process.std_out().readline();
    REQUIRE(line.has_value());
    CHECK(line->ends_with("wrong"));  // bytes of the pattern, then an x
    CHECK(std::stoul(*line) > 1);
  }
}

COPROC_TEST("stream_write: || and wait_for cancel a write") {
  using namespace asio::experimental::awaitable_operators;
  auto process = co_await exec(child, "wait", std_in = piped, std_out = devnull);
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  const auto first = co_await (process.std_in().write(std::string(more_than_a_pipe, 'x')) ||
                               timer.async_wait(asio::use_awaitable));
  CHECK(first.index() == 1);
  co_await thrown<coproc::timeout_error>(coproc::wait_for(process.std_in().write("x"), 1ms));
}

COPROC_TEST("stream_write: a write that runs out of time says how far it came, too") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const std::string text = test::pattern(more_than_a_pipe);
  const auto late =
      co_await thrown<coproc::timeout_error>(coproc::wait_for(process.std_in().write(text), 1ms));
  CHECK(late.written() > 0);
  CHECK(late.written() < text.size());
  process.send_signal(SIGUSR1);
  co_await process.std_in().write(text.substr(late.written()));
  process.std_in().close();
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));
}

COPROC_TEST("stream_write: writes queue, and each ends when the pipe has taken it") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const auto executor = co_await asio::this_coro::executor;
  const std::string text = test::pattern(more_than_a_pipe);
  std::vector<beside<void>> writing;
  std::vector<int> ended;
  const auto write = [&](int index, std::string bytes) -> asio::awaitable<void> {
    co_await process.std_in().write(std::move(bytes));
    ended.push_back(index);
  };
  constexpr int parts = 7;
  for (int i = 0; i < parts; ++i) {
    const std::size_t from = text.size() * static_cast<std::size_t>(i) / parts;
    const std::size_t to = text.size() * static_cast<std::size_t>(i + 1) / parts;
    writing.emplace_back(executor, write(i, text.substr(from, to - from)));
    co_await test::turns(i % 3);
  }
  co_await test::turns(5);
  CHECK_FALSE(writing.back().done());
  const auto buffer = asio::buffer("x", 1);
  const auto [error, count] =
      co_await process.std_in().async_write_some(buffer, asio::as_tuple(asio::use_awaitable));
  CHECK(error == asio::error::already_started);
  CHECK(count == 0);
  co_await thrown<std::logic_error>(process.communicate());
  process.send_signal(SIGUSR1);
  for (auto& each : writing) co_await each.result();
  CHECK(ended == std::vector<int>{0, 1, 2, 3, 4, 5, 6});
  process.std_in().close();
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));
}

COPROC_TEST(
    "stream_write: behind a cancelled write the others go on where it had written nothing") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const auto executor = co_await asio::this_coro::executor;
  const std::string text = test::pattern(more_than_a_pipe);
  beside<void> first(executor, process.std_in().write(text.substr(0, more_than_a_pipe - 1)));
  beside<void> second(executor, process.std_in().write("not this"));
  beside<void> third(executor, process.std_in().write(text.substr(more_than_a_pipe - 1)));
  co_await test::turns(5);
  second.cancel();
  const auto none = co_await thrown<coproc::cancelled_error>(second.result());
  CHECK(none.written() == 0);
  CHECK_FALSE(third.done());
  process.send_signal(SIGUSR1);
  co_await first.result();
  co_await third.result();
  process.std_in().close();
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));
}

COPROC_TEST(
    "stream_write: a write cancelled in its middle says how far it came, and fails the others") {
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const auto executor = co_await asio::this_coro::executor;
  const std::string text = test::pattern(more_than_a_pipe);
  beside<void> first(executor, process.std_in().write(text));
  beside<void> second(executor, process.std_in().write("second"));
  beside<void> third(executor, process.std_in().write("third"));
  co_await test::turns(5);
  first.cancel();
  const auto some = co_await thrown<coproc::cancelled_error>(first.result());
  CHECK(some.written() > 0);
  CHECK(some.written() < text.size());
  for (beside<void>* const each : {&second, &third}) {
    const auto error = co_await thrown<coproc::error>(each->result());
    CHECK(error.code() == boost::system::errc::io_error);
  }
  // It is known what is missing.
  process.send_signal(SIGUSR1);
  co_await process.std_in().write(text.substr(some.written()));
  process.std_in().close();
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));
}

COPROC_TEST("stream_write: close, a broken pipe and the end of the process end all that wait") {
  const auto executor = co_await asio::this_coro::executor;
  for (const int way : {0, 1, 2}) {
    auto process = co_await exec(child, "wait", std_in = piped, std_out = devnull);
    std::vector<beside<void>> writing;
    for (int i = 0; i < 3; ++i)
      writing.emplace_back(executor, process.std_in().write(std::string(more_than_a_pipe, 'x')));
    co_await test::turns(5);
    if (way == 0) process.std_in().close();
    if (way == 1) process.kill();
    if (way == 2) process = co_await exec(child, "exit", 0);
    for (auto& each : writing) {
      const auto error = co_await thrown<coproc::error>(each.result());
      CHECK(error.code() == (way == 1 ? coproc::error_code(asio::error::broken_pipe)
                                      : coproc::error_code(asio::error::operation_aborted)));
    }
  }
}

COPROC_TEST("stream_write: a write whose process is moved goes on, destroyed it is cancelled") {
  const auto executor = co_await asio::this_coro::executor;
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  beside<void> writing(executor, process.std_in().write(test::pattern(more_than_a_pipe)));
  co_await test::turns(5);
  std::optional<coproc::process> moved = std::move(process);
  moved->send_signal(SIGUSR1);
  co_await writing.result();
  moved->std_in().close();
  const auto line = co_await moved->std_out().readline();
  CHECK(line == std::optional<std::string>(std::to_string(more_than_a_pipe) + " right"));

  moved = co_await exec(child, "wait", std_in = piped, std_out = devnull);
  beside<void> again(executor, moved->std_in().write(test::pattern(more_than_a_pipe)));
  co_await test::turns(5);
  CHECK(!again.done());
  moved.reset();
  co_await thrown<coproc::cancelled_error>(again.result());
}

COPROC_TEST("stream_write: a dialogue by hand, one line at a time") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  for (int i = 0; i < 1000; ++i) {
    co_await process.std_in().write(std::to_string(i) + '\n');
    const auto line = co_await process.std_out().readline();
    if (line != std::to_string(i)) FAIL("not the line that was written");
  }
  process.std_in().close();
  const int code = co_await process.wait();
  CHECK(code == 0);
}

COPROC_TEST("stream_write: on a terminal the child has a terminal") {
  auto process =
      co_await exec(child, "tty", std_in = terminal, std_out = terminal, std_err = terminal);
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>("tty yes yes yes controlling\r"));
  CHECK(&process.std_err() == &process.std_out());  // one stream, so one reader
  const auto end = co_await process.std_out().readline();
  CHECK(end == std::nullopt);  // not the EIO that the system says
  const int code = co_await process.wait();
  CHECK(code == 0);
}

COPROC_TEST("stream_write: a terminal may be for stdout alone, and is the controlling one") {
  auto process =
      co_await exec(child, "tty", std_in = devnull, std_out = terminal, std_err = devnull);
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>("tty no yes no controlling\r"));
}

COPROC_TEST("stream_write: close on a terminal is an end of file for the child") {
  for (const std::string text : {"a line\n", "no end", ""}) {
    auto process = co_await exec(child, "cat", std_in = terminal, std_out = piped);
    if (!text.empty()) co_await process.std_in().write(text);
    process.std_in().close();
    const std::string all = co_await process.std_out().read();
    CHECK(all == text);
    const int code = co_await process.wait();
    CHECK(code == 0);
  }
}

COPROC_TEST("stream_write: async_write_some writes several buffers at once", "[posix]") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const std::string first = "one, ", second, third = "two";
  const std::vector<asio::const_buffer> all = {asio::buffer(first), asio::buffer(second),
                                               asio::buffer(third)};
  const std::size_t written = co_await process.std_in().async_write_some(all, asio::use_awaitable);
  CHECK(written == 8);
  process.std_in().close();
  const std::string text = co_await process.std_out().read();
  CHECK(text == "one, two");
}

}  // namespace stream_write_tests
