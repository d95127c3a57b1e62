// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <coproc/detail/os/boost.hpp>
#include <coproc/detail/os/child_observer.hpp>
#include <coproc/detail/os/exit_waiters.hpp>
#include <coproc/detail/os/posix/async_pipe.hpp>
#include <coproc/detail/os/posix/reaper.hpp>
#include <memory>

namespace coproc::detail {

/// The one owner of a child: its pid and pidfd, its reap, its status. It outlives the moves of its
/// `process`, and each operation that waits for the child keeps it.
class child final : private context_member {
 public:
  child(const asio::any_io_executor& executor, launched& started)
      : pid_(started.pid),
        leads_group_(started.leads_group),
        stop_signal_(started.stop_signal),
        second_stop_signal_(started.second_stop_signal),
        pidfd_(executor, std::move(started.pidfd)),
        lifeline_(std::move(started.lifeline)),
        has_lifeline_(static_cast<bool>(lifeline_)),
        place_(std::move(started.place)) {
    join_context(executor);
    started.pid = -1;
  }
  ~child() { abandon(true); }

  pid_t pid() const noexcept { return pid_; }
  const asio::any_io_executor& executor() const noexcept { return pidfd_.executor(); }

  bool has_lifeline() const noexcept { return has_lifeline_; }

  bool reaped() const noexcept { return state_ == state::exited; }
  bool released() const noexcept { return state_ == state::released; }

  // Good once exited() has said true:
  int returncode() const noexcept { return returncode_; }
  const class usage& usage() const noexcept { return usage_; }

  /// True if the child has exited. It is reaped here and nowhere else, when that is first seen.
  bool exited() {
    if (state_ != state::running) return reaped();
    siginfo_t info;
    rusage used;
    const int error = calls::try_reap(pid_, pidfd_.get(), info, used);
    if (error != 0 && !may_live()) {
      // Somebody else reaped it: the kernel, as the host ignores SIGCHLD, or a waitpid(-1) there.
      state_ = state::exited;
    } else if (error == 0 && is_end(info)) {
      state_ = state::exited;
      returncode_ = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
      const auto duration = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
      };
      usage_ = {duration(used.ru_utime), duration(used.ru_stime),
                calls::bytes_of_maxrss(used.ru_maxrss)};
    }
    if (!reaped()) return false;
    lifeline_.reset();
    // A pidfd serves to signal what is left of a group; else nothing of the child is held.
    if (!group_alive()) pidfd_.close();
    if (observer_) observer_->ended(returncode_, usage_);
    return true;
  }

  void observe(std::unique_ptr<child_observer> observer) noexcept {
    observer_ = std::move(observer);
  }

  /// Notifies @p target with @p bit when the child may have exited.
  void notify(std::shared_ptr<event> target, unsigned bit) {
    if (released()) throw cancelled_error("wait for a child");
    if (!executor()) throw_context_gone();
    if (!waiting_) waiting_ = std::make_shared<exit_waiters>();
    if (waiting_->add(std::move(target), bit)) return;
    try {
      wait();
    } catch (...) {  // no descriptors left, for the first wait of a context
      waiting_->tell();
      throw;
    }
  }

  /// Ends what notify() has started for @p target.
  void stop_notifying(const std::shared_ptr<event>& target) {
    if (waiting_ && waiting_->remove(target)) cancel_wait();
  }

  /// Asks the child, or the group that it leads, to end, also if it is stopped; or the far side.
  void ask_to_end(std::string last_word) {
    if (!has_lifeline_) return ask(stop_signal_);
    // Once: the carrier is to bring what comes of it.
    const iovec bytes = {last_word.data(), last_word.size()};
    if (!lifeline_) return;
    write_without_sigpipe(lifeline_.get(), &bytes, 1);
    lifeline_.reset();
    if (observer_) observer_->signalled(stop_signal_);
  }
  /// Whether it is asked by another signal when that has not been enough.
  bool asks_twice() const noexcept { return second_stop_signal_ != 0; }
  void ask_again() { ask(second_stop_signal_); }

  /// Sends a signal to the child or, with @p group, to the group that it leads. Nothing happens
  /// where nobody is left to get it.
  void send(int number, bool group) {
    if (number < 0 || number > calls::last_signal())
      throw error(make_error_code(boost::system::errc::invalid_argument),
                  "send_signal: there is no signal " + std::to_string(number));
    int result = ESRCH;
    if (released()) return;
    if (group && leads_group_) result = send_to_group(number);
    else if (!exited()) result = calls::send_signal(pid_, pidfd_.get(), number);
    if (result == 0 && number != 0 && observer_) observer_->signalled(number);
    if (result == 0 || result == ESRCH) return;
    const error_code code = system_error(result);
    throw error(code, "send_signal: " + signal_name(number) + " to process " +
                          std::to_string(pid_) + ": " + code.message());
  }

  /// True while anybody is left in the group that the child leads.
  bool group_alive() const { return leads_group_ && !released() && send_to_group(0) == 0; }

  /// True where all of them have ended, and wait for somebody to reap them. Looks at every process.
  bool group_is_zombies() const { return leads_group_ && calls::only_zombies(pid_); }

  /// The Boost handle of this child. Its descriptor is a copy of ours.
  native_process_handle& handle() {
    // Its number may be another's by now, which Boost's handle would take for the child.
    if (!handle_ && reaped())
      throw std::logic_error("coproc: handle: the child has ended, and nothing of it is left");
    if (!handle_)
      handle_ = std::make_unique<native_process_handle>(make_native<native_process_handle>(
          executor(), pid_, ::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 3), ::close));
    return *handle_;
  }

  /// Gives the child away. Operations that wait for it end as if cancelled.
  native_process release() {
    const auto executor = pidfd_.executor();
    // Once it is reaped its number may be another's, whom the Boost object would kill.
    if (state_ != state::running) return native_process(executor);
    // Before it is let go: without pidfds in the kernel, Boost's object may refuse to be made.
    auto given = make_native<native_process>(executor, pid_, pidfd_.release().release(), ::close);
    let_go();
    return given;
  }

  /// Ends the ownership. A child that still runs is orphaned to the reaper; with @p kill, it gets
  /// SIGKILL first, and its group too if it leads one. Operations that wait for it end as if
  /// cancelled.
  void abandon(bool kill) noexcept {
    if (released() || exited()) return;
    if (kill) {
      if (leads_group_) send_to_group(SIGKILL);
      calls::send_signal(pid_, pidfd_.get(), SIGKILL);
      if (observer_) observer_->signalled(SIGKILL);
    }
    const auto executor = pidfd_.executor();
    let_go();
    if (kill) lifeline_.reset();
    if (kill && executor) reaper::instance().orphaned_killed(pid_, pidfd_.release(), executor);
    else reaper::instance().orphaned(pid_, pidfd_.release(), kill, std::move(lifeline_));
  }

 private:
  enum class state : unsigned char { running, exited, released };

  /// No child of ours any more, since the host has become a daemon, but it lives.
  bool may_live() const { return pidfd_.is_open() && !calls::has_ended(pidfd_.get()); }

  void ask(int number) {
    send(number, true);
    send(SIGCONT, true);
  }

  int send_to_group(int number) const {
    return calls::send_group_signal(pid_, pidfd_.get(), number, reaped());
  }

  void wait() {
    const auto tell = [waiting = waiting_](error_code) { waiting->tell(); };
    // A pidfd may tell of an end that cannot be seen yet, since a tracer holds it: that would spin.
    const bool held = waiting_->told_before() && calls::has_ended(pidfd_.get());
    if (pidfd_.is_open() && !held) return pidfd_.async_wait(async_pipe_end::to_read, tell);
    // A kernel without pidfds tells of an exit by SIGCHLD alone, which is the host's: so whoever
    // waits looks, now and then.
    if (!timer_) timer_ = std::make_unique<asio::steady_timer>(executor());
    timer_->expires_after(std::chrono::milliseconds(20));
    timer_->async_wait(tell);
  }
  void cancel_wait() {
    pidfd_.cancel();
    if (timer_) timer_->cancel();
  }

  void let_go() {
    state_ = state::released;
    handle_.reset();
    cancel_wait();
    if (observer_) observer_->abandoned();
  }

  void context_gone(std::vector<wait_handler>&) override {
    handle_.reset();
    timer_.reset();
  }

  pid_t pid_;
  bool leads_group_;
  state state_ = state::running;
  int stop_signal_, second_stop_signal_;
  int returncode_ = unknown_returncode;
  class usage usage_;
  async_pipe_end pidfd_;
  unique_handle lifeline_;
  const bool has_lifeline_;
  reaper::place place_;
  std::shared_ptr<exit_waiters> waiting_;  // once somebody waits
  // What most children never have:
  std::unique_ptr<asio::steady_timer> timer_;
  std::unique_ptr<native_process_handle> handle_;
  std::unique_ptr<child_observer> observer_;
};

}  // namespace coproc::detail
