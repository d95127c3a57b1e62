// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// process::communicate cancelled, misused, with its process gone, and on other executors.

#include "support.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

namespace communicate_cancel_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using test::beside;
using test::child;
using test::thrown;

namespace {

/// The output so far of a communicate that is cancelled after a number of turns of the event loop;
/// complete says whether it was done by then. Any other exception comes through.
class attempt {
 public:
  explicit attempt(coproc::output so_far, bool all) : written(std::move(so_far)), complete(all) {}
  coproc::output written;
  bool complete;
};
asio::awaitable<attempt> try_for(coproc::process& process, int turns,
                                 std::string input = std::string()) {
  beside<coproc::output> running(co_await asio::this_coro::executor,
                                 process.communicate(std::move(input)));
  co_await test::turns(turns);
  running.cancel();
  coproc::output written;
  bool complete = true;
  try {
    written = co_await running.result();
  } catch (const coproc::cancelled_error& e) {
    written = e.partial_output();
    complete = false;
  }
  co_return attempt(std::move(written), complete);
}

asio::awaitable<coproc::output> exchanged(std::size_t size) {
  auto process =
      co_await exec(child, "exchange", size, std_in = piped, std_out = piped, std_err = piped);
  co_return co_await process.communicate(test::pattern(size));
}

asio::awaitable<void> check_exchange() {
  const std::string all = test::pattern(200'000);
  const coproc::output written = co_await exchanged(all.size());
  CHECK((written.out == all));
  CHECK((written.err == all));
  auto waiting = co_await exec(child, "wait", std_out = piped);
  co_await waiting.std_out().readline();
  co_await thrown<coproc::timeout_error>(coproc::wait_for(waiting.communicate(), 20ms));
  waiting.kill();
  co_await waiting.communicate();
  CHECK(waiting.returncode() == -SIGKILL);
}

}  // namespace

COPROC_TEST("communicate_cancel: the bytes so far are in the error and in the next result",
            "[posix]") {
  auto process = co_await exec(child, "on-term", 5, std_out = piped, std_err = piped);
  std::string so_far;
  while (so_far.empty()) {
    const attempt tried = co_await try_for(process, 3);
    CHECK(!tried.complete);
    so_far = tried.written.out;
  }
  CHECK(so_far == "ready\n");
  CHECK(process.returncode() == std::nullopt);
  process.terminate();
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "ready\nterm\n");
  CHECK(process.returncode() == 5);
}

COPROC_TEST("communicate_cancel: after a timeout the streams have the bytes as well", "[posix]") {
  auto process = co_await exec(child, "on-term", 5, std_out = piped);
  std::string so_far;
  while (so_far.empty()) {
    const auto error =
        co_await thrown<coproc::timeout_error>(coproc::wait_for(process.communicate(), 2ms));
    so_far = error.out();
  }
  CHECK(so_far == "ready\n");
  const auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>("ready"));
  process.terminate();
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "term\n");
}

COPROC_TEST("communicate_cancel: at whatever moment, nothing is lost in any direction") {
  constexpr std::size_t size = 20'000'000;
  const std::string all = test::pattern(size);
  auto process =
      co_await exec(child, "exchange", size, std_in = piped, std_out = piped, std_err = piped);
  std::size_t out_before = 0, err_before = 0;
  attempt tried = co_await try_for(process, 1, all);
  int cancelled = 0;
  for (int i = 0; !tried.complete && i < 100; ++i) {
    ++cancelled;
    const auto& [out, err] = tried.written;
    if (out.size() < out_before || err.size() < err_before) FAIL("there was more before");
    out_before = out.size();
    err_before = err.size();
    if (!all.starts_with(out) || !all.starts_with(err)) FAIL("other bytes");
    tried = co_await try_for(process, i % 5);
  }
  if (!tried.complete) tried.written = co_await process.communicate();
  CHECK(cancelled > 10);
  CHECK(process.returncode() == 0);
  CHECK((tried.written.out == all));
  CHECK((tried.written.err == all));
}

#if !defined(_WIN32)
COPROC_TEST("communicate_cancel: the input goes on where it was, and is not replaced") {
  const std::string all = test::pattern(1 << 20);
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  const attempt tried = co_await try_for(process, 20, all);
  CHECK(!tried.complete);
  co_await thrown<std::logic_error>(process.communicate("another"));
  const auto ready = co_await process.std_out().readline();
  CHECK(ready == std::optional<std::string>("ready"));
  process.send_signal(SIGUSR1);
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "1048576 right\n");
}
#endif

COPROC_TEST("communicate_cancel: || with a timer leaves the process as it is", "[posix]") {
  using namespace asio::experimental::awaitable_operators;
  auto process = co_await exec(child, "on-term", 6, std_out = piped);
  asio::steady_timer timer(co_await asio::this_coro::executor, 5ms);
  const auto first = co_await (process.communicate() || timer.async_wait(asio::use_awaitable));
  CHECK(first.index() == 1);
  const int still_there = ::kill(process.pid(), 0);
  CHECK(still_there == 0);
  co_await process.std_out().readline();
  process.terminate();
  timer.expires_after(test::patience);
  const auto second = co_await (process.communicate() || timer.async_wait(asio::use_awaitable));
  CHECK(second.index() == 0);
  CHECK(process.returncode() == 6);
}

COPROC_TEST("communicate_cancel: beside itself or a read or a write it is a logic_error at once") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped, std_err = piped);
  const auto executor = co_await asio::this_coro::executor;
  {
    beside<std::string> reading(executor, process.std_err().read(1));
    co_await test::turns(3);
    co_await thrown<std::logic_error>(process.communicate("input"));
    reading.cancel();
    co_await thrown<coproc::cancelled_error>(reading.result());
  }
  {
    beside<void> writing(executor, process.std_in().write(std::string(1 << 20, 'w')));
    co_await test::turns(3);
    CHECK(!writing.done());
    co_await thrown<std::logic_error>(process.communicate("input"));
    process.std_in().close();
    co_await thrown<coproc::cancelled_error>(writing.result());
  }
  beside<coproc::output> running(executor, process.communicate());
  co_await thrown<std::logic_error>(process.communicate());
  co_await thrown<std::logic_error>(process.std_out().read());
  co_await thrown<std::logic_error>(process.std_err().readline());
  const coproc::output written = co_await running.result();
  CHECK(written.out.find_first_not_of('w') == std::string::npos);
}

COPROC_TEST("communicate_cancel: wait beside it gets the same end") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const auto [code, written] =
      co_await coproc::gather(process.wait(), process.communicate("input"));
  CHECK(code == 0);
  CHECK(written.out == "input");
}

COPROC_TEST("communicate_cancel: the process may be moved meanwhile", "[posix]") {
  auto process = co_await exec(child, "on-term", 0, std_out = piped);
  co_await process.std_out().readline();
  beside<coproc::output> running(co_await asio::this_coro::executor, process.communicate());
  co_await test::turns(3);
  coproc::process moved = std::move(process);
  moved.terminate();
  const coproc::output written = co_await running.result();
  CHECK(written.out == "term\n");
  CHECK(moved.returncode() == 0);
}

COPROC_TEST("communicate_cancel: a process destroyed meanwhile cancels it, at whatever moment") {
  const auto executor = co_await asio::this_coro::executor;
  for (const int moment : {0, 1, 2, 3, 4, 5, 7, 11}) {
    std::optional<coproc::process> process =
        co_await exec(child, "flood", std_in = piped, std_out = piped, std_err = piped);
    beside<coproc::output> running(executor, process->communicate(std::string(1'000'000, 'i')));
    co_await test::turns(moment);
    process.reset();
    const auto error = co_await thrown<coproc::cancelled_error>(running.result());
    CHECK((error.out() == std::string(error.out().size(), 'y')));
  }
  const bool gone = co_await test::eventually([] { return !test::has_children(); });
  CHECK(gone);
}

COPROC_TEST("communicate_cancel: destroyed while only a grandchild is left, it is cancelled too") {
  const bool cancelled = co_await test::sooner_or_later([]() -> asio::awaitable<bool> {
    std::optional<coproc::process> process = co_await exec(child, "grandchild", std_out = piped);
    beside<coproc::output> running(co_await asio::this_coro::executor, process->communicate());
    co_await process->wait();
    co_await test::turns(10);
    if (running.done()) {  // so long did these turns last
      const coproc::output written = co_await running.result();
      CHECK(written.pipe_still_open);
      ::kill(std::stoi(written.out), SIGKILL);
      co_return false;
    }
    process.reset();
    const auto error = co_await thrown<coproc::cancelled_error>(running.result());
    REQUIRE(!error.out().empty());
    ::kill(std::stoi(error.out()), SIGKILL);
    co_return true;
  });
  CHECK(cancelled);
}

COPROC_TEST("communicate_cancel: on a moved-from process it is a logic_error") {
  auto process = co_await exec(child, "exit", 0);
  coproc::process moved = std::move(process);
  co_await thrown<std::logic_error>(process.communicate());
  CHECK_THROWS_AS(process.pid(), std::logic_error);
  co_await moved.communicate();
}

TEST_CASE("communicate_cancel: all of it works on a strand") {
  asio::thread_pool pool(2);
  auto done = asio::co_spawn(asio::make_strand(pool), check_exchange(), asio::use_future);
  REQUIRE(done.wait_for(test::patience) == std::future_status::ready);
  done.get();
  pool.join();
}

TEST_CASE("communicate_cancel: all of it works on a thread pool") {
  asio::thread_pool pool(3);
  for (int i = 0; i < 20; ++i) {
    auto done = asio::co_spawn(pool, check_exchange(), asio::use_future);
    REQUIRE(done.wait_for(test::patience) == std::future_status::ready);
    done.get();
  }
  pool.join();
}

TEST_CASE("communicate_cancel: 200 children at once on four threads without a strand") {
  const auto all = []() -> asio::awaitable<void> {
    constexpr std::size_t size = 100'000;
    std::vector<asio::awaitable<coproc::output>> jobs;
    for (int i = 0; i < 200; ++i) jobs.push_back(exchanged(size));
    const auto results = co_await coproc::gather(jobs);
    const std::string expected = test::pattern(size);
    int right = 0;
    for (const coproc::output& one : results) right += one.out == expected && one.err == expected;
    CHECK(right == 200);
  };
  test::run_on_threads(4, all());
  CHECK(!test::has_children());
}

TEST_CASE("communicate_cancel: timeouts at any moment on four threads lose nothing") {
  const auto one = [](int number) -> asio::awaitable<int> {
    constexpr std::size_t size = 1'000'000;
    const std::string all = test::pattern(size);
    auto process = co_await exec(child, "fill", 1, size, std_out = piped);
    std::size_t before = 0;
    for (int i = 0;; ++i) {
      std::optional<coproc::output> written;
      try {
        written = co_await coproc::wait_for(process.communicate(), (i * 7 + number) % 50 * 10us);
      } catch (const coproc::timeout_error& e) {
        if (e.out().size() < before || !all.starts_with(e.out())) co_return 0;
        before = e.out().size();
      }
      if (written) co_return written->out == all;
    }
  };
  const auto all = [&]() -> asio::awaitable<void> {
    std::vector<asio::awaitable<int>> jobs;
    for (int i = 0; i < 40; ++i) jobs.push_back(one(i));
    const std::vector<int> right = co_await coproc::gather(jobs);
    CHECK(std::count(right.begin(), right.end(), 1) == 40);
  };
  test::run_on_threads(4, all());
}

#if !defined(_WIN32)
COPROC_TEST(
    "communicate_cancel: what is read by hand between two calls is the first one's no more") {
  std::string copy;
  auto process = co_await coproc::exec(
      "sh", "-c", "trap 'echo two; exit' USR1; echo one; while :; do sleep 0.01; done",
      std_out = tee([&](std::string_view text) { copy += text; }));
  beside<coproc::output> first(co_await asio::this_coro::executor, process.communicate());
  const bool came = co_await test::eventually([&] { return copy == "one\n"; });
  CHECK(came);
  first.cancel();
  auto e = co_await thrown<coproc::cancelled_error>(first.result());
  CHECK(e.out() == "one\n");
  const std::string by_hand = co_await process.std_out().read(3);
  CHECK(by_hand == "one");
  process.send_signal(SIGUSR1);
  const auto rest = co_await process.communicate();
  CHECK(rest.out == "\ntwo\n");
  CHECK(copy == "one\ntwo\n");
}
#endif

COPROC_TEST("communicate_cancel: lines that a tee had no time for are copied by the next call",
            "[posix]") {
  std::vector<std::string> lines, written;
  auto slow = [&](std::string_view line) -> asio::awaitable<void> {
    lines.emplace_back(line);
    const auto until = lines.size() == 2 ? asio::steady_timer::time_point::max()
                                         : std::chrono::steady_clock::now() + 1ms;
    asio::steady_timer pause(co_await asio::this_coro::executor, until);
    co_await pause.async_wait(asio::use_awaitable);
    written.emplace_back(line);
  };
  auto process = co_await coproc::exec("seq", 1, 6, std_out = tee_lines(slow));
  beside<coproc::output> first(co_await asio::this_coro::executor, process.communicate());
  const bool came = co_await test::eventually([&] { return lines.size() == 2; });
  CHECK(came);
  first.cancel();
  (void)co_await thrown<coproc::cancelled_error>(first.result());
  const auto rest = co_await process.communicate();
  CHECK(rest.out == "1\n2\n3\n4\n5\n6\n");
  CHECK(lines == std::vector<std::string>{"1", "2", "3", "4", "5", "6"});
  CHECK(written == std::vector<std::string>{"1", "3", "4", "5", "6"});  // the second was cancelled
}

COPROC_TEST("communicate_cancel: destroying the process ends it also while a last tee waits") {
  bool waiting = false;
  auto stuck = [&](std::string_view) -> asio::awaitable<void> {
    waiting = true;
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  };
  std::optional<coproc::process> process;
  process.emplace(co_await coproc::exec(child, "say", "all", "", std_out = tee(stuck)));
  beside<coproc::output> running(co_await asio::this_coro::executor, process->communicate());
  const bool came = co_await test::eventually([&] { return waiting && process->returncode(); });
  CHECK(came);
  co_await test::turns(50);  // its end is seen, and nothing is left to wait for but the tee
  process.reset();
  (void)co_await thrown<coproc::cancelled_error>(running.result());
}

COPROC_TEST("communicate_cancel: on a process that was given away it is cancelled, with its output",
            "[pidfd]") {
  auto process = co_await exec(child, "wait", std_out = piped);
  const auto ready = co_await process.std_out().readline();
  CHECK(ready == std::optional<std::string>("ready"));
  auto given = process.release();
  const auto e = co_await thrown<coproc::cancelled_error>(process.communicate());
  CHECK(std::string(e.what()) == "communicate: cancelled");
  given.terminate();
}

COPROC_TEST("communicate_cancel: a process that cannot be given away is kept, with its child",
            "[posix]") {
  auto process = co_await exec(child, "wait", std_out = piped);
  bool kept = false;
  try {
    auto given = process.release();
    given.terminate();
  } catch (const boost::system::system_error&) {  // a kernel without pidfds, as older_kernel is
    kept = true;
  }
  if (kept) {
    const int returncode = co_await process.stop();
    CHECK(returncode == -15);
  }
  CHECK_FALSE(test::has_children());
}

TEST_CASE("communicate_cancel: a write to a child whose context has gone says so") {
  std::optional<coproc::process> process;
  {
    asio::io_context context;
    const auto start = [&]() -> asio::awaitable<void> {
      process.emplace(co_await exec(child, "wait", std_in = piped));
    };
    asio::co_spawn(context, start(), asio::detached);
    context.run();
  }
  const auto write = [&]() -> asio::awaitable<void> {
    (void)co_await thrown<std::logic_error>(process->std_in().write(std::string(1 << 20, 'x')));
  };
  test::run(write());
}

}  // namespace communicate_cancel_tests
