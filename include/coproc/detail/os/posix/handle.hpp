// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What all POSIX files stand on.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <memory>
#include <utility>

/// For code that runs in the child between clone and exec, where it shares the memory of a sleeping
/// parent: the sanitizers' bookkeeping would be written into the parent's.
#if defined(__clang__)
#define COPROC_CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined", "memory")))
#elif defined(__GNUC__)
#define COPROC_CHILD_SIDE \
  __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#else
#define COPROC_CHILD_SIDE
#endif

namespace coproc::detail {

/// Owns a file descriptor.
class unique_handle {
 public:
  unique_handle() = default;
  explicit unique_handle(int fd) noexcept : fd_(fd) {}
  unique_handle(unique_handle&& other) noexcept : fd_(other.release()) {}
  unique_handle& operator=(unique_handle&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~unique_handle() { reset(); }

  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset(int fd = -1) noexcept {
    // Not again on EINTR: Linux has closed it by then, and the number may be another's.
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// Moves @p fd above 2, where no redirect of a child can meet it (a host may have closed 0, 1 or
/// 2). Empty, with errno set, where no descriptor is left.
inline unique_handle above_stdio(unique_handle fd) {
  if (!fd || fd.get() > 2) return fd;
  return unique_handle(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

/// The signals of job control that stop a process and can be caught.
inline constexpr int stop_signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};

/// Blocks the program's signals in this thread while it lives, but not those that the C library
/// needs in each (for setuid, say): around the start of a thread of the library's own.
class signals_blocked {
 public:
  signals_blocked() {
    sigset_t every_signal;
    sigfillset(&every_signal);
    ::pthread_sigmask(SIG_SETMASK, &every_signal, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  /// Whether the thread had blocked that signal.
  bool before(int number) const { return sigismember(&before_, number) == 1; }

 private:
  sigset_t before_;
};

/// Around the work of a detached thread of the library's own: while a thread has thread-local
/// objects that are to be destroyed, the C library does not unload their code, though a plugin that
/// holds it be closed.
inline void keep_code_loaded() {
  struct pin {
    ~pin() { asm volatile(""); }  // or a compiler might leave out what does nothing
  };
  thread_local const pin kept;
  [[maybe_unused]] const volatile pin* const used = &kept;
}

/// The T of this process. A fork has its parent's locks and threads as they were at that moment,
/// and nobody to free them: it gets a T of its own. None is destroyed, since threads may outlive
/// statics.
template <class T>
T& of_this_process() {
  struct home {
    const pid_t pid = ::getpid();
    T object;
    home* of_parent = nullptr;  // still reachable, for leak checkers
  };
  static std::atomic<home*> newest = nullptr;
  home* found = newest;
  while (found == nullptr || found->pid != ::getpid()) {
    auto fresh = std::make_unique<home>();
    fresh->of_parent = found;
    if (newest.compare_exchange_strong(found, fresh.get())) found = fresh.release();
  }
  return found->object;
}

/// Whether waitid has told of the end of a child. (Of one that this process traces it tells of
/// stops as well, which are none.)
inline bool is_end(const siginfo_t& info) {
  return info.si_pid != 0 &&
         (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
}

/// What the system calls a failure: an errno.
inline boost::system::error_code system_error(int number) {
  return boost::system::error_code(number, boost::system::system_category());
}
inline boost::system::error_code last_system_error() { return system_error(errno); }

/// The two ends of a pipe.
class pipe_ends {
 public:
  unique_handle read, write;
};

/// Makes a pipe, both ends close-on-exec from birth and above 2. False, with errno set, on failure.
inline bool make_pipe(pipe_ends& ends) {
  int fds[2];
#if defined(__APPLE__)  // has no pipe2
  if (::pipe(fds) != 0) return false;
  for (const int fd : fds) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
#else
  if (::pipe2(fds, O_CLOEXEC) != 0) return false;
#endif
  unique_handle read(fds[0]), write(fds[1]);
  ends.read = above_stdio(std::move(read));
  if (!ends.read) return false;
  ends.write = above_stdio(std::move(write));
  return static_cast<bool>(ends.write);
}

/// For a descriptor that was just made, and so has no other flag to keep.
inline bool make_nonblocking(const unique_handle& fd) {
  return ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0;
}

}  // namespace coproc::detail
