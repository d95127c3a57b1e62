// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Makes each allocation of each verb fail in turn, in a process of its own, and prints where that
// did harm: an exception may come of it, or nothing, but no hang, no crash, and nothing left over.
//
//   allocations [verb [number]]     with a number in this process, for a debugger

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <coproc/coproc.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <vector>

namespace {

std::atomic<long> until_failure = -1;  // how many allocations from now the one that fails is

void* allocate(std::size_t size) {
  if (until_failure.load() >= 0 && until_failure.fetch_sub(1) == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::awaitable;
using coproc::command;

const std::string child = COPROC_CHILD;

class verb {
 public:
  const char* name;
  std::function<awaitable<>()> run;
};

const verb verbs[] = {
    {"exec, wait",
     []() -> awaitable<> {
       auto process = co_await coproc::exec(child, "exit", 0);
       co_await process.wait();
     }},
    {"exec, destroyed",
     []() -> awaitable<> {
       auto process = co_await coproc::exec(child, "wait", std_out = piped);
       (void)co_await process.std_out().readline();
     }},
    {"communicate",
     []() -> awaitable<> {
       auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
       (void)co_await process.communicate("some words");
     }},
    {"readline, write",
     []() -> awaitable<> {
       auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
       co_await process.std_in().write("a line\n");
       (void)co_await process.std_out().readline();
       process.std_in().close();
       (void)co_await process.std_out().read();
       co_await process.wait();
     }},
    {"next_line",
     []() -> awaitable<> {
       auto process =
           co_await coproc::exec(child, "say", "words\n", std_out = piped, std_err = piped);
       while (co_await process.next_line()) {
       }
     }},
    {"stop",
     []() -> awaitable<> {
       auto process = co_await coproc::exec(child, "wait", std_out = piped);
       (void)co_await process.std_out().readline();
       co_await process.stop();
     }},
    {"stop a group",
     []() -> awaitable<> {
       auto process =
           co_await coproc::exec(child, "wait", std_out = piped, process_group = new_group);
       (void)co_await process.std_out().readline();
       co_await process.stop();
     }},
    {"capture", []() -> awaitable<> { (void)co_await coproc::capture(child, "say", "words"); }},
    {"capture with a timeout",
     []() -> awaitable<> {
       try {
         (void)co_await coproc::capture(child, "wait", timeout = 1ms);
       } catch (const coproc::timeout_error&) {
       }
     }},
    {"capture with a tee",
     []() -> awaitable<> {
       const auto sink = [](std::string_view) -> awaitable<> { co_return; };
       (void)co_await coproc::capture(child, "say", "words", std_out = coproc::tee(sink));
     }},
    {"retry",
     []() -> awaitable<> {
       (void)co_await coproc::capture(child, "exit", 1, retry = coproc::attempts(2, 1ms));
     }},
    {"a pipeline",
     []() -> awaitable<> {
       (void)co_await coproc::capture(command(child, "say", "words") | command(child, "cat"));
     }},
    {"wait_for",
     []() -> awaitable<> {
       auto process = co_await coproc::exec(child, "wait", std_out = piped);
       try {
         (void)co_await coproc::wait_for(process.wait(), 1ms);
       } catch (const coproc::timeout_error&) {
       }
     }},
    {"gather of two",
     []() -> awaitable<> {
       co_await coproc::gather(coproc::capture(child, "exit", 0),
                               coproc::capture(child, "exit", 0));
     }},
    {"gather of commands",
     []() -> awaitable<> {
       std::vector<command> commands;
       for (int i = 0; i < 4; ++i) commands.emplace_back(child, "exit", 0);
       (void)co_await coproc::gather(commands, concurrency = 2);
     }},
    {"gather that fails",
     []() -> awaitable<> {
       std::vector<command> commands;
       for (const char* const program : {child.c_str(), "/no/such/program", child.c_str()})
         commands.emplace_back(program, "wait", std_out = devnull);
       try {
         (void)co_await coproc::gather(commands);
       } catch (const coproc::launch_error&) {
       }
     }},
    {"as_completed",
     []() -> awaitable<> {
       std::vector<command> commands;
       for (int i = 0; i < 3; ++i) commands.emplace_back(child, "exit", 0);
       auto results = coproc::as_completed(commands, concurrency = 2);
       while (co_await results.next()) {
       }
     }},
    {"input as it is made",
     []() -> awaitable<> {
       const auto make = [left = 3]() mutable -> awaitable<std::optional<std::string>> {
         if (left-- == 0) co_return std::nullopt;
         co_return "words";
       };
       (void)co_await coproc::capture(child, "cat", input = make);
     }},
    {"a pipeline with a tee between its stages",
     []() -> awaitable<> {
       const auto keep = [](std::string_view) {};
       (void)co_await coproc::capture(command(child, "say", "words", std_out = tee(keep)) |
                                      command(child, "cat"));
     }},
    {"gather of a source",
     []() -> awaitable<> {
       const auto next = [left = 3]() mutable -> awaitable<std::optional<command>> {
         if (left-- == 0) co_return std::nullopt;
         co_return command(child, "exit", 0);
       };
       (void)co_await coproc::gather(next, concurrency = 2);
     }},
    {"launch with hooks",
     []() -> awaitable<> {
       const auto seen =
           co_await coproc::trace([](const coproc::trace_event& event) { (void)to_string(event); });
       const auto guard = co_await coproc::intercept(
           [](command what) { return command(what, env["ADDED"] = "a variable"); });
       (void)co_await coproc::capture(child, "say", "words");
       auto process = co_await coproc::exec(child, "wait", std_out = piped);
       (void)co_await process.std_out().readline();
     }},
};

int count_fds() {
  int count = 0;
  for (int fd = 0; fd < 64; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

enum verdict { never_failed, no_harm, left_children, left_descriptors };

/// A verb whose allocation of that number fails. Not one of run()'s own before it: where the
/// constructor of Asio's signal_set throws, Asio leaves a pipe.
awaitable<> failing(const verb& what, long number) {
  until_failure = number;
  co_await what.run();
}

verdict attempt(const verb& what, long number) {
  const int before = count_fds();
  try {
    coproc::run(failing(what, number));
  } catch (...) {
  }
  const bool failed = until_failure.exchange(-1) < 0;
  // The library's thread has its second.
  for (int i = 0; i < 2000 && (has_children() || count_fds() > before); ++i) ::usleep(1000);
  if (has_children()) return left_children;
  if (count_fds() > before) return left_descriptors;
  return failed ? no_harm : never_failed;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string only = count > 1 ? arguments[1] : "";
  int harm = 0;
  for (const verb& what : verbs) {
    if (!only.empty() && only != what.name) continue;
    if (count > 2) return attempt(what, std::atol(arguments[2]));
    long number = 0;
    int harm_here = 0;
    for (bool more = true; more; ++number) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::alarm(20);
        ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2);  // what std::terminate says
        ::_exit(attempt(what, number));
      }
      int status = 0;
      ::waitpid(pid, &status, 0);
      const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      more = ended != never_failed;
      if (ended == never_failed || ended == no_harm) continue;
      ++harm_here;
      std::printf("%s: without allocation %ld: %s\n", what.name, number,
                  ended == -SIGALRM           ? "it hangs"
                  : ended == left_children    ? "children are left"
                  : ended == left_descriptors ? "descriptors are left"
                                              : "it crashes");
      std::fflush(stdout);
    }
    std::printf("%-24s %4ld allocations, %d did harm\n", what.name, number - 1, harm_here);
    harm += harm_here;
  }
  return harm == 0 ? 0 : 1;
}
