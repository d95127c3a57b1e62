// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <latch>
#include <map>
#include <mutex>
#include <regex>

#include "host.hpp"

namespace trace_tests {

using namespace test;
using coproc::capture;
using coproc::command;
using coproc::exec;
using coproc::hook_guard;
using coproc::intercept;
using coproc::trace;
using coproc::trace_event;
using coproc::trace_kind;
using strings = std::vector<std::string>;

namespace {

/// Without what differs from run to run: the child program's path, pids and times.
std::string plain(std::string text) {
  for (std::size_t at; (at = text.find(child)) != text.npos;)
    text.replace(at, child.size(), "child");
  text = std::regex_replace(text, std::regex("  \\(pid [0-9]+\\)"), "");
  return std::regex_replace(text, std::regex(", [0-9]+ ms"), "");
}

/// Keeps the events of a trace: `trace(std::ref(log))`.
class event_log {
 public:
  void operator()(const trace_event& event) {
    const std::lock_guard lock(mutex_);
    events.push_back(event);
  }
  /// As one reads them, with their ids. Without SIGCONT, which follows a SIGTERM where there was
  /// time for it.
  strings lines() const {
    strings all;
    for (const trace_event& event : events)
      if (event.signal != SIGCONT)
        all.push_back(std::to_string(event.id) + ' ' + plain(to_string(event)));
    return all;
  }
  std::vector<trace_event> events;

 private:
  std::mutex mutex_;
};

/// Keeps the commands that an interceptor sees, and changes none.
class command_log {
 public:
  command operator()(command what) {
    const std::lock_guard lock(mutex_);
    commands.push_back(plain(to_string(what)));
    return what;
  }
  strings commands;

 private:
  std::mutex mutex_;
};

command say(const std::string& text) { return command(child, "say", text); }

command add_word(command what, const char* word) { return command(what, word); }

}  // namespace

// ---- trace ----

COPROC_TEST("trace: a child is told of at its start and at its end") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  auto process = co_await exec(child, "burn", 20);
  REQUIRE(log.events.size() == 1);
  co_await process.wait();
  CHECK(log.lines() == strings{"1 + child burn 20", "1 - child burn 20: exit status 0"});
  REQUIRE(log.events.size() == 2);
  const trace_event &start = log.events[0], &end = log.events[1];
  CHECK(start.kind == trace_kind::started);
  CHECK(start.pid == process.pid());
  CHECK(start.returncode == coproc::unknown_returncode);
  CHECK(end.kind == trace_kind::ended);
  CHECK(end.pid == process.pid());
  CHECK(end.returncode == 0);
  CHECK(end.elapsed > start.elapsed);
  CHECK(end.elapsed >= 20ms);
  CHECK(end.usage.peak_rss > 0);
  CHECK(end.usage.user == process.usage().user);
}

COPROC_TEST("trace: says what carries a command elsewhere, and where that was not reached",
            "[posix]") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  const auto lost = coproc::inside("sh", "-c", "exit 9", coproc::carrier_code = 9);
  (void)co_await capture(child, "exit", 0, via = coproc::inside("env"));
  (void)co_await capture(
      child, "exit", 0,
      via = [&](command what) { return coproc::inside("env")(coproc::prefix("nice")(what)); });
  (void)co_await capture(child, "exit", 0, via = lost);
  CHECK(log.lines() ==
        strings{"1 + child exit 0 via env", "1 - child exit 0 via env: exit status 0",
                "2 + child exit 0 via env nice", "2 - child exit 0 via env nice: exit status 0",
                "3 + child exit 0 via sh -c 'exit 9'",
                "3 - child exit 0 via sh -c 'exit 9': not reached"});
  CHECK(log.events.back().why == coproc::end_reason::unreachable);
  CHECK(log.events.front().why == coproc::end_reason::unknown);
  CHECK(log.events[1].why == coproc::end_reason::exited);
}

COPROC_TEST("trace: ids pair the starts and the ends of children that run at once") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  std::vector<command> commands;
  for (int i = 0; i < 20; ++i) commands.emplace_back(child, "exit", i);
  (void)co_await coproc::gather(commands, concurrency = 8);
  REQUIRE(log.events.size() == 40);
  std::map<std::uint64_t, const trace_event*> started;
  for (const trace_event& event : log.events) {
    if (event.kind == trace_kind::started) {
      CHECK(started.emplace(event.id, &event).second);
      continue;
    }
    REQUIRE(event.kind == trace_kind::ended);
    const auto found = started.find(event.id);
    REQUIRE(found != started.end());
    CHECK(found->second->pid == event.pid);
    CHECK(found->second->command == event.command);
    CHECK(event.command == to_string(command(child, "exit", event.returncode)));
  }
  CHECK(started.size() == 20);
}

COPROC_TEST("trace: every call that launches is seen, and passes through intercept") {
  event_log log;
  command_log intercepted;
  const auto seen = co_await trace(std::ref(log));
  const auto guard = co_await intercept(std::ref(intercepted));
  strings expected;
  const auto check = [&](const strings& more) {
    expected.insert(expected.end(), more.begin(), more.end());
    strings traced;
    for (const trace_event& event : log.events)
      if (event.kind == trace_kind::started) traced.push_back(plain(event.command));
    CHECK(intercepted.commands == expected);
    CHECK(traced == expected);
  };
  auto process = co_await exec(child, "exit", 1);
  co_await process.wait();
  check({"child exit 1"});
  auto shell = co_await coproc::shell("exit 2");
  co_await shell.wait();
  check({"/bin/sh -c 'exit 2'"});
  (void)co_await capture(child, "exit", 3);
  check({"child exit 3"});
  (void)co_await capture(coproc::shell_command("exit {}", 4));
  check({"/bin/sh -c 'exit 4'"});
  (void)co_await capture(say("5") | command(child, "cat"));
  check({"child say 5", "child cat"});
  auto stages = co_await exec(say("6") | command(child, "cat", std_out = devnull));
  co_await stages.wait();
  check({"child say 6", "child cat"});
  const std::vector<command> one = {command(child, "exit", 7)};
  (void)co_await coproc::gather(one);
  check({"child exit 7"});
  const auto next = [left = 1]() mutable -> asio::awaitable<std::optional<command>> {
    if (left-- == 0) co_return std::nullopt;
    co_return command(child, "exit", 8);
  };
  (void)co_await coproc::gather(next);
  check({"child exit 8"});
  auto results = coproc::as_completed(one);
  (void)co_await results.next();
  check({"child exit 7"});
  (void)co_await capture(child, "exit", 9, retry = coproc::attempts(2, 1ms));
  check({"child exit 9", "child exit 9"});
}

COPROC_TEST("trace: a launch that fails is told of, with its error") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  const auto e = co_await thrown<coproc::launch_error>(exec("/no/such/program", "x"));
  (void)co_await thrown<coproc::launch_error>(capture(child, "exit", 0, cwd = "/no/such/folder"));
  (void)co_await thrown<std::invalid_argument>(exec(command(child, executable = "/bin/sh")));
  REQUIRE(log.events.size() == 3);
  for (const trace_event& event : log.events) {
    CHECK(event.kind == trace_kind::failed);
    CHECK(event.pid == -1);
  }
  CHECK(log.events[0].error == e.what());
  CHECK(log.lines()[0] ==
        "1 - /no/such/program x: not started: /no/such/program: No such file or directory");
  CHECK(log.events[1].error.find("/no/such/folder") != std::string::npos);
  CHECK(log.events[2].id == 3);
}

COPROC_TEST("trace: signals are told of where somebody is there to get them") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  {
    auto process = co_await exec(child, "ignore-term", std_out = piped);
    (void)co_await process.std_out().readline();
    process.send_signal(0);
    process.send_signal(SIGURG);
    process.terminate();
    process.kill();
    co_await process.wait();
    process.kill();
  }
  CHECK(log.lines() == strings{"1 + child ignore-term", "1 ! child ignore-term: SIGURG",
                               "1 ! child ignore-term: SIGTERM", "1 ! child ignore-term: SIGKILL",
                               "1 - child ignore-term: killed by SIGKILL"});
  log.events.clear();
  auto stopped = co_await exec(child, "wait", std_out = piped);
  (void)co_await stopped.std_out().readline();
  co_await stopped.stop();
  CHECK(log.lines() ==
        strings{"2 + child wait", "2 ! child wait: SIGTERM", "2 - child wait: killed by SIGTERM"});
  log.events.clear();
  auto group = co_await exec(child, "wait", std_out = piped, process_group = new_group);
  (void)co_await group.std_out().readline();
  group.terminate();
  co_await group.wait();
  CHECK(log.lines() ==
        strings{"3 + child wait", "3 ! child wait: SIGTERM", "3 - child wait: killed by SIGTERM"});
}

COPROC_TEST("trace: a timeout of capture is told of as what it does") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  (void)co_await thrown<coproc::timeout_error>(capture(child, "wait", timeout = 1ms));
  CHECK(log.lines() ==
        strings{"1 + child wait", "1 ! child wait: SIGTERM", "1 - child wait: killed by SIGTERM"});
}

COPROC_TEST("trace: a child whose end nobody here sees is abandoned, once") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  { auto destroyed = co_await exec(child, "wait", std_out = devnull); }
  CHECK(log.lines() ==
        strings{"1 + child wait", "1 ! child wait: SIGKILL", "1 - child wait: abandoned"});
  log.events.clear();
  {
    auto detached = co_await exec(child, "exit", 0);
    detached.detach();
    co_await detached.wait();
  }
  CHECK(log.lines() == strings{"2 + child exit 0", "2 - child exit 0: exit status 0"});
  log.events.clear();
  {
    auto detached = co_await exec(child, "cat", std_in = piped, std_out = devnull);
    detached.detach();
  }
  CHECK(log.lines() == strings{"3 + child cat", "3 - child cat: abandoned"});
  log.events.clear();
  {
    auto released = co_await exec(child, "wait", std_out = devnull);
    const auto given = released.release();
  }
  CHECK(log.lines() == strings{"4 + child wait", "4 - child wait: abandoned"});
  CHECK(log.events[1].kind == trace_kind::abandoned);
}

COPROC_TEST("trace: an empty function is refused") {
  (void)co_await thrown<std::invalid_argument>(trace(nullptr));
  (void)co_await thrown<std::invalid_argument>(intercept(nullptr));
}

COPROC_TEST("trace: no secret is shown") {
  event_log log;
  strings words;
  const auto seen = co_await trace(std::ref(log));
  (void)co_await capture(child, "exit", 0, coproc::secret("hunter2"));
  const auto guard = co_await intercept([&](command what) {
    words = what.words();
    return what;
  });
  (void)co_await capture(child, "say", coproc::secret("-phunter2"));
  CHECK(words == strings{child, "say", "-phunter2"});
  // Only the program is named by messages.
  CHECK_THROWS_AS(exec(coproc::secret("/no/hunter2"), "x"), std::invalid_argument);
  (void)co_await thrown<coproc::launch_error>(exec("/no/such", coproc::secret("hunter2")));
  const auto nice = co_await intercept([](command what) { return what.reworded("env", what); });
  (void)co_await capture(child, "say", coproc::secret("hunter2"));
  CHECK(log.lines() == strings{"1 + child exit 0 ***", "1 - child exit 0 ***: exit status 0",
                               "2 + child say ***", "2 - child say ***: exit status 0",
                               "3 - /no/such ***: not started: /no/such: No such file or directory",
                               "4 + env child say ***", "4 - env child say ***: exit status 0"});
  for (const trace_event& event : log.events) {
    CHECK(event.command.find("hunter2") == std::string::npos);
    CHECK(event.error.find("hunter2") == std::string::npos);
  }
}

COPROC_TEST("trace: what a handler throws harms nobody, and the others are called") {
  event_log log;
  const auto first = co_await trace(std::ref(log));
  const auto second = co_await trace([](const trace_event&) { throw std::runtime_error("mine"); });
  const auto third = co_await trace([](const trace_event&) { throw 42; });
  const auto done = co_await capture(child, "exit", 0);
  CHECK(done.succeeded());
  { auto destroyed = co_await exec(child, "wait", std_out = devnull); }
  CHECK(log.events.size() == 5);
}

COPROC_TEST("trace: a handler may look at the child, and each event is told once") {
  event_log log;
  coproc::process process;
  const auto last = co_await trace(std::ref(log));
  const auto looks = co_await trace([&](const trace_event& event) {
    if (event.kind != trace_kind::signalled) return;
    // By then it has ended, which is seen here, in the middle of the call that has sent the signal.
    soon([&] { return process.returncode().has_value(); });
  });
  process = co_await exec(child, "wait", std_out = piped);
  (void)co_await process.std_out().readline();
  process.kill();
  CHECK(log.lines() ==
        strings{"1 + child wait", "1 - child wait: killed by SIGKILL", "1 ! child wait: SIGKILL"});
}

COPROC_TEST("trace: the latest comes first, and children from before are not told of") {
  strings called;
  auto before = co_await exec(child, "exit", 0);
  const auto first = co_await trace([&](const trace_event&) { called.push_back("first"); });
  const auto second = co_await trace([&](const trace_event&) { called.push_back("second"); });
  co_await before.wait();
  CHECK(called.empty());
  const auto process = co_await exec(child, "wait", std_out = devnull);
  CHECK(called == strings{"second", "first"});
}

// ---- intercept ----

COPROC_TEST("trace: what an interceptor returns is launched, under the caller's name") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  auto fake = co_await intercept([](command what) {
    return what.reworded("/bin/sh", "-c", "echo fake; echo wrong >&2; exit $CODE");
  });
  const auto done = co_await capture("git", "log", env["CODE"] = 3);
  CHECK(done.out == "fake\n");
  CHECK(done.returncode == 3);
  CHECK(to_string(done.command) == "git log");
  std::string message;
  try {
    done.check();
  } catch (const coproc::exit_error& e) {
    message = e.what();
  }
  CHECK(message == "git log: exit status 3\nwrong");
  CHECK(log.events.at(0).command == "/bin/sh -c 'echo fake; echo wrong >&2; exit $CODE'");
  fake = co_await intercept([](command what) { return what.reworded("/no/such/fake"); });
  const auto e = co_await thrown<coproc::launch_error>(exec("git", "log"));
  CHECK(std::string(e.what()) == "/no/such/fake: No such file or directory");
  fake = co_await intercept([](command) { return command(); });
  (void)co_await thrown<coproc::launch_error>(exec("git", "log"));
}

COPROC_TEST("trace: the latest interceptor comes first, and the next gets what it has made") {
  const auto first = co_await intercept([](command what) { return add_word(what, "first"); });
  const auto second = co_await intercept([](command what) { return add_word(what, "second"); });
  const auto done = co_await capture(child, "args", "own");
  CHECK(done.out == child + "\nown\nsecond\nfirst\n");
}

COPROC_TEST("trace: a guard that goes takes its function with it, in any order") {
  const auto adds = [](const char* word) {
    return intercept([word](command what) { return add_word(what, word); });
  };
  auto first = co_await adds("first");
  auto second = co_await adds("second");
  auto third = co_await adds("third");
  const auto said = []() -> asio::awaitable<std::string> {
    auto done = co_await capture(child, "args");
    co_return done.out.substr(child.size() + 1);
  };
  std::string text = co_await said();
  CHECK(text == "third\nsecond\nfirst\n");
  second = {};
  text = co_await said();
  CHECK(text == "third\nfirst\n");
  first = std::move(third);
  text = co_await said();
  CHECK(text == "third\n");
  first = hook_guard();
  text = co_await said();
  CHECK(text.empty());

  event_log log;
  auto process = co_await exec(child, "wait", std_out = piped);
  auto kept = std::make_shared<int>(0);
  {
    auto seen = co_await trace(std::ref(log));
    const auto holds = [kept](const trace_event&) {};
    auto other = co_await trace(holds);
    process = co_await exec(child, "wait", std_out = piped);
  }
  CHECK(kept.use_count() == 1);
  process.kill();
  co_await process.wait();
  CHECK(log.lines() == strings{"1 + child wait"});
}

COPROC_TEST("trace: what an interceptor throws comes out of the call, and nothing has started") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  const std::set<int> before = open_fds();
  {
    const auto guard = co_await intercept([](command what) -> command {
      throw coproc::launch_error(ENOENT, "fake", "no fake for " + to_string(what));
    });
    const auto e = co_await thrown<coproc::launch_error>(exec(child, "exit", 0, std_out = piped));
    CHECK(e.step() == "fake");
    (void)co_await thrown<coproc::launch_error>(capture(child, "exit", 1));
    (void)co_await thrown<coproc::launch_error>(coproc::shell("exit 2"));
  }
  {
    const auto guard = co_await intercept([](command) -> command { throw std::string("any"); });
    (void)co_await thrown<std::string>(capture(child, "exit", 3));
  }
  CHECK(open_fds() == before);
  CHECK_FALSE(has_children());
  REQUIRE(log.events.size() == 4);
  CHECK(log.lines()[0] == "1 - child exit 0: not started: no fake for child exit 0");
  CHECK(log.lines()[3] == "4 - child exit 3: not started: an exception of another kind");
  const auto done = co_await capture(child, "exit", 0);
  CHECK(done.succeeded());
}

COPROC_TEST("trace: one that throws at a pipeline's second stage takes the first with it") {
  event_log log;
  const auto seen = co_await trace(std::ref(log));
  const auto guard = co_await intercept([](command what) {
    if (what.words().at(1) == "cat") throw std::runtime_error("no cat");
    return what;
  });
  const auto stages = command(child, "wait") | command(child, "cat");
  (void)co_await thrown<std::runtime_error>(capture(stages));
  CHECK_FALSE(has_children());
  const bool rests = co_await eventually(at_rest);
  CHECK(rests);
  const std::set<int> before = open_fds();  // with Asio's own
  (void)co_await thrown<std::runtime_error>(exec(stages));
  CHECK_FALSE(has_children());
  const bool same = co_await eventually([&] { return open_fds() == before; });
  CHECK(same);
  CHECK(log.lines() == strings{"1 + child wait", "2 - child cat: not started: no cat",
                               "1 ! child wait: SIGKILL", "1 - child wait: abandoned",
                               "3 + child wait", "4 - child cat: not started: no cat",
                               "3 ! child wait: SIGKILL", "3 - child wait: abandoned"});
}

COPROC_TEST("trace: a command without keywords has the streams and bounds of the call") {
  const auto guard = co_await intercept([](command what) { return command(what.words()); });
  const auto done = co_await capture(child, "cat", input = "words");
  CHECK(done.out == "words");
  std::string copied;
  const auto copy = [&](std::string_view piece) { copied += piece; };
  (void)co_await capture(child, "say", "words", std_out = coproc::tee(copy));
  CHECK(copied == "words");
  (void)co_await thrown<coproc::limit_error>(capture(child, "say", "words", max_output = 3));
  auto process =
      co_await exec(child, "say", "long line\n", std_out = piped, std_err = to_stdout, limit = 4);
  (void)co_await thrown<coproc::limit_error>(process.std_out().readline());
  const auto all = co_await capture(say("all") | command(child, "cat") | command(child, "cat"));
  CHECK(all.out == "all");
  const auto keep = [&](std::string_view piece) { copied = piece; };
  const auto teed =
      co_await capture(command(say("teed"), std_out = coproc::tee(keep)) | command(child, "cat"));
  CHECK(teed.out == "teed");
  CHECK(copied == "teed");
  // Its other keywords are its own.
  const auto there = co_await capture("pwd", cwd = "/tmp");
  CHECK(there.out != "/tmp\n");
}

COPROC_TEST("trace: an interceptor may change the launch, and streams that nobody here uses") {
  temporary_directory place;
  const auto guard = co_await intercept([&](command what) {
    return command(what, env["ADDED"] = "by it", cwd = place.path, std_err = place.path / "errors");
  });
  auto process = co_await exec("sh", "-c", "echo $ADDED; pwd; echo wrong >&2", std_out = piped);
  const auto written = co_await process.communicate();
  CHECK(written.out == "by it\n" + place.path.string() + '\n');
  CHECK(read_file(place.path / "errors") == "wrong\n");
}

COPROC_TEST("trace: what would break the call is refused, with a sentence") {
  const auto refused = [](command asked, auto change) -> asio::awaitable<std::string> {
    const auto guard = co_await intercept([&](command what) { return command(what, change); });
    const auto e = co_await thrown<std::invalid_argument>(exec(asked));
    CHECK_FALSE(has_children());
    co_return e.what();
  };
  const command quiet(child, "exit", 0), read(child, "exit", 0, std_out = piped);
  const std::string start = "coproc: intercept: '" + to_string(quiet) + "': ";
  std::string text = co_await refused(read, std_out = devnull);
  CHECK(text == start + "std_out is read or written here, and has to stay so");
  text = co_await refused(quiet, std_err = piped);
  CHECK(text == start + "std_err: nobody here would read or write it");
  text = co_await refused(quiet, std_in = terminal);
  CHECK(text == start + "std_in: nobody here would read or write it");
  const std::string stay =
      "input, limit, max_output, timeout, idle_timeout, grace, ok_codes and retry stay those of "
      "the call";
  text = co_await refused(quiet, timeout = 5s);
  CHECK(text == start + stay);
  text = co_await refused(quiet, idle_timeout = 5s);
  CHECK(text == start + stay);
  text = co_await refused(quiet, grace = 5s);
  CHECK(text == start + stay);
  text = co_await refused(quiet, limit = 5);
  CHECK(text == start + stay);
  text = co_await refused(quiet, max_output = 5);
  CHECK(text == start + stay);
  text = co_await refused(quiet, ok_codes = 5);
  CHECK(text == start + stay);
  text = co_await refused(quiet, input = "text");
  CHECK(text == start + stay);
  text = co_await refused(quiet, retry = coproc::attempts(2, 1ms));
  CHECK(text == start + stay);
}

// ---- contexts, threads, the environment ----

COPROC_TEST("trace: two io_contexts do not meet") {
  event_log log;
  command_log intercepted;
  const auto seen = co_await trace(std::ref(log));
  const auto guard = co_await intercept(std::ref(intercepted));
  std::thread other([] {
    CHECK(coproc::run(capture(child, "say", "other")).out == "other");
    event_log its_log;
    test::run([](event_log& its) -> asio::awaitable<void> {
      const auto its_seen = co_await trace(std::ref(its));
      (void)co_await capture(child, "exit", 0);
    }(its_log));
    CHECK(its_log.events.size() == 2);
  });
  other.join();
  CHECK(log.events.empty());
  CHECK(intercepted.commands.empty());
}

TEST_CASE("trace: guards and children may outlive their io_context") {
  event_log log;
  hook_guard seen, guard;
  coproc::process process;
  std::optional<asio::io_context> context(1);
  const auto start = [&]() -> asio::awaitable<void> {
    seen = co_await trace(std::ref(log));
    guard = co_await intercept([](command what) { return what; });
    process = co_await exec(child, "wait", std_out = devnull);
    (void)co_await capture(child, "wait");
  };
  asio::co_spawn(*context, start(), asio::detached);
  CHECK(soon([&] {
    context->poll();
    return log.events.size() == 2;
  }));
  context.reset();
  const strings so_far = {"1 + child wait", "2 + child wait", "2 ! child wait: SIGKILL",
                          "2 - child wait: abandoned"};
  CHECK(log.lines() == so_far);
  guard = {};
  process.kill();
  CHECK(soon([&] { return process.returncode().has_value(); }));
  CHECK(log.events.size() == 6);
  seen = {};
  // The other way round: the guards go first.
  context.emplace(1);
  asio::co_spawn(*context, start(), asio::detached);
  context->poll();
  seen = {};
  guard = {};
  context.reset();
  CHECK(log.events.size() == 8);
}

TEST_CASE("trace: hooks come and go on one thread while others launch") {
  constexpr int workers = 8, each = 40;
  asio::thread_pool pool(4);
  event_log log;
  std::atomic<int> good = 0, intercepted = 0, left = workers;
  const auto launch = [&]() -> asio::awaitable<void> {
    for (int i = 0; i < each; ++i) {
      const auto done = co_await capture(child, "say", "words");
      good += done.out == "words";
    }
    --left;
  };
  const auto toggle = [&]() -> asio::awaitable<void> {
    while (left > 0) {
      auto first = co_await intercept([&](command what) {
        ++intercepted;
        return what;
      });
      auto second = co_await trace(std::ref(log));
      co_await turns(3);
      first = {};
      auto third = co_await trace(std::ref(log));
      co_await turns(3);
    }
  };
  const auto always = asio::co_spawn(pool, trace(std::ref(log)), asio::use_future).get();
  for (int i = 0; i < workers; ++i) asio::co_spawn(pool, launch(), asio::detached);
  for (int i = 0; i < 2; ++i) asio::co_spawn(pool, toggle(), asio::detached);
  pool.join();
  CHECK(good == workers * each);
  CHECK(log.events.size() >= 2 * workers * each);
}

TEST_CASE("trace: a call that goes on while its guard is destroyed keeps its function") {
  asio::thread_pool pool(1);
  std::latch begun(1), destroyed(1);
  auto kept = std::make_shared<std::string>("still here");
  std::string found;
  auto change = [&, kept](command what) {
    begun.count_down();
    destroyed.wait();
    found = *kept;
    return what;
  };
  auto guard = asio::co_spawn(pool, intercept(std::move(change)), asio::use_future).get();
  auto done = asio::co_spawn(pool, capture(child, "exit", 0), asio::use_future);
  begun.wait();
  guard = {};
  destroyed.count_down();
  CHECK(done.get().succeeded());
  CHECK(found == "still here");
  CHECK(asio::co_spawn(pool, capture(child, "exit", 0), asio::use_future).get().succeeded());
  pool.join();
}

namespace {

/// The child of another context, which has gone by the time of its end.
void outlive_a_context() {
  auto left = coproc::run(exec(child, "cat", std_in = piped));
  left.kill();
  CHECK(soon([&] { return left.returncode().has_value(); }));
}

/// What a host with `COPROC_TRACE` launches, in a process of its own.
asio::awaitable<void> traced_work() {
  (void)co_await capture(child, "exit", 3, coproc::secret("hunter2"), "two\nlines\x1b[1m");
  (void)co_await thrown<coproc::launch_error>(exec("/no/such/program", "x"));
  auto process = co_await exec(child, "ignore-term", std_out = piped);
  (void)co_await process.std_out().readline();
  process.terminate();
  process.kill();
  co_await process.wait();
  { auto destroyed = co_await exec(child, "wait", std_out = devnull); }
  const auto guard = co_await intercept([](command what) { return what.reworded("true"); });
  std::thread(outlive_a_context).join();
  const auto done = co_await capture("git", "log");
  CHECK(done.succeeded());
}

}  // namespace

TEST_CASE("trace: COPROC_TRACE=1 writes each event as a line to stderr by one write") {
  if (in_own_process()) return test::run(traced_work());
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ==
          0);  // keeps writes apart
  const auto done =
      coproc::run(capture(this_case_in_own_process(), env["COPROC_TRACE"] = 1, std_err = ends[1]));
  ::close(ends[1]);
  CHECK(done.out.find("All tests passed") != std::string::npos);
  strings lines;
  char bytes[4096];
  for (ssize_t size; (size = ::read(ends[0], bytes, sizeof bytes)) > 0;)
    lines.emplace_back(bytes, static_cast<std::size_t>(size));
  ::close(ends[0]);
  REQUIRE(lines.size() > 0);
  const std::string first = std::regex_replace(lines[0], std::regex("[0-9]+\\)"), "N)");
  CHECK(first == "+ " + child + " exit 3 *** 'two\\x0alines\\x1b[1m'  (pid N)\n");
  for (std::string& line : lines) line = plain(line);
  CHECK(lines ==
        strings{"+ child exit 3 *** 'two\\x0alines\\x1b[1m'\n",
                "- child exit 3 *** 'two\\x0alines\\x1b[1m': exit status 3\n",
                "- /no/such/program x: not started: /no/such/program: No such file or directory\n",
                "+ child ignore-term\n", "! child ignore-term: SIGTERM\n",
                "! child ignore-term: SIGKILL\n", "- child ignore-term: killed by SIGKILL\n",
                "+ child wait\n", "! child wait: SIGKILL\n", "- child wait: abandoned\n",
                "+ child cat\n", "! child cat: SIGKILL\n", "- child cat: killed by SIGKILL\n",
                "+ true\n", "- true: exit status 0\n"});
}

TEST_CASE("trace: without COPROC_TRACE or with 0 nothing is written") {
  if (in_own_process()) return test::run(traced_work());
  const command work = this_case_in_own_process();
  for (const command& off :
       {command(work, env["COPROC_TRACE"] = coproc::unset), command(work, env["COPROC_TRACE"] = ""),
        command(work, env["COPROC_TRACE"] = 0)}) {
    const auto done = coproc::run(capture(off));
    CHECK(done.out.find("All tests passed") != std::string::npos);
    CHECK(done.err.empty());
  }
}

}  // namespace trace_tests
