// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <latch>
#include <mutex>
#include <thread>

#include "support.hpp"

namespace threads_tests {

using namespace test;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int launches = 2000;
#else
constexpr int launches = 20000;
#endif

asio::awaitable<void> launch_some(int count, std::atomic<int>& good) {
  for (int i = 0; i < count; ++i) {
    auto process = co_await coproc::exec(child, "exit", i % 256, std_out = piped);
    auto [out, err] = co_await process.communicate();
    if (process.returncode() == i % 256 && out.empty()) ++good;
  }
}

}  // namespace

TEST_CASE("threads: launches on a pool and on plain threads, beside one that allocates and locks") {
  constexpr int workers = 16, plain = 4;
  constexpr int each = launches / (workers + plain);
  std::atomic<int> good = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex;

  // What the child must not touch: the heap's locks, stdio's, and one of the host's own, all of
  // them held most of the time.
  std::thread busy([&] {
    std::FILE* const null = std::fopen("/dev/null", "w");
    while (!stop) {
      const std::lock_guard lock(mutex);
      std::vector<std::string> many(50, std::string(200, 'x'));
      std::fprintf(null, "%s\n", many.back().c_str());
    }
    std::fclose(null);
  });

  std::vector<std::thread> threads;
  for (int i = 0; i < plain; ++i)
    threads.emplace_back([&] { coproc::run(launch_some(each, good)); });

  asio::io_context context(8);
  for (int i = 0; i < workers; ++i)
    asio::co_spawn(context, launch_some(each, good), asio::detached);
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { context.run(); });
  for (auto& thread : threads) thread.join();
  stop = true;
  busy.join();

  CHECK(good == each * (workers + plain));
  CHECK_FALSE(has_children());
}

TEST_CASE("threads: no child holds another's pipe") {
  // Each cat ends only when every copy of the write end of its stdin is closed: one that had got
  // into a child launched at the same time would keep it.
  constexpr int count = 200;
  std::atomic<int> ended = 0;
  asio::thread_pool pool(4);
  auto one = [&]() -> asio::awaitable<void> {
    auto cat = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
    auto longer = co_await coproc::exec(child, "wait", std_out = piped);
    auto ready = co_await longer.std_out().readline();
    cat.std_in().close();
    const int status = co_await cat.wait();
    if (status == 0 && ready == "ready") ++ended;
  };
  for (int i = 0; i < count; ++i) asio::co_spawn(asio::make_strand(pool), one(), asio::detached);
  pool.join();
  CHECK(ended == count);
}

TEST_CASE("threads: the first children of a context, waited for on several threads at once") {
  for (int round = 0; round < 100; ++round) {
    constexpr int count = 8;
    std::latch together(4);
    asio::thread_pool pool(4);
    std::vector<std::future<int>> statuses;
    for (int i = 0; i < count; ++i) {
      const auto one = [&together, i]() -> asio::awaitable<int> {
        if (i < 4) together.arrive_and_wait();
        auto process = co_await coproc::exec(child, "exit", i);
        co_return co_await process.wait();
      };
      statuses.push_back(asio::co_spawn(pool, one, asio::use_future));
    }
    for (int i = 0; i < count; ++i) {
      INFO("round " << round << ", child " << i);
      const auto index = static_cast<std::size_t>(i);
      REQUIRE(statuses[index].wait_for(patience) == std::future_status::ready);
      CHECK(statuses[index].get() == i);
    }
  }
}

TEST_CASE("threads: communicate on a pool without strands") {
  constexpr int count = 100;
  std::atomic<int> good = 0;
  asio::thread_pool pool(4);
  auto one = [&]() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "exchange", 100000, std_in = piped, std_out = piped,
                                         std_err = piped);
    const std::string text = pattern(100000);
    auto [out, err] = co_await process.communicate(text);
    if (out == text && err == text && process.returncode() == 0) ++good;
  };
  for (int i = 0; i < count; ++i) asio::co_spawn(pool, one(), asio::detached);
  pool.join();
  CHECK(good == count);
}

TEST_CASE("threads: gather, wait_for and cancellation on a pool without strands") {
  constexpr int count = 40;
  std::atomic<int> good = 0;
  asio::thread_pool pool(4);
  auto forever = [&]() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "wait", std_out = devnull);
    co_await process.wait();
  };
  auto one = [&]() -> asio::awaitable<void> {
    try {
      co_await coproc::wait_for(coproc::gather(forever(), forever(), forever()), 5ms);
    } catch (const coproc::timeout_error&) {
      ++good;
    }
  };
  for (int i = 0; i < count; ++i) asio::co_spawn(pool, one(), asio::detached);
  pool.join();
  CHECK(good == count);
  CHECK_FALSE(has_children());
}

TEST_CASE("threads: results go to futures and callbacks as to coroutines") {
  asio::thread_pool pool(2);
  const auto future_of = [&](auto what) {
    return asio::co_spawn(pool, std::move(what), asio::use_future);
  };
  CHECK(future_of(coproc::capture(child, "say", "words")).get().check().out == "words");
  CHECK_THROWS_AS(future_of(coproc::capture("/no/such/program")).get(), coproc::launch_error);
  const coproc::command first(child, "say", "words"), second(child, "cat");
  CHECK(future_of(coproc::capture(first | second)).get().check().out == "words");
  {
    coproc::process process;
    CHECK_THROWS_AS(process.pid(), std::logic_error);
    process = future_of(coproc::exec(child, "cat", std_in = piped, std_out = piped)).get();
    CHECK(future_of(process.communicate("through cat")).get().out == "through cat");
    CHECK_THROWS_AS(future_of(coproc::exec("/no/such/program")).get(), coproc::launch_error);
    coproc::running_pipeline both;
    CHECK_THROWS_AS(both.std_out(), std::logic_error);
    both = future_of(coproc::exec(first | coproc::command(second, std_out = piped))).get();
    CHECK(future_of(both.std_out().read()).get() == "words");
    CHECK(future_of(both.wait()).get() == 0);
  }

  std::promise<std::string> told;
  asio::co_spawn(pool, coproc::capture(child, "exit", 3),
                 [&](std::exception_ptr failure, const coproc::completed& done) {
                   told.set_value(failure ? "failed" : std::to_string(done.returncode));
                 });
  CHECK(told.get_future().get() == "3");
  pool.join();
  CHECK_FALSE(coproc::completed().succeeded());
  CHECK_FALSE(coproc::completed_pipeline().succeeded());
  CHECK_THROWS_AS(coproc::completed().check(), coproc::exit_error);
  CHECK_THROWS_AS(coproc::completed_pipeline().check(), coproc::exit_error);
  CHECK_THROWS_AS(coproc::run(coproc::exec(coproc::command())), coproc::launch_error);
}

// ---- what the library's own thread shares ----

// ThreadSanitizer cannot start threads in the fork of a process that had several; AddressSanitizer
// keeps the locks of its own that another thread had at the fork, and then hangs there (g++ 12).
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("threads: a fork that is made while the library's thread works can use the library") {
  const auto leave_some = [](int count) -> asio::awaitable<void> {
    for (int i = 0; i < count; ++i) {
      auto left = co_await coproc::exec(child, "exit", 0);
      left.detach();
      auto killed = co_await coproc::exec(child, "wait", std_out = devnull);
    }
  };
  // Without coproc::run: Asio's signals have a lock of their own.
  const auto run_it = [&](int count) {
    asio::io_context context(1);
    asio::co_spawn(context, leave_some(count), asio::detached);
    context.run();
  };
  std::atomic<bool> done = false;
  std::thread busy([&] {
    while (!done) run_it(5);
  });
  int good = 0;
  constexpr int forks = 100;
  for (int i = 0; good == i && i < forks; ++i) {
    const pid_t fork = ::fork();
    if (fork == 0) {
      ::alarm(60);
      run_it(2);
      ::_exit(0);
    }
    int status = -1;
    ::waitpid(fork, &status, 0);
    good += status == 0;
  }
  done = true;
  busy.join();
  CHECK(good == forks);
}

#endif

TEST_CASE("threads: a context without locks is not told of anything by another thread") {
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  int left = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        for (; left < 50; ++left) (void)co_await coproc::exec(child, "wait", std_out = devnull);
      },
      asio::detached);
  context.run();
  CHECK(left == 50);
  CHECK(soon([] { return !has_children(); }));
}

}  // namespace threads_tests
