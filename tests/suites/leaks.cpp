// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <mutex>
#include <ranges>
#include <thread>

#include "host.hpp"

namespace leaks_tests {

using namespace test;
using coproc::command;

// After many children this process has what it had before.

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

std::size_t bytes_allocated() {
#if defined(__GLIBC__)
  return ::mallinfo2().uordblks;
#else
  return 0;
#endif
}

/// What there is now, to be compared with what there is later.
class snapshot {
 public:
  static asio::awaitable<snapshot> take() {
    // With Asio's own descriptors, which come with the first timer.
    const bool settled = co_await eventually([] { return !has_children() && at_rest(); });
    CHECK(settled);
    co_return snapshot();
  }

  asio::awaitable<void> check_same(std::size_t bytes_more) const {
    const bool settled = co_await eventually([] { return !has_children() && at_rest(); });
    CHECK(settled);
    const bool no_thread_more = co_await eventually([&] { return thread_count() <= threads_; });
    CHECK(no_thread_more);
    CHECK(open_fds() == fds_);
    if (!sanitized) CHECK(bytes_allocated() <= bytes_ + bytes_more);
  }

 private:
  snapshot() = default;
  std::set<int> fds_ = open_fds();
  int threads_ = thread_count();
  std::size_t bytes_ = bytes_allocated();
};

asio::awaitable<void> one_of_everything() {
  auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped,
                                       std_err = piped, env["A"] = "1", cwd = "/");
  const auto result = co_await process.communicate("text");
  if (result.out != "text") throw std::runtime_error("not what was written");
}

asio::awaitable<void> one_beside_its_terminal() {
  auto process = co_await coproc::exec("sh", "-c", "echo text >/dev/tty", terminal = size(24, 80),
                                       std_in = devnull, std_out = piped, std_err = piped);
  const std::string text = co_await process.terminal().out().read();
  if (text != "text\r\n") throw std::runtime_error("not what was written");
}

asio::awaitable<void> destroyed_running() {
  const auto process = co_await coproc::exec(child, "ignore-term", std_in = piped, std_out = piped);
}

}  // namespace

COPROC_TEST("leaks: 1000 children one after another leave nothing") {
  for (int i = 0; i < 100; ++i) co_await one_of_everything();  // Asio keeps memory to use again
  const auto before = co_await snapshot::take();
  for (int i = 0; i < 1000; ++i) co_await one_of_everything();
  co_await before.check_same(20000);  // that is 20 bytes each
}

COPROC_TEST("leaks: terminals leave nothing") {
  for (int i = 0; i < 50; ++i) co_await one_beside_its_terminal();
  const auto before = co_await snapshot::take();
  for (int i = 0; i < 300; ++i) co_await one_beside_its_terminal();
  co_await before.check_same(20000);
}

COPROC_TEST("leaks: 200 children at once leave nothing") {
  const auto all_at_once = [] {
    return test::lazily(0, 200, [](int) { return one_of_everything(); });
  };
  co_await coproc::gather(all_at_once());
  const auto before = co_await snapshot::take();
  for (int i = 0; i < 3; ++i) co_await coproc::gather(all_at_once());
  co_await before.check_same(200000);  // the pools of Asio keep their largest size
}

COPROC_TEST("leaks: launches that fail leave nothing, whatever the step") {
  const temporary_directory directory;
  write_file(directory.path / "text", "no program");
  const auto missing = directory.path / "missing";
  const command full(child, "exit", 0, std_in = piped, std_out = piped, std_err = piped);
  const std::vector<command> all = {
      command(missing, std_in = piped, std_out = piped, std_err = piped),
      command("no_such_program", std_in = terminal, std_out = terminal),
      command(full, terminal = size(24, 80), cwd = missing),
      command(directory.path / "text", std_out = directory.path / "out"),
      command(directory.path, std_err = to_stdout, std_out = append(directory.path / "out")),
      command(full, cwd = missing),
      command(full, std_err = missing / "x"),
      command(full, std_err = 987),
      command(full, pass_fds[10] = 0, pass_fds[11] = 987),
      command(full, pass_fds[20] = 0, pass_fds[21] = 1, cwd = missing),
      command(full, process_group = 0x3fffffff),
      command(full, resource_limit[RLIMIT_CORE] = std::pair(2, 1)),
      command(full, as_user = "no such user"),
      command(full, env["A=B"] = "C"),
      command(full, std::string(1 << 20, 'x')),
      command(full, std::string("\0", 1)),
      command(full, kill_on_parent_death = true, cwd = missing)};
  const auto fail_each = [](const std::vector<command>& each, int rounds) -> asio::awaitable<void> {
    for (int i = 0; i < rounds; ++i)
      for (const command& what : each)
        (void)co_await thrown<coproc::launch_error>(coproc::exec(what));
  };
  co_await fail_each(all, 5);
  const auto before = co_await snapshot::take();
  co_await fail_each(all, 50);
  co_await before.check_same(20000);
}

COPROC_TEST("leaks: children destroyed while they run leave nothing") {
  for (int i = 0; i < 50; ++i) co_await destroyed_running();
  const auto before = co_await snapshot::take();
  for (int i = 0; i < 300; ++i) co_await destroyed_running();
  {
    std::vector<coproc::process> all;
    for (int i = 0; i < 100; ++i)
      all.push_back(
          co_await coproc::exec(child, "wait", std_out = piped, process_group = new_group));
  }
  co_await before.check_same(100000);
}

COPROC_TEST("leaks: detached children leave nothing when they end") {
  const auto detach_one = []() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "exit", 0, std_out = piped);
    process.detach();
  };
  for (int i = 0; i < 50; ++i) co_await detach_one();
  const auto before = co_await snapshot::take();
  for (int i = 0; i < 300; ++i) co_await detach_one();
  co_await before.check_same(100000);
}

COPROC_TEST("leaks: operations that are cancelled leave nothing") {
  using namespace asio::experimental::awaitable_operators;
  const auto cancel_all = []() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
    asio::steady_timer timer(co_await asio::this_coro::executor, 0s);
    const auto first = co_await (process.wait() || process.communicate("text") ||
                                 timer.async_wait(asio::use_awaitable));
    (void)first;
    process.kill();
    co_await process.wait();
  };
  for (int i = 0; i < 50; ++i) co_await cancel_all();
  const auto before = co_await snapshot::take();
  for (int i = 0; i < 300; ++i) co_await cancel_all();
  co_await before.check_same(50000);
}

namespace {

/// Counted, since Catch's checks are for one thread only.
struct tally {
  std::atomic<int> good = 0, bad = 0;
};

asio::awaitable<void> one_of_many(int number, tally& results, std::vector<coproc::process>& kept,
                                  std::mutex& guard) {
  if (number % 10 == 0) {  // stays to the end: what it has got of another's pipe it keeps
    auto process = co_await coproc::exec(child, "wait", std_in = piped, std_out = piped);
    const auto line = co_await process.std_out().readline();
    ++(line == "ready" ? results.good : results.bad);
    const std::lock_guard lock(guard);
    kept.push_back(std::move(process));
    co_return;
  }
  const bool says_state = number % 2 == 0;
  auto process = co_await coproc::exec(child, says_state ? "state" : "cat", std_in = piped,
                                       std_out = piped, std_err = piped);
  // cat ends when nobody has the other end of its stdin any more.
  const auto result = co_await process.communicate("text");
  const bool good = says_state ? result.out.starts_with("fds 0 1 2\n") : result.out == "text";
  ++(good && process.returncode() == 0 ? results.good : results.bad);
}

}  // namespace

TEST_CASE("leaks: 1000 launches on eight threads, and no child has another's pipe") {
  CHECK(soon(at_rest));
  const std::set<int> fds = open_fds();
  tally results;
  std::exception_ptr failure;
  {
    std::vector<coproc::process> kept;
    std::mutex guard;
    asio::io_context context(8);
    asio::co_spawn(
        context,
        [](tally& all, std::vector<coproc::process>& alive,
           std::mutex& mutex) -> asio::awaitable<void> {
          auto jobs = test::lazily(
              0, 1000, [&](int number) { return one_of_many(number, all, alive, mutex); });
          co_await coproc::gather(jobs, concurrency = 64);
        }(results, kept, guard),
        [&](std::exception_ptr e) { failure = e; });
    CHECK(run_out(context, 8));
    CHECK(results.good == 1000);
    CHECK(results.bad == 0);
    CHECK_FALSE(failure);
    CHECK(kept.size() == 100);
  }
  CHECK(soon([] { return !has_children(); }));
  CHECK(soon([&] { return open_fds() == fds; }));
}

}  // namespace leaks_tests
