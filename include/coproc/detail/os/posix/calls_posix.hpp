// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// POSIX and no more, for systems of which no better way has been tried: fork, a pipe for what went
// wrong in the child, wait4, and signals by number. COPROC_POSIX_ONLY chooses it on Linux too,
// where it is tested. The child calls async-signal-safe functions only. Those for it give 0 or an
// errno.

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__FreeBSD__)
#include <sys/procctl.h>
#elif defined(__linux__)
#include <sys/prctl.h>
#endif

#include <cerrno>
#include <coproc/detail/os/posix/handle.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace coproc::detail::calls {

struct limit64 {
  std::uint64_t soft, hard;
};

COPROC_CHILD_SIDE inline int result_of(int returned) { return returned == -1 ? errno : 0; }

COPROC_CHILD_SIDE inline int duplicate(int from, int to) { return result_of(::dup2(from, to)); }
COPROC_CHILD_SIDE inline int set_cloexec(int fd, bool on) {
  return result_of(::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}
COPROC_CHILD_SIDE inline int close_range_on_exec([[maybe_unused]] unsigned first) {
#if defined(CLOSE_RANGE_CLOEXEC)
  return result_of(::close_range(first, ~0u, CLOSE_RANGE_CLOEXEC));
#else
  return ENOSYS;
#endif
}
COPROC_CHILD_SIDE inline int each_open_fd(bool& walked) {
  walked = false;  // opendir() may allocate
  return ENOSYS;
}
COPROC_CHILD_SIDE inline unsigned long descriptor_limit(unsigned long most) {
#if defined(F_MAXFD)
  if (const int last = ::fcntl(0, F_MAXFD); last >= 0) return static_cast<unsigned long>(last) + 1;
#endif
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > most) return most;
  return static_cast<unsigned long>(limit.rlim_cur);
}
COPROC_CHILD_SIDE inline int new_session() { return result_of(static_cast<int>(::setsid())); }
COPROC_CHILD_SIDE inline int take_terminal(int fd) { return result_of(::ioctl(fd, TIOCSCTTY, 0)); }
COPROC_CHILD_SIDE inline int set_group(pid_t group) { return result_of(::setpgid(0, group)); }
COPROC_CHILD_SIDE inline int set_limit(int resource, const limit64& value) {
  const auto narrow = [](std::uint64_t number) {
    return number == ~std::uint64_t{0} ? RLIM_INFINITY : static_cast<rlim_t>(number);
  };
  rlimit both;
  both.rlim_cur = narrow(value.soft);
  both.rlim_max = narrow(value.hard);
  // glibc has an enumeration there, others an int.
  return result_of(::setrlimit(static_cast<decltype(RLIMIT_NOFILE)>(resource), &both));
}
COPROC_CHILD_SIDE inline int be_nicer(int by) {
  errno = 0;
  const int before = ::getpriority(PRIO_PROCESS, 0);
  if (before == -1 && errno != 0) return errno;
  return result_of(::setpriority(PRIO_PROCESS, 0, before + by));
}
COPROC_CHILD_SIDE inline void set_umask(int mask) { ::umask(static_cast<mode_t>(mask)); }
COPROC_CHILD_SIDE inline int set_groups(std::size_t count, const gid_t* groups) {
#if defined(__linux__)
  return result_of(::setgroups(count, groups));
#else
  return result_of(::setgroups(static_cast<int>(count), groups));
#endif
}
COPROC_CHILD_SIDE inline int set_gid(gid_t id) { return result_of(::setregid(id, id)); }
COPROC_CHILD_SIDE inline int set_uid(uid_t id) { return result_of(::setreuid(id, id)); }
COPROC_CHILD_SIDE inline int die_with_parent([[maybe_unused]] pid_t parent) {
#if defined(__FreeBSD__)
  int number = SIGKILL;
  if (::procctl(P_PID, 0, PROC_PDEATHSIG_CTL, &number) != 0) return errno;
#elif defined(__linux__)
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return errno;
#else
  return ENOTSUP;
#endif
  // The parent may have died before that.
  if (::getppid() != parent) ::kill(::getpid(), SIGKILL);
  return 0;
}
COPROC_CHILD_SIDE inline int change_directory(const char* path) { return result_of(::chdir(path)); }
COPROC_CHILD_SIDE inline int execute(const char* program, char* const* argv, char* const* envp) {
  return result_of(::execve(program, argv, envp));
}
/// Makes an open file description blocking, also for everybody else who has it.
COPROC_CHILD_SIDE inline void set_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}
/// No handler is left, and what is ignored stays so, but for three signals whose being ignored
/// surprises programs; with @p all nothing is ignored.
COPROC_CHILD_SIDE inline void reset_signal_actions(bool all, bool) {
  struct sigaction action = {}, before = {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    const bool three = number == SIGPIPE || number == SIGXFSZ || number == SIGCHLD;
    if (!all && !three && ::sigaction(number, nullptr, &before) == 0 &&
        before.sa_handler == SIG_IGN)
      continue;
    ::sigaction(number, &action, nullptr);
  }
}
/// The parent does not wait in a way that keeps it from being stopped: so may the child.
COPROC_CHILD_SIDE inline void let_signals_in() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}
COPROC_CHILD_SIDE inline void put(int fd, const void* bytes, std::size_t size) {
  [[maybe_unused]] const ssize_t written = ::write(fd, bytes, size);
}
[[noreturn]] COPROC_CHILD_SIDE inline void exit_now(int status) { ::_exit(status); }

/// For the moment of a launch only, so that no handler of the host runs in the child.
class all_signals_blocked {
 public:
  all_signals_blocked() {
    blocked_.emplace();
    // A stop that has come just now is for this process, and a child made after it would miss it.
    sigset_t pending;
    ::sigpending(&pending);
    for (const int number : stop_signals) {
      if (sigismember(&pending, number) != 1 || blocked_->before(number)) continue;
      blocked_.reset();
      blocked_.emplace();
      return;
    }
  }

 private:
  std::optional<signals_blocked> blocked_;
};

/// The memory of the child is not ours: there is nothing that it could take from us.
class dumpable_kept {
 public:
  explicit dumpable_kept(bool) {}
};

/// Whether children have been seen to run in this memory: a fork has its own.
constexpr bool shares_memory() { return false; }
constexpr void memory_was_shared() {}

/// Runs @p main in a child. The pid, or -1 with errno set; @p pidfd stays -1.
inline pid_t start_child(int (*main)(void*), void* argument, int& pidfd, bool&) {
  pidfd = -1;
  const pid_t pid = ::fork();
  if (pid == 0) exit_now(main(argument));
  return pid;
}

/// wait4 for one child, told as waitid does. 0 or an errno.
inline int wait_child(pid_t pid, siginfo_t& info, int flags, rusage& used) {
  int status = 0;
  info.si_pid = 0;
  pid_t found;
  do found = ::wait4(pid, &status, flags, &used);
  while (found < 0 && errno == EINTR);
  if (found <= 0) return found < 0 ? errno : 0;
  info.si_pid = found;
  info.si_code = WIFEXITED(status) ? CLD_EXITED : CLD_KILLED;
  info.si_status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  return 0;
}

/// Waits for a child that is just ending, and reaps it.
inline void reap_failed(pid_t pid, int) {
  siginfo_t info;
  rusage used;
  wait_child(pid, info, 0, used);
}

/// Whether a process has ended, though nobody can reap it yet: nothing tells.
inline bool has_ended(int) { return false; }

/// Waits until a child has ended, and leaves it to be reaped by its owner.
inline void wait_for_end(pid_t pid) {
  siginfo_t info;
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

/// Nothing in POSIX tells the main thread.
inline bool on_main_thread() { return false; }

/// A look at a child, which reaps it where it has ended, and never waits.
/// @return 0: see @p info, whose si_pid is 0 where it still runs; ECHILD: somebody else reaped it.
inline int try_reap(pid_t pid, int, siginfo_t& info, rusage& used) {
  return wait_child(pid, info, WNOHANG, used);
}

/// Whether a FIFO that has just been opened has a writer: nothing tells that without taking a byte.
inline bool has_writer(int) { return true; }

/// writev() without SIGPIPE, in one call: there is none.
inline ssize_t write_no_signal(int, const iovec*, int) {
  errno = ENOSYS;
  return -1;
}

inline std::size_t bytes_of_maxrss(long maxrss) {
#if defined(__APPLE__)
  return static_cast<std::size_t>(maxrss);
#else
  return static_cast<std::size_t>(maxrss) * 1024;
#endif
}

inline int last_signal() {
#if defined(SIGRTMAX)
  return SIGRTMAX;
#else
  return NSIG - 1;
#endif
}

inline int send_signal(pid_t pid, int, int number) { return result_of(::kill(pid, number)); }

/// Sends a signal to the group that the process leads, or, once it is @p reaped, led: as long as
/// the group has members they keep the number from being given to another process.
inline int send_group_signal(pid_t pid, int, int number, bool reaped) {
  if (reaped && result_of(::kill(pid, 0)) != ESRCH) return ESRCH;  // the number is another's now
  return result_of(::kill(-pid, number));
}

/// Whether all that is left of a group waits to be reaped: nothing tells.
inline bool only_zombies(pid_t) { return false; }

}  // namespace coproc::detail::calls
