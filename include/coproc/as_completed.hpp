// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/capture.hpp>
#include <deque>
#include <map>

namespace coproc {

/// A result, and which of the range it is of.
template <class T>
class indexed {
 public:
  /// @private For the library's own use.
  indexed(std::size_t number, T result) : index(number), value(std::move(result)) {}
  std::size_t index;  ///< its place in the range, from 0
  T value;            ///< `std::monostate` for void; an `outcome` with return_exceptions
};

namespace detail {

template <class Jobs, bool Outcomes>
class completions_state {
 public:
  using type = job_value<Jobs>;
  using value_type = std::conditional_t<Outcomes, outcome<type>, no_void<type>>;

  /// A result, and the jobs, since what makes them may hold what they use.
  class cell {
   public:
    explicit cell(std::shared_ptr<Jobs> all) : jobs(std::move(all)) {}
    std::shared_ptr<Jobs> jobs;
    std::optional<no_void<type>> value;
  };

  completions_state(Jobs all, gather_options chosen)
      : jobs(std::make_shared<Jobs>(std::move(all))), options(std::move(chosen)) {}

  std::shared_ptr<Jobs> jobs;
  gather_options options;
  std::size_t started = 0;
  std::shared_ptr<task_group> group;
  std::map<std::size_t, result_ptr<type>> values;  // of those that run, or wait to be taken
  std::deque<task_group::ended_task> ended;
  bool closed = false;  // nothing more is to be started

  /// Starts as many as may run.
  void start(const asio::any_io_executor& executor) {
    // What has ended and nobody has taken counts: it takes memory too.
    while (!closed && group->running() + ended.size() < options.concurrency) {
      closed = true;  // so that it stays where this throws
      std::optional<awaitable<type>> job = jobs->next(executor, *group);
      if (!job) {
        closed = !jobs->pending(false);
        return;
      }
      if (options.on_start) options.on_start(started);
      const auto both = std::make_shared<cell>(jobs);
      result_ptr<type> result(both, &both->value);
      values.emplace(started, result);
      group->start(started, store<type>(std::move(*job), result), true);
      ++started;
      closed = false;
    }
  }
};

}  // namespace detail

/// What as_completed gives: results in the order in which they come. Movable. Destroying it cancels
/// those that still run; close() waits for them as well.
template <class Jobs, bool Outcomes>
class completions {
  using state = detail::completions_state<Jobs, Outcomes>;

 public:
  /// What next() gives.
  using value_type = indexed<typename state::value_type>;

  /// @private For the library's own use.
  completions(Jobs jobs, detail::gather_options options)
      : state_(std::make_shared<state>(std::move(jobs), std::move(options))) {}
  /// What has been moved from may only be destroyed, or assigned to.
  completions(completions&&) noexcept = default;
  /// The two change places.
  completions& operator=(completions&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  /// Cancels those that still run; they end by themselves.
  ~completions() {
    if (!state_) return;
    state_->closed = true;
    state_->jobs->pending(true);
    if (state_->group) state_->group->cancel();
  }

  /// The next result to come; nothing when all have been given.
  /// @throws what that one throws, where exceptions are not returned; the others go on, and next()
  /// may be called again
  /// @cancellation All types; throws `cancelled_error`; the others go on, and nothing is lost.
  awaitable<std::optional<value_type>> next() { return next(state_); }

  /// Cancels what still runs, and waits until it has ended.
  /// @cancellation None.
  awaitable<void> close() { return close(state_); }

 private:
  static awaitable<std::optional<value_type>> next(std::shared_ptr<state> results) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    if (!results->group) results->group = std::make_shared<detail::task_group>(executor, true);
    if (results->group->context_has_gone()) detail::throw_context_gone();
    for (;;) {
      for (auto& task : results->group->take_ended()) results->ended.push_back(std::move(task));
      results->start(executor);
      if (!results->ended.empty()) break;
      if (results->group->running() == 0 && results->closed) co_return std::nullopt;
      const error_code failure = co_await results->group->wait();
      if (failure) throw cancelled_error("as_completed");
    }
    const detail::task_group::ended_task task = std::move(results->ended.front());
    results->ended.pop_front();
    const auto result = std::move(results->values.extract(task.index).mapped());
    if (task.failure && !Outcomes) std::rethrow_exception(task.failure);
    co_return value_type(task.index,
                         detail::result_of<typename state::type, Outcomes>(result, task.failure));
  }

  static awaitable<void> close(std::shared_ptr<state> results) {
    results->closed = true;
    if (!results->group) co_return;
    std::function<void()> forget = [&results = *results] {
      results.ended.clear();
      results.values.clear();
    };
    std::function<bool(bool)> pending = [&results = *results](bool stop) {
      return results.jobs->pending(stop);
    };
    co_await detail::cancel_tasks(results->group, std::move(forget), std::move(pending));
  }

  std::shared_ptr<state> state_;
};

/// Runs a range of awaitables, or of commands (then each is captured), beside each other, and gives
/// each result when it comes:
///
///     auto results = as_completed(commands, concurrency = 8);
///     while (auto done = co_await results.next()) use(done->index, done->value);
///
/// A new one is started within next(), when another has ended: what is never asked for is never
/// started, and a range of a million costs the memory of `concurrency` of them. Keywords as for
/// gather, but for on_done.
/// @threads A range given as an lvalue must live as long as the result, which belongs
/// to one coroutine. Each job runs on a strand of its own, as for gather.
/// @source asyncio.as_completed
/// @shown{as_they_come.cpp}
template <std::ranges::input_range Range, class... Keywords>
  requires detail::is_awaitable<std::ranges::range_value_t<Range>>
auto as_completed(Range&& range, const Keywords&... keywords) {
  static_assert((detail::gather_setting<Keywords> && ...) && !(detail::is_on_done<Keywords> || ...),
                "coproc: after a range of awaitables as_completed takes only concurrency, "
                "return_exceptions and on_start");
  using jobs = detail::range_jobs<Range>;
  return completions<jobs, detail::wants_outcomes<Keywords...>>(
      jobs(std::forward<Range>(range)), detail::gather_options_of(keywords...));
}

/// The same for a range of commands: each is captured, as many at once as there are processors
/// where `concurrency` does not say otherwise. Keywords of commands apply to each.
template <std::ranges::input_range Range, class... Keywords>
  requires std::same_as<std::ranges::range_value_t<Range>, command>
auto as_completed(Range&& range, const Keywords&... keywords) {
  static_assert(!(detail::is_on_done<Keywords> || ...),
                "coproc: on_done is for gather; as_completed gives each as it comes");
  auto all = detail::captures_of<Range>(std::forward<Range>(range), keywords...);
  using jobs = detail::range_jobs<decltype(all)>;
  return completions<jobs, detail::wants_outcomes<Keywords...>>(
      jobs(std::move(all)),
      detail::gather_options_of(concurrency = detail::default_concurrency(), keywords...));
}

/// The same for a source of commands, see gather.
template <class Source, class... Keywords>
  requires detail::gives_commands<Source>
auto as_completed(Source&& source, const Keywords&... keywords) {
  static_assert(!(detail::is_on_done<Keywords> || ...),
                "coproc: on_done is for gather; as_completed gives each as it comes");
  auto jobs = detail::awaited_captures(std::forward<Source>(source), keywords...);
  return completions<decltype(jobs), detail::wants_outcomes<Keywords...>>(
      std::move(jobs),
      detail::gather_options_of(concurrency = detail::default_concurrency(), keywords...));
}

}  // namespace coproc
