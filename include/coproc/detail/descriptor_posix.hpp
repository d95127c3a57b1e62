// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <coproc/detail/config.hpp>
#include <utility>

namespace coproc::detail {

/// What the system calls an open file, pipe or process.
using os_handle = int;
inline constexpr os_handle no_handle = -1;
inline os_handle handle_of(int descriptor) { return descriptor; }

/// Owns a file descriptor.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~unique_fd() { reset(); }

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
inline unique_fd above_stdio(unique_fd fd) {
  if (!fd || fd.get() > 2) return fd;
  return unique_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

/// Blocks the program's signals in this thread while it lives, but not those that the C library
/// needs in each (for setuid, say): around the start of a thread of the library's own.
class signals_blocked {
 public:
  signals_blocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

inline error_code last_system_error() {
  return error_code(errno, boost::system::system_category());
}

class pipe_ends {
 public:
  unique_fd read, write;
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
  unique_fd read(fds[0]), write(fds[1]);
  ends.read = above_stdio(std::move(read));
  if (!ends.read) return false;
  ends.write = above_stdio(std::move(write));
  return static_cast<bool>(ends.write);
}

/// Whether some are left, for a child and for what else the host does. The lowest free number tells
/// how many are taken, at least.
inline bool enough_descriptors() {
  rlimit limit;
  const unique_fd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!lowest || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const rlim_t reserve = std::min<rlim_t>(32, limit.rlim_cur / 4);
  return static_cast<rlim_t>(lowest.get()) + reserve < limit.rlim_cur;
}

/// For a descriptor that was just made, and so has no other flag to keep.
inline bool make_nonblocking(const unique_fd& fd) {
  return ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0;
}

}  // namespace coproc::detail
