// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <fstream>

#include "support.hpp"

namespace capture_tests {

using namespace test;
using coproc::capture;
using coproc::command;

namespace {

/// A line of /proc/self/status.
std::size_t kib_of(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == name + ":") {
      std::size_t kib = 0;
      status >> kib;
      return kib;
    }
  return 0;
}

}  // namespace

COPROC_TEST("capture: both outputs, the returncode, and why it ended", "[posix]") {
  auto done = co_await capture(child, "say", "to out", "to err");
  CHECK(done.out == "to out");
  CHECK(done.err == "to err");
  CHECK(done.returncode == 0);
  CHECK(done.why == coproc::end_reason::exited);
  CHECK(done.command.words().at(1) == "say");
  CHECK(done.elapsed > 0ns);
  CHECK_FALSE(done.pipe_still_open);
  CHECK(static_cast<bool>(done));
  auto killed = co_await capture(child, "signal", SIGKILL);
  CHECK(killed.returncode == -SIGKILL);
  CHECK(killed.why == coproc::end_reason::signalled);
  CHECK_FALSE(killed);
}

COPROC_TEST("capture: stdin is empty unless there is input") {
  auto empty = co_await capture(child, "cat");
  CHECK(empty.out.empty());
  CHECK(empty.returncode == 0);
  auto fed = co_await capture(child, "cat", input = std::string("a\0b", 3));
  CHECK(fed.out == std::string("a\0b", 3));
}

COPROC_TEST("capture: std_in = piped without input is refused") {
  (void)co_await thrown<std::invalid_argument>(capture(child, "cat", std_in = piped));
}

COPROC_TEST("capture: outputs go where the keywords say") {
  temporary_directory place;
  const auto file = place.path / "out";
  auto done = co_await capture(child, "say", "one", "two", std_out = file);
  CHECK(done.out.empty());
  CHECK(done.err == "two");
  CHECK(read_file(file) == "one");
  auto merged = co_await capture(child, "say", "one", "two", std_err = to_stdout);
  CHECK(merged.out == "onetwo");
}

COPROC_TEST("capture: usage has CPU time and peak memory", "[posix]") {
  auto busy = co_await capture(child, "burn", 60);
  CHECK(busy.usage.user + busy.usage.system >= 60ms);
  CHECK(busy.elapsed >= 60ms);
  auto large = co_await capture(child, "memory", 64);
  CHECK(large.usage.peak_rss >= 64u << 20);
  CHECK(large.usage.peak_rss < 4096ull << 20);
}

COPROC_TEST("capture: check throws exit_error with the command, the status and the end of stderr",
            "[posix]") {
  auto done =
      co_await capture("sh", "-c", "echo lost >&2; printf 'the reason\\033[0m\\n' >&2; exit 3");
  try {
    done.check();
    FAIL("no exception");
  } catch (const coproc::exit_error& e) {
    const std::string text = e.what();
    CHECK(text.find("sh -c 'echo lost") == 0);
    CHECK(text.find("exit status 3") != std::string::npos);
    CHECK(text.find("the reason\\x1b[0m") != std::string::npos);
    CHECK(e.returncode() == 3);
    CHECK(e.code().value() == 3);
    CHECK(e.err().size() == done.err.size());
  }
}

COPROC_TEST("capture: check gives the result itself, also of a temporary") {
  auto text = (co_await capture(child, "say", "yes")).check().out;
  CHECK(text == "yes");
}

COPROC_TEST("capture: ok_codes say what success is") {
  auto one = co_await capture(child, "exit", 1, ok_codes = 1);
  CHECK(one.succeeded());
  const std::vector<int> codes(1, 7);
  auto seven = co_await capture(child, "exit", 7, ok_codes = codes);
  CHECK(seven.succeeded());
  auto none = co_await capture(child, "exit", 0, ok_codes = codes);
  CHECK_FALSE(none.succeeded());
}

COPROC_TEST("capture: messages show only the last lines of stderr, and no secret", "[posix]") {
  auto done = co_await capture("sh", "-c", "seq 1 100 >&2; exit 1", coproc::secret("hunter2"));
  const std::string text = [&] {
    try {
      done.check();
    } catch (const coproc::exit_error& e) {
      return std::string(e.what());
    }
    return std::string();
  }();
  CHECK(text.find("\n100") != std::string::npos);
  CHECK(text.find("\n91\n") != std::string::npos);
  CHECK(text.find("\n90\n") == std::string::npos);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("***") != std::string::npos);
}

COPROC_TEST("capture: a message has the end of stderr though max_output has cut it off",
            "[posix]") {
  auto done = co_await capture("sh", "-c", "seq 1 5000 >&2; echo the reason >&2; exit 1",
                               max_output = cut(10));
  CHECK(done.err == "1\n2\n3\n4\n5\n");
  std::string text;
  try {
    done.check();
  } catch (const coproc::exit_error& e) {
    text = e.what();
  }
  CHECK(text.ends_with("5000\nthe reason"));
}

COPROC_TEST("capture: a timeout stops the child and keeps what it has written") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "ready\n", [](std::chrono::milliseconds within) {
    return capture(child, "wait", timeout = within, grace = 1h);  // never used up
  });
  CHECK(e.out() == "ready\n");
  CHECK(e.elapsed() >= time);
  CHECK_FALSE(has_children());
  auto half = co_await thrown<coproc::timeout_error>(capture(child, "wait", timeout = 500ms));
  CHECK(std::string(half.what()).find("timed out after 0.5 s") != std::string::npos);
}

COPROC_TEST("capture: after a timeout SIGTERM comes first, and its words are kept", "[posix]") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "ready\n", [](std::chrono::milliseconds within) {
    return capture(child, "on-term", 0, timeout = within, grace = 1h);
  });
  CHECK(e.out() == "ready\nterm\n");
}

COPROC_TEST("capture: who ignores SIGTERM gets SIGKILL after the grace", "[posix]") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "ready\n", [](std::chrono::milliseconds within) {
    return capture(child, "ignore-term", timeout = within, grace = 100ms);
  });
  CHECK(e.elapsed() >= time + 100ms);
  CHECK_FALSE(has_children());
}

COPROC_TEST("capture: a timeout reaches the whole group", "[posix]") {
  auto time = 200ms;
  auto e = co_await timed_out(time, "\n", [](std::chrono::milliseconds within) {
    return capture("sh", "-c", "sleep 1000 | sleep 1000 & echo $!; wait", process_group = new_group,
                   timeout = within);
  });
  const int grandchild = std::atoi(e.out().c_str());
  REQUIRE(grandchild > 0);
  const bool gone = co_await eventually([&] {
    // Nobody may reap it here, in a container without an init: dead is enough.
    const std::string stat = read_file("/proc/" + std::to_string(grandchild) + "/stat");
    return stat.empty() || stat.find(") Z ") != std::string::npos;
  });
  CHECK(gone);
}

COPROC_TEST("capture: idle_timeout ends a child that has gone silent", "[posix]") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "ready\n", [](std::chrono::milliseconds within) {
    return capture(child, "wait", idle_timeout = within);
  });
  CHECK(e.out() == "ready\n");
  auto tenth = co_await thrown<coproc::timeout_error>(capture(child, "wait", idle_timeout = 100ms));
  CHECK(std::string(tenth.what()).find("wrote nothing for 0.1 s") != std::string::npos);
  auto talkative = co_await capture(
      "sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.05; done", idle_timeout = patience);
  CHECK(talkative.out == "1\n2\n3\n4\n5\n6\n");
}

COPROC_TEST("capture: max_output fails with the first bytes and stops the child") {
  auto e = co_await thrown<coproc::limit_error>(capture(child, "flood", max_output = 1000));
  CHECK(e.out() == std::string(1000, 'y'));
  CHECK(e.reached() == 1000);
  CHECK_FALSE(has_children());
  auto exact = co_await capture(child, "fill", 1, 1000, max_output = 1000);
  CHECK(exact.out.size() == 1000);
}

COPROC_TEST("capture: cut keeps the first bytes, and the child runs to its end", "[posix]") {
  auto done =
      co_await capture("sh", "-c", "seq 1 100000; echo all >&2; exit 4", max_output = cut(9));
  CHECK(done.out == "1\n2\n3\n4\n5");
  CHECK(done.out_dropped == 588895 - 9);
  CHECK(done.err == "all\n");
  CHECK(done.err_dropped == 0);
  CHECK(done.returncode == 4);
}

COPROC_TEST("capture: head_and_tail keeps both ends and counts what is between", "[posix]") {
  auto done = co_await capture("seq", 1, 100000, max_output = head_and_tail(24));
  CHECK(done.out == "1\n2\n3\n4\n5\n6\n9999\n100000\n");
  CHECK(done.out_dropped == 588895 - 24);
  auto small = co_await capture("seq", 1, 5, max_output = head_and_tail(24));
  CHECK(small.out == "1\n2\n3\n4\n5\n");
  CHECK(small.out_dropped == 0);
}

COPROC_TEST("capture: a grandchild that keeps the pipe does not keep the capture") {
  auto done = co_await capture(child, "grandchild");
  CHECK(done.returncode == 0);
  CHECK(done.pipe_still_open);
  const int grandchild = std::atoi(done.out.c_str());
  REQUIRE(grandchild > 0);
  ::kill(grandchild, SIGKILL);
}

COPROC_TEST("capture: a grandchild that writes on is heard until it is silent, or time is up") {
  const bool heard = co_await sooner_or_later([]() -> asio::awaitable<bool> {
    auto done = co_await capture(child, "late-grandchild", 5);
    CHECK(done.pipe_still_open);
    ::kill(std::atoi(done.out.c_str()), SIGKILL);
    co_return done.out.find("late 4\n") != std::string::npos;
  });
  CHECK(heard);
  const bool ended_in_time =
      co_await in_some_time(400ms, [](std::chrono::milliseconds within) -> asio::awaitable<bool> {
        try {
          auto endless = co_await capture(child, "late-grandchild", 100000, timeout = within);
          CHECK(endless.pipe_still_open);
          CHECK(endless.elapsed < patience);
          CHECK(endless.returncode == 0);
          ::kill(std::atoi(endless.out.c_str()), SIGKILL);
          co_return true;
        } catch (const coproc::timeout_error& e) {  // which it could not end in
          if (!e.out().empty()) ::kill(std::atoi(e.out().c_str()), SIGKILL);
        }
        co_return false;
      });
  CHECK(ended_in_time);
}

COPROC_TEST("capture: a cancellation ends the child and gives its output", "[posix]") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "ready\n", [](std::chrono::milliseconds within) {
    return coproc::wait_for(capture(child, "on-term", 0, grace = 1h), within);
  });
  CHECK(e.out() == "ready\nterm\n");
  CHECK_FALSE(has_children());
}

COPROC_TEST("capture: tee copies the output as it comes", "[posix]") {
  std::ostringstream copy;
  auto done = co_await capture("seq", 1, 3, std_out = tee(copy));
  CHECK(copy.str() == "1\n2\n3\n");
  CHECK(done.out == copy.str());
}

COPROC_TEST("capture: tee_lines calls once for each line", "[posix]") {
  std::vector<std::string> lines;
  auto add = [&](std::string_view line) { lines.emplace_back(line); };
  auto done = co_await capture("printf", "one\n\nthree", std_out = tee_lines(add));
  const std::vector<std::string> expected{"one", "", "three"};
  CHECK(lines == expected);
  CHECK(done.out == "one\n\nthree");
}

COPROC_TEST("capture: a tee that takes its time gives the event loop back all the while") {
  int turns = 0, first_turn = -1;
  bool done = false;
  const auto slow = [&](std::string_view) {
    if (first_turn < 0) first_turn = turns;
    const auto end = std::chrono::steady_clock::now() + 1ms;
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  const auto count_turns = [&]() -> asio::awaitable<void> {
    while (!done) {
      co_await asio::post(asio::use_awaitable);
      ++turns;
    }
  };
  beside<void> counting(co_await asio::this_coro::executor, count_turns());
  co_await coproc::capture(child, "lines", 1000, std_out = coproc::tee_lines(slow));
  done = true;
  co_await counting.result();
  CHECK(turns - first_turn > 50);  // a second of work
}

COPROC_TEST("capture: a tee whose stream fails is an error when all is done", "[posix]") {
  std::ofstream full("/dev/full");
  const auto e = co_await thrown<coproc::error>(
      coproc::capture(child, "say", "words", std_out = coproc::tee(full)));
  CHECK(e.code() == boost::system::errc::io_error);
  CHECK(e.out() == "words");
  CHECK(std::string(e.what()).find("tee: the stream that gets stdout has failed") !=
        std::string::npos);
  auto process = co_await coproc::exec(child, "say", "words", std_out = coproc::tee_lines(full));
  const auto from_communicate = co_await thrown<coproc::error>(process.communicate());
  CHECK(from_communicate.out() == "words");
  CHECK(process.returncode() == 0);
}

COPROC_TEST("capture: a tee that waits makes the child wait, and the other stream is whole") {
  std::size_t seen = 0;
  auto slow = [&](std::string_view text) -> asio::awaitable<void> {
    asio::steady_timer pause(co_await asio::this_coro::executor, 1ms);
    co_await pause.async_wait(asio::use_awaitable);
    seen += text.size();
  };
  auto done = co_await capture(child, "fill", 1, 3000000, std_out = tee(slow));
  CHECK(seen == 3000000);
  CHECK(done.out.size() == 3000000);
}

COPROC_TEST("capture: an exception of a tee ends the child and comes out", "[posix]") {
  auto bad = [](std::string_view) { throw std::runtime_error("tee"); };
  auto e = co_await thrown<std::runtime_error>(
      capture("sh", "-c", "echo x; exec sleep 1000", std_out = tee(bad)));
  CHECK(std::string(e.what()) == "tee");
  CHECK_FALSE(has_children());
}

COPROC_TEST("capture: tee with max_output sees everything", "[posix]") {
  std::size_t seen = 0;
  auto count = [&](std::string_view text) { seen += text.size(); };
  auto done =
      co_await capture("seq", 1, 100000, std_out = tee(count), max_output = head_and_tail(100));
  CHECK(seen == 588895);
  CHECK(done.out.size() == 100);
}

COPROC_TEST("capture: gather takes commands") {
  std::vector<command> commands;
  for (int i = 0; i < 20; ++i) commands.emplace_back(child, "exit", i);
  auto results = co_await coproc::gather(commands, concurrency = 4);
  REQUIRE(results.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(results[static_cast<std::size_t>(i)].returncode == i);
  commands.emplace_back("no-such-program");
  auto outcomes = co_await coproc::gather(commands, return_exceptions = true);
  CHECK(outcomes.at(3)->returncode == 3);
  CHECK_FALSE(outcomes.at(20).has_value());
}

COPROC_TEST("capture: 256 MiB need hardly more memory than that", "[posix]") {
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
  const std::size_t before = kib_of("VmRSS");
  auto done = co_await capture("/bin/sh", "-c", "head -c 268435456 /dev/zero");
  const std::size_t most = kib_of("VmHWM") - before;
  CHECK(done.out.size() == 256u << 20);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(most < 290u << 10);
#else
  CHECK(most > 0);
#endif
  CHECK((done.out == std::string(done.out.size(), '\0')));
}

COPROC_TEST("capture: launch errors come through") {
  auto e = co_await thrown<coproc::launch_error>(capture("no-such-program"));
  CHECK(e.code() == boost::system::errc::no_such_file_or_directory);
}

COPROC_TEST("capture: a grandchild that writes for ever does not keep a timed-out capture",
            "[posix]") {
  const bool ended =
      co_await in_some_time(300ms, [](std::chrono::milliseconds within) -> asio::awaitable<bool> {
        auto e = co_await thrown<coproc::timeout_error>(capture(
            "sh", "-c", "(while :; do echo x; sleep 0.05; done) & echo $! >&2; exec sleep 1000",
            timeout = within, grace = 300ms));
        CHECK(e.elapsed() < patience);
        const int writer = std::atoi(e.err().c_str());
        if (writer <= 0) co_return false;  // it has not come to that
        ::kill(writer, SIGKILL);
        co_return true;
      });
  CHECK(ended);
}

COPROC_TEST("capture: a child that writes a lot on SIGTERM is read while it is being stopped",
            "[posix]") {
  bool ready = false;
  beside<coproc::completed> running(
      co_await asio::this_coro::executor,
      capture(
          "sh", "-c",
          "trap 'head -c 1000000 /dev/zero; exit 5' TERM; echo ready; while :; do sleep 0.01; done",
          std_out = tee([&](std::string_view) { ready = true; }), grace = 10h));
  const bool came = co_await eventually([&] { return ready; });
  CHECK(came);
  running.cancel();
  auto e = co_await thrown<coproc::cancelled_error>(running.result());  // the watchdog is faster
  CHECK(e.out().size() == 6 + 1000000);
}

namespace {

asio::awaitable<void> for_ever(std::string_view) {
  asio::steady_timer never(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  co_await never.async_wait(asio::use_awaitable);
}

}  // namespace

COPROC_TEST("capture: a tee that waits for ever does not keep a timeout from coming", "[posix]") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "all of it", [](std::chrono::milliseconds within) {
    return capture(child, "say", "all of it", "", std_out = tee(for_ever), timeout = within,
                   grace = 200ms);
  });
  CHECK(e.out() == "all of it");
  auto running = co_await timed_out(time, "x\n", [](std::chrono::milliseconds within) {
    return capture("sh", "-c", "echo x; exec sleep 1000", std_out = tee(for_ever), timeout = within,
                   grace = 200ms);
  });
  CHECK(running.out() == "x\n");
  CHECK_FALSE(has_children());
}

COPROC_TEST("capture: a tee that waits is cancelled with its capture", "[posix]") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "x\n", [](std::chrono::milliseconds within) {
    return coproc::wait_for(capture("sh", "-c", "echo x; exec sleep 1000",
                                    std_out = tee_lines(for_ever), grace = 200ms),
                            within);
  });
  CHECK(e.out() == "x\n");
  CHECK_FALSE(has_children());
}

COPROC_TEST("capture: the time that a tee takes is no silence of the child") {
  int calls = 0;
  const bool came =
      co_await in_some_time(100ms, [&](std::chrono::milliseconds time) -> asio::awaitable<bool> {
        auto slow = [&](std::string_view) -> asio::awaitable<void> {
          ++calls;
          asio::steady_timer pause(co_await asio::this_coro::executor, 2 * time);
          co_await pause.async_wait(asio::use_awaitable);
        };
        try {
          auto done =
              co_await capture(child, "say", "x", "", std_out = tee(slow), idle_timeout = time);
          CHECK(done.out == "x");
        } catch (const coproc::timeout_error&) {
          if (calls != 0) throw;
          co_return false;  // it was silent before it wrote
        }
        co_return true;
      });
  CHECK(came);
  CHECK(calls == 1);
}

COPROC_TEST("capture: tee_lines has every line whole, whatever max_output drops", "[posix]") {
  std::string all;
  for (int i = 1; i <= 50000; ++i) all += std::to_string(i) + '\n';
  for (const auto& bound : {cut(10), cut(1000), head_and_tail(11), head_and_tail(100000), cut(0)}) {
    std::string copy;
    auto add = [&](std::string_view line) { (copy += line) += '\n'; };
    auto done = co_await capture("seq", 1, 50000, std_out = tee_lines(add), max_output = bound);
    CHECK(done.out.size() == bound.bytes);
    CHECK(done.out_dropped == all.size() - bound.bytes);
    CHECK(copy == all);
  }
}

COPROC_TEST("capture: tee_lines gives a line without an end in pieces", "[posix]") {
  std::size_t bytes = 0, longest = 0;
  auto add = [&](std::string_view piece) {
    bytes += piece.size();
    longest = std::max(longest, piece.size());
  };
  auto done = co_await capture("head", "-c", 100000000, "/dev/zero", std_out = tee_lines(add),
                               max_output = cut(100));
  CHECK(done.out.size() == 100);
  CHECK(bytes == 100000000);
  CHECK(longest < 50000000);
}

COPROC_TEST("capture: the message of a silent child says so, however long it took to end",
            "[posix]") {
  const bool silent =
      co_await in_some_time(100ms, [](std::chrono::milliseconds time) -> asio::awaitable<bool> {
        auto e = co_await thrown<coproc::timeout_error>(capture(
            child, "ignore-term", idle_timeout = time, timeout = 3 * time, grace = 5 * time));
        // It may have been ready too late to be silent before its time was up, or to ignore
        // anything.
        if (e.out() != "ready\n" || e.elapsed() < 6 * time) co_return false;
        co_return std::string(e.what()).find("wrote nothing for") != std::string::npos;
      });
  CHECK(silent);
}

COPROC_TEST("capture: a grandchild that writes for ever does not keep it", "[posix]") {
  const auto done = co_await capture(
      "sh", "-c", "(while :; do echo more || exit; sleep 0.01; done) & echo done; exit 3",
      grace = 300ms);
  CHECK(done.returncode == 3);
  CHECK(done.pipe_still_open);
  CHECK(done.out.find("done\n") != std::string::npos);
}

COPROC_TEST("capture: input beside another stdin is refused") {
  const auto e =
      co_await thrown<std::invalid_argument>(capture(child, "cat", input = "x", std_in = devnull));
  CHECK(std::string(e.what()).find("std_in and input") != std::string::npos);
  const auto done = co_await capture(child, "cat", input = "x", std_in = piped);
  CHECK(done.out == "x");
}

COPROC_TEST("capture: any duration is a timeout") {
  auto done = co_await capture(child, "say", "x", "", timeout = std::chrono::hours::max(),
                               idle_timeout = 1.5min, grace = 0.5s);
  CHECK(done.out == "x");
}

namespace {

asio::awaitable<void> at_once(std::string_view) { co_return; }

}  // namespace

COPROC_TEST("capture: a timeout comes through a flood on both outputs, with a tee that is awaited",
            "[posix]") {
  for (int i = 0; i < 5; ++i) {
    auto e = co_await thrown<coproc::timeout_error>(coproc::wait_for(
        capture("sh", "-c", "(while :; do echo e >&2; sleep 0.003; done) & exec yes",
                process_group = new_group, max_output = cut(1000), std_err = tee(at_once),
                timeout = 200ms, grace = 100ms),
        patience));
    CHECK(std::string(e.what()).ends_with("timed out after 0.2 s"));
  }
  CHECK_FALSE(has_children());
}

COPROC_TEST("capture: a second cancellation is seen though the child floods its output",
            "[posix]") {
  bool ready = false;
  beside<coproc::completed> running(
      co_await asio::this_coro::executor,
      capture("sh", "-c", "trap '' TERM; echo ready >&2; exec yes", grace = 1h,
              max_output = cut(1000), std_err = tee([&](std::string_view) { ready = true; })));
  const bool came = co_await eventually([&] { return ready; });
  CHECK(came);
  co_await cancel_twice(running);
}

COPROC_TEST("capture: a tee that throws while the child is stopped takes nothing from the error",
            "[posix]") {
  bool stopping = false;
  auto bad = [&](std::string_view) {
    if (stopping) throw std::runtime_error("tee");
    stopping = true;
  };
  // A second SIGTERM would show as a second line, since the child gives it the time; to wait for
  // the grace would take as long as that.
  auto time = 200ms;
  auto e = co_await timed_out(time, "one\n", [&](std::chrono::milliseconds within) {
    stopping = false;
    return capture(
        "sh", "-c",
        "trap 'echo more; sleep 0.2; exit 3' TERM; echo one; while :; do sleep 0.01; done",
        std_out = tee(bad), timeout = within, grace = 10h);
  });
  CHECK(e.out() == "one\nmore\n");
}

COPROC_TEST("capture: each error says why it ended, how long it took, and what the child used",
            "[posix]") {
  const auto full = [](const coproc::error& e, coproc::end_reason why) {
    CHECK(e.why() == why);
    CHECK(e.elapsed() > 0ns);
    CHECK(e.usage().peak_rss > 0);
  };
  full(co_await thrown<coproc::timeout_error>(capture(child, "wait", timeout = 50ms)),
       coproc::end_reason::timed_out);
  full(co_await thrown<coproc::timeout_error>(coproc::wait_for(capture(child, "wait"), 50ms)),
       coproc::end_reason::timed_out);
  full(co_await thrown<coproc::limit_error>(capture(child, "flood", max_output = 10)),
       coproc::end_reason::output_limit);
  beside<coproc::completed> running(co_await asio::this_coro::executor, capture(child, "wait"));
  co_await turns(5);
  running.cancel();
  full(co_await thrown<coproc::cancelled_error>(running.result()), coproc::end_reason::cancelled);
  const auto failed = co_await capture(child, "exit", 3);
  try {
    failed.check();
    FAIL("no exception");
  } catch (const coproc::exit_error& e) {
    full(e, coproc::end_reason::exited);
  }
}

}  // namespace capture_tests
