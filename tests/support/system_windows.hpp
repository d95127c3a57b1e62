// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// A look at what this process holds, and at others.

#include <tlhelp32.h>
#include <coproc/detail/os/os.hpp>
#include <coproc/detail/os/signals.hpp>

#include <set>

// What POSIX has, for tests that end a child behind the library's back.
constexpr int SIGKILL = coproc::detail::signal_numbers::kill;
inline int kill(int pid, int number) {
  const coproc::detail::unique_handle process(
      ::OpenProcess(PROCESS_TERMINATE, FALSE, static_cast<DWORD>(pid)));
  return ::TerminateProcess(process.get(), static_cast<UINT>(number)) ? 0 : -1;
}

namespace test {

/// The processes that run and have this one as their parent.
inline std::set<DWORD> children() {
  std::set<DWORD> found;
  const coproc::detail::unique_handle all(::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  PROCESSENTRY32W entry = {};
  entry.dwSize = sizeof entry;
  for (BOOL more = ::Process32FirstW(all.get(), &entry); more;
       more = ::Process32NextW(all.get(), &entry))
    if (entry.th32ParentProcessID == ::GetCurrentProcessId()) found.insert(entry.th32ProcessID);
  return found;
}

/// What the system had started in this one's name before main(), as Wine does with its services.
inline const std::set<DWORD> not_ours = children();

/// Whether a process that this one has started still runs.
inline bool has_children() {
  for (const DWORD pid : children())
    if (not_ours.count(pid) == 0) return true;
  return false;
}

/// True while a process of that number runs.
inline bool exists(int pid) {
  const coproc::detail::unique_handle process(
      ::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(pid)));
  return process && ::WaitForSingleObject(process.get(), 0) == WAIT_TIMEOUT;
}

}  // namespace test
