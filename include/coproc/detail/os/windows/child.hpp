// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <psapi.h>
#include <boost/asio/windows/basic_object_handle.hpp>
#include <coproc/detail/os/boost.hpp>
#include <coproc/detail/os/child_observer.hpp>
#include <coproc/detail/os/exit_waiters.hpp>
#include <coproc/detail/os/inline_executor.hpp>
#include <coproc/detail/os/signals.hpp>
#include <coproc/detail/os/windows/async_pipe.hpp>
#include <coproc/detail/os/windows/reaper.hpp>

namespace coproc::detail {

/// The one owner of a child: its handle, its status. It outlives the moves of its `process`, and is
/// kept by each operation that waits for the child.
class child final : private context_member {
 public:
  child(const asio::any_io_executor& executor, launched& started)
      : pid_(started.pid),
        leads_group_(started.leads_group),
        dies_with_job_(started.dies_with_job),
        has_lifeline_(static_cast<bool>(started.lifeline)),
        executor_(executor) {
    join_context(executor);
    process_ = std::move(started.process);
    job_ = std::move(started.job);
    lifeline_ = std::move(started.lifeline);
    started.pid = -1;
  }
  ~child() {
    abandon(true);
    if (state_ == state::exited && dies_with_job_) spare_group();
  }

  int pid() const noexcept { return pid_; }
  const asio::any_io_executor& executor() const noexcept { return executor_; }

  bool has_lifeline() const noexcept { return has_lifeline_; }

  bool reaped() const noexcept { return state_ == state::exited; }
  bool released() const noexcept { return state_ == state::released; }

  // Good once exited() has said true:
  int returncode() const noexcept { return returncode_; }
  const class usage& usage() const noexcept { return usage_; }

  /// True if the child has exited.
  bool exited() {
    if (state_ != state::running) return reaped();
    if (::WaitForSingleObject(process_.get(), 0) != WAIT_OBJECT_0) return false;
    state_ = state::exited;
    lifeline_.reset();
    DWORD code = 0;
    if (::GetExitCodeProcess(process_.get(), &code))
      returncode_ = code == ended_from_outside ? -ended_by_ : as_returncode(code);
    FILETIME unused, kernel, user;
    PROCESS_MEMORY_COUNTERS memory = {};
    if (::GetProcessTimes(process_.get(), &unused, &unused, &kernel, &user) &&
        ::K32GetProcessMemoryInfo(process_.get(), &memory, sizeof memory))
      usage_ = {time_of(user), time_of(kernel), memory.PeakWorkingSetSize};
    if (observer_) observer_->ended(returncode_, usage_);
    return true;
  }

  void observe(std::unique_ptr<child_observer> observer) noexcept {
    observer_ = std::move(observer);
  }

  /// Notifies @p target with @p bit when the child may have exited.
  void notify(std::shared_ptr<event> target, unsigned bit) {
    if (released()) throw cancelled_error("wait for a child");
    if (!executor_) throw_context_gone();
    if (waiting_->add(std::move(target), bit)) return;
    if (!registered_) {
      registered_.emplace(inline_executor(&executor_));
      registered_->assign(duplicate(process_.get(), false).release());
    }
    registered_->async_wait([waiting = waiting_](const error_code&) { waiting->tell(); });
  }

  /// Ends what notify() has started for @p target.
  void stop_notifying(const std::shared_ptr<event>& target) {
    error_code ignored;
    if (waiting_->remove(target) && registered_) registered_->cancel(ignored);
  }

  /// Asks the group that the child leads to end. There is no way to ask a child that leads none, so
  /// that is ended at once.
  /// What is carried elsewhere is asked by the end of its lifeline. (A last word on it would have
  /// to be waited for, so the far side goes by the grace that it was launched with.)
  void ask_to_end(const std::string&) {
    if (has_lifeline_) {
      if (lifeline_ && observer_) observer_->signalled(signal_numbers::term);
      return lifeline_.reset();
    }
    const bool asked = leads_group_ && !exited() && break_group();
    if (asked && observer_) observer_->signalled(SIGBREAK);
    if (!asked) send(signal_numbers::term, true);
  }
  bool asks_twice() const noexcept { return false; }
  void ask_again() {}

  /// Ends the child or, with @p group, the group that it leads; SIGBREAK asks the latter to.
  void send(int number, bool group) {
    if (state_ == state::released || number == 0) return;
    if (number == SIGBREAK && leads_group_) {
      if (exited()) return;
      if (!break_group()) fail(number, ::GetLastError());
      if (observer_) observer_->signalled(number);
      return;
    }
    if (number != signal_numbers::term && number != signal_numbers::kill)
      throw error(
          make_error_code(boost::system::errc::invalid_argument),
          "send_signal: Windows has SIGTERM and SIGKILL (9), which end a child, and SIGBREAK for "
          "one that leads a group; not " +
              std::to_string(number));
    if (group && leads_group_) end_group(number);
    else if (exited()) return;
    else if (!end_process(number)) fail(number, ::GetLastError());
    if (observer_) observer_->signalled(number);
  }

  /// True while anybody is left in the group that the child leads.
  bool group_alive() const {
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION about = {};
    return leads_group_ && !released() &&
           ::QueryInformationJobObject(job_.get(), JobObjectBasicAccountingInformation, &about,
                                       sizeof about, nullptr) &&
           about.ActiveProcesses > 0;
  }
  /// There are none.
  bool group_is_zombies() const { return false; }

  /// The Boost handle of this child. Its handle of the system's is a copy of ours.
  native_process_handle& handle() {
    if (!handle_ && reaped())
      throw std::logic_error("coproc: handle: the child has ended, and nothing of it is left");
    if (!handle_)
      handle_.emplace(make_native<native_process_handle>(
          executor_, pid_, duplicate(process_.get(), false).release(), ::CloseHandle));
    return *handle_;
  }

  /// Gives the child away. Operations that wait for it end as if cancelled.
  native_process release() {
    if (state_ != state::running) return native_process(executor_);
    drop();
    return make_native<native_process>(executor_, pid_, process_.release(), ::CloseHandle);
  }

  /// Ends the ownership. With @p kill a child that still runs is ended first, and its group too if
  /// it leads one. Operations that wait for it end as if cancelled.
  void abandon(bool kill) noexcept {
    if (state_ == state::released || exited()) return;
    if (kill) {
      if (leads_group_) end_group(signal_numbers::kill);
      end_process(signal_numbers::kill);
      if (observer_) observer_->signalled(signal_numbers::kill);
    }
    if (kill) dies_with_job_ = false;  // whom the job holds has been ended
    if (!kill) lifeline_.release();    // its end would be that of the far side
    drop();
    if (kill && executor_) reaper::instance().orphaned_killed(std::move(process_), executor_);
  }

 private:
  enum class state { running, exited, released };
  using object = asio::windows::basic_object_handle<inline_executor>;

  static std::chrono::microseconds time_of(const FILETIME& time) {
    const std::uint64_t ticks =
        std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;  // of 100 ns
    return std::chrono::microseconds(ticks / 10);
  }

  bool break_group() {
    ended_by_ = SIGBREAK;
    return ::GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, static_cast<DWORD>(pid_)) != 0;
  }
  bool end_process(int number) {
    const bool done = ::TerminateProcess(process_.get(), ended_from_outside) != 0;
    if (done) ended_by_ = number;
    return done || ::GetLastError() == ERROR_ACCESS_DENIED;  // it is ending already
  }
  void end_group(int number) {
    const bool leader_runs = !exited();
    if (::TerminateJobObject(job_.get(), ended_from_outside) && leader_runs) ended_by_ = number;
  }
  /// The end of this object is not that of the group, since the leader's own end has come.
  void spare_group() noexcept {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION none = {};
    ::SetInformationJobObject(job_.get(), JobObjectExtendedLimitInformation, &none, sizeof none);
  }

  /// As it is; but -1 to -255 by its last 8 bits, as elsewhere: a small negative number is a
  /// signal.
  static int as_returncode(DWORD code) {
    return static_cast<int>(code > 0xFFFFFF00 ? code & 0xFF : code);
  }
  [[noreturn]] void fail(int number, DWORD why) const {
    throw error(system_error(why), "send_signal: " + signal_name(number) + " to process " +
                                       std::to_string(pid_) + ": " + system_error(why).message());
  }

  void drop() {
    state_ = state::released;
    // To close it would end whom it holds.
    if (dies_with_job_) job_.release();
    end_waits();
    if (observer_) observer_->abandoned();
  }

  void end_waits() {
    error_code ignored;
    if (registered_) registered_->cancel(ignored);
    handle_.reset();
  }

  void context_gone(std::vector<wait_handler>&) override {
    end_waits();
    registered_.reset();
    executor_ = asio::any_io_executor();
  }

  int pid_;
  bool leads_group_, dies_with_job_;
  const bool has_lifeline_;
  state state_ = state::running;
  int returncode_ = unknown_returncode;
  int ended_by_ = SIGINT;  // where Ctrl-C has ended it
  class usage usage_;
  asio::any_io_executor executor_;  // empty when the context has gone
  unique_handle process_, job_, lifeline_;
  std::optional<object> registered_;
  std::optional<native_process_handle> handle_;
  std::unique_ptr<child_observer> observer_;
  std::shared_ptr<exit_waiters> waiting_ = std::make_shared<exit_waiters>();
};

}  // namespace coproc::detail
