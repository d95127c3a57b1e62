// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <coproc/capture.hpp>
#include <coproc/detail/child/communicate.hpp>
#include <deque>
#include <mutex>
#include <thread>

namespace coproc::detail {

/// A command that has been launched to be captured.
class capture_run {
 public:
  /// @param captured is as it was where the launch fails
  capture_run(const asio::any_io_executor& executor, command& captured)
      : start(std::chrono::steady_clock::now()) {
    options& chosen = captured.options();
    stdio& std_in = chosen.streams[0];
    if (chosen.input && std_in.given && std_in.source != stdio::kind::piped)
      throw std::invalid_argument("coproc: capture: std_in and input exclude each other");
    if (chosen.input) std_in = stdio(stdio::kind::piped);
    else if (!std_in.given) std_in = stdio(stdio::kind::devnull);
    else if (std_in.source == stdio::kind::piped)
      throw std::invalid_argument("coproc: capture: std_in = piped needs input = ...");
    for (const int fd : {1, 2})
      if (!chosen.streams[fd].given && !chosen.terminal)
        chosen.streams[fd] = stdio(stdio::kind::piped);
    streams = launch_with_hooks(executor, captured);
    if (chosen.input) streams->give_input(*std::exchange(chosen.input, std::nullopt));
    program.emplace(std::move(captured));
  }

  communicate_limits limits() const {
    const options& chosen = program->options();
    communicate_limits result;
    if (chosen.timeout) result.deadline = deadline_after(start, *chosen.timeout);
    result.silence = chosen.idle_timeout;
    result.max_output = streams->max_output;
    result.linger = chosen.grace.value_or(default_grace);
    result.leaves_input = true;
    return result;
  }

  std::optional<command> program;
  steady_time start;
  std::shared_ptr<child_streams> streams;
};

/// How a captured command has come to its end.
class run_end {
 public:
  run_end() = default;  // so that it is no aggregate, which g++ 12 copies bit by bit
  communicate_outcome outcome = communicate_outcome::cancelled;
  std::string trouble;  // why the child could not be ended, where that is so
};

/// Communicates with a captured command until that ends or is out of its limits, and then ends it.
COPROC_ON_USE awaitable<run_end> run_to_end(std::shared_ptr<child_streams> streams,
                                            communicate_limits limits,
                                            std::chrono::nanoseconds grace) {
  run_end end;
  std::exception_ptr failure;  // of a tee
  try {
    end.outcome = co_await communicate(streams, limits);
  } catch (...) {
    failure = std::current_exception();
    streams->drop_copies();
  }
  try {
    if (end.outcome != communicate_outcome::complete) co_await stop_and_drain(streams, grace);
  } catch (const error& e) {  // that it may not be signalled is a second fact
    end.trouble = std::string("; it could not be ended: ") + e.what();
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  if (const auto left = std::exchange(streams->left_input, nullptr)) co_await join_input(left);
  if (failure) std::rethrow_exception(failure);
  co_return end;
}

/// Throws the exception that an outcome other than complete is.
COPROC_INLINE void check_outcome(const run_end& end, const command& program, output& written,
                                 std::chrono::nanoseconds elapsed, const usage& used) {
  const options& chosen = program.options();
  const std::string name = to_string(program);
  switch (end.outcome) {
    case communicate_outcome::complete: return;
    case communicate_outcome::timed_out:
      throw timeout_error(name + ": timed out after " + in_seconds(*chosen.timeout) + end.trouble,
                          std::move(written), elapsed, used);
    case communicate_outcome::silent:
      throw timeout_error(
          name + ": wrote nothing for " + in_seconds(*chosen.idle_timeout) + end.trouble,
          std::move(written), elapsed, used);
    case communicate_outcome::over_limit:
      throw limit_error(name + ": wrote more than max_output, " +
                            std::to_string(chosen.max_output->bytes) + " bytes" + end.trouble,
                        chosen.max_output->bytes, std::move(written), elapsed, used);
    case communicate_outcome::cancelled: break;
  }
  throw cancelled_error(name, std::move(written), elapsed, used);
}

/// Runs a launched command to its end.
COPROC_ON_USE awaitable<completed> finish(capture_run run) {
  const auto streams = run.streams;
  const auto grace = run.program->options().grace.value_or(default_grace);
  const communicate_limits limits = run.limits();
  const run_end end = co_await shielded(run_to_end(streams, limits, grace));
  const auto elapsed = std::chrono::steady_clock::now() - run.start;
  if (end.outcome == communicate_outcome::complete) streams->check_copies(to_string(*run.program));
  output written = streams->complete ? streams->take() : streams->gathered();
  check_outcome(end, *run.program, written, elapsed, streams->child->usage());

  completed result(std::move(*run.program), std::move(written),
                   std::string(streams->err.gathered.tail_text()));
  result.returncode = streams->child->returncode();
  result.why = streams->why();
  result.usage = streams->child->usage();
  result.elapsed = elapsed;
  co_return result;
}

class launch_gate {
 public:
  /// One that is launched or runs, for the length of a scope.
  class place {
   public:
    explicit place(launch_gate& gate) : gate_(gate) { gate_.enter(); }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { gate_.leave(held_back); }
    bool held_back = false;  // it has not run, so there is no more room than before

   private:
    launch_gate& gate_;
  };

  /// Whether there is another whose end can be waited for.
  bool crowded() {
    const std::lock_guard lock(mutex_);
    return running_ > 1;
  }
  /// False where none runs whose end could be waited for.
  bool queue(const std::shared_ptr<event>& wake) {
    const std::lock_guard lock(mutex_);
    if (running_ == 0) return false;
    waiting_.push_back(wake);
    return true;
  }
  void withdraw(const std::shared_ptr<event>& wake) {
    const std::lock_guard lock(mutex_);
    if (std::erase(waiting_, wake) == 0) wake_next();  // it had been its turn
  }

 private:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  void leave(bool held_back) {
    const std::lock_guard lock(mutex_);
    --running_;
    if (!held_back || running_ == 0) wake_next();
  }
  void wake_next() {
    if (waiting_.empty()) return;
    waiting_.front()->notify(1);
    waiting_.pop_front();
  }

  std::mutex mutex_;
  std::size_t running_ = 0;
  std::deque<std::shared_ptr<event>> waiting_;
};

/// Waits for another's end, after a launch that has failed for want of descriptors or processes;
/// not where nobody runs any more.
COPROC_ON_USE awaitable<void> wait_for_room(std::shared_ptr<launch_gate> gate) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<event>(executor);
  if (!gate->queue(wake)) co_return;
  const error_code cancelled = co_await wake->wait();
  if (!cancelled) co_return;
  gate->withdraw(wake);
  throw cancelled_error("gather");
}

COPROC_INLINE std::shared_ptr<launch_gate> make_launch_gate() {
  return std::make_shared<launch_gate>();
}

/// Whether a launch has failed for want of something that another child's end gives back.
COPROC_INLINE bool is_shortage(const launch_error& failure) {
  const int number = failure.code().value();
  const std::string_view step = failure.step();
  if (step == "pass_fds" || step == "exec") return false;
  const bool starts = step == "clone" || step == "kill_on_parent_death";
  return number == EMFILE || number == ENFILE || (starts && number == EAGAIN);
}

/// Runs a command to its end, once.
COPROC_ON_USE awaitable<completed> capture_once(command program,
                                                std::shared_ptr<launch_gate> gate) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  if (!gate) gate = make_launch_gate();
  for (;;) {
    {
      launch_gate::place place(*gate);
      std::optional<capture_run> run;
      try {
        run.emplace(executor, program);
      } catch (const launch_error& failure) {
        if (!is_shortage(failure) || !gate->crowded()) throw;
        place.held_back = true;
      }
      if (run) {
        completed result = co_await finish(std::move(*run));
        co_return result;
      }
    }
    co_await wait_for_room(gate);
  }
}

/// Whether a timeout is tried again: as any failure, unless a predicate decides.
COPROC_INLINE bool try_again(const retrying& retry, const command& program,
                             const timeout_error& error) {
  if (!retry.again) return true;
  completed result(program, error.partial_output());
  result.why = error.why();
  result.usage = error.usage();
  result.elapsed = error.elapsed();
  return retry.again(result);
}

/// Runs a command until it succeeds, as often as its keywords allow.
COPROC_ON_USE awaitable<completed> capture_retrying(command program,
                                                    std::shared_ptr<launch_gate> gate) {
  const retrying retry = program.options().retry;
  if (const auto& input = program.options().input; input && !input->can_be_repeated())
    throw std::invalid_argument("coproc: capture: retry needs input that can begin anew");
  auto pause = retry.pause;
  for (int attempt = 1;; ++attempt) {
    std::optional<completed> result;
    try {
      result.emplace(co_await capture_once(program, gate));
    } catch (const timeout_error& e) {
      if (attempt == retry.attempts || !try_again(retry, program, e)) throw;
    }
    if (result) {
      const bool good = retry.again ? !retry.again(*result) : result->succeeded();
      result->attempts = attempt;
      if (good || attempt == retry.attempts) co_return std::move(*result);
    }
    const bool slept = co_await sleep_for(pause);
    if (!slept) throw cancelled_error(to_string(program));
    if (pause < std::chrono::hours(24)) pause *= 2;
  }
}

COPROC_ON_USE awaitable<completed> capture(command program, std::shared_ptr<launch_gate> gate) {
  const bool once = program.options().retry.attempts == 1;
  return once ? capture_once(std::move(program), std::move(gate))
              : capture_retrying(std::move(program), std::move(gate));
}

COPROC_INLINE std::size_t default_concurrency() {
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace coproc::detail
