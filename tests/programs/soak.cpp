// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Random operations on many children at once, for a given time, with the books checked all along:
//
//   soak [seconds] [threads] [seed]
//
// Every result is compared with what it must be, however often the operation before it was
// cancelled; at the end there must be no child, no descriptor and no thread more than at the start.

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <coproc/coproc.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tsan.hpp"

namespace {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::capture;
using clock_type = std::chrono::steady_clock;

const std::string child = COPROC_CHILD;
std::atomic<long> operations{0}, cancellations{0};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "soak: does not hold: %s\n", what);
  std::abort();
}

class worker {
 public:
  explicit worker(unsigned seed) : random_(seed) {}

  asio::awaitable<void> run(clock_type::time_point end) {
    while (clock_type::now() < end) {
      const int kind = pick(0, 12);
      ++operations;
      if (kind == 0) co_await statuses();
      if (kind == 1) co_await conversation();
      if (kind == 2) co_await interrupted_communicate();
      if (kind == 3) co_await interrupted_reads();
      if (kind == 4) co_await endings();
      if (kind == 5) co_await timeouts();
      if (kind == 6) co_await limits();
      if (kind == 7) co_await failures();
      if (kind == 8) co_await gatherings();
      if (kind == 9) co_await many_waiters();
      if (kind == 10) co_await detached();
      if (kind == 11) co_await moves();
      if (kind == 12) co_await groups();
    }
  }

 private:
  int pick(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  std::chrono::microseconds soon() { return std::chrono::microseconds(pick(0, 4000)); }
  std::string bytes(int most) {
    std::string text(static_cast<std::size_t>(pick(0, most)), '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }

  asio::awaitable<void> statuses() {
    const int code = pick(0, 255);
    auto process = co_await coproc::exec(child, "exit", code);
    const int status = co_await process.wait();
    require(status == code, "the exit status");
  }

  asio::awaitable<void> conversation() {
    auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
    for (int i = pick(1, 20); i > 0; --i) {
      const std::string line = std::to_string(random_());
      co_await process.std_in().write(line + '\n');
      auto answer = co_await process.std_out().readline();
      require(answer == line, "the answer of cat");
    }
    process.std_in().close();
    const int status = co_await process.wait();
    require(status == 0, "cat ends at the end of its input");
  }

  /// communicate cancelled at random, as often as it takes: everything arrives once.
  asio::awaitable<void> interrupted_communicate() {
    const std::string text = bytes(400000);
    auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
    std::string input = text;
    for (bool done = false; !done;) {
      try {
        auto result = co_await coproc::wait_for(process.communicate(std::move(input)), soon());
        require(result.out == text, "communicate returns everything");
        done = true;
      } catch (const coproc::timeout_error& e) {
        ++cancellations;
        require(text.starts_with(e.out()), "a cancelled communicate has the bytes so far");
      }
      input.clear();
    }
    require(process.returncode() == 0, "the status after communicate");
  }

  asio::awaitable<void> interrupted_reads() {
    const int lines = pick(1, 3000);
    auto process = co_await coproc::exec(child, "lines", lines, std_out = piped);
    int seen = 0;
    for (bool ended = false; !ended;) {
      try {
        auto line = co_await coproc::wait_for(process.std_out().readline(), soon() + 20us);
        ended = !line.has_value();
        require(ended || line->size() == 63, "a whole line");
        seen += ended ? 0 : 1;
      } catch (const coproc::timeout_error&) {
        ++cancellations;
      }
    }
    require(seen == lines, "every line once");
    const int status = co_await process.wait();
    require(status == 0, "the status of lines");
  }

  asio::awaitable<void> endings() {
    auto process =
        co_await coproc::exec(child, pick(0, 1) != 0 ? "wait" : "ignore-term", std_out = piped);
    if (pick(0, 3) != 0) {
      auto line = co_await process.std_out().readline();
      require(line == "ready", "the child is ready");
    }
    const int how = pick(0, 3);
    if (how == 0) process.kill();
    if (how == 1) {
      const int status = co_await process.stop(soon());
      require(status == -SIGTERM || status == -SIGKILL, "the status after stop");
    }
    if (how == 0) {
      const int status = co_await process.wait();
      require(status == -SIGKILL, "the status after kill");
    }
    // Else: destroyed while it runs.
  }

  asio::awaitable<void> timeouts() {
    try {
      auto done = co_await capture(child, "fill", 1, pick(0, 300000), timeout = soon() + 1us);
      require(done.returncode == 0, "the status of fill");
    } catch (const coproc::timeout_error& e) {
      ++cancellations;
      require(e.out().size() <= 300000, "no byte too many");
    }
  }

  asio::awaitable<void> limits() {
    const auto most = static_cast<std::size_t>(pick(0, 100000));
    const int size = pick(0, 200000);
    auto done = co_await capture(child, "fill", 1, size, max_output = cut(most));
    require(done.out.size() + done.out_dropped == static_cast<std::size_t>(size), "cut counts all");
    bool failed = false;
    try {
      co_await capture(child, "flood", max_output = most);
    } catch (const coproc::limit_error& e) {
      failed = e.out().size() == most;
    }
    require(failed, "a flood is limited");
  }

  asio::awaitable<void> failures() {
    bool failed = false;
    try {
      (void)co_await coproc::exec("/no/such/program", std_in = piped, std_out = piped);
    } catch (const coproc::launch_error&) {
      failed = true;
    }
    require(failed, "a missing program");
  }

  asio::awaitable<void> gatherings() {
    bool failed = false;
    try {
      co_await coproc::gather(capture(child, "wait"), capture(child, "exit", 3),
                              capture("/no/such/program"),
                              capture(child, "ignore-term", grace = 1ms));
    } catch (const coproc::launch_error&) {
      failed = true;
    }
    require(failed, "gather rethrows");
  }

  asio::awaitable<void> many_waiters() {
    auto process = co_await coproc::exec(child, "exit", 7);
    auto results = co_await coproc::gather(process.wait(), process.wait(), process.wait());
    require(results == std::tuple(7, 7, 7), "all waiters get the status");
    try {
      auto other = co_await coproc::exec(child, "wait", std_out = devnull);
      co_await coproc::wait_for(other.wait(), soon());
    } catch (const coproc::timeout_error&) {
      ++cancellations;
    }
  }

  asio::awaitable<void> detached() {
    auto process = co_await coproc::exec("/bin/sh", "-c", "sleep 0.02");
    process.detach();
  }

  asio::awaitable<void> moves() {
    auto first = co_await coproc::exec(child, "exit", 1);
    auto waiting = first.wait();
    coproc::process second = std::move(first);
    const int status = co_await std::move(waiting);
    require(status == 1 && second.returncode() == 1, "a move changes nothing");
    second = co_await coproc::exec(child, "wait", std_out = devnull);
    second = co_await coproc::exec(child, "exit", 0);
    const int last = co_await second.wait();
    require(last == 0, "the last one");
  }

  asio::awaitable<void> groups() {
    auto process =
        co_await coproc::exec(child, "grandchild", process_group = new_group, std_out = piped);
    auto line = co_await process.std_out().readline();
    require(line.has_value(), "the grandchild's pid");
    co_await process.stop(soon());
    require(process.returncode().has_value(), "the leader has ended");
  }

  std::mt19937 random_;
};

int count(const char* directory) {
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory))
    ++entries;
  return entries;
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void soak(std::chrono::seconds time, int threads, unsigned seed) {
  asio::io_context context(threads);
  const auto end = clock_type::now() + time;
  std::vector<std::unique_ptr<worker>> workers;
  for (int i = 0; i < threads * 6; ++i) {
    workers.push_back(std::make_unique<worker>(seed + static_cast<unsigned>(i)));
    asio::co_spawn(asio::make_strand(context), workers.back()->run(end), [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    });
  }
  std::vector<std::thread> pool;
  for (int i = 1; i < threads; ++i) pool.emplace_back([&] { context.run(); });
  context.run();
  for (auto& thread : pool) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  const auto time = std::chrono::seconds(argc > 1 ? std::atoi(argv[1]) : 10);
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  const unsigned seed =
      argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : std::random_device()();
  std::printf("soak: %ld s, %d threads, seed %u\n", static_cast<long>(time.count()), threads, seed);
  std::fflush(stdout);
  pid_t first = 0;  // a sanitizer may start a thread of its own with the first
  std::thread([&first] { first = ::gettid(); }).join();
  // One that has been joined is listed for a moment more.
  while (std::filesystem::exists("/proc/self/task/" + std::to_string(first)))
    std::this_thread::yield();
  const int fds = count("/proc/self/fd"), tasks = count("/proc/self/task");
  soak(time, threads, seed);
  // Detached children are reaped apart from the io_context, by a thread that then ends.
  const auto patience = clock_type::now() + 120s;
  while ((has_children() || count("/proc/self/task") > tasks) && clock_type::now() < patience)
    std::this_thread::yield();
  require(!has_children(), "no child is left");
  require(count("/proc/self/task") == tasks, "no thread is left");
  require(count("/proc/self/fd") == fds, "no descriptor is left");
  std::printf("soak: %ld operations, %ld cancellations, nothing left behind\n", operations.load(),
              cancellations.load());
}
