// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// A gather that does not get all its results: failures, exceptions as values, cancellation.

#include "support.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <ranges>

namespace gather_failure_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using coproc::gather;
using test::beside;
using test::child;
using test::thrown;

namespace {

/// A child that runs until it is ended, and is ended by what happens to this coroutine.
asio::awaitable<int> wait_for_ever(std::atomic<int>& running) {
  auto process = co_await exec(child, "wait", std_out = piped);
  co_await process.std_out().readline();
  ++running;
  co_return co_await process.wait();
}

asio::awaitable<int> fail_when(std::atomic<int>& running, int count) {
  co_await test::eventually([&] { return running >= count; });
  throw std::runtime_error("the first failure");
}

asio::awaitable<int> value(int number) { co_return number; }

asio::awaitable<int> no_such_program() {
  auto process = co_await exec("no_such_program_anywhere");
  co_return process.pid();
}

/// Waits for its cancellation, and goes on a little after it.
asio::awaitable<int> slow_to_end(bool& ended) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await asio::this_coro::reset_cancellation_state();
  timer.expires_after(20ms);
  co_await timer.async_wait(asio::use_awaitable);
  ended = true;
  throw std::logic_error("a later failure");
}

}  // namespace

COPROC_TEST("gather_failure: the first one cancels the others, whose children are gone by then") {
  std::atomic<int> running = 0;
  const auto error =
      co_await thrown<std::runtime_error>(gather(wait_for_ever(running), fail_when(running, 3),
                                                 wait_for_ever(running), wait_for_ever(running)));
  CHECK(!test::has_children());  // not even as zombies, and nothing was waited for here
  CHECK(std::string(error.what()) == "the first failure");
}

COPROC_TEST("gather_failure: of a range too") {
  std::atomic<int> running = 0;
  const auto job = [&](int i) { return i == 7 ? fail_when(running, 9) : wait_for_ever(running); };
  auto jobs = test::lazily(0, 10, job);
  co_await thrown<std::runtime_error>(gather(jobs));
  CHECK(!test::has_children());
}

COPROC_TEST("gather_failure: no more of a range are started after one") {
  int started = 0;
  const auto job = [&](int i) -> asio::awaitable<void> {
    ++started;
    co_await test::turns(1);
    if (i == 10) throw std::runtime_error("ten");
  };
  auto jobs = test::lazily(0, 1000, job);
  co_await thrown<std::runtime_error>(gather(jobs, concurrency = 3));
  CHECK(started > 10);
  CHECK(started < 20);
}

COPROC_TEST("gather_failure: what is cancelled is waited for, and its own failure does not count") {
  bool ended = false;
  std::atomic<int> running = 0;
  const auto error =
      co_await thrown<std::exception>(gather(slow_to_end(ended), fail_when(running, 0)));
  CHECK(ended);
  const auto again =
      co_await thrown<std::runtime_error>(gather(fail_when(running, 0), slow_to_end(ended)));
  CHECK(std::string(again.what()) == "the first failure");
}

COPROC_TEST("gather_failure: children that were results already are gone as well") {
  std::atomic<int> running = 0;
  const auto make = [&]() -> asio::awaitable<coproc::process> {
    auto process = co_await exec(child, "wait", std_out = piped);
    co_await process.std_out().readline();
    ++running;
    co_return process;
  };
  co_await thrown<std::runtime_error>(gather(make(), make(), fail_when(running, 2)));
  CHECK(!test::has_children());
  running = 0;
  const auto job = [&](int i) -> asio::awaitable<coproc::process> {
    if (i < 2) return make();
    return exec("no_such_program_anywhere");
  };
  auto jobs = test::lazily(0, 3, job);
  co_await thrown<coproc::launch_error>(gather(jobs, concurrency = 1));
  CHECK(running == 2);
  CHECK(!test::has_children());
}

COPROC_TEST("gather_failure: a launch failure is one") {
  std::atomic<int> running = 0;
  const auto late = [&]() -> asio::awaitable<int> {
    co_await test::eventually([&] { return running == 2; });
    co_return co_await no_such_program();
  };
  const auto error = co_await thrown<coproc::launch_error>(
      gather(wait_for_ever(running), wait_for_ever(running), late()));
  CHECK(!test::has_children());
  CHECK(error.code() == boost::system::errc::no_such_file_or_directory);
}

COPROC_TEST("gather_failure: return_exceptions gives each of several as an outcome") {
  const auto nothing = []() -> asio::awaitable<void> { co_return; };
  auto outcomes =
      co_await gather(value(1), no_such_program(), nothing(), return_exceptions = true, value(4));
  static_assert(std::is_same_v<std::tuple_element_t<2, decltype(outcomes)>, coproc::outcome<void>>);
  auto& [one, missing, empty, four] = outcomes;
  CHECK(one.has_value());
  CHECK(*one == 1);
  CHECK(one.exception() == nullptr);
  CHECK(!missing);
  CHECK_THROWS_AS(missing.value(), coproc::launch_error);
  CHECK_THROWS_AS(*missing, coproc::launch_error);
  CHECK_THROWS_AS(std::rethrow_exception(missing.exception()), coproc::launch_error);
  CHECK(empty.has_value());
  CHECK(four.value() == 4);
}

COPROC_TEST("gather_failure: return_exceptions gives each of a range, in its order") {
  const auto job = [](int i) { return i % 3 == 1 ? no_such_program() : value(i); };
  auto jobs = test::lazily(0, 10, job);
  const std::vector<coproc::outcome<int>> outcomes =
      co_await gather(jobs, return_exceptions = true, concurrency = 2);
  REQUIRE(outcomes.size() == 10);
  for (int i = 0; i < 10; ++i) {
    const auto& one = outcomes[static_cast<std::size_t>(i)];
    CHECK(one.has_value() == (i % 3 != 1));
    if (one) CHECK(one.value() == i);
    else CHECK_THROWS_AS(one.value(), coproc::launch_error);
  }
  const auto plain = co_await gather(test::lazily(0, 3, value), return_exceptions = false);
  static_assert(std::is_same_v<decltype(plain), const std::vector<coproc::outcome<int>>>);
}

COPROC_TEST("gather_failure: with return_exceptions a failure cancels nobody") {
  const auto late = []() -> asio::awaitable<int> {
    co_await test::turns(50);
    co_return 5;
  };
  const auto [failed, fine] = co_await gather(no_such_program(), late(), return_exceptions = true);
  CHECK(!failed);
  CHECK(fine.has_value());
}

COPROC_TEST("gather_failure: a range that throws ends like a job that throws") {
  std::atomic<int> running = 0;
  for (const bool outcomes : {false, true}) {
    running = 0;
    const auto job = [&](int i) -> asio::awaitable<int> {
      if (i == 3) throw std::out_of_range("no more of them");
      return wait_for_ever(running);
    };
    auto jobs = test::lazily(0, 10, job);
    if (outcomes) co_await thrown<std::out_of_range>(gather(jobs, return_exceptions = true));
    else co_await thrown<std::out_of_range>(gather(jobs));
    CHECK(!test::has_children());
  }
  // In the middle, when its turn has come.
  running = 0;
  const auto job = [&](int i) -> asio::awaitable<int> {
    if (i == 5) throw std::out_of_range("no more of them");
    return i < 3 ? value(i) : wait_for_ever(running);
  };
  auto jobs = test::lazily(0, 10, job);
  co_await thrown<std::out_of_range>(gather(jobs, concurrency = 3));
  CHECK(!test::has_children());
}

COPROC_TEST("gather_failure: one that times out leaves no child") {
  std::atomic<int> running = 0;
  co_await thrown<coproc::timeout_error>(
      coproc::wait_for(gather(wait_for_ever(running), wait_for_ever(running)), 30ms));
  CHECK(!test::has_children());
}

COPROC_TEST("gather_failure: cancelled in any way it leaves no child, and says cancelled") {
  for (const bool outcomes : {false, true})
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
      std::atomic<int> running = 0;
      const auto three = [&]() -> asio::awaitable<void> {
        const auto job = [&](int) { return wait_for_ever(running); };
        auto jobs = test::lazily(0, 10, job);
        if (outcomes) co_await gather(jobs, concurrency = 3, return_exceptions = true);
        else co_await gather(jobs, concurrency = 3);
      };
      beside<void> gathering(co_await asio::this_coro::executor, three());
      co_await test::eventually([&] { return running == 3; });
      gathering.cancel(type);
      const auto error = co_await thrown<coproc::cancelled_error>(gathering.result());
      CHECK(!test::has_children());
      CHECK(std::string(error.what()) == "gather: cancelled");
    }
}

COPROC_TEST("gather_failure: || with a timer leaves no child") {
  using namespace asio::experimental::awaitable_operators;
  std::atomic<int> running = 0;
  asio::steady_timer timer(co_await asio::this_coro::executor, 30ms);
  const auto first = co_await (gather(wait_for_ever(running), wait_for_ever(running)) ||
                               timer.async_wait(asio::use_awaitable));
  CHECK(first.index() == 1);
  CHECK(!test::has_children());
}

COPROC_TEST("gather_failure: a cancellation that comes together with an end is not missed") {
  const auto executor = co_await asio::this_coro::executor;
  for (int moment = 0; moment < 40; ++moment) {
    const auto short_one = [](int turns) -> asio::awaitable<int> {
      co_await test::turns(turns);
      co_return turns;
    };
    asio::steady_timer never(executor, asio::steady_timer::time_point::max());
    const auto both = [&]() -> asio::awaitable<void> {
      co_await gather(short_one(moment % 6), short_one(moment % 5),
                      never.async_wait(asio::use_awaitable), return_exceptions = true);
    };
    beside<void> gathering(executor, both());
    co_await test::turns(moment / 2);
    gathering.cancel();
    co_await thrown<coproc::cancelled_error>(gathering.result());  // or the watchdog
  }
}

COPROC_TEST("gather_failure: through several levels no child is left") {
  std::atomic<int> running = 0;
  const auto pair = [&]() -> asio::awaitable<void> {
    co_await gather(wait_for_ever(running), wait_for_ever(running));
  };
  co_await thrown<std::runtime_error>(
      gather(gather(pair(), pair()), pair(), fail_when(running, 6)));
  CHECK(!test::has_children());
}

COPROC_TEST("gather_failure: an inner one's failure may be caught, and the outer one goes on") {
  std::atomic<int> running = 0;
  const auto inner = [&]() -> asio::awaitable<int> {
    bool failed = false;
    try {
      co_await gather(wait_for_ever(running), fail_when(running, 1));
    } catch (const std::runtime_error&) {
      failed = true;
    }
    CHECK(!test::has_children());
    co_return failed ? 1 : 0;
  };
  const auto [one, two] = co_await gather(inner(), value(2));
  CHECK(one == 1);
  CHECK(two == 2);
}

COPROC_TEST("gather_failure: works in the clean-up of a coroutine that has been cancelled") {
  bool cleaned = false;
  const auto cancelled = [&]() -> asio::awaitable<void> {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto late = [](int turns) -> asio::awaitable<int> {
      auto process = co_await exec(child, "say", turns, std_out = piped);
      const auto [out, err] = co_await process.communicate();
      co_await test::turns(turns);
      co_return std::stoi(out);
    };
    const auto [one, two] = co_await gather(late(1), late(20));
    cleaned = one == 1 && two == 20;
  };
  beside<void> cleaning(co_await asio::this_coro::executor, cancelled());
  co_await test::turns(3);
  cleaning.cancel();
  co_await cleaning.result();
  CHECK(cleaned);
}

TEST_CASE("gather_failure: on four threads too no child is left") {
  const auto many = []() -> asio::awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      std::atomic<int> running = 0;
      const auto job = [&](int number) {
        return number == 5 ? fail_when(running, 2 + i % 8) : wait_for_ever(running);
      };
      auto jobs = test::lazily(0, 12, job);
      const auto error = co_await thrown<std::runtime_error>(gather(jobs));
      if (test::has_children()) FAIL("a child is left");
      running = 0;
      co_await thrown<coproc::timeout_error>(coproc::wait_for(
          gather(wait_for_ever(running), wait_for_ever(running)), std::chrono::milliseconds(i)));
      if (test::has_children()) FAIL("a child is left after a timeout");
    }
  };
  test::run_on_threads(4, many());
}

COPROC_TEST("gather_failure: a second cancellation is passed on: the children are killed at once",
            "[posix]") {
  int ready = 0;
  const auto stubborn = [&] {
    return coproc::command(child, "ignore-term", grace = std::chrono::hours(1),
                           std_out = tee([&](std::string_view) { ++ready; }));
  };
  const auto both = [](coproc::command one) -> asio::awaitable<void> {
    (void)co_await gather(coproc::capture(one), coproc::capture(one));
  };
  beside<void> waiting(co_await asio::this_coro::executor, both(stubborn()));
  const bool came = co_await test::eventually([&] { return ready == 2; });
  CHECK(came);
  co_await test::cancel_twice(waiting);
}

}  // namespace gather_failure_tests
