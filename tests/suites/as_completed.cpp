// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "support.hpp"

namespace as_completed_tests {

using namespace test;
using coproc::as_completed;
using coproc::command;

namespace {

asio::awaitable<int> failing() {
  throw std::runtime_error("job");
  co_return 0;
}

}  // namespace

COPROC_TEST("as_completed: gives results in the order in which they come") {
  std::vector<asio::awaitable<int>> jobs;
  jobs.push_back(after_turns(200, 10));
  jobs.push_back(after_turns(5, 11));
  jobs.push_back(after_turns(50, 12));
  auto results = as_completed(std::move(jobs));
  std::vector<std::size_t> order;
  while (auto done = co_await results.next()) {
    order.push_back(done->index);
    CHECK(done->value == static_cast<int>(done->index) + 10);
  }
  CHECK(order == std::vector<std::size_t>{1, 2, 0});
  const auto more = co_await results.next();
  CHECK_FALSE(more);
}

COPROC_TEST("as_completed: captures commands, with keywords for each", "[posix]") {
  std::vector<command> all;
  for (int i = 0; i < 30; ++i) all.emplace_back("sh", "-c", "echo $0$A", i);
  auto results = as_completed(all, concurrency = 5, env["A"] = "!");
  std::set<std::size_t> seen;
  while (auto done = co_await results.next()) {
    seen.insert(done->index);
    CHECK(done->value.out == std::to_string(done->index) + "!\n");
  }
  CHECK(seen.size() == 30);
  CHECK_FALSE(has_children());
}

COPROC_TEST("as_completed: each next() goes on where it was called, not where the first was") {
  std::vector<asio::awaitable<int>> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(after_turns(10, i));
  auto results = as_completed(std::move(jobs), concurrency = 1);
  // wait_for runs each on a strand of its own.
  const auto step = [&]() -> asio::awaitable<bool> {
    const auto done = co_await results.next();
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto* const strand = executor.target<asio::strand<asio::io_context::executor_type>>();
    co_return done&& strand != nullptr && strand->running_in_this_thread();
  };
  for (int i = 0; i < 4; ++i) {
    const bool at_home = co_await coproc::wait_for(step(), patience);
    CHECK(at_home);
  }
}

COPROC_TEST("as_completed: an empty range is at its end at once") {
  auto results = as_completed(std::vector<command>());
  const auto none = co_await results.next();
  CHECK_FALSE(none);
}

COPROC_TEST("as_completed: no more than concurrency exist at once, and only when asked for") {
  int made = 0, alive = 0, most = 0;
  const auto job = [](int& now, int& largest) -> asio::awaitable<int> {
    largest = std::max(largest, ++now);
    co_await test::turns(3);
    co_return --now;
  };
  auto jobs = lazily(0, 1000000, [&](int) {
    ++made;
    return job(alive, most);
  });
  {
    auto results = as_completed(jobs, concurrency = 4);
    CHECK(made == 0);
    for (int i = 0; i < 1000; ++i) {
      const auto done = co_await results.next();
      CHECK(done.has_value());
    }
    CHECK(most == 4);
    CHECK(made <= 1004);
    co_await results.close();
  }
  CHECK(alive <= 4);
}

COPROC_TEST("as_completed: a failure comes out of next, and the others go on") {
  std::vector<asio::awaitable<int>> jobs;
  jobs.push_back(after_turns(20, 1));
  jobs.push_back(failing());
  jobs.push_back(after_turns(20, 3));
  auto results = as_completed(std::move(jobs));
  (void)co_await thrown<std::runtime_error>(results.next());
  int sum = 0;
  while (auto done = co_await results.next()) sum += done->value;
  CHECK(sum == 4);
}

COPROC_TEST("as_completed: with return_exceptions it is a value") {
  std::vector<command> all(1, command("/no/such/program"));
  all.emplace_back(child, "exit", 2);
  auto results = as_completed(all, return_exceptions = true);
  int failures = 0, good = 0;
  while (auto done = co_await results.next()) ++(done->value.has_value() ? good : failures);
  CHECK(failures == 1);
  CHECK(good == 1);
}

COPROC_TEST("as_completed: next can be cancelled, and nothing is lost", "[posix]") {
  std::vector<command> all;
  all.emplace_back("sh", "-c", "read line; echo got $line", std_in = devnull);
  all.emplace_back(child, "wait");
  auto results = as_completed(all, concurrency = 2);
  auto first = co_await results.next();
  CHECK(first->index == 0);
  beside<std::optional<coproc::indexed<coproc::completed>>> waiting(
      co_await asio::this_coro::executor, results.next());
  co_await turns(10);
  CHECK_FALSE(waiting.done());
  waiting.cancel();
  (void)co_await thrown<coproc::cancelled_error>(waiting.result());
  CHECK(has_children());
  co_await results.close();
  CHECK_FALSE(has_children());
}

COPROC_TEST("as_completed: destroyed, it leaves no child behind") {
  {
    std::vector<command> all(3, command(child, "wait"));
    all.emplace_back(child, "exit", 0);
    auto results = as_completed(std::move(all), concurrency = 4);
    const auto first = co_await results.next();
    CHECK(first->index == 3);
    CHECK(has_children());
  }
  const bool gone = co_await eventually([] { return !has_children(); });
  CHECK(gone);
}

TEST_CASE("as_completed: on a pool of threads") {
  const auto all = []() -> asio::awaitable<void> {
    const auto executor = asio::make_strand(co_await asio::this_coro::executor);
    co_await asio::co_spawn(
        executor,
        []() -> asio::awaitable<void> {
          std::vector<command> commands(100, command(child, "say", "x", ""));
          auto results = as_completed(commands, concurrency = 8);
          int count = 0;
          while (auto done = co_await results.next()) count += done->value.out == "x";
          CHECK(count == 100);
        },
        asio::use_awaitable);
  };
  run_on_threads(4, all());
}

COPROC_TEST("as_completed: jobs may use what their range holds until they have ended") {
  bool ended = false;
  {
    const std::string text(1000, 'x');
    auto job = [text, &ended](int number) -> asio::awaitable<std::size_t> {
      class mark {
       public:
        explicit mark(bool& flag) : flag_(flag) {}
        mark(const mark&) = delete;
        mark& operator=(const mark&) = delete;
        ~mark() { flag_ = true; }

       private:
        bool& flag_;
      };
      if (number == 0) co_return text.size();
      const mark at_the_end(ended);
      try {
        (void)co_await coproc::capture(child, "wait");
      } catch (const coproc::cancelled_error&) {
        co_return text.size();
      }
      co_return 0;
    };
    auto results = as_completed(lazily(0, 2, std::move(job)));
    const auto first = co_await results.next();
    CHECK(first->value == 1000);
  }
  const bool gone = co_await eventually([&] { return ended; });
  CHECK(gone);
}

COPROC_TEST("as_completed: what nobody takes is not piled up") {
  int made = 0;
  auto jobs = lazily(0, 1000, [&](int number) {
    ++made;
    return after_turns(0, number);
  });
  auto results = as_completed(jobs, concurrency = 8);
  for (int i = 0; i < 50; ++i) {
    const auto done = co_await results.next();
    CHECK(done.has_value());
    co_await turns(20);  // meanwhile all that were started end
  }
  CHECK(made <= 58);
}

COPROC_TEST("as_completed: commands as a source gives them") {
  const auto source = [made = 0]() mutable -> asio::awaitable<std::optional<command>> {
    co_await turns(made);
    if (made == 5) co_return std::nullopt;
    co_return command(child, "exit", made++);
  };
  auto results = as_completed(source, concurrency = 2);
  std::set<std::size_t> seen;
  while (auto done = co_await results.next()) {
    CHECK(done->value.returncode == static_cast<int>(done->index));
    seen.insert(done->index);
  }
  CHECK(seen.size() == 5);
  const auto more = co_await results.next();
  CHECK_FALSE(more);
}

COPROC_TEST("as_completed: a source that waits ends with it") {
  for (const bool by_close : {true, false}) {
    bool ended = false;
    {
      const auto source = [&, first = true]() mutable -> asio::awaitable<std::optional<command>> {
        if (std::exchange(first, false)) co_return command(child, "exit", 0);
        const std::shared_ptr<void> guard(nullptr, [&](void*) { ended = true; });
        asio::steady_timer never(co_await asio::this_coro::executor,
                                 asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
        co_return std::nullopt;
      };
      auto results = as_completed(source, concurrency = 4);
      const auto first = co_await results.next();
      CHECK(first);
      (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(results.next(), 20ms));
      if (by_close) co_await results.close();
    }
    const bool over = co_await eventually([&] { return ended; });
    CHECK(over);
  }
}

COPROC_TEST("as_completed: of commands no more run at once than there are processors") {
  std::size_t at_once = 0, most = 0;
  std::vector<command> all(4 * std::thread::hardware_concurrency() + 4, command(child, "exit", 0));
  auto results = as_completed(
      all, on_start = [&](std::size_t) { most = std::max(most, ++at_once); });
  while (co_await results.next()) --at_once;
  CHECK(most <= std::thread::hardware_concurrency() + 1);
}

}  // namespace as_completed_tests
