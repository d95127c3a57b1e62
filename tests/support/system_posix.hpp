// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// A look at what this process holds, and at others.

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace test {

inline int thread_count() {
  int count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    ++count;
  return count;
}

/// The numbers of the open descriptors of this process.
inline std::set<int> open_fds() {
  std::set<int> fds;
  DIR* const dir = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(dir))
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != ::dirfd(dir))
      fds.insert(std::atoi(entry->d_name));
  ::closedir(dir);
  return fds;
}

/// The children of this process, zombies among them, by a wait that takes none of them.
inline bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) == 0;
}

/// True while a process (or a zombie) of that number exists.
inline bool exists(int pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

}  // namespace test
