// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/dispositions.hpp>
#include <coproc/detail/gather.hpp>
#include <coproc/error.hpp>
#include <mutex>
#include <thread>

namespace coproc {
namespace detail {

/// What run() runs: its parts, on one strand where there are several threads.
class runner {
 public:
  runner(asio::io_context& context, const saved_dispositions& dispositions, bool one_thread)
      : context_(context),
        home_(one_thread ? asio::any_io_executor(context.get_executor())
                         : asio::any_io_executor(asio::make_strand(context))),
        signals_(home_),
        all_(std::make_shared<crew>(context.get_executor(), std::make_shared<wakeup>(home_), 1)) {
    for (std::size_t i = 0; i < dispositions.count; ++i)
      if (!dispositions.ignored(i)) signals_.add(dispositions.numbers[i]);
  }

  template <class T>
  void start(awaitable<T> main, slot<T> result) {
    all_->template start<T>(0, std::move(main), std::move(result));
    watch_signals();
    asio::co_spawn(home_, wait(), asio::detached);
  }

  int received = 0;  // the first signal, or 0
  std::exception_ptr failure;

 private:
  /// Waits for the first signal, cancels; at the second, gives up at once.
  void watch_signals() {
    signals_.async_wait([this](error_code error, int number) {
      if (error) return;
      if (std::exchange(received, number) != 0) return context_.stop();
      all_->cancel();
      watch_signals();
    });
  }

  awaitable<void> wait() {
    while (all_->alive() > 0) {
      co_await all_->wait();
      for (auto& one : all_->take_ended()) failure = one.failure;
    }
    co_await wait_until_clean();
    context_.stop();
  }

  asio::io_context& context_;
  asio::any_io_executor home_;
  asio::signal_set signals_;
  std::shared_ptr<crew> all_;
};

}  // namespace detail

/// Runs a coroutine, and all that it awaits, to its end, on an io_context of its own:
/// `int main() { return coproc::run(main_coroutine()); }`
///
/// SIGINT and SIGTERM cancel the coroutine (terminal), so that its clean-up runs and its children
/// are ended; then `interrupted` is thrown. A second signal does not wait for that: children are
/// killed at once. A signal that the host ignores stays ignored; afterwards the host's handlers are
/// as they were. (On Windows SIGBREAK counts, too.) What else was spawned on the io_context is destroyed when the coroutine has ended.
/// @param threads how many threads run the io_context, this one among them; no others may. With more
/// than one the awaitables of a gather run in parallel: what they share, a process among it, needs a strand or a
/// guard.
/// @return what the coroutine returns
/// @throws what the coroutine throws; `interrupted` where a signal came before it had ended.
/// Uncaught, the convention for the status is 128 + its number, `interrupted::exit_code()`.
/// @par Source asyncio.run
template <class T>
T run(awaitable<T> main, int threads = 1) {
  if (threads < 1) throw std::invalid_argument("coproc: run: at least one thread");
  const detail::saved_dispositions dispositions;
  const auto result = std::make_shared<std::optional<detail::no_void<T>>>();
  std::exception_ptr failure;
  int received = 0;
  {
    asio::io_context context(threads);
    using known = detail::context_service::threads;
    const bool one_thread = threads == 1;
    detail::context_service::of(context.get_executor()).run_by =
        one_thread ? known::one : known::several;
    detail::runner all(context, dispositions, one_thread);
    all.start<T>(std::move(main), result);
    std::mutex mutex;
    std::exception_ptr thrown;  // by a handler of the host's
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
      for (std::thread& one : others) one.join();
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
    received = all.received;
    failure = all.failure;
  }
  if (received != 0) throw interrupted(received);
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) return std::move(**result);
}

}  // namespace coproc
