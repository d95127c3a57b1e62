// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/use_future.hpp>
#include <cerrno>
#include <map>

#include "host.hpp"

namespace exec_tests {

using namespace test;
using coproc::command;

// Which program runs, under which name, and with how much.

namespace {

/// A directory with a program `prog` that says @p name by its exit status.
void make_program(const std::filesystem::path& directory, int status,
                  const std::string& name = "prog") {
  std::filesystem::create_directories(directory);
  write_file(directory / name, "#!/bin/sh\nexit " + std::to_string(status) + "\n");
  std::filesystem::permissions(directory / name, std::filesystem::perms(0755));
}

asio::awaitable<int> exit_status(command what) {
  auto process = co_await coproc::exec(what);
  const int code = co_await process.wait();
  co_return code;
}

asio::awaitable<std::string> output_of(command what) {
  auto process = co_await coproc::exec(what, std_out = piped);
  const auto result = co_await process.communicate();
  CHECK(process.returncode() == 0);
  co_return result.out;
}

std::string joined(std::initializer_list<std::filesystem::path> entries) {
  std::string path;
  for (const auto& entry : entries) path += (path.empty() ? "" : ":") + entry.string();
  return path;
}

}  // namespace

// ---- the search ----

COPROC_TEST("exec: a bare name is looked up in the PATH that the child will have") {
  const temporary_directory directory;
  make_program(directory.path / "a", 11);
  make_program(directory.path / "b", 12);
  const saved_variable path("PATH", (directory.path / "a").c_str());
  const int hosts = co_await exit_status(command("prog"));
  CHECK(hosts == 11);
  const int childs = co_await exit_status(command("prog", env["PATH"] = directory.path / "b"));
  CHECK(childs == 12);
  const std::map<std::string, std::filesystem::path> all = {{"PATH", directory.path / "b"}};
  const int replaced = co_await exit_status(command("prog", env = all));
  CHECK(replaced == 12);
  const auto both = joined({directory.path / "none", directory.path / "b", directory.path / "a"});
  const int first = co_await exit_status(command("prog", env["PATH"] = both));
  CHECK(first == 12);
}

COPROC_TEST("exec: without a PATH it is the system's default one") {
  const int unset_path = co_await exit_status(command("sh", "-c", "exit 13", env["PATH"] = unset));
  CHECK(unset_path == 13);
  const command in_nothing("sh", "-c", "exit 14", env = {});
  const int no_environment = co_await exit_status(in_nothing);
  CHECK(no_environment == 14);
}

COPROC_TEST("exec: an empty PATH has no program") {
  const auto e = co_await failed_launch(command("sh", "-c", "exit 1", env["PATH"] = ""));
  CHECK(e.code().value() == ENOENT);
}

COPROC_TEST("exec: entries of PATH that are empty, a dot or relative are passed over") {
  const temporary_directory directory;
  make_program(directory.path, 15);
  make_program(directory.path / "sub", 16);
  const saved_directory inside(directory.path);
  for (const char* const path : {".", "", ":", "::", ":/nowhere", "/nowhere:", "/nowhere::/none",
                                 "sub", "./sub", "../x", ".:sub:"}) {
    CAPTURE(path);
    const auto e = co_await failed_launch(command("prog", env["PATH"] = path));
    CHECK(e.code().value() == ENOENT);
  }
  const std::string last = ":.:sub:" + (directory.path / "sub").string();
  const int absolute = co_await exit_status(command("prog", env["PATH"] = last));
  CHECK(absolute == 16);
}

COPROC_TEST("exec: a match that is no program is passed over") {
  const temporary_directory directory;
  std::filesystem::create_directories(directory.path / "a" / "prog");  // a directory
  std::filesystem::create_directories(directory.path / "b");
  write_file(directory.path / "b" / "prog", "not executable");
  write_file(directory.path / "c", "a file where a directory should be");
  make_program(directory.path / "d", 17);
  const auto path = [&](const char* last) {
    return joined({directory.path / "a", directory.path / "b", directory.path / "c",
                   directory.path / "missing", directory.path / last});
  };
  const int found = co_await exit_status(command("prog", env["PATH"] = path("d")));
  CHECK(found == 17);
  // None: then the one that was there, but of no use, is the reason.
  const auto e = co_await failed_launch(command("prog", env["PATH"] = path("missing")));
  CHECK(e.code().value() == EACCES);
  CHECK(std::string(e.what()) == "prog: Permission denied");
  const auto none = joined({directory.path / "c", directory.path / "missing"});
  const auto not_there = co_await failed_launch(command("prog", env["PATH"] = none));
  CHECK(not_there.code().value() == ENOENT);
}

COPROC_TEST("exec: a match that the kernel cannot run ends the search") {
  const temporary_directory directory;
  make_program(directory.path / "a", 0);
  write_file(directory.path / "a" / "prog", "no shebang\n");
  make_program(directory.path / "b", 18);
  const auto path = joined({directory.path / "a", directory.path / "b"});
  const auto e = co_await failed_launch(command("prog", env["PATH"] = path));
  CHECK(e.code().value() == ENOEXEC);
}

COPROC_TEST("exec: a name with a slash is not looked up") {
  const temporary_directory directory;
  make_program(directory.path / "bin", 19);
  const saved_directory inside(directory.path);
  const int code = co_await exit_status(command("bin/prog", env["PATH"] = "/nowhere"));
  CHECK(code == 19);
  const auto e = co_await failed_launch(command("./prog", env["PATH"] = directory.path / "bin"));
  CHECK(e.code().value() == ENOENT);
}

COPROC_TEST("exec: a relative program is the one seen from the host, not from cwd") {
  const temporary_directory here, there;
  make_program(here.path, 20);
  make_program(there.path, 21);
  make_program(there.path, 22, "only_there");
  const saved_directory inside(here.path);
  const int code = co_await exit_status(command("./prog", cwd = there.path));
  CHECK(code == 20);
  const auto e = co_await failed_launch(command("./only_there", cwd = there.path));
  CHECK(e.code().value() == ENOENT);
  CHECK(std::string(e.what()) == "./only_there: No such file or directory");
}

COPROC_TEST("exec: a relative program where the host's directory has gone is a launch_error") {
  auto here = std::make_unique<temporary_directory>();
  const saved_directory inside(here->path);
  here.reset();
  const auto e = co_await failed_launch(command("./prog", cwd = "/"));
  CHECK(e.code().value() == ENOENT);
  const int absolute = co_await exit_status(command(child, "exit", 23, cwd = "/"));
  CHECK(absolute == 23);
}

TEST_CASE("exec: find_program finds what exec would run") {
  const temporary_directory directory;
  std::filesystem::create_directories(directory.path / "a" / "prog");
  std::filesystem::create_directories(directory.path / "b");
  write_file(directory.path / "b" / "prog", "not executable");
  make_program(directory.path / "c", 0);
  const saved_directory inside(directory.path / "c");
  const auto all =
      ".::c:" + joined({directory.path / "a", directory.path / "b", directory.path / "c"});
  {
    const saved_variable path("PATH", all.c_str());
    CHECK(coproc::find_program("prog") == directory.path / "c" / "prog");
    CHECK(coproc::find_program("no_such_program") == std::nullopt);
    CHECK(coproc::find_program("./prog") == std::filesystem::path("./prog"));
    CHECK(coproc::find_program("../a/prog") == std::nullopt);
    CHECK(coproc::find_program("../b/prog") == std::nullopt);
    CHECK(coproc::find_program("") == std::nullopt);
    CHECK(coproc::find_program(std::string_view("prog\0", 5)) == std::nullopt);
  }
  {
    const saved_variable path("PATH", ".:");
    CHECK(coproc::find_program("prog") == std::nullopt);
  }
  const saved_variable path("PATH", nullptr);
  CHECK(coproc::find_program("sh"));
}

// ---- argv[0] ----

COPROC_TEST("exec: argv[0] is what the caller wrote, or argv0") {
  const temporary_directory directory;
  copy_child(directory.path / "prog");
  const saved_directory inside(directory.path);
  const command found("prog", "args", env["PATH"] = directory.path);
  const auto bare = co_await output_of(found);
  CHECK(bare == "prog\n");
  const auto relative = co_await output_of(command("./prog", "args", cwd = "/"));
  CHECK(relative == "./prog\n");
  const auto given = co_await output_of(command(found, argv0 = "-another name"));
  CHECK(given == "-another name\n");
  const auto empty = co_await output_of(command(found, argv0 = ""));
  CHECK(empty == "\n");
}

// ---- how much ----

COPROC_TEST("exec: the longest argument that the system takes, and one byte more") {
  const auto most = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) * 32;  // MAX_ARG_STRLEN
  const std::string longest(most - 1, 'x');
  const auto text = co_await output_of(command(child, "args", longest));
  CHECK(text == child + '\n' + longest + '\n');
  const auto e = co_await failed_launch(command(child, "args", longest + 'x'));
  CHECK(e.code().value() == E2BIG);
  CHECK(e.step() == "exec");
  CHECK(std::string(e.what()) == child + ": Argument list too long");
  const auto variable =
      co_await failed_launch(command(child, "args", env["K"] = std::string(most - 2, 'x')));
  CHECK(variable.code().value() == E2BIG);
  const int fits =
      co_await exit_status(command(child, "exit", 0, env["K"] = std::string(most - 3, 'x')));
  CHECK(fits == 0);
}

COPROC_TEST("exec: too much altogether") {
  const std::vector<std::string> words(400, std::string(100000, 'x'));
  const auto e = co_await failed_launch(command(child, "args", words));
  CHECK(e.code().value() == E2BIG);
}

COPROC_TEST("exec: many arguments") {
  const std::vector<int> numbers(20000, 7);
  const auto text = co_await output_of(command(child, "args", numbers));
  CHECK(text.size() == child.size() + 1 + 40000);
}

// ---- the call ----

COPROC_TEST("exec: nothing starts before it is awaited") {
  const temporary_directory directory;
  { const auto not_awaited = coproc::exec(child, "say", "x", std_out = directory.path / "out"); }
  CHECK_FALSE(std::filesystem::exists(directory.path / "out"));
  CHECK_FALSE(has_children());
  auto kept = coproc::exec(child, "exit", 24);
  auto process = co_await std::move(kept);
  const int code = co_await process.wait();
  CHECK(code == 24);
}

COPROC_TEST("exec: arguments need not outlive the call") {
  asio::awaitable<coproc::process> later = [] {
    const std::string word = "a word that is too long for the small string optimisation";
    return coproc::exec(child, "args", word, std_out = piped);
  }();
  auto process = co_await std::move(later);
  const auto result = co_await process.communicate();
  CHECK(result.out == child + "\na word that is too long for the small string optimisation\n");
}

COPROC_TEST("exec: the keywords that only capture can keep are refused") {
  const std::vector<std::pair<std::string, command>> all = {
      {"timeout", command(child, "cat", timeout = 1s)},
      {"idle_timeout", command(child, "cat", idle_timeout = 1s)},
      {"grace", command(child, "cat", grace = 1s)},
      {"retry", command(child, "cat", retry = attempts(2))},
      {"input", command(child, "cat", input = "text")}};
  for (const auto& [keyword, what] : all) {
    const auto refused = co_await thrown<std::invalid_argument>(coproc::exec(what));
    const std::string begin = "coproc: exec: '" + to_string(what) + "' has " + keyword + ", ";
    CHECK(std::string(refused.what()).starts_with(begin));
    CHECK_FALSE(has_children());
  }
  // They can be taken off again.
  const command bounded(child, "exit", 3, timeout = 1s, idle_timeout = 1s, grace = 1s);
  auto process = co_await coproc::exec(
      command(bounded, timeout = std::nullopt, idle_timeout = std::nullopt, grace = std::nullopt));
  CHECK(co_await process.wait() == 3);
}

COPROC_TEST("exec: no program is an error that says so") {
  const auto none = co_await thrown<coproc::launch_error>(coproc::exec(command()));
  CHECK(std::string(none.what()) == "'': arguments: the program's name is empty: Invalid argument");
  CHECK(none.step() == "arguments");
  CHECK(none.object() == "program");
}

TEST_CASE("exec: where descriptors run out, also for a fresh io_context, nothing is started") {
  int started = 0, refused = 0;
  const auto start = [&](rlim_t spare) -> asio::awaitable<void> {
    std::optional<coproc::process> process;
    const int lowest = ::dup(0);
    ::close(lowest);
    try {
      const saved_limit few(RLIMIT_NOFILE, static_cast<rlim_t>(lowest) + spare);
      process = co_await coproc::exec(child, "exit", 5, std_out = piped);
    } catch (const coproc::launch_error& e) {
      CHECK(e.code() == std::errc::too_many_files_open);
    }
    ++(process ? started : refused);
    const int code = process ? co_await process->wait() : 5;
    CHECK(code == 5);
  };
  for (rlim_t spare = 0; spare < 12; ++spare) {
    asio::io_context context;
    auto done = asio::co_spawn(context, start(spare), asio::use_future);
    context.run();
    done.get();
    CHECK_FALSE(has_children());
  }
  CHECK(started > 0);
  CHECK(refused > 2);
}

}  // namespace exec_tests
