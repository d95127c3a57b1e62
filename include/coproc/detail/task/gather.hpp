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
  auto operator=(bool yes) const {
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
    static_assert(!is_awaitable<decltype(on_done(values...))>,
                  "coproc: on_done is called, not awaited: it must not be a coroutine");
    on_done(values...);
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
    group.start(index, std::move(waiting[index]), true);
    return index + 1 < sizeof...(T);
  };
  std::function ended = [&](const task_group::ended_task& task) {
    failures[task.index] = task.failure;
  };
  std::function forget = [&] {
    std::apply([](auto&... result) { (result->reset(), ...); }, results);
  };
  co_await gather_tasks("gather", options, std::move(start_next), std::move(ended),
                        std::move(forget));
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
                "coproc: gather takes awaitables, or one range of awaitables, and keywords");
  static_assert(!(is_on_done<std::remove_cvref_t<Arguments>> || ...),
                "coproc: on_done is for gather over a range");
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

// ---- a range of awaitables ----

template <class Range>
using task_value = typename value_of<std::ranges::range_value_t<Range>>::type;

template <class Range, bool Outcomes, class OnDone>
auto gather_all(Range range, gather_options options, OnDone on_done)
    -> awaitable<std::conditional_t<Outcomes, std::vector<outcome<task_value<Range>>>,
                                    std::conditional_t<std::is_void_v<task_value<Range>>, void,
                                                       std::vector<no_void<task_value<Range>>>>>> {
  using T = task_value<Range>;
  constexpr bool tells = !std::same_as<OnDone, no_on_done>;
  constexpr bool keeps = Outcomes || tells || !std::is_void_v<T>;
  std::vector<result_ptr<T>> results;
  std::vector<std::exception_ptr> failures;
  auto next = std::ranges::begin(range);
  std::function start_next = [&](task_group& group, std::size_t index) {
    if (index > 0) ++next;  // not before its turn: it may be what makes the next one
    if (next == std::ranges::end(range)) return false;
    const auto result = std::make_shared<std::optional<no_void<T>>>();
    if constexpr (keeps) results.push_back(result);
    if constexpr (Outcomes) failures.emplace_back();
    group.start(index, store<T>(awaitable<T>(std::ranges::iter_move(next)), result), true);
    return true;
  };
  std::function ended = [&](const task_group::ended_task& task) {
    if constexpr (tells) tell<T, Outcomes>(on_done, task.index, *results[task.index], task.failure);
    if constexpr (Outcomes) failures[task.index] = task.failure;
  };
  std::function forget = [&] { results.clear(); };
  co_await gather_tasks("gather", options, std::move(start_next), std::move(ended),
                        std::move(forget));
  if constexpr (Outcomes || !std::is_void_v<T>) {
    std::vector<decltype(result_of<T, Outcomes>(results[0], nullptr))> values;
    values.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i)
      values.push_back(
          result_of<T, Outcomes>(results[i], Outcomes ? failures[i] : std::exception_ptr()));
    co_return values;
  }
}

template <class Range, class... Keywords>
auto gather_range(Range&& range, const Keywords&... keywords) {
  return gather_all<Range, wants_outcomes<Keywords...>>(
      std::forward<Range>(range), gather_options_of(keywords...), find_on_done(keywords...));
}

}  // namespace coproc::detail
