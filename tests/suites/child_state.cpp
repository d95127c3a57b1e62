// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <pwd.h>
#include <sys/stat.h>

#include <atomic>
#include <coproc/detail/os/os.hpp>
#include <functional>
#include <map>
#include <thread>

#include "host.hpp"

namespace child_state_tests {

using namespace test;
using coproc::command;

// The state in which a child starts, as the child itself tells it. (Its streams: stdio.cpp.)

namespace {

using state = std::map<std::string, std::string>;

state parse(const std::string& text) {
  state all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.find(' ');
    all[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return all;
}

/// Runs `child state` with the keywords of @p how.
asio::awaitable<state> state_with(command how) {
  auto process = co_await coproc::exec(how, std_out = piped);
  const auto result = co_await process.communicate();
  CHECK(process.returncode() == 0);
  co_return parse(result.out);
}

command child_state(std::string program = child) { return command(program, "state"); }

/// The variables of a child, a line each, sorted.
asio::awaitable<std::vector<std::string>> variables_with(command how) {
  auto process = co_await coproc::exec(how, std_out = piped);
  const auto result = co_await process.communicate();
  std::vector<std::string> lines;
  std::istringstream text(result.out);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  std::ranges::sort(lines);
  co_return lines;
}

void nothing(int) {}

}  // namespace

COPROC_TEST("child_state: no signal is blocked, whatever the host blocks") {
  const saved_mask mask;
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const state now = co_await state_with(child_state());
  CHECK(now.at("blocked") == "");
}

COPROC_TEST(
    "child_state: what the host ignores stays ignored, but for SIGPIPE, SIGXFSZ and SIGCHLD") {
  const saved_action pipe(SIGPIPE, SIG_IGN), size(SIGXFSZ, SIG_IGN), interrupt(SIGINT, SIG_IGN),
      hangup(SIGHUP, SIG_IGN), last(SIGRTMAX, SIG_IGN), handled(SIGUSR1, &nothing);
  const state now = co_await state_with(child_state());
  CHECK(now.at("not-default") ==
        std::to_string(SIGHUP) + ' ' + std::to_string(SIGINT) + ' ' + std::to_string(SIGRTMAX));
}

COPROC_TEST("child_state: with reset_signals every signal has its default action") {
  const saved_action pipe(SIGPIPE, SIG_IGN), interrupt(SIGINT, SIG_IGN), hangup(SIGHUP, SIG_IGN),
      last(SIGRTMAX, SIG_IGN), handled(SIGUSR1, &nothing);
  const state now = co_await state_with(command(child_state(), reset_signals = true));
  CHECK(now.at("not-default") == "");
}

COPROC_TEST("child_state: the host keeps its mask, its actions and its errno") {
  const saved_mask mask;
  const saved_action handled(SIGUSR1, &nothing), ignored(SIGPIPE, SIG_IGN);
  sigset_t some, after;
  ::sigemptyset(&some);
  ::sigaddset(&some, SIGUSR2);
  ::sigaddset(&some, SIGRTMAX);
  ::pthread_sigmask(SIG_SETMASK, &some, nullptr);
  for (const command& what : {command(child, "exit", 0), command("/no/such/program")}) {
    try {
      auto process = co_await coproc::exec(what);
      co_await process.wait();
    } catch (const coproc::launch_error&) {
    }
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int number = 1; number <= SIGRTMAX; ++number)
      CHECK(::sigismember(&after, number) == ::sigismember(&some, number));
    struct sigaction action;
    ::sigaction(SIGUSR1, nullptr, &action);
    CHECK(action.sa_handler == &nothing);
    ::sigaction(SIGPIPE, nullptr, &action);
    CHECK(action.sa_handler == SIG_IGN);
  }
}

namespace {
std::atomic<int> handled_in_child = 0;
std::atomic<int> handled_here = 0;
pid_t host_pid = 0;
void count_handled(int) {
  if (::getpid() == host_pid) ++handled_here;
  else ++handled_in_child;  // in the memory of both, between clone and exec
}
}  // namespace

COPROC_TEST("child_state: no handler of the host runs in a child that is just starting") {
  if (!in_own_process()) {  // signals for a whole group, which must be its own
    auto host = co_await coproc::exec(this_case_in_own_process(), process_group = new_group,
                                      std_out = piped);
    const auto result = co_await host.communicate();
    INFO(result.out);
    CHECK(host.returncode() == 0);
    co_return;
  }
  host_pid = ::getpid();
  const saved_action handler(SIGUSR1, &count_handled);
  std::atomic<bool> done = false;
  std::thread shooter([&] {
    while (!done) ::kill(0, SIGUSR1);
  });
  for (int i = 0; i < 200; ++i) {
    auto process = co_await coproc::exec(child, "exit", 0);
    const int code = co_await process.wait();
    const bool as_expected = code == 0 || code == -SIGUSR1;  // shot after its exec
    CHECK(as_expected);
  }
  done = true;
  shooter.join();
  CHECK(handled_here > 0);
  CHECK(handled_in_child == 0);
}

COPROC_TEST("child_state: no descriptor is there but 0, 1 and 2") {
  std::vector<coproc::detail::unique_handle> left_open;
  for (int i = 0; i < 100; ++i) left_open.emplace_back(::open("/dev/null", O_RDONLY));
  const state now = co_await state_with(command(child_state(), std_in = devnull));
  CHECK(now.at("fds") == "0 1 2");
  const state all_piped =
      co_await state_with(command(child_state(), std_in = piped, std_err = piped));
  CHECK(all_piped.at("fds") == "0 1 2");
}

COPROC_TEST("child_state: the host's own descriptors keep their flags") {
  const coproc::detail::unique_handle open(::open("/dev/null", O_RDONLY));
  co_await state_with(command(child_state(), pass_fds[10] = open.get()));
  CHECK(::fcntl(open.get(), F_GETFD) == 0);
  co_await state_with(command(child_state(), std_in = open.get()));
  CHECK(::fcntl(open.get(), F_GETFD) == 0);
}

COPROC_TEST("child_state: without a word the environment is the host's of that moment") {
  const saved_variable set("COPROC_A", "1"), unset_here("COPROC_B", nullptr);
  auto now = co_await variables_with(command(child, "env"));
  CHECK(std::ranges::count(now, "COPROC_A=1") == 1);
  std::vector<std::string> here;
  for (char** variable = environ; *variable != nullptr; ++variable) here.push_back(*variable);
  std::ranges::sort(here);
  CHECK(now == here);
  ::setenv("COPROC_B", "2", 1);
  now = co_await variables_with(command(child, "env"));
  CHECK(std::ranges::count(now, "COPROC_B=2") == 1);
}

COPROC_TEST("child_state: one variable is set, changed or removed, the others stay") {
  const saved_variable a("COPROC_A", "1"), b("COPROC_B", "2"), ab("COPROC_AB", "3");
  const auto now = co_await variables_with(
      command(child, "env", env["COPROC_A"] = "changed", env["COPROC_B"] = unset,
              env["COPROC_NEW"] = "a=b", env["COPROC_EMPTY"] = "", env["COPROC_NONE"] = unset));
  CHECK(std::ranges::count(now, "COPROC_A=changed") == 1);
  CHECK(std::ranges::count(now, "COPROC_A=1") == 0);
  CHECK(std::ranges::count(now, "COPROC_B=2") == 0);
  CHECK(std::ranges::count(now, "COPROC_AB=3") == 1);
  CHECK(std::ranges::count(now, "COPROC_NEW=a=b") == 1);
  CHECK(std::ranges::count(now, "COPROC_EMPTY=") == 1);
  CHECK(std::string(std::getenv("COPROC_A")) == "1");
}

COPROC_TEST("child_state: an environment is replaced, or empty") {
  const std::map<std::string, int> map = {{"B", 2}, {"A", 1}};
  const auto replaced = co_await variables_with(command(child, "env", env = map, env["C"] = 3));
  CHECK(replaced == std::vector<std::string>{"A=1", "B=2", "C=3"});
  const command in_nothing(child, "env", env = {});
  const auto empty = co_await variables_with(in_nothing);
  CHECK(empty.empty());
  // A host without any, as after clearenv().
  char** const before = std::exchange(environ, nullptr);
  const auto from_none = co_await variables_with(command(child, "env"));
  const auto one = co_await variables_with(command(child, "env", env["A"] = 1));
  environ = before;
  CHECK(from_none.empty());
  CHECK(one == std::vector<std::string>{"A=1"});
}

COPROC_TEST("child_state: the working directory is the host's or that of cwd") {
  const temporary_directory directory;
  const state inherited = co_await state_with(child_state());
  CHECK(inherited.at("cwd") == std::filesystem::current_path());
  const state changed = co_await state_with(command(child_state(), cwd = directory.path));
  CHECK(changed.at("cwd") == std::filesystem::canonical(directory.path));
  CHECK(inherited.at("cwd") == std::filesystem::current_path());
}

COPROC_TEST("child_state: mask, niceness and limits are those asked for") {
  const int nice_here = ::getpriority(PRIO_PROCESS, 0);
  const state now = co_await state_with(
      command(child_state(), new_umask = 0027, niceness = 3, resource_limit[RLIMIT_CORE] = 0,
              resource_limit[RLIMIT_NOFILE] = std::pair(64, 128)));
  CHECK(now.at("umask") == "027");
  CHECK(now.at("nice") == std::to_string(std::min(19, nice_here + 3)));
  CHECK(now.at("core") == "0 0");
  CHECK(now.at("nofile") == "64 128");
  CHECK(::getpriority(PRIO_PROCESS, 0) == nice_here);
}

COPROC_TEST("child_state: without a word mask, niceness and limits are the host's") {
  const saved_limit before_and_after(RLIMIT_NOFILE, 123);
  const mode_t mask = ::umask(0051);
  const state now = co_await state_with(child_state());
  ::umask(mask);
  CHECK(now.at("umask") == "051");
  CHECK(now.at("nice") == std::to_string(::getpriority(PRIO_PROCESS, 0)));
  CHECK(now.at("nofile").starts_with("123 "));
}

COPROC_TEST("child_state: session and group are the host's unless it is to lead its own") {
  const auto text = [](pid_t id) { return std::to_string(id); };
  const state inherited = co_await state_with(child_state());
  CHECK(inherited.at("sid") == text(::getsid(0)));
  CHECK(inherited.at("pgid") == text(::getpgrp()));
  const state group = co_await state_with(command(child_state(), process_group = new_group));
  CHECK(group.at("pgid") == group.at("pid"));
  CHECK(group.at("sid") == text(::getsid(0)));
  const state session = co_await state_with(command(child_state(), new_session = true));
  CHECK(session.at("sid") == session.at("pid"));
  CHECK(session.at("pgid") == session.at("pid"));
  const state both =
      co_await state_with(command(child_state(), new_session = true, process_group = new_group));
  CHECK(both.at("sid") == both.at("pid"));
  CHECK(both.at("pgid") == both.at("pid"));
}

COPROC_TEST("child_state: a child may join another's group") {
  auto leader = co_await coproc::exec(child, "wait", process_group = new_group, std_out = piped);
  (void)co_await leader.std_out().readline();
  const state member = co_await state_with(command(child_state(), process_group = leader.pid()));
  CHECK(member.at("pgid") == std::to_string(leader.pid()));
  CHECK(member.at("pid") != std::to_string(leader.pid()));
}

COPROC_TEST("child_state: groups are set before the group and the group before the user") {
  const temporary_directory directory;
  std::filesystem::permissions(directory.path, std::filesystem::perms(0755));
  const auto program = directory.path / "child";
  copy_child(program);
  if (::geteuid() != 0) {  // an ordinary user may become none but himself
    const state same =
        co_await state_with(command(program, "state", as_group = ::getgid(), as_user = ::getuid()));
    CHECK(same.at("uid") == std::to_string(::getuid()) + ' ' + std::to_string(::getuid()));
    co_return;
  }
  const std::vector<int> more = {4003, 4004};
  const state other = co_await state_with(
      command(program, "state", as_user = 4001, as_group = 4002, extra_groups = more));
  CHECK(other.at("uid") == "4001 4001");
  CHECK(other.at("gid") == "4002 4002");
  CHECK(other.at("groups") == "4003 4004");
  const state none =
      co_await state_with(command(program, "state", as_user = 4001, as_group = 4002));
  CHECK(none.at("uid") == "4001 4001");
  CHECK(none.at("gid") == "4002 4002");
  CHECK(none.at("groups") == "");  // none of this process's come along
  const passwd* const nobody = ::getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  const std::string id = std::to_string(nobody->pw_uid);
  const state named = co_await state_with(command(program, "state", as_user = "nobody"));
  CHECK(named.at("uid") == id + ' ' + id);
  const std::string group = std::to_string(nobody->pw_gid);
  CHECK(named.at("gid") == group + ' ' + group);
  CHECK(named.at("groups") == group);
  const state numbered = co_await state_with(command(program, "state", as_user = nobody->pw_uid));
  CHECK(numbered.at("gid") == group + ' ' + group);
  const state given = co_await state_with(
      command(program, "state", as_user = "nobody", as_group = 4002, extra_groups = 4003));
  CHECK(given.at("gid") == "4002 4002");
  CHECK(given.at("groups") == "4003");
}

// ---- kill_on_parent_death ----

namespace {

/// The pid that a host has written as a line.
asio::awaitable<pid_t> read_pid(coproc::process& host) {
  const auto line = co_await host.std_out().readline();
  REQUIRE(line);
  co_return std::stoi(*line);
}

/// Whether an orphan that this process adopts has ended by @p signal.
asio::awaitable<bool> ended_by(pid_t pid, int signal) {
  int status = 0;
  const bool ended = co_await eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
  co_return ended&& WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

}  // namespace

COPROC_TEST("child_state: kill_on_parent_death ends the child with a host that was killed") {
  if (in_own_process()) {
    auto doomed =
        co_await coproc::exec(child, "wait", kill_on_parent_death = true, std_out = piped);
    auto other = co_await coproc::exec(child, "wait", std_out = piped);
    (void)co_await doomed.std_out().readline();
    (void)co_await other.std_out().readline();
    std::printf("%d\n%d\n", doomed.pid(), other.pid());
    std::fflush(stdout);
    co_await doomed.wait();  // for ever
  }
  const subreaper orphans;
  auto host = co_await coproc::exec(this_case_in_own_process(), std_in = devnull, std_out = piped);
  // Catch's own words come first, if it has any.
  std::optional<std::string> line = co_await host.std_out().readline();
  while (line && line->find_first_not_of("0123456789") != std::string::npos)
    line = co_await host.std_out().readline();
  REQUIRE(line);
  const pid_t doomed = std::stoi(*line);
  const pid_t other = co_await read_pid(host);
  host.kill();
  co_await host.wait();
  const bool gone = co_await ended_by(doomed, SIGKILL);
  CHECK(gone);
  CHECK(::kill(other, SIGTERM) == 0);
  const bool by_us = co_await ended_by(other, SIGTERM);
  CHECK(by_us);
}

COPROC_TEST("child_state: kill_on_parent_death leaves none where the host dies in a launch") {
  if (in_own_process()) {
    std::puts("ready");
    std::fflush(stdout);
    std::vector<coproc::process> all;
    for (;;)
      all.push_back(co_await coproc::exec(child, "wait", kill_on_parent_death = true,
                                          std_out = devnull, std_in = devnull));
  }
  const subreaper orphans;
  for (int i = 0; i < 10; ++i) {
    auto host =
        co_await coproc::exec(this_case_in_own_process(), std_in = devnull, std_out = piped);
    (void)co_await host.std_out().until("ready\n");
    asio::steady_timer moment(co_await asio::this_coro::executor, i * 300us);  // any will do
    co_await moment.async_wait(asio::use_awaitable);
    host.kill();
    co_await host.wait();
    const bool none_left = co_await eventually([] {
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      return !has_children();
    });
    CHECK(none_left);
  }
}

TEST_CASE("child_state: kill_on_parent_death is for the host's death, not its thread's") {
  asio::io_context context(1);
  std::optional<coproc::process> process;
  std::exception_ptr failure;
  const auto keep = [&](std::exception_ptr e) { failure = e; };
  asio::co_spawn(
      context,
      [](std::optional<coproc::process>& result) -> asio::awaitable<void> {
        result.emplace(co_await coproc::exec(child, "cat", kill_on_parent_death = true,
                                             std_in = piped, std_out = piped));
      }(process),
      keep);
  pid_t launcher = 0;
  std::thread([&] {
    launcher = ::gettid();
    context.run();
  }).join();
  REQUIRE(process);
  REQUIRE_FALSE(failure);
  context.restart();
  asio::co_spawn(
      context,
      [](coproc::process& cat, pid_t gone) -> asio::awaitable<void> {
        const auto task = "/proc/self/task/" + std::to_string(gone);
        const bool ended = co_await eventually([&] { return !std::filesystem::exists(task); });
        CHECK(ended);
        const auto result = co_await cat.communicate("alive");
        CHECK(result.out == "alive");
        CHECK(cat.returncode() == 0);
      }(*process, launcher),
      keep);
  context.run();
  CHECK_FALSE(failure);
}

namespace {

/// Runs what a host does on another thread than the main one.
void on_another_thread(const std::function<asio::awaitable<void>()>& make) {
  asio::io_context context(1);
  std::exception_ptr failure;
  asio::co_spawn(context, make(), [&](std::exception_ptr e) { failure = e; });
  std::thread([&] { context.run(); }).join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

TEST_CASE("child_state: kill_on_parent_death leaves the child what the calling thread has") {
  state now;
  on_another_thread([&]() -> asio::awaitable<void> {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 7);
    now = co_await state_with(command(child_state(), kill_on_parent_death = true));
  });
  CHECK(now.at("nice") == "7");
  // And what that thread had does not stay for the next one.
  on_another_thread([&]() -> asio::awaitable<void> {
    now = co_await state_with(command(child_state(), kill_on_parent_death = true));
  });
  CHECK(now.at("nice") == "0");
}

TEST_CASE("child_state: kill_on_parent_death keeps no thread longer than its child") {
  const int before = thread_count();  // perhaps with one that is just ending
  on_another_thread([&]() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "wait", kill_on_parent_death = true);
    co_await process.stop();
    (void)co_await failed_launch(command("/no/such/program", kill_on_parent_death = true));
  });
  CHECK(soon([&] { return thread_count() <= before; }));
}

TEST_CASE("child_state: kill_on_parent_death says why where it can have no thread") {
  pthread_attr_t usual, enormous;
  REQUIRE(::pthread_getattr_default_np(&usual) == 0);
  enormous = usual;
  on_another_thread([&]() -> asio::awaitable<void> {
    REQUIRE(::pthread_attr_setstacksize(&enormous, std::size_t{1} << 50) == 0);
    REQUIRE(::pthread_setattr_default_np(&enormous) == 0);
    const auto e = co_await failed_launch(command(child, "exit", 0, kill_on_parent_death = true));
    ::pthread_setattr_default_np(&usual);
    CHECK(e.step() == "kill_on_parent_death");
    CHECK(e.code().value() == EAGAIN);
    CHECK(std::string(e.what()).find("a thread for it") != std::string::npos);
  });
}

TEST_CASE("child_state: kill_on_parent_death works in a fork of a host that has used it") {
  const auto launch_one = []() -> asio::awaitable<void> {
    auto process = co_await coproc::exec(child, "exit", 0, kill_on_parent_death = true);
    const int code = co_await process.wait();
    CHECK(code == 0);
  };
  test::run(launch_one());
  const pid_t fork = ::fork();
  if (fork == 0) {
    ::alarm(20);
    for (int i = 0; i < 3; ++i) test::run(launch_one());
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(fork, &status, 0);
  CHECK(status == 0);
}

COPROC_TEST("child_state: the host stays dumpable when a child becomes another user") {
  const temporary_directory directory;
  const auto program = directory.path / "child";
  std::filesystem::permissions(directory.path, std::filesystem::perms(0755));
  copy_child(program);
  REQUIRE(::prctl(PR_GET_DUMPABLE) == 1);
  const bool root = ::geteuid() == 0;
  for (int i = 0; i < 3; ++i) {
    auto process = co_await coproc::exec(program, "exit", 0, as_user = root ? 4001 : ::getuid(),
                                         as_group = root ? 4002 : ::getgid());
    CHECK(::prctl(PR_GET_DUMPABLE) == 1);
    const int code = co_await process.wait();
    CHECK(code == 0);
  }
  const auto e = co_await failed_launch(coproc::command(
      "/no/such/program", as_user = root ? 4001 : ::getuid(), as_group = root ? 4002 : ::getgid()));
  CHECK(e.step() == "exec");
  CHECK(::prctl(PR_GET_DUMPABLE) == 1);
}

COPROC_TEST("child_state: niceness beyond the end of the scale is the end of it") {
  const state least =
      co_await state_with(command(child_state(), niceness = std::numeric_limits<int>::max()));
  CHECK(least.at("nice") == "19");
}

}  // namespace child_state_tests
