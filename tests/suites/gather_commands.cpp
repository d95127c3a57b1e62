// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// gather over commands, what it does as each ends, and commands that are tried again.

#if defined(_WIN32)
#include "support.hpp"
#else
#include "host.hpp"

#include <coproc/detail/os/os.hpp>
#endif

namespace gather_commands_tests {

using namespace test;
using coproc::capture;
using coproc::command;
using coproc::completed;
using coproc::gather;
using coproc::outcome;

namespace {

/// `child exit 0`, `child exit 1`, ...
std::vector<command> exits(int count) {
  std::vector<command> all;
  for (int i = 0; i < count; ++i) all.emplace_back(child, "exit", i);
  return all;
}

/// A shell's text that fails until it has been run @p times times; it counts in @p file.
command fails_at_first(const std::filesystem::path& file, int times) {
  return command("sh", "-c", "echo x >> \"$0\"; test $(wc -l < \"$0\") -ge $1", file, times);
}

std::size_t runs(const std::filesystem::path& file) { return read_file(file).size() / 2; }

asio::awaitable<int> given(int value) { co_return value; }
asio::awaitable<void> nothing() { co_return; }
asio::awaitable<int> failing() {
  throw std::runtime_error("job");
  co_return 0;
}

}  // namespace

COPROC_TEST("gather_commands: each is captured, in the order of the range") {
  const auto all = co_await gather(exits(20), concurrency = 7);
  REQUIRE(all.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(all[static_cast<std::size_t>(i)].returncode == i);
}

COPROC_TEST("gather_commands: keywords of commands apply to each, over what its own say",
            "[posix]") {
  std::vector<command> all;
  for (int i = 0; i < 3; ++i)
    all.emplace_back("sh", "-c", "printf %s-%s \"$A\" \"$B\"", env["A"] = i, env["B"] = "own");
  const auto done = co_await gather(all, env["B"] = "shared", concurrency = 2, std_err = devnull);
  CHECK(done[0].out == "0-shared");
  CHECK(done[2].out == "2-shared");
  // and leave the range as it was
  const auto own = co_await capture(all[1]);
  CHECK(own.out == "1-own");
}

COPROC_TEST("gather_commands: a timeout for each fails the whole, or one outcome") {
  std::vector<command> all(1, command(child, "exit", 3));
  all.emplace_back(child, "wait");
  const bool one_in_time =
      co_await in_some_time(200ms, [&](std::chrono::milliseconds time) -> asio::awaitable<bool> {
        const auto each = co_await gather(all, timeout = time, return_exceptions = true);
        CHECK_FALSE(each[1].has_value());
        CHECK_THROWS_AS(each[1].value(), coproc::timeout_error);
        co_return each[0].has_value() && each[0].value().returncode == 3;
      });
  CHECK(one_in_time);
  (void)co_await thrown<coproc::timeout_error>(gather(all, timeout = 200ms));
  CHECK_FALSE(has_children());
}

COPROC_TEST("gather_commands: on_done is called once for each, as it ends", "[posix]") {
  std::vector<command> all;
  all.emplace_back("sh", "-c", "read line < /dev/stdin; cat", std_in = devnull);
  for (auto& one : exits(9)) all.push_back(one);
  std::set<std::size_t> seen;
  const auto done = co_await gather(
      all, concurrency = 4, on_done = [&](std::size_t index, const completed& result) {
        CHECK(seen.insert(index).second);
        CHECK(result.returncode == (index == 0 ? 0 : int(index) - 1));
      });
  CHECK(seen.size() == 10);
  CHECK(done[9].returncode == 8);
}

COPROC_TEST("gather_commands: on_done comes before the last has ended") {
  std::vector<command> all(1, command(child, "exit", 0));
  all.emplace_back(child, "wait");
  bool told = false;
  auto waiting = [](std::vector<command> list, bool& flag) -> asio::awaitable<void> {
    (void)co_await gather(
        list, concurrency = 2,
        on_done = [&](std::size_t index, const completed&) { flag = index == 0; });
  };
  beside<void> running(co_await asio::this_coro::executor, waiting(all, told));
  const bool came = co_await eventually([&] { return told; });
  CHECK(came);
  CHECK_FALSE(running.done());
  running.cancel();
  (void)co_await thrown<coproc::cancelled_error>(running.result());
}

COPROC_TEST("gather_commands: on_done for awaitables, with and without a result") {
  std::vector<asio::awaitable<int>> numbers;
  for (int i = 0; i < 3; ++i) numbers.push_back(given(i * i));
  int sum = 0;
  const auto squares = co_await gather(
      std::move(numbers), on_done = [&](std::size_t, const int& value) { sum += value; });
  CHECK(sum == 5);
  CHECK(squares[2] == 4);
  std::vector<asio::awaitable<void>> empty;
  for (int i = 0; i < 3; ++i) empty.push_back(nothing());
  std::size_t indices = 0;
  co_await gather(
      std::move(empty), on_done = [&](std::size_t index) { indices += index; });
  CHECK(indices == 3);
}

COPROC_TEST("gather_commands: on_done is given failures where they are returned") {
  std::vector<asio::awaitable<int>> jobs;
  jobs.push_back(given(1));
  jobs.push_back(failing());
  int values = 0, failures = 0;
  const auto all = co_await gather(
      std::move(jobs), return_exceptions = true,
      on_done = [&](std::size_t, const outcome<int>& result) {
        ++(result.has_value() ? values : failures);
      });
  CHECK(values == 1);
  CHECK(failures == 1);
  CHECK(all[0].value() == 1);
}

COPROC_TEST("gather_commands: an exception of on_done cancels the others and comes out") {
  std::vector<command> all(1, command(child, "exit", 0));
  for (int i = 0; i < 5; ++i) all.emplace_back(child, "wait");
  auto bad = [](std::size_t, const completed&) { throw std::runtime_error("on_done"); };
  auto e = co_await thrown<std::runtime_error>(gather(all, concurrency = 6, on_done = bad));
  CHECK(std::string(e.what()) == "on_done");
  CHECK_FALSE(has_children());
}

#if !defined(_WIN32)
COPROC_TEST("gather_commands: near the limit of descriptors it holds back, and does not fail") {
  const saved_limit few(RLIMIT_NOFILE, static_cast<rlim_t>(*open_fds().rbegin() + 60));
  const std::vector<command> all(300, command("sh", "-c", "echo x; echo y >&2"));
  int spare = 1000;
  const auto done = co_await gather(
      all, concurrency = 300, on_done = [&](std::size_t, const auto&) {
        // The host has some left for itself.
        const coproc::detail::unique_handle next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!next) spare = 0;
      });
  CHECK(spare > 0);
  CHECK(done.size() == 300);
  for (const auto& one : done) CHECK(one.out + one.err == "x\ny\n");
}

namespace {

/// Lets this process open so many descriptors more while it lives.
class room_for_descriptors {
 public:
  explicit room_for_descriptors(std::size_t count)
      : few_(RLIMIT_NOFILE, static_cast<rlim_t>(*open_fds().rbegin() + 20)) {
    for (;;) {
      fillers_.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fillers_.back()) break;
    }
    fillers_.pop_back();
    fillers_.resize(fillers_.size() - count);
  }

 private:
  saved_limit few_;
  std::vector<coproc::detail::unique_handle> fillers_;
};

}  // namespace

COPROC_TEST("gather_commands: where there is no room for even one, it fails") {
  const room_for_descriptors three(3);
  auto e = co_await thrown<coproc::launch_error>(gather(exits(5), concurrency = 5));
  CHECK(e.code().value() == EMFILE);
  CHECK_FALSE(has_children());
}

COPROC_TEST("gather_commands: one that waited for room and cannot be launched hands its turn on") {
  std::vector<command> all;
  for (int i = 0; i < 3; ++i) all.emplace_back(child, "exit", 0);
  all.insert(all.begin() + 1, command("/no/such/program"));
  co_await capture(child, "exit", 0);   // Asio's own descriptors come with it
  const room_for_descriptors eight(8);  // so many does one need to start, and not two
  for (int i = 0; i < 20; ++i) {
    const auto results = co_await gather(all, concurrency = 4, return_exceptions = true);
    CHECK(results[0].has_value());
    CHECK_FALSE(results[1].has_value());
    CHECK(results[2].has_value());
    CHECK(results[3].has_value());
  }
}
#endif

// ---- retry ----

COPROC_TEST("gather_commands: retry runs a command until it succeeds", "[posix]") {
  const temporary_directory directory;
  const auto file = directory.path / "runs";
  auto done = co_await capture(fails_at_first(file, 3), retry = attempts(5, 1ms));
  CHECK(done.succeeded());
  CHECK(done.attempts == 3);
  CHECK(runs(file) == 3);
}

COPROC_TEST("gather_commands: retry gives the last result when its attempts are used up",
            "[posix]") {
  const temporary_directory directory;
  const auto file = directory.path / "runs";
  auto done = co_await capture(fails_at_first(file, 9), retry = attempts(3));
  CHECK(done.returncode == 1);
  CHECK(done.attempts == 3);
  CHECK(runs(file) == 3);
  auto once = co_await capture(child, "exit", 1);
  CHECK(once.attempts == 1);
}

COPROC_TEST("gather_commands: retry may ask a predicate instead", "[posix]") {
  const temporary_directory directory;
  const auto file = directory.path / "runs";
  const auto busy = [](const completed& result) { return result.out != "3\n"; };
  auto done = co_await capture("sh", "-c", "echo x >> \"$0\"; wc -l < \"$0\"; exit 7", file,
                               retry = attempts(9, 0ms, busy));
  CHECK(done.attempts == 3);
  CHECK(done.returncode == 7);
}

COPROC_TEST("gather_commands: retry takes a timeout for a failure, and the input again",
            "[posix]") {
  const temporary_directory directory;
  const auto file = directory.path / "runs";
  const bool fed =
      co_await in_some_time(200ms, [&](std::chrono::milliseconds time) -> asio::awaitable<bool> {
        write_file(file, "");
        try {
          auto done = co_await capture(
              "sh", "-c", "echo x >> \"$0\"; test $(wc -l < \"$0\") -ge 2 || exec sleep 1000; cat",
              file, timeout = patience, idle_timeout = time, input = "fed",
              retry = attempts(2, 0.001s));
          CHECK(done.out == "fed");
          CHECK(done.attempts == 2);
        } catch (const coproc::timeout_error&) {
          co_return false;  // the second was too slow as well
        }
        co_return true;
      });
  CHECK(fed);
  auto e = co_await thrown<coproc::timeout_error>(
      capture(child, "wait", timeout = 50ms, retry = attempts(2)));
  CHECK(std::string(e.what()).ends_with("timed out after 0.05 s"));

  std::vector<completed> asked;
  const auto once_more = [&](const completed& result) {
    asked.push_back(result);
    return asked.size() < 2;
  };
  (void)co_await thrown<coproc::timeout_error>(
      capture(child, "wait", timeout = 50ms, retry = attempts(9, 1ms, once_more)));
  CHECK(asked.size() == 2);
  for (const completed& result : asked) {
    CHECK(result.why == coproc::end_reason::timed_out);
    CHECK(result.elapsed >= 50ms);
    CHECK(result.command.words() == std::vector<std::string>{child, "wait"});
  }
}

COPROC_TEST("gather_commands: what cannot be launched is not tried again") {
  int tries = 0;
  auto counted = [&](const completed&) { return ++tries > 0; };
  (void)co_await thrown<coproc::launch_error>(
      capture("/no/such/program", retry = attempts(1000000, 1h, counted)));
  CHECK(tries == 0);
}

COPROC_TEST("gather_commands: a cancellation in the pause between attempts ends them", "[posix]") {
  const temporary_directory directory;
  const auto file = directory.path / "runs";
  beside<completed> running(co_await asio::this_coro::executor,
                            capture(fails_at_first(file, 9), retry = attempts(9, 1h)));
  const bool ran = co_await eventually([&] { return runs(file) == 1 && !has_children(); });
  CHECK(ran);
  running.cancel();
  (void)co_await thrown<coproc::cancelled_error>(running.result());
  CHECK(runs(file) == 1);
}

COPROC_TEST("gather_commands: retry applies to each of a gather", "[posix]") {
  const temporary_directory directory;
  std::vector<command> all;
  for (int i = 1; i <= 3; ++i) all.push_back(fails_at_first(directory.path / std::to_string(i), i));
  const auto done = co_await gather(all, retry = attempts(3));
  for (int i = 0; i < 3; ++i) {
    CHECK(done[static_cast<std::size_t>(i)].succeeded());
    CHECK(done[static_cast<std::size_t>(i)].attempts == i + 1);
  }
}

COPROC_TEST("gather_commands: retry is refused where nothing is captured, and below one attempt") {
  (void)co_await thrown<std::invalid_argument>(
      coproc::exec(command(child, "exit", 0, retry = attempts(2))));
  CHECK_THROWS_AS(attempts(0), std::invalid_argument);
  (void)co_await thrown<std::invalid_argument>(
      capture(command(child, "exit", 0, retry = attempts(2)) | command("cat")));
}

#if !defined(_WIN32)
COPROC_TEST("gather_commands: a number that no descriptor can have is a failure, and no shortage") {
  std::vector<command> all(1, command(child, "wait"));  // for a shortage it would be waited for
  all.emplace_back(child, "exit", 0, pass_fds[1 << 30] = 0);
  (void)co_await thrown<coproc::launch_error>(gather(all, concurrency = 2));
}
#endif

namespace {

using next_command = asio::awaitable<std::optional<command>>;

/// A source of `child exit 0`, `child exit 1`, ...
class exits_as_they_come {
 public:
  explicit exits_as_they_come(int count) : count_(count) {}
  next_command operator()() {
    co_await turns(made_ % 3);
    if (made_ == count_) co_return std::nullopt;
    co_return command(child, "exit", made_++);
  }

 private:
  int count_, made_ = 0;
};

}  // namespace

COPROC_TEST("gather_commands: a source is awaited for each, in order, until it has no more") {
  const auto all = co_await gather(exits_as_they_come(20), concurrency = 3);
  REQUIRE(all.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(all[static_cast<std::size_t>(i)].returncode == i);
  const auto none = co_await gather(exits_as_they_come(0));
  CHECK(none.empty());
}

COPROC_TEST("gather_commands: a command of a source runs while the next is waited for") {
  // The second is told by the end of the first.
  asio::steady_timer first_ended(co_await asio::this_coro::executor,
                                 asio::steady_timer::time_point::max());
  std::vector<std::string> happened;
  int asked = 0;
  const auto source = [&]() -> next_command {
    if (++asked == 2) co_await first_ended.async_wait(asio::as_tuple(asio::use_awaitable));
    if (asked == 3) co_return std::nullopt;
    co_return command(child, "exit", 0);
  };
  const auto started = [&](std::size_t i) { happened.push_back("start " + std::to_string(i)); };
  const auto done = [&](std::size_t i, const completed&) {
    happened.push_back("done " + std::to_string(i));
    first_ended.cancel();
  };
  (void)co_await gather(source, on_start = started, on_done = done);
  CHECK(happened == std::vector<std::string>{"start 0", "done 0", "start 1", "done 1"});
}

COPROC_TEST("gather_commands: a source is not asked before there is room") {
  int asked = 0, ended = 0;
  bool ahead = false;
  const auto source = [&]() -> next_command {
    ahead = ahead || asked - ended >= 2;
    if (asked == 10) co_return std::nullopt;
    ++asked;
    co_return command(child, "exit", 0);
  };
  const auto done = [&](std::size_t, const completed&) { ++ended; };
  (void)co_await gather(source, concurrency = 2, on_done = done);
  CHECK_FALSE(ahead);
  CHECK(ended == 10);
}

COPROC_TEST("gather_commands: keywords, outcomes and failures of a source") {
  const auto outcomes = co_await gather(exits_as_they_come(2), timeout = 1min, ok_codes = 1,
                                        return_exceptions = true);
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[1]->succeeded());
  const auto throws = []() -> next_command {
    throw std::runtime_error("no more");
    co_return std::nullopt;
  };
  (void)co_await thrown<std::runtime_error>(gather(throws));
  int asked = 0;
  const auto later = [&]() -> next_command {
    if (++asked == 3) throw std::runtime_error("no more");
    co_return command(child, "wait");
  };
  (void)co_await thrown<std::runtime_error>(gather(later, concurrency = 8));
  CHECK_FALSE(has_children());
  // With outcomes, too: there is no command whose outcome it could be.
  asked = 0;
  (void)co_await thrown<std::runtime_error>(
      gather(later, return_exceptions = true, concurrency = 8));
  CHECK_FALSE(has_children());
}

COPROC_TEST("gather_commands: a source that waits ends with its gather") {
  bool ended = false;
  const auto source = [&, first = true]() mutable -> next_command {
    if (std::exchange(first, false)) co_return command(child, "wait");
    const std::shared_ptr<void> guard(nullptr, [&](void*) { ended = true; });
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return std::nullopt;
  };
  (void)co_await thrown<coproc::timeout_error>(
      coproc::wait_for(gather(source, concurrency = 4), 20ms));
  CHECK(ended);
  CHECK_FALSE(has_children());
  // The failure of a command ends it as well.
  ended = false;
  const auto fails = [&, first = true]() mutable -> next_command {
    if (std::exchange(first, false)) co_return command("non_existent_command");
    const std::shared_ptr<void> guard(nullptr, [&](void*) { ended = true; });
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return std::nullopt;
  };
  (void)co_await thrown<coproc::launch_error>(gather(fails, concurrency = 4));
  CHECK(ended);
}

TEST_CASE("gather_commands: a source on a pool of threads is called by one at a time") {
  std::atomic<int> inside = 0, most = 0;
  run_on_threads(4, [](auto& in, auto& top) -> asio::awaitable<void> {
    int made = 0;
    const auto source = [&]() -> next_command {
      top = std::max(top.load(), ++in);
      const bool more = made < 40;
      --in;
      if (!more) co_return std::nullopt;
      co_return command(child, "exit", made++);
    };
    const auto all = co_await gather(source, concurrency = 8);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].returncode == static_cast<int>(i));
    CHECK(all.size() == 40);
  }(inside, most));
  CHECK(most == 1);
}

TEST_CASE("gather_commands: a source goes with its context, before the coroutine that gathers") {
  bool ended = false;
  {
    asio::io_context context;
    const auto work = [](bool& over) -> asio::awaitable<void> {
      std::string text = "a variable of the coroutine";
      const auto source = [&]() -> next_command {
        const std::shared_ptr<void> guard(nullptr, [&](void*) { over = !text.empty(); });
        asio::steady_timer never(co_await asio::this_coro::executor,
                                 asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
        co_return std::nullopt;
      };
      (void)co_await gather(source);
    };
    asio::co_spawn(context, work(ended), asio::detached);
    context.run_for(20ms);
  }
  CHECK(ended);
}

COPROC_TEST("gather_commands: an exception of on_start cancels the others and comes out") {
  const auto refuses = [](std::size_t index) {
    if (index == 2) throw std::runtime_error("not this one");
  };
  std::vector<command> all(5, command(child, "wait"));
  (void)co_await thrown<std::runtime_error>(gather(all, concurrency = 5, on_start = refuses));
  CHECK_FALSE(has_children());
}

#if !defined(_WIN32)
COPROC_TEST("gather_commands: a source hears of a cancellation when the jobs do") {
  bool ended = false, running = false;
  const auto source = [&, first = true]() mutable -> next_command {
    if (std::exchange(first, false))
      co_return command(child, "ignore-term", grace = 1h,
                        std_out = tee([&](std::string_view) { running = true; }));
    const std::shared_ptr<void> guard(nullptr, [&](void*) { ended = true; });
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return std::nullopt;
  };
  beside<std::vector<completed>> gathering(co_await asio::this_coro::executor,
                                           gather(source, concurrency = 2));
  co_await eventually([&] { return running; });
  gathering.cancel();
  const bool heard = co_await eventually([&] { return ended; });
  CHECK(heard);
  CHECK_FALSE(gathering.done());  // its child has not obeyed
  gathering.cancel();
  (void)co_await thrown<coproc::cancelled_error>(gathering.result());
  CHECK_FALSE(has_children());
}
#endif

}  // namespace gather_commands_tests
