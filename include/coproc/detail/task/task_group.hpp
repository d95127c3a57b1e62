// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <chrono>
#include <coproc/awaitable.hpp>
#include <coproc/detail/task/context_member.hpp>
#include <coproc/outcome.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace coproc::detail {

class event;

/// Where a task leaves its result.
template <class T>
using result_ptr = std::shared_ptr<std::optional<no_void<T>>>;

/// Leaves the result of @p task in @p result, so that whoever runs tasks need not know their types.
template <class T>
awaitable<void> store(awaitable<T> task, result_ptr<T> result) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    result->emplace();
  } else {
    result->emplace(co_await std::move(task));
  }
}

/// Calls what gives an awaitable, and keeps it as long as its coroutine, which may use it.
template <class T>
awaitable<T> call_kept(std::shared_ptr<std::function<awaitable<T>()>> callable) {
  co_return co_await (*callable)();
}

/// A strand over that executor.
asio::any_io_executor new_strand(const asio::any_io_executor& inner);

/// Coroutines that run beside each other on behalf of one that waits for them. Each runs on a
/// strand of its own, so that cancelling it is safe on an executor with several threads too; unless
/// it is known that there is one thread only.
///
/// When the context is destroyed, the tasks are before the coroutine that waits for them, whose
/// variables they may use. A group that outlives its context has no tasks.
class task_group final : public std::enable_shared_from_this<task_group>, private context_member {
 public:
  /// @param parallel on the threads of run(): each task beside the coroutine that waits for it,
  /// too, and not on its strand
  explicit task_group(const asio::any_io_executor& executor, bool parallel = false);
  /// @param wake is notified with @p bit when a task has ended
  task_group(const asio::any_io_executor& executor, std::shared_ptr<event> wake, unsigned bit);

  /// The end of a task.
  class ended_task {
   public:
    ended_task(std::size_t number, std::exception_ptr why)
        : index(number), failure(std::move(why)) {}
    std::size_t index;
    std::exception_ptr failure;  // null where it has succeeded
  };

  /// Starts a task.
  /// @param posted not from within this call: what it does before it first waits (a launch, say) is
  /// then done beside the others', where there are threads for it
  void start(std::size_t index, awaitable<void> task, bool posted = false);

  /// How many tasks have been started, and their ends not been taken.
  std::size_t running() const noexcept { return running_.size(); }

  /// Asks all that run to end (terminal cancellation). They are not waited for here.
  void cancel();
  bool cancelled() const noexcept { return cancelled_; }

  /// Whether the context has gone.
  bool context_has_gone() const noexcept { return !executor_; }

  /// Waits until a task has ended or the event was notified. Error: cancelled.
  COPROC_ON_USE awaitable<error_code> wait();

  std::vector<ended_task> take_ended();

  /// What comes of the wish to start a task: none when there are no more, later when that is not
  /// known yet, and the event will tell.
  enum class next_task { started, none, later };

  /// How join() runs the group.
  class join_policy {
   public:
    /// Starts the task of that index. Where it is empty all tasks have been started.
    std::function<next_task(std::size_t index)> start_next;
    /// Whether what start_next waits for goes on; with @p stop it is asked to end.
    std::function<bool(bool stop)> pending;
    std::size_t concurrency = static_cast<std::size_t>(-1);  ///< how many run at once
    /// Called for each end until something fails or is cancelled. What it throws is a failure.
    std::function<void(const ended_task&)> ended;
    bool ignore_failures = false;  ///< a failed task cancels nobody, and is only told to `ended`
    /// Asked after each wait: true cancels the tasks, once.
    std::function<bool()> expired;
  };
  /// What join() has seen.
  class join_result {
   public:
    std::exception_ptr failure;  ///< the first
    bool cancelled = false;      ///< the coroutine that joins was cancelled
    bool expired = false;        ///< the tasks were cancelled since `expired` said so

    bool stopping() const { return failure || cancelled; }
  };
  /// Runs until all tasks have ended. The first failure cancels the others; each cancellation of
  /// the coroutine that joins is passed on, also the second, which may mean more than the first.
  /// For a coroutine that is shielded.
  COPROC_ON_USE awaitable<join_result> join(join_policy policy);

  /// Waits until the children of cancelled tasks have been reaped. Not cancellable.
  COPROC_ON_USE awaitable<void> wait_until_reaped();

  const std::shared_ptr<event>& wake() const noexcept { return wake_; }

 private:
  class running_task {
   public:
    running_task(asio::any_io_executor strand, std::shared_ptr<asio::cancellation_signal> stop)
        : executor(std::move(strand)), signal(std::move(stop)) {}
    asio::any_io_executor executor;
    std::shared_ptr<asio::cancellation_signal> signal;
  };

  void cancel(const join_policy& policy);
  void context_gone(std::vector<wait_handler>& waiting) override;

  asio::any_io_executor executor_;  // empty when the context has gone
  bool one_thread_;
  std::shared_ptr<event> wake_;
  unsigned bit_;
  std::map<std::size_t, running_task> running_;
  bool cancelled_ = false;
  std::mutex mutex_;
  std::vector<ended_task> ended_;
};

/// The options of gather, which its keywords set.
class gather_options {
 public:
  std::size_t concurrency = static_cast<std::size_t>(-1);
  bool return_exceptions = false;
  bool parallel = true;
  std::function<void(std::size_t)> on_start;
};

using next_task = task_group::next_task;

/// Runs tasks beside each other until all have ended, and rethrows the first failure.
/// @param start_next, pending see join_policy
/// @param ended is told of each end, of failures only where they are returned
/// @param forget drops the results there are, processes perhaps, since there will be an exception
COPROC_ON_USE awaitable<void> gather_tasks(
    const char* name, gather_options options,
    std::function<next_task(task_group&, std::size_t)> start_next,
    std::function<void(const task_group::ended_task&)> ended, std::function<void()> forget,
    std::function<bool(bool)> pending);

/// Cancels what a group runs, and waits until it has ended and its children have been reaped. Not
/// cancellable.
COPROC_ON_USE awaitable<void> cancel_tasks(std::shared_ptr<task_group> tasks,
                                           std::function<void()> forget,
                                           std::function<bool(bool)> pending);

/// Runs one task for that time at most. What it has gathered by then is in the timeout_error.
COPROC_ON_USE awaitable<void> wait_for_task(awaitable<void> task, std::chrono::nanoseconds limit);

}  // namespace coproc::detail
