// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The templates of gather: they know the types of the results, and leave all else to task_group.

#include <concepts>
#include <coproc/detail/keywords/setting.hpp>
#include <coproc/detail/task/task_group.hpp>
#include <ranges>
#include <stdexcept>
#include <tuple>

namespace coproc::detail {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T>
inline constexpr bool is_awaitable<awaitable<T>> = true;

template <class Awaitable>
struct value_of;
template <class T>
struct value_of<awaitable<T>> {
  using type = T;
};

// ---- the keywords ----

template <class T>
concept gather_setting = setting_of<T, gather_options>;

class concurrency_keyword {
 public:
  constexpr concurrency_keyword() = default;
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  auto operator=(Number at_once) const {
    if (at_once < 1) throw std::invalid_argument("coproc: concurrency must be at least 1");
    return make_setting<gather_options>([number = static_cast<std::size_t>(at_once)](
                                            auto& options) { options.concurrency = number; });
  }
};

/// A named class, since the mere presence of this keyword decides what gather returns.
class set_return_exceptions {
 public:
  explicit set_return_exceptions(bool value) : value_(value) {}
  void operator()(gather_options& options) const { options.return_exceptions = value_; }

 private:
  bool value_;
};
class return_exceptions_keyword {
 public:
  constexpr return_exceptions_keyword() = default;
  template <std::same_as<bool> Yes>
  auto operator=(Yes yes) const {
    return make_setting<gather_options>(set_return_exceptions(yes));
  }
};
template <class... Arguments>
inline constexpr bool wants_outcomes =
    (std::same_as<std::remove_cvref_t<Arguments>, setting<gather_options, set_return_exceptions>> ||
     ...);

/// Called when a task has ended: with its index and its result, if it has one.
template <class Callable>
class set_on_done {
 public:
  explicit set_on_done(Callable called) : callable(std::move(called)) {}
  void operator()(gather_options&) const {}
  Callable callable;
};
class on_done_keyword {
 public:
  constexpr on_done_keyword() = default;
  template <class Callable>
  auto operator=(Callable&& callable) const {
    return make_setting<gather_options>(
        set_on_done<std::remove_cvref_t<Callable>>(std::forward<Callable>(callable)));
  }
};
template <class T>
inline constexpr bool is_on_done = false;
template <class Callable>
inline constexpr bool is_on_done<setting<gather_options, set_on_done<Callable>>> = true;

/// Called when a task is started, with its index.
class set_on_start {
 public:
  explicit set_on_start(std::function<void(std::size_t)> called) : called_(std::move(called)) {}
  void operator()(gather_options& options) const { options.on_start = called_; }

 private:
  std::function<void(std::size_t)> called_;
};
class on_start_keyword {
 public:
  constexpr on_start_keyword() = default;
  template <class Callable>
  auto operator=(Callable&& callable) const {
    static_assert(std::invocable<Callable&, std::size_t>,
                  "coproc: on_start takes a callable that takes an index");
    return make_setting<gather_options>(set_on_start(std::forward<Callable>(callable)));
  }
};
template <class T>
inline constexpr bool is_on_start = std::same_as<T, setting<gather_options, set_on_start>>;

class no_on_done {};
inline no_on_done find_on_done() { return no_on_done(); }
template <class First, class... Rest>
auto find_on_done(const First& first, const Rest&... rest) {
  if constexpr (is_on_done<First>) return first.change().callable;
  else return find_on_done(rest...);
}

/// What the keywords among the arguments say that are gather's own.
template <class... Arguments>
gather_options gather_options_of(const Arguments&... arguments) {
  gather_options options;
  apply_settings(options, arguments...);
  return options;
}

// ---- results ----

template <class T, bool Outcomes>
auto result_of(const result_ptr<T>& result, const std::exception_ptr& failure) {
  if constexpr (Outcomes) return failure ? outcome<T>(failure) : outcome<T>(std::move(*result));
  else return std::move(**result);
}

/// Tells @p on_done of an end.
template <class T, bool Outcomes, class OnDone>
void tell(OnDone& on_done, std::size_t index, std::optional<no_void<T>>& result,
          const std::exception_ptr& failure) {
  const auto call = [&](const auto&... values) {
    constexpr bool fits = std::invocable<OnDone&, decltype(values)...>;
    static_assert(fits,
                  "coproc: on_done takes a callable that takes an index and the result, a const T& "
                  "or with return_exceptions a const outcome<T>&; of void the index alone");
    if constexpr (fits) {
      static_assert(!is_awaitable<std::invoke_result_t<OnDone&, decltype(values)...>>,
                    "coproc: on_done is called, not awaited: it must not be a coroutine");
      on_done(values...);
    }
  };
  if constexpr (std::same_as<OnDone, no_on_done>) {
  } else if constexpr (Outcomes) {
    outcome<T> told = failure ? outcome<T>(failure) : outcome<T>(std::move(result));
    call(index, told);
    // NOLINTNEXTLINE(bugprone-use-after-move): it gets what was moved from it
    if (!failure) result.emplace(std::move(told).value());
  } else if constexpr (std::is_void_v<T>) {
    call(index);
  } else {
    call(index, *result);
  }
}

// ---- a tuple of awaitables ----

template <bool Outcomes, class... T>
auto gather_tuple(gather_options options, awaitable<T>... tasks) -> awaitable<std::conditional_t<
    Outcomes, std::tuple<outcome<T>...>,
    std::conditional_t<(std::is_void_v<T> && ...), void, std::tuple<no_void<T>...>>>> {
  const std::tuple<result_ptr<T>...> results(std::make_shared<std::optional<no_void<T>>>()...);
  std::vector<awaitable<void>> waiting;
  std::apply([&](auto... result) { (waiting.push_back(store<T>(std::move(tasks), result)), ...); },
             results);
  std::exception_ptr failures[sizeof...(T)];
  std::function start_next = [&](task_group& group, std::size_t index) {
    if (index == sizeof...(T)) return next_task::none;
    group.start(index, std::move(waiting[index]), true);
    return next_task::started;
  };
  std::function ended = [&](const task_group::ended_task& task) {
    failures[task.index] = task.failure;
  };
  std::function forget = [&] {
    std::apply([](auto&... result) { (result->reset(), ...); }, results);
  };
  co_await gather_tasks("gather", options, std::move(start_next), std::move(ended),
                        std::move(forget), nullptr);
  const auto collect = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(result_of<T, Outcomes>(std::get<I>(results), failures[I])...);
  };
  if constexpr (Outcomes || !(std::is_void_v<T> && ...))
    co_return collect(std::index_sequence_for<T...>());
}

/// Sorts awaitables from keywords, which may stand anywhere.
template <class... Arguments>
auto gather_each(Arguments&&... arguments) {
  static_assert(((is_awaitable<std::remove_cvref_t<Arguments>> ||
                  gather_setting<std::remove_cvref_t<Arguments>>)&&...),
                "coproc: gather takes awaitables, or one range of awaitables or commands, and its "
                "keywords");
  static_assert(!((is_on_done<std::remove_cvref_t<Arguments>> ||
                   is_on_start<std::remove_cvref_t<Arguments>>) ||
                  ...),
                "coproc: on_start and on_done are for gather over a range");
  const gather_options options = gather_options_of(arguments...);
  const auto only_awaitables = []<class A>(A&& argument) {
    if constexpr (is_awaitable<std::remove_cvref_t<A>>)
      // A named awaitable is moved from as well.
      // NOLINTNEXTLINE(bugprone-move-forwarding-reference)
      return std::tuple<std::remove_cvref_t<A>>(std::move(argument));
    else return std::tuple<>();
  };
  return std::apply(
      [&](auto... tasks) {
        return gather_tuple<wants_outcomes<Arguments...>>(options, std::move(tasks)...);
      },
      std::tuple_cat(only_awaitables(std::forward<Arguments>(arguments))...));
}

// ---- a range of awaitables, or a source of what they are made of ----

/// The jobs of a range, in its order.
template <class Range>
class range_jobs {
 public:
  using type = typename value_of<std::ranges::range_value_t<Range>>::type;
  explicit range_jobs(Range&& range) : range_(std::forward<Range>(range)) {}

  /// The next job; nothing where there is none, or not yet.
  std::optional<awaitable<type>> next(const asio::any_io_executor&, const task_group&) {
    if (!at_) at_.emplace(std::ranges::begin(range_));
    else if (*at_ != std::ranges::end(range_)) ++*at_;  // not before: it may make the next one
    if (*at_ == std::ranges::end(range_)) return std::nullopt;
    return awaitable<type>(std::ranges::iter_move(*at_));
  }
  /// Whether there may be one later. With @p stop that is given up.
  bool pending(bool) { return false; }

 private:
  Range range_;
  std::optional<std::ranges::iterator_t<Range>> at_;
};

/// The jobs that are made of what a callable gives that is awaited, one call after the other.
template <class Item, class Make>
class awaited_jobs {
 public:
  using type = typename value_of<std::invoke_result_t<Make&, Item>>::type;
  using source = std::function<awaitable<std::optional<Item>>()>;
  awaited_jobs(source items, Make make)
      : source_(std::make_shared<source>(std::move(items))), make_(std::move(make)) {}

  /// @param executor of the coroutine that gathers, where the source is called
  std::optional<awaitable<type>> next(const asio::any_io_executor& executor,
                                      const task_group& jobs) {
    if (ended_) return std::nullopt;
    if (!asking_) asking_ = std::make_shared<task_group>(executor, jobs.wake(), 2);
    for (const task_group::ended_task& call : asking_->take_ended()) {
      ended_ = call.failure || !**item_;
      if (call.failure) std::rethrow_exception(call.failure);
      if (ended_) return std::nullopt;
      return make_(std::move(***item_));
    }
    if (asking_->running() > 0) return std::nullopt;
    item_ = std::make_shared<std::optional<std::optional<Item>>>();
    asking_->start(0, store<std::optional<Item>>(call_kept(source_), item_));
    return std::nullopt;
  }
  bool pending(bool stop) {
    if (!asking_ || ended_) return false;
    stopped_ = stopped_ || stop;
    if (stop) asking_->cancel();
    if (stopped_) asking_->take_ended();
    return !stopped_ || asking_->running() > 0;
  }

 private:
  std::shared_ptr<source> source_;
  Make make_;
  std::shared_ptr<task_group> asking_;
  result_ptr<std::optional<Item>> item_;
  bool ended_ = false, stopped_ = false;
};

template <class Jobs>
using job_value = typename Jobs::type;

template <class Jobs, bool Outcomes, class OnDone>
auto gather_all(Jobs jobs, gather_options options, OnDone on_done)
    -> awaitable<std::conditional_t<Outcomes, std::vector<outcome<job_value<Jobs>>>,
                                    std::conditional_t<std::is_void_v<job_value<Jobs>>, void,
                                                       std::vector<no_void<job_value<Jobs>>>>>> {
  using T = job_value<Jobs>;
  constexpr bool tells = !std::same_as<OnDone, no_on_done>;
  constexpr bool keeps = Outcomes || tells || !std::is_void_v<T>;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::vector<result_ptr<T>> results;
  std::vector<std::exception_ptr> failures;
  std::function start_next = [&](task_group& group, std::size_t index) {
    std::optional<awaitable<T>> job = jobs.next(executor, group);
    if (!job) return jobs.pending(false) ? next_task::later : next_task::none;
    if (options.on_start) options.on_start(index);
    const auto result = std::make_shared<std::optional<no_void<T>>>();
    if constexpr (keeps) results.push_back(result);
    if constexpr (Outcomes) failures.emplace_back();
    group.start(index, store<T>(std::move(*job), result), true);
    return next_task::started;
  };
  std::function ended = [&](const task_group::ended_task& task) {
    if constexpr (tells) tell<T, Outcomes>(on_done, task.index, *results[task.index], task.failure);
    if constexpr (Outcomes) failures[task.index] = task.failure;
  };
  std::function forget = [&] { results.clear(); };
  std::function pending = [&](bool stop) { return jobs.pending(stop); };
  co_await gather_tasks("gather", options, std::move(start_next), std::move(ended),
                        std::move(forget), std::move(pending));
  if constexpr (Outcomes || !std::is_void_v<T>) {
    std::vector<decltype(result_of<T, Outcomes>(results[0], nullptr))> values;
    values.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i)
      values.push_back(
          result_of<T, Outcomes>(results[i], Outcomes ? failures[i] : std::exception_ptr()));
    co_return values;
  }
}

template <class Jobs, class... Keywords>
auto gather_jobs(Jobs jobs, const Keywords&... keywords) {
  return gather_all<Jobs, wants_outcomes<Keywords...>>(
      std::move(jobs), gather_options_of(keywords...), find_on_done(keywords...));
}

}  // namespace coproc::detail
