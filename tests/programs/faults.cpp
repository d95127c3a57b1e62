// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Makes each system call of a launch fail in turn, with the errors it can have, and prints what
// came of it: the step and error that were reported, or that a fall-back was found; and what was
// left behind, which must be nothing. The kernel itself refuses the calls (a seccomp filter, in a
// process of its own for each case), so what is tested is the library as it is.

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/detail/os/os.hpp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace coproc::keywords;
using coproc::command;

/// Which calls are refused: those of this number and, with a mask, with that value in an argument.
struct refusal {
  long number;
  int error;
  int argument = -1;
  unsigned mask = 0, value = 0;
};

// What kernels lack that are older than these calls and flags.
constexpr refusal no_clone3 = {435, ENOSYS};
constexpr refusal no_flag = {SYS_clone, EINVAL, 0, 0x1000, 0x1000};  // CLONE_PIDFD
constexpr refusal no_pidfd_open = {434, ENOSYS};
constexpr refusal no_close_range = {436, ENOSYS};
constexpr refusal no_nosignal = {SYS_pwritev2, EOPNOTSUPP};  // RWF_NOSIGNAL

void refuse(const std::vector<refusal>& all) {
  std::vector<sock_filter> program;
  const auto load = [&](std::size_t offset) {
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)));
  };
  for (const refusal& one : all) {
    load(offsetof(seccomp_data, nr));
    const bool checked = one.argument >= 0;
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(one.number), 0,
                               static_cast<unsigned char>(checked ? 4 : 1)));
    if (checked) {  // the low half of the argument
      load(offsetof(seccomp_data, args) + 8 * static_cast<std::size_t>(one.argument));
      program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, one.mask));
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one.value, 0, 1));
    }
    program.push_back(
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(one.error)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    ::_exit(90);
}

int count_fds() {
  int count = 0;
  for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

struct report {
  char step[32];
  int error;
  int leaked_fds;
  bool leaked_children;
  int returncode;
  bool done;
};

/// Launches in a process of its own, and reports through shared memory.
report attempt(const std::function<void()>& prepare, const std::function<command()>& make) {
  auto* const shared = static_cast<report*>(
      ::mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  *shared = report{};
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const command what = make();
    const int before = count_fds();
    prepare();
    try {
      const coproc::error_code code = [&] {
        coproc::detail::launched child = coproc::detail::launch(what.words(), what.options());
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED);
        child.pid = -1;  // it is reaped
        shared->returncode = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
        return coproc::error_code();
      }();
      std::strcpy(shared->step, "started");
      shared->error = code.value();
    } catch (const coproc::launch_error& e) {
      std::snprintf(shared->step, sizeof shared->step, "%.*s", static_cast<int>(e.step().size()),
                    e.step().data());
      shared->error = e.code().value();
    }
    shared->leaked_fds = count_fds() - before;
    shared->leaked_children = has_children();
    shared->done = true;
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  const report result = *shared;
  ::munmap(shared, sizeof(report));
  return result;
}

int failures = 0, passed = 0;

void check(const char* call, const char* error, const std::string& expected, int number,
           const report& result) {
  const bool good = result.done && expected == result.step && result.error == number &&
                    result.leaked_fds == 0 && !result.leaked_children && result.returncode == 0;
  std::printf("%-30s %-8s -> %-20s errno %3d  descriptors %+d  children %d  status %d  %s\n", call,
              error, result.done ? result.step : "(died)", result.error, result.leaked_fds,
              result.leaked_children ? 1 : 0, result.returncode, good ? "ok" : "FAILED");
  ++(good ? passed : failures);
}

struct named_error {
  int number;
  const char* name;
};
#define E(name) \
  { name, #name }

const std::string child = COPROC_CHILD;

/// The call fails, so the launch does, at that step and with that error.
void fails(const char* call, const refusal& what, const std::vector<named_error>& errors,
           const char* step, const std::function<command()>& make) {
  for (const auto& [number, name] : errors) {
    refusal one = what;
    one.error = number;
    // Where clone() is refused the call that it stands in for has been refused before.
    check(call, name, step, number, attempt([&] { refuse({no_clone3, one}); }, make));
  }
}

/// The calls fail, and the launch finds another way.
void survives(const char* call, const char* error, const std::vector<refusal>& what,
              const std::function<command()>& make) {
  check(call, error, "started", 0, attempt([&] { refuse(what); }, make));
}

command plain() { return command(child, "exit", 0); }
command all_pipes() {
  return command(child, "exit", 0, std_in = piped, std_out = piped, std_err = piped);
}

command pipes_beside() { return command(all_pipes(), terminal = size(24, 80)); }

void table() {
  // The parent.
  fails("pipe2", {SYS_pipe2, 0}, {E(EMFILE), E(ENFILE)}, "pipe", all_pipes);
  fails("fcntl F_SETFL", {SYS_fcntl, 0, 1, ~0u, F_SETFL}, {E(EBADF)}, "pipe", all_pipes);
  fails("openat /dev/null", {SYS_openat, 0, 2, O_ACCMODE, O_RDWR},
        {E(EMFILE), E(ENFILE), E(ENOENT), E(EACCES), E(ENXIO)}, "open",
        [] { return command(child, "exit", 0, std_in = devnull); });
  fails("openat of a redirect", {SYS_openat, 0, 2, O_ACCMODE, O_WRONLY},
        {E(EMFILE), E(ENFILE), E(ENOENT), E(EACCES), E(EISDIR), E(ELOOP), E(ENOSPC), E(EROFS),
         E(ETXTBSY), E(EDQUOT), E(EINTR), E(EOVERFLOW), E(ENAMETOOLONG)},
        "open", [] { return command(child, "exit", 0, std_out = "/tmp/coproc-never-made"); });
  fails("openat /dev/ptmx", {SYS_openat, 0, 2, O_ACCMODE, O_RDWR},
        {E(EMFILE), E(ENOENT), E(ENOSPC), E(EIO)}, "terminal",
        [] { return command(child, "exit", 0, std_in = terminal); });
  fails("ioctl TIOCSPTLCK", {SYS_ioctl, 0, 1, ~0u, TIOCSPTLCK}, {E(EIO)}, "terminal", pipes_beside);
  fails("ioctl TIOCSWINSZ", {SYS_ioctl, 0, 1, ~0u, TIOCSWINSZ}, {E(EINVAL), E(EIO)}, "terminal",
        pipes_beside);
  fails("fcntl F_DUPFD_CLOEXEC", {SYS_fcntl, 0, 1, ~0u, F_DUPFD_CLOEXEC}, {E(EMFILE), E(EINVAL)},
        "terminal", pipes_beside);
  fails("fcntl F_DUPFD_CLOEXEC", {SYS_fcntl, 0, 1, ~0u, F_DUPFD_CLOEXEC}, {E(EMFILE), E(EINVAL)},
        "dup2", [] { return command(child, "exit", 0, std_out = 2, std_err = 1); });
  fails("clone", {SYS_clone, 0}, {E(EAGAIN), E(ENOMEM), E(EMFILE), E(EINVAL), E(EPERM), E(ENOSYS)},
        "clone", all_pipes);
  check("clone3", "EAGAIN", "clone", EAGAIN, attempt([] { refuse({{435, EAGAIN}}); }, all_pipes));
  const named_error no_such_call[] = {E(ENOSYS), E(EPERM), E(EINVAL)};
  for (const auto& [number, name] : no_such_call)
    survives("clone3", name, {{435, number}}, all_pipes);
  survives("clone with CLONE_PIDFD", "EINVAL", {no_clone3, no_flag}, all_pipes);
  survives("  and pidfd_open", "ENOSYS", {no_clone3, no_flag, no_pidfd_open}, all_pipes);
  survives("  and pidfd_open", "EPERM", {no_clone3, no_flag, {434, EPERM}}, all_pipes);
  survives("  and pidfd_open", "EMFILE", {no_clone3, no_flag, {434, EMFILE}}, all_pipes);
  const auto missing = [] { return command("/no/such/program", std_in = piped); };
  check("waitid by a pidfd, exec fails", "EINVAL", "exec", ENOENT,
        attempt(
            [] {
              refuse({{SYS_waitid, EINVAL, 0, ~0u, 3}});
            },
            missing));
  check("no pidfd at all, exec fails", "ENOSYS", "exec", ENOENT,
        attempt(
            [&] {
              refuse({no_clone3, no_flag, no_pidfd_open});
            },
            missing));

  // The child.
  fails("dup3", {SYS_dup3, 0}, {E(EBADF), E(EBUSY), E(EMFILE), E(EINTR)}, "dup2", all_pipes);
  const auto few_fds = [] {
    // The child says by its status whether a descriptor of ours has come through.
    const int stray = ::open("/dev/null", O_RDONLY);
    ::fcntl(stray, F_DUPFD, 100);
    ::close(stray);
    return command("/bin/sh", "-c", "! [ -e /proc/self/fd/100 ]");
  };
  const auto stray_gone = [&](const char* call, const char* error,
                              const std::vector<refusal>& what) {
    check(call, error, "started", 0, attempt([&] { refuse(what); }, few_fds));
  };
  const refusal no_proc = {SYS_openat, ENOENT, 2, O_DIRECTORY, O_DIRECTORY};
  stray_gone("close_range", "ENOSYS", {no_close_range});
  stray_gone("close_range", "EINVAL", {{436, EINVAL}});
  stray_gone("close_range", "EPERM", {{436, EPERM}});
  stray_gone("  and no /proc", "ENOSYS", {no_close_range, no_proc});
  check("  and getdents64", "EIO", "close_range", EIO,
        attempt(
            [&] {
              refuse({no_close_range, {SYS_getdents64, EIO}});
            },
            plain));
  fails("fcntl F_SETFD", {SYS_fcntl, 0, 1, ~0u, F_SETFD}, {E(EBADF)}, "pass_fds", [] {
    ::dup2(2, 50);
    return command(child, "exit", 0, pass_fds = 50);
  });
  fails("setsid", {SYS_setsid, 0}, {E(EPERM)}, "new_session",
        [] { return command(child, "exit", 0, new_session = true); });
  fails("ioctl TIOCSCTTY", {SYS_ioctl, 0, 1, ~0u, TIOCSCTTY}, {E(EPERM), E(EIO)}, "terminal",
        [] { return command(child, "exit", 0, std_in = terminal); });
  fails("  where no stream is it", {SYS_ioctl, 0, 1, ~0u, TIOCSCTTY}, {E(EPERM)}, "terminal",
        pipes_beside);
  fails("setsid, for a terminal", {SYS_setsid, 0}, {E(EPERM)}, "new_session", pipes_beside);
  fails("setpgid", {SYS_setpgid, 0}, {E(EPERM), E(EACCES), E(ESRCH), E(EINVAL)}, "process_group",
        [] { return command(child, "exit", 0, process_group = new_group); });
  fails("prlimit64", {SYS_prlimit64, 0}, {E(EPERM), E(EINVAL)}, "resource_limit",
        [] { return command(child, "exit", 0, resource_limit[RLIMIT_CORE] = 0); });
  fails("getpriority", {SYS_getpriority, 0}, {E(ESRCH)}, "niceness",
        [] { return command(child, "exit", 0, niceness = 1); });
  fails("setpriority", {SYS_setpriority, 0}, {E(EACCES), E(EPERM)}, "niceness",
        [] { return command(child, "exit", 0, niceness = 1); });
  fails("setgroups", {SYS_setgroups, 0}, {E(EPERM), E(ENOMEM), E(EINVAL)}, "extra_groups",
        [] { return command(child, "exit", 0, extra_groups = ::getgid()); });
  fails("setresgid", {SYS_setresgid, 0}, {E(EPERM), E(EINVAL)}, "as_group",
        [] { return command(child, "exit", 0, as_group = ::getgid()); });
  fails("setresuid", {SYS_setresuid, 0}, {E(EPERM), E(EAGAIN), E(EINVAL)}, "as_user",
        [] { return command(child, "exit", 0, as_user = ::getuid()); });
  fails("prctl", {SYS_prctl, 0, 0, ~0u, PR_SET_PDEATHSIG}, {E(EINVAL), E(ENOSYS)},
        "kill_on_parent_death",
        [] { return command(child, "exit", 0, kill_on_parent_death = true); });
  fails("chdir", {SYS_chdir, 0},
        {E(EACCES), E(ENOENT), E(ENOTDIR), E(EIO), E(ELOOP), E(ENAMETOOLONG), E(ENOMEM)}, "chdir",
        [] { return command(child, "exit", 0, cwd = "/"); });
  fails("execve", {SYS_execve, 0},
        {E(EACCES), E(E2BIG), E(ENOENT), E(ENOTDIR), E(ENOEXEC), E(ENOMEM), E(ETXTBSY), E(EIO),
         E(EPERM), E(ELOOP), E(ENFILE), E(EMFILE), E(EINVAL), E(ELIBBAD), E(EISDIR), E(EAGAIN)},
        "exec", all_pipes);

  // Descriptors that really run out, after each number of them.
  bool started = false;
  for (unsigned spare = 0; spare < 32 && !started; ++spare) {
    const auto limit = [spare] {
      unsigned lowest = 0;
      while (::fcntl(static_cast<int>(lowest), F_GETFD) >= 0) ++lowest;
      const rlimit few = {lowest + spare, lowest + spare};
      ::setrlimit(RLIMIT_NOFILE, &few);
    };
    const report result = attempt(limit, [] {
      return command(child, "exit", 0, std_in = piped, std_out = piped, std_err = "/dev/null");
    });
    started = std::strcmp(result.step, "started") == 0;
    const std::string call = "RLIMIT_NOFILE, " + std::to_string(spare) + " spare";
    check(call.c_str(), started ? "" : "EMFILE", result.step, started ? 0 : EMFILE, result);
  }
}

}  // namespace

/// With --older-kernel, a program and its arguments: runs it as on a Linux before 5.2, which has
/// none of the calls that the library does better with.
int main(int count, char** words) {
  if (count > 2 && std::strcmp(words[1], "--older-kernel") == 0) {
    refuse({no_clone3, no_flag, no_pidfd_open, no_close_range, no_nosignal});
    ::execv(words[2], words + 2);
    return 91;
  }
  table();
  std::printf("%d passed, %d failed\n", passed, failures);
  return failures == 0 ? 0 : 1;
}
