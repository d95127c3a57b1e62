// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What makes the library fast, as counts that do not depend on how fast the machine is today:
// system calls of this process per child, per MiB, per line and per round trip (counted by ptrace),
// allocations per line and per child, and memory per child. Each is the difference between much
// work and little, so that what a start costs drops out, and has a bound a little above what it is.

#include <fcntl.h>
#include <malloc.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <coproc/coproc.hpp>
#include <coproc/detail/os/os.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <new>
#include <string>
#include <vector>

namespace {

std::atomic<std::size_t> allocations = 0;
std::atomic<std::size_t> large_allocations = 0;  // of a MiB or more
std::atomic<std::size_t> bytes_held = 0;

void* counted(void* memory) {
  const std::size_t size = ::malloc_usable_size(memory);
  ++allocations;
  if (size >= 1 << 20) ++large_allocations;
  bytes_held += size;
  return memory;
}

}  // namespace

// Linked with --wrap: all that this program's own code, Asio's included, takes from the C library.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_malloc(std::size_t size) { return counted(__real_malloc(size)); }
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__real_aligned_alloc(alignment, size));
}
void __real_free(void* memory);
void __wrap_free(void* memory) {
  bytes_held -= ::malloc_usable_size(memory);
  __real_free(memory);
}
}

void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // it sees through one of the two only
#endif
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace coproc::keywords;

const std::string child = COPROC_CHILD;
int failures = 0;
constexpr int not_permitted = 77;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

void check(const char* what, double count, double most) {
  const bool good = count <= most;
  failures += !good;
  std::printf("%-44s %8.3f  (at most %g)%s\n", what, count, most, good ? "" : "  FAILED");
}

constexpr long any_call = -1;

/// How many system calls, or of the call @p only, a process like this one makes to run @p work.
long calls_of(long only, const std::function<coproc::awaitable<void>()>& work) {
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid < 0) give_up("fork");
  if (pid == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(not_permitted);
    ::raise(SIGSTOP);
    coproc::run(work());
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!WIFSTOPPED(status)) {
    std::puts("a sandbox forbids ptrace");
    std::exit(not_permitted);
  }
  if (::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
    give_up("ptrace");
  long calls = 0;
  for (long signal = 0;; signal = 0) {
    if (::ptrace(PTRACE_SYSCALL, pid, nullptr, signal) != 0) give_up("ptrace");
    if (::waitpid(pid, &status, 0) != pid) give_up("waitpid");
    if (WIFEXITED(status)) {
      if (WEXITSTATUS(status) != 0) give_up("the traced work has failed");
      return calls;
    }
    if (WIFSIGNALED(status)) give_up("the traced work was killed");
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      __ptrace_syscall_info now;
      if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof now, &now) <= 0) give_up("ptrace");
      const bool begins = now.op == PTRACE_SYSCALL_INFO_ENTRY;  // it stops at the end too
      if (begins && (only == any_call || static_cast<long>(now.entry.nr) == only)) ++calls;
    } else {
      signal = WSTOPSIG(status);
    }
  }
}

/// The cost of one unit: of @p little and of @p much units the difference. The best of three, since
/// what a child does at once may come in pieces on a busy machine.
double each(long little, long much, const std::function<coproc::awaitable<void>(long)>& work,
            long only = any_call) {
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const long before = calls_of(only, [&] { return work(little); });
    const long after = calls_of(only, [&] { return work(much); });
    least =
        std::min(least, static_cast<double>(after - before) / static_cast<double>(much - little));
  }
  return least;
}

void demand(bool good) {
  if (!good) std::abort();
}

coproc::awaitable<void> children(long count) {
  for (long i = 0; i < count; ++i) {
    auto process = co_await coproc::exec(child, "say", "words", std_out = piped, std_err = piped);
    const auto written = co_await process.communicate();
    demand(written.out == "words" && process.returncode() == 0);
  }
}

coproc::awaitable<void> commands(long count) {
  std::vector<coproc::command> all;
  for (long i = 0; i < count; ++i) all.emplace_back(child, "say", "words");
  const auto done = co_await coproc::gather(all, concurrency = 16);
  for (const auto& one : done) demand(one.out == "words");
}

coproc::awaitable<void> mebibytes(long count) {
  const auto done = co_await coproc::capture("dd", "if=/dev/zero", "bs=1M", "status=none",
                                             "count=" + std::to_string(count));
  demand(done.out.size() == static_cast<std::size_t>(count << 20));
}

/// Lines that are all in the pipe when the first is asked for.
coproc::awaitable<void> lines(long count) {
  auto process = co_await coproc::exec(child, "lines", count, std_out = piped);
  co_await process.wait();
  std::string line;
  long seen = 0;
  for (bool more = true; more; seen += more) more = co_await process.std_out().readline(line);
  demand(seen == count);
}

coproc::awaitable<void> round_trips(long count) {
  auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
  std::string line;
  for (long i = 0; i < count; ++i) {
    co_await process.std_in().write("ping\n");
    const bool there = co_await process.std_out().readline(line);
    demand(there && line == "ping");
  }
}

coproc::awaitable<double> allocations_per_line(long count) {
  auto process = co_await coproc::exec(child, "lines", count, std_out = piped);
  co_await process.wait();
  std::string line;
  const bool first = co_await process.std_out().readline(line);
  demand(first);
  const std::size_t before = allocations;
  for (long i = 1; i < count; ++i) co_await process.std_out().readline(line);
  const std::size_t made = allocations - before;
  const bool more = co_await process.std_out().readline(line);
  demand(!more);
  co_return static_cast<double>(made) / static_cast<double>(count - 1);
}

/// The second time, when what is used again is there.
coproc::awaitable<double> allocations_per_child(coproc::awaitable<void> (*work)(long)) {
  constexpr long count = 200;
  co_await work(count);
  const std::size_t before = allocations;
  co_await work(count);
  co_return static_cast<double>(allocations - before) / static_cast<double>(count);
}

/// How often all that a child has written lies in a block of its own, beside what it was read into.
coproc::awaitable<double> copies_of_a_result() {
  auto process = co_await coproc::exec("dd", "if=/dev/zero", "bs=1M", "status=none", "count=4",
                                       std_out = piped);
  const std::size_t before = large_allocations;
  const auto written = co_await process.communicate();
  demand(written.out.size() == 4 << 20);
  co_return static_cast<double>(large_allocations - before);
}

/// How often what there is lies in a block of its own, when the time for a communicate runs out.
coproc::awaitable<double> copies_of_a_timeout() {
  constexpr std::size_t bytes = 4 << 20;
  auto process = co_await coproc::exec("sh", "-c", "head -c 4194304 /dev/zero; exec sleep 1000",
                                       std_out = piped);
  std::size_t there = 0, copies = 0;
  while (there < bytes) {
    copies = large_allocations;
    try {
      co_await coproc::wait_for(process.communicate(), std::chrono::milliseconds(5));
    } catch (const coproc::timeout_error& e) {
      copies = large_allocations - copies;
      there = e.out().size();
    }
  }
  // Once more, as the last of it may have come only now.
  copies = large_allocations;
  try {
    co_await coproc::wait_for(process.communicate(), std::chrono::milliseconds(5));
  } catch (const coproc::timeout_error&) {
    copies = large_allocations - copies;
  }
  co_return static_cast<double>(copies);
}

/// A number of bytes of /proc/self/status.
double memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ':')) return std::stod(line.substr(name.size() + 1)) * 1024;
  give_up("/proc/self/status");
}

/// The most memory that was used at once while @p work was done, as a multiple of those bytes.
double peak(coproc::awaitable<void> work, std::size_t bytes) {
  std::ofstream("/proc/self/clear_refs") << 5 << std::flush;
  const double before = memory("VmRSS");
  coproc::run(std::move(work));
  return (memory("VmHWM") - before) / static_cast<double>(bytes);
}
constexpr std::size_t much = 64 << 20;
coproc::awaitable<void> capture_much() {
  const auto done = co_await coproc::capture("head", "-c", much, "/dev/zero");
  demand(done.out.size() == much);
}
coproc::awaitable<void> much_through_cat() {
  auto process = co_await coproc::exec("cat", std_in = piped, std_out = piped);
  std::string input(much, 'y');
  const auto written = co_await process.communicate(std::move(input));
  demand(written.out.size() == much);
}

/// What a child costs that runs and has three pipes, beside its descriptors.
coproc::awaitable<double> bytes_per_child(std::size_t count) {
  std::vector<coproc::process> all;
  all.reserve(count);
  std::size_t before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == count / 2) before = bytes_held;  // a start needs memory that is used again
    all.push_back(
        co_await coproc::exec(child, "wait", std_in = piped, std_out = piped, std_err = piped));
  }
  const std::size_t more = bytes_held - before;
  co_return static_cast<double>(more) / static_cast<double>(count - count / 2) +
      sizeof(coproc::process);
}

/// Whether a pipe may be as long as usual, and made longer.
bool has_long_pipes() {
  coproc::detail::pipe_ends ends;
  if (!make_pipe(ends)) give_up("pipe");
  const bool usual = ::fcntl(ends.read.get(), F_GETPIPE_SZ) >= 64 * 1024;
  const bool longer = ::fcntl(ends.read.get(), F_SETPIPE_SZ, 1024 * 1024) >= 1024 * 1024;
  return usual && longer;
}

/// Whether this kernel writes without SIGPIPE in one call; else it takes two more.
bool writes_in_one_call() {
  coproc::detail::pipe_ends ends;
  if (!make_pipe(ends)) give_up("pipe");
  char byte = 0;
  const iovec one = {&byte, 1};
  return ::syscall(SYS_pwritev2, ends.write.get(), &one, 1L, -1L, -1L, 0x100L) == 1;
}

}  // namespace

int main() {
  check("system calls a child, one after the other", each(20, 60, children), 38);
  check("system calls a command, 16 at once", each(20, 60, commands), 42);
  check("system calls a MiB captured", each(16, 80, mebibytes), has_long_pipes() ? 12 : 100);
  // So many that what a wait for the child takes, or not, does not count; and that a pipe holds
  // them.
  check("system calls a line of 64 bytes", each(20, 1000, lines), 0.1);
  check("system calls a round trip", each(100, 600, round_trips), writes_in_one_call() ? 4.2 : 6.2);
  check("epoll_ctl a round trip", each(100, 600, round_trips, SYS_epoll_ctl), 0.05);
  check("allocations a line", coproc::run(allocations_per_line(60)), 0.1);
  check("allocations a child, one after the other", coproc::run(allocations_per_child(children)),
        36);
  check("allocations a command, on two threads", coproc::run(allocations_per_child(commands), 2),
        75);
  check("copies of what communicate returns", coproc::run(copies_of_a_result()), 1);
  check("copies of what a timeout of communicate has", coproc::run(copies_of_a_timeout()), 1);
  check("most memory for a byte captured", peak(capture_much(), much), 1.15);
  check("most memory for a byte that goes through cat", peak(much_through_cat(), much), 2.2);
  check("bytes of memory a live child", coproc::run(bytes_per_child(100)), 1000);
  return failures == 0 ? 0 : 1;
}
