// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/posix/reaper.hpp>

namespace coproc::detail {

/// A child that has been started, and this process's ends of its streams. If nobody takes the pid
/// it is killed.
class launched {
 public:
  launched() = default;
  launched(launched&& other) noexcept
      : pid(std::exchange(other.pid, -1)),
        pidfd(std::move(other.pidfd)),
        leads_group(other.leads_group) {
    for (std::size_t fd = 0; fd < 3; ++fd) ends[fd] = std::move(other.ends[fd]);
  }
  ~launched() {
    if (pid < 0) return;
    if (leads_group) calls::send_group_signal(pid, pidfd.get(), SIGKILL, false);
    calls::send_signal(pid, pidfd.get(), SIGKILL);
    reaper::instance().orphaned(pid, std::move(pidfd));
  }

  pid_t pid = -1;
  unique_handle pidfd;
  unique_handle ends[3];
  bool leads_group = false;
};

}  // namespace coproc::detail
