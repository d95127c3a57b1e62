// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdlib.h>
#include <sys/ioctl.h>

#include <coproc/detail/os/posix/handle.hpp>
#include <coproc/terminal_size.hpp>

namespace coproc::detail {

/// Says to a terminal, by either of its sides, what it shows. False, with errno set, on failure.
inline bool resize_terminal(int side, const terminal_size& to) {
  winsize shown = {};
  shown.ws_row = static_cast<unsigned short>(to.rows());
  shown.ws_col = static_cast<unsigned short>(to.columns());
  return ::ioctl(side, TIOCSWINSZ, &shown) == 0;
}

/// A new pseudo-terminal: the child gets the slave, this process keeps the master.
class terminal_pair {
 public:
  /// False, with errno set, on failure.
  bool open(const terminal_size& shown) {
    unique_handle fd = above_stdio(unique_handle(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)));
    char name[128];
    if (!fd || ::grantpt(fd.get()) != 0 || ::unlockpt(fd.get()) != 0 || !make_nonblocking(fd) ||
        ::ptsname_r(fd.get(), name, sizeof name) != 0)
      return false;
    slave = above_stdio(unique_handle(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)));
    master = std::move(fd);
    return slave && resize_terminal(slave.get(), shown);
  }

  unique_handle master, slave;
};

}  // namespace coproc::detail
