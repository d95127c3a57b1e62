// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/os.hpp>
#include <coproc/detail/os/signals.hpp>
#include <coproc/detail/task/task_group.hpp>

namespace coproc::detail {

inline constexpr auto default_grace = std::chrono::seconds(2);

/// How long a far side gives what it ends, as it is told that: in tenths of a second.
inline std::string far_grace(std::chrono::nanoseconds grace) {
  const auto tenths = std::chrono::ceil<std::chrono::duration<std::int64_t, std::deci>>(grace);
  return std::to_string(std::max(tenths.count(), std::int64_t{0}));
}

/// When a child that has been asked to end gets SIGKILL. What carries a command elsewhere gets it
/// later than the command there, whose SIGKILL would not come without it: the grace there is
/// counted in pauses that each take a little more than a tenth of a second.
inline steady_time end_of_grace(const child& asked, std::chrono::nanoseconds grace) {
  const bool carries = asked.has_lifeline() && grace < std::chrono::nanoseconds::max() / 2;
  return deadline_in(carries ? grace + grace / 8 + std::chrono::seconds(1) : grace);
}

// What wait_for_exit waits for. (Not an enum within the coroutine: g++ 12 crashes on that at
// times.)
inline constexpr unsigned child_may_have_exited = 1, time_is_up = 2;

/// Waits until the child has exited, or until @p deadline. Any number of coroutines may.
/// @return an error when cancelled, or when the child was given away
COPROC_ON_USE inline awaitable<error_code> wait_for_exit(
    std::shared_ptr<child> child, steady_time deadline = steady_time::max()) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<event>(executor);
  std::optional<event_timer> timer;
  if (deadline != steady_time::max()) {
    timer.emplace(executor);
    timer->set(deadline, wake, time_is_up);
  }
  error_code result;
  unsigned bits = child_may_have_exited;
  while (!result && !(bits & time_is_up) && !child->exited() && !child->released()) {
    if (bits & child_may_have_exited) child->notify(wake, child_may_have_exited);
    result = co_await wake->wait();
    bits = wake->take();
    if (wake->cancellations() > 0) result = asio::error::operation_aborted;
  }
  child->stop_notifying(wake);
  if (child->released()) result = asio::error::operation_aborted;
  co_return result;
}

/// When a child that has not ended by then is asked a second time: in the middle of its grace, as
/// one that is just tidying up is disturbed by it (vim does not save its work at a second signal).
/// Never, where it is asked once.
inline steady_time second_asking(const child& asked, std::chrono::nanoseconds grace) {
  return asked.asks_twice() ? deadline_in(grace / 2) : steady_time::max();
}

/// Gives what is left of an ended child's group until @p deadline, then sends SIGKILL. False:
/// cancelled meanwhile, and SIGKILL sent. For a coroutine that is shielded.
/// @param again when to ask a second time
COPROC_ON_USE inline awaitable<bool> end_group(std::shared_ptr<child> child, steady_time again,
                                               steady_time deadline) {
  // The group gives no notice of its end, so look now and then; this is rare.
  constexpr auto longest = std::chrono::milliseconds(50);
  auto pause = std::chrono::milliseconds(1);
  bool go_on = true;
  int turns = 0, next_look = 1;
  while (go_on && child->group_alive() && std::chrono::steady_clock::now() < deadline) {
    if (pause == longest && ++turns == next_look) {  // less and less often, since it is slow
      next_look *= 2;
      if (child->group_is_zombies()) break;
    }
    if (std::chrono::steady_clock::now() >= again) {
      child->ask_again();
      again = steady_time::max();
    }
    go_on = co_await sleep_for(pause);
    pause = std::min(pause * 2, longest);
  }
  if (child->group_alive()) child->send(signal_numbers::kill, true);
  co_return go_on;
}

/// The ladder of process::stop, for a coroutine that is shielded. False: cancelled meanwhile, and
/// SIGKILL sent, but not waited for.
COPROC_ON_USE inline awaitable<bool> stop(std::shared_ptr<child> child,
                                          std::chrono::nanoseconds grace) {
  const auto deadline = end_of_grace(*child, grace);
  // Before anything is sent.
  if (!child->exited() && !child->released() && !child->executor()) throw_context_gone();
  steady_time again = second_asking(*child, grace);
  child->ask_to_end(far_grace(grace) + '\n');
  error_code cancelled = co_await wait_for_exit(child, std::min(again, deadline));
  if (again < deadline && !cancelled && !child->exited()) {
    child->ask_again();
    again = steady_time::max();
    cancelled = co_await wait_for_exit(child, deadline);
  }
  bool go_on = !cancelled;
  if (go_on && child->exited()) go_on = co_await end_group(child, again, deadline);
  else if (!child->exited() || child->group_alive()) child->send(signal_numbers::kill, true);
  if (!go_on) co_return false;
  const error_code cancelled_later = co_await wait_for_exit(child);
  co_return !cancelled_later || child->exited();
}

/// Waits for what makes input, and has been asked to end. Each further cancellation is passed on.
/// For a coroutine that is shielded.
COPROC_ON_USE inline awaitable<void> join_input(std::shared_ptr<task_group> making) {
  task_group::join_policy policy;
  policy.ignore_failures = true;
  co_await making->join(std::move(policy));
}

}  // namespace coproc::detail
