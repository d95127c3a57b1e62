// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace coproc::detail {

/// How a communication may end.
enum class communicate_outcome { complete, cancelled, timed_out, silent, over_limit };

/// Decides what communicate and capture do next. It has no descriptor, no clock and no coroutine:
/// next() names an action, the driver (communicate.hpp) carries it out and reports the result.
///
/// A turn looks for the child's exit, writes and reads as far as that goes without waiting, minds
/// the time, copies what is to be copied, and then ends the communication, yields or sleeps. The
/// next turn begins with resume(), which takes the events that have come meanwhile.
class communicate_fsm {
 public:
  /// What the event loop tells, as bits.
  enum event_bit : unsigned {
    writable = 1,      // stdin takes bytes
    out_readable = 2,  // stdout has bytes, or has ended
    err_readable = 4,  // the same for stderr
    may_have_exited = 8,
    pipe_is_idle = 16,  // the idle timer has passed
    deadline = 32,      // the deadline has passed
    silence = 64,       // the silence timer has passed
    copied = 128,       // the task that copies has ended
    lingered = 256,     // the linger timer has passed
    made = 1024         // the task that makes input has ended
  };

  enum class action {
    look_for_exit,  // -> exit_looked()
    watch_exit,     // arm may_have_exited
    close_input,
    write,         // write once -> wrote()
    watch_input,   // arm writable
    cancel_input,  // ask the task that makes input to end
    read_out,      // read once -> was_read()
    read_err,
    watch_out,        // arm out_readable
    watch_err,        // arm err_readable
    look_for_group,   // -> group_looked()
    start_linger,     // start the linger timer
    start_idle,       // (re)start the idle timer
    restart_silence,  // start the silence timer anew, from when something was last read
    copy_out,         // hand over the next piece -> piece()
    copy_err,
    cancel_copy,   // ask the task that copies to end
    check_bounds,  // -> bounds_checked()
    yield,         // go once around the event loop, then resume()
    sleep,         // wait for events, then resume()
    finish         // see outcome() and left_open()
  };

  /// making: a task has been started that makes the next piece
  enum class write_result { some, blocked, making, done };
  enum class read_result { more, drained, blocked, end };
  enum class piece_result { none, handed_over, paused, started };

  /// What is there at the start, and what the communication is to heed.
  class setup {
   public:
    bool exited = false;                           // the child has been seen to have exited
    bool input = false, out = false, err = false;  // open streams
    bool out_drained = true, err_drained = true;   // nothing is known to be in the pipe
    bool copy_out = false, copy_err = false;       // somebody wants a copy
    bool bounded = false;                          // output is bounded
    bool shielded = false;      // goes on though its coroutine has been cancelled
    bool stopping = false;      // waits for the child's group too, as long as that has a pipe
    bool leaves_input = false;  // does not wait for the end of the task that makes input
  };

  explicit communicate_fsm(const setup& start) : setup_(start), input_open_(start.input) {
    outputs_[0] = output(start.out, start.out_drained, start.copy_out, out_readable);
    outputs_[1] = output(start.err, start.err_drained, start.copy_err, err_readable);
    resume(0);
    exited_ = start.exited;
  }

  /// Begins a turn, or goes on with one that waits for a copy, or has paused between copies.
  void resume(unsigned events) {
    armed_ &= ~events;
    kept_ |= events;
    if (events & made) making_ = false;
    if (copying_ || std::exchange(paused_, false)) return;
    ready_ = kept_;
    kept_ = 0;
    had_exited_ = exited_;
    more_to_do_ = false;
    input_budget_ = turns;
    for (output& each : outputs_) each.budget = turns;
    phase_ = phase::look;
  }
  /// The coroutine has been cancelled.
  void cancel() { cancelled_ = true; }
  /// The process has been destroyed, or given away.
  void abandon() { abandoned_ = true; }

  /// What to do now. It is asked again when that is done.
  action next() {
    if (paused_) return action::yield;
    for (;;) {
      const std::optional<action> decision = copying_ ? wait_for_copy() : step();
      if (decision) return *decision;
    }
  }

  /// @param exited the child has exited
  /// @param watchable it may still be waited for: it was not given away
  void exit_looked(bool exited, bool watchable) {
    exited_ = exited_ || exited;
    watchable_ = watchable;
  }
  void wrote(write_result result) {
    if (result == write_result::blocked) input_blocked_ = true;
    if (result == write_result::making) making_ = true;
    if (result == write_result::done) input_done_ = true;
    --input_budget_;
  }
  void was_read(read_result result) {
    output& each = outputs_[current_];
    each.blocked = result == read_result::blocked;
    each.drained = result == read_result::drained || each.blocked;
    if (result == read_result::end) each.open = false;
    if (result == read_result::more || result == read_result::drained)
      heard_ = heard_since_silence_ = true;
    --each.budget;
  }
  void group_looked(bool alive) {
    if (!alive) gave_up_ = true;
  }
  void piece(piece_result result) {
    if (result == piece_result::none) next_phase();
    copying_ = result == piece_result::started;
    paused_ = result == piece_result::paused;
    copy_cancelled_ = false;
  }
  void bounds_checked(bool fits) { over_limit_ = !fits; }

  /// How it has ended, once next() has said finish.
  communicate_outcome outcome() const { return *decided(); }
  /// It is complete, but somebody else still holds a pipe.
  bool left_open() const { return gave_up_ && open(); }
  bool gave_up() const { return gave_up_; }
  bool exited() const { return exited_; }

 private:
  /// How often to read or write in a row before others get their turn.
  static constexpr int turns = 16;

  enum class phase {
    look,
    close,
    watch,
    write,
    read_out,
    read_err,
    time,
    idle,
    copy_out,
    copy_err,
    bounds,
    decide
  };

  class output {
   public:
    output() = default;
    output(bool is_open, bool is_drained, bool is_copied, unsigned event)
        : open(is_open), drained(is_drained), copy(is_copied), bit(event) {}
    bool open = false;
    bool drained = true;   // the last read took all there was
    bool blocked = false;  // the last read found nothing
    bool copy = false;
    unsigned bit = 0;
    int budget = 0;
  };

  bool open() const { return outputs_[0].open || outputs_[1].open; }

  /// Whether no copy is waited for any more. (Not where the child has exited in time: what it has
  /// written is copied to the end.)
  bool copying_is_over() const {
    return (timed_out_ && !exited_) || (kept_ & deadline) != 0 || abandoned_ ||
           (cancelled_ && !setup_.shielded);
  }

  void next_phase() { phase_ = static_cast<phase>(static_cast<int>(phase_) + 1); }

  std::optional<action> arm(unsigned bit, action watch) {
    if (armed_ & bit) return std::nullopt;
    armed_ |= bit;
    return watch;
  }

  std::optional<action> step() {
    switch (phase_) {
      case phase::look:
        next_phase();
        // The first look is left to the wait: a child that has just started has not exited.
        if (!exited_ && (ready_ & (may_have_exited | deadline | silence)) != 0)
          return action::look_for_exit;
        return std::nullopt;
      case phase::close:
        next_phase();
        if (!exited_ || !input_open_) return std::nullopt;
        input_open_ = false;  // nobody is there to read the rest
        return action::close_input;
      case phase::watch:
        next_phase();
        if (exited_ || !watchable_) return std::nullopt;
        return arm(may_have_exited, action::watch_exit);
      case phase::write: return write_step();
      case phase::read_out: return read_step(0, action::read_out, action::watch_out);
      case phase::read_err: return read_step(1, action::read_err, action::watch_err);
      case phase::time: return time_step();
      case phase::idle: return idle_step();
      case phase::copy_out: return copy_step(0, action::copy_out);
      case phase::copy_err: return copy_step(1, action::copy_err);
      case phase::bounds:
        next_phase();
        if (!setup_.bounded) return std::nullopt;
        return action::check_bounds;
      case phase::decide: break;
    }
    if (decided()) {
      if (!making_) return action::finish;
      if (!std::exchange(making_cancelled_, true)) return action::cancel_input;
      return setup_.leaves_input ? action::finish : action::sleep;
    }
    if (kept_ != 0) {  // something has happened while a copy was waited for
      resume(0);
      return std::nullopt;
    }
    return more_to_do_ ? action::yield : action::sleep;
  }

  std::optional<action> write_step() {
    if (input_open_ && input_done_) {
      input_open_ = false;
      return action::close_input;
    }
    if (!input_open_ || making_ || making_cancelled_ || armed_ & writable) {
      next_phase();
      return std::nullopt;
    }
    if (input_blocked_) {
      input_blocked_ = false;
      return arm(writable, action::watch_input);
    }
    if (input_budget_ > 0) return action::write;
    more_to_do_ = true;
    next_phase();
    return std::nullopt;
  }

  std::optional<action> read_step(std::size_t index, action read, action watch) {
    output& each = outputs_[index];
    // A pipe is read without having been waited for when the child has just exited, since its end
    // is near, and before it is given up.
    const bool last =
        exited_ != had_exited_ || (ready_ & (pipe_is_idle | lingered | deadline)) != 0;
    if (!each.open || (armed_ & each.bit && !last)) {
      next_phase();
      return std::nullopt;
    }
    const bool first = each.budget == turns;
    const bool again = first ? !each.drained || ready_ & each.bit || last
                             : !each.blocked && (!each.drained || last);
    if (again && each.budget > 0) {
      current_ = index;
      return read;
    }
    next_phase();
    if (!again) return arm(each.bit, watch);
    more_to_do_ = true;
    return std::nullopt;
  }

  std::optional<action> time_step() {
    next_phase();
    if (ready_ & deadline) timed_out_ = true;
    if (!(ready_ & silence) || exited_) return std::nullopt;
    silent_ = !heard_since_silence_;
    heard_since_silence_ = false;
    if (silent_) return std::nullopt;
    return action::restart_silence;
  }

  /// The child has exited, but a pipe of its is open: wait until that has been silent for a while,
  /// and for a longer while where it is not.
  std::optional<action> idle_step() {
    if (!exited_ || !open() || gave_up_) {
      next_phase();
      return std::nullopt;
    }
    if (timed_out_ || ready_ & lingered) {
      gave_up_ = true;
      return std::nullopt;
    }
    if (!lingering_) {
      lingering_ = true;
      return action::start_linger;
    }
    const bool passed = (ready_ & pipe_is_idle) != 0;
    if (passed && !heard_) {
      ready_ &= ~unsigned{pipe_is_idle};
      heard_ = true;  // where the group is alive the timer starts anew
      if (setup_.stopping) return action::look_for_group;
      gave_up_ = true;
      return std::nullopt;
    }
    next_phase();
    if (idle_started_ && !heard_ && !passed) return std::nullopt;
    heard_ = false;
    idle_started_ = true;
    return action::start_idle;
  }

  std::optional<action> copy_step(std::size_t index, action copy) {
    if (outputs_[index].copy && !copying_is_over()) return copy;
    next_phase();
    return std::nullopt;
  }

  /// Nothing is read while a copy is waited for, so the child waits too. But the time does not:
  /// what ends the communication cancels the copy.
  std::optional<action> wait_for_copy() {
    if (kept_ & copied) {
      kept_ &= ~unsigned{copied};
      copying_ = false;
      heard_since_silence_ = true;  // the child had to be silent
      copy_cut_short_ = copy_cut_short_ || copy_cancelled_;
      timed_out_ = timed_out_ || (kept_ & deadline) != 0;
      return std::nullopt;
    }
    if (copy_cancelled_ || !copying_is_over()) return action::sleep;
    copy_cancelled_ = true;
    return action::cancel_copy;
  }

  std::optional<communicate_outcome> decided() const {
    using result = communicate_outcome;
    if (abandoned_) return result::cancelled;
    if (over_limit_) return result::over_limit;
    if (copy_cut_short_) return timed_out_ ? result::timed_out : result::cancelled;
    if (exited_ && (gave_up_ || !open())) return result::complete;
    if (timed_out_) return result::timed_out;
    if (silent_) return result::silent;
    if (cancelled_ && !setup_.shielded) return result::cancelled;
    return std::nullopt;
  }

  setup setup_;
  phase phase_ = phase::look;
  unsigned armed_ = 0;  // what the event loop will tell
  unsigned ready_ = 0;  // what it has told for this turn
  unsigned kept_ = 0;   // and since
  output outputs_[2];
  std::size_t current_ = 0;  // the output that is read
  int input_budget_ = turns;
  bool input_open_, input_blocked_ = false, input_done_ = false;
  bool making_ = false, making_cancelled_ = false;  // a task makes the next piece of input
  bool more_to_do_ = false;                         // without waiting
  bool exited_ = false, had_exited_ = false, watchable_ = true;
  bool heard_ = false;                // something was read since the idle timer was started
  bool heard_since_silence_ = false;  // the same for the silence timer
  bool idle_started_ = false, lingering_ = false;
  bool gave_up_ = false;  // the pipes are not waited for any more
  bool timed_out_ = false, silent_ = false, over_limit_ = false;
  bool cancelled_ = false, abandoned_ = false;
  bool paused_ = false;          // others have their turn before the next copy
  bool copying_ = false;         // a task copies
  bool copy_cancelled_ = false;  // it has been asked to end
  bool copy_cut_short_ = false;  // it has ended since it was asked to
};

}  // namespace coproc::detail
