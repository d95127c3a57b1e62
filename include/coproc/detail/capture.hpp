// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/completed.hpp>
#include <coproc/detail/crew.hpp>
#include <coproc/detail/printable.hpp>
#include <coproc/detail/session.hpp>
#include <coproc/detail/stop.hpp>
#include <coproc/gather.hpp>
#include <coproc/wait_for.hpp>
#include <deque>
#include <mutex>
#include <thread>

namespace coproc::detail {

inline end_reason reason_of(int returncode) {
  if (returncode == unknown_returncode) return end_reason::unknown;
  return returncode < 0 ? end_reason::signalled : end_reason::exited;
}

/// A command that has been launched to be captured.
class captive {
  using clock = std::chrono::steady_clock;

 public:
  captive(const asio::any_io_executor& executor, command captured)
      : what(std::move(captured)), begin(clock::now()) {
    options& how = what.options();
    if (how.input) how.streams[0] = stdio(stdio::kind::piped);
    else if (!how.streams[0].given) how.streams[0] = stdio(stdio::kind::devnull);
    else if (how.streams[0].what == stdio::kind::piped)
      throw std::invalid_argument("coproc: capture: std_in = piped needs input = ...");
    for (const int fd : {1, 2})
      if (!how.streams[fd].given) how.streams[fd] = stdio(stdio::kind::piped);
    launched started = launch(what);
    all = std::make_shared<exchange>(executor, started, how);
    if (how.input) all->input = *std::exchange(how.input, std::nullopt);
  }

  bounds within() const {
    const options& how = what.options();
    bounds all_of_them;
    if (how.timeout) all_of_them.deadline = moment(begin, *how.timeout);
    all_of_them.silence = how.idle_timeout;
    all_of_them.most = all->most;
    return all_of_them;
  }

  command what;
  clock::time_point begin;
  std::shared_ptr<exchange> all;
};

/// Runs a captive to its end.
inline awaitable<completed> finish(captive one) {
  const auto all = one.all;
  command& what = one.what;
  const options& how = what.options();
  auto end = exchange_end::cancelled;
  std::exception_ptr failure;  // of a tee
  shield against_cancellation;
  co_await against_cancellation.up();
  try {
    end = co_await run_exchange(all, one.within());
  } catch (...) {
    failure = std::current_exception();
    all->out.copy_to = all->err.copy_to = nullptr;
  }
  try {
    if (end != exchange_end::complete) co_await wind_up(all, how.grace.value_or(default_grace));
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  co_await against_cancellation.down();
  if (failure) std::rethrow_exception(failure);
  const auto elapsed = std::chrono::steady_clock::now() - one.begin;
  output written = all->complete ? all->take() : all->gathered();

  const bool silent = end == exchange_end::silent;
  if (silent || end == exchange_end::timed_out)
    throw timeout_error(to_string(what) + (silent ? ": wrote nothing for " : ": timed out after ") +
                            in_seconds(silent ? *how.idle_timeout : *how.timeout),
                        std::move(written), elapsed, all->who->usage());
  if (end == exchange_end::over_limit)
    throw limit_error(to_string(what) + ": wrote more than max_output, " +
                          std::to_string(how.max_output->bytes) + " bytes",
                      how.max_output->bytes, std::move(written), elapsed, all->who->usage());
  if (end == exchange_end::cancelled)
    throw cancelled_error(to_string(what), std::move(written), elapsed, all->who->usage());

  completed result(std::move(what), std::move(written), std::string(all->err.tail_text()));
  result.returncode = all->who->returncode();
  result.why = reason_of(result.returncode);
  result.usage = all->who->usage();
  result.elapsed = elapsed;
  co_return result;
}

/// Lets commands that are gathered start only while enough descriptors are left: for them, and for
/// what else the host does.
class descriptor_gate {
 public:
  /// Waits until one may start. Then leave() has to follow.
  /// @param full there was no room for one: wait for another's end, if there is another
  static awaitable<void> enter(std::shared_ptr<descriptor_gate> gate, bool full = false) {
    std::shared_ptr<wakeup> wake;
    while (!gate->try_enter(full, wake)) {
      if (!wake) {
        wake = std::make_shared<wakeup>(co_await asio::this_coro::executor);
        continue;
      }
      const error_code failure = co_await wake->wait();
      if (failure) {
        gate->withdraw(wake);
        throw cancelled_error("gather");
      }
      wake->take();
      full = false;
    }
  }
  /// Leaves at the end of a scope.
  class entered {
   public:
    explicit entered(descriptor_gate& gate) : gate_(gate) {}
    entered(const entered&) = delete;
    entered& operator=(const entered&) = delete;
    ~entered() { gate_.leave(held_back); }
    bool held_back = false;

   private:
    descriptor_gate& gate_;
  };

  bool crowded() {
    const std::lock_guard lock(mutex_);
    return running_ > 1;
  }
  /// @param held_back it has not run, so there is no more room than before
  void leave(bool held_back) {
    const std::lock_guard lock(mutex_);
    --running_;
    if (!held_back || running_ == 0) wake_next();
  }

 private:
  /// False: @p wake, if there is one, will be notified when it is time to look again.
  bool try_enter(bool full, const std::shared_ptr<wakeup>& wake) {
    const std::lock_guard lock(mutex_);
    const bool enter = running_ == 0 || (!full && enough_descriptors());
    std::erase(waiting_, wake);  // it may have come back without having been notified
    if (enter) ++running_;
    else if (wake) waiting_.push_back(wake);
    return enter;
  }
  void withdraw(const std::shared_ptr<wakeup>& wake) {
    const std::lock_guard lock(mutex_);
    if (std::erase(waiting_, wake) == 0) wake_next();  // it had been its turn
  }
  void wake_next() {
    if (waiting_.empty()) return;
    waiting_.front()->notify(1);
    waiting_.pop_front();
  }

  std::mutex mutex_;
  std::size_t running_ = 0;
  std::deque<std::shared_ptr<wakeup>> waiting_;
};

/// Runs a command to its end, once.
/// @param gate null: start at once
inline awaitable<completed> capture_once(command what, std::shared_ptr<descriptor_gate> gate) {
  const auto executor = co_await asio::this_coro::executor;
  if (!gate) {
    captive one(executor, std::move(what));
    completed result = co_await finish(std::move(one));
    co_return result;
  }
  for (bool full = false;;) {
    co_await descriptor_gate::enter(gate, full);
    descriptor_gate::entered place(*gate);
    std::optional<captive> one;
    try {
      one.emplace(executor, what);
    } catch (const launch_error& e) {
      // Somebody has been faster. Is there another whose end can be waited for?
      full = e.step() != "pass_fds" && (e.code().value() == EMFILE || e.code().value() == ENFILE);
      if (!full || !gate->crowded()) throw;
      place.held_back = true;
    }
    if (!one) continue;
    completed result = co_await finish(std::move(*one));
    co_return result;
  }
}

inline awaitable<completed> capture(command what,
                                    std::shared_ptr<descriptor_gate> gate = nullptr) {
  const retrying retry = what.options().retry;
  if (retry.attempts == 1) {
    completed result = co_await capture_once(std::move(what), std::move(gate));
    co_return result;
  }
  auto pause = retry.pause;
  for (int attempt = 1;; ++attempt) {
    std::optional<completed> result;
    try {
      result.emplace(co_await capture_once(what, gate));
    } catch (const timeout_error&) {
      if (attempt == retry.attempts) throw;
    }
    if (result) {
      const bool good = retry.again ? !retry.again(*result) : result->succeeded();
      result->attempts = attempt;
      if (good || attempt == retry.attempts) co_return std::move(*result);
    }
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             moment(std::chrono::steady_clock::now(), pause));
    const auto [failure] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable_t<>()));
    if (failure) throw cancelled_error(to_string(what));
    if (pause < std::chrono::hours(24)) pause *= 2;
  }
}

/// A range of commands as a lazy range of their captures.
/// @tparam Change (options&) what the keywords that stand beside the range say for each
template <class Range, class Change>
class captures {
 public:
  captures(Range&& range, Change change)
      : range_(std::forward<Range>(range)),
        change_(std::move(change)),
        gate_(std::make_shared<descriptor_gate>()) {}

  class iterator {
   public:
    using value_type = awaitable<completed>;
    using difference_type = std::ptrdiff_t;
    using inner = std::ranges::iterator_t<Range>;
    iterator(inner at, captures& all) : at_(std::move(at)), all_(&all) {}
    awaitable<completed> operator*() const {
      command one(*at_);
      all_->change_(one.options());
      return capture(std::move(one), all_->gate_);
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == std::ranges::end(all_->range_); }

   private:
    inner at_;
    captures* all_;
  };
  iterator begin() { return iterator(std::ranges::begin(range_), *this); }
  std::default_sentinel_t end() { return {}; }

 private:
  Range range_;
  Change change_;
  std::shared_ptr<descriptor_gate> gate_;
};

/// @param keywords those of commands apply to each of the range
template <class Range, class... Keywords>
auto captures_of(Range&& range, const Keywords&... keywords) {
  static_assert(((gather_setting<Keywords> || is_setting<Keywords>) && ...),
                "coproc: after a range of commands only keywords may stand");
  auto change = [keywords...](options& all) { apply_settings(all, keywords...); };
  return captures<Range, decltype(change)>(std::forward<Range>(range), std::move(change));
}

/// How many commands of a range run at once where no keyword says it.
inline auto default_concurrency() {
  return concurrency_setting(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace coproc::detail
