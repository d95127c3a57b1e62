// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The driver of communicate_fsm: it carries out what that decides.

#include <coproc/detail/child/child_streams.hpp>
#include <coproc/detail/child/communicate_fsm.hpp>
#include <coproc/detail/child/stop.hpp>
#include <coproc/detail/pipe/poll_set.hpp>
#include <coproc/detail/task/task_group.hpp>

namespace coproc::detail {

/// What a communication may take, in time and bytes.
class communicate_limits {
 public:
  std::optional<steady_time> deadline;
  std::optional<std::chrono::nanoseconds> silence;
  std::optional<output_bound> max_output;
  std::chrono::nanoseconds linger = default_grace;  // how long others may write after the exit
  bool shielded = false;      // goes on though its coroutine has been cancelled
  bool stopping = false;      // waits for the child's group too, as long as that has a pipe
  bool leaves_input = false;  // to whoever ends the child, what makes it: see join_input
};

/// One run of a communication: feeds stdin, reads both outputs, and looks for the child's exit.
class communication {
  using fsm = communicate_fsm;
  using action = fsm::action;
  using output_stream = child_streams::output_stream;

 public:
  communication(child_streams& streams, const communicate_limits& limits,
                const asio::any_io_executor& executor, const asio::cancellation_state& state)
      : streams_(streams),
        limits_(limits),
        executor_(executor),
        cancellation_(state),
        wake_(std::make_shared<event>(executor)),
        polls_(wake_),
        fsm_(begin()) {
    streams.waiting = wake_;
    if (limits.deadline) start(deadline_, *limits.deadline, fsm::deadline);
    if (limits.silence) start(silence_, deadline_in(*limits.silence), fsm::silence);
  }
  ~communication() {
    if (streams_.in) streams_.input_written += streams_.in->detach_write();
    streams_.child->stop_notifying(wake_);
  }
  communication(const communication&) = delete;
  communication& operator=(const communication&) = delete;

  /// For a coroutine that is shielded.
  COPROC_ON_USE awaitable<communicate_outcome> run() {
    std::exception_ptr failure;
    try {
      if (streams_.abandoned) fsm_.abandon();
      for (;;) {
        const action next = work();
        if (next == action::finish) break;
        error_code interrupted;
        // Both by the one event: while that waits, tasks are destroyed before this coroutine.
        if (next == action::yield) interrupted = co_await wake_->yield(yielded);
        else interrupted = co_await wake_->wait([this] { return work_in_place(); });
        if (failure_) std::rethrow_exception(failure_);
        if (interrupted || cancelled()) fsm_.cancel();
        take_events();
      }
    } catch (...) {
      failure = std::current_exception();
    }
    if (making_ && making_->running() > 0) {  // it uses what the user has given
      cancel_input();
      if (limits_.leaves_input) streams_.left_input = making_;
      else co_await join_input(making_);
      adopt_piece();
    }
    if (failure) std::rethrow_exception(failure);
    if (fsm_.outcome() == communicate_outcome::complete) streams_.finish(fsm_.left_open());
    co_return fsm_.outcome();
  }

 private:
  /// How long a pipe must be silent, after the child has exited, to be given up. Only a grandchild
  /// can still hold it then.
  static constexpr auto pipe_idle_timeout = std::chrono::milliseconds(250);
  static constexpr unsigned yielded = 1u << 11;  // none of communicate_fsm's
  /// How long copies may keep the loop from others, and from a deadline.
  static constexpr auto longest_turn = std::chrono::milliseconds(5);

  fsm::setup begin() {
    streams_.make_streams();
    fsm::setup start;
    start.exited = streams_.child->reaped();
    if (streams_.in) {
      polls_.use(0, streams_.in->pipe(), streams_.in->busy(), "communicate");
      // What is being stopped gets no new input, nor an end of it, which would look like all of it.
      start.input = streams_.in->is_open() && !(limits_.stopping && streams_.has_source());
    }
    const auto use = [&](std::size_t index, output_stream& each, bool& open, bool& drained) {
      if (!each.stream) return;
      polls_.use(index, each.stream->pipe(), each.stream->busy(), "communicate");
      open = each.open();
      drained = each.stream->drained();
    };
    use(1, streams_.out, start.out, start.out_drained);
    use(2, streams_.err, start.err, start.err_drained);
    start.copy_out = streams_.out.stream && streams_.out.gathered.copy_to;
    start.copy_err = streams_.err.stream && streams_.err.gathered.copy_to;
    start.bounded = limits_.max_output.has_value();
    start.shielded = limits_.shielded;
    start.stopping = limits_.stopping;
    start.leaves_input = limits_.leaves_input;
    return start;
  }

  bool cancelled() const { return cancellation_.hit() || wake_->cancellations() > 0; }

  void take_events() {
    unsigned events = wake_->take() & ~yielded;
    // A timer that has been started anew may have told of its former end.
    if (events & fsm::pipe_is_idle && !idle_->passed()) events &= ~unsigned{fsm::pipe_is_idle};
    if (streams_.abandoned) fsm_.abandon();
    if (copying_) {
      const bool was_copying = copying_->running() > 0;
      for (task_group::ended_task& task : copying_->take_ended()) copy_failure_ = task.failure;
      events &= ~unsigned{fsm::copied};
      if (copying_->running() == 0) events |= fsm::copied;
      if (was_copying && copying_->running() == 0)  // the child had to be silent
        last_heard_ = std::chrono::steady_clock::now();
      if (events & fsm::copied && !copy_cancelled_ && copy_failure_)
        std::rethrow_exception(copy_failure_);
    }
    if (making_) events = (events & ~unsigned{fsm::made}) | take_input();
    if (streams_.child->reaped()) events |= fsm::may_have_exited;
    polls_.fired(events);
    fsm_.resume(events);
  }

  /// Works in the place of the coroutine: to resume that takes longer than all the rest of a turn.
  /// True: the coroutine has to go on itself.
  bool work_in_place() noexcept {
    if (streams_.has_copies() || limits_.max_output || making_ || streams_.make_input ||
        cancelled())
      return true;
    try {
      take_events();
      return work() != action::sleep;
    } catch (...) {
      failure_ = std::current_exception();
      return true;
    }
  }

  /// Does all that goes without waiting.
  action work() {
    first_copy_.reset();
    for (;;) {
      const action next = fsm_.next();
      switch (next) {
        case action::yield:
        case action::sleep:
        case action::finish: return next;
        case action::look_for_exit:
          fsm_.exit_looked(streams_.child->exited(), !streams_.child->released());
          break;
        case action::watch_exit:
          if (!streams_.child->released()) streams_.child->notify(wake_, fsm::may_have_exited);
          break;
        case action::close_input:
          streams_.in->close();
          streams_.drop_input();
          if (making_) cancel_input();
          break;
        case action::cancel_input: cancel_input(); break;
        case action::write: fsm_.wrote(write()); break;
        case action::watch_input: polls_.arm(0, async_pipe_end::to_write, fsm::writable); break;
        case action::read_out: fsm_.was_read(read(*streams_.out.stream)); break;
        case action::read_err: fsm_.was_read(read(*streams_.err.stream)); break;
        case action::watch_out: polls_.arm(1, async_pipe_end::to_read, fsm::out_readable); break;
        case action::watch_err: polls_.arm(2, async_pipe_end::to_read, fsm::err_readable); break;
        case action::look_for_group: fsm_.group_looked(streams_.child->group_alive()); break;
        case action::start_linger:
          start(linger_, deadline_in(limits_.linger), fsm::lingered);
          break;
        case action::start_idle:
          start(idle_, deadline_in(pipe_idle_timeout), fsm::pipe_is_idle);
          break;
        case action::restart_silence:
          start(silence_, deadline_after(last_heard_, *limits_.silence), fsm::silence);
          break;
        case action::copy_out: fsm_.piece(hand_over(streams_.out)); break;
        case action::copy_err: fsm_.piece(hand_over(streams_.err)); break;
        case action::cancel_copy:
          copy_cancelled_ = true;
          copying_->cancel();
          break;
        case action::check_bounds: check_bounds(); break;
      }
    }
  }

  fsm::write_result write() {
    if (streams_.input_written == streams_.input.size() && !streams_.in->writing()) {
      if (streams_.make_input) return make_input();
      if (streams_.next_input && !collect_input()) return fsm::write_result::some;
    }
    const std::string_view rest = std::string_view(streams_.input).substr(streams_.input_written);
    std::size_t written = 0;
    try {
      written = streams_.in->try_write(rest);
      streams_.input_written += written;
    } catch (const error&) {
      return fsm::write_result::done;  // it does not want the rest: no error, as in Python
    }
    if (written == rest.size() && !streams_.in->writing() && !streams_.has_source())
      return fsm::write_result::done;
    return written == 0 ? fsm::write_result::blocked : fsm::write_result::some;
  }

  /// Takes as many pieces as it takes to be worth a write. False: those that came were empty.
  bool collect_input() {
    constexpr int most = 1024;  // before others have their turn
    streams_.input.clear();
    streams_.input_written = 0;
    for (int i = 0; streams_.next_input && streams_.input.size() < 64 * 1024 && i < most; ++i) {
      const auto piece = streams_.next_input();
      if (piece) streams_.input += *piece;
      else streams_.next_input = nullptr;
    }
    return !streams_.input.empty() || !streams_.next_input;
  }

  fsm::write_result make_input() {
    if (!making_) making_ = std::make_shared<task_group>(executor_, wake_, fsm::made);
    made_ = std::make_shared<std::optional<input_source::piece>>();
    making_->start(0, streams_.make_input(made_));
    return fsm::write_result::making;
  }

  /// Once: to a capture, say, a second cancellation means more than the first.
  void cancel_input() {
    if (!making_->cancelled()) making_->cancel();
  }

  /// Takes what a task has made.
  unsigned take_input() {
    unsigned events = 0;
    for (const task_group::ended_task& task : making_->take_ended()) {
      events = fsm::made;
      if (task.failure && !making_->cancelled()) std::rethrow_exception(task.failure);
      adopt_piece();
    }
    return events;
  }
  /// Also where the task has been asked to end: nothing is lost.
  void adopt_piece() {
    if (!streams_.make_input || !*made_) return;
    streams_.input_written = 0;
    if (**made_) streams_.input = std::move(***made_);
    else streams_.drop_input();
    made_->reset();
  }

  fsm::read_result read(pipe_reader& stream) {
    switch (stream.try_fill(pipe_reader::whole)) {
      case pipe_reader::fill_result::end: return fsm::read_result::end;
      case pipe_reader::fill_result::blocked: return fsm::read_result::blocked;
      case pipe_reader::fill_result::data: break;
    }
    if (limits_.silence) last_heard_ = std::chrono::steady_clock::now();
    return stream.drained() ? fsm::read_result::drained : fsm::read_result::more;
  }

  void check_bounds() {
    const bool out_fits = keep_within(streams_.out);
    const bool err_fits = keep_within(streams_.err);
    fsm_.bounds_checked(out_fits && err_fits);
  }
  bool keep_within(output_stream& each) {
    return !each.stream || each.gathered.keep_within(each.stream->bytes(), *limits_.max_output);
  }

  /// Copies the next piece to whom wants it.
  fsm::piece_result hand_over(output_stream& each) {
    const auto piece = each.gathered.next_piece(
        each.stream->bytes(), !each.open() || fsm_.gave_up(), each.stream->limit());
    if (!piece) return fsm::piece_result::none;
    const sink& target = *each.gathered.copy_to;
    if (target.call) {
      if (!first_copy_) first_copy_ = std::chrono::steady_clock::now();
      target.call(*piece);
      each.gathered.copy_failed |= target.failed;
      const bool long_enough = std::chrono::steady_clock::now() - *first_copy_ > longest_turn;
      return long_enough ? fsm::piece_result::paused : fsm::piece_result::handed_over;
    }
    if (!copying_) copying_ = std::make_shared<task_group>(executor_, wake_, fsm::copied);
    copy_cancelled_ = false;
    copy_failure_ = nullptr;
    copying_->start(0, target.start(*piece));
    return fsm::piece_result::started;
  }

  void start(std::optional<event_timer>& timer, steady_time time, unsigned bit) {
    if (!timer) timer.emplace(executor_);
    timer->set(time, wake_, bit);
  }

  child_streams& streams_;
  const communicate_limits& limits_;
  asio::any_io_executor executor_;
  cancellation_watch cancellation_;
  std::shared_ptr<event> wake_;
  poll_set polls_;
  communicate_fsm fsm_;
  std::shared_ptr<task_group> making_;  // the next piece of input
  input_source::piece_ptr made_;
  std::shared_ptr<task_group> copying_;
  std::optional<steady_time> first_copy_;  // of this turn
  bool copy_cancelled_ = false;
  std::exception_ptr copy_failure_;
  std::exception_ptr failure_;  // of what was done in the place of the coroutine
  steady_time last_heard_ = std::chrono::steady_clock::now();
  std::optional<event_timer> idle_, linger_, deadline_, silence_;
};

COPROC_ON_USE inline awaitable<communicate_outcome> communicate_shielded(
    std::shared_ptr<child_streams> streams, communicate_limits limits) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto state = co_await asio::this_coro::cancellation_state;
  communication exchange(*streams, limits, executor, state);
  const auto outcome = co_await exchange.run();
  co_return outcome;
}

/// Communicates until that is complete, cancelled, or out of its limits. A cancellation that comes
/// together with bytes does not throw past them.
COPROC_ON_USE inline awaitable<communicate_outcome> communicate(
    std::shared_ptr<child_streams> streams, communicate_limits limits) {
  return shielded(communicate_shielded(std::move(streams), limits));
}

/// Communicates, and where a tee throws once more without it.
COPROC_ON_USE inline awaitable<communicate_outcome> drain(std::shared_ptr<child_streams> streams,
                                                          communicate_limits limits) {
  for (;;) {
    auto outcome = communicate_outcome::cancelled;
    std::exception_ptr failure;
    try {
      outcome = co_await communicate(streams, limits);
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) co_return outcome;
    if (!streams->has_copies()) std::rethrow_exception(failure);
    streams->drop_copies();
  }
}

/// Ends a child whose communication has not come to its end, by the ladder of stop(), and goes on
/// reading what it writes meanwhile. If that is cancelled in turn the child gets SIGKILL, and is
/// waited for all the same. For a coroutine that is shielded.
COPROC_ON_USE inline awaitable<void> stop_and_drain(std::shared_ptr<child_streams> streams,
                                                    std::chrono::nanoseconds grace) {
  const auto child = streams->child;
  communicate_limits limits;
  limits.stopping = true;
  limits.linger = std::chrono::nanoseconds::max();  // the deadline is enough
  limits.max_output = streams->max_output;
  if (limits.max_output && limits.max_output->then == output_bound::policy::fail)
    limits.max_output->then = output_bound::policy::cut;
  const steady_time deadline = end_of_grace(*child, grace);
  steady_time again = second_asking(*child, grace);
  limits.deadline = std::min(again, deadline);
  child->ask_to_end(far_grace(grace) + '\n');
  auto outcome = co_await drain(streams, limits);
  if (again < deadline && outcome == communicate_outcome::timed_out) {
    child->ask_again();
    again = steady_time::max();
    limits.deadline = deadline;
    outcome = co_await drain(streams, limits);
  }
  if (outcome == communicate_outcome::complete) {
    co_await end_group(child, again, deadline);
    co_return;
  }
  child->send(signal_numbers::kill, true);
  while (!child->exited() && !child->released()) co_await wait_for_exit(child);
  // A grandchild that is in no group of its may hold the pipes, and write to them for ever.
  limits.shielded = true;
  limits.deadline = deadline_in(std::chrono::seconds(1));
  co_await drain(streams, limits);
}

}  // namespace coproc::detail
