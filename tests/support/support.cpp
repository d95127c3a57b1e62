// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "support.hpp"

#include <atomic>
#include <coproc/detail/os/os.hpp>
#include <vector>

namespace test {

namespace {

using clock_type = std::chrono::steady_clock;

/// One thread of a context. What counts is the time since a handler was last called by any of them:
/// the time since the start says how much there is to do, and how fast the machine is.
void run_while_something_happens(asio::io_context& context, std::chrono::seconds watchdog,
                                 std::atomic<clock_type::time_point>& last) {
  while (!context.stopped()) {
    if (context.run_one_for(1s) != 0) last = clock_type::now();
    else if (clock_type::now() - last.load() > watchdog) return;
  }
}

}  // namespace

bool at_rest() { return coproc::detail::reaper::instance().idle(); }

bool run_out(asio::io_context& context, int threads, std::chrono::seconds watchdog) {
  std::atomic<clock_type::time_point> last = clock_type::now();
  const auto work = [&] { run_while_something_happens(context, watchdog, last); };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return context.stopped();
}

void run_on_threads(int threads, asio::awaitable<void> body, std::chrono::seconds watchdog) {
  soon(at_rest, 20s);
  asio::io_context context(threads);
  std::exception_ptr failure;
  std::atomic<bool> ended = false;
  asio::co_spawn(context, std::move(body), [&](std::exception_ptr e) {
    failure = e;
    ended = true;
  });
  const bool all_done = run_out(context, threads, watchdog);
  if (failure) std::rethrow_exception(failure);
  if (!ended) FAIL("the watchdog: nothing happened for " << watchdog.count() << " s");
  if (!all_done) FAIL("the watchdog: something is left on the io_context");
}

void run(asio::awaitable<void> body, std::chrono::seconds watchdog) {
  run_on_threads(1, std::move(body), watchdog);
}

}  // namespace test
