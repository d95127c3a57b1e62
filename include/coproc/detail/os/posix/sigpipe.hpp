// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

#include <atomic>
#include <cerrno>
#include <coproc/detail/os/posix/calls.hpp>

namespace coproc::detail {

/// write() that gives EPIPE without SIGPIPE, whatever the host does with that signal. Where the
/// system has no call for that, the signal is blocked in this thread meanwhile, and taken back if the
/// write has raised it.
inline ssize_t write_without_sigpipe(int fd, const void* data, std::size_t size) {
  static std::atomic<bool> in_one_call = true;
  if (in_one_call.load(std::memory_order_relaxed)) {
    const ssize_t written = calls::write_no_signal(fd, data, size);
    if (written >= 0 || errno == EAGAIN || errno == EPIPE || errno == EIO) return written;
    if (errno != EINTR) in_one_call.store(false, std::memory_order_relaxed);
  }
  sigset_t sigpipe, before, waiting;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  bool pending = false;
  if (sigismember(&before, SIGPIPE) == 1) {  // only then can there be one that is not ours
    ::sigpending(&waiting);
    pending = sigismember(&waiting, SIGPIPE) == 1;
  }
  ssize_t written;
  do written = ::write(fd, data, size);
  while (written < 0 && errno == EINTR);
  const int error = errno;
  if (written < 0 && error == EPIPE) {
#if defined(__APPLE__)  // has no sigtimedwait
    int number = 0;
    ::sigpending(&waiting);
    if (sigismember(&waiting, SIGPIPE) == 1) ::sigwait(&sigpipe, &number);
#else
    const timespec now = {};
    while (::sigtimedwait(&sigpipe, nullptr, &now) < 0 && errno == EINTR) {
    }
#endif
    // Ours is this thread's own, and is taken first. One that was pending for the process is still
    // there; one that was pending for this thread was the same as ours, and is put back.
    ::sigpending(&waiting);
    if (pending && sigismember(&waiting, SIGPIPE) == 0) ::raise(SIGPIPE);
  }
  if (!pending) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace coproc::detail
