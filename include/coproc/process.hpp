// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/command.hpp>
#include <coproc/find_program.hpp>
#include <coproc/native_process.hpp>
#include <coproc/status.hpp>
#include <coproc/stream.hpp>

namespace coproc {
namespace detail {

class child_streams;

}  // namespace detail

/// This process's side of the terminal that a child has, by `terminal`: `process.terminal()`. The
/// child, and all that it starts, may be talking there while its streams are pipes:
/// `exec("ssh", host, "ls", terminal = size(24, 80), std_out = piped)`.
///
/// It has a buffer of a few KiB in the kernel: who writes more, and finds nobody who reads it,
/// waits. communicate() and capture() read it where it is stdout or stderr.
/// @threads As for process.
/// @source node-pty; pexpect's spawn, with setwinsize and child_fd
class terminal_side {
 public:
  /// @private For the library's own use.
  explicit terminal_side(std::shared_ptr<detail::child_streams> streams);
  terminal_side(const terminal_side&) = delete;
  terminal_side& operator=(const terminal_side&) = delete;

  /// What is written here has been typed: it is echoed to out() while the child has that on,
  /// `"\x03"` is Ctrl-C, and close() types the end-of-file character. It is process::std_in() where
  /// that is the terminal.
  writer& in() { return in_; }
  /// What is shown. The end comes when the child has ended, and nobody else has the terminal open
  /// any more. It is process::std_out(), or std_err(), where that is the terminal.
  reader& out() { return out_; }

  /// Says what the terminal shows from now on; the programs in its foreground get SIGWINCH. After
  /// the child's end nothing happens. `process.terminal().resize(size(50, 132))`
  void resize(terminal_size to);

  /// A descriptor.
  using native_handle_type = detail::os_handle;
  /// The master, for tcsetattr and the like, which on Linux mean the terminal itself: no echo, raw
  /// mode. It is non-blocking, and stays good as long as the process.
  native_handle_type native_handle() const;

 private:
  std::shared_ptr<detail::child_streams> streams_;
  writer in_;
  reader out_;
};

/// A child process, from exec or shell: its pid, its streams, its end. Movable, not copyable.
///
/// Destroying a process that still runs kills it (and its group, if it leads one) with SIGKILL and
/// reaps it, without blocking and without leaving a zombie, whether or not anything runs its
/// io_context any more; detach() opts out.
/// @threads One process, with its streams, from one thread or strand at a time. It
/// may be moved, and destroyed, while operations on it are pending: the latter cancels them. It may
/// outlive its io_context: looking, signals and what has been read work on; what would have to wait
/// is a `std::logic_error`.
/// @source asyncio.subprocess.Process
class [[nodiscard]] process {
 public:
  /// One without a child, as one that has been moved from: to use it is a `std::logic_error`.
  process() noexcept;
  /// Operations that are pending go on.
  process(process&& other) noexcept;
  /// As a destruction, then a move.
  process& operator=(process&& other) noexcept;
  /// Kills and reaps the child where it still runs, see above.
  ~process();

  /// The child's process id, also after its end.
  int pid() const;

  /// Empty while the child runs, then its exit status, 0 to 255, or -N where signal N ended it, or
  /// unknown_returncode. Looks, and never waits. (On Windows the exit code is any number; -1 to
  /// -255 are 255 to 1, as elsewhere, and -N is what signal(N) of this process has ended.)
  optional_returncode returncode() const;

  /// What the child has used; all zero before its end has been seen.
  class usage usage() const;

  /// This process's end of the child's stdin.
  /// @throws std::logic_error where that is neither `piped` nor a `terminal`
  /// @lifetime It stays good as long as this object, or the one that this is moved to.
  writer& std_in();
  /// The same of its stdout.
  /// @throws std::logic_error where that is neither `piped` nor a `terminal`
  reader& std_out();
  /// The same of its stderr; std_out() where one terminal is both.
  /// @throws std::logic_error where that is neither `piped` nor a `terminal`
  reader& std_err();

  /// This process's side of the child's terminal, whichever of its streams are that.
  /// @throws std::logic_error where it has none
  /// @lifetime As std_in().
  terminal_side& terminal();

  /// Waits until the child has ended. May be called any number of times, also after the end, also
  /// by several coroutines at once: each gets the same answer.
  ///
  /// It does not read: a child that fills a pipe nobody reads does not end. communicate() reads.
  /// @return the returncode
  /// @throws cancelled_error
  /// @cancellation All types; the child does not notice, and it can be waited for again.
  /// @source asyncio's Process.wait
  COPROC_ON_USE awaitable<int> wait();

  /// Gives the child @p bytes and an end of file, reads both outputs to their ends, and waits for
  /// the child's end, all at once, so that neither side can wait for the other for ever.
  ///
  /// A child that does not want (all of) its input is no error. If the child has ended while
  /// somebody else, a grandchild, keeps a pipe open, what is in it is returned as soon as it has
  /// been silent for 250 ms, or 2 s after the end, with `pipe_still_open` set. After success a
  /// further call gives the same result again.
  /// @return `auto [out, err] = ...`; empty where the stream is not piped
  /// @throws cancelled_error with what was read so far; limit_error when there is more than
  /// `max_output`, after the child has been ended as by stop(); std::logic_error for input where
  /// stdin is not piped, or where an earlier call's is still being written, and when another
  /// operation uses one of the streams
  /// @cancellation All types; the child does not notice. Nothing is lost: the bytes are in the
  /// error *and* stay in the streams; the next communicate(), without input, goes on from there and
  /// returns everything.
  /// @source asyncio's Process.communicate
  /// @shown{feed_python.cpp}
  COPROC_ON_USE awaitable<output> communicate(std::string bytes = std::string());

  /// The same with input that is made as the child takes it, in constant memory.
  /// @param source text, or a range of bytes; a range of those, which is gone through as the child
  /// reads; or a callable that returns a `std::optional<std::string>`, or an `awaitable` of that:
  /// the next piece, and nothing at the end. What it throws ends the operation, and is rethrown.
  /// @cancellation As above; a call of the callable that goes on is cancelled and waited for,
  /// and the next communicate() calls it again.
  /// @lifetime A range with a name is not copied: it must live until its end has been reached.
  template <class Input>
  awaitable<output> communicate(Input&& source) {
    return communicate_from(detail::input_source(std::forward<Input>(source)));
  }

  /// The next line of either output, as one sequence: `while (auto next = co_await
  /// process.next_line())`, where `next->fd` is 1 or 2 and `next->line` the text. The order within
  /// each output is kept, and between them it is that of their arrival as far as can be told.
  /// @return nothing when both have ended
  /// @throws limit_error as reader::readline; std::logic_error beside another operation on a stream
  /// @cancellation All types; throws `cancelled_error`, and nothing is lost.
  COPROC_ON_USE awaitable<std::optional<tagged_line>> next_line();

  /// Sends a signal to the child. Once it has ended nothing happens, and never does another process
  /// that got its pid receive it.
  /// On Windows there are SIGTERM and SIGKILL (9), either of which ends the child at once, and
  /// SIGBREAK, which asks a child that leads a group to end.
  /// @throws error for a number that is no signal, or without the permission
  void send_signal(int number);
  /// SIGTERM to the child, or to the whole group that it leads, as stop() does; send_signal is for
  /// the child alone. (Windows: ends it at once, as kill() does.)
  void terminate();
  /// SIGKILL to the same. The child still has to be waited for, or destroyed.
  void kill();

  /// Ends the child: SIGTERM (and SIGCONT, for a stopped one), and SIGKILL when @p patience has
  /// passed. A child with a terminal gets SIGHUP, and SIGTERM when half of that time has passed.
  /// Where the child leads a process group the whole group gets them, and what is left of the group
  /// when the child has ended is given the rest of that time and then killed. On Windows a group
  /// gets Ctrl-Break first, as far as it shares a console with this process; a child that leads
  /// none cannot be asked, and is ended at once.
  /// @return the returncode
  /// @throws cancelled_error
  /// @cancellation All types: SIGKILL is sent at once.
  /// @shown{supervisor.cpp}
  template <class Rep = std::int64_t, class Period = std::ratio<1>>
  awaitable<int> stop(
      std::chrono::duration<Rep, Period> patience = std::chrono::duration<Rep, Period>(2)) {
    return stop_within(detail::to_nanoseconds(patience));
  }
  /// @private Answered by a sentence.
  template <class Number>
    requires std::is_arithmetic_v<Number> awaitable<int> stop(Number) {
      detail::refuse_as_time<Number>();
      return wait();
    }

  /// From now on destroying this object leaves the child running. It is still reaped when it ends.
  void detach() noexcept { detached_ = true; }

  /// The Boost.Process handle of the child, made at the first call. It shows the child to code that
  /// wants such a handle; waiting and signalling are safer by the functions above, and only one
  /// side can reap: after a wait through it, returncode() is unknown_returncode.
  /// @throws std::logic_error once the child has been seen to have ended: its number may be
  /// another's
  native_process_handle& handle();

  /// Gives the child away as a Boost.Process object, which kills it when destroyed, and by whose
  /// rules it is waited for from now on. Pending operations are cancelled, the streams are closed.
  /// @throws std::logic_error for a child that is carried elsewhere and has no stdin of its own
  native_process release();

  /// For logs: "process 4711, running", "process 4711, exit status 3". It looks, as returncode()
  /// does, and never waits.
  friend std::string to_string(const process& what) { return what.description(); }
  /// The same.
  friend std::ostream& operator<<(std::ostream& stream, const process& what) {
    return stream << what.description();
  }

  /// @private For the library's own use.
  explicit process(std::shared_ptr<detail::child_streams> streams);
  /// @private
  const std::shared_ptr<detail::child_streams>& implementation() const { return streams_; }

 private:
  detail::child_streams& streams() const;
  COPROC_ON_USE awaitable<output> communicate_from(detail::input_source source);
  COPROC_ON_USE awaitable<int> stop_within(std::chrono::nanoseconds patience);
  std::string description() const;
  void end() noexcept;

  std::shared_ptr<detail::child_streams> streams_;
  bool detached_ = false;
  std::unique_ptr<writer> in_;
  std::unique_ptr<reader> out_, err_;
  std::unique_ptr<terminal_side> terminal_;
};

/// The same, for who says `coproc::to_string`.
std::string to_string(const process& what);

}  // namespace coproc

#if !defined(COPROC_SEPARATE_COMPILATION)
#include <coproc/impl/process.ipp>
#include <coproc/impl/task_group.ipp>
#endif
