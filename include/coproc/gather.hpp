// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/task/gather.hpp>

namespace coproc {

class command;

namespace detail {

/// A callable that gives commands, each when it is awaited; nothing at the end.
template <class T>
concept gives_commands = requires(std::remove_cvref_t<T>& call) {
  { call() } -> std::same_as<awaitable<std::optional<command>>>;
};

template <class T>
concept range_of_jobs = std::ranges::input_range<T> &&
    (is_awaitable<std::ranges::range_value_t<T>> ||
     std::same_as<std::ranges::range_value_t<T>, command>);

}  // namespace detail

namespace keywords {
/// For gather: how many run at once, at least 1; all of them by default.
inline constexpr detail::concurrency_keyword concurrency;
/// For gather: `return_exceptions = true` gives each result as an `outcome`, a value or an
/// exception; a failure then cancels nobody. (asyncio's keyword)
inline constexpr detail::return_exceptions_keyword return_exceptions;
/// For gather over a range: `on_done = callable` is called as each ends, with its index and
/// `const T&` (nothing more for void), or `const outcome<T>&` with return_exceptions, by the
/// coroutine that gathers. If it throws, the others are cancelled and that is rethrown.
inline constexpr detail::on_done_keyword on_done;
/// For gather over a range: `on_start = callable` is called as each is started, with its index, by
/// the coroutine that gathers.
inline constexpr detail::on_start_keyword on_start;
}  // namespace keywords
using namespace keywords;

/// Runs awaitables beside each other and waits for all: `auto [a, b] = co_await gather(f(), g());`
///
/// The first that fails cancels the others (terminal cancellation); when all have ended, and the
/// children that they left have been reaped, its exception is rethrown. No coroutine outlives its
/// gather.
/// @return a tuple of the results, `std::monostate` for void; nothing if all are void. With
/// `return_exceptions = true` a tuple of `outcome`.
/// @cancellation All types: cancels all, waits for them, then throws `cancelled_error`.
/// @threads Each runs on a strand of its own over the executor of the caller (but for
/// within run() on one thread, where none is needed), so on a pool of threads they run in parallel:
/// what they share needs a guard.
/// @source asyncio.gather. Where we differ: a failure cancels the others and they are waited
/// for, as asyncio.TaskGroup does.
/// @shown{two_at_once.cpp}
template <class First, class... Rest>
  requires detail::is_awaitable<std::remove_cvref_t<First>>
auto gather(First&& first, Rest&&... rest) {
  return detail::gather_each(std::forward<First>(first), std::forward<Rest>(rest)...);
}

/// The same for a range of awaitables, in the order of the range, into a vector. A lazy range (a
/// view that makes awaitables) is advanced only when one may start, so with `concurrency = n` no
/// more than n coroutines exist at once.
/// @lifetime A range given as an lvalue must live until the end; its awaitables are moved from.
template <std::ranges::input_range Range, class... Keywords>
  requires detail::is_awaitable<std::ranges::range_value_t<Range>>
auto gather(Range&& range, Keywords&&... keywords) {
  static_assert((detail::gather_setting<std::remove_cvref_t<Keywords>> && ...),
                "coproc: after a range of awaitables gather takes only concurrency, "
                "return_exceptions, on_start and on_done");
  return detail::gather_jobs(detail::range_jobs<Range>(std::forward<Range>(range)), keywords...);
}

/// @private None of them: answered by a sentence.
template <class First, class... Rest>
  requires(!detail::is_awaitable<std::remove_cvref_t<First>> && !detail::range_of_jobs<First> &&
           !detail::gives_commands<First>)
awaitable<void> gather(First&&, Rest&&...) {
  static_assert(!std::same_as<std::remove_cvref_t<First>, command>,
                "coproc: gather takes commands as a range, or what captures them: "
                "gather(capture(a), capture(b))");
  static_assert(std::same_as<std::remove_cvref_t<First>, command>,
                "coproc: gather takes awaitables, or one range of awaitables or commands, and its "
                "keywords");
  return awaitable<void>();
}

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/task_group.ipp>
#endif
