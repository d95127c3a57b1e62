// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/strand.hpp>
#include <coproc/detail/os/message_text.hpp>
#include <coproc/detail/task/event.hpp>
#include <coproc/detail/task/task_group.hpp>
#include <coproc/error.hpp>

namespace coproc::detail {

COPROC_INLINE context_member::~context_member() { leave_context(); }

COPROC_INLINE void context_member::join_context(const asio::any_io_executor& executor) {
  if (service_ != nullptr) return;
  service_ = &context_service::of(executor);
  const std::lock_guard lock(service_->mutex_);
  next_ = std::exchange(service_->members_, this);
  if (next_ != nullptr) next_->previous_ = this;
}

COPROC_INLINE void context_member::leave_context() {
  if (service_ == nullptr) return;
  const std::lock_guard lock(service_->mutex_);
  (previous_ != nullptr ? previous_->next_ : service_->members_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  service_ = nullptr;
  previous_ = next_ = nullptr;
}

using io_executor = asio::io_context::executor_type;
using io_strand = asio::strand<io_executor>;

COPROC_INLINE asio::any_io_executor new_strand(const asio::any_io_executor& inner) {
  const auto* const plain = inner.target<io_executor>();
  if (plain != nullptr) return asio::make_strand(*plain);  // in fewer allocations
  return asio::make_strand(inner);
}

COPROC_INLINE task_group::task_group(const asio::any_io_executor& executor, bool parallel)
    : task_group(executor, std::make_shared<event>(executor), 1) {
  const auto* const strand = executor.target<io_strand>();
  if (parallel && strand != nullptr &&
      context_service::of(executor).run_by == context_service::threads::several)
    executor_ = strand->get_inner_executor();
}

COPROC_INLINE task_group::task_group(const asio::any_io_executor& executor,
                                     std::shared_ptr<event> wake, unsigned bit)
    : executor_(executor),
      one_thread_(context_service::of(executor).run_by == context_service::threads::one),
      wake_(std::move(wake)),
      bit_(bit) {
  join_context(executor);
}

COPROC_INLINE void task_group::context_gone(std::vector<wait_handler>&) {
  running_.clear();
  executor_ = asio::any_io_executor();
}

/// A task that first goes once around the event loop.
COPROC_ON_USE awaitable<void> posted_task(awaitable<void> task) {
  co_await asio::post(asio::use_awaitable_t<>());
  co_await std::move(task);
}

COPROC_INLINE void task_group::start(std::size_t index, awaitable<void> task, bool posted) {
  const asio::any_io_executor strand = one_thread_ ? executor_ : new_strand(executor_);
  const auto signal = std::make_shared<asio::cancellation_signal>();
  auto ended = [self = shared_from_this(), signal, index,
                keeper = wake_->keeper()](std::exception_ptr failure) {
    {
      const std::lock_guard lock(self->mutex_);
      self->ended_.emplace_back(index, std::move(failure));
    }
    self->wake_->notify(self->bit_);
  };
  if (posted) task = posted_task(std::move(task));
  {
    const std::lock_guard lock(mutex_);
    ended_.reserve(running_.size() + 1);  // an end must not fail for want of memory
  }
  const auto entry = running_.emplace(index, running_task(strand, signal)).first;
  try {
    asio::co_spawn(strand, std::move(task),
                   asio::bind_cancellation_slot(signal->slot(), std::move(ended)));
  } catch (...) {  // no memory; it would be waited for for ever
    running_.erase(entry);
    throw;
  }
}

// Asio protects this name of its own likewise: Qt has a macro of that name.
#pragma push_macro("emit")
#undef emit
COPROC_INLINE void task_group::cancel() {
  for (const auto& [index, task] : running_)
    asio::post(task.executor,
               [signal = task.signal] { signal->emit(asio::cancellation_type::terminal); });
  cancelled_ = true;
}
#pragma pop_macro("emit")

/// Cancels what start_next waits for, too.
COPROC_INLINE void task_group::cancel(const join_policy& policy) {
  cancel();
  if (policy.pending) policy.pending(true);
}

COPROC_ON_USE awaitable<error_code> task_group::wait() {
  const error_code failure = co_await wake_->wait();
  wake_->take();
  co_return failure;
}

COPROC_INLINE std::vector<task_group::ended_task> task_group::take_ended() {
  std::vector<ended_task> ended;
  ended.reserve(running_.size());  // for those that are still to come
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const ended_task& task : ended) running_.erase(task.index);
  return ended;
}

COPROC_ON_USE awaitable<void> task_group::wait_until_reaped() {
  if (cancelled_) co_await wait_until_clean();
}

COPROC_ON_USE awaitable<task_group::join_result> task_group::join(join_policy policy) {
  const auto self = shared_from_this();
  // A clean-up, say, may itself run in a coroutine that has been cancelled.
  const auto state = co_await asio::this_coro::cancellation_state;
  const cancellation_watch cancellation(state);
  join_result result;
  unsigned cancellations = wake_->cancellations();
  bool more = static_cast<bool>(policy.start_next);
  for (std::size_t index = 0;;) {
    while (more && !result.stopping() && running() < policy.concurrency) {
      try {
        const next_task next = policy.start_next(index);
        if (next == next_task::later) break;
        more = next == next_task::started;
        ++index;
      } catch (...) {  // the range itself has thrown
        result.failure = std::current_exception();
        cancel(policy);
      }
    }
    if (running() == 0 && !(policy.pending && policy.pending(false))) break;
    const error_code interrupted = co_await wait();
    const bool first = cancellation.hit() && !result.cancelled;
    const unsigned before = std::exchange(cancellations, wake_->cancellations());
    const bool again = cancellations != before;
    if (interrupted || first || again) result.cancelled = true, cancel(policy);
    for (const ended_task& task : take_ended()) {
      std::exception_ptr failure = policy.ignore_failures ? nullptr : task.failure;
      try {
        if (!failure && !result.stopping() && policy.ended) policy.ended(task);
      } catch (...) {
        failure = std::current_exception();
      }
      if (!failure || result.failure) continue;
      result.failure = failure;
      cancel(policy);
    }
    if (running() > 0 && !result.stopping() && !result.expired && policy.expired &&
        policy.expired())
      result.expired = true, cancel();
  }
  co_return result;
}

COPROC_ON_USE awaitable<void> gather_shielded(
    const char* name, gather_options options,
    std::function<next_task(task_group&, std::size_t)> start_next,
    std::function<void(const task_group::ended_task&)> ended, std::function<void()> forget,
    std::function<bool(bool)> pending) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto tasks = std::make_shared<task_group>(executor, options.parallel);
  task_group::join_policy policy;
  policy.start_next = [&](std::size_t index) { return start_next(*tasks, index); };
  policy.concurrency = options.concurrency;
  policy.ended = std::move(ended);
  policy.pending = std::move(pending);
  policy.ignore_failures = options.return_exceptions;
  const task_group::join_result result = co_await tasks->join(std::move(policy));
  if (result.cancelled || result.failure) forget();
  co_await tasks->wait_until_reaped();
  if (result.cancelled) throw cancelled_error(name);
  if (result.failure) std::rethrow_exception(result.failure);
}

COPROC_ON_USE awaitable<void> gather_tasks(
    const char* name, gather_options options,
    std::function<next_task(task_group&, std::size_t)> start_next,
    std::function<void(const task_group::ended_task&)> ended, std::function<void()> forget,
    std::function<bool(bool)> pending) {
  return shielded(gather_shielded(name, options, std::move(start_next), std::move(ended),
                                  std::move(forget), std::move(pending)));
}

COPROC_ON_USE awaitable<void> cancel_tasks_shielded(std::shared_ptr<task_group> tasks,
                                                    std::function<void()> forget,
                                                    std::function<bool(bool)> pending) {
  tasks->cancel();
  pending(true);
  while (tasks->running() > 0 || pending(false)) {
    co_await tasks->wait();
    tasks->take_ended();
  }
  forget();
  co_await tasks->wait_until_reaped();
}

COPROC_ON_USE awaitable<void> cancel_tasks(std::shared_ptr<task_group> tasks,
                                           std::function<void()> forget,
                                           std::function<bool(bool)> pending) {
  return shielded(cancel_tasks_shielded(std::move(tasks), std::move(forget), std::move(pending)));
}

/// Where a cancellation for lack of time is the cause, makes it a timeout_error that has what the
/// operation had gathered. Anything else is rethrown as it is.
[[noreturn]] COPROC_INLINE void throw_timeout(const std::exception_ptr& why,
                                              std::chrono::nanoseconds limit,
                                              std::chrono::nanoseconds elapsed) {
  const std::string text = "timed out after " + in_seconds(limit);
  try {
    std::rethrow_exception(why);
  } catch (const cancelled_error& e) {
    throw timeout_error(text, e, elapsed);
  } catch (const boost::system::system_error& e) {
    const bool aborted = e.code() == asio::error::operation_aborted ||
                         e.code() == asio::experimental::error::channel_cancelled;
    if (!aborted) throw;
    throw timeout_error(text, output(), elapsed);
  }
}

COPROC_ON_USE awaitable<void> wait_for_shielded(awaitable<void> task,
                                                std::chrono::nanoseconds limit) {
  constexpr unsigned timer_bit = 2;  // beside that of a task's end
  const auto start = std::chrono::steady_clock::now();
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto tasks = std::make_shared<task_group>(executor);
  event_timer timer(executor);
  timer.set(deadline_after(start, limit), tasks->wake(), timer_bit);
  tasks->start(0, std::move(task));
  task_group::join_policy policy;
  policy.expired = [&] { return timer.passed(); };
  const task_group::join_result result = co_await tasks->join(std::move(policy));
  co_await tasks->wait_until_reaped();
  if (result.failure && result.expired && !result.cancelled)
    throw_timeout(result.failure, limit, std::chrono::steady_clock::now() - start);
  if (result.failure) std::rethrow_exception(result.failure);
}

COPROC_ON_USE awaitable<void> wait_for_task(awaitable<void> task, std::chrono::nanoseconds limit) {
  return shielded(wait_for_shielded(std::move(task), limit));
}

}  // namespace coproc::detail
