// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/boost.hpp>
#include <coproc/detail/launch.hpp>
#include <coproc/detail/reaper.hpp>
#include <coproc/detail/watched_fd.hpp>
#include <memory>
#include <mutex>

namespace coproc::detail {

/// The one owner of a child: its pid and pidfd, its reap, its status. It outlives the moves of its
/// `process`, and is kept by each operation that waits for the child.
class child final : private context_bound {
 public:
  child(const asio::any_io_executor& executor, launched& started)
      : pid_(started.pid),
        leads_group_(started.leads_group),
        pidfd_(executor, std::move(started.pidfd)) {
    bind(executor);
    started.pid = -1;
  }
  ~child() { abandon(true); }

  pid_t pid() const noexcept { return pid_; }
  bool leads_group() const noexcept { return leads_group_; }
  const asio::any_io_executor& executor() const noexcept { return pidfd_.executor(); }

  bool reaped() const noexcept { return state_ == state::ended; }
  bool given_up() const noexcept { return state_ == state::given_up; }

  // Good once ended() has said true:
  int returncode() const noexcept { return returncode_; }
  const class usage& usage() const noexcept { return usage_; }

  /// True if the child has ended. It is reaped here and nowhere else, when that is first seen.
  bool ended() {
    if (state_ != state::running) return state_ == state::ended;
    siginfo_t info;
    rusage used;
    if (system::try_reap(pid_, pidfd_.get(), info, used) != 0) {
      // Somebody else reaped it: the kernel, as the host ignores SIGCHLD, or a waitpid(-1) there.
      state_ = state::ended;
    } else if (info.si_pid != 0) {
      state_ = state::ended;
      returncode_ = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
      const auto time = [](const timeval& t) {
        return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
      };
      usage_ = {time(used.ru_utime), time(used.ru_stime), system::bytes_of_maxrss(used.ru_maxrss)};
    }
    if (state_ == state::ended && rare_ && rare_->sigchld)
      rare_->sigchld->cancel();  // wakes all that wait by it
    return state_ == state::ended;
  }

  /// Notifies @p target with @p bit when the child may have ended, or when @p slot says to stop.
  void notify(std::shared_ptr<wakeup> target, unsigned bit, asio::cancellation_slot slot) {
    auto handler = asio::bind_cancellation_slot(
        slot, [target = std::move(target), bit](auto&&...) { target->notify_now(bit); });
    if (pidfd_.is_open())
      return pidfd_.registered().async_wait(watched_fd::to_read,
                                            std::move(handler));
    sigchld().async_wait(std::move(handler));
    ended();  // look again, now that its signal cannot be missed
  }

  /// Ends what notify() has started with a slot of @p signal. (Of a child that was given away there
  /// is nothing that it could still refer to.)
  void stop_notifying(asio::cancellation_signal& signal) {
    if (!given_up()) signal.emit(asio::cancellation_type::terminal);
  }

  /// Asks the child, or the group that it leads, to end, also if it is stopped.
  void ask_to_end() {
    send(SIGTERM, true);
    send(SIGCONT, true);
  }

  /// Sends a signal to the child or, with @p group, to the group that it leads. Nothing happens
  /// where nobody is left to get it.
  void send(int number, bool group) {
    if (number < 0 || number > system::last_signal())
      throw error(make_error_code(boost::system::errc::invalid_argument),
                  "send_signal: there is no signal " + std::to_string(number));
    int result = 0;
    if (state_ == state::given_up) return;
    if (group && leads_group_) result = send_to_group(number);
    else if (!ended()) result = system::send_signal(pid_, pidfd_.get(), number);
    if (result != 0 && result != ESRCH) {
      const error_code code(result, boost::system::system_category());
      throw error(code, "send_signal: " + signal_name(number) + " to process " +
                            std::to_string(pid_) + ": " + code.message());
    }
  }

  /// True while anybody is left in the group that the child leads.
  bool group_alive() const {
    return leads_group_ && !given_up() && send_to_group(0) == 0;
  }

  /// The Boost handle of this child. Its descriptor is a copy of ours.
  native_process_handle& handle() {
    auto& handle = rare().handle;
    if (!handle)
      handle.emplace(make_native<native_process_handle>(
          executor(), pid_, ::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 3), ::close));
    return *handle;
  }

  /// Gives the child away. Operations that wait for it end as if cancelled.
  native_process release() {
    const auto executor = pidfd_.executor();
    // Once it is reaped its number may be another's, whom the Boost object would kill.
    if (state_ != state::running) return native_process(executor);
    drop();
    return make_native<native_process>(executor, pid_, pidfd_.release().release(), ::close);
  }

  /// Ends the ownership. A child that still runs goes to the reaper; with @p kill, it gets SIGKILL
  /// first, and its group too if it leads one. Operations that wait for it end as if cancelled.
  void abandon(bool kill) noexcept {
    if (state_ == state::given_up || ended()) return;
    if (kill) {
      if (leads_group_) send_to_group(SIGKILL);
      system::send_signal(pid_, pidfd_.get(), SIGKILL);
    }
    const auto executor = pidfd_.executor();
    drop();
    if (kill && executor) reaper::instance().adopt_killed(pid_, pidfd_.release(), executor);
    else reaper::instance().adopt(pid_, pidfd_.release());
  }

 private:
  enum class state { running, ended, given_up };

  int send_to_group(int number) const {
    return system::send_group_signal(pid_, pidfd_.get(), number, reaped());
  }

  asio::signal_set& sigchld() {
    // No pidfd on this kernel: SIGCHLD then, the one case in which a disposition of the host's is
    // changed, by Asio.
    auto& signals = rare().sigchld;
    if (signals) return *signals;
    if (!executor()) throw cancelled_error("wait for a child");
    // Where two threads make the first signal_set of a context, Asio makes its service twice, and
    // the one that it drops takes the pipe of both out of the reactor: no signal comes ever after.
    static std::mutex one_by_one;
    const std::lock_guard lock(one_by_one);
    return signals.emplace(executor(), SIGCHLD);
  }

  /// What most children never have. It stays until this object goes: the cancellation slot of a
  /// wait may refer to it.
  struct rarely_needed {
    std::optional<asio::signal_set> sigchld;
    std::optional<native_process_handle> handle;
  };
  rarely_needed& rare() {
    if (!rare_) rare_ = std::make_unique<rarely_needed>();
    return *rare_;
  }
  void forget_rare() {
    if (!rare_) return;
    rare_->handle.reset();
    rare_->sigchld.reset();
  }

  void drop() {
    state_ = state::given_up;
    forget_rare();
  }

  void context_gone(std::vector<wait_handler>&) override { forget_rare(); }

  pid_t pid_;
  bool leads_group_;
  state state_ = state::running;
  int returncode_ = unknown_returncode;
  class usage usage_;
  watched_fd pidfd_;
  std::unique_ptr<rarely_needed> rare_;
};

}  // namespace coproc::detail
