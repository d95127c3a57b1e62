// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What does a launch cost in a small process, and what in a large one?
//
//   launch_rss [GiB] [rounds]
//
// Launches a child that ends at once and waits for it, in turn from a process of 8 MiB and from one
// of the given size (8 GiB by default, every page of it written), and prints the median times of
// both and their ratio. Each measurement is a process of its own.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <coproc/coproc.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using namespace coproc::keywords;
using clock_type = std::chrono::steady_clock;

coproc::awaitable<void> launch_many(int count, std::vector<double>& microseconds) {
  for (int i = 0; i < count; ++i) {
    const auto begin = clock_type::now();
    auto process = co_await coproc::exec(COPROC_CHILD, "exit", 0);
    const int status = co_await process.wait();
    const std::chrono::duration<double, std::micro> time = clock_type::now() - begin;
    if (status != 0) std::abort();
    microseconds.push_back(time.count());
  }
}

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// The median time of a launch from a process that has written to so many bytes.
double measure(std::size_t bytes) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid == 0) {
    void* const block =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) std::abort();
    ::madvise(block, bytes, MADV_NOHUGEPAGE);
    std::memset(block, 1, bytes);
    std::vector<double> times;
    coproc::run(launch_many(200, times));
    const double result = median(times);
    if (::write(ends[1], &result, sizeof result) != sizeof result) std::abort();
    ::_exit(0);
  }
  double result = 0;
  if (::read(ends[0], &result, sizeof result) != sizeof result) std::abort();
  ::waitpid(pid, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t large = (argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 8) << 30;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  std::vector<double> small_times, large_times, ratios;
  for (int i = 0; i < rounds; ++i) {
    small_times.push_back(measure(8u << 20));
    large_times.push_back(measure(large));
    ratios.push_back(large_times.back() / small_times.back());
  }
  std::printf("8 MiB: %.0f us   %zu GiB: %.0f us   ratio %.2f (medians of %d rounds)\n",
              median(small_times), large >> 30, median(large_times), median(ratios), rounds);
}
