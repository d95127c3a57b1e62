// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <sys/stat.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <coproc/detail/os/os.hpp>
#include <cstdio>
#include <map>

#include "host.hpp"

namespace stdio_tests {

using namespace test;
using coproc::command;
using coproc::detail::unique_handle;

// What a child has as 0, 1, 2 and other descriptors, in the order of the keywords' values.

namespace {

unique_handle open_file(const std::filesystem::path& path, int flags = O_RDWR | O_CREAT) {
  unique_handle fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  REQUIRE(fd);
  return fd;
}

/// What one run of a child came to.
struct run_result {
  int code = -1;
  coproc::output output;
};
asio::awaitable<run_result> finished(command what, std::string input = std::string()) {
  auto process = co_await coproc::exec(what);
  run_result result;
  result.output = co_await process.communicate(std::move(input));
  result.code = process.returncode().value();
  co_return result;
}

command say(std::string out, std::string err) { return command(child, "say", out, err); }

}  // namespace

// ---- inherit ----

COPROC_TEST("stdio: without a word a child has the host's streams") {
  const temporary_directory directory;
  write_file(directory.path / "0", "input");
  int cat = -1, both = -1;
  {
    const saved_stdio host;
    for (const int fd : {0, 1, 2}) host.redirect(fd, directory.path / std::to_string(fd));
    const auto copied = co_await finished(command(child, "cat"));
    const auto said = co_await finished(say(" out", "err"));
    cat = copied.code;
    both = said.code;
  }
  CHECK(cat == 0);
  CHECK(both == 0);
  CHECK(read_file(directory.path / "1") == "input out");
  CHECK(read_file(directory.path / "2") == "err");
}

TEST_CASE("stdio: a host without 0, 1 or 2 can launch all the same") {
  struct answers {
    run_result inherited, piped_all, nothing, silent;
  };
  for (int closed = 0; closed < 8; ++closed) {
    answers got;
    {
      const saved_stdio host;
      for (const int fd : {0, 1, 2})
        if (closed >> fd & 1) ::close(fd);
      // The event loop's own descriptors take the places that are free.
      test::run([](answers& all) -> asio::awaitable<void> {
        all.inherited = co_await finished(command(child, "state", std_out = piped));
        all.piped_all = co_await finished(
            command(child, "state", std_in = piped, std_out = piped, std_err = piped));
        all.nothing = co_await finished(
            command(child, "state", std_in = devnull, std_out = piped, std_err = devnull));
        all.silent = co_await finished(command(child, "exit", 7));
      }(got));
    }
    CAPTURE(closed);
    const auto fds = [](const run_result& result) {
      return result.output.out.substr(0, result.output.out.find('\n'));
    };
    // Closed there, closed here.
    const std::string in = closed & 1 ? "" : " 0", err = closed & 4 ? "" : " 2";
    CHECK(fds(got.inherited) == "fds" + in + " 1" + err);
    CHECK(fds(got.piped_all) == "fds 0 1 2");
    CHECK(fds(got.nothing) == "fds 0 1 2");
    CHECK(got.silent.code == 7);
  }
}

// ---- piped, devnull ----

COPROC_TEST("stdio: pipes are three different ones") {
  const auto copied =
      co_await finished(command(child, "cat", std_in = piped, std_out = piped), "text");
  CHECK(copied.output.out == "text");
  const auto said = co_await finished(command(say("1", "2"), std_out = piped, std_err = piped));
  CHECK(said.output.out == "1");
  CHECK(said.output.err == "2");
}

COPROC_TEST("stdio: devnull is empty to read, and writing to it works") {
  const auto copied = co_await finished(command(child, "cat", std_in = devnull, std_out = piped));
  CHECK(copied.code == 0);
  CHECK(copied.output.out == "");
  const auto filled = co_await finished(command(child, "fill", 1, 200000, std_out = devnull));
  CHECK(filled.code == 0);
  const auto noisy = co_await finished(command(child, "fill", 2, 200000, std_err = devnull));
  CHECK(noisy.code == 0);
}

// ---- files ----

COPROC_TEST("stdio: std_in reads from a file") {
  const temporary_directory directory;
  write_file(directory.path / "in", std::string("a\0b", 3));
  const auto copied =
      co_await finished(command(child, "cat", std_in = directory.path / "in", std_out = piped));
  CHECK(copied.output.out == std::string("a\0b", 3));
}

COPROC_TEST("stdio: a file for output is made, or emptied") {
  const temporary_directory directory;
  const auto path = directory.path / "out";
  const mode_t mask = ::umask(0022);
  co_await finished(command(say("first, and long", ""), std_out = path));
  ::umask(mask);
  CHECK(read_file(path) == "first, and long");
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::mask) ==
        std::filesystem::perms(0644));
  co_await finished(command(say("", "short"), std_err = path));
  CHECK(read_file(path) == "short");
}

COPROC_TEST("stdio: append makes the file, or adds to it") {
  const temporary_directory directory;
  const auto path = directory.path / "log";
  co_await finished(command(say("1", "2"), std_out = append(path), std_err = append(path)));
  co_await finished(command(say("3", ""), std_out = append(path.string())));
  CHECK(read_file(path) == "123");
}

COPROC_TEST("stdio: a relative path is taken from the host's directory, whatever cwd says") {
  const temporary_directory here, there;
  const saved_directory inside(here.path);
  write_file("in", "from here");
  co_await finished(command(child, "cat", std_in = "in", std_out = "out", std_err = append("log"),
                            cwd = there.path));
  CHECK(read_file(here.path / "out") == "from here");
  CHECK(std::filesystem::exists(here.path / "log"));
  CHECK(std::filesystem::is_empty(there.path));
}

COPROC_TEST("stdio: a FIFO is read as a file is, waiting for bytes") {
  const temporary_directory directory;
  const auto path = directory.path / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  auto writer = open_file(path, O_RDWR);
  auto process = co_await coproc::exec(child, "cat", std_in = path, std_out = piped);
  REQUIRE(::write(writer.get(), "late\n", 5) == 5);
  const auto line = co_await process.std_out().readline();
  CHECK(line == "late");
  CHECK_FALSE(process.returncode());
  writer.reset();
  const int code = co_await process.wait();
  CHECK(code == 0);
}

// ---- descriptors ----

COPROC_TEST("stdio: a descriptor is shared with the child and stays the host's") {
  const temporary_directory directory;
  const auto file = open_file(directory.path / "file");
  REQUIRE(::write(file.get(), "host ", 5) == 5);
  co_await finished(command(say("child ", "err "), std_out = file.get(), std_err = file.get()));
  REQUIRE(::write(file.get(), "host", 4) == 4);
  CHECK(read_file(directory.path / "file") == "host child err host");
  ::lseek(file.get(), 5, SEEK_SET);
  const auto rest = co_await finished(command(child, "cat", std_in = file.get(), std_out = piped));
  CHECK(rest.output.out == "child err host");
}

COPROC_TEST("stdio: a FILE or an object with a native_handle stands for its descriptor") {
  const temporary_directory directory;
  std::FILE* const file = std::fopen((directory.path / "file").c_str(), "w");
  co_await finished(command(say("to a FILE", ""), std_out = file));
  std::fclose(file);
  CHECK(read_file(directory.path / "file") == "to a FILE");

  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const unique_handle read(ends[0]);
  asio::posix::stream_descriptor write(co_await asio::this_coro::executor, ends[1]);
  co_await finished(command(say("to Asio", ""), std_out = write));
  char text[16] = {};
  CHECK(::read(read.get(), text, sizeof text) == 7);
  CHECK(std::string(text) == "to Asio");
}

COPROC_TEST("stdio: the host's out and err may change places") {
  const temporary_directory directory;
  {
    const saved_stdio host;
    host.redirect(1, directory.path / "1");
    host.redirect(2, directory.path / "2");
    co_await finished(command(say("out", "err"), std_out = 2, std_err = 1));
    co_await finished(command(say(" O", " E"), std_out = stdout, std_err = stderr));
  }
  CHECK(read_file(directory.path / "1") == "err O");
  CHECK(read_file(directory.path / "2") == "out E");
}

COPROC_TEST("stdio: all three in a circle") {
  const temporary_directory directory;
  write_file(directory.path / "1", "what 1 is");
  {
    const saved_stdio host;
    host.redirect(0, directory.path / "0");
    ::dup2(open_file(directory.path / "1").get(), 1);
    host.redirect(2, directory.path / "2");
    co_await finished(command(child, "cat", std_in = 1, std_out = 2, std_err = 0));
  }
  CHECK(read_file(directory.path / "2") == "what 1 is");
}

// ---- to_stdout ----

COPROC_TEST("stdio: std_err goes where std_out goes, wherever that is") {
  const temporary_directory directory;
  const auto path = directory.path / "file";
  const auto merged =
      co_await finished(command(say("1", "2"), std_out = piped, std_err = to_stdout));
  CHECK(merged.output.out == "12");
  CHECK(merged.output.err == "");
  // The order of the keywords does not matter.
  const auto early =
      co_await finished(command(say("3", "4"), std_err = to_stdout, std_out = piped));
  CHECK(early.output.out == "34");
  co_await finished(command(say("5", "6"), std_out = path, std_err = to_stdout));
  CHECK(read_file(path) == "56");
  const auto file = open_file(path, O_WRONLY | O_APPEND);
  co_await finished(command(say("7", "8"), std_out = file.get(), std_err = to_stdout));
  CHECK(read_file(path) == "5678");
  const auto nowhere =
      co_await finished(command(say("9", "0"), std_out = devnull, std_err = to_stdout));
  CHECK(nowhere.code == 0);
}

COPROC_TEST("stdio: std_err goes to the std_out that is inherited") {
  const temporary_directory directory;
  {
    const saved_stdio host;
    host.redirect(1, directory.path / "1");
    host.redirect(2, directory.path / "2");
    co_await finished(command(say("out ", "err"), std_err = to_stdout));
  }
  CHECK(read_file(directory.path / "1") == "out err");
  CHECK(read_file(directory.path / "2") == "");
}

// ---- pass_fds ----

COPROC_TEST("stdio: a passed descriptor has its own number or the one asked for, and no other is") {
  const temporary_directory directory;
  write_file(directory.path / "a", "text of a");
  const auto file = open_file(directory.path / "a");
  const auto same = co_await finished(
      command(child, "cat-fds", file.get(), std_out = piped, pass_fds = file.get()));
  CHECK(same.output.out == "text of a");
  ::lseek(file.get(), 0, SEEK_SET);
  const auto other =
      co_await finished(command(child, "cat-fds", 77, std_out = piped, pass_fds[77] = file.get()));
  CHECK(other.output.out == "text of a");
  const std::vector<int> several = {file.get(), open_file(directory.path / "b").release()};
  const unique_handle close_it(several[1]);
  const auto listed =
      co_await finished(command(child, "state", std_out = piped, pass_fds = several));
  CHECK(listed.output.out.starts_with("fds 0 1 2 " + std::to_string(several[0]) + ' ' +
                                      std::to_string(several[1]) + '\n'));
}

COPROC_TEST("stdio: passed descriptors may change places with each other") {
  const temporary_directory directory;
  write_file(directory.path / "a", "a");
  write_file(directory.path / "b", "b");
  write_file(directory.path / "c", "c");
  for (int round = 0; round < 2; ++round) {
    const auto a = open_file(directory.path / "a"), b = open_file(directory.path / "b"),
               c = open_file(directory.path / "c");
    const command cat(child, "cat-fds", a.get(), b.get(), c.get(), std_out = piped);
    if (round == 0) {
      const auto swapped = co_await finished(command(
          cat, pass_fds[a.get()] = b.get(), pass_fds[b.get()] = a.get(), pass_fds = c.get()));
      CHECK(swapped.output.out == "bac");
    } else {
      const auto circle =
          co_await finished(command(cat, pass_fds[a.get()] = b.get(), pass_fds[b.get()] = c.get(),
                                    pass_fds[c.get()] = a.get()));
      CHECK(circle.output.out == "bca");
    }
  }
}

COPROC_TEST("stdio: one descriptor may be passed more than once, as a stream too") {
  const temporary_directory directory;
  write_file(directory.path / "a", "a");
  write_file(directory.path / "b", "b");
  const auto a = open_file(directory.path / "a"), b = open_file(directory.path / "b");
  const auto mixed =
      co_await finished(command(child, "cat-fds", 0, a.get(), 50, std_out = piped, std_in = a.get(),
                                pass_fds[a.get()] = b.get(), pass_fds[50] = b.get()));
  CHECK(mixed.output.out == "ab");  // 50 is where b was read to its end
}

COPROC_TEST("stdio: the host's 0, 1 and 2 can be passed under other numbers") {
  const temporary_directory directory;
  write_file(directory.path / "0", "what 0 is");
  run_result result;
  {
    const saved_stdio host;
    host.redirect(0, directory.path / "0");
    result = co_await finished(
        command(child, "cat-fds", 3, std_in = devnull, std_out = piped, pass_fds[3] = 0));
  }
  CHECK(result.output.out == "what 0 is");
}

COPROC_TEST("stdio: a passed number may be one that the launch itself uses meanwhile") {
  const temporary_directory directory;
  write_file(directory.path / "a", "text");
  const auto file = open_file(directory.path / "a");
  const int next = *open_fds().rbegin() + 1;
  for (int number = next - 3; number < next + 12; ++number) {
    if (number <= 2) continue;
    ::lseek(file.get(), 0, SEEK_SET);
    const auto result =
        co_await finished(command(child, "cat-fds", number, 0, std_in = piped, std_out = piped,
                                  std_err = piped, pass_fds[number] = file.get()),
                          " and input");
    CAPTURE(number);
    CHECK(result.output.out == "text and input");
  }
}

// ---- terminal ----

COPROC_TEST("stdio: a terminal is one, and the child's controlling one") {
  const auto result = co_await finished(
      command(child, "tty", std_in = terminal, std_out = terminal, std_err = terminal));
  CHECK(result.output.out == "tty yes yes yes controlling\r\n");
  CHECK(result.code == 0);
}

COPROC_TEST("stdio: a terminal for one stream leaves the others alone") {
  const auto only_in = co_await finished(
      command(child, "tty", std_in = terminal, std_out = piped, std_err = devnull));
  CHECK(only_in.output.out == "tty yes no no controlling\n");
  const auto only_out = co_await finished(
      command(child, "tty", std_in = devnull, std_out = terminal, std_err = devnull));
  CHECK(only_out.output.out.starts_with("tty no yes no"));
}

COPROC_TEST("stdio: what is written to a terminal is the child's input") {
  auto process = co_await coproc::exec(child, "cat", std_in = terminal, std_out = piped);
  co_await process.std_in().write("a line\n");
  const auto line = co_await process.std_out().readline();
  CHECK(line == "a line");
  process.std_in().close();  // as ^D
  const int code = co_await process.wait();
  CHECK(code == 0);
}

COPROC_TEST("stdio: a pipe by its name below /proc is an input also when it is at its end") {
  coproc::detail::pipe_ends ends;
  REQUIRE(coproc::detail::make_pipe(ends));
  ends.write.reset();
  const std::string name = "/proc/self/fd/" + std::to_string(ends.read.get());
  const auto result = co_await finished(command(child, "cat", std_in = name, std_out = piped));
  CHECK(result.output.out == "");
}

// ---- two words for one thing ----

COPROC_TEST(
    "stdio: one path for both outputs is one open description, and nothing is overwritten") {
  const temporary_directory directory;
  const auto log = directory.path / "log";
  std::filesystem::create_directory(directory.path / "d");
  const auto another_name = directory.path / "d" / ".." / "log";
  const command all[] = {
      command(say("0123456789", "01234567890123456789"), std_out = log, std_err = another_name),
      command(say("0123456789", "01234567890123456789"), std_out = append(log),
              std_err = append(log)),
      command(say("0123456789", "01234567890123456789"), std_out = log, std_err = append(log))};
  for (const command& what : all) {
    std::filesystem::remove(log);
    const auto done = co_await finished(what);
    CHECK(done.code == 0);
    CHECK(read_file(log).size() == 30);
  }
}

COPROC_TEST("stdio: a non-blocking descriptor is blocking for the child") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  const unique_handle reading(ends[0]), writing(ends[1]);
  auto process = co_await coproc::exec(child, "fill", 1, 300000, std_out = writing.get());
  const int flags = ::fcntl(writing.get(), F_GETFL);
  CHECK((flags & O_NONBLOCK) == 0);  // which is the host's as well
  std::string text;
  const bool all = co_await eventually([&] {
    char bytes[4096];
    for (ssize_t got; (got = ::read(reading.get(), bytes, sizeof bytes)) > 0;)
      text.append(bytes, static_cast<std::size_t>(got));
    return text.size() == 300000;
  });
  CHECK(all);
  const int code = co_await process.wait();
  CHECK(code == 0);
}

COPROC_TEST("stdio: what is in a FILE's buffer comes before what the child writes") {
  const temporary_directory directory;
  std::FILE* const file = std::fopen((directory.path / "log").c_str(), "w");
  REQUIRE(file != nullptr);
  std::fputs("the host, ", file);
  auto process = co_await coproc::exec(child, "say", "the child", "", std_out = file);
  const int code = co_await process.wait();
  CHECK(code == 0);
  std::fclose(file);
  CHECK(read_file(directory.path / "log") == "the host, the child");
}

COPROC_TEST("stdio: a terminal for the output alone is the controlling one of a new session") {
  auto process = co_await coproc::exec("sh", "-c", "tty <&1; echo here >/dev/tty; ps -o sid= -p $$",
                                       std_in = devnull, std_out = terminal);
  const auto [out, err] = co_await process.communicate();
  CHECK(out.starts_with("/dev/pts/"));
  CHECK(out.find("here\r\n") != std::string::npos);
  CHECK(out.find(std::to_string(process.pid())) != std::string::npos);
}

}  // namespace stdio_tests
