// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What is Windows' own: the launch, the ends of pipes, the end of a child. What is the same
// everywhere is tested by the other suites.

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <coproc/detail/keywords/options.hpp>
#include <coproc/detail/os/os.hpp>

#include "support.hpp"

namespace windows_tests {

using namespace test;
using coproc::capture;
using coproc::command;
using coproc::exec;
using coproc::shell;

namespace {

std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += one + '\n';
  return text;
}

std::size_t open_handles() {
  DWORD count = 0;
  ::GetProcessHandleCount(::GetCurrentProcess(), &count);
  return count;
}

/// The path of the child, as Windows writes it.
std::filesystem::path child_path() { return std::filesystem::absolute(child).make_preferred(); }

asio::awaitable<std::string> out_of(command what) {
  const auto done = co_await capture(std::move(what));
  CHECK(done.returncode == 0);
  co_return done.out;
}

}  // namespace

// ---- what the child gets ----

COPROC_TEST("windows: every argument arrives as it is") {
  const std::vector<std::string> all{
      "",     " ",          "a b",       "\"",     "\\",      "a\\", "a b\\",
      "\\\"", "a\\\\\"b\\", "\t",        "%PATH%", "a&b|c>d", "^",   "ä €  \U0001F600",
      "*",    "a\nb",       "--x=\"y\"", "'"};
  const std::string said = co_await out_of(command(child, "args", all, argv0 = "me"));
  CHECK(said == "me\n" + lines(all));
}

COPROC_TEST("windows: what is not UTF-8 is refused") {
  const auto e = co_await thrown<coproc::launch_error>(exec(child, "args", "\xff"));
  CHECK(e.step() == "arguments");
  CHECK(std::string(e.what()).find("argument 2 is not UTF-8") != std::string::npos);
}

COPROC_TEST("windows: an argument of a batch file arrives as it is, or is refused") {
  const temporary_directory directory;
  const auto batch = directory.path / "say it.bat";
  write_file(batch, "@echo off\r\n\"" + coproc::detail::path_text(child_path()) + "\" args %*\r\n");
  const std::vector<std::string> all{"plain",     "two words", "a&b|c<d>e^f", "(x)", "!x!",
                                     "C:\\dir\\", ""};
  const std::string said = co_await out_of(command(batch, all));
  CHECK(said.substr(said.find('\n') + 1) == lines(all));
  // With a dot or a blank at its end it is the same file.
  for (const std::string end : {"", ".", " ", ". ."})
    for (const std::string bad : {"a\"b", "%PATH%", "a\nb"}) {
      CAPTURE(end, bad);
      const auto e = co_await thrown<coproc::launch_error>(exec(batch.string() + end, bad));
      CHECK(e.step() == "arguments");
    }
}

COPROC_TEST("windows: shell runs a text by cmd.exe, and values stay values") {
  const auto plain = co_await capture(coproc::shell_command("echo one& echo two 1>&2"));
  CHECK(plain.out == "one\r\n");
  CHECK(plain.err.substr(0, 3) == "two");
  const std::string nasty = "a & echo hacked | more > x ^ (y)";
  const auto quoted =
      co_await capture(coproc::shell_command("{} args {} {}", child_path(), nasty, "C:\\x\\"));
  CHECK(quoted.returncode == 0);
  CHECK(quoted.out.substr(quoted.out.find('\n') + 1) == nasty + "\nC:\\x\\\n");
  CHECK_THROWS_AS(coproc::shell_command("echo {}", "%PATH%"), std::invalid_argument);
  const command more(coproc::shell_command("echo one"), "echo two");
  (void)co_await thrown<coproc::launch_error>(exec(more));
  auto missing = co_await shell("no_such_command", std_err = piped);
  const auto [out, err] = co_await missing.communicate();
  CHECK(!err.empty());
  CHECK(*missing.returncode() != 0);
}

COPROC_TEST("windows: variables are set, removed and replaced, whatever the case of their names") {
  ::SetEnvironmentVariableW(L"COPROC_One", L"1");
  const std::string changed =
      co_await out_of(command(child, "env", env["COPROC_ONE"] = "2",
                              env["COPROC_\xc3\xa4"] = "\xc3\xb6", env["path"] = unset));
  CHECK(changed.find("COPROC_One=1\n") == std::string::npos);
  CHECK(changed.find("COPROC_One=2\n") != std::string::npos);  // its name stays as it was
  CHECK(changed.find("COPROC_\xc3\xa4=\xc3\xb6\n") != std::string::npos);
  CHECK(changed.find("\nPATH=") == std::string::npos);
  CHECK(changed.find("\nPath=") == std::string::npos);
  const std::map<std::string, std::string> two{{"A", "a"}, {"B", ""}};
  const std::string replaced = co_await out_of(command(child, "env", env = two));
  CHECK(replaced.find("A=a\nB=\n") != std::string::npos);
  CHECK(replaced.find("COPROC") == std::string::npos);
  const std::string inherited = co_await out_of(command(child, "env"));
  CHECK(inherited.find("COPROC_One=1\n") != std::string::npos);
  ::SetEnvironmentVariableW(L"COPROC_One", nullptr);
}

COPROC_TEST("windows: the directory is the child's, and a relative program is found from here") {
  const temporary_directory directory;
  const std::string there = co_await out_of(command(child_path(), "cwd", cwd = directory.path));
  const auto said = coproc::detail::path_of(there.substr(0, there.size() - 1));
  CHECK(std::filesystem::equivalent(said, directory.path));
  const auto e =
      co_await thrown<coproc::launch_error>(exec(child, "cwd", cwd = directory.path / "no"));
  CHECK(e.step() == "chdir");
  const auto f = co_await thrown<coproc::launch_error>(exec(child, "cwd", cwd = child_path()));
  CHECK(f.step() == "chdir");
}

COPROC_TEST("windows: a name is looked up in the PATH of the child, with the endings of programs") {
  const temporary_directory directory;
  std::filesystem::copy_file(child_path(), directory.path / "prog.exe");
  const auto done = co_await capture("prog", "exit", 4, env["PATH"] = directory.path);
  CHECK(done.returncode == 4);
  const auto with_ending = co_await capture("PROG.EXE", "exit", 5, env["PATH"] = directory.path);
  CHECK(with_ending.returncode == 5);
  const auto by_path = co_await capture(directory.path / "prog", "exit", 6);
  CHECK(by_path.returncode == 6);
  for (const command& missing :
       {command("prog"), command(directory.path / "other"), command("prog", env["PATH"] = ".")}) {
    const auto e = co_await thrown<coproc::launch_error>(exec(missing));
    CHECK(e.code().value() == ERROR_FILE_NOT_FOUND);
    CHECK(e.step() == "exec");
  }
  const auto e = co_await thrown<coproc::launch_error>(exec(directory.path));
  CHECK(e.code().value() == ERROR_ACCESS_DENIED);
  CHECK(coproc::find_program("cmd").value().filename() == "cmd.exe");
  CHECK_FALSE(coproc::find_program("no_such_program").has_value());
}

COPROC_TEST("windows: redirects to files truncate or append, and stderr may go along") {
  const temporary_directory directory;
  const auto file = directory.path / "out.txt";
  write_file(file, "what was there before");
  co_await capture(child, "say", "one", std_out = file);
  CHECK(read_file(file) == "one");
  co_await capture(child, "say", "two", "three", std_out = append(file), std_err = to_stdout);
  CHECK(read_file(file) == "onetwothree");
  const std::string copied = co_await out_of(command(child, "cat", std_in = file));
  CHECK(copied == "onetwothree");
  const std::string nothing = co_await out_of(command(child, "cat", std_in = devnull));
  CHECK(nothing.empty());
  const auto e =
      co_await thrown<coproc::launch_error>(exec(child, "cat", std_in = directory.path / "no"));
  CHECK(e.step() == "open");
  std::FILE* const stream = ::fopen(file.string().c_str(), "wb");
  co_await capture(child, "say", "by a FILE", std_out = stream);
  std::fclose(stream);
  CHECK(read_file(file) == "by a FILE");
}

COPROC_TEST("windows: a child inherits its streams and nothing else") {
  SECURITY_ATTRIBUTES inheritable = {sizeof inheritable, nullptr, TRUE};
  const temporary_directory directory;
  const coproc::detail::unique_handle open(::CreateFileW(
      (directory.path / "x").c_str(), GENERIC_WRITE, 0, &inheritable, CREATE_NEW, 0, nullptr));
  REQUIRE(open);
  const auto number = reinterpret_cast<std::uintptr_t>(open.get());
  const std::string said = co_await out_of(command(child, "handle", number));
  CHECK(said == "closed\n");
}

COPROC_TEST("windows: a pipeline is joined by pipes of the system") {
  const auto done = co_await capture(command(child, "fill", 1, 300'000) | command(child, "cat") |
                                     command(child, "cat"));
  CHECK((done.out == test::pattern(300'000)));
  CHECK(done.returncode == 0);
  const auto e = co_await thrown<coproc::launch_error>(
      capture(command(child, "wait") | command("no_such_program")));
  CHECK(e.step() == "exec");
  CHECK_FALSE(has_children());
}

// ---- streams ----

COPROC_TEST("windows: a write waits for a child that does not read, and can be cancelled") {
  auto process = co_await exec(child, "wait", std_in = piped, std_out = piped);
  const auto write = [&] { return process.std_in().write(std::string(1 << 20, 'x')); };
  (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(write(), 50ms));
  beside<void> writing(co_await asio::this_coro::executor, write());
  co_await turns(10);
  (void)co_await thrown<std::logic_error>(process.std_in().write("y"));
  process.kill();
  const auto e = co_await thrown<coproc::error>(writing.result());
  CHECK(e.code() == asio::error::broken_pipe);
}

COPROC_TEST("windows: input that a timeout has cut off goes on where it was") {
  constexpr std::size_t size = 300'000;
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  auto first = coproc::wait_for(process.communicate(test::pattern(size)), 0ms);
  (void)co_await thrown<coproc::timeout_error>(std::move(first));
  for (int i = 0; i < 20; ++i) {
    try {
      co_await coproc::wait_for(process.communicate(), std::chrono::microseconds(i * 200));
    } catch (const coproc::timeout_error&) {
    }
  }
  const auto [out, err] = co_await process.communicate();
  CHECK((out == test::pattern(size)));
}

COPROC_TEST("windows: input that was being written when a timeout came arrives whole") {
  const temporary_directory directory;
  const auto go = directory.path / "go";
  auto process = co_await exec(child, "cat-when", go, std_in = piped, std_out = piped);
  auto first = coproc::wait_for(process.communicate(test::pattern(100'000)), 100ms);
  (void)co_await thrown<coproc::timeout_error>(std::move(first));
  (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(process.communicate(), 10ms));
  write_file(go, "");
  const auto [out, err] = co_await process.communicate();
  CHECK((out == test::pattern(100'000)));
}

COPROC_TEST("windows: a write that is refused beside communicate takes nothing from that") {
  const temporary_directory directory;
  const auto go = directory.path / "go";
  auto process = co_await exec(child, "cat-when", go, std_in = piped, std_out = piped);
  beside<coproc::output> talking(co_await asio::this_coro::executor,
                                 process.communicate(test::pattern(100'000)));
  co_await turns(20);
  const auto [code, count] = co_await process.std_in().async_write_some(
      asio::buffer("x", 1), asio::as_tuple(asio::use_awaitable));
  CHECK(code == asio::error::already_started);
  CHECK(count == 0);
  write_file(go, "");
  const auto written = co_await talking.result();
  CHECK((written.out == test::pattern(100'000)));
}

TEST_CASE("windows: what was cancelled keeps no io_context busy") {
  asio::io_context context;
  std::optional<coproc::process> left;
  const auto body = [&]() -> asio::awaitable<void> {
    left.emplace(co_await exec(child, "wait", std_in = piped, std_out = piped));
    const auto write = [&] { return left->std_in().write(std::string(1 << 20, 'x')); };
    (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(write(), 50ms));
    co_await left->std_out().readline();
    (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(left->std_out().read(), 50ms));
    (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(left->wait(), 50ms));
  };
  asio::co_spawn(context, body(), asio::detached);
  CHECK(test::run_out(context, 1));
}

COPROC_TEST(
    "windows: a read that waits is cancelled when its process goes, and tells its own executor") {
  auto process = std::make_unique<coproc::process>(
      co_await exec(child, "cat", std_in = piped, std_out = piped));
  const auto strand = asio::make_strand(co_await asio::this_coro::executor);
  char byte = 0;
  std::optional<boost::system::error_code> ended;
  bool on_strand = false;
  const auto start = [&] {
    ended.reset();
    process->std_out().async_read_some(
        asio::buffer(&byte, 1),
        asio::bind_executor(strand, [&](boost::system::error_code code, std::size_t) {
          ended = code;
          on_strand = strand.running_in_this_thread();
        }));
  };
  start();
  co_await process->std_in().write("x");
  bool came = co_await eventually([&] { return ended.has_value(); });
  CHECK((came && !*ended && byte == 'x'));
  CHECK(on_strand);
  start();
  process.reset();
  came = co_await eventually([&] { return ended.has_value(); });
  CHECK((came && *ended == asio::error::operation_aborted));
}

COPROC_TEST("windows: the streams are Asio's, too") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const std::string text(200'000, 'a');
  auto write = [&]() -> asio::awaitable<void> {
    co_await asio::async_write(process.std_in(), asio::buffer(text), asio::use_awaitable);
    process.std_in().close();
  };
  auto read = [&]() -> asio::awaitable<std::string> {
    std::string all;
    const auto [code, count] = co_await asio::async_read(
        process.std_out(), asio::dynamic_buffer(all), asio::as_tuple(asio::use_awaitable));
    CHECK(code == asio::error::eof);
    CHECK(count == all.size());
    co_return all;
  };
  const auto [nothing, all] = co_await coproc::gather(write(), read());
  CHECK((all == text));
}

// ---- the end ----

COPROC_TEST("windows: exit codes are as they are, and an end by us is a signal's") {
  for (const unsigned code : {0u, 1u, 255u, 256u, 259u, 0xC0000005u}) {
    auto process = co_await exec(child, "exit", code);
    const int got = co_await process.wait();
    CHECK(got == static_cast<int>(code));
  }
  CHECK(coproc::describe(static_cast<int>(0xC0000005)) == "ended by 0xC0000005");
  const auto negative = co_await capture(child, "exit", 0xFFFFFFFF);  // exit(-1)
  CHECK(negative.returncode == 255);
  auto killed = co_await exec(child, "wait", std_out = piped);
  killed.kill();
  int code = co_await killed.wait();
  CHECK(code == -9);
  killed.kill();  // a quiet no-op
  CHECK(coproc::describe(code) == "killed by SIGKILL");
  auto terminated = co_await exec(child, "wait", std_out = piped);
  CHECK_THROWS_AS(terminated.send_signal(SIGINT), coproc::error);
  terminated.terminate();
  code = co_await terminated.wait();
  CHECK(code == -SIGTERM);
  const auto stopped = co_await capture(child, "exit", 7);
  CHECK(stopped.why == coproc::end_reason::exited);
}

COPROC_TEST("windows: a group is asked by Ctrl-Break, and ended as a whole") {
  auto process = co_await exec(child, "on-term", 6, process_group = new_group, std_out = piped);
  auto line = co_await process.std_out().readline();
  CHECK(line == std::optional<std::string>("ready"));
  int code = co_await process.stop();
  CHECK((code == 6 || code == -SIGTERM));  // there may be no console to ask it by

  auto leader = co_await exec(child, "grandchild", process_group = new_group, std_out = piped);
  line = co_await leader.std_out().readline();
  const int grandchild = std::stoi(line.value());
  code = co_await leader.wait();
  CHECK(code == 0);
  CHECK(exists(grandchild));
  co_await leader.stop(0ms);
  const bool gone = co_await eventually([&] { return !exists(grandchild); });
  CHECK(gone);
  (void)co_await thrown<coproc::launch_error>(exec(child, "exit", 0, process_group = 42));
}

COPROC_TEST("windows: a process that is destroyed has gone, a detached one goes on") {
  int killed = 0, detached = 0;
  {
    auto one = co_await exec(child, "wait", std_out = piped);
    auto two = co_await exec(child, "wait", std_in = piped);
    auto three = co_await exec(child, "wait", kill_on_parent_death = true);
    killed = one.pid();
    detached = two.pid();
    two.detach();
    three.detach();
    three = std::move(one);
  }
  const bool gone = co_await eventually([&] { return !exists(killed); });
  CHECK(gone);
  CHECK(exists(detached));
  ::kill(detached, 1);
  const bool ended = co_await eventually([&] { return !exists(detached); });
  CHECK(ended);
  CHECK(has_children());  // the third
  const coproc::detail::unique_handle all(::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  PROCESSENTRY32W entry = {};
  entry.dwSize = sizeof entry;
  for (BOOL more = ::Process32FirstW(all.get(), &entry); more;
       more = ::Process32NextW(all.get(), &entry))
    if (entry.th32ParentProcessID == ::GetCurrentProcessId())
      ::kill(static_cast<int>(entry.th32ProcessID), 1);
}

COPROC_TEST("windows: kill_on_parent_death ends a child with its parent") {
  // The parent is this program, in a case of its own.
  wchar_t self[MAX_PATH];
  ::GetModuleFileNameW(nullptr, self, MAX_PATH);
  if (std::getenv("COPROC_TEST_HOST") != nullptr) {
    auto doomed = co_await exec(child, "wait", kill_on_parent_death = true, std_out = devnull);
    std::printf("\nprocess %d\n", doomed.pid());
    std::fflush(stdout);
    ::TerminateProcess(::GetCurrentProcess(), 3);
  }
  const auto host = co_await capture(std::filesystem::path(self),
                                     "windows: kill_on_parent_death ends a child with its parent",
                                     env["COPROC_TEST_HOST"] = 1);
  CHECK(host.returncode == 3);
  const std::size_t at = host.out.find("process ");
  REQUIRE(at != std::string::npos);
  const int pid = std::stoi(host.out.substr(at + 8));
  const bool gone = co_await eventually([&] { return !exists(pid); });
  CHECK(gone);
}

COPROC_TEST("windows: wait may be awaited by several, and cancelled by one") {
  auto process = co_await exec(child, "cat", std_in = piped);
  const auto executor = co_await asio::this_coro::executor;
  beside<int> first(executor, process.wait()), second(executor, process.wait());
  (void)co_await thrown<coproc::timeout_error>(coproc::wait_for(process.wait(), 20ms));
  CHECK_FALSE(first.done());
  first.cancel();
  (void)co_await thrown<coproc::cancelled_error>(first.result());
  CHECK_FALSE(second.done());
  process.std_in().close();
  const int code = co_await second.result();
  CHECK(code == 0);
  const int again = co_await process.wait();
  CHECK(again == 0);
}

COPROC_TEST("windows: the child has a handle of Boost.Process, and can be given away as one") {
  auto process = co_await exec(child, "cat", std_in = piped);
  CHECK(static_cast<int>(process.handle().id()) == process.pid());
  auto given = process.release();
  CHECK(given.is_open());
  (void)co_await thrown<coproc::cancelled_error>(process.wait());
  const int pid = static_cast<int>(given.id());
  CHECK(exists(pid));
  { const auto destroyed = std::move(given); }  // which ends it
  const bool gone = co_await eventually([&] { return !exists(pid); });
  CHECK(gone);
}

COPROC_TEST("windows: a hundred children leave no handle and no process") {
  const auto some = []() -> asio::awaitable<void> {
    std::vector<command> all(20, command(child, "say", "x", "y"));
    const auto done = co_await coproc::gather(all, concurrency = 8);
    for (const auto& one : done) CHECK(one.out + one.err == "xy");
  };
  co_await some();  // what is made once is there now
  const std::size_t before = open_handles();
  for (int i = 0; i < 5; ++i) co_await some();
  CHECK_FALSE(has_children());
  const bool as_before = co_await eventually([&] { return open_handles() <= before + 2; });
  CHECK(as_before);
}

TEST_CASE("windows: its children outlive no io_context that has gone") {
  std::optional<coproc::process> left;
  int pid = 0;
  bool talking = false;
  {
    asio::io_context context;
    const auto body = [&]() -> asio::awaitable<void> {
      left.emplace(co_await exec(child, "wait", std_in = piped, std_out = piped));
      pid = left->pid();
      co_await left->std_out().readline();
      talking = true;
      (void)co_await left->communicate(std::string(1 << 20, 'x'));  // never ends
    };
    asio::co_spawn(context, body(), asio::detached);
    while (!talking && context.run_one() > 0) {
    }
    context.run_for(300ms);
  }
  CHECK_FALSE(left->returncode().has_value());
  left.reset();
  CHECK(soon([&] { return !exists(pid); }));
}

}  // namespace windows_tests
