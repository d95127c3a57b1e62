// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/next_line.hpp>
#include <coproc/detail/session.hpp>
#include <coproc/detail/stop.hpp>
#include <coproc/stream.hpp>

namespace coproc {

/// A child process, from exec or shell: its pid, its streams, its end. Movable, not copyable.
///
/// Destroying a process that still runs kills it (and its group, if it leads one) with SIGKILL and
/// reaps it, without blocking and without leaving a zombie, whether or not anything runs its
/// io_context any more; detach() opts out.
/// @par Lifetime, threads One process, with its streams, from one thread or strand at a time. It
/// may be moved, and destroyed, while operations on it are pending: the latter cancels them.
/// @par Source asyncio.subprocess.Process
class process {
 public:
  process(process&&) noexcept = default;
  process& operator=(process&& other) noexcept {
    if (this != &other) {
      end();
      all_ = std::move(other.all_);
      detached_ = other.detached_;
      in_ = std::move(other.in_);
      out_ = std::move(other.out_);
      err_ = std::move(other.err_);
    }
    return *this;
  }
  ~process() { end(); }

  /// The child's process id, also after its end.
  int pid() const { return all().who->pid(); }

  /// Empty while the child runs, then its exit status, 0 to 255, or -N where signal N ended it, or
  /// unknown_returncode. Looks, and never waits. (On Windows the exit code is any number; -1 to -255
  /// are 255 to 1, as elsewhere, and -N is what signal(N) of this process has ended.)
  std::optional<int> returncode() const {
    if (!all().who->ended()) return std::nullopt;
    return all().who->returncode();
  }

  /// What the child has used; all zero before its end has been seen.
  class usage usage() const { return all().who->usage(); }

  // The streams of this process's side.
  /// @throws std::logic_error where that stream is neither `piped` nor a `terminal`.
  writer& std_in() { return stream(0, all().in, in_, "std_in"); }
  reader& std_out() { return stream(1, all().out.stream, out_, "std_out"); }
  reader& std_err() {
    if (all().one_terminal) return std_out();  // what is written to either comes there
    return stream(2, all().err.stream, err_, "std_err");
  }

  /// Waits until the child has ended. May be called any number of times, also after the end, also
  /// by several coroutines at once: each gets the same answer.
  ///
  /// It does not read: a child that fills a pipe nobody reads does not end. communicate() reads.
  /// @return the returncode
  /// @throws cancelled_error
  /// @par Cancellation All types; the child does not notice, and it can be waited for again.
  /// @par Source asyncio's Process.wait
  awaitable<int> wait() { return wait(all().who); }

  /// Gives the child @p bytes and an end of file, reads both outputs to their ends, and waits for
  /// the child's end, all at once, so that neither side can wait for the other for ever.
  ///
  /// A child that does not want (all of) its input is no error. If the child has ended while
  /// somebody else, a grandchild, keeps a pipe open, what is in it is returned as soon as it has
  /// been silent for 250 ms, with `pipe_still_open` set. After success a further call gives the
  /// same result again.
  /// @return `auto [out, err] = ...`; empty where the stream is not piped
  /// @throws cancelled_error with what was read so far; limit_error when there is more than
  /// `max_output`, after the child has been ended as by stop(); std::logic_error for input where stdin is
  /// not piped, or where an earlier call's is still being written, and when another operation uses
  /// one of the streams
  /// @par Cancellation All types; the child does not notice. Nothing is lost: the bytes are in the
  /// error *and* stay in the streams; the next communicate(), without input, goes on from there and
  /// returns everything.
  /// @par Source asyncio's Process.communicate
  awaitable<output> communicate(std::string bytes = std::string()) {
    return communicate(all_, std::move(bytes));
  }

  /// The next line of either output, as one sequence: `while (auto next = co_await
  /// process.next_line())`, where `next->fd` is 1 or 2 and `next->line` the text. The order within
  /// each output is kept, and between them it is that of their arrival as far as can be told.
  /// @return nothing when both have ended
  /// @throws limit_error as reader::readline; std::logic_error beside another operation on a stream
  /// @par Cancellation All types; throws `cancelled_error`, and nothing is lost.
  awaitable<std::optional<tagged_line>> next_line() {
    all();
    return detail::next_line(all_);
  }

  /// Sends a signal to the child. Once it has ended nothing happens, and never does another process
  /// that got its pid receive it.
  /// On Windows there are SIGTERM and SIGKILL (9), either of which ends the child at once, and SIGBREAK,
  /// which asks a child that leads a group to end.
  /// @throws error for a number that is no signal, or without the permission
  void send_signal(int number) { all().who->send(number, false); }
  /// SIGTERM. (Windows: ends the child at once, as kill() does.)
  void terminate() { send_signal(detail::signals::term); }
  /// SIGKILL. The child still has to be waited for, or destroyed.
  void kill() { send_signal(detail::signals::kill); }

  /// Ends the child: SIGTERM (and SIGCONT, for a stopped one), and SIGKILL when @p patience has
  /// passed. Where the child leads a process group the whole group gets them, and what is left of
  /// the group when the child has ended is given the rest of that time and then killed. On Windows a
  /// group gets Ctrl-Break first, as far as it shares a console with this process; a child that leads
  /// none cannot be asked, and is ended at once.
  /// @return the returncode
  /// @throws cancelled_error
  /// @par Cancellation All types: SIGKILL is sent at once.
  template <class Rep = std::int64_t, class Period = std::ratio<1>>
  awaitable<int> stop(
      std::chrono::duration<Rep, Period> patience = std::chrono::duration<Rep, Period>(2)) {
    return stop(all().who, detail::to_nanoseconds(patience));
  }

  /// From now on destroying this object leaves the child running. It is still reaped when it ends.
  void detach() noexcept { detached_ = true; }

  /// The Boost.Process handle of the child, made at the first call. It shows the child to code that
  /// wants such a handle; waiting and signalling are safer by the functions above, and only one
  /// side can reap: after a wait through it, returncode() is unknown_returncode.
  native_process_handle& handle() { return all().who->handle(); }

  /// Gives the child away as a Boost.Process object, which kills it when destroyed, and by whose
  /// rules it is waited for from now on. Pending operations are cancelled, the streams are closed.
  native_process release() {
    native_process given = all().who->release();
    all_->abandon();
    return given;
  }

  /// For the library's own use.
  explicit process(std::shared_ptr<detail::exchange> all) : all_(std::move(all)) {}
  const std::shared_ptr<detail::exchange>& implementation() const { return all_; }

 private:
  detail::exchange& all() const {
    if (!all_) throw std::logic_error("coproc: this process has been moved from");
    return *all_;
  }

  template <class Stream, class Implementation>
  Stream& stream(int fd, const std::shared_ptr<Implementation>& implementation,
                 std::unique_ptr<Stream>& made, const char* name) {
    all_->make_stream(fd);
    if (!implementation)
      throw std::logic_error(std::string("coproc: ") + name + " is neither piped nor a terminal");
    if (!made) made = std::make_unique<Stream>(implementation);
    return *made;
  }

  static awaitable<int> wait(std::shared_ptr<detail::child> who) {
    const bool ended = co_await detail::wait_for_end(who);
    if (!ended) throw cancelled_error("wait");
    co_return who->returncode();
  }

  static awaitable<int> stop(std::shared_ptr<detail::child> who,
                             std::chrono::nanoseconds patience) {
    detail::shield against_cancellation;
    co_await against_cancellation.up();
    std::exception_ptr failure;  // the permission to signal it may be missing
    bool stopped = false;
    try {
      stopped = co_await detail::stop(who, patience);
    } catch (...) {
      failure = std::current_exception();
    }
    co_await against_cancellation.down();
    if (failure) std::rethrow_exception(failure);
    if (!stopped) throw cancelled_error("stop");
    co_return who->returncode();
  }

  static awaitable<output> communicate(std::shared_ptr<detail::exchange> all, std::string bytes) {
    if (!all) throw std::logic_error("coproc: this process has been moved from");
    all->make_streams();
    if (!bytes.empty() && !all->in)
      throw std::logic_error("coproc: communicate: input, but std_in is not piped");
    if (!bytes.empty() && all->has_input)
      throw std::logic_error("coproc: communicate: the input of the first call is not replaced");
    all->check_idle("communicate");
    if (!std::exchange(all->has_input, true)) all->input = std::move(bytes);
    if (!all->complete) {
      detail::bounds within;
      within.most = all->most;
      const auto end = co_await detail::run_exchange(all, within);
      if (end == detail::exchange_end::over_limit) co_await give_up(all);
      // The bytes stay where they are, for the next call.
      if (end == detail::exchange_end::cancelled)
        throw cancelled_error("communicate", all->gathered());
    }
    co_return all->gathered();
  }

  static awaitable<void> give_up(std::shared_ptr<detail::exchange> all) {
    detail::shield against_cancellation;
    co_await against_cancellation.up();
    std::exception_ptr failure;  // the permission to signal it may be missing
    try {
      co_await detail::wind_up(all, detail::default_grace);
    } catch (...) {
      failure = std::current_exception();
    }
    co_await against_cancellation.down();
    if (failure) std::rethrow_exception(failure);
    throw limit_error("communicate: more than max_output, " + std::to_string(all->most->bytes) +
                          " bytes",
                      all->most->bytes, all->gathered());
  }

  void end() noexcept {
    if (!all_) return;
    all_->who->abandon(!detached_);
    all_->abandon();
  }

  std::shared_ptr<detail::exchange> all_;
  bool detached_ = false;
  std::unique_ptr<writer> in_;
  std::unique_ptr<reader> out_, err_;
};

}  // namespace coproc
