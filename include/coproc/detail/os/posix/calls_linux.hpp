// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Linux, by system calls made directly: what the child does between clone and exec (see spawn.hpp
// for the rules), and pidfds. Functions for the child give 0 or an errno. The clone itself is in
// clone_linux.hpp.

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <coproc/detail/os/posix/handle.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>

namespace coproc::detail::calls {

// Numbers and flags that headers older than the kernel lack; the same on every architecture.
inline constexpr long nr_pidfd_send_signal = 424;
inline constexpr long nr_close_range = 436;
inline constexpr unsigned close_range_cloexec = 1u << 2;   // CLOSE_RANGE_CLOEXEC, Linux 5.11
inline constexpr unsigned signal_process_group = 1u << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, 6.9
inline constexpr long no_signal = 0x100;                   // RWF_NOSIGNAL, Linux 6.18
inline constexpr int wait_by_pidfd = 3;                    // P_PIDFD, Linux 5.4
inline constexpr int kernel_signals = 64;

struct limit64 {
  std::uint64_t soft, hard;
};

template <class... Arguments>
COPROC_CHILD_SIDE inline int call(long number, Arguments... arguments) {
  return ::syscall(number, arguments...) == -1 ? errno : 0;
}

COPROC_CHILD_SIDE inline int duplicate(int from, int to) { return call(SYS_dup3, from, to, 0); }
COPROC_CHILD_SIDE inline int set_cloexec(int fd, bool on) {
  return call(SYS_fcntl, fd, F_SETFD, on ? FD_CLOEXEC : 0);
}
COPROC_CHILD_SIDE inline int close_range_on_exec(unsigned first) {
  return call(nr_close_range, first, ~0u, close_range_cloexec);
}
COPROC_CHILD_SIDE inline int each_open_fd(bool& walked) {
  const long dir =
      ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (dir < 0) return errno;
  walked = true;
  // linux_dirent64: inode and offset of 8 bytes each, length of 2, type of 1, then the name.
  alignas(8) char buffer[1024];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, dir, buffer, sizeof buffer);
    if (size <= 0) return size < 0 ? errno : 0;
    for (long at = 0; at < size;) {
      const char* entry = buffer + at;
      at += *reinterpret_cast<const std::uint16_t*>(entry + 16);
      int fd = 0;
      const char* digit = entry + 19;
      for (; *digit >= '0' && *digit <= '9'; ++digit) fd = fd * 10 + (*digit - '0');
      if (*digit == '\0' && fd > 2) set_cloexec(fd, true);
    }
  }
}
COPROC_CHILD_SIDE inline unsigned long descriptor_limit(unsigned long most) {
  limit64 limit = {};
  if (call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit) != 0 || limit.soft > most) return most;
  return static_cast<unsigned long>(limit.soft);
}
COPROC_CHILD_SIDE inline int new_session() { return call(SYS_setsid); }
COPROC_CHILD_SIDE inline int take_terminal(int fd) { return call(SYS_ioctl, fd, TIOCSCTTY, 0); }
COPROC_CHILD_SIDE inline int set_group(pid_t group) { return call(SYS_setpgid, 0, group); }
COPROC_CHILD_SIDE inline int set_limit(int resource, const limit64& value) {
  return call(SYS_prlimit64, 0, resource, &value, nullptr);
}
COPROC_CHILD_SIDE inline int be_nicer(int by) {
  const long before = ::syscall(SYS_getpriority, PRIO_PROCESS, 0);  // 20 - nice, so never negative
  if (before < 0) return errno;
  return call(SYS_setpriority, PRIO_PROCESS, 0, 20 - static_cast<int>(before) + by);
}
COPROC_CHILD_SIDE inline void set_umask(int mask) { call(SYS_umask, mask); }
// Where an architecture once had 16-bit ids, the calls without 32 still take those.
COPROC_CHILD_SIDE inline int set_groups(std::size_t count, const gid_t* groups) {
#if defined(SYS_setgroups32)
  return call(SYS_setgroups32, count, groups);
#else
  return call(SYS_setgroups, count, groups);
#endif
}
COPROC_CHILD_SIDE inline int set_gid(gid_t id) {
#if defined(SYS_setresgid32)
  return call(SYS_setresgid32, id, id, id);
#else
  return call(SYS_setresgid, id, id, id);
#endif
}
COPROC_CHILD_SIDE inline int set_uid(uid_t id) {
#if defined(SYS_setresuid32)
  return call(SYS_setresuid32, id, id, id);
#else
  return call(SYS_setresuid, id, id, id);
#endif
}
COPROC_CHILD_SIDE inline int die_with_parent(pid_t parent) {
  if (const int error = call(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0)) return error;
  // The parent may have died before that.
  if (::syscall(SYS_getppid) != parent) call(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
  return 0;
}
COPROC_CHILD_SIDE inline int change_directory(const char* path) { return call(SYS_chdir, path); }
COPROC_CHILD_SIDE inline int execute(const char* program, char* const* argv, char* const* envp) {
  return call(SYS_execve, program, argv, envp);
}
/// Makes an open file description blocking, also for everybody else who has it.
COPROC_CHILD_SIDE inline void set_blocking(int fd) {
  const long flags = ::syscall(SYS_fcntl, fd, F_GETFL);
  if (flags >= 0) call(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
}
// All zero is SIG_DFL, no flags, no mask, whatever the layout of the kernel's struct. The handler
// is the first member on the architectures that we know; SIG_IGN is 1.
COPROC_CHILD_SIDE inline const void* handler_of(int number) {
  std::uint64_t action[8] = {};
  call(SYS_rt_sigaction, number, nullptr, action, kernel_signals / 8);
  const void* handler;
  __builtin_memcpy(&handler, action, sizeof handler);
  return handler;
}
COPROC_CHILD_SIDE inline void set_handler(int number, const void* handler) {
  std::uint64_t action[8] = {};
  __builtin_memcpy(action, &handler, sizeof handler);
  call(SYS_rt_sigaction, number, action, nullptr, kernel_signals / 8);
}

/// No handler is left, and what is ignored stays so, but for three signals whose being ignored
/// surprises programs; with @p all nothing is ignored.
/// @param handlers_reset there are no handlers: only those three are to be looked at
COPROC_CHILD_SIDE inline void reset_signal_actions(bool all, bool handlers_reset) {
  const void* const ignored = reinterpret_cast<const void*>(SIG_IGN);
  for (int number = 1; number <= kernel_signals; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    bool reset = all || number == SIGPIPE || number == SIGXFSZ || number == SIGCHLD;
    if (!reset && handlers_reset) continue;
    if (!reset) {
      const void* const handler = handler_of(number);
      reset = handler != nullptr && handler != ignored;
    }
    if (reset) set_handler(number, nullptr);
  }
}
COPROC_CHILD_SIDE inline void put(int fd, const void* bytes, std::size_t size) {
  call(SYS_write, fd, bytes, size);
}

COPROC_CHILD_SIDE inline std::uint64_t bit_of(int number) {
  return std::uint64_t{1} << (number - 1);
}
COPROC_CHILD_SIDE inline std::uint64_t pending_signals() {
  std::uint64_t pending = 0;
  call(SYS_rt_sigpending, &pending, kernel_signals / 8);
  return pending;
}

/// Has the exec of this process send it @p number, once the parent has been woken and before the
/// program's first instruction: the exec closes a pipe both of whose ends ask for that signal, and
/// whichever goes first is told by the other.
COPROC_CHILD_SIDE inline void signal_at_exec(int number) {
  int ends[2];
  if (call(SYS_pipe2, ends, O_CLOEXEC) != 0) return;
  for (const int fd : ends) {
    call(SYS_fcntl, fd, F_SETOWN, static_cast<int>(::syscall(SYS_getpid)));
    call(SYS_fcntl, fd, 10 /* F_SETSIG */, number);
    call(SYS_fcntl, fd, F_SETFL, O_ASYNC);
  }
}

/// Unblocks all signals, but does not let this process be stopped before its exec. A stop that has
/// come already waits for the exec. One that comes in the moment between is ended by a timer, which
/// an exec deletes: then the parent stops, and the child, which has lost it, goes on.
COPROC_CHILD_SIDE inline void let_signals_in() {
  constexpr std::size_t size = kernel_signals / 8;
  sigevent go_on = {};
  go_on.sigev_notify = SIGEV_SIGNAL;
  go_on.sigev_signo = SIGCONT;
  int timer = 0;
  if (call(SYS_timer_create, CLOCK_MONOTONIC, &go_on, &timer) == 0) {
    constexpr long often = 10'000'000;  // nanoseconds
    const long period[4] = {0, often, 0, often};
    call(SYS_timer_settime, timer, 0, period, nullptr);
  }
  const std::uint64_t pending = pending_signals();
  for (const int number : stop_signals) {
    if ((pending & bit_of(number)) == 0 || handler_of(number) != nullptr) continue;
    signal_at_exec(number);
    set_handler(number, reinterpret_cast<const void*>(SIG_IGN));  // which takes it back
    set_handler(number, nullptr);
  }
  const std::uint64_t none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, size);
}
[[noreturn]] COPROC_CHILD_SIDE inline void exit_now(int status) {
  for (;;) call(SYS_exit_group, status);
}

/// Blocks every signal of this thread, those of the C library's own too, while it lives: for the
/// moment of a launch only. (setuid() of another thread waits for this one meanwhile.)
class all_signals_blocked {
 public:
  all_signals_blocked() {
    block();
    // A stop that has come just now is for this process, and a child made after it would miss it.
    std::uint64_t stops = 0;
    for (const int number : stop_signals) stops |= bit_of(number);
    if ((pending_signals() & stops & ~before_) == 0) return;
    restore();
    block();
  }
  all_signals_blocked(const all_signals_blocked&) = delete;
  all_signals_blocked& operator=(const all_signals_blocked&) = delete;
  ~all_signals_blocked() { restore(); }

 private:
  void block() {
    const std::uint64_t every_signal = ~std::uint64_t{0};
    call(SYS_rt_sigprocmask, SIG_SETMASK, &every_signal, &before_, kernel_signals / 8);
  }
  void restore() { call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kernel_signals / 8); }
  std::uint64_t before_ = 0;
};

/// Keeps this process dumpable while a child changes its user. The kernel then takes that from the
/// memory, which is the child's and ours, so that none of the new user's processes can look into
/// it; but a core dump, a debugger and /proc/self would be lost to us for ever. One such launch at
/// a time, or a second would take what the first has done for what was.
class dumpable_kept {
 public:
  explicit dumpable_kept(bool user_changes) {
    if (!user_changes) return;
    lock_ = std::unique_lock(of_this_process<std::mutex>());
    before_ = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  }
  dumpable_kept(const dumpable_kept&) = delete;
  dumpable_kept& operator=(const dumpable_kept&) = delete;
  ~dumpable_kept() {
    if (before_ == 1) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  }

 private:
  std::unique_lock<std::mutex> lock_;
  int before_ = -1;
};

/// Whether children have been seen to run in this memory. Where one has, all do.
inline std::atomic<bool> memory_is_shared = false;
inline bool shares_memory() { return memory_is_shared.load(std::memory_order_relaxed); }
inline void memory_was_shared() {
  if (!shares_memory()) memory_is_shared.store(true, std::memory_order_relaxed);
}

/// waitid for one child, by its pidfd where there is one. 0 or an errno.
inline int wait_child(pid_t pid, int pidfd, siginfo_t& info, int flags, rusage* used) {
  for (;;) {
    info.si_pid = 0;
    int error = EINVAL;
    if (pidfd >= 0) error = call(SYS_waitid, wait_by_pidfd, pidfd, &info, flags, used);
    if (error == EINVAL)  // no pidfd, or a Linux before 5.4
      error = call(SYS_waitid, P_PID, pid, &info, flags, used);
    if (error != EINTR) return error;
  }
}

/// Waits until a child has ended, and leaves it to be reaped by its owner.
inline void wait_for_end(pid_t pid) {
  siginfo_t info;
  while (wait_child(pid, -1, info, WEXITED | WNOWAIT, nullptr) == 0 && !is_end(info))
    ::poll(nullptr, 0, 20);  // a child that this process traces, and that has stopped
}

/// Waits for a child that is just ending, and reaps it.
inline void reap_failed(pid_t pid, int pidfd) {
  siginfo_t info;
  wait_child(pid, pidfd, info, WEXITED, nullptr);
}

inline bool on_main_thread() { return ::syscall(SYS_gettid) == ::getpid(); }

/// Whether a process has ended, though perhaps nobody can reap it yet.
inline bool has_ended(int pidfd) {
  pollfd ended = {pidfd, POLLIN, 0};
  return pidfd >= 0 && ::poll(&ended, 1, 0) > 0;
}

/// A look at a child, which reaps it where it has ended, and never waits.
/// @return 0: see @p info, whose si_pid is 0 where it still runs; ECHILD: somebody else reaped it.
inline int try_reap(pid_t pid, int pidfd, siginfo_t& info, rusage& used) {
  return wait_child(pid, pidfd, info, WEXITED | WNOHANG, &used);
}

/// Whether a FIFO that has just been opened has a writer. A read would tell, but take a byte. True
/// for a pipe without a name, by /dev/stdin: its end is as good as an empty file.
inline bool has_writer(int fifo) {
  constexpr auto pipefs = 0x50495045;
  struct statfs status;
  int fds[2];
  if (::fstatfs(fifo, &status) != 0 || status.f_type == pipefs) return true;
  if (::pipe2(fds, O_CLOEXEC) != 0) return true;  // not known
  const ssize_t copied = ::tee(fifo, fds[1], 1, SPLICE_F_NONBLOCK);
  ::close(fds[0]);
  ::close(fds[1]);
  return copied != 0;
}

/// writev() without SIGPIPE, in one call: Linux 6.18. -1 with errno where it cannot.
inline ssize_t write_no_signal(int fd, const iovec* bytes, int count) {
  constexpr long no_offset = -1;  // as writev(): at the file's own position, if it has one
  return ::syscall(SYS_pwritev2, fd, bytes, static_cast<long>(count), no_offset, no_offset,
                   no_signal);
}

inline std::size_t bytes_of_maxrss(long maxrss) { return static_cast<std::size_t>(maxrss) * 1024; }

inline int last_signal() { return SIGRTMAX; }

/// Sends a signal to the process of @p pidfd, or to @p pid where there is none.
inline int send_signal(pid_t pid, int pidfd, int number) {
  if (pidfd >= 0) {
    const int error = call(nr_pidfd_send_signal, pidfd, number, nullptr, 0u);
    if (error != ENOSYS && error != EPERM) return error;
  }
  return call(SYS_kill, pid, number);
}

/// Sends a signal to the group that the process leads, or, once it is @p reaped, led. By the pidfd
/// it is that very group for sure; by the number as long as the group has members, which keep the
/// number from being given to another process.
inline int send_group_signal(pid_t pid, int pidfd, int number, bool reaped) {
  if (pidfd >= 0) {
    const int error = call(nr_pidfd_send_signal, pidfd, number, nullptr, signal_process_group);
    if (error == 0 || error == ESRCH) return error;
  }
  if (reaped && call(SYS_kill, pid, 0) != ESRCH) return ESRCH;  // the number is another's now
  return call(SYS_kill, -pid, number);
}

/// Whether all that is left of a group has ended, and only waits to be reaped: by a process 1 that
/// never does, or by this one, to which orphans come. False where nothing tells.
inline bool only_zombies(pid_t group) {
  DIR* const processes = ::opendir("/proc");
  if (processes == nullptr) return false;
  bool found = false, living = false;
  while (const dirent* const entry = living ? nullptr : ::readdir(processes)) {
    char path[32], text[512];
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const unique_handle file(::open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t size = file ? ::read(file.get(), text, sizeof text - 1) : 0;
    if (size <= 0) continue;
    text[size] = '\0';
    const char* const name_end = std::strrchr(text, ')');  // the name may have any other character
    char state = 0;
    int its_group = 0, threads = 0;
    constexpr auto fields = " %c %*d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d";
    if (name_end == nullptr ||
        std::sscanf(name_end + 1, fields, &state, &its_group, &threads) != 3 || its_group != group)
      continue;
    found = true;
    // The state is that of the main thread, which may have ended before others.
    living = (state != 'Z' && state != 'X') || threads > 1;
  }
  ::closedir(processes);
  return found && !living;
}

}  // namespace coproc::detail::calls
