// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Commands on other machines, by OpenSSH's own programs: a real sshd, on the loopback.

#include <csignal>

#include "elsewhere.hpp"
#include "host.hpp"

namespace ssh_tests {

using namespace test;
using coproc::capture;
using coproc::carrier;
using coproc::command;
using coproc::end_reason;
using coproc::exec;

namespace {

const ssh_server& server() {
  static const ssh_server only;
  return only;
}

/// One connection that carries all, as long as this lives: OpenSSH's ControlMaster.
class shared_connection {
 public:
  asio::awaitable<void> open() {
    master_ = co_await exec("ssh", "-F", server().config(), "-MN", "-S", socket(), "h1");
    const command check("ssh", "-F", server().config(), "-S", socket(), "-O", "check", "h1");
    for (bool answers = false; !answers;) {
      const auto done = co_await capture(check);
      answers = done.succeeded();
    }
  }
  carrier to_host() const { return server().to("h1", "-S", socket()); }

 private:
  std::string socket() const { return folder_.path / "master"; }
  temporary_directory folder_;
  coproc::process master_;
};

/// Far ends in every way, by one way to get there: nothing is left, far or near.
asio::awaitable<void> ends_in_every_way(carrier there) {
  const std::string mark = new_mark();
  const auto executor = co_await asio::this_coro::executor;
  {  // stop: its last words and its own code come back
    auto process = co_await exec(child, "on-term", 9, mark, via = there, std_out = piped);
    co_await process.std_out().until("ready\n");
    const int code = co_await process.stop(patience);
    CHECK(code == 9);
    const std::string rest = co_await process.std_out().read();
    CHECK(rest == "term\n");
  }
  {  // stop, of what ignores it, with a group
    const auto text = "trap '' TERM; " + child + " wait " + mark + " & " + child + " wait " + mark;
    auto process = co_await exec("/bin/sh", "-c", text, via = there, std_out = piped);
    co_await process.std_out().until("ready\nready\n");
    (void)co_await process.stop(300ms);
    const bool gone = co_await none_left(mark);
    CHECK(gone);
  }
  {  // a timeout
    std::chrono::milliseconds time = 500ms;
    const auto e = co_await timed_out(time, "ready", [&](std::chrono::milliseconds some) {
      return capture(child, "ignore-term", mark, via = there, timeout = some, grace = 200ms);
    });
    const bool gone = co_await none_left(mark);
    CHECK(gone);
  }
  {  // a cancellation
    std::string seen;
    auto listen = tee([&](std::string_view piece) { seen += piece; });
    beside running(executor, capture(child, "wait", mark, via = there, std_out = listen));
    const bool ready = co_await eventually([&] { return seen == "ready\n"; });
    CHECK(ready);
    running.cancel();
    (void)co_await thrown<coproc::cancelled_error>(running.result());
    const bool gone = co_await none_left(mark);
    CHECK(gone);
  }
  {  // the end of a scope
    auto process = co_await exec(child, "ignore-term", mark, via = there, std_out = piped);
    co_await process.std_out().until("ready\n");
  }
  const bool gone = co_await none_left(mark);
  CHECK(gone);
  {  // the same, with a stdin of its own
    auto process =
        co_await exec(child, "ignore-term", mark, via = there, std_in = piped, std_out = piped);
    co_await process.std_out().until("ready\n");
  }
  const bool gone_too = co_await none_left(mark);
  CHECK(gone_too);
}

/// The process of sshd's that serves the far process with the mark.
int session_of(const std::string& mark) {
  for (int pid : processes_with(mark))
    for (; pid > 1; pid = parent_of(pid))
      if (name_of(pid).starts_with("sshd")) return pid;
  return 0;
}

}  // namespace

COPROC_TEST("ssh: every word arrives to the byte, also by way of another machine") {
  const auto done = co_await capture(child, "args", nasty_words(), via = server().to("h1"));
  CHECK(done.out == as_said(nasty_words()));
  CHECK(done.err.empty());
  const auto twice = [](command what) { return server().to("h1")(server().to("h2")(what)); };
  const auto there = co_await capture(child, "args", nasty_words(), via = twice);
  CHECK(there.out == as_said(nasty_words()));
}

COPROC_TEST("ssh: cwd and env go along") {
  const auto h1 = server().to("h1");
  const auto moved = co_await capture("pwd", via = h1, cwd = "/usr");
  CHECK(moved.out == "/usr\n");
  const auto changed =
      co_await capture(child, "env", via = h1, env["A"] = "a b\n", env["PATH"] = unset);
  CHECK(changed.out.find("\nA=a b\n") != std::string::npos);
  CHECK(changed.out.find("\nPATH=") == std::string::npos);
  const auto bare = co_await capture(child, "env", via = h1, env = {}, env["ONLY"] = 1);
  CHECK(bare.out == "ONLY=1\n");
}

COPROC_TEST("ssh: the far code is its own, 255 is ssh's") {
  const auto h1 = server().to("h1");
  const std::vector<std::pair<int, int>> codes{{0, 0}, {3, 3}, {254, 254}, {255, 254}};
  for (const auto& [given, seen] : codes) {
    const auto done = co_await capture(child, "exit", given, via = h1);
    CHECK(done.returncode == seen);
    CHECK(done.why == end_reason::exited);
  }
  const auto killed = co_await capture(child, "signal", SIGKILL, via = h1);
  CHECK(killed.returncode == 137);
  const auto missing = co_await capture("no-such-program", via = h1);
  CHECK(missing.returncode == 127);
  const auto lost = co_await capture("pwd", via = h1, cwd = "/no/such/place");
  CHECK(lost.returncode == 126);
}

COPROC_TEST(
    "ssh: a machine that cannot be reached is said to be so, and nobody is asked anything") {
  const std::vector<std::pair<std::string, std::string>> hosts{
      {"refused", "Connection refused"},
      {"unknown", "Host key verification failed"},
      {"no_key", "Permission denied"}};
  for (const auto& [host, words] : hosts) {
    const auto done = co_await capture("hostname", via = server().to(host));
    CHECK(done.returncode == 255);
    CHECK(done.why == end_reason::unreachable);
    CHECK(done.err.find(words) != std::string::npos);
    try {
      done.check();
      FAIL("it was not there");
    } catch (const coproc::exit_error& e) {
      CHECK(std::string(e.what()).starts_with("hostname: not reached"));
      CHECK(std::string(e.what()).find(words) != std::string::npos);
    }
  }
  const auto option = co_await capture("hostname", via = ssh("-oProxyCommand=true"));
  CHECK(option.why == end_reason::unreachable);
}

COPROC_TEST("ssh: a command too long for one word is a launch_error of ssh") {
  const command far(child, std::string(140000, 'x'), via = server().to("h1"));
  const auto e = co_await thrown<coproc::launch_error>(exec(far));
  CHECK(std::string(e.what()) == "ssh: Argument list too long");
}

COPROC_TEST("ssh: bytes go there and back") {
  std::string bytes = pattern(100 << 20);
  const auto done = co_await capture("cat", via = server().to("h1"), input = bytes);
  CHECK(done.out.size() == bytes.size());
  CHECK((done.out == bytes));
}

COPROC_TEST("ssh: nothing is left, however it ends, by a connection of its own") {
  co_await ends_in_every_way(server().to("h1"));
}

COPROC_TEST("ssh: nothing is left, however it ends, by a connection that others share") {
  shared_connection shared;
  co_await shared.open();
  co_await ends_in_every_way(shared.to_host());
}

COPROC_TEST("ssh: nothing is left, however it ends, by way of another machine") {
  const auto twice = [](command what) { return server().to("h1")(server().to("h2")(what)); };
  const std::string mark = new_mark();
  auto process = co_await exec(child, "on-term", 9, mark, via = twice, std_out = piped);
  co_await process.std_out().until("ready\n");
  const int code = co_await process.stop(patience);
  CHECK(code == 9);
  {
    auto other = co_await exec(child, "ignore-term", mark, via = twice, std_out = piped);
    co_await other.std_out().until("ready\n");
  }
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("ssh: nothing is left when the connection is lost") {
  const std::string mark = new_mark();
  auto process =
      co_await exec(child, "ignore-term", mark, via = server().to("h1"), std_out = piped);
  co_await process.std_out().until("ready\n");
  const int session = session_of(mark);
  REQUIRE(session > 1);
  ::kill(session, SIGKILL);
  const int code = co_await process.wait();
  CHECK(code == 255);
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

TEST_CASE("ssh: nothing is left when this program is killed or gets Ctrl-C") {
  if (in_own_process()) {
    const std::string config = std::getenv("COPROC_TEST_CONFIG");
    const std::string mark = std::getenv("COPROC_TEST_MARK");
    try {
      coproc::run([](std::string word, std::string file) -> asio::awaitable<void> {
        std::vector<command> all(4, command(child, "wait", word, std_out = inherit));
        all[0] = command(all[0], input = "a stdin of its own");
        co_await coproc::gather(all, via = ssh("h1", "-F", file), concurrency = 4);
      }(mark, config));
    } catch (const coproc::interrupted&) {
      std::puts("interrupted");
    }
    return;
  }
  const std::vector<int> numbers{SIGKILL, SIGINT};
  for (const int number : numbers) {
    run([](int signal) -> asio::awaitable<void> {
      const std::string mark = new_mark();
      auto host =
          co_await exec(command(this_case_in_own_process(), env["COPROC_TEST_MARK"] = mark,
                                env["COPROC_TEST_CONFIG"] = server().config(), std_out = piped));
      for (int i = 0; i < 4; ++i) co_await host.std_out().until("ready\n");
      host.send_signal(signal);
      co_await host.wait();
      const std::string rest = co_await host.std_out().read();
      CHECK((rest.find("interrupted") != std::string::npos) == (signal == SIGINT));
      const bool gone = co_await none_left(mark);
      CHECK(gone);
    }(number));
  }
}

COPROC_TEST("ssh: many at once, more than a server takes, all get there with retry") {
  int number = 0;
  const auto next = [&](command what) { return server().to(++number % 2 ? "h1" : "h2")(what); };
  std::vector<command> all;
  for (int i = 0; i < 60; ++i) all.emplace_back(child, "say", i);
  const auto again = [](const coproc::completed& c) { return c.why == end_reason::unreachable; };
  const auto done =
      co_await coproc::gather(all, via = next, concurrency = 32, retry = attempts(20, 20ms, again));
  for (int i = 0; i < 60; ++i) CHECK(done[static_cast<std::size_t>(i)].out == std::to_string(i));
}

COPROC_TEST("ssh: a pipeline over two machines") {
  const auto h1 = server().to("h1"), h2 = server().to("h2");
  const auto done =
      co_await capture(command("printf", "b\na\n", via = h1) | command("sort", via = h2));
  CHECK(done.out == "a\nb\n");
  CHECK(done.returncode == 0);
  const auto enough = co_await capture(command("yes", via = h1) | command("head", "-1", via = h2));
  CHECK(enough.out == "y\n");
  CHECK(enough.succeeded());
}

COPROC_TEST("ssh: its questions on the terminal are answered, its output comes by a pipe") {
  auto process = co_await exec("ssh", "-F", server().config(), "asks", "echo", "done",
                               terminal = size(24, 80), std_in = devnull, std_out = piped,
                               std_err = piped, env["SSH_AUTH_SOCK"] = unset);
  coproc::terminal_side& side = process.terminal();
  const auto host = co_await side.out().until("(yes/no/[fingerprint])? ", "': ");
  CHECK(host.index == 0);
  co_await side.in().write("yes\n");
  const auto key = co_await side.out().until("(yes/no/[fingerprint])? ", "': ");
  CHECK(key.index == 1);
  CHECK(key.text.find("locked") != std::string::npos);
  co_await side.in().write(std::string(ssh_server::passphrase) + '\n');
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "done\n");
  CHECK(*process.returncode() == 0);
}

}  // namespace ssh_tests
