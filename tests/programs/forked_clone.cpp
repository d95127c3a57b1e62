// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// clone() carried out as a fork, whose memory is its own, as valgrind and qemu-user do it. Linked
// with --wrap=__clone it takes the place of the C library's.

#include <unistd.h>

extern "C" int __wrap___clone(int (*main)(void*), void*, int, void* argument, ...) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(main(argument));
  return pid;
}
