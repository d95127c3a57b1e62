// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// The child between clone and exec, which clone_linux.hpp makes. Nothing else in the library starts
// a process.
//
// The child runs in the memory of its parent, whose thread the kernel suspends until the child has
// exec'ed or ended (CLONE_VM | CLONE_VFORK): a launch then costs the same whatever the parent's
// size, and an error is reported by writing it into the plan. The price is the set of rules that
// all code marked COPROC_CHILD_SIDE keeps: only system calls, made directly, since the C library's
// functions may take locks, allocate, be cancellation points, or (setuid and friends) speak to the
// parent's other threads; no sanitizer instrumentation; no unwinding. Every signal is blocked from
// before the clone until the child has reset all dispositions, so no handler of the host can run
// in the child.
//
// Some carry such a clone out as a fork, whose memory is its own: valgrind, qemu-user and their
// like. So until a child has been seen to share our memory, a pipe takes the report as well.
//
// A stop (Ctrl-Z) that hits the child before its exec would hold the parent too, which sleeps in
// the kernel, where it cannot stop: the shell would wait for ever. So the child takes care not to
// be stopped (let_signals_in).
//
// Without CLONE_VFORK this thread could go on while the kernel loads the program. But gdb takes
// such a clone for a fork, and then removes its breakpoints from the child's memory, which is the
// parent's; valgrind knows no such clone and ends the program. Launches run beside each other by
// threads: run(..., N), or a pool.
//
// All this is Linux. Elsewhere (calls_posix.hpp) the child is a fork, which reports by a pipe.

#include <algorithm>
#include <condition_variable>
#include <coproc/detail/os/posix/calls.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace coproc::detail {

/// All that the child needs, made ready by the parent: pointers into the parent's memory, which
/// stays as it is until the child is gone from it.
struct spawn_plan {
  struct fd_move {
    int from, to;
  };
  struct limit {
    int resource;
    calls::limit64 value;
  };

  const char* const* programs = nullptr;  // tried in turn, ends with a null pointer
  bool search = false;                    // they come from a PATH
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  int stdio[3] = {-1, -1, -1};  // each above 2, or -1: as it is
  const fd_move* fds = nullptr;
  std::size_t fd_count = 0;
  const char* cwd = nullptr;
  bool new_session = false;
  int controlling_terminal = -1;  // a descriptor of it, above 2, or -1
  bool make_blocking[3] = {};     // stdio that others have made non-blocking
  bool reset_signals = false;     // all have their default action, ignored ones too
  bool handlers_reset = false;    // the clone has reset them
  pid_t group = -1;               // 0: one of its own
  const limit* limits = nullptr;
  std::size_t limit_count = 0;
  int niceness = 0;
  int umask = -1;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  bool set_groups = false, set_gid = false, set_uid = false;
  gid_t gid = 0;
  uid_t uid = 0;
  pid_t die_with = 0;  // the parent's pid, or 0

  /// The child's report.
  struct report {
    const char* failed = nullptr;  // the step, a literal; null: none
    int error = 0;
    unsigned at = 0;  // which of stdio, fds, limits
  } outcome;
  bool shares_memory = false;  // the child has been here
  int report_to = -1;          // takes the outcome where it has not
};

/// Makes every descriptor above 2 close-on-exec, by whatever this kernel has. 0 or an errno.
COPROC_CHILD_SIDE inline int close_others_on_exec() {
  if (calls::close_range_on_exec(3) == 0) return 0;
  // Linux before 5.11: walk the list of those that are open.
  bool walked = false;
  if (const int error = calls::each_open_fd(walked); walked) return error;
  // No /proc either. The limit may be enormous, or lower than what is open: stop at a million.
  const unsigned long last = calls::descriptor_limit(1ul << 20);
  for (unsigned long fd = 3; fd < last; ++fd) calls::set_cloexec(static_cast<int>(fd), true);
  return 0;
}

#define COPROC_CHILD_TRY(call, the_step, index)                          \
  do {                                                                   \
    if (const int error_ = (call); error_ != 0) {                        \
      plan.outcome = {(the_step), error_, static_cast<unsigned>(index)}; \
      return;                                                            \
    }                                                                    \
  } while (false)

/// The child: returns only when something has failed.
COPROC_CHILD_SIDE inline void become(spawn_plan& plan) {
  calls::reset_signal_actions(plan.reset_signals, plan.handlers_reset);
  // Descriptors first, while limits and privileges are still the parent's. All sources are above
  // 2, so no dup2 can hit one that is still needed.
  for (int fd = 0; fd < 3; ++fd)
    if (plan.stdio[fd] >= 0) COPROC_CHILD_TRY(calls::duplicate(plan.stdio[fd], fd), "dup2", fd);
  for (int fd = 0; fd < 3; ++fd)
    if (plan.make_blocking[fd]) calls::set_blocking(fd);
  COPROC_CHILD_TRY(close_others_on_exec(), "close_range", 0);
  // Before the terminal's own number may become that of what is passed.
  if (plan.new_session) COPROC_CHILD_TRY(calls::new_session(), "new_session", 0);
  if (plan.controlling_terminal >= 0)
    COPROC_CHILD_TRY(calls::take_terminal(plan.controlling_terminal), "terminal", 0);
  for (std::size_t i = 0; i < plan.fd_count; ++i) {
    const auto [from, to] = plan.fds[i];
    COPROC_CHILD_TRY(from == to ? calls::set_cloexec(to, false) : calls::duplicate(from, to),
                     "pass_fds", i);
  }
  if (plan.group >= 0) COPROC_CHILD_TRY(calls::set_group(plan.group), "process_group", 0);
  for (std::size_t i = 0; i < plan.limit_count; ++i)
    COPROC_CHILD_TRY(calls::set_limit(plan.limits[i].resource, plan.limits[i].value),
                     "resource_limit", i);
  if (plan.niceness != 0) COPROC_CHILD_TRY(calls::be_nicer(plan.niceness), "niceness", 0);
  if (plan.umask >= 0) calls::set_umask(plan.umask);
  if (plan.set_groups)
    COPROC_CHILD_TRY(calls::set_groups(plan.group_count, plan.groups), "extra_groups", 0);
  if (plan.set_gid) COPROC_CHILD_TRY(calls::set_gid(plan.gid), "as_group", 0);
  if (plan.set_uid) COPROC_CHILD_TRY(calls::set_uid(plan.uid), "as_user", 0);
  // After the change of user, which clears it.
  if (plan.die_with != 0)
    COPROC_CHILD_TRY(calls::die_with_parent(plan.die_with), "kill_on_parent_death", 0);
  if (plan.cwd != nullptr) COPROC_CHILD_TRY(calls::change_directory(plan.cwd), "chdir", 0);
  calls::let_signals_in();

  // As execvp: look on past what is not there or may not be run, or whose path cannot be followed,
  // and say what is the most of these in the end.
  int error = ENOENT;
  for (const char* const* program = plan.programs; *program != nullptr; ++program) {
    const int result = calls::execute(*program, plan.argv, plan.envp);
    const bool absent = result == ENOENT || result == ENOTDIR || result == ENODEV ||
                        result == ESTALE || result == ETIMEDOUT;
    if (plan.search && absent) continue;
    const bool unreachable = result == ENAMETOOLONG || result == ELOOP;
    if (plan.search && unreachable) {
      if (error == ENOENT) error = result;
      continue;
    }
    error = result;
    if (result != EACCES) break;
  }
  plan.outcome = {"exec", error, 0};
}

#undef COPROC_CHILD_TRY

COPROC_CHILD_SIDE inline int child_main(void* argument) {
  auto& plan = *static_cast<spawn_plan*>(argument);
  plan.shares_memory = true;
  become(plan);
  // So few bytes go in one piece. Nobody is there to be told if they do not.
  if (plan.report_to >= 0) calls::put(plan.report_to, &plan.outcome, sizeof plan.outcome);
  calls::exit_now(127);
}

/// The pipe by which a child reports that does not share our memory, and that an exec closes.
class report_pipe {
 public:
  /// Gives @p plan its writing end. False, with errno set, where there are no descriptors left.
  bool open(spawn_plan& plan) {
    if (!make_pipe(ends_)) return false;
    // Not at a number where the child will put another descriptor.
    const auto taken = [&plan](int number) {
      return std::any_of(plan.fds, plan.fds + plan.fd_count,
                         [number](const spawn_plan::fd_move& move) { return move.to == number; });
    };
    for (int least = 3; ends_.write && taken(ends_.write.get()); ++least) {
      const int copy = ::fcntl(ends_.write.get(), F_DUPFD_CLOEXEC, least);
      if (copy >= 0 && taken(copy)) ::close(copy);
      else ends_.write.reset(copy);
      if (copy < 0 && errno == EINVAL) errno = EMFILE;  // there are no numbers from `least` on
    }
    plan.report_to = ends_.write.get();
    return static_cast<bool>(ends_.write);
  }

  /// Returns when the child has exec'ed or ended. It leaves the outcome as it is where nothing went
  /// wrong.
  void receive(spawn_plan& plan) {
    ends_.write.reset();
    auto* at = reinterpret_cast<char*>(&plan.outcome);
    for (std::size_t size = sizeof plan.outcome; size > 0;) {
      const ssize_t got = ::read(ends_.read.get(), at, size);
      if (got == 0 || (got < 0 && errno != EINTR)) return;
      if (got < 0) continue;
      at += got;
      size -= static_cast<std::size_t>(got);
    }
  }

 private:
  pipe_ends ends_;
};

/// Starts the child. On success its pid, and in @p pidfd its pidfd, empty where the kernel has
/// none. On failure -1, with @p plan saying what failed; the child, if there was one, is reaped.
inline pid_t spawn(spawn_plan& plan, unique_handle& pidfd) {
  const int saved_errno = errno;  // the child shares it
  int fd = -1;
  pid_t pid = -1;
  report_pipe reports;
  const calls::dumpable_kept kept(plan.set_uid || plan.set_gid);
  if (calls::shares_memory() || reports.open(plan)) {
    const calls::all_signals_blocked blocked;
    pid = calls::start_child(&child_main, &plan, fd, plan.handlers_reset);
  }
  pidfd = above_stdio(unique_handle(fd));
  if (pid < 0) {
    plan.outcome = {"clone", errno, 0};
  } else {
    if (plan.shares_memory) calls::memory_was_shared();
    else reports.receive(plan);
    if (plan.outcome.failed != nullptr) {
      calls::reap_failed(pid, pidfd.get());
      pidfd.reset();
    }
  }
  errno = saved_errno;
  return plan.outcome.failed == nullptr ? pid : -1;
}

/// As spawn(), for a child that is to die with this process. Linux sends the parent-death signal
/// when the *thread* that made the child ends. The main thread lasts. Any other thread that calls
/// makes one for this child alone, which begins with all that the caller has (niceness, processors,
/// namespaces, privileges, filters of system calls), and lasts as long as the child.
inline pid_t spawn_by_lasting_thread(spawn_plan& plan, unique_handle& pidfd) {
  if (calls::on_main_thread()) return spawn(plan, pidfd);
  struct {
    std::mutex mutex;
    std::condition_variable changed;
    pid_t pid = -1;
    bool done = false;
  } launch;
  std::unique_lock lock(launch.mutex);
  try {
    const signals_blocked blocked;  // no handler of the host runs in that thread
    std::thread([&plan, &pidfd, &launch] {
      pid_t pid = -1;
      try {
        pid = spawn(plan, pidfd);
      } catch (const std::bad_alloc&) {
        plan.outcome = {"kill_on_parent_death", ENOMEM, 1};
      }
      {
        // Notified under the lock: all that is referred to goes when it is free.
        const std::lock_guard finished(launch.mutex);
        launch.pid = pid;
        launch.done = true;
        launch.changed.notify_one();
      }
      // Not before: the loader may wait for the caller.
      keep_code_loaded();
      if (pid > 0) calls::wait_for_end(pid);
    }).detach();
  } catch (const std::system_error& failure) {
    plan.outcome = {"kill_on_parent_death", failure.code().value(), 1};
    return -1;
  }
  launch.changed.wait(lock, [&launch] { return launch.done; });
  return launch.pid;
}

}  // namespace coproc::detail
