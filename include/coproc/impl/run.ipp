// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/signal_set.hpp>
#include <coproc/detail/os/dispositions.hpp>
#include <coproc/detail/task/event.hpp>
#include <coproc/run.hpp>
#include <mutex>
#include <thread>

namespace coproc::detail {

/// What run() runs: its parts, on one strand where there are several threads.
class runner {
 public:
  runner(asio::io_context& context, const saved_dispositions& dispositions, bool one_thread)
      : context_(context),
        home_(one_thread ? asio::any_io_executor(context.get_executor())
                         : new_strand(context.get_executor())),
        signals_(home_),
        tasks_(std::make_shared<task_group>(context.get_executor(), std::make_shared<event>(home_),
                                            1)) {
    for (std::size_t i = 0; i < dispositions.count; ++i)
      if (!dispositions.ignored(i)) signals_.add(interrupt_signals[i]);
  }

  void start(awaitable<void> main) {
    tasks_->start(0, std::move(main));
    watch_signals();
    asio::co_spawn(home_, wait(), [this](std::exception_ptr thrown) {  // no memory to wait with
      if (thrown) failure = thrown;
      context_.stop();
    });
  }

  int received = 0;  // the first signal, or 0
  std::exception_ptr failure;

 private:
  /// Waits for the first signal, cancels; at the second, gives up at once.
  void watch_signals() {
    signals_.async_wait([this](error_code error, int number) {
      if (error) return;
      if (std::exchange(received, number) != 0) return context_.stop();
      tasks_->cancel();
      watch_signals();
    });
  }

  COPROC_ON_USE awaitable<void> wait() {
    const task_group::join_result result = co_await tasks_->join(task_group::join_policy());
    failure = result.failure;
    co_await wait_until_clean();
  }

  asio::io_context& context_;
  asio::any_io_executor home_;
  asio::signal_set signals_;
  std::shared_ptr<task_group> tasks_;
};

/// Runs the context on that many threads, this one among them. Rethrows what a handler throws.
COPROC_INLINE void run_threads(asio::io_context& context, int threads) {
  std::mutex mutex;
  std::exception_ptr thrown;
  const auto work = [&] {
    try {
      context.run();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!thrown) thrown = std::current_exception();
      context.stop();
    }
  };
  std::vector<std::thread> others;  // not jthread, which libc++ has only of late
  const auto join = [&] {
    for (std::thread& thread : others) thread.join();
  };
  others.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int i = 1; i < threads; ++i) others.emplace_back(work);
  } catch (...) {
    context.stop();
    join();
    throw;
  }
  work();
  join();
  if (thrown) std::rethrow_exception(thrown);
}

COPROC_ON_USE void run_task(awaitable<void> main, int threads) {
  if (threads < 1) throw std::invalid_argument("coproc: run: at least one thread");
  const saved_dispositions dispositions;
  std::exception_ptr failure;
  int received = 0;
  {
    asio::io_context context(threads);
    const bool one_thread = threads == 1;
    context_service::of(context.get_executor()).run_by =
        one_thread ? context_service::threads::one : context_service::threads::several;
    runner running(context, dispositions, one_thread);
    running.start(std::move(main));
    run_threads(context, threads);
    received = running.received;
    failure = running.failure;
  }
  if (received != 0) throw interrupted(received);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace coproc::detail
