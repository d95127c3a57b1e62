// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <coproc/detail/crew.hpp>
#include <coproc/detail/options.hpp>
#include <coproc/error.hpp>
#include <sstream>

namespace coproc {
namespace detail {

inline std::string in_seconds(std::chrono::nanoseconds time) {
  std::ostringstream text;
  text << std::chrono::duration<double>(time).count() << " s";
  return text.str();
}

/// Where a cancellation for lack of time is the cause, makes it a timeout_error that has what the
/// operation had gathered; anything else is rethrown as it is.
[[noreturn]] inline void throw_timeout(const std::exception_ptr& why,
                                       std::chrono::nanoseconds limit,
                                       std::chrono::nanoseconds elapsed) {
  const std::string text = "timed out after " + in_seconds(limit);
  try {
    std::rethrow_exception(why);
  } catch (const cancelled_error& e) {
    throw timeout_error(text, e.partial_output(), elapsed, e.usage());
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted) throw;
    throw timeout_error(text, output(), elapsed);
  }
}

template <class T>
awaitable<T> wait_for(awaitable<T> what, std::chrono::nanoseconds limit) {
  const auto start = std::chrono::steady_clock::now();
  const auto executor = co_await asio::this_coro::executor;
  const auto all = std::make_shared<crew>(executor);
  const auto result = std::make_shared<std::optional<no_void<T>>>();
  const auto expired = std::make_shared<std::atomic<bool>>(false);
  shield against_cancellation;
  co_await against_cancellation.up();
  asio::steady_timer timer(executor, moment(start, limit));
  timer.async_wait([expired, wake = all->waker()](error_code failure) {
    if (failure) return;
    *expired = true;
    wake->notify(1);
  });
  all->template start<T>(0, std::move(what), result);
  const auto state = co_await asio::this_coro::cancellation_state;
  const cancellation_watch cancellation(state);
  std::exception_ptr why;
  bool cancelled = false, asked = false;
  while (all->alive() > 0) {
    const error_code interrupted = co_await all->wait();
    cancelled = cancelled || interrupted || cancellation.hit();
    for (auto& one : all->take_ended()) why = one.failure;
    // A second cancellation is passed on as well: it may mean more than the first.
    const bool ask = interrupted || ((cancelled || *expired) && !asked);
    if (ask && all->alive() > 0) asked = true, all->cancel();
  }
  timer.cancel();
  co_await all->clean();
  co_await against_cancellation.down();
  if (why && asked && !cancelled)
    throw_timeout(why, limit, std::chrono::steady_clock::now() - start);
  if (why) std::rethrow_exception(why);
  if constexpr (!std::is_void_v<T>) co_return std::move(**result);
}

}  // namespace detail

/// Gives an operation a bound on its time: `co_await wait_for(process.communicate(), 5s)`.
/// @param what any awaitable
/// @param at_most how long it may take, any std::chrono duration
/// @return what the awaitable returns; also where it is done in the very moment of the timeout
/// @throws timeout_error when time has run out, after @p what was cancelled (terminal) and has
/// ended; for communicate and capture with the output so far in out() and err()
/// @par Cancellation All types: passed on to @p what, which is waited for; throws what that throws.
/// @par Source asyncio.wait_for
template <class T, class Rep, class Period>
awaitable<T> wait_for(awaitable<T> what, std::chrono::duration<Rep, Period> at_most) {
  return detail::wait_for(std::move(what), detail::to_nanoseconds(at_most));
}

}  // namespace coproc
