// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <coproc/detail/keywords/options.hpp>
#include <coproc/detail/task/task_group.hpp>
#include <coproc/error.hpp>

namespace coproc {
namespace detail {

template <class T>
awaitable<T> wait_for(awaitable<T> operation, std::chrono::nanoseconds limit) {
  const auto result = std::make_shared<std::optional<no_void<T>>>();
  co_await wait_for_task(store<T>(std::move(operation), result), limit);
  if constexpr (!std::is_void_v<T>) co_return std::move(**result);
}

}  // namespace detail

/// Gives an operation a bound on its time: `co_await wait_for(process.communicate(), 5s)`.
/// @param operation any awaitable
/// @param at_most how long it may take, any std::chrono duration
/// @return what the awaitable returns; also where it is done in the very moment of the timeout
/// @throws timeout_error when time has run out, after @p operation was cancelled (terminal) and has
/// ended; for communicate and capture with the output so far in out() and err()
/// @cancellation All types: passed on to @p operation, which is waited for; throws what that
/// throws.
/// @source asyncio.wait_for
/// @shown{follow_log.cpp}
template <class T, class Rep, class Period>
awaitable<T> wait_for(awaitable<T> operation, std::chrono::duration<Rep, Period> at_most) {
  return detail::wait_for(std::move(operation), detail::to_nanoseconds(at_most));
}

/// @private Answered by a sentence.
template <class T, class Number>
  requires std::is_arithmetic_v<Number> awaitable<T> wait_for(awaitable<T> operation, Number) {
    detail::refuse_as_time<Number>();
    return operation;
  }

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/task_group.ipp>
#endif
