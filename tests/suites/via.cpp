// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What `via` means, by carriers that reach no further than this machine. Those with another one at
// their end are in ssh.cpp and slurm.cpp.

#include <csignal>

#include "elsewhere.hpp"
#include "host.hpp"

namespace via_tests {

using namespace test;
using coproc::capture;
using coproc::carrier;
using coproc::command;
using coproc::end_reason;
using coproc::exec;
using coproc::secret;

namespace {

/// What stands in for a container's engine, since none can run here: it wants -i before stdin goes
/// through, knows the containers `web` and `db`, passes no signal on, and has codes of its own.
class engine {
 public:
  engine() {
    write_file(path(), R"(#!/bin/sh
[ "$1" = exec ] || exit 125; shift
i=; if [ "$1" = -i ]; then i=1; shift; fi
case $1 in web | db) ;; *) echo "Error: no container with name or ID \"$1\" found" >&2; exit 125 ;; esac
shift; command -v "$1" >/dev/null || { echo "Error: executable file not found" >&2; exit 127; }
if [ -z "$i" ]; then setsid "$@" </dev/null; exit; fi
exec 3<&0; mkfifo "$0.$$"; cat <&3 3<&- >"$0.$$" 2>/dev/null & c=$!
setsid "$@" <"$0.$$" 3<&-; r=$?
kill $c 2>/dev/null; exit $r
)");
    std::filesystem::permissions(path(), std::filesystem::perms(0755));
  }
  std::string path() const { return folder_.path / "podman"; }

 private:
  temporary_directory folder_;
};

}  // namespace

COPROC_TEST("via: prefix puts words in front, and leaves all keywords as they are") {
  const auto sooner = prefix("env", "KIND=near");
  const auto done = co_await capture(child, "env", via = sooner, env["OTHER"] = "x");
  CHECK(done.out.find("KIND=near\n") != std::string::npos);
  CHECK(done.out.find("OTHER=x\n") != std::string::npos);
  const auto moved = co_await capture("pwd", via = sooner, cwd = "/usr");
  CHECK(moved.out == "/usr\n");
  const auto nasty = co_await capture(child, "args", nasty_words(), via = sooner);
  CHECK(nasty.out == as_said(nasty_words()));
}

COPROC_TEST("via: inside passes every word to the byte, and through two places") {
  const auto once = inside("env");
  const auto done = co_await capture(child, "args", nasty_words(), via = once);
  CHECK(done.out == as_said(nasty_words()));
  CHECK(done.err.empty());
  const auto twice = [](command what) { return inside("nice")(inside("env")(what)); };
  const auto there = co_await capture(child, "args", nasty_words(), via = twice);
  CHECK(there.out == as_said(nasty_words()));
}

COPROC_TEST("via: a program is one, also where a shell has a word of that name") {
  const auto done = co_await capture("echo", "a\\nb", via = inside("env"));
  CHECK(done.out == "a\\nb\n");
  const auto none = co_await capture("exit", "3", via = inside("env"));
  CHECK(none.returncode == 127);
  temporary_directory folder;
  const saved_variable path("PATH", (folder.path.string() + ":/usr/bin:/bin").c_str());
  for (const char* const name : {"-n", "a=b"}) {
    copy_child(folder.path / name);
    const auto odd = co_await capture(name, "say", "odd", via = inside("env"));
    CHECK(odd.out == "odd");
  }
}

COPROC_TEST("via: cwd and env go along") {
  const saved_variable seen("COPROC_SEEN", "1");
  const auto place = inside("env", "KIND=far");
  const auto moved = co_await capture("pwd", via = place, cwd = "/usr");
  CHECK(moved.out == "/usr\n");
  const auto changed =
      co_await capture(child, "env", via = place, env["A"] = "a b\n", env["COPROC_SEEN"] = unset);
  CHECK(changed.out.find("\nA=a b\n") != std::string::npos);
  CHECK(changed.out.find("KIND=far") != std::string::npos);
  CHECK(changed.out.find("COPROC_SEEN") == std::string::npos);
  const auto not_here = co_await capture(child, "env", via = place, env["PATH"] = "/nowhere");
  CHECK(not_here.out.find("\nPATH=/nowhere\n") != std::string::npos);
  const auto bare = co_await capture(child, "env", via = place, env = {}, env["ONLY"] = 1);
  CHECK(bare.out == "ONLY=1\n");
  temporary_directory folder;
  const saved_directory in_it(folder.path);
  const saved_variable other("CDPATH", "/");
  for (const char* const name : {"-", "usr"}) {  // /usr is not meant
    std::filesystem::create_directory(folder.path / name);
    const auto there = co_await capture("pwd", via = place, cwd = name);
    CHECK(there.out == std::filesystem::canonical(folder.path / name).string() + '\n');
  }
  // As chdir has it, and not as a shell does.
  std::filesystem::create_directories(folder.path / "real" / "deep");
  std::filesystem::create_directory_symlink("real/deep", folder.path / "link");
  const auto up = co_await capture("/bin/pwd", via = place, cwd = "link/..");
  CHECK(up.out == std::filesystem::canonical(folder.path / "real").string() + '\n');
  const auto nowhere = co_await thrown<coproc::launch_error>(capture("pwd", via = place, cwd = ""));
  CHECK(nowhere.step() == "chdir");
  const auto lost = co_await capture("pwd", via = place, cwd = "/no/such/place");
  CHECK(lost.returncode == 126);
  CHECK(lost.err.find("/no/such/place") != std::string::npos);
}

COPROC_TEST("via: codes are a shell's, and a carrier's own is nobody else's") {
  const auto place = inside("env", carrier_code = 255);
  const std::vector<std::pair<int, int>> codes{{0, 0}, {3, 3}, {254, 254}, {255, 254}, {137, 137}};
  for (const auto& [given, seen] : codes) {
    const auto done = co_await capture(child, "exit", given, via = place);
    CHECK(done.returncode == seen);
    CHECK(done.why == end_reason::exited);
    CHECK(done.err.empty());
  }
  const auto killed = co_await capture(child, "signal", SIGKILL, via = place);
  CHECK(killed.returncode == 137);
  const auto missing = co_await capture("no-such-program", via = place);
  CHECK(missing.returncode == 127);
  const auto directory = co_await capture("/usr", via = place);
  CHECK(directory.returncode == 126);
  // Where who knows the status has been killed, that is the status.
  const auto unknown = co_await capture("/bin/sh", "-c", "kill -KILL $PPID", via = inside("env"));
  CHECK(unknown.returncode == 137);
  // One less than 1 would be a success.
  const auto one = co_await capture(child, "exit", 1, via = inside("env", carrier_code = 1));
  CHECK(one.returncode == 2);
  CHECK_THROWS_AS(inside("env", carrier_code = 0), std::invalid_argument);
  CHECK_THROWS_AS(inside("env", carrier_code = 256), std::invalid_argument);
  // Where the carrier has none, every code is the command's.
  const auto plain = co_await capture(child, "exit", 255, via = inside("env"));
  CHECK(plain.returncode == 255);
}

COPROC_TEST("via: what did not get there says so, and is no success") {
  const engine podman;
  const auto web = inside(podman.path(), "exec", "-i", "web");
  const auto well = co_await capture(child, "exit", 125, via = web);
  CHECK(well.returncode == 124);
  CHECK(well.why == end_reason::exited);
  const auto gone = inside(podman.path(), "exec", "-i", "gone");
  const auto done = co_await capture("hostname", via = gone, ok_codes = 125);
  CHECK(done.returncode == 125);
  CHECK(done.why == end_reason::unreachable);
  CHECK_FALSE(done.succeeded());
  try {
    done.check();
    FAIL("it was not there");
  } catch (const coproc::exit_error& e) {
    CHECK(e.why() == end_reason::unreachable);
    CHECK(std::string(e.what()) ==
          "hostname: not reached: Error: no container with name or ID \"gone\" found");
  }
  // A code that is given counts, not the one that is known.
  const auto other = inside(podman.path(), "exec", "-i", "gone", carrier_code = 7);
  const auto unknown = co_await capture("hostname", via = other);
  CHECK(unknown.why == end_reason::exited);
}

COPROC_TEST("via: unreachable is something to retry") {
  int calls = 0;
  const engine podman;
  const auto next = [&](command what) {
    return inside(podman.path(), "exec", "-i", ++calls < 3 ? "gone" : "web")(what);
  };
  const auto again = [](const coproc::completed& c) { return c.why == end_reason::unreachable; };
  const auto done = co_await capture(child, "exit", 3, via = next, retry = attempts(5, 1ms, again));
  CHECK(done.returncode == 3);
  CHECK(done.attempts == 3);
  CHECK(calls == 3);
}

COPROC_TEST("via: messages are those of the command as it was written") {
  const std::string word = "word of honour";
  const command what(child, "exit", 4, secret(word), via = inside("env"));
  const auto done = co_await capture(what);
  CHECK(to_string(done.command) == to_string(what));
  try {
    done.check();
    FAIL("4 is no success");
  } catch (const coproc::exit_error& e) {
    CHECK(std::string(e.what()) == to_string(what) + ": exit status 4");
  }
  // What is launched hides it as well, also where it is part of a text.
  const std::vector<command> all{inside("env")(what), ssh("h")(what), prefix("nice")(what)};
  for (const command& carried : all) CHECK(to_string(carried).find(word) == std::string::npos);
  CHECK(to_string(ssh("h")(command("true"))).find("true") != std::string::npos);
}

COPROC_TEST("via: a carrier that is missing is a launch_error of that name") {
  const auto e = co_await failed_launch(command("true", via = inside("no-such-carrier")));
  CHECK(std::string(e.what()) == "no-such-carrier: No such file or directory");
  // What cannot be handed to a program is refused before it is handed to a carrier.
  const auto nul = co_await failed_launch(
      command("true", std::string_view("a\0b", 3), via = inside("no-such-carrier")));
  CHECK(std::string(nul.what()).starts_with("true: arguments: argument 1 holds a NUL byte"));
}

COPROC_TEST("via: what cannot travel is a launch_error that names the keyword") {
  const auto refused = [](const command& what,
                          const std::string& keyword) -> asio::awaitable<void> {
    const std::vector<carrier> carriers{inside("env"), ssh("h")};
    for (const carrier& far : carriers) {
      const auto e = co_await failed_launch(command(what, via = far));
      CHECK(e.step() == "via");
      CHECK(e.object() == keyword);
      CHECK(std::string(e.what()).starts_with("true: via cannot carry " + keyword));
    }
  };
  co_await refused(command("true", pass_fds = 0), "pass_fds");
  co_await refused(command("true", as_user = 0), "as_user");
  co_await refused(command("true", as_group = 0), "as_group");
  co_await refused(command("true", extra_groups = 0), "extra_groups");
  co_await refused(command("true", new_umask = 022), "new_umask");
  co_await refused(command("true", niceness = 1), "niceness");
  co_await refused(command("true", resource_limit[RLIMIT_NOFILE] = 64), "resource_limit");
  co_await refused(command("true", argv0 = "false"), "argv0");
  co_await refused(command("true", std_out = terminal), "terminal");
  co_await refused(command("true", terminal = size(24, 80)), "terminal");
  const auto name = co_await failed_launch(command("a=b", via = inside("env"), env["A"] = 1));
  CHECK(name.step() == "via");
  CHECK(name.object() == "a=b");
  const auto front = co_await failed_launch(command("true", argv0 = "false", via = prefix("env")));
  CHECK(front.object() == "argv0");
  const auto near = co_await capture("sh", "-c", "umask", new_umask = 027, via = prefix("env"));
  CHECK(near.out == "0027\n");
}

COPROC_TEST("via: stop ends the far side gracefully, with its last words and its own code") {
  const std::string mark = new_mark();
  const engine podman;
  const auto web = inside(podman.path(), "exec", "-i", "web");
  std::vector<int> signals;
  auto seen = co_await coproc::trace([&](const coproc::trace_event& e) {
    if (e.kind == coproc::trace_kind::signalled) signals.push_back(e.signal);
  });
  auto process = co_await exec(child, "on-term", 9, mark, via = web, std_out = piped);
  co_await process.std_out().until("ready\n");
  CHECK_THROWS_AS(process.std_in(), std::logic_error);
  const int code = co_await process.stop();
  CHECK(code == 9);
  const std::string rest = co_await process.std_out().read();
  CHECK(rest == "term\n");
  CHECK(signals == std::vector<int>{SIGTERM});
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: a second stop does not end the carrier, which has the last words to bring") {
  const auto executor = co_await asio::this_coro::executor;
  const auto text =
      "trap 'sleep .5; echo done; exit 6' TERM; echo ready; while :; do sleep .01; done";
  auto process = co_await exec("/bin/sh", "-c", text, via = inside("env"), std_out = piped);
  co_await process.std_out().until("ready\n");
  beside first(executor, process.stop(patience));
  co_await turns(3);
  const int code = co_await process.stop(patience);
  CHECK(code == 6);
  const int same = co_await first.result();
  CHECK(same == 6);
  const std::string rest = co_await process.std_out().read();
  CHECK(rest == "done\n");
}

COPROC_TEST("via: stop_signal goes along") {
  const auto text = "trap 'echo int; exit 5' INT; echo ready; while :; do sleep .01; done";
  auto process = co_await exec("/bin/sh", "-c", text, stop_signal = SIGINT, via = inside("env"),
                               std_out = piped);
  co_await process.std_out().until("ready\n");
  const int code = co_await process.stop(patience);
  CHECK(code == 5);
  const std::string rest = co_await process.std_out().read();
  CHECK(rest == "int\n");
}

COPROC_TEST("via: what is stopped there goes on, and so ends gracefully") {
  const auto text = "trap 'exit 4' TERM; echo ready; kill -STOP $$; while :; do sleep .01; done";
  auto process = co_await exec("/bin/sh", "-c", text, via = inside("env"), std_out = piped);
  co_await process.std_out().until("ready\n");
  const int code = co_await process.stop(patience);
  CHECK(code == 4);
}

COPROC_TEST("via: what ignores the signal is killed, with its group, when the grace has passed") {
  const std::string mark = new_mark();
  const auto text = "trap '' TERM; " + child + " wait " + mark + " & " + child + " wait " + mark;
  auto process = co_await exec("/bin/sh", "-c", text, via = inside("env"), std_out = piped);
  co_await process.std_out().until("ready\nready\n");
  (void)co_await process.stop(300ms);
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: the SIGKILL there comes before the carrier's, without which it might not come") {
  bool there_first = false;
  for (int i = 0; i < 20 && !there_first; ++i) {  // a very busy machine may be late with it
    auto process = co_await exec(child, "ignore-term", via = inside("env"), std_out = piped);
    co_await process.std_out().until("ready\n");
    const int code = co_await process.stop(0s);
    there_first = code == 128 + SIGKILL;
  }
  CHECK(there_first);
}

COPROC_TEST("via: stop's own patience is the far side's, not the default") {
  // It takes longer to end than the default grace of 2 s: killed by then, it would not say so.
  const auto text =
      "trap 'sleep 3; echo done; exit 6' TERM; echo ready; while :; do sleep .01; done";
  auto process = co_await exec("/bin/sh", "-c", text, via = inside("env"), std_out = piped);
  co_await process.std_out().until("ready\n");
  const int code = co_await process.stop(patience);
  CHECK(code == 6);
}

COPROC_TEST("via: a timeout ends the far side and has its output") {
  const std::string mark = new_mark();
  std::chrono::milliseconds time = 300ms;
  const auto e = co_await timed_out(time, "ready", [&](std::chrono::milliseconds some) {
    return capture(child, "on-term", 9, mark, via = inside("env"), timeout = some, grace = 60s);
  });
  CHECK(e.out() == "ready\nterm\n");
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: a cancellation, or the end of a scope, ends the far side") {
  const std::string mark = new_mark();
  const engine podman;
  const auto executor = co_await asio::this_coro::executor;
  const auto web = inside(podman.path(), "exec", "-i", "web");
  std::string seen;
  auto listen = tee([&](std::string_view piece) { seen += piece; });
  beside running(executor, capture(child, "wait", mark, via = web, std_out = listen));
  const bool ready = co_await eventually([&] { return seen == "ready\n"; });
  CHECK(ready);
  running.cancel();
  (void)co_await thrown<coproc::cancelled_error>(running.result());
  const bool gone = co_await none_left(mark);
  CHECK(gone);
  {
    auto process = co_await exec(child, "ignore-term", mark, via = web, std_out = piped);
    co_await process.std_out().until("ready\n");
  }
  const bool gone_too = co_await none_left(mark);
  CHECK(gone_too);
}

COPROC_TEST(
    "via: a stdin of its own arrives, and the far side ends with the carrier all the same") {
  const engine podman;
  const auto web = inside(podman.path(), "exec", "-i", "web");
  const auto copied = co_await capture("cat", via = web, input = pattern(1 << 20));
  CHECK(copied.out == pattern(1 << 20));
  const std::string mark = new_mark();
  {
    auto process = co_await exec(child, "wait", mark, via = web, std_in = piped, std_out = piped);
    co_await process.std_out().until("ready\n");
    const int code = co_await process.stop();
    CHECK(code == -SIGTERM);
  }
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: a place that passes no stdin on is refused with a word, not ended in secret") {
  const engine podman;
  const auto done = co_await capture("true", via = inside(podman.path(), "exec", "web"));
  CHECK(done.returncode == 126);
  CHECK(done.err.find("no stdin comes through") != std::string::npos);
}

COPROC_TEST("via: nothing is left, whenever and however the carrier is killed") {
  const std::string mark = new_mark();
  for (int round = 0; round < 10; ++round) {
    std::vector<coproc::process> all;
    for (int i = 0; i < 20; ++i) {
      command what(child, "ignore-term", mark, via = inside("env"), std_out = devnull);
      if (i % 3 == 1) what = command(what, std_in = piped);
      if (i % 2 == 1) what = command(what, process_group = new_group);
      all.push_back(co_await exec(what));
    }
    for (auto& each : all) {
      co_await turns(round * 20);
      each.kill();
    }
  }
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: where a stdin of its own is, the group is ended also when its leader was first") {
  const std::string mark = new_mark();
  const auto text = child + " wait " + mark + " 2>&1 & exec yes";
  {
    auto process =
        co_await exec("/bin/sh", "-c", text, std_in = piped, std_out = piped, via = inside("env"));
    co_await process.std_out().until("ready\n");
    co_await process.stop();
  }
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: a host that ignores SIGTERM is no obstacle") {
  const auto before = std::signal(SIGTERM, SIG_IGN);
  for (const bool own : {false, true}) {
    command what(child, "exit", 3, via = inside("env"));
    if (own) what = command(what, std_in = piped);
    auto process = co_await exec(what);
    const int code = co_await process.wait();
    CHECK(code == 3);
  }
  std::signal(SIGTERM, before);
}

COPROC_TEST("via: a function keeps the call's side of the child as it is") {
  const auto closed = [](command what) { return inside("env")(command(what, std_in = devnull)); };
  (void)co_await thrown<std::invalid_argument>(capture("cat", input = "text", via = closed));
  const auto quiet = [](command what) { return command(what, std_out = devnull); };
  (void)co_await thrown<std::invalid_argument>(capture(child, "say", "x", via = quiet));
  (void)co_await thrown<std::invalid_argument>(
      exec(child, "say", "x", std_out = piped, via = quiet));
}

TEST_CASE("via: nothing far is left when the host has been killed") {
  if (in_own_process()) {
    const std::string mark = std::getenv("COPROC_TEST_MARK");
    coproc::run([](std::string word) -> asio::awaitable<void> {
      auto near = co_await exec(child, "ignore-term", word, via = inside("env"));
      auto fed = co_await exec(child, "ignore-term", word, via = inside("env"), std_in = piped);
      co_await near.wait();
    }(mark));
    return;
  }
  const std::string mark = new_mark();
  run([](std::string word) -> asio::awaitable<void> {
    auto host = co_await exec(
        command(this_case_in_own_process(), env["COPROC_TEST_MARK"] = word, std_out = piped));
    for (int i = 0; i < 2; ++i) co_await host.std_out().until("ready\n");
    host.send_signal(SIGKILL);
    co_await host.wait();
    const bool gone = co_await none_left(word);
    CHECK(gone);
  }(mark));
}

COPROC_TEST("via: a detached child runs on, and its lifeline with it") {
  const std::string mark = new_mark();
  temporary_directory folder;
  const auto log = folder.path / "log";
  {
    auto process = co_await exec(child, "on-term", 3, mark, via = inside("env"), std_out = log);
    const bool ready = co_await eventually([&] { return read_file(log) == "ready\n"; });
    CHECK(ready);
    CHECK_THROWS_AS(process.release(), std::logic_error);
    process.detach();
  }
  // By the time another, whose lifeline ends later, has heard of that, this one would have, too.
  auto other = co_await exec(child, "on-term", 3, via = inside("env"), std_out = piped);
  co_await other.std_out().until("ready\n");
  const int code = co_await other.stop();
  CHECK(code == 3);
  CHECK(read_file(log) == "ready\n");
  for (const int pid : processes_with(mark))
    if (read_file("/proc/" + std::to_string(pid) + "/cmdline").starts_with(child))
      ::kill(pid, SIGKILL);
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

COPROC_TEST("via: every verb takes it, and it is asked at each launch") {
  int calls = 0;
  const auto counted = [&](command what) {
    ++calls;
    return inside("env", "PLACE=there")(what);
  };
  auto process = co_await coproc::shell("echo $PLACE {}", "a b", via = counted, std_out = piped);
  const auto [out, err] = co_await process.communicate();
  CHECK(out == "there a b\n");
  const command say("/bin/sh", "-c", "echo $PLACE");
  const std::vector<command> both{say, say};
  const auto all = co_await coproc::gather(both, via = counted);
  CHECK(all[1].out == "there\n");
  auto results = coproc::as_completed(both, via = counted);
  const auto first = co_await results.next();
  CHECK(first->value.out == "there\n");
  co_await results.close();
  const int before = calls;
  const auto joined = co_await capture(command(say, via = counted) | command("cat", via = counted));
  CHECK(joined.out == "there\n");
  CHECK(joined.returncode == 0);
  CHECK(calls == before + 2);
  auto run = co_await exec(say | command("cat"), via = counted, std_out = piped);
  const std::string text = co_await run.std_out().read();
  CHECK(text == "there\n");
  const int code = co_await run.wait();
  CHECK(code == 0);
}

COPROC_TEST("via: a function of one's own may do anything, and throw") {
  const auto other = [](command what) { return what.reworded("printf", "%s.", what.words()); };
  const auto done = co_await capture("a", "b", via = other);
  CHECK(done.out == "a.b.");
  CHECK(to_string(done.command) == "a b");
  const auto never = [](command) -> command { throw std::runtime_error("no host is free"); };
  const auto e = co_await thrown<std::runtime_error>(capture("a", via = never));
  CHECK(std::string(e.what()) == "no host is free");
  // None, after all.
  const command gone("true", via = inside("no-such-carrier"));
  const auto here = co_await capture(command(gone, via = nullptr));
  CHECK(here.succeeded());
  auto fake = co_await coproc::intercept(
      [](command what) { return what.reworded("printf", "fake", via = nullptr); });
  const auto faked = co_await capture(gone);
  CHECK(faked.out == "fake");
  fake = {};
  // Near keywords of the carrier itself.
  const auto placed = [](command what) {
    const command carried = inside("/bin/sh", "-c", "pwd; \"$0\" \"$@\"")(what);
    return carried.reworded(carried, cwd = "/usr");
  };
  const auto where = co_await capture("pwd", via = placed, cwd = "/");
  CHECK(where.out == "/usr\n/\n");
}

COPROC_TEST("via: a secret word of a carrier is one") {
  const auto place = inside("env", secret("TOKEN=abc"));
  const command what("sh", "-c", "echo $TOKEN");
  CHECK(to_string(place(what)).find("abc") == std::string::npos);
  const auto done = co_await capture(what, via = place);
  CHECK(done.out == "abc\n");
  CHECK_THROWS_AS(ssh(""), std::invalid_argument);
}

}  // namespace via_tests
