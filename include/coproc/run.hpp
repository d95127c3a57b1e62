// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/task/task_group.hpp>
#include <coproc/error.hpp>

namespace coproc {
namespace detail {

COPROC_ON_USE void run_task(awaitable<void> main, int threads);

}  // namespace detail

/// Runs a coroutine, and all that it awaits, to its end, on an io_context of its own:
/// `int main() { return coproc::run(main_coroutine()); }`
///
/// SIGINT, SIGTERM and SIGHUP cancel the coroutine (terminal), so that its clean-up runs and its
/// children are ended; then `interrupted` is thrown. A second signal does not wait for that:
/// children are killed at once. A signal that the host ignores stays ignored; afterwards the host's
/// handlers are as they were. (On Windows SIGBREAK counts, too.) What else was spawned on the
/// io_context is destroyed when the coroutine has ended.
/// @param threads how many threads run the io_context, this one among them; no others may. With
/// more than one the awaitables of a gather run in parallel: what they share, a process among it,
/// needs a strand or a guard.
/// @return what the coroutine returns
/// @throws what the coroutine throws; `interrupted` where a signal came before it had ended.
/// Uncaught, the convention for the status is 128 + its number, `interrupted::exit_code()`.
/// @source asyncio.run
/// @shown{quickstart.cpp}
template <class T>
T run(awaitable<T> main, int threads = 1) {
  const auto result = std::make_shared<std::optional<detail::no_void<T>>>();
  detail::run_task(detail::store<T>(std::move(main), result), threads);
  if constexpr (!std::is_void_v<T>) return std::move(**result);
}

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/run.ipp>
#include <coproc/impl/task_group.ipp>
#endif
