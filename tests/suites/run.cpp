// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// coproc::run. The signals are raised by the coroutine itself: they arrive while it is running.

#include "support.hpp"

#include <csignal>

namespace run_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using test::child;

namespace {

/// Gives a signal a disposition while it lives.
class disposition {
 public:
  disposition(int number, void (*handler)(int)) : number_(number) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigemptyset(&action.sa_mask);
    ::sigaddset(&action.sa_mask, SIGUSR2);
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, &before_);
  }
  disposition(const disposition&) = delete;
  disposition& operator=(const disposition&) = delete;
  ~disposition() { ::sigaction(number_, &before_, nullptr); }

 private:
  int number_;
  struct sigaction before_ {};
};

int handled = 0;
void handler(int) { ++handled; }

struct sigaction now(int number) {
  struct sigaction action {};
  ::sigaction(number, nullptr, &action);
  return action;
}

asio::awaitable<void> for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

/// The exception that ends a run.
template <class T>
coproc::interrupted interruption(asio::awaitable<T> main) {
  std::optional<coproc::interrupted> caught;
  try {
    coproc::run(std::move(main));
  } catch (const coproc::interrupted& e) {
    caught.emplace(e);
  }
  if (!caught) FAIL("not interrupted");
  return *caught;
}

asio::awaitable<void> no_child_is_left() {
  const bool gone = co_await test::eventually([] { return !test::has_children(); });
  CHECK(gone);
}

class counts_its_end {
 public:
  explicit counts_its_end(int& count) : count_(count) {}
  counts_its_end(const counts_its_end&) = delete;
  counts_its_end& operator=(const counts_its_end&) = delete;
  ~counts_its_end() { ++count_; }

 private:
  int& count_;
};

}  // namespace

TEST_CASE("run: returns what the coroutine returns") {
  const auto number = []() -> asio::awaitable<int> {
    auto process = co_await exec(child, "exit", 5);
    co_return co_await process.wait();
  };
  CHECK(coproc::run(number()) == 5);
  const auto pointer = []() -> asio::awaitable<std::unique_ptr<int>> {
    co_await test::turns(2);
    co_return std::make_unique<int>(6);
  };
  CHECK(*coproc::run(pointer()) == 6);
  bool done = false;
  const auto nothing = [&]() -> asio::awaitable<void> {
    co_await test::turns(2);
    done = true;
  };
  coproc::run(nothing());
  CHECK(done);
}

TEST_CASE("run: rethrows what the coroutine throws") {
  CHECK_THROWS_AS(coproc::run(exec("no_such_program_anywhere")), coproc::launch_error);
  const auto number = []() -> asio::awaitable<void> {
    co_await test::turns(1);
    throw 42;
  };
  CHECK_THROWS_AS(coproc::run(number()), int);
}

TEST_CASE("run: a signal cancels the coroutine once, and its children are gone") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    int cancelled = 0, cleaned = 0;
    const auto main = [&]() -> asio::awaitable<void> {
      const counts_its_end guard(cleaned);
      auto one = co_await exec(child, "wait", std_out = piped);
      co_await one.std_out().readline();
      ::raise(number);
      try {
        co_await one.wait();
      } catch (const coproc::cancelled_error&) {
        ++cancelled;
      }
      CHECK(one.returncode() == std::nullopt);
      co_await asio::this_coro::reset_cancellation_state();
      co_await test::turns(100);  // nothing else comes
      const int code = co_await one.stop();
      CHECK(code == -SIGTERM);
      auto another = co_await exec(child, "wait", std_out = piped);
      co_await another.std_out().readline();
    };
    const coproc::interrupted error = interruption(main());
    CHECK(!test::has_children());
    CHECK(error.signal() == number);
    CHECK(error.exit_code() == 128 + number);
    CHECK(std::string(error.what()) == "interrupted by " + coproc::signal_name(number));
    CHECK(cancelled == 1);
    CHECK(cleaned == 1);
  }
  static_assert(SIGINT + 128 == 130 && SIGTERM + 128 == 143);
}

TEST_CASE("run: a signal ends children deep in gather and wait_for") {
  std::atomic<int> running = 0;
  const auto waits = [&]() -> asio::awaitable<int> {
    auto process = co_await exec(child, "wait", std_out = piped);
    co_await process.std_out().readline();
    if (++running == 4) ::raise(SIGINT);
    co_return co_await process.wait();
  };
  const auto pair = [&]() -> asio::awaitable<void> {
    co_await coproc::gather(waits(), coproc::wait_for(waits(), test::patience));
  };
  const auto main = [&]() -> asio::awaitable<void> {
    co_await coproc::wait_for(coproc::gather(pair(), pair()), test::patience);
  };
  CHECK(interruption(main()).exit_code() == 130);
  CHECK(!test::has_children());
}

TEST_CASE("run: interrupted is thrown also when the coroutine ends well, or otherwise") {
  const auto well = []() -> asio::awaitable<int> {
    ::raise(SIGINT);
    try {
      co_await for_ever();
    } catch (const boost::system::system_error&) {
    }
    co_return 5;
  };
  CHECK(interruption(well()).exit_code() == 130);
  const auto otherwise = []() -> asio::awaitable<int> {
    ::raise(SIGTERM);
    try {
      co_await for_ever();
    } catch (const boost::system::system_error&) {
    }
    throw std::runtime_error("in the clean-up");
  };
  CHECK(interruption(otherwise()).exit_code() == 143);
}

TEST_CASE("run: a second signal does not wait for the coroutine") {
  int cleaned = 0;
  const auto main = [&]() -> asio::awaitable<void> {
    const counts_its_end guard(cleaned);
    auto process = co_await exec(child, "ignore-term", std_out = piped);
    co_await process.std_out().readline();
    ::raise(SIGINT);
    try {
      co_await process.wait();
    } catch (const coproc::cancelled_error&) {
    }
    co_await asio::this_coro::reset_cancellation_state();
    ::raise(SIGINT);
    co_await process.stop(1h);  // would take that long
  };
  const auto start = std::chrono::steady_clock::now();
  CHECK(interruption(main()).exit_code() == 130);
  CHECK(std::chrono::steady_clock::now() - start < test::patience);
  CHECK(cleaned == 1);
  test::run(no_child_is_left());
}

TEST_CASE("run: the host's handlers are as before, and are not called meanwhile") {
  handled = 0;
  const disposition interrupt(SIGINT, &handler), terminate(SIGTERM, &handler);
  const auto quiet = []() -> asio::awaitable<void> { co_await test::turns(1); };
  coproc::run(quiet());
  const auto loud = []() -> asio::awaitable<void> {
    ::raise(SIGTERM);
    co_await for_ever();
  };
  interruption(loud());
  const auto fails = []() -> asio::awaitable<void> {
    co_await test::turns(1);
    throw std::runtime_error("x");
  };
  CHECK_THROWS_AS(coproc::run(fails()), std::runtime_error);
  CHECK(handled == 0);
  for (const int number : {SIGINT, SIGTERM}) {
    const struct sigaction after = now(number);
    CHECK(after.sa_handler == &handler);
    CHECK((after.sa_flags & SA_RESTART) != 0);
    CHECK(::sigismember(&after.sa_mask, SIGUSR2) == 1);
  }
  ::raise(SIGINT);
  CHECK(handled == 1);
}

TEST_CASE("run: a signal that the host ignores stays ignored") {
  const disposition interrupt(SIGINT, SIG_IGN);
  const auto main = []() -> asio::awaitable<int> {
    CHECK(now(SIGINT).sa_handler == SIG_IGN);
    ::raise(SIGINT);
    ::raise(SIGINT);
    auto process = co_await exec(child, "exit", 8);
    co_return co_await process.wait();
  };
  CHECK(coproc::run(main()) == 8);
  CHECK(now(SIGINT).sa_handler == SIG_IGN);
  const auto terminated = []() -> asio::awaitable<void> {
    ::raise(SIGINT);
    ::raise(SIGTERM);
    co_await for_ever();
  };
  CHECK(interruption(terminated()).exit_code() == 143);
}

TEST_CASE("run: what else is on the io_context is destroyed, children too") {
  int destroyed = 0;
  const auto main = [&]() -> asio::awaitable<int> {
    const auto left_over = [&]() -> asio::awaitable<void> {
      const counts_its_end guard(destroyed);
      auto process = co_await exec(child, "wait", std_out = piped);
      co_await process.wait();
    };
    const auto executor = co_await asio::this_coro::executor;
    for (int i = 0; i < 3; ++i) asio::co_spawn(executor, left_over(), asio::detached);
    const auto reads = [&]() -> asio::awaitable<void> {
      const counts_its_end guard(destroyed);
      auto process = co_await exec(child, "cat", std_in = piped, std_out = piped, std_err = piped);
      co_await process.communicate(std::string(1 << 20, 'x'));
      co_await coproc::gather(for_ever(), process.wait());
      co_await for_ever();
    };
    asio::co_spawn(executor, reads(), asio::detached);
    co_await test::turns(20);
    co_return 1;
  };
  CHECK(coproc::run(main()) == 1);
  CHECK(destroyed == 4);
  test::run(no_child_is_left());
}

TEST_CASE("run: a process that it returns outlives its io_context, and still ends its child") {
  const auto start = []() -> asio::awaitable<coproc::process> {
    auto process = co_await exec(child, "wait", std_in = piped, std_out = piped);
    co_await process.std_out().readline();
    co_return process;
  };
  std::optional<coproc::process> process = coproc::run(start());
  CHECK(process->returncode() == std::nullopt);
  CHECK(test::exists(process->pid()));
  const auto says_why = [](auto make) {
    try {
      coproc::run(make());
      return false;
    } catch (const std::logic_error& e) {
      return std::string(e.what()).find("the io_context on which this was started") !=
             std::string::npos;
    }
  };
  CHECK(says_why([&] { return process->wait(); }));
  CHECK(says_why([&] { return process->stop(); }));
  CHECK(says_why([&] { return process->communicate(); }));
  CHECK(says_why([&] { return process->next_line(); }));
  CHECK(says_why([&] { return process->std_out().readline(); }));
  CHECK(says_why([&] { return process->std_out().read(); }));
  CHECK(says_why([&] { return process->std_in().write(std::string(1 << 20, 'x')); }));
  const auto read_some = [&]() -> asio::awaitable<coproc::error_code> {
    char byte;
    const auto token = asio::as_tuple(asio::use_awaitable);
    const auto [failure, count] =
        co_await process->std_out().async_read_some(asio::buffer(&byte, 1), token);
    co_return failure;
  };
  CHECK(coproc::run(read_some()) == asio::error::bad_descriptor);
  CHECK(process->returncode() == std::nullopt);
  process->std_in().close();
  process->kill();
  while (!process->returncode()) std::this_thread::yield();
  CHECK(coproc::run(process->wait()) == -SIGKILL);
  process.reset();
  test::run(no_child_is_left());
}

TEST_CASE("run: what was read before its io_context went is there afterwards") {
  const auto start = []() -> asio::awaitable<coproc::process> {
    auto process = co_await exec(child, "say", "one\ntwo\n", std_out = piped);
    co_await process.wait();
    co_await process.std_out().readline();
    co_return process;
  };
  auto process = coproc::run(start());
  CHECK(coproc::run(process.std_out().read()) == "two\n");
}

TEST_CASE("run: results that are to come outlive their io_context") {
  std::vector<coproc::command> commands;
  for (int i = 0; i < 3; ++i) commands.emplace_back(child, i == 0 ? "exit" : "wait", 0);
  auto results = coproc::as_completed(commands, concurrency = 2);
  const auto first = [&]() -> asio::awaitable<std::size_t> {
    const auto done = co_await results.next();
    co_return done.value().index;
  };
  CHECK(coproc::run(first()) == 0);
  CHECK_THROWS_AS(coproc::run(first()), std::logic_error);
  coproc::run(results.close());
  test::run(no_child_is_left());
}

TEST_CASE("run: after Ctrl-C what as_completed runs can be asked to end, and waited for") {
  const auto* const saves = "trap 'echo >saved; exit' TERM; echo >ready; sleep 1000 & wait";
  for (const int threads : {1, 2}) {
    const test::temporary_directory folder;
    const auto is_ready = [&]() -> asio::awaitable<void> {
      const bool ready =
          co_await test::eventually([&] { return std::filesystem::exists(folder.path / "ready"); });
      CHECK(ready);
      ::raise(SIGINT);
    };
    const auto main = [&]() -> asio::awaitable<void> {
      std::vector<coproc::command> jobs;
      jobs.emplace_back("sh", "-c", saves, cwd = folder.path, process_group = new_group);
      auto results = coproc::as_completed(jobs);
      std::exception_ptr stopped;
      try {
        co_await coproc::gather(is_ready(), results.next());
      } catch (...) {
        stopped = std::current_exception();
      }
      CHECK(stopped);
      co_await asio::this_coro::reset_cancellation_state();
      co_await results.close();
      CHECK(std::filesystem::exists(folder.path / "saved"));
      std::rethrow_exception(stopped);
    };
    CHECK_THROWS_AS(coproc::run(main(), threads), coproc::interrupted);
    CHECK(!test::has_children());
  }
}

namespace {

/// Tells its end, and is told of another's.
class witness {
 public:
  explicit witness(std::vector<std::string>& ends, std::string name)
      : ends_(ends), name_(std::move(name)) {}
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  ~witness() { ends_.push_back(name_); }

 private:
  std::vector<std::string>& ends_;
  std::string name_;
};

asio::awaitable<void> witnessed(std::vector<std::string>& ends, asio::awaitable<void> what) {
  const witness job(ends, "job");
  co_await std::move(what);
}

asio::awaitable<void> wait_for_child() {
  auto process = co_await exec(child, "wait", std_in = piped, std_out = piped);
  co_await process.wait();
}

asio::awaitable<void> read_child() {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  co_await process.std_out().read();
}

}  // namespace

TEST_CASE("run: with the io_context the jobs of a coroutine go before it does") {
  using make_job = std::function<asio::awaitable<void>()>;
  const std::vector<make_job> jobs = {for_ever, wait_for_child, read_child};
  using run_job = std::function<asio::awaitable<void>(std::vector<std::string>&, make_job)>;
  const std::vector<run_job> verbs = {
      [](auto& ends, auto make) -> asio::awaitable<void> {
        co_await coproc::gather(witnessed(ends, make()), witnessed(ends, make()));
      },
      [](auto& ends, auto make) -> asio::awaitable<void> {
        std::vector<asio::awaitable<void>> all;
        for (int i = 0; i < 2; ++i) all.push_back(witnessed(ends, make()));
        co_await coproc::gather(all);
      },
      [](auto& ends, auto make) -> asio::awaitable<void> {
        co_await coproc::wait_for(witnessed(ends, make()), 1h);
      },
      [](auto& ends, auto make) -> asio::awaitable<void> {
        std::vector<asio::awaitable<void>> all;
        for (int i = 0; i < 2; ++i) all.push_back(witnessed(ends, make()));
        auto results = coproc::as_completed(all);
        co_await results.next();
      },
      [](auto& ends, auto make) -> asio::awaitable<void> {
        const auto sink = [&](std::string_view) { return witnessed(ends, make()); };
        co_await coproc::capture(child, "say", "words", std_out = coproc::tee(sink));
      },
      [](auto& ends, auto make) -> asio::awaitable<void> {  // one within another
        co_await coproc::gather(
            coproc::wait_for(witnessed(ends, coproc::wait_for(witnessed(ends, make()), 1h)), 1h));
      }};
  for (const make_job& make : jobs)
    for (const run_job& verb : verbs)
      for (const bool on_strand : {false, true}) {
        std::vector<std::string> ends;
        {
          asio::io_context context(1);
          // Asio's services end by the order of their first use.
          const asio::steady_timer timer(context);
          const asio::any_io_executor executor =
              on_strand ? asio::any_io_executor(asio::make_strand(context))
                        : asio::any_io_executor(context.get_executor());
          const auto parent = [&]() -> asio::awaitable<void> {
            const witness here(ends, "parent");
            co_await verb(ends, make);
          };
          asio::co_spawn(executor, parent(), asio::detached);
          for (int i = 0; i < 50; ++i) context.run_one_for(1ms);
        }
        REQUIRE(ends.size() >= 2);
        CHECK(ends.back() == "parent");
      }
  test::run(no_child_is_left());
}

TEST_CASE("run: of two on two threads the first to end leaves the other its signals") {
  handled = 0;
  const disposition interrupt(SIGINT, &handler);
  std::atomic<bool> second_runs = false, first_is_over = false;
  const auto first = [&]() -> asio::awaitable<void> {
    co_await test::eventually([&] { return second_runs.load(); });
  };
  const auto second = [&]() -> asio::awaitable<void> {
    second_runs = true;
    co_await test::eventually([&] { return first_is_over.load(); });
    ::raise(SIGINT);
    co_await for_ever();
  };
  int code = 0;
  std::thread other;
  const auto start = [&]() -> asio::awaitable<void> {
    other = std::thread([&] {
      try {
        coproc::run(second());
      } catch (const coproc::interrupted& e) {
        code = e.exit_code();
      }
    });
    co_await first();
  };
  coproc::run(start());
  first_is_over = true;
  other.join();
  CHECK(code == 130);
  CHECK(handled == 0);
  CHECK(now(SIGINT).sa_handler == &handler);
}

TEST_CASE("run: one after another, from any thread") {
  const auto main = []() -> asio::awaitable<int> {
    auto process = co_await exec(child, "exit", 2);
    co_return co_await process.wait();
  };
  for (int i = 0; i < 3; ++i) CHECK(coproc::run(main()) == 2);
  std::atomic<int> sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { sum += coproc::run(main()); });
  for (auto& thread : threads) thread.join();
  CHECK(sum == 8);
  CHECK(!test::has_children());
}

TEST_CASE("run: a child that the main coroutine leaves running is reaped when it returns") {
  const auto main = []() -> asio::awaitable<void> {
    auto process = co_await exec(child, "wait", std_out = piped);
    co_await process.std_out().readline();
  };
  for (int i = 0; i < 20; ++i) {
    coproc::run(main());
    CHECK(!test::has_children());
  }
}

TEST_CASE("run: with one thread nothing waits for a strand, not in a gather either") {
  static const auto plain = []() -> asio::awaitable<bool> {
    const asio::any_io_executor here = co_await asio::this_coro::executor;
    co_return here.target<asio::io_context::executor_type>() != nullptr;
  };
  static const auto everywhere = []() -> asio::awaitable<bool> {
    const bool in_main = co_await plain();
    const auto [first, second] =
        co_await coproc::gather(plain(), coproc::wait_for(plain(), test::patience));
    co_return in_main&& first&& second;
  };
  CHECK(coproc::run(everywhere()));
  CHECK_FALSE(coproc::run(everywhere(), 2));
}

TEST_CASE("run: with several threads the jobs of a gather run in parallel") {
  const auto main = []() -> asio::awaitable<int> {
    std::atomic<int> arrived = 0;
    // Each waits, without letting go of its thread, until the others are there too.
    const auto meet = [](std::atomic<int>& all) -> asio::awaitable<int> {
      ++all;
      const auto deadline = std::chrono::steady_clock::now() + test::patience;
      while (all < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
      co_return all.load();
    };
    const auto [a, b, c] = co_await coproc::gather(meet(arrived), meet(arrived), meet(arrived));
    co_return std::min(a, std::min(b, c));
  };
  CHECK(coproc::run(main(), 4) == 3);
}

TEST_CASE("run: with several threads children and signals are as with one") {
  const auto main = []() -> asio::awaitable<void> {
    std::vector<coproc::command> all(50, coproc::command(child, "say", "x", ""));
    const auto done = co_await coproc::gather(all, concurrency = 10);
    for (const auto& one : done)
      if (one.out != "x") throw std::runtime_error("lost");
    std::raise(SIGINT);
    (void)co_await coproc::capture(child, "wait");
  };
  std::optional<int> signal;
  try {
    coproc::run(main(), 4);
  } catch (const coproc::interrupted& e) {
    signal = e.signal();
  }
  CHECK(signal == SIGINT);
  CHECK_FALSE(test::has_children());
  CHECK_THROWS_AS(coproc::run(for_ever(), 0), std::invalid_argument);
}

TEST_CASE("run: what a handler throws comes out, whichever thread ran it") {
  for (const int count : {1, 3}) {
    const auto main = []() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      asio::co_spawn(
          executor,
          []() -> asio::awaitable<void> {
            throw std::runtime_error("spawned");
            co_return;
          },
          [](std::exception_ptr e) { std::rethrow_exception(e); });
      co_await for_ever();
    };
    CHECK_THROWS_WITH(coproc::run(main(), count), "spawned");
  }
}

namespace {

/// Whether those who work here have met.
class workplace {
 public:
  asio::awaitable<void> work_often() {
    for (int i = 0; i < 30; ++i) {
      if (++inside_ > 1) met = true;
      // Long enough to be met. (To yield takes minutes where others want the processors.)
      const auto end = std::chrono::steady_clock::now() + 500us;
      while (std::chrono::steady_clock::now() < end) continue;
      --inside_;
      co_await test::turns(1);
    }
  }
  std::atomic<bool> met = false;

 private:
  std::atomic<int> inside_ = 0;
};

}  // namespace

TEST_CASE("run: with several threads what wait_for runs stays on its caller's strand") {
  const auto main = []() -> asio::awaitable<bool> {
    workplace here;
    test::beside<void> one(co_await asio::this_coro::executor, here.work_often());
    co_await coproc::wait_for(here.work_often(), test::patience);
    co_await one.result();
    co_return here.met.load();
  };
  CHECK_FALSE(coproc::run(main(), 4));
}

TEST_CASE(
    "run: with several threads a gather that begins on a strand of its caller's stays on it") {
  const auto main = []() -> asio::awaitable<bool> {
    workplace here;
    const auto all = [](workplace& place) -> asio::awaitable<void> {
      co_await coproc::gather(place.work_often(), place.work_often(), place.work_often());
    };
    const auto strand = asio::make_strand(co_await asio::this_coro::executor);
    co_await asio::co_spawn(strand, all(here), asio::use_awaitable);
    co_return here.met.load();
  };
  CHECK_FALSE(coproc::run(main(), 4));
}

}  // namespace run_tests
