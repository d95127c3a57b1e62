// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Opens the plugin of plugin.cpp, has it start a child and leave it behind, and closes it while the
// child still runs.

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>

#include <cstdio>
#include <filesystem>

namespace {

int threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    ++count;
  return count;
}

}  // namespace

int main(int, char** arguments) {
  void* const plugin = ::dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) return std::puts(::dlerror()), 1;
  const auto start = reinterpret_cast<int (*)()>(::dlsym(plugin, "start_and_leave"));
  if (start == nullptr) return 2;
  const int pid = start();
  if (threads() != 2) return 3;  // the library's own waits for the child
  if (::dlclose(plugin) != 0) return 4;
  ::kill(pid, SIGKILL);
  while (threads() != 1) ::poll(nullptr, 0, 1);
  if (::kill(pid, 0) == 0) return 5;  // it has been reaped
  std::puts("left nothing");
}
