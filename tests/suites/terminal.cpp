// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Terminals of a size, and this process's side of them. How a terminal is a stream is in stdio.cpp
// and stream_write.cpp.

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/read_until.hpp>
#include <coproc/detail/child/child_streams.hpp>

#include "support.hpp"

namespace terminal_tests {

using namespace test;
using coproc::command;
using coproc::exec;
using coproc::incomplete_read_error;

namespace {

/// As the kernel says it: R, S, T, Z, or 0 where there is none of that number.
char state_of(int pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos ? stat.at(name_end + 2) : '\0';
}
/// Whether it runs: not where it only waits to be reaped, which process 1 may never do.
bool runs(int pid) { return state_of(pid) != '\0' && state_of(pid) != 'Z'; }

/// What a command with only a terminal writes there.
asio::awaitable<std::string> shown(command what) {
  auto process = co_await exec(std::move(what));
  std::string text = co_await process.terminal().out().read();
  (void)co_await process.wait();
  co_return text;
}

/// The number in `name=N` that comes next.
asio::awaitable<int> number_of(coproc::reader& out, std::string name) {
  (void)co_await out.until(name + "=");
  const std::string digits = co_await out.until(";");
  co_return std::stoi(digits);
}

/// A script that asks on its terminal, whatever its streams are.
const std::string asks =
    "printf 'password: ' >/dev/tty; read x </dev/tty; echo got $x; echo bye >/dev/tty";

/// With all streams elsewhere.
command beside_terminal(const std::string& script) {
  return command("sh", "-c", script, terminal = size(24, 80), std_in = devnull, std_out = piped,
                 std_err = piped);
}

}  // namespace

COPROC_TEST("terminal: the child's is of the size that was asked for, 24 x 80 by default") {
  const std::string given = co_await shown(command("stty", "size", terminal = size(50, 132)));
  CHECK(given == "50 132\r\n");
  const std::string standard = co_await shown(
      command("stty", "size", std_in = terminal, std_out = terminal, std_err = terminal));
  CHECK(standard == "24 80\r\n");
  const std::string both = co_await shown(
      command("stty", "size", std_in = terminal, terminal = size(3, std::size_t{65535})));
  CHECK(both == "3 65535\r\n");
}

TEST_CASE("terminal: a size that none can have is refused by name") {
  using Catch::Matchers::Equals;
  CHECK_THROWS_WITH(size(0, 80), Equals("coproc: size: rows are 1 to 65535, not 0"));
  CHECK_THROWS_WITH(size(24, 0), Equals("coproc: size: columns are 1 to 65535, not 0"));
  CHECK_THROWS_WITH(size(-1, 80), Equals("coproc: size: rows are 1 to 65535, not -1"));
  CHECK_THROWS_WITH(size(24, 65536), Equals("coproc: size: columns are 1 to 65535, not 65536"));
  CHECK_THROWS_WITH(size((1ll << 32) + 24, 80),
                    Equals("coproc: size: rows are 1 to 65535, not 4294967320"));
  CHECK_THROWS_AS(size(24u, ~0ull), std::invalid_argument);
  const coproc::terminal_size small = size(short{1}, 2ul);
  CHECK(small.rows() == 1);
  CHECK(small.columns() == 2);
  CHECK(small == coproc::terminal_size(1, 2));
  CHECK_FALSE(small == size(2, 1));
}

COPROC_TEST("terminal: streams of which nothing is said are the terminal, the others are not") {
  const command what(child, "tty", terminal = size(24, 80));
  auto all = co_await exec(what);
  CHECK(&all.std_in() == &all.terminal().in());
  CHECK(&all.std_out() == &all.terminal().out());
  CHECK(&all.std_err() == &all.terminal().out());
  const std::string of_all = co_await all.std_out().read();
  CHECK(of_all == "tty yes yes yes controlling\r\n");

  auto out_elsewhere = co_await exec(command(what, std_out = piped));
  CHECK(&out_elsewhere.std_err() == &out_elsewhere.terminal().out());
  CHECK(&out_elsewhere.std_out() != &out_elsewhere.terminal().out());
  const std::string without_out = co_await out_elsewhere.std_out().read();
  CHECK(without_out == "tty yes no yes controlling\n");

  auto in_elsewhere = co_await exec(command(what, std_in = devnull, std_err = to_stdout));
  CHECK(&in_elsewhere.std_out() == &in_elsewhere.terminal().out());
  CHECK_THROWS_AS(in_elsewhere.std_in(), std::logic_error);
  const std::string without_in = co_await in_elsewhere.std_out().read();
  CHECK(without_in == "tty no yes yes controlling\r\n");
}

COPROC_TEST("terminal: a capture has both outputs on it, and no input") {
  const auto done = co_await coproc::capture(child, "tty", terminal = size(24, 80));
  CHECK(done.out == "tty no yes yes controlling\r\n");
  const auto cat = co_await coproc::capture(child, "cat", terminal = size(24, 80));
  CHECK(cat.out == "");  // it does not wait for somebody who types
  const auto with_input =
      co_await coproc::capture(child, "cat", terminal = size(24, 80), input = "text\n");
  CHECK(with_input.out == "text\r\n");
  const auto wide = co_await coproc::capture("sh", "-c", "stty size <&1", terminal = size(9, 150));
  CHECK(wide.out == "9 150\r\n");
}

COPROC_TEST("terminal: a python answers its questions") {
  auto python = co_await exec("python3", "-i", "-q", terminal = size(24, 80), env["TERM"] = "dumb");
  co_await python.std_out().until(">>> ");
  co_await python.std_in().write("6 * 7\n");
  const std::string answer = co_await python.std_out().until(">>> ");
  CHECK(answer.find("\r\n42\r\n") != std::string::npos);
  co_await python.std_in().write("import os; os.get_terminal_size()\n");
  const std::string columns = co_await python.std_out().until(">>> ");
  CHECK(columns.find("columns=80, lines=24") != std::string::npos);
  python.std_in().close();
  const int code = co_await python.wait();
  CHECK(code == 0);
}

COPROC_TEST("terminal: an interactive shell is stopped by a hang-up, and ends its jobs") {
  // With default signals: a host under nohup would hand on that it ignores this one.
  auto bash = co_await exec("bash", "--norc", "--noprofile", "-i", terminal = size(24, 80),
                            env["PS1"] = "$ ", env["TERM"] = "dumb", reset_signals = true);
  coproc::terminal_side& side = bash.terminal();
  co_await side.in().write("stty -echo; sleep 1000 & echo \"job\"=$!\";\"\n");
  const int background = co_await number_of(side.out(), "job");
  co_await side.in().write("sh -c 'echo \"stopped\"=$$\";\"; exec sleep 1000'\n");
  const int stopped = co_await number_of(side.out(), "stopped");
  CHECK(::tcgetpgrp(side.native_handle()) == stopped);
  co_await side.in().write("\x1a");
  co_await side.out().until("Stopped");
  co_await side.in().write("jobs\n");
  const auto listed = co_await side.out().until("Running", "no job");
  CHECK(listed.index == 0);
  CHECK(runs(background));
  CHECK(runs(stopped));
  // A signal that comes between bash's last look and its read is heeded at the next key only.
  co_await side.out().until("$ ");
  const bool reads = co_await eventually([&] { return state_of(bash.pid()) == 'S'; });
  CHECK(reads);
  // As long as it takes: SIGKILL, and SIGTERM, which it ignores, are far away.
  const int code = co_await bash.stop(patience);
  CHECK(code == -SIGHUP);
  const bool gone = co_await eventually([&] { return !runs(background) && !runs(stopped); });
  CHECK(gone);
}

COPROC_TEST("terminal: what a hang-up does not end gets SIGTERM in the middle of its grace") {
  const command what("sh", "-c",
                     "trap 'echo hup' HUP; trap 'echo term; exit 7' TERM; echo ready; while :; do "
                     "sleep 0.01; done",
                     terminal = size(24, 80), std_err = devnull, reset_signals = true);
  const bool stopped = co_await in_some_time(200ms, [&](auto grace_time) -> asio::awaitable<bool> {
    auto process = co_await exec(what);
    co_await process.std_out().until("ready\r\n");
    const int code = co_await process.stop(grace_time);
    const std::string text = co_await process.std_out().read();
    if (code == 7) CHECK(text == "hup\r\nterm\r\n");
    co_return code == 7;
  });
  CHECK(stopped);
  const bool captured = co_await in_some_time(200ms, [&](auto grace_time) -> asio::awaitable<bool> {
    auto time = 50ms;
    const command with_grace(what, grace = grace_time);
    const auto e = co_await timed_out(time, "ready", [&](std::chrono::milliseconds within) {
      return coproc::capture(command(with_grace, timeout = within));
    });
    co_return e.out() == "ready\r\nhup\r\nterm\r\n";
  });
  CHECK(captured);
}

COPROC_TEST("terminal: what is left of a group whose leader a hang-up has ended gets SIGTERM") {
  const bool ended = co_await in_some_time(200ms, [](auto grace_time) -> asio::awaitable<bool> {
    auto process = co_await exec(
        "sh", "-c",
        "sh -c 'trap \"\" HUP; trap \"echo term; exit\" TERM; echo ready; while :; do sleep 0.01; "
        "done'; exit",
        terminal = size(24, 80), std_err = devnull, reset_signals = true);
    co_await process.std_out().until("ready\r\n");
    const int code = co_await process.stop(grace_time);
    CHECK(code == -SIGHUP);
    const std::string text = co_await process.std_out().read();
    co_return text == "term\r\n";
  });
  CHECK(ended);
}

COPROC_TEST("terminal: a stop_signal of one's own is the only one before SIGKILL") {
  auto process =
      co_await exec("sh", "-c",
                    "trap 'echo hup' HUP; trap 'echo term' TERM; trap 'echo int; exit 7' "
                    "INT; echo ready; while :; do sleep 0.01; done",
                    terminal = size(24, 80), stop_signal = SIGINT);
  co_await process.std_out().until("ready\r\n");
  const int code = co_await process.stop(patience);
  CHECK(code == 7);
  const std::string text = co_await process.std_out().read();
  CHECK(text == "int\r\n");
}

COPROC_TEST("terminal: another size is told to the programs on it") {
  auto process =
      co_await exec("sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.01; done",
                    terminal = size(24, 80));
  co_await process.std_out().until("ready\r\n");
  process.terminal().resize(size(50, 132));
  const std::string text = co_await process.std_out().until("\r\n");
  CHECK(text == "50 132\r\n");
}

COPROC_TEST("terminal: another size after the child's end is nothing") {
  const command on_it("true", terminal = size(24, 80));
  for (const command& what : {on_it, beside_terminal("exit 0")}) {
    auto process = co_await exec(what);
    const int code = co_await process.wait();
    CHECK(code == 0);
    process.terminal().resize(size(50, 132));
    const std::string text = co_await process.terminal().out().read();
    CHECK(text == "");
    process.terminal().resize(size(50, 132));
  }
}

COPROC_TEST("terminal: 10 MB come through it") {
  constexpr std::size_t bytes = 10'000'000;
  const auto done = co_await coproc::capture(child, "fill", 1, bytes, terminal = size(24, 80));
  std::string expected;
  for (const char byte : pattern(bytes)) {
    if (byte == '\n') expected += '\r';
    expected += byte;
  }
  CHECK((done.out == expected));
}

COPROC_TEST("terminal: what is written just before the end is not lost") {
  for (int i = 0; i < 30; ++i) {
    auto on_it = co_await exec("sh", "-c", "echo last", terminal = size(24, 80));
    (void)co_await on_it.wait();
    const std::string text = co_await on_it.std_out().read();
    CHECK(text == "last\r\n");
    auto beside_it = co_await exec(beside_terminal("printf %3000s x >/dev/tty"));
    if (i % 2 == 0) (void)co_await beside_it.wait();
    const std::string wide = co_await beside_it.terminal().out().read();
    CHECK(wide == std::string(2999, ' ') + "x");
  }
}

COPROC_TEST("terminal: beside streams that are pipes it can be read and written") {
  auto process = co_await exec(beside_terminal(asks));
  coproc::terminal_side& side = process.terminal();
  const auto asked = co_await side.out().until("(yes/no)? ", "password: ");
  CHECK(asked.index == 1);
  CHECK(asked.text == "password: ");
  co_await side.in().write("secret\n");
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "got secret\n");
  CHECK(err == "");
  const std::string rest = co_await side.out().read();  // after communicate
  CHECK(rest == "secret\r\nbye\r\n");
}

COPROC_TEST("terminal: while nobody has it open there is no end") {
  auto process =
      co_await exec("sh", "-c",
                    "exec 3<>/dev/tty; printf one >&3; read x; exec 3>&-; echo closed; "
                    "read x; printf two >/dev/tty",
                    terminal = size(24, 80), std_in = piped, std_out = piped, std_err = piped);
  coproc::reader& out = process.terminal().out();
  co_await out.until("one");
  beside<std::string> waiting(co_await asio::this_coro::executor, out.until("two"));
  co_await turns(20);
  co_await process.std_in().write("\n");
  const auto line = co_await process.std_out().readline();
  CHECK(line == "closed");
  co_await process.std_in().write("\n");
  const std::string text = co_await waiting.result();
  CHECK(text == "two");
}

COPROC_TEST("terminal: a read that waits there sees the child's end") {
  const auto start = [] {
    return exec("sh", "-c", "printf text >/dev/tty; read x", terminal = size(24, 80),
                std_in = piped, std_out = piped, std_err = piped);
  };
  const auto executor = co_await asio::this_coro::executor;
  auto process = co_await start();
  beside<std::string> waiting(executor, process.terminal().out().until("never"));
  co_await turns(20);
  process.std_in().close();
  const auto early = co_await thrown<incomplete_read_error>(waiting.result());
  CHECK(early.partial() == "text");

  process = co_await start();
  std::string bytes;
  beside<std::size_t> by_asio(
      executor, asio::async_read_until(process.terminal().out(), asio::dynamic_buffer(bytes),
                                       "never", asio::use_awaitable));
  const bool read = co_await eventually([&] { return bytes.find("text") != bytes.npos; });
  CHECK(read);
  process.std_in().close();
  const auto end = co_await thrown<boost::system::system_error>(by_asio.result());
  CHECK(end.code() == asio::error::eof);
}

COPROC_TEST("terminal: a cancelled read there loses nothing, and can be done again") {
  auto process = co_await exec(
      beside_terminal("printf one >/dev/tty; read x </dev/tty; printf two >/dev/tty; sleep 1000"));
  coproc::reader& out = process.terminal().out();
  co_await out.until("on");
  for (int i = 0; i < 3; ++i) {
    beside<std::string> waiting(co_await asio::this_coro::executor, out.until("two"));
    co_await turns(20);
    waiting.cancel();
    (void)co_await thrown<coproc::cancelled_error>(waiting.result());
  }
  co_await process.terminal().in().write("\n");
  const std::string text = co_await out.until("two");
  CHECK(text == "e\r\ntwo");
}

TEST_CASE("terminal: what a read there has waited for is let go when it ends") {
  for (const bool by_asio : {false, true}) {
    asio::io_context context;
    std::optional<coproc::process> process;
    const auto read = [&]() -> asio::awaitable<void> {
      process.emplace(co_await exec(
          beside_terminal("read x </dev/tty; printf one >/dev/tty; exec sleep 1000")));
      coproc::reader& out = process->terminal().out();
      std::string bytes;
      const auto executor = co_await asio::this_coro::executor;
      const auto read_one = [&]() -> asio::awaitable<void> {
        if (by_asio)
          co_await asio::async_read_until(out, asio::dynamic_buffer(bytes), "one",
                                          asio::use_awaitable);
        else co_await out.until("one");
      };
      beside<void> reading(executor, read_one());
      co_await turns(20);  // it waits
      co_await process->terminal().in().write("\n");
      co_await reading.result();
    };
    asio::co_spawn(context, read(), asio::detached);
    // Though the child runs on.
    CAPTURE(by_asio);
    CHECK(run_out(context, 1));
    CHECK_FALSE(process->returncode());
  }
}

namespace {

/// Gives its word when it is told to.
class keeper_by_hand final : public coproc::detail::stream_keeper {
 public:
  void look() override {}
  void notify(std::shared_ptr<coproc::detail::event> target) override { wake = std::move(target); }
  std::shared_ptr<coproc::detail::event> wake;
};

}  // namespace

TEST_CASE("terminal: a read that ends by the child's word leaves no wait for bytes behind") {
  asio::io_context context;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  const auto keeper = std::make_shared<keeper_by_hand>();
  const auto reader = std::make_shared<coproc::detail::pipe_reader>(
      context.get_executor(), coproc::detail::unique_handle(ends[0]), 1024, false, keeper);
  char byte = 0;
  std::size_t got = 0;
  coproc::detail::pipe_reader::async_read_some(
      reader, {asio::buffer(&byte, 1)},
      [&](const coproc::error_code&, std::size_t count) { got = count; });
  // The byte is taken before the reactor looks, which then has nothing to tell.
  asio::post(context, [&] {
    const auto wake = keeper->wake;
    if (::write(ends[1], "x", 1) == 1) wake->notify_now(1);
  });
  CHECK(run_out(context, 1));
  CHECK(got == 1);
  ::close(ends[1]);
}

COPROC_TEST("terminal: destroying the process cancels what waits there") {
  std::optional<coproc::process> process;
  process.emplace(co_await exec(beside_terminal("exec sleep 1000")));
  beside<std::string> waiting(co_await asio::this_coro::executor, process->terminal().out().read());
  co_await turns(20);
  process.reset();
  (void)co_await thrown<coproc::cancelled_error>(waiting.result());
}

COPROC_TEST("terminal: an end is seen there without a pidfd, too") {
  const command what = beside_terminal("printf text >/dev/tty");
  auto started = coproc::detail::launch(what.words(), what.options());
  started.pidfd.reset();
  coproc::process process(std::make_shared<coproc::detail::child_streams>(
      co_await asio::this_coro::executor, started, what.options()));
  const std::string text = co_await process.terminal().out().read();
  CHECK(text == "text");
}

COPROC_TEST("terminal: who keeps it open after the child's end is still heard") {
  auto process = co_await exec(
      beside_terminal("trap '' HUP; exec 3<>/dev/tty; (read x <&3; echo late >&3) & echo started"));
  const auto line = co_await process.std_out().readline();
  CHECK(line == "started");
  const int code = co_await process.wait();
  CHECK(code == 0);
  co_await process.terminal().in().write("\n");
  const std::string text = co_await process.terminal().out().read();
  CHECK(text == "\r\nlate\r\n");
}

COPROC_TEST("terminal: close types the end of a file there") {
  auto process = co_await exec(beside_terminal("cat </dev/tty"));
  co_await process.terminal().in().write("a line\n");
  process.terminal().in().close();
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "a line\n");
}

COPROC_TEST("terminal: its handle is for termios") {
  auto process =
      co_await exec("sh", "-c", "echo ready; read x; echo got $x", terminal = size(24, 80));
  co_await process.std_out().until("ready\r\n");
  const int master = process.terminal().native_handle();
  termios settings;
  REQUIRE(::tcgetattr(master, &settings) == 0);
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  REQUIRE(::tcsetattr(master, TCSANOW, &settings) == 0);
  co_await process.std_in().write("hello\n");
  const std::string text = co_await process.std_out().read();
  CHECK(text == "got hello\r\n");
}

COPROC_TEST("terminal: without one there is none") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  CHECK_THROWS_WITH(process.terminal(), "coproc: terminal: this child has none");
  CHECK_THROWS_AS(coproc::process().terminal(), std::logic_error);
}

COPROC_TEST("terminal: a process may be moved while its terminal is used") {
  auto process = co_await exec(beside_terminal(asks));
  coproc::terminal_side& side = process.terminal();
  beside<std::string> waiting(co_await asio::this_coro::executor, side.out().until("bye"));
  coproc::process moved = std::move(process);
  coproc::process assigned = co_await exec(child, "exit", 0, terminal = size(24, 80));
  (void)assigned.terminal();
  assigned = std::move(moved);
  CHECK(&assigned.terminal() == &side);
  co_await side.in().write("x\n");
  const std::string text = co_await waiting.result();
  CHECK(text.ends_with("bye"));
}

COPROC_TEST("terminal: the child has no descriptor of it beside its streams") {
  const auto done = co_await coproc::capture(child, "state", terminal = size(24, 80),
                                             std_out = piped, std_err = piped);
  CHECK(done.out.find("fds 0 1 2\n") != std::string::npos);
}

COPROC_TEST("terminal: what is passed may have the number that it has here") {
  const int next = coproc::detail::unique_handle(::fcntl(0, F_DUPFD_CLOEXEC, 3)).get();
  for (int number = next; number < next + 12; ++number) {
    CAPTURE(number);
    const auto done =
        co_await coproc::capture(child, "tty", terminal = size(24, 80), std_out = piped,
                                 std_err = piped, pass_fds[number] = 0);
    CHECK(done.out == "tty no no no controlling\n");
  }
}

COPROC_TEST("terminal: its descriptors are close-on-exec and above 2, and go with the process") {
  // With Asio's own descriptors, which come with the first wait.
  (void)co_await shown(beside_terminal("exit 0"));
  const std::set<int> before = open_fds();
  {
    auto process = co_await exec(beside_terminal("sleep 1000"));
    for (const int fd : open_fds())
      if (!before.contains(fd)) {
        CAPTURE(fd);
        CHECK(fd > 2);
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
      }
    CHECK(open_fds().contains(process.terminal().native_handle()));
  }
  const bool gone = co_await eventually([] { return !has_children() && at_rest(); });
  CHECK(gone);
  CHECK(open_fds() == before);
}

}  // namespace terminal_tests
