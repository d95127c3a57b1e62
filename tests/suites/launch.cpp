// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <coproc/detail/os/os.hpp>
#include <map>
#include <thread>
#include <utility>

#include "host.hpp"

namespace launch_tests {

using namespace test;
using coproc::command;

// Launches that fail: with the right errno, a word on the step and the object at fault, and nothing
// left behind (failed_launch looks for that).

namespace {

using state = std::map<std::string, std::string>;

std::string what_of(const coproc::launch_error& e) { return e.what(); }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void make_executable(const std::filesystem::path& path, const std::string& text) {
  write_file(path, text);
  std::filesystem::permissions(path, std::filesystem::perms(0755));
}

/// Launches with room for 0, 1, 2, ... more descriptors until one works. How many did not.
asio::awaitable<int> launch_in_growing_room(command what) {
  // No gaps, so that the limit is the room.
  std::vector<coproc::detail::unique_handle> fillers;
  const int top = *open_fds().rbegin();
  for (int fd = 0; fd < top;) {
    fillers.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    fd = fillers.back().get();
  }
  const std::set<int> before = open_fds();
  const auto first_free = static_cast<rlim_t>(*before.rbegin() + 1);
  for (int failures = 0;; ++failures) {
    REQUIRE(failures < 50);
    std::optional<coproc::process> process;
    {
      const saved_limit limit(RLIMIT_NOFILE, first_free + static_cast<rlim_t>(failures));
      try {
        process.emplace(co_await coproc::exec(what));
      } catch (const coproc::launch_error& e) {
        CAPTURE(failures, e.what());
        CHECK(e.code().value() == EMFILE);
      }
    }
    if (process) {
      co_await process->stop();
      co_return failures;
    }
    CHECK(open_fds() == before);
    CHECK_FALSE(has_children());
  }
}

}  // namespace

COPROC_TEST("launch: a missing program is told as a shell would") {
  const auto e = co_await failed_launch(command("non_existent_command", "x"));
  CHECK(e.code().value() == ENOENT);
  CHECK(e.step() == "exec");
  CHECK(what_of(e) == "non_existent_command: No such file or directory");
  const auto with_path = co_await failed_launch(command("/nowhere/program"));
  CHECK(with_path.code().value() == ENOENT);
  CHECK(what_of(with_path) == "/nowhere/program: No such file or directory");
}

COPROC_TEST("launch: a directory is no program") {
  const temporary_directory directory;
  const auto e = co_await failed_launch(command(directory.path));
  CHECK(e.code().value() == EACCES);
  CHECK(e.step() == "exec");
  CHECK(what_of(e) == directory.path.string() + ": Permission denied");
}

COPROC_TEST("launch: a file that is not executable is no program, for root neither") {
  const temporary_directory directory;
  write_file(directory.path / "file", "#!/bin/sh\n");
  const auto e = co_await failed_launch(command(directory.path / "file"));
  CHECK(e.code().value() == EACCES);
  CHECK(e.step() == "exec");
}

COPROC_TEST("launch: a text without an interpreter line is not given to a shell") {
  const temporary_directory directory;
  make_executable(directory.path / "script", "exit 3\n");
  const auto e = co_await failed_launch(command(directory.path / "script"));
  CHECK(e.code().value() == ENOEXEC);
  CHECK(what_of(e) == (directory.path / "script").string() + ": Exec format error");
  // A shell runs it, as ever.
  auto shell = co_await coproc::shell("./script", cwd = directory.path);
  const int code = co_await shell.wait();
  CHECK(code == 3);
}

COPROC_TEST("launch: a script whose interpreter is missing") {
  const temporary_directory directory;
  make_executable(directory.path / "script", "#!/no/such/interpreter\n");
  const auto e = co_await failed_launch(command(directory.path / "script"));
  CHECK(e.code().value() == ENOENT);
}

COPROC_TEST("launch: what no program can be given is refused, not cut short") {
  const std::string nul("a\0b", 3);
  const std::string ends_with_nul("a\0", 2);
  const std::pair<command, std::string_view> cases[] = {
      {command(""), "arguments"},
      {command(std::vector<std::string>()), "arguments"},
      {command(nul), "arguments"},
      {command(child + ends_with_nul, "exit", 0), "arguments"},
      {command(child, "exit", 0, nul), "arguments"},
      {command(child, "exit", 0, argv0 = nul), "arguments"},
      {command(child, "exit", 0, env["K"] = nul), "environment"},
      {command(child, "exit", 0, env[nul] = "v"), "environment"},
      {command(child, "exit", 0, env[""] = "v"), "environment"},
      {command(child, "exit", 0, env["A=B"] = "v"), "environment"},
      {command(child, "exit", 0, env["A=B"] = unset), "environment"},
      {command(child, "exit", 0, cwd = std::filesystem::path(std::string("/\0x", 3))), "chdir"},
      {command(child, "exit", 0, std_in = std::string("/dev/null\0x", 11)), "open"},
      {command(child, "exit", 0, std_out = append(std::string("/dev/null\0x", 11))), "open"}};
  for (const auto& [what, step] : cases) {
    const auto e = co_await failed_launch(what);
    CAPTURE(e.what());
    CHECK(e.code() == boost::system::errc::invalid_argument);
    CHECK(e.step() == step);
  }
}

COPROC_TEST("launch: a missing working directory is named, not the program") {
  const auto e = co_await failed_launch(command(child, "exit", 0, cwd = "/no/such/place"));
  CHECK(e.code().value() == ENOENT);
  CHECK(e.step() == "chdir");
  CHECK(what_of(e) == child + ": chdir '/no/such/place': No such file or directory");
}

COPROC_TEST("launch: a working directory that is a file") {
  const auto e = co_await failed_launch(command(child, "exit", 0, cwd = child));
  CHECK(e.code().value() == ENOTDIR);
  CHECK(e.step() == "chdir");
}

COPROC_TEST("launch: a working directory that may not be entered") {
  const temporary_directory directory;
  const auto closed = directory.path / "closed";
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(closed, std::filesystem::perms(0600));
  command what(child, "exit", 0, cwd = closed);
  // Root may enter all; but the child has become another by then.
  if (::geteuid() == 0) what = command(what, as_user = 65534);
  const auto e = co_await failed_launch(what);
  CHECK(e.code().value() == EACCES);
  CHECK(e.step() == "chdir");
  CHECK(contains(what_of(e), closed.string()));
}

COPROC_TEST("launch: a redirect that cannot be opened gives its errno and its path") {
  const temporary_directory directory;
  const auto missing = directory.path / "missing" / "file";
  const std::pair<command, int> cases[] = {
      {command(child, "cat", std_in = missing), ENOENT},
      {command(child, "cat", std_out = missing), ENOENT},
      {command(child, "cat", std_err = append(missing)), ENOENT},
      {command(child, "cat", std_in = piped, std_out = piped, std_err = missing), ENOENT},
      {command(child, "cat", std_out = directory.path), EISDIR},
      {command(child, "cat", std_in = std::filesystem::path(child) / "x"), ENOTDIR}};
  const char* const streams[] = {"std_in", "std_out", "std_err", "std_err", "std_out", "std_in"};
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const auto e = co_await failed_launch(cases[i].first);
    CAPTURE(e.what());
    CHECK(e.code().value() == cases[i].second);
    CHECK(e.step() == "open");
    CHECK(contains(what_of(e), std::string(": open ") + streams[i] + " '"));
  }
  const auto e = co_await failed_launch(cases[0].first);
  CHECK(what_of(e) ==
        child + ": open std_in '" + missing.string() + "': No such file or directory");
}

COPROC_TEST("launch: a FIFO that nobody reads is an error, not a wait") {
  const temporary_directory directory;
  const auto fifo = directory.path / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto e = co_await failed_launch(command(child, "exit", 0, std_out = fifo));
  CHECK(e.code().value() == ENXIO);
}

COPROC_TEST("launch: a descriptor that is not open is named") {
  const auto redirect = co_await failed_launch(command(child, "exit", 0, std_err = 987));
  CHECK(redirect.code().value() == EBADF);
  CHECK(redirect.step() == "dup2");
  CHECK(contains(what_of(redirect), "std_err from descriptor 987"));
  const auto passed = co_await failed_launch(command(child, "exit", 0, pass_fds[5] = 987));
  CHECK(passed.code().value() == EBADF);
  CHECK(passed.step() == "pass_fds");
  CHECK(contains(what_of(passed), "987"));
}

COPROC_TEST("launch: pass_fds leaves 0, 1 and 2 to the streams' own keywords") {
  for (const int fd : {-1, 0, 1, 2}) {
    const auto e = co_await failed_launch(command(child, "exit", 0, pass_fds[fd] = 2));
    CHECK(e.code().value() == EINVAL);
    CHECK(e.step() == "pass_fds");
  }
}

COPROC_TEST("launch: each keyword that the system refuses is named") {
  struct one {
    command what;
    int error;
    std::string_view step, object;
  };
  const one cases[] = {
      {command(child, "exit", 0, resource_limit[RLIMIT_CORE] = std::pair(2, 1)), EINVAL,
       "resource_limit", "resource_limit"},
      {command(child, "exit", 0, resource_limit[999] = 1), EINVAL, "resource_limit", "999"},
      // No such group in this session.
      {command(child, "exit", 0, process_group = 0x3fffffff), EPERM, "process_group", "1073741823"},
      {command(child, "exit", 0, process_group = -1), EINVAL, "process_group", "-1"},
      {command(child, "exit", 0, as_user = "no such user"), ENOENT, "as_user",
       "'no such user', no such user"},
      {command(child, "exit", 0, as_group = "no such group"), ENOENT, "as_group",
       "'no such group', no such group"},
      {command(child, "exit", 0, extra_groups = "no such group"), ENOENT, "extra_groups",
       "'no such group'"},
      {command(child, "exit", 0, as_user = 3999), ENOENT, "as_user",
       "no account, without as_group"}};
  for (const one& each : cases) {
    const auto e = co_await failed_launch(each.what);
    CAPTURE(e.what());
    CHECK(e.code().value() == each.error);
    CHECK(e.step() == each.step);
    CHECK(contains(what_of(e), each.object));
  }
}

COPROC_TEST("launch: a PATH entry that is too long, or a loop of links, is passed over") {
  const temporary_directory directory;
  std::filesystem::create_symlink("loop", directory.path / "loop");
  std::filesystem::create_directory(directory.path / "bin");
  copy_child(directory.path / "bin" / "program");
  const std::string path = '/' + std::string(5000, 'x') + ':' + (directory.path / "loop").string() +
                           ':' + (directory.path / "bin").string();
  auto process = co_await coproc::exec("program", "exit", 3, env["PATH"] = path);
  const int code = co_await process.wait();
  CHECK(code == 3);
  const auto e = co_await failed_launch(command("no_such_program", env["PATH"] = path));
  CHECK(e.code().value() == ENAMETOOLONG);
  CHECK(e.step() == "exec");
}

COPROC_TEST("launch: a script without its interpreter is not said to be missing itself") {
  const temporary_directory directory;
  const auto script = directory.path / "script";
  for (const std::string end : {"", "\r"}) {
    write_file(script, "#! /no/such/interpreter -x" + end + "\necho\n");
    std::filesystem::permissions(script, std::filesystem::perms(0755));
    const auto e = co_await failed_launch(command(script));
    CHECK(e.code().value() == ENOENT);
    CHECK(e.step() == "exec");
    CHECK(contains(what_of(e), "its interpreter '/no/such/interpreter -x'"));
    CHECK(contains(what_of(e), "carriage return") == !end.empty());
  }
}

COPROC_TEST("launch: a FIFO that nobody reads is named as that") {
  const temporary_directory directory;
  const auto fifo = directory.path / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto e = co_await failed_launch(command(child, "exit", 0, std_out = fifo));
  CHECK(e.code().value() == ENXIO);
  CHECK(contains(what_of(e), "a FIFO without a reader"));
}

COPROC_TEST("launch: a user number that means no change is refused") {
  // setresuid(-1, -1, -1) succeeds and changes nothing: a child with too many rights.
  const auto user = co_await failed_launch(command(child, "exit", 0, as_user = -1));
  CHECK(user.code().value() == EINVAL);
  CHECK(user.step() == "as_user");
  const auto group = co_await failed_launch(command(child, "exit", 0, as_group = -1));
  CHECK(group.step() == "as_group");
  const auto cut = co_await failed_launch(command(child, "exit", 0, as_user = 1LL << 32));
  CHECK(cut.step() == "as_user");
}

COPROC_TEST("launch: what takes privileges fails by its name without them") {
  if (::geteuid() == 0 && !in_own_process()) {
    auto ordinary =
        co_await coproc::exec(this_case_in_own_process(), as_user = 65534, as_group = 65534,
                              extra_groups = std::vector<gid_t>(), std_out = piped);
    const auto result = co_await ordinary.communicate();
    INFO(result.out);
    CHECK(ordinary.returncode() == 0);
    co_return;
  }
  rlimit files;
  ::getrlimit(RLIMIT_NOFILE, &files);
  const auto more = std::pair(files.rlim_cur, files.rlim_max + 1);
  const std::pair<command, std::string_view> cases[] = {
      {command(child, as_user = 0), "as_user"},
      {command(child, as_user = "root"), "as_user"},
      {command(child, as_group = 0), "as_group"},
      {command(child, extra_groups = 0), "extra_groups"},
      {command(child, resource_limit[RLIMIT_NOFILE] = more), "resource_limit"},
      {command(child, niceness = -5), "niceness"}};
  for (const auto& [what, step] : cases) {
    const auto e = co_await failed_launch(what);
    CAPTURE(e.what());
    // setpriority says EACCES.
    CHECK(e.code().value() == (step == "niceness" ? EACCES : EPERM));
    CHECK(e.step() == step);
    if (step == "extra_groups") CHECK(e.object() == step);  // it has no one object
  }
}

COPROC_TEST("launch: without room for its descriptors it leaves those it had") {
  const temporary_directory directory;
  const int failures = co_await launch_in_growing_room(
      command(child, "wait", std_in = piped, std_out = piped, std_err = directory.path / "err"));
  CHECK(failures >= 5);
}

COPROC_TEST("launch: without room for its terminal it leaves what it had") {
  const int failures = co_await launch_in_growing_room(
      command(child, "wait", std_in = terminal, std_out = terminal, std_err = devnull));
  CHECK(failures >= 5);
}

COPROC_TEST("launch: without room for a terminal beside its pipes it leaves what it had") {
  const int failures = co_await launch_in_growing_room(command(
      child, "wait", terminal = size(24, 80), std_in = piped, std_out = piped, std_err = piped));
  CHECK(failures >= 8);
}

COPROC_TEST("launch: without room for what is passed it leaves what it had") {
  // At each of the numbers that the launch itself would take first.
  for (int next = 0; next < 10; ++next) {
    const int first = *open_fds().rbegin() + 1 + next;
    const command what(child, "wait", std_out = piped, pass_fds[first] = 0,
                       pass_fds[first + 1] = 1);
    const int failures = co_await launch_in_growing_room(what);
    CHECK(failures >= 4);
  }
}

COPROC_TEST("launch: a number that no descriptor can have is refused for pass_fds") {
  const saved_limit below(RLIMIT_NOFILE, 100);
  for (const int fd : {100, 101, 5000}) {
    const auto e = co_await failed_launch(command(child, "exit", 0, pass_fds[fd] = 0));
    CHECK(e.code().value() == EMFILE);
    CHECK(e.step() == "pass_fds");
    CHECK(contains(what_of(e), "pass_fds " + std::to_string(fd) + " is not below RLIMIT_NOFILE"));
  }
  co_await coproc::capture(child, "exit", 0, std_in = devnull, pass_fds[99] = 1);
}

COPROC_TEST("launch: a FIFO without a writer is refused as stdin: its end would be seen at once") {
  const temporary_directory directory;
  const auto fifo = directory.path / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto e = co_await failed_launch(command(child, "cat", std_in = fifo));
  CHECK(e.code().value() == ENXIO);
  CHECK(e.step() == "open");
  CHECK(contains(what_of(e), "std_in '" + fifo.string() + "', a FIFO without a writer"));
}

TEST_CASE("launch: a child that nobody took on is killed and reaped") {
  for (const bool grouped : {false, true}) {
    const command what(child, "wait", new_session = grouped);
    (void)coproc::detail::launch(what.words(), what.options());
    CHECK(soon([] { return !has_children(); }));
  }
}

COPROC_TEST("launch: a failure does not write what the host has buffered") {
  const temporary_directory directory;
  const auto path = directory.path / "buffered";
  std::FILE* const file = std::fopen(path.c_str(), "w");
  std::fputs("once", file);
  (void)co_await failed_launch(command("/no/such/program"));
  (void)co_await failed_launch(command(child, "exit", 0, cwd = "/no/such/place"));
  CHECK(read_file(path) == "");
  std::fclose(file);
  CHECK(read_file(path) == "once");
}

COPROC_TEST("launch: a failure where the host ignores SIGCHLD is a failure, and no wait") {
  const saved_action ignored(SIGCHLD, SIG_IGN);
  const auto e = co_await failed_launch(command("/no/such/program"));
  CHECK(e.code().value() == ENOENT);
}

namespace {

/// How many children of @p parent sleep, and have not been told to stop. Nothing as long as one of
/// them is at work: it may be stopping.
std::optional<int> children_not_stopped(pid_t parent) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos)
      continue;
    state status;
    std::ifstream file(entry.path() / "status");
    for (std::string name, value; std::getline(file, name, ':') && std::getline(file, value);)
      status[name] = value.substr(std::min(value.size(), value.find_first_not_of(" \t")));
    if (status["PPid"] != std::to_string(parent)) continue;
    const char now = status["State"].at(0);
    if (now == 'T' || now == 'Z' || now == 'X') continue;
    constexpr auto stop = 1ull << (SIGTSTP - 1);
    const bool told = (std::stoull(status["ShdPnd"], nullptr, 16) & stop) != 0;
    if (now != 'S' || told) return std::nullopt;
    ++count;
  }
  return count;
}

asio::awaitable<void> launch_until(const std::atomic<bool>& done) {
  while (!done) {
    auto process = co_await coproc::exec(child, "wait", std_in = devnull, std_out = piped);
    (void)co_await process.std_out().readline();
  }
}

}  // namespace

COPROC_TEST("launch: host and children stop together and go on at any moment of a launch") {
  if (in_own_process()) {
    std::atomic<bool> done = false;
    std::vector<std::thread> launching;
    for (int i = 0; i < 3; ++i) launching.emplace_back([&] { test::run(launch_until(done)); });
    std::puts("ready");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    done = true;
    for (std::thread& thread : launching) thread.join();
    co_return;
  }
  auto host = co_await coproc::exec(this_case_in_own_process(), process_group = new_group,
                                    std_in = piped, std_out = piped);
  (void)co_await host.std_out().until("ready\n");
  int going_on = 0;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(::kill(-host.pid(), SIGTSTP) == 0);
    const bool stopped = co_await eventually([&] {
      siginfo_t info = {};
      ::waitid(P_PID, static_cast<id_t>(host.pid()), &info, WSTOPPED | WNOHANG);
      return info.si_pid != 0;
    });
    REQUIRE(stopped);
    // A child that is about to become its program when the stop comes may miss it.
    std::optional<int> missed;
    REQUIRE(soon([&] { return (missed = children_not_stopped(host.pid())).has_value(); }));
    going_on += *missed;
    REQUIRE(::kill(-host.pid(), SIGCONT) == 0);
    asio::steady_timer moment(co_await asio::this_coro::executor, i * 37us);  // any will do
    co_await moment.async_wait(asio::use_awaitable);
  }
  CHECK(going_on < 10);
  const auto rest = co_await host.communicate();
  INFO(rest.out);
  CHECK(host.returncode() == 0);
}

COPROC_TEST("launch: what a failed step was about is there as data") {
  const auto object = [](command what) -> asio::awaitable<std::string> {
    const auto e = co_await failed_launch(std::move(what));
    co_return e.object();
  };
  std::string about = co_await object(command("non_existent_command"));
  CHECK(about == "non_existent_command");
  about = co_await object(command(child, cwd = "/nowhere"));
  CHECK(about == "/nowhere");
  about = co_await object(command(child, std_out = "/nowhere/file"));
  CHECK(about == "/nowhere/file");
  about = co_await object(command(child, std_in = 999));
  CHECK(about == "999");
  about = co_await object(command(child, pass_fds = 998));
  CHECK(about == "998");
  about = co_await object(command(child, as_user = "nobody_of_that_name"));
  CHECK(about == "nobody_of_that_name");
  about = co_await object(command(child, env["A=B"] = "c"));
  CHECK(about == "A=B");
  const temporary_directory folder;
  const auto script = folder.path / "script";
  std::ofstream(script) << "#!/nowhere/interpreter\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  about = co_await object(command(script));
  CHECK(about == "/nowhere/interpreter");
}

}  // namespace launch_tests
