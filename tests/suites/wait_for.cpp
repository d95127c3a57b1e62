// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "support.hpp"

#include <boost/asio/experimental/channel.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace wait_for_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using coproc::wait_for;
using test::beside;
using test::child;
using test::thrown;

namespace {

using clock_type = std::chrono::steady_clock;

asio::awaitable<int> value(int number) { co_return number; }

asio::awaitable<int> value_after(int turns, int number) {
  co_await test::turns(turns);
  co_return number;
}

asio::awaitable<void> for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, clock_type::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

/// Runs until it is cancelled, and takes its time to end.
asio::awaitable<void> slow_to_end(bool& ended) {
  asio::steady_timer timer(co_await asio::this_coro::executor, clock_type::time_point::max());
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await asio::this_coro::reset_cancellation_state();
  timer.expires_after(20ms);
  co_await timer.async_wait(asio::use_awaitable);
  ended = true;
  throw coproc::cancelled_error("slow");
}

/// Owns a child that runs for ever.
asio::awaitable<int> owns_a_child(int& pid) {
  auto process = co_await exec(child, "wait", std_out = piped);
  pid = process.pid();
  co_return co_await process.wait();
}

}  // namespace

COPROC_TEST("wait_for: returns the value that comes in time") {
  const int now = co_await wait_for(value(1), test::patience);
  CHECK(now == 1);
  const int later = co_await wait_for(value_after(5, 2), test::patience);
  CHECK(later == 2);
  auto process = co_await exec(child, "exit", 3);
  const int code = co_await wait_for(process.wait(), test::patience);
  CHECK(code == 3);
}

COPROC_TEST("wait_for: works for void, and for results that can only be moved") {
  co_await wait_for(test::turns(3), test::patience);
  coproc::process process = co_await wait_for(exec(child, "exit", 4), test::patience);
  const int code = co_await process.wait();
  CHECK(code == 4);
  const auto pointer = []() -> asio::awaitable<std::unique_ptr<int>> {
    co_return std::make_unique<int>(5);
  };
  const std::unique_ptr<int> result = co_await wait_for(pointer(), test::patience);
  CHECK(*result == 5);
}

COPROC_TEST("wait_for: throws a timeout_error when time has run out, and not before") {
  const auto start = clock_type::now();
  const auto error = co_await thrown<coproc::timeout_error>(wait_for(for_ever(), 50ms));
  const auto took = clock_type::now() - start;
  CHECK(took >= 50ms);
  CHECK(took < test::patience);
  CHECK(error.code() == asio::error::timed_out);
  CHECK(std::string(error.what()) == "timed out after 0.05 s");
  CHECK(error.elapsed() >= 50ms);
  CHECK(error.elapsed() <= took);
  CHECK(error.out().empty());
}

COPROC_TEST("wait_for: a timeout of communicate carries the output so far", "[posix]") {
  auto process = co_await exec(child, "pieces", "some of it, ", "and the rest", std_in = piped,
                               std_out = piped, std_err = piped);
  co_await process.std_in().write("1");
  co_await process.std_err().readexactly(1);  // it is in the pipe
  co_await process.std_in().write("2");
  co_await process.std_err().readexactly(1);
  process.std_in().close();
  auto stuck = co_await exec(child, "on-term", 0, std_out = piped);
  std::string so_far;
  for (auto time = 1ms; so_far.empty(); time *= 2) {
    const auto error = co_await thrown<coproc::timeout_error>(wait_for(stuck.communicate(), time));
    so_far = error.out();
    CHECK(error.err().empty());
  }
  CHECK(so_far == "ready\n");
  CHECK(stuck.returncode() == std::nullopt);
  stuck.terminate();
  const auto [out, err] = co_await wait_for(stuck.communicate(), test::patience);
  CHECK(out == "ready\nterm\n");
  const auto [all, none] = co_await wait_for(process.communicate(), test::patience);
  CHECK(all == "some of it, and the rest");
}

COPROC_TEST("wait_for: after a timeout of wait the child runs on and can be waited for",
            "[posix]") {
  auto process = co_await exec(child, "on-term", 6, std_out = piped);
  co_await process.std_out().readline();
  for (int i = 0; i < 3; ++i) co_await thrown<coproc::timeout_error>(wait_for(process.wait(), 2ms));
  process.terminate();
  const int code = co_await wait_for(process.wait(), test::patience);
  CHECK(code == 6);
}

COPROC_TEST("wait_for: other exceptions come through as they are") {
  co_await thrown<coproc::launch_error>(wait_for(exec("no_such_program_anywhere"), test::patience));
  const auto number = []() -> asio::awaitable<void> {
    co_await test::turns(1);
    throw 42;
  };
  const int thrown_number = co_await thrown<int>(wait_for(number(), test::patience));
  CHECK(thrown_number == 42);
  // A cancellation that is not of its making is no timeout.
  const auto other = []() -> asio::awaitable<void> {
    co_await test::turns(1);
    throw coproc::cancelled_error("other");
  };
  const auto error = co_await thrown<coproc::cancelled_error>(wait_for(other(), test::patience));
  CHECK(std::string(error.what()) == "other: cancelled");
  // Nor is an exception that is made of the cancellation.
  const auto own = []() -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor, clock_type::time_point::max());
    const auto [failure] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (failure) throw std::runtime_error("my own words");
  };
  co_await thrown<std::runtime_error>(wait_for(own(), 1ms));
}

COPROC_TEST("wait_for: a value that comes in spite of the cancellation is returned") {
  const auto stubborn = []() -> asio::awaitable<int> {
    asio::steady_timer timer(co_await asio::this_coro::executor, clock_type::time_point::max());
    const auto [failure] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return failure ? 7 : 0;
  };
  const int result = co_await wait_for(stubborn(), 1ms);
  CHECK(result == 7);
}

COPROC_TEST("wait_for: no time at all is still enough for what is there") {
  for (const auto time : {0ms, -1ms, -1'000'000ms}) {
    const int now = co_await wait_for(value(1), time);
    CHECK(now == 1);
    const auto error = co_await thrown<coproc::timeout_error>(wait_for(for_ever(), time));
    CHECK(error.elapsed() < test::patience);
  }
}

COPROC_TEST("wait_for: the longest of times is no time out") {
  const int a = co_await wait_for(value_after(20, 1), std::chrono::nanoseconds::max());
  const int b = co_await wait_for(value_after(20, 2), std::chrono::hours::max());
  const int c = co_await wait_for(value_after(20, 3), std::chrono::duration<double>(1e30));
  const int d = co_await wait_for(value_after(20, 4), std::chrono::years(1'000'000));
  CHECK(a + b + c + d == 10);
  co_await thrown<coproc::timeout_error>(wait_for(for_ever(), std::chrono::hours::min()));
}

COPROC_TEST("wait_for: any duration may be given") {
  co_await thrown<coproc::timeout_error>(wait_for(for_ever(), 1ns));
  co_await thrown<coproc::timeout_error>(wait_for(for_ever(), 10us));
  const auto start = clock_type::now();
  const auto error = co_await thrown<coproc::timeout_error>(
      wait_for(for_ever(), std::chrono::duration<double>(0.02)));
  CHECK(clock_type::now() - start >= 20ms);
  CHECK(std::string(error.what()) == "timed out after 0.02 s");
}

COPROC_TEST("wait_for: what it has cancelled has ended before it throws") {
  bool ended = false;
  co_await thrown<coproc::timeout_error>(wait_for(slow_to_end(ended), 1ms));
  CHECK(ended);
  int pid = 0;
  co_await thrown<coproc::timeout_error>(wait_for(owns_a_child(pid), 20ms));
  CHECK(pid != 0);
  CHECK(!test::has_children());  // not even as a zombie
}

COPROC_TEST("wait_for: leaves nothing behind on the io_context when done in time") {
  co_await wait_for(value(1), std::chrono::hours(1));  // or run() would wait for that hour
}

COPROC_TEST("wait_for: nested, the shorter one counts") {
  const auto inner = []() -> asio::awaitable<std::string> {
    const auto error = co_await thrown<coproc::timeout_error>(wait_for(for_ever(), 1ms));
    co_return std::string(error.what());
  };
  const std::string caught = co_await wait_for(inner(), test::patience);
  CHECK(caught == "timed out after 0.001 s");
  const auto not_caught =
      co_await thrown<coproc::timeout_error>(wait_for(wait_for(for_ever(), 1ms), test::patience));
  CHECK(std::string(not_caught.what()) == "timed out after 0.001 s");
  bool ended = false;
  const auto outer = co_await thrown<coproc::timeout_error>(
      wait_for(wait_for(wait_for(slow_to_end(ended), test::patience), test::patience), 2ms));
  CHECK(std::string(outer.what()) == "timed out after 0.002 s");
  CHECK(ended);
}

COPROC_TEST("wait_for: nested, the output so far comes through") {
  auto process = co_await exec(child, "wait", std_out = piped);
  std::string so_far;
  for (auto time = 1ms; so_far.empty(); time *= 2) {
    const auto error = co_await thrown<coproc::timeout_error>(
        wait_for(wait_for(process.communicate(), test::patience), time));
    so_far = error.out();
  }
  CHECK(so_far == "ready\n");
}

COPROC_TEST("wait_for: cancelled from outside it cancels, waits, and is no timeout") {
  const auto executor = co_await asio::this_coro::executor;
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total}) {
    bool ended = false;
    beside<void> waiting(executor, wait_for(slow_to_end(ended), test::patience));
    co_await test::turns(3);
    waiting.cancel(type);
    const auto error = co_await thrown<coproc::cancelled_error>(waiting.result());
    CHECK(std::string(error.what()) == "slow: cancelled");
    CHECK(ended);
  }
}

COPROC_TEST("wait_for: a cancellation from outside at any moment is not missed") {
  const auto executor = co_await asio::this_coro::executor;
  for (int moment = 0; moment < 30; ++moment) {
    const auto job = [](int turns) -> asio::awaitable<void> {  // then it would go on for ever
      for (;;) co_await wait_for(test::turns(turns), test::patience);
    };
    beside<void> waiting(executor, job(moment % 4));
    co_await test::turns(moment);
    waiting.cancel();
    const auto error = co_await thrown<boost::system::system_error>(waiting.result());
    CHECK(error.code() == asio::error::operation_aborted);
  }
}

COPROC_TEST("wait_for: what is done in the very moment of the timeout is done or timed out") {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  int done = 0, timed_out = 0;
  const auto at = [&](clock_type::time_point when) -> asio::awaitable<int> {
    timer.expires_at(when);
    co_await timer.async_wait(asio::use_awaitable);
    co_return 1;
  };
  for (int i = 0; i < 300; ++i) {
    try {
      done += co_await wait_for(at(clock_type::now() + 200us), 200us + (i % 7 - 3) * 10us);
    } catch (const coproc::timeout_error&) {
      ++timed_out;
    }
  }
  CHECK(done + timed_out == 300);
}

COPROC_TEST("wait_for: a child that ends in the very moment is never lost") {
  for (int i = 0; i < 100; ++i) {
    auto process = co_await exec(child, "exit", 9);
    std::optional<int> code;
    while (!code) {
      try {
        code = co_await wait_for(process.wait(), i * 20us);
      } catch (const coproc::timeout_error&) {
      }
    }
    CHECK(code == 9);
  }
}

COPROC_TEST("wait_for: composes with || and gather") {
  using namespace asio::experimental::awaitable_operators;
  const auto first =
      co_await (wait_for(for_ever(), test::patience) || wait_for(value(3), test::patience));
  CHECK(first.index() == 1);
  const auto [one, two] = co_await coproc::gather(
      wait_for(for_ever(), 1ms), wait_for(value(2), test::patience), return_exceptions = true);
  CHECK_THROWS_AS(one.value(), coproc::timeout_error);
  CHECK(two.value() == 2);
}

COPROC_TEST("wait_for: works in the clean-up of a coroutine that has been cancelled") {
  bool in_time = false, timed_out = false;
  const auto cleans_up = [&]() -> asio::awaitable<void> {
    asio::steady_timer never(co_await asio::this_coro::executor, clock_type::time_point::max());
    co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await asio::this_coro::throw_if_cancelled(false);
    const int result = co_await wait_for(value_after(5, 1), test::patience);
    in_time = result == 1;
    try {
      co_await wait_for(for_ever(), 1ms);
    } catch (const coproc::timeout_error&) {
      timed_out = true;
    }
  };
  beside<void> cleaning(co_await asio::this_coro::executor, cleans_up());
  co_await test::turns(3);
  cleaning.cancel();
  co_await cleaning.result();
  CHECK(in_time);
  CHECK(timed_out);
}

TEST_CASE("wait_for: on four threads each ends one way or the other") {
  std::atomic<int> done = 0, timed_out = 0;
  const auto one = [&](int number) -> asio::awaitable<void> {
    for (int i = 0; i < 50; ++i) {
      try {
        co_await wait_for(test::turns(i % 8), (number + i) % 10 * 5us);
        ++done;
      } catch (const coproc::timeout_error&) {
        ++timed_out;
      }
    }
  };
  const auto all = [&]() -> asio::awaitable<void> {
    std::vector<asio::awaitable<void>> jobs;
    for (int i = 0; i < 50; ++i) jobs.push_back(one(i));
    co_await coproc::gather(jobs);
  };
  test::run_on_threads(4, all());
  CHECK(done + timed_out == 50 * 50);
  CHECK(done > 0);
}

COPROC_TEST("wait_for: a second cancellation is passed on: the child is killed at once",
            "[posix]") {
  bool ready = false;
  auto job = coproc::capture(child, "ignore-term", grace = std::chrono::hours(1),
                             std_out = tee([&](std::string_view) { ready = true; }));
  beside<coproc::completed> waiting(co_await asio::this_coro::executor,
                                    wait_for(std::move(job), std::chrono::hours(1)));
  const bool came = co_await test::eventually([&] { return ready; });
  CHECK(came);
  co_await test::cancel_twice(waiting);
}

COPROC_TEST("wait_for: a channel says in its own words that it was cancelled") {
  using channel = asio::experimental::channel<void(coproc::error_code, int)>;
  channel nothing(co_await asio::this_coro::executor);
  const auto receive = [](channel& from) -> asio::awaitable<int> {
    co_return co_await from.async_receive(asio::use_awaitable);
  };
  (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(receive(nothing), 20ms));
}

}  // namespace wait_for_tests
