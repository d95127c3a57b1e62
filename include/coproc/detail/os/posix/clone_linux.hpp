// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Linux: the clone that starts a child (see spawn.hpp for the reasons).

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace coproc::detail::calls {

// Of kernels newer than the headers may be.
inline constexpr long nr_pidfd_open = 434;
inline constexpr unsigned clone_pidfd = 0x1000;  // CLONE_PIDFD, Linux 5.2

#if defined(__GLIBC__)
// The C library's clone() by its other name: ThreadSanitizer takes clone() for a fork, and does its
// bookkeeping for one, but in the memory that is the parent's.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...) noexcept;
inline constexpr auto raw_clone = &__clone;
#else
inline constexpr auto raw_clone = &::clone;
#endif

#if defined(__x86_64__)
/// The kernel's clone3(), for which the C library has no function: the child runs @p main on the
/// stack of @p arguments. The pid, or an errno less than 0.
struct clone3_arguments {
  std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};
inline long clone3(const clone3_arguments& arguments, int (*main)(void*), void* argument) {
  long result = 435;  // SYS_clone3, Linux 5.3
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[argument], %%rdi\n\t"
      "mov %[main], %%rax\n\t"
      "xor %%ebp, %%ebp\n\t"  // the outermost frame; it may have held either of them
      "call *%%rax\n\t"
      "ud2\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), [main] "r"(main), [argument] "r"(argument)
      : "rcx", "r11", "memory", "cc");
  return result;
}
#endif

/// Runs @p main in a child that shares this memory, and suspends this thread until the child has
/// exec'ed or ended. The pid, or -1 with errno set; @p pidfd stays -1 where the kernel has none.
/// @param handlers_reset set where the kernel has reset the child's signal handlers
inline pid_t start_child(int (*main)(void*), void* argument, int& pidfd, bool& handlers_reset) {
  // The child has a stack of its own; the C library's clone() switches to it. It needs no more
  // than its few frames and the kernel's none: no handler can run on it.
  alignas(64) std::byte stack[16 * 1024];
  std::byte* top = stack;
#if !defined(__hppa__)
  top += sizeof stack;
#endif
  int fd = -1;
  handlers_reset = false;
#if defined(__x86_64__)
  constexpr std::uint64_t clear_handlers = 0x100000000;  // CLONE_CLEAR_SIGHAND, Linux 5.5
  static std::atomic<bool> has_clone3 = true;
  if (has_clone3.load(std::memory_order_relaxed)) {
    clone3_arguments arguments = {};
    arguments.flags = CLONE_VM | CLONE_VFORK | clone_pidfd | clear_handlers;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&fd);
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
    arguments.stack_size = sizeof stack;
    handlers_reset = true;
    const long result = clone3(arguments, main, argument);
    pidfd = fd;
    if (result > 0) return static_cast<pid_t>(result);
    errno = static_cast<int>(-result);
    // An older kernel, or a sandbox that does not know it.
    if (errno != ENOSYS && errno != EINVAL && errno != EPERM) return -1;
    has_clone3.store(false, std::memory_order_relaxed);
    handlers_reset = false;
  }
#endif
  constexpr int share = CLONE_VM | CLONE_VFORK | SIGCHLD;
  pid_t pid = raw_clone(main, top, share | static_cast<int>(clone_pidfd), argument, &fd);
  if (pid < 0 && (errno == EINVAL || errno == ENOSYS || errno == EPERM))
    pid = raw_clone(main, top, share, argument);
  if (pid > 0 && fd < 0)  // before Linux 5.2 the flag meant nothing
    fd = static_cast<int>(::syscall(nr_pidfd_open, pid, 0));
  pidfd = fd;
  return pid;
}

}  // namespace coproc::detail::calls
