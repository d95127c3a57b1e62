// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the contestants in C++ share: the child, checks of the results, a large process.

#include <sys/mman.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace bench {

using clock_type = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

inline char* const child = std::getenv("BENCH_CHILD");

inline void demand(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::exit(1);
}

/// Makes this process as large as that, every page of it.
inline void grow(std::size_t mebibytes) {
  if (mebibytes == 0) return;
  const std::size_t size = mebibytes << 20;
  void* const block =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  demand(block != MAP_FAILED, "mmap");
  ::madvise(block, size, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < size; at += 4096) static_cast<char*>(block)[at] = 1;
}

}  // namespace bench
