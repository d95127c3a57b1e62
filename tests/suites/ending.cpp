// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <coproc/detail/child/child_streams.hpp>
#include <coproc/detail/os/os.hpp>

#include "host.hpp"

namespace ending_tests {

using namespace test;
using coproc::command;

// How a child is ended: by stop, by the end of its process, or not at all (detach).

namespace {

using clock_type = std::chrono::steady_clock;

asio::awaitable<coproc::process> ready_child(command what) {
  auto process = co_await coproc::exec(what, std_out = piped);
  const auto line = co_await process.std_out().readline();
  REQUIRE(line == "ready");
  co_return process;
}

/// Waits until @p count processes have said "ready" to the child's pipe.
asio::awaitable<void> ready(coproc::process& process, int count) {
  for (int i = 0; i < count; ++i) {
    const auto line = co_await process.std_out().readline();
    REQUIRE(line == "ready");
  }
}

/// A group of a shell and two of `child`; what they do is up to the words given.
command group_of(std::string first, std::string second) {
  const std::string program = coproc::quote(child);
  return command("/bin/sh", "-c", program + ' ' + first + " & exec " + program + ' ' + second,
                 process_group = new_group, std_out = piped);
}

/// True when no process, and no zombie, of that group is left.
bool group_gone(pid_t group) {
  while (::waitpid(-group, nullptr, WNOHANG) > 0) {  // orphans that came to us
  }
  return ::kill(-group, 0) != 0 && errno == ESRCH;
}

/// Starts a group of two and stops it within a grace in which its leader obeys, and ends with @p
/// code: one that is longer and longer, since all of it is used up where a zombie that nobody reaps
/// is left.
asio::awaitable<pid_t> stopped_group(command what, int code) {
  pid_t group = 0;
  const auto stopped = [&](std::chrono::milliseconds time) -> asio::awaitable<bool> {
    auto process = co_await coproc::exec(what);
    co_await ready(process, 2);
    group = process.pid();
    const int ended = co_await process.stop(time);
    if (ended == code) co_return true;
    CHECK(ended == -SIGKILL);
    const bool gone = co_await eventually([&] { return group_gone(group); });
    CHECK(gone);
    co_return false;
  };
  const bool obeyed = co_await in_some_time(100ms, stopped);
  CHECK(obeyed);
  co_return group;
}

/// A child made on @p context, which is left as it is then.
coproc::process made_on(asio::io_context& context, command what) {
  std::optional<coproc::process> made;
  context.restart();
  asio::co_spawn(
      context,
      [](command how, std::optional<coproc::process>& result) -> asio::awaitable<void> {
        result.emplace(co_await ready_child(std::move(how)));
      }(std::move(what), made),
      asio::detached);
  while (!made && context.run_one() > 0) {
  }
  REQUIRE(made);
  return std::move(*made);
}

}  // namespace

// ---- stop ----

COPROC_TEST("ending: stop asks first, and returns the moment the child has ended") {
  auto asked = co_await ready_child(command(child, "on-term", 7));
  const int seven = co_await asked.stop(std::chrono::hours(10));  // the watchdog is faster
  CHECK(seven == 7);
  auto plain = co_await ready_child(command(child, "wait"));
  const int terminated = co_await plain.stop(std::chrono::hours(10));
  CHECK(terminated == -SIGTERM);
  CHECK_FALSE(has_children());
}

COPROC_TEST("ending: stop kills what does not end within the grace") {
  auto process = co_await ready_child(command(child, "ignore-term"));
  const auto start = clock_type::now();
  const int code = co_await process.stop(100ms);
  CHECK(code == -SIGKILL);
  CHECK(clock_type::now() - start >= 100ms);
  CHECK(clock_type::now() - start < patience);
}

COPROC_TEST("ending: stop without a grace kills at once") {
  auto process = co_await ready_child(command(child, "ignore-term"));
  const int code = co_await process.stop(0s);
  CHECK(code == -SIGKILL);
}

COPROC_TEST("ending: stop reaches a child that is stopped") {
  auto process = co_await ready_child(command(child, "on-term", 7));
  process.send_signal(SIGSTOP);
  const bool stopped = co_await eventually([&] {
    siginfo_t info = {};
    ::waitid(P_PID, static_cast<id_t>(process.pid()), &info, WSTOPPED | WNOHANG | WNOWAIT);
    return info.si_pid == process.pid();
  });
  CHECK(stopped);
  const int code = co_await process.stop(std::chrono::hours(10));
  CHECK(code == 7);
}

COPROC_TEST("ending: stop of an ended child gives its code at once") {
  auto process = co_await coproc::exec(child, "exit", 3);
  co_await process.wait();
  for (int i = 0; i < 2; ++i) {
    const int code = co_await process.stop(std::chrono::hours(10));
    CHECK(code == 3);
  }
}

COPROC_TEST("ending: stop may be called by two at once, beside a wait") {
  auto process = co_await ready_child(command(child, "ignore-term"));
  const auto [first, second, waited] =
      co_await coproc::gather(process.stop(50ms), process.stop(10h), process.wait());
  CHECK(first == -SIGKILL);
  CHECK(second == -SIGKILL);
  CHECK(waited == -SIGKILL);
}

COPROC_TEST("ending: stop cancelled kills at once, and the child can be waited for") {
  auto process = co_await ready_child(command(child, "ignore-term"));
  beside<int> stopping(co_await asio::this_coro::executor, process.stop(10h));
  co_await turns(5);
  CHECK_FALSE(process.returncode());
  stopping.cancel();
  (void)co_await thrown<coproc::cancelled_error>(stopping.result());
  const int code = co_await process.wait();
  CHECK(code == -SIGKILL);
}

// ---- groups ----

COPROC_TEST("ending: stop ends the whole group that the child leads") {
  const subreaper orphans;
  const pid_t group = co_await stopped_group(group_of("wait", "on-term 4"), 4);
  const bool gone = co_await eventually([&] { return group_gone(group); });
  CHECK(gone);
}

COPROC_TEST("ending: stop kills what is left of a group whose leader has obeyed") {
  const subreaper orphans;
  const pid_t group = co_await stopped_group(group_of("ignore-term", "on-term 4"), 4);
  const bool gone = co_await eventually([&] { return group_gone(group); });
  CHECK(gone);
}

COPROC_TEST("ending: stop ends a group whose leader has ended long ago") {
  const subreaper orphans;
  auto process =
      co_await coproc::exec(child, "grandchild", process_group = new_group, std_out = piped);
  const auto line = co_await process.std_out().readline();
  co_await process.wait();
  CHECK(exists(std::stoi(line.value())));
  const int code = co_await process.stop(100ms);
  CHECK(code == 0);
  const bool gone = co_await eventually([&] { return group_gone(process.pid()); });
  CHECK(gone);
}

COPROC_TEST("ending: stop does not wait for what has ended and nobody reaps") {
  const subreaper orphans;  // which are this process's to reap, and are not for now
  auto process = co_await coproc::exec(group_of("wait", "on-term 4"));
  co_await ready(process, 2);
  const int code = co_await process.stop(24h);
  CHECK(code == 4);
  CHECK(exists(-process.pid()));
  const bool gone = co_await eventually([&] { return group_gone(process.pid()); });
  CHECK(gone);
}

COPROC_TEST("ending: a session is a group as well") {
  const subreaper orphans;
  const command what(group_of("wait", "wait"), process_group = new_group, new_session = true);
  const pid_t group = co_await stopped_group(what, -SIGTERM);
  const bool gone = co_await eventually([&] { return group_gone(group); });
  CHECK(gone);
}

COPROC_TEST("ending: a pipeline of a shell in its own group leaves nothing behind") {
  const subreaper orphans;
  pid_t group = 0;
  {
    const std::string program = coproc::quote(child);
    auto process = co_await coproc::shell(program + " wait | " + program + " cat",
                                          process_group = new_group, std_out = piped);
    co_await ready(process, 1);
    group = process.pid();
  }
  const bool gone = co_await eventually([&] { return group_gone(group); });
  CHECK(gone);
}

COPROC_TEST("ending: without a group of its own only the child itself is ended") {
  const subreaper orphans;
  const std::string program = coproc::quote(child);
  auto process = co_await coproc::shell(program + " wait & echo $!; exec " + program + " wait",
                                        std_out = piped);
  pid_t other = 0;
  for (int i = 0; i < 3; ++i) {  // "ready" twice, and the pid, in any order
    const auto line = co_await process.std_out().readline();
    if (line != "ready") other = std::stoi(line.value());
  }
  const int code = co_await process.stop(10h);
  CHECK(code == -SIGTERM);
  CHECK(::waitpid(other, nullptr, WNOHANG) == 0);
  ::kill(other, SIGKILL);
  CHECK(::waitpid(other, nullptr, 0) == other);
}

// ---- the end of the process object ----

TEST_CASE("ending: a process destroyed while it runs is gone when its io_context is done") {
  pid_t pid = 0;
  test::run([](pid_t& number) -> asio::awaitable<void> {
    const auto process = co_await ready_child(command(child, "ignore-term"));
    number = process.pid();
  }(pid));
  CHECK_FALSE(exists(pid));
  CHECK_FALSE(has_children());
}

COPROC_TEST("ending: a process destroyed while it runs takes its group with it") {
  const subreaper orphans;
  pid_t group = 0;
  {
    auto process = co_await coproc::exec(group_of("ignore-term", "ignore-term"));
    co_await ready(process, 2);
    group = process.pid();
  }
  const bool gone = co_await eventually([&] { return group_gone(group); });
  CHECK(gone);
}

COPROC_TEST("ending: destroying a process cancels what waits for it") {
  std::optional<coproc::process> process(
      co_await coproc::exec(child, "wait", std_in = piped, std_out = piped));
  const auto line = co_await process->std_out().readline();
  CHECK(line == "ready");
  const auto executor = co_await asio::this_coro::executor;
  beside<int> waiting(executor, process->wait());
  beside<std::string> reading(executor, process->std_out().read());
  beside<void> writing(executor, process->std_in().write(std::string(1 << 20, 'x')));
  co_await turns(5);
  process.reset();
  (void)co_await thrown<coproc::cancelled_error>(waiting.result());
  (void)co_await thrown<coproc::cancelled_error>(reading.result());
  (void)co_await thrown<coproc::cancelled_error>(writing.result());
}

COPROC_TEST("ending: destroying a process cancels its communicate and its stop") {
  std::optional<coproc::process> process(co_await ready_child(command(child, "ignore-term")));
  const auto executor = co_await asio::this_coro::executor;
  beside<coproc::output> communicating(executor, process->communicate());
  beside<int> stopping(executor, process->stop(10h));
  co_await turns(5);
  process.reset();
  (void)co_await thrown<coproc::cancelled_error>(communicating.result());
  (void)co_await thrown<coproc::cancelled_error>(stopping.result());
}

COPROC_TEST("ending: a cancelled coroutine's child is ended by its scope") {
  pid_t pid = 0;
  beside<void> owner(co_await asio::this_coro::executor,
                     [](pid_t& number) -> asio::awaitable<void> {
                       auto process = co_await ready_child(command(child, "ignore-term"));
                       number = process.pid();
                       co_await process.wait();
                     }(pid));
  const bool started = co_await eventually([&] { return pid != 0; });
  REQUIRE(started);
  owner.cancel();
  (void)co_await thrown<coproc::cancelled_error>(owner.result());
  const bool gone = co_await eventually([&] { return !exists(pid); });
  CHECK(gone);
}

TEST_CASE("ending: a process destroyed when its io_context is stopped is killed and reaped") {
  asio::io_context context(1);
  std::optional<coproc::process> process(made_on(context, command(child, "ignore-term")));
  const pid_t pid = process->pid();
  context.stop();
  process.reset();
  CHECK(soon([&] { return !exists(pid); }));
}

TEST_CASE("ending: a process may outlive its io_context, and is killed and reaped even so") {
  std::optional<asio::io_context> context(std::in_place, 1);
  std::optional<coproc::process> process(made_on(*context, command(child, "ignore-term")));
  const pid_t pid = process->pid();
  (void)process->handle();
  context.reset();
  CHECK(process->pid() == pid);
  CHECK_FALSE(process->returncode());
  CHECK(exists(pid));
  process->send_signal(0);
  process.reset();
  CHECK(soon([&] { return !exists(pid); }));
}

TEST_CASE("ending: a child's end is seen, by a look, when its io_context has gone") {
  std::optional<asio::io_context> context(std::in_place, 1);
  coproc::process process = made_on(*context, command(child, "on-term", 5));
  context.reset();
  process.terminate();
  CHECK(soon([&] { return process.returncode().has_value(); }));
  CHECK_FALSE(has_children());
}

TEST_CASE("ending: coroutines that own children go with their io_context") {
  std::vector<pid_t> pids;
  {
    asio::io_context context(1);
    for (int i = 0; i < 3; ++i)
      asio::co_spawn(
          context,
          [](std::vector<pid_t>& all) -> asio::awaitable<void> {
            auto process = co_await ready_child(command(child, "ignore-term"));
            all.push_back(process.pid());
            co_await process.wait();
          }(pids),
          asio::detached);
    while (pids.size() < 3 && context.run_one() > 0) {
    }
    context.poll();
  }
  for (const pid_t pid : pids) CHECK(soon([&] { return !exists(pid); }));
}

TEST_CASE("ending: no thread is left when the last destroyed child has been reaped") {
  REQUIRE(soon(at_rest));
  const int before = thread_count();
  {
    asio::io_context context(1);
    std::vector<coproc::process> all;
    for (int i = 0; i < 5; ++i) all.push_back(made_on(context, command(child, "ignore-term")));
  }
  CHECK(soon([] { return !has_children(); }));
  CHECK(soon([&] { return thread_count() <= before; }));
}

// ---- detach ----

COPROC_TEST("ending: a detached child goes on, and is reaped when it ends") {
  pid_t pid = 0;
  {
    auto process = co_await ready_child(command(child, "wait"));
    pid = process.pid();
    process.detach();
    coproc::process moved = std::move(process);
    coproc::process assigned = co_await coproc::exec(child, "exit", 0);
    assigned = std::move(moved);
  }
  co_await turns(5);
  CHECK(::waitpid(pid, nullptr, WNOHANG) == 0);
  ::kill(pid, SIGTERM);
  const bool reaped = co_await eventually([&] { return !exists(pid); });
  CHECK(reaped);
}

TEST_CASE("ending: a detached child does not keep its io_context, and outlives it") {
  pid_t pid = 0;
  test::run([](pid_t& number) -> asio::awaitable<void> {
    auto process = co_await ready_child(command(child, "wait"));
    number = process.pid();
    process.detach();
  }(pid));
  CHECK(::waitpid(pid, nullptr, WNOHANG) == 0);
  ::kill(pid, SIGTERM);
  CHECK(soon([&] { return !exists(pid); }));
}

COPROC_TEST("ending: a detached child is still the process's as long as that is there") {
  auto process = co_await ready_child(command(child, "on-term", 6));
  process.detach();
  process.terminate();
  const int code = co_await process.wait();
  CHECK(code == 6);
}

TEST_CASE("ending: reaping a killed child does not stop an io_context that nobody runs just now") {
  asio::io_context context;
  std::optional<coproc::process> process;
  auto launch = [&]() -> asio::awaitable<void> {
    process.emplace(co_await coproc::exec(child, "wait", std_out = devnull));
  };
  asio::co_spawn(context, launch(), asio::detached);
  context.run();
  context.restart();
  process.reset();
  REQUIRE(soon([] { return !has_children(); }));
  CHECK_FALSE(context.stopped());
  bool ran = false;
  asio::post(context, [&] { ran = true; });
  context.run();
  CHECK(ran);
}

TEST_CASE("ending: a host may change its user while the library's own threads run") {
  // The C library asks every thread for that, by a signal.
  int pid = 0;
  test::run([](int& number) -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "wait", kill_on_parent_death = true);
    number = process.pid();
    process.detach();
  }(pid));
  CHECK(::setresgid(static_cast<gid_t>(-1), ::getegid(), static_cast<gid_t>(-1)) == 0);
  ::kill(pid, SIGKILL);
  CHECK(soon([] { return !has_children(); }));
}

COPROC_TEST("ending: a group whose number has been given to another is not signalled") {
  // As if this child, which leads a group, had got the number of a leader that is gone.
  auto process = co_await coproc::exec(child, "wait", process_group = new_group);
  CHECK(coproc::detail::calls::send_group_signal(process.pid(), -1, 0, false) == 0);
  CHECK(coproc::detail::calls::send_group_signal(process.pid(), -1, 0, true) == ESRCH);
}

COPROC_TEST("ending: kill and terminate reach the group that a child leads, send_signal does not") {
  const subreaper orphans;
  for (const int number : {SIGTERM, SIGKILL}) {
    auto process = co_await coproc::exec(group_of("wait", "wait"));
    co_await ready(process, 2);
    process.send_signal(0);  // to look whether it is there
    if (number == SIGTERM) process.terminate();
    else process.kill();
    const int code = co_await process.wait();
    CHECK(code == -number);
    const bool gone = co_await eventually([&] { return group_gone(process.pid()); });
    CHECK(gone);
  }
  auto process = co_await coproc::exec(group_of("wait", "wait"));
  co_await ready(process, 2);
  process.send_signal(SIGTERM);
  co_await process.wait();
  CHECK_FALSE(group_gone(process.pid()));
  co_await process.stop();
}

COPROC_TEST("ending: the timeout of a child that may not be signalled is a timeout all the same") {
  if (::geteuid() != 0) co_return;  // nobody else has a child that is not his to signal
  if (!in_own_process()) {
    auto own = co_await coproc::exec(this_case_in_own_process(), std_out = piped);
    const auto result = co_await own.communicate();
    INFO(result.out);
    CHECK(own.returncode() == 0);
    co_return;
  }
  bool ready = false;
  const auto become_nobody = [&](std::string_view) {
    ready = ::setresuid(65534, 65534, 65534) == 0;
  };
  auto time = 200ms;
  for (bool done = false; !done; time *= 2) {
    const auto e = co_await thrown<coproc::timeout_error>(
        coproc::capture("sh", "-c", "echo ready; exec sleep 30", std_out = tee(become_nobody),
                        timeout = time, grace = 100ms));
    done = ready;
    if (!done) continue;
    CHECK(e.out() == "ready\n");
    CHECK(std::string(e.what()).find("it could not be ended: send_signal") != std::string::npos);
  }
}

COPROC_TEST("ending: an ended child that is kept holds no descriptor") {
  // Asio's own descriptors come with the first pipe that is read: a child's end alone may have come
  // before anybody had to wait for it.
  co_await coproc::capture(child, "exit", 0);
  const std::set<int> before = open_fds();
  std::vector<coproc::process> kept;
  for (int i = 0; i < 20; ++i) {
    kept.push_back(co_await coproc::exec(child, "exit", i, process_group = new_group));
    co_await kept.back().wait();
  }
  CHECK(open_fds() == before);
  for (int i = 0; i < 20; ++i) CHECK(kept[static_cast<std::size_t>(i)].returncode() == i);
}

COPROC_TEST("ending: a traced child that stops has not ended") {
  auto process = co_await coproc::exec(child, "wait", std_out = piped);
  co_await process.std_out().readline();
  const int pid = process.pid();
  REQUIRE(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0);
  REQUIRE(::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == 0);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT) == 0);
  CHECK(process.returncode() == std::nullopt);
  ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  const int code = co_await process.stop();
  CHECK(code == -SIGTERM);
}

namespace {

/// A process that traces another until it is told to end, which it never waits for: so that holds
/// the other's zombie.
class tracer {
 public:
  explicit tracer(pid_t traced) {
    int ready[2], stay[2];
    if (::pipe(ready) != 0 || ::pipe(stay) != 0) FAIL("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(stay[1]);
      const char well = ::ptrace(PTRACE_SEIZE, traced, nullptr, nullptr) == 0 ? 'y' : 'n';
      char end;
      if (::write(ready[1], &well, 1) == 1 && ::read(stay[0], &end, 1) >= 0) ::_exit(0);
      ::_exit(1);
    }
    char well = 'n';
    if (::read(ready[0], &well, 1) != 1 || well != 'y') FAIL("the tracer could not seize it");
    for (const int fd : {ready[0], ready[1], stay[0]}) ::close(fd);
    stay_ = stay[1];
  }
  void end() {
    ::close(stay_);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
  int stay_;
};

}  // namespace

TEST_CASE("ending: a zombie that a tracer holds is waited for without spinning", "[pidfd]") {
  asio::io_context context;
  std::optional<tracer> holder;
  std::optional<int> code;
  const auto work = [&]() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "wait", std_out = piped);
    co_await process.std_out().readline();
    holder.emplace(process.pid());
    process.kill();
    const std::string status = "/proc/" + std::to_string(process.pid()) + "/stat";
    co_await eventually([&] { return read_file(status).find(") Z ") != std::string::npos; });
    code = co_await process.wait();
  };
  asio::co_spawn(context, work(), asio::detached);
  // Without a pause between the looks it would be hundred thousands.
  const std::size_t handlers = context.run_for(1s);
  CHECK(handlers < 3000);
  CHECK_FALSE(code);
  REQUIRE(holder);
  holder->end();
  CHECK(run_out(context, 1));
  CHECK(code == -SIGKILL);
}

COPROC_TEST("ending: a process that is nobody's child here, but lives, has not ended") {
  // As where the host has become a daemon: its own child is another's then.
  auto parent = co_await coproc::exec(child, "grandchild", std_out = piped);
  const auto line = co_await parent.std_out().readline();
  co_await parent.wait();
  coproc::detail::launched started;
  started.pid = std::stoi(line.value());
  started.pidfd =
      coproc::detail::unique_handle(static_cast<int>(::syscall(SYS_pidfd_open, started.pid, 0)));
  REQUIRE(started.pidfd);
  const coproc::detail::options none;
  coproc::process process(std::make_shared<coproc::detail::child_streams>(
      co_await asio::this_coro::executor, started, none));
  CHECK(process.returncode() == std::nullopt);
  beside<int> waiting(co_await asio::this_coro::executor, process.wait());
  co_await turns(20);
  CHECK_FALSE(waiting.done());
  process.kill();
  const int code = co_await waiting.result();
  CHECK(code == coproc::unknown_returncode);
}

COPROC_TEST("ending: without a pidfd an end before the first wait is seen") {
  for (int i = 0; i < 2; ++i) {
    const command what(child, "say", "x", "", std_out = piped);
    auto started = coproc::detail::launch(what.words(), what.options());
    started.pidfd.reset();
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(started.pid), &info, WEXITED | WNOWAIT) == 0);
    coproc::process process(std::make_shared<coproc::detail::child_streams>(
        co_await asio::this_coro::executor, started, what.options()));
    if (i == 0) {
      const auto result = co_await process.communicate();
      CHECK(result.out == "x");
    } else {
      co_await process.stop();
    }
    CHECK(process.returncode() == 0);
  }
}

COPROC_TEST("ending: one clean-up is not waited for by those that came before it") {
  const auto executor = co_await asio::this_coro::executor;
  auto& service = coproc::detail::context_service::of(executor);
  const auto forget = [](coproc::detail::context_service&) {};
  const auto first = service.cleanup_started(executor, forget);
  beside<void> waiting(executor, coproc::detail::wait_until_clean());
  co_await turns(5);
  CHECK_FALSE(waiting.done());
  const auto second = service.cleanup_started(executor, forget);
  service.cleanup_finished(first);
  co_await waiting.result();
  CHECK(service.last_cleanup() == second);
  service.cleanup_finished(second);
  CHECK(service.last_cleanup() == 0);
}

COPROC_TEST("ending: stop_signal is the first of stop, a timeout and a cancellation") {
  const std::string text = "trap 'echo int; exit 7' INT; echo ready; while :; do sleep 0.01; done";
  auto process = co_await ready_child(command("sh", "-c", text, stop_signal = SIGINT));
  const int code = co_await process.stop();
  CHECK(code == 7);
  auto time = 50ms;
  const auto late = co_await timed_out(time, "ready\n", [&](std::chrono::milliseconds within) {
    return coproc::capture("sh", "-c", text, stop_signal = SIGINT, timeout = within);
  });
  CHECK(late.out() == "ready\nint\n");
  std::string seen;
  beside<coproc::completed> running(
      co_await asio::this_coro::executor,
      coproc::capture("sh", "-c", text, stop_signal = SIGINT,
                      std_out = tee([&](std::string_view more) { seen += more; })));
  co_await eventually([&] { return seen == "ready\n"; });
  running.cancel();
  const auto cancelled = co_await thrown<coproc::cancelled_error>(running.result());
  CHECK(cancelled.out() == "ready\nint\n");
}

COPROC_TEST("ending: stop_signal reaches the whole group, and SIGKILL comes after it") {
  auto group = co_await coproc::exec(
      "sh", "-c",
      "trap 'echo usr1' USR1; (trap 'echo sub' USR1; echo ready; sleep 1000; sleep 1000)",
      std_out = piped, std_err = devnull, process_group = new_group, stop_signal = SIGUSR1);
  const auto line = co_await group.std_out().readline();
  CHECK(line == "ready");
  const int code = co_await group.stop(100ms);
  CHECK(code == -SIGKILL);
}

COPROC_TEST("ending: a stop_signal that is none is refused before anything starts") {
  for (const int number : {-1, 0, 1000}) {
    const auto e =
        co_await thrown<coproc::launch_error>(coproc::exec(child, "wait", stop_signal = number));
    CHECK(e.step() == "stop_signal");
    CHECK(e.object() == std::to_string(number));
  }
}

}  // namespace ending_tests
