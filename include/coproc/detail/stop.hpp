// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/session.hpp>

namespace coproc::detail {

/// What wait_until waits for. (Not an enum within the coroutine: g++ 12 crashes on that at times.)
inline constexpr unsigned child_may_have_ended = 1, time_is_up = 2;

/// Waits until the child has ended, or until @p deadline. False: cancelled, or given away.
inline awaitable<bool> wait_until(std::shared_ptr<child> who,
                                  std::chrono::steady_clock::time_point deadline) {
  const auto executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<wakeup>(executor);
  asio::cancellation_signal stop_watching;
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([wake](error_code failure) {
    if (!failure) wake->notify_now(time_is_up);
  });
  const auto state = co_await asio::this_coro::cancellation_state;
  const cancellation_watch cancellation(state);
  bool cancelled = false;
  unsigned bits = child_may_have_ended;
  bool done = who->ended() || who->given_up();
  while (!done) {
    if (bits & child_may_have_ended)
      who->notify(wake, child_may_have_ended, stop_watching.slot());
    const error_code failure = co_await wake->wait();
    bits = wake->take();
    cancelled = failure || cancellation.hit();
    done = cancelled || (bits & time_is_up) != 0 || who->ended() || who->given_up();
  }
  who->stop_notifying(stop_watching);
  co_return !cancelled && !who->given_up();
}

/// Gives what is left of an ended child's group until @p deadline, then sends SIGKILL. False:
/// cancelled meanwhile, and SIGKILL sent. For a coroutine with its shield up.
inline awaitable<bool> end_group(std::shared_ptr<child> who,
                                 std::chrono::steady_clock::time_point deadline) {
  // The group gives no notice of its end, so look now and then; this is rare.
  auto pause = std::chrono::milliseconds(1);
  const auto state = co_await asio::this_coro::cancellation_state;
  const cancellation_watch cancellation(state);
  bool go_on = true;
  while (go_on && who->group_alive() && std::chrono::steady_clock::now() < deadline) {
    asio::steady_timer timer(co_await asio::this_coro::executor, pause);
    const auto [failure] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable_t<>()));
    go_on = !failure && !cancellation.hit();
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
  if (who->group_alive()) who->send(signals::kill, true);
  co_return go_on;
}

/// The ladder of process::stop, for a coroutine with its shield up. False: cancelled meanwhile, and
/// SIGKILL sent, but not waited for.
inline awaitable<bool> stop(std::shared_ptr<child> who, std::chrono::nanoseconds grace) {
  const auto deadline = moment(std::chrono::steady_clock::now(), grace);
  who->ask_to_end();
  bool go_on = co_await wait_until(who, deadline);
  if (go_on && who->ended()) go_on = co_await end_group(who, deadline);
  else if (!who->ended() || who->group_alive()) who->send(signals::kill, true);
  if (!go_on) co_return false;
  const bool ended = co_await wait_for_end(who);
  co_return ended;
}

inline constexpr auto default_grace = std::chrono::seconds(2);

/// What wind_up does once SIGTERM is sent, in a coroutine of its own.
inline awaitable<void> wind_up_alone(std::shared_ptr<exchange> all,
                                     std::chrono::steady_clock::time_point deadline) {
  shield against_cancellation;
  co_await against_cancellation.up();
  bounds rest;
  rest.stopping = true;
  rest.most = all->most;
  if (rest.most && rest.most->then == output_bound::policy::fail)
    rest.most->then = output_bound::policy::cut;
  rest.deadline = deadline;
  const auto end = co_await run_exchange(all, rest);
  if (end == exchange_end::complete) {
    co_await end_group(all->who, deadline);
    co_return;
  }
  all->who->send(signals::kill, true);
  co_await wait_for_end(all->who);
  // A grandchild that is in no group of its may hold the pipes, and write to them for ever.
  rest.shielded = true;
  rest.deadline = moment(std::chrono::steady_clock::now(), std::chrono::seconds(1));
  co_await run_exchange(all, rest);
}

/// Ends a child whose exchange has not come to its end, by the same ladder, and goes on reading what
/// it writes meanwhile. If that is cancelled in turn the child has got SIGKILL, and is waited for
/// all the same. For a coroutine with its shield up.
inline awaitable<void> wind_up(std::shared_ptr<exchange> all, std::chrono::nanoseconds grace) {
  // Where this has been cancelled already, only a fresh coroutine is sure to see another.
  const auto ladder = std::make_shared<crew>(co_await asio::this_coro::executor);
  const auto deadline = moment(std::chrono::steady_clock::now(), grace);
  all->who->ask_to_end();
  bool hurry = false, again = true;
  while (again) {
    ladder->start<void>(0, wind_up_alone(all, deadline),
                        std::make_shared<std::optional<std::monostate>>());
    if (hurry) ladder->cancel();
    std::exception_ptr failure;
    while (ladder->alive() > 0) {
      const error_code interrupted = co_await ladder->wait();
      for (auto& one : ladder->take_ended()) failure = one.failure;
      hurry = hurry || interrupted;
      if (interrupted) ladder->cancel();
    }
    // If it is a tee that has thrown: once more, without it.
    again = failure && (all->out.copy_to || all->err.copy_to);
    all->out.copy_to = all->err.copy_to = nullptr;
    if (failure && !again) std::rethrow_exception(failure);
  }
}

}  // namespace coproc::detail
