// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdlib.h>

#include <coproc/detail/os/posix/handle.hpp>

namespace coproc::detail {

/// A new pseudo-terminal: the child gets the slave, this process keeps the master.
class terminal_pair {
 public:
  /// False, with errno set, on failure.
  bool open() {
    unique_handle fd = above_stdio(unique_handle(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)));
    char name[128];
    if (!fd || ::grantpt(fd.get()) != 0 || ::unlockpt(fd.get()) != 0 || !make_nonblocking(fd) ||
        ::ptsname_r(fd.get(), name, sizeof name) != 0)
      return false;
    slave = above_stdio(unique_handle(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)));
    master = std::move(fd);
    return static_cast<bool>(slave);
  }

  unique_handle master, slave;
};

}  // namespace coproc::detail
