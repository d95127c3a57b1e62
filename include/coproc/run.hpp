// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

#include <coproc/detail/crew.hpp>
#include <coproc/error.hpp>
#include <mutex>

namespace coproc {
namespace detail {

/// Keeps the dispositions of SIGINT and SIGTERM, and restores them. Several at once, of runs on
/// several threads, share what the first has found, and the last restores it.
class saved_dispositions {
 public:
  saved_dispositions() {
    shared& all = instance();
    const std::lock_guard lock(all.mutex);
    if (all.users++ == 0)
      for (std::size_t i = 0; i < 2; ++i) ::sigaction(numbers[i], nullptr, &all.saved[i]);
    for (std::size_t i = 0; i < 2; ++i) ignored_[i] = all.saved[i].sa_handler == SIG_IGN;
  }
  saved_dispositions(const saved_dispositions&) = delete;
  saved_dispositions& operator=(const saved_dispositions&) = delete;
  ~saved_dispositions() {
    shared& all = instance();
    const std::lock_guard lock(all.mutex);
    if (--all.users == 0)
      for (std::size_t i = 0; i < 2; ++i) ::sigaction(numbers[i], &all.saved[i], nullptr);
  }
  /// A job in the background of a shell without job control ignores SIGINT, and has to go on so.
  bool ignored(std::size_t i) const { return ignored_[i]; }

  static constexpr int numbers[] = {SIGINT, SIGTERM};

 private:
  struct shared {
    std::mutex mutex;
    int users = 0;
    struct sigaction saved[2];
  };
  static shared& instance() {
    static shared the_one;
    return the_one;
  }
  bool ignored_[2];
};

/// Waits for the first signal, cancels @p all; at the second, gives up at once.
inline void watch_signals(asio::io_context& context, asio::signal_set& signals, crew& all,
                          int& received) {
  signals.async_wait([&](error_code failure, int number) {
    if (failure) return;
    if (std::exchange(received, number) != 0) return context.stop();
    all.cancel();
    watch_signals(context, signals, all, received);
  });
}

inline awaitable<void> run_main(asio::io_context& context, std::shared_ptr<crew> all,
                                std::exception_ptr& failure) {
  while (all->alive() > 0) {
    co_await all->wait();
    for (auto& one : all->take_ended()) failure = one.failure;
  }
  co_await wait_until_clean();
  context.stop();
}

}  // namespace detail

/// Runs a coroutine, and all that it awaits, to its end, on an io_context of its own and in this
/// thread: `int main() { return coproc::run(main_coroutine()); }`
///
/// SIGINT and SIGTERM cancel the coroutine (terminal), so that its clean-up runs and its children
/// are ended; then `interrupted` is thrown. A second signal does not wait for that: children are
/// killed at once. A signal that the host ignores stays ignored; afterwards the host's handlers are
/// as they were. What else was spawned on the io_context is destroyed when the coroutine has ended.
/// @return what the coroutine returns
/// @throws what the coroutine throws; `interrupted` where a signal came before it had ended
/// @par Source asyncio.run
template <class T>
T run(awaitable<T> main) {
  const detail::saved_dispositions dispositions;
  const auto result = std::make_shared<std::optional<detail::no_void<T>>>();
  std::exception_ptr failure;
  int received = 0;
  {
    asio::io_context context(1);
    asio::signal_set signals(context);
    for (std::size_t i = 0; i < 2; ++i)
      if (!dispositions.ignored(i)) signals.add(dispositions.numbers[i]);
    const auto all = std::make_shared<detail::crew>(context.get_executor());
    all->template start<T>(0, std::move(main), result);
    detail::watch_signals(context, signals, *all, received);
    asio::co_spawn(context, detail::run_main(context, all, failure), asio::detached);
    context.run();
  }
  if (received != 0) throw interrupted(received);
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) return std::move(**result);
}

}  // namespace coproc
