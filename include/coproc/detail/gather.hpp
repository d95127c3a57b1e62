// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/crew.hpp>
#include <coproc/error.hpp>
#include <ranges>
#include <tuple>

namespace coproc {

/// A result, or the exception that came in its place.
template <class T>
class outcome {
 public:
  explicit outcome(std::exception_ptr failure) : failure_(std::move(failure)) {}
  explicit outcome(std::optional<detail::no_void<T>> value) : value_(std::move(value)) {}

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  /// Null where there is a value.
  const std::exception_ptr& exception() const noexcept { return failure_; }

  /// @throws the exception, where there is one
  decltype(auto) value() & {
    check();
    return *value_;
  }
  decltype(auto) value() const& {
    check();
    return *value_;
  }
  decltype(auto) value() && {
    check();
    return std::move(*value_);
  }
  decltype(auto) operator*() & { return value(); }
  decltype(auto) operator*() const& { return value(); }
  auto* operator->() { return &value(); }

 private:
  void check() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  std::optional<detail::no_void<T>> value_;
  std::exception_ptr failure_;
};

namespace detail {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T>
inline constexpr bool is_awaitable<awaitable<T>> = true;

class gather_options {
 public:
  std::size_t concurrency = static_cast<std::size_t>(-1);
  bool return_exceptions = false;
  bool parallel = true;
};

class concurrency_setting {
 public:
  explicit concurrency_setting(std::size_t value) : value_(value) {
    if (value == 0) throw std::invalid_argument("coproc: concurrency must be at least 1");
  }
  void apply(gather_options& all) const { all.concurrency = value_; }

 private:
  std::size_t value_;
};
class concurrency_keyword {
 public:
  constexpr concurrency_keyword() = default;
  template <std::integral Number>
  auto operator=(Number at_once) const {
    return concurrency_setting(at_once < 1 ? 0 : static_cast<std::size_t>(at_once));
  }
};

class return_exceptions_setting {
 public:
  explicit return_exceptions_setting(bool value) : value_(value) {}
  void apply(gather_options& all) const { all.return_exceptions = value_; }

 private:
  bool value_;
};
class return_exceptions_keyword {
 public:
  constexpr return_exceptions_keyword() = default;
  auto operator=(bool yes) const { return return_exceptions_setting(yes); }
};

/// Called when one has ended: with its index and its result, if it has one.
template <class Callable>
class on_done_setting {
 public:
  explicit on_done_setting(Callable callable) : call(std::move(callable)) {}
  void apply(gather_options&) const {}
  Callable call;
};
class on_done_keyword {
 public:
  constexpr on_done_keyword() = default;
  template <class Callable>
  auto operator=(Callable&& callable) const {
    return on_done_setting<std::remove_cvref_t<Callable>>(std::forward<Callable>(callable));
  }
};
template <class T>
inline constexpr bool is_on_done = false;
template <class Callable>
inline constexpr bool is_on_done<on_done_setting<Callable>> = true;

class nobody {};
inline nobody find_on_done() { return nobody(); }
template <class First, class... Rest>
auto find_on_done(const First& first, const Rest&... rest) {
  if constexpr (is_on_done<First>) return first.call;
  else return find_on_done(rest...);
}

template <class T>
concept gather_setting = requires(const T& value, gather_options& all) { value.apply(all); };

template <class... Arguments>
inline constexpr bool wants_outcomes =
    (std::same_as<std::remove_cvref_t<Arguments>, return_exceptions_setting> || ...);

template <class T>
using slot = std::shared_ptr<std::optional<no_void<T>>>;

/// Runs what @p start_next starts, until it says that there is nothing more and all have ended.
/// @param start_next (crew, index) -> whether there was one to start
/// @param keep (index, exception) is told of each end; of failures only where they are returned
/// @param drop () forgets the results there are, processes perhaps, since there will be an exception
template <class StartNext, class Keep, class Drop>
awaitable<void> run_crew(const char* name, gather_options how, StartNext& start_next, Keep& keep,
                         Drop& drop) {
  const auto executor = co_await asio::this_coro::executor;
  const auto all = std::make_shared<crew>(executor, how.parallel);
  shield against_cancellation;
  co_await against_cancellation.up();
  // A clean-up, say, may itself run in a coroutine that has been cancelled.
  const auto state = co_await asio::this_coro::cancellation_state;
  const cancellation_watch cancellation(state);
  std::exception_ptr failure;
  bool cancelled = false, more = true;
  for (std::size_t index = 0;;) {
    while (more && !failure && !cancelled && all->alive() < how.concurrency) {
      try {
        more = start_next(*all, index);
        ++index;
      } catch (...) {  // the range itself has thrown
        failure = std::current_exception();
        all->cancel();
      }
    }
    if (all->alive() == 0) break;
    const error_code interrupted = co_await all->wait();
    // A second cancellation is passed on as well: it may mean more than the first.
    const bool first = cancellation.hit() && !cancelled;
    if (interrupted || first) cancelled = true, all->cancel();
    for (auto& [number, why] : all->take_ended()) {
      std::exception_ptr fatal = how.return_exceptions ? nullptr : why;
      try {
        if (!fatal && !failure && !cancelled) keep(number, why);
      } catch (...) {  // on_done has thrown
        fatal = std::current_exception();
      }
      if (fatal && !failure) {
        failure = fatal;
        all->cancel();
      }
    }
  }
  if (cancelled || failure) drop();
  co_await all->clean();
  co_await against_cancellation.down();
  if (cancelled) throw cancelled_error(name);
  if (failure) std::rethrow_exception(failure);
}

template <class T, bool Outcomes>
auto result_of(const slot<T>& result, const std::exception_ptr& failure) {
  if constexpr (Outcomes)
    return failure ? outcome<T>(failure) : outcome<T>(std::move(*result));
  else return std::move(**result);
}

/// Tells @p on_done of an end.
template <class T, bool Outcomes, class OnDone>
void tell(OnDone& on_done, std::size_t index, std::optional<no_void<T>>& result,
          const std::exception_ptr& failure) {
  const auto call = [&](const auto&... what) {
    static_assert(!is_awaitable<decltype(on_done(what...))>,
                  "coproc: on_done is called, not awaited: it must not be a coroutine");
    on_done(what...);
  };
  if constexpr (std::same_as<OnDone, nobody>) {
  } else if constexpr (Outcomes) {
    outcome<T> one = failure ? outcome<T>(failure) : outcome<T>(std::move(result));
    call(index, one);
    if (!failure) result.emplace(std::move(one).value());
  } else if constexpr (std::is_void_v<T>) {
    call(index);
  } else {
    call(index, *result);
  }
}

template <bool Outcomes, class... T>
auto gather_tuple(gather_options how, awaitable<T>... jobs)
    -> awaitable<std::conditional_t<
        Outcomes, std::tuple<outcome<T>...>,
        std::conditional_t<(std::is_void_v<T> && ...), void, std::tuple<no_void<T>...>>>> {
  std::tuple<awaitable<T>...> waiting(std::move(jobs)...);
  std::tuple<slot<T>...> results(std::make_shared<std::optional<no_void<T>>>()...);
  std::exception_ptr failures[sizeof...(T)];
  auto start_next = [&](crew& all, std::size_t index) {
    const auto start = [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((I == index ? all.template start<T>(I, std::move(std::get<I>(waiting)), std::get<I>(results),
                                           true)
                   : void()),
       ...);
    };
    start(std::index_sequence_for<T...>());
    return index + 1 < sizeof...(T);
  };
  auto keep = [&](std::size_t index, const std::exception_ptr& why) { failures[index] = why; };
  auto drop = [&] { std::apply([](auto&... result) { (result.reset(), ...); }, results); };
  co_await run_crew("gather", how, start_next, keep, drop);
  const auto collect = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(result_of<T, Outcomes>(std::get<I>(results), failures[I])...);
  };
  if constexpr (Outcomes || !(std::is_void_v<T> && ...))
    co_return collect(std::index_sequence_for<T...>());
}

/// Sorts awaitables from keywords, which may stand anywhere.
template <class... Arguments>
auto gather_each(Arguments&&... arguments) {
  gather_options how;
  const auto read = [&]<class A>(const A& argument) {
    static_assert(is_awaitable<A> || gather_setting<A>,
                  "coproc: gather takes awaitables, or one range of awaitables, and keywords");
    static_assert(!is_on_done<A>, "coproc: on_done is for gather over a range");
    if constexpr (gather_setting<A>) argument.apply(how);
  };
  (read(arguments), ...);
  const auto only_jobs = []<class A>(A&& argument) {
    if constexpr (is_awaitable<std::remove_cvref_t<A>>)
      return std::tuple<std::remove_cvref_t<A>>(std::move(argument));
    else return std::tuple<>();
  };
  return std::apply(
      [&](auto... jobs) {
        return gather_tuple<wants_outcomes<Arguments...>>(how, std::move(jobs)...);
      },
      std::tuple_cat(only_jobs(std::forward<Arguments>(arguments))...));
}

template <class Awaitable>
struct value_of;
template <class T>
struct value_of<awaitable<T>> {
  using type = T;
};

template <class Range, bool Outcomes, class OnDone>
auto gather_all(Range range, gather_options how, OnDone on_done)
    -> awaitable<std::conditional_t<
        Outcomes, std::vector<outcome<typename value_of<std::ranges::range_value_t<Range>>::type>>,
        std::conditional_t<
            std::is_void_v<typename value_of<std::ranges::range_value_t<Range>>::type>, void,
            std::vector<no_void<typename value_of<std::ranges::range_value_t<Range>>::type>>>>> {
  using T = typename value_of<std::ranges::range_value_t<Range>>::type;
  constexpr bool tells = !std::same_as<OnDone, nobody>;
  constexpr bool keeps = Outcomes || tells || !std::is_void_v<T>;
  std::vector<slot<T>> results;
  std::vector<std::exception_ptr> failures;
  const slot<T> nowhere = std::make_shared<std::optional<no_void<T>>>();
  auto next = std::ranges::begin(range);
  auto start_next = [&](crew& all, std::size_t index) {
    if (index > 0) ++next;  // not before its turn: it may be what makes the next one
    if (next == std::ranges::end(range)) return false;
    slot<T> result = std::make_shared<std::optional<no_void<T>>>();
    if constexpr (keeps) results.push_back(result);
    if constexpr (Outcomes) failures.emplace_back();
    all.template start<T>(index, awaitable<T>(std::ranges::iter_move(next)), std::move(result),
                          true);
    return true;
  };
  auto keep = [&](std::size_t index, const std::exception_ptr& why) {
    if constexpr (tells) tell<T, Outcomes>(on_done, index, *results[index], why);
    if constexpr (Outcomes) failures[index] = why;
  };
  auto drop = [&] { results.clear(); };
  co_await run_crew("gather", how, start_next, keep, drop);
  if constexpr (Outcomes || !std::is_void_v<T>) {
    std::vector<decltype(result_of<T, Outcomes>(nowhere, nullptr))> values;
    values.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i)
      values.push_back(
          result_of<T, Outcomes>(results[i], Outcomes ? failures[i] : std::exception_ptr()));
    co_return values;
  }
}

/// What the keywords among @p keywords say that are gather's own.
template <class... Keywords>
gather_options gather_options_of(const Keywords&... keywords) {
  gather_options how;
  [[maybe_unused]] const auto read = [&]<class K>(const K& keyword) {
    if constexpr (gather_setting<K>) keyword.apply(how);
  };
  (read(keywords), ...);
  return how;
}

template <class Range, class... Keywords>
auto gather_range(Range&& range, const Keywords&... keywords) {
  return gather_all<Range, wants_outcomes<Keywords...>>(
      std::forward<Range>(range), gather_options_of(keywords...), find_on_done(keywords...));
}

}  // namespace detail
}  // namespace coproc
