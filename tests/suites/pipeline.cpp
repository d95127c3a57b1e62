// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "support.hpp"

#include <iostream>

namespace pipeline_tests {

using namespace test;
using coproc::capture;
using coproc::command;
using coproc::exec;

COPROC_TEST("pipeline: bytes go from child to child, and every code is there") {
  auto done = co_await capture(command(child, "fill", 1, 5000000) | command(child, "cat") |
                               command("wc", "-c"));
  CHECK(done.out == "5000000\n");
  CHECK(done.returncode == 0);
  REQUIRE(done.stages.size() == 3);
  CHECK(done.stages[0].returncode == 0);
  CHECK(done.stages[2].usage.peak_rss > 0);
  CHECK(static_cast<bool>(done));
}

COPROC_TEST("pipeline: the same as the shell's, on real programs and binary data") {
  temporary_directory place;
  const auto file = (place.path / "data.gz").string();
  auto made = co_await coproc::shell("head -c 300000 /dev/urandom | gzip > {}", file);
  const int status = co_await made.wait();
  REQUIRE(status == 0);
  auto ours = co_await capture(command("zcat", file) | command("od", "-An", "-tx1", "-w4") |
                               command("sort") | command("uniq", "-c") | command("head", "-n", 50));
  auto shell = co_await capture(
      "sh", "-c", "zcat \"$0\" | od -An -tx1 -w4 | sort | uniq -c | head -n 50", file);
  CHECK(ours.out == shell.out);
  CHECK(ours.returncode == 0);
  auto binary = co_await capture(command("zcat", file) | command("cat"));
  auto direct = co_await capture("zcat", file);
  CHECK(binary.out == direct.out);
  CHECK(binary.out.size() == 300000);
}

COPROC_TEST("pipeline: its returncode is the last that is not 0") {
  auto first = co_await capture(command(child, "exit", 3) | command(child, "cat"));
  CHECK(first.returncode == 3);
  auto both = co_await capture(command(child, "exit", 3) | command(child, "exit", 4) |
                               command(child, "cat"));
  CHECK(both.returncode == 4);
  CHECK(both.stages[0].returncode == 3);
  auto e = [&]() -> std::optional<coproc::exit_error> {
    try {
      both.check();
    } catch (const coproc::exit_error& error) {
      return error;
    }
    return std::nullopt;
  }();
  REQUIRE(e.has_value());
  CHECK(e->returncode() == 4);
}

COPROC_TEST("pipeline: a writer whose reader has had enough is a success") {
  auto done = co_await capture(command("yes") | command("head", "-n", 1));
  CHECK(done.out == "y\n");
  CHECK(done.returncode == 0);
  CHECK(done.stages[0].returncode == -SIGPIPE);
  auto last = co_await capture(command("true") | command(child, "signal", SIGPIPE));
  CHECK(last.returncode == -SIGPIPE);
}

COPROC_TEST("pipeline: stderr of each stage is its own") {
  auto done = co_await capture(command(child, "say", "x", "one") |
                               command("sh", "-c", "cat; echo two >&2"));
  CHECK(done.out == "x");
  CHECK(done.stages[0].err == "one");
  CHECK(done.stages[1].err == "two\n");
}

COPROC_TEST("pipeline: a stage that cannot start takes the others with it") {
  co_await capture(child, "exit", 0);  // the io_context makes its own descriptors at the first wait
  const auto before = open_fds();
  auto e = co_await thrown<coproc::launch_error>(
      capture(command("yes") | command(child, "cat") | command("no-such-program")));
  CHECK(std::string(e.what()).find("no-such-program") == 0);
  CHECK_FALSE(has_children());
  auto e2 = co_await thrown<coproc::launch_error>(
      exec(command("yes") | command("no-such-program") | command(child, "cat")));
  CHECK(e2.step() == "exec");
  CHECK_FALSE(has_children());
  const bool closed = co_await eventually([&] { return open_fds() == before; });
  CHECK(closed);
}

COPROC_TEST("pipeline: streams from its ends, and nothing of the inner ones here") {
  co_await capture(child, "exit", 0);
  const auto before = open_fds();
  auto running = co_await exec(command(child, "cat", std_in = piped) | command(child, "cat") |
                               command("tr", "a-z", "A-Z", std_out = piped));
  CHECK(open_fds().size() == before.size() + 5);  // two ends and three pidfds
  CHECK_FALSE(running.returncode().has_value());
  co_await running.std_in().write("hello\n");
  running.std_in().close();
  auto text = co_await running.std_out().read();
  CHECK(text == "HELLO\n");
  const int status = co_await running.wait();
  CHECK(status == 0);
  CHECK(running.returncode() == 0);
}

COPROC_TEST("pipeline: input, tee and limits of its commands hold") {
  std::string copy;
  auto keep = [&](std::string_view text) { copy += text; };
  auto done = co_await capture(command(child, "cat", input = "some words") |
                               command("tr", "a-z", "A-Z", std_out = tee(keep)));
  CHECK(done.out == "SOME WORDS");
  CHECK(copy == done.out);
  (void)co_await thrown<coproc::limit_error>(
      capture(command("yes") | command(child, "cat", max_output = 100)));
  CHECK_FALSE(has_children());
}

COPROC_TEST("pipeline: a timeout of one stage ends all") {
  auto time = 100ms;
  auto e = co_await timed_out(time, "ready\n", [](std::chrono::milliseconds within) {
    return capture(command(child, "wait") | command(child, "cat", timeout = within));
  });
  CHECK(e.out() == "ready\n");
  CHECK_FALSE(has_children());
}

COPROC_TEST("pipeline: stop and destruction leave nothing") {
  {
    auto running = co_await exec(command("yes") | command(child, "cat", std_out = devnull));
    const int status = co_await running.stop();
    CHECK(status != 0);
    auto other = co_await exec(command("yes") | command(child, "cat", std_out = devnull));
  }
  const bool gone = co_await eventually([] { return !has_children(); });
  CHECK(gone);
}

COPROC_TEST("pipeline: a keyword for a joined stream is refused before anything starts") {
  auto e = co_await thrown<std::invalid_argument>(
      capture(command("yes", std_out = "/dev/null") | command(child, "cat")));
  CHECK(std::string(e.what()).find("std_out of 'yes'") != std::string::npos);
  (void)co_await thrown<std::invalid_argument>(
      exec(command("yes") | command(child, "cat", std_in = devnull)));
  CHECK_FALSE(has_children());
}

TEST_CASE("pipeline: prints as one would type it, and joins in any order") {
  const auto a = command("a", "b c") | (command("d") | command("e"));
  CHECK(coproc::to_string(a) == "a 'b c' | d | e");
  CHECK(to_string(a | a) == "a 'b c' | d | e | a 'b c' | d | e");
}

COPROC_TEST("pipeline: it has succeeded where its stages have, by what their ok_codes say") {
  const auto good =
      co_await coproc::capture(command(child, "exit", 3, ok_codes = 3) | command(child, "exit", 0));
  CHECK(good.succeeded());
  CHECK(good);
  CHECK(good.returncode == 3);
  (void)good.check();
  const auto bad =
      co_await coproc::capture(command(child, "exit", 0, ok_codes = 3) | command(child, "exit", 0));
  CHECK_FALSE(bad);
  CHECK_THROWS_AS(bad.check(), coproc::exit_error);
}

COPROC_TEST("pipeline: stop takes any duration, the longest as well") {
  const auto two = command(child, "wait") | command(child, "wait");
  auto first = co_await coproc::exec(two);
  int code = co_await first.stop(std::chrono::hours::max());
  CHECK(code == -SIGTERM);
  auto second = co_await coproc::exec(two);
  code = co_await second.stop(0.5min);
  CHECK(code == -SIGTERM);
}

COPROC_TEST("pipeline: keywords behind it are for its ends, or for the whole") {
  const auto both = command("sort", env["A"] = "own") | command("sh", "-c", "cat; echo $A >&2");
  auto running = co_await exec(both, std_in = piped, std_out = piped, std_err = devnull);
  co_await running.std_in().write("b\na\n");
  running.std_in().close();
  const std::string text = co_await running.std_out().read();
  CHECK(text == "a\nb\n");
  const int code = co_await running.wait();
  CHECK(code == 0);
  const auto done = co_await capture(both, input = "2\n1\n", env["A"] = "given", cwd = "/");
  CHECK(done.out == "1\n2\n");
  CHECK(done.stages[1].err == "given\n");
  const auto waits = command(child, "wait") | command(child, "cat");
  const auto late = co_await thrown<coproc::timeout_error>(capture(waits, timeout = 20ms));
  CHECK(std::string(late.what()).starts_with(to_string(waits) + ": in "));
  CHECK_FALSE(has_children());
  auto e = co_await thrown<std::invalid_argument>(capture(both, retry = attempts(2)));
  CHECK(std::string(e.what()).find("retry") != std::string::npos);
}

COPROC_TEST("pipeline: what flows from stage to stage is copied by a tee") {
  std::string copy, second;
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view text) { copy += text; };
  const auto keep_line = [&](std::string_view line) { lines.emplace_back(line); };
  const auto keep_slowly = [&](std::string_view text) -> asio::awaitable<void> {
    co_await turns(3);
    second += text;
  };
  auto done = co_await capture(command("seq", 1, 1000, std_out = tee(keep)) |
                               command("tr", "0-9", "a-j", std_out = tee(keep_slowly)) |
                               command("wc", "-l"));
  CHECK(done.stages.size() == 3);
  CHECK(std::stoi(done.out) == 1000);
  CHECK(copy.starts_with("1\n2\n"));
  CHECK(copy.ends_with("1000\n"));
  CHECK(second.size() == copy.size());
  CHECK(second.starts_with("b\nc\n"));
  done = co_await capture(command("printf", "one\ntwo\nthree", std_out = tee_lines(keep_line)) |
                          command(child, "cat"));
  CHECK(done.out == "one\ntwo\nthree");
  CHECK(lines == std::vector<std::string>{"one", "two", "three"});
}

COPROC_TEST(
    "pipeline: a tee between stages carries much, and ends when its reader has had enough") {
  std::size_t seen = 0;
  const auto count = [&](std::string_view text) { seen += text.size(); };
  auto done = co_await capture(command(child, "fill", 1, 8 << 20, std_out = tee(count)) |
                               command(child, "cat"));
  CHECK(seen == 8u << 20);
  CHECK((done.out == test::pattern(8 << 20)));
  done = co_await capture(command("yes", std_out = tee(count)) | command("head", "-n", 2));
  CHECK(done.out == "y\ny\n");
  CHECK(done.returncode == 0);
  CHECK(done.stages[0].returncode == -SIGPIPE);
}

COPROC_TEST("pipeline: a tee between stages that fails, waits for ever, or is for exec") {
  const auto fails = [](std::string_view) { throw std::runtime_error("full"); };
  (void)co_await thrown<std::runtime_error>(
      capture(command("yes", std_out = tee(fails)) | command(child, "cat", std_out = devnull)));
  CHECK_FALSE(has_children());
  std::ofstream full("/dev/full");
  const auto e = co_await thrown<coproc::error>(
      capture(command("echo", "text", std_out = tee(full)) | command(child, "cat")));
  CHECK(e.code() == boost::system::errc::io_error);
  const auto waits = [](std::string_view) -> asio::awaitable<void> {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  };
  (void)co_await thrown<coproc::timeout_error>(
      capture(command("yes", std_out = tee(waits)) | command(child, "cat"), timeout = 20ms));
  CHECK_FALSE(has_children());
  const auto refused = co_await thrown<std::invalid_argument>(
      exec(command("yes", std_out = tee(std::cout)) | command(child, "cat")));
  CHECK(std::string(refused.what()).find("tee is for capture") != std::string::npos);
  (void)co_await thrown<coproc::launch_error>(
      capture(command("yes", std_out = tee(std::cout)) | command("non_existent_command")));
  CHECK_FALSE(has_children());
}

COPROC_TEST("pipeline: what is not for a stage is refused before any has been started") {
  std::vector<coproc::trace_kind> seen;
  const auto guard =
      co_await coproc::trace([&](const coproc::trace_event& told) { seen.push_back(told.kind); });
  co_await thrown<std::invalid_argument>(
      exec(command(child, "wait") | command(child, "cat", timeout = 1s)));
  co_await thrown<std::invalid_argument>(
      coproc::capture(command(child, "wait") | command(child, "cat", retry = attempts(2))));
  CHECK(seen.empty());
}

COPROC_TEST("pipeline: a running one prints itself") {
  auto running = co_await exec(command("true") | command(child, "exit", 3));
  co_await running.wait();
  const auto& stages = running.stages();
  std::ostringstream text;
  text << running;
  CHECK(text.str() == "process " + std::to_string(stages[0].pid()) + ", exit status 0 | process " +
                          std::to_string(stages[1].pid()) + ", exit status 3");
}

COPROC_TEST("pipeline: idle_timeout looks at the last stage, since only that is read") {
  const auto slowly = command("sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done");
  auto time = 300ms;
  const bool flows = co_await in_some_time(time, [&](auto within) -> asio::awaitable<bool> {
    try {
      const auto done = co_await capture(slowly | command(child, "cat"), idle_timeout = within);
      co_return done.out == "1\n2\n3\n4\n5\n6\n";
    } catch (const coproc::timeout_error&) {
      co_return false;
    }
  });
  CHECK(flows);
  (void)co_await thrown<coproc::timeout_error>(
      capture(command(child, "wait") | command("sleep", 1000), idle_timeout = 50ms));
  const auto e = co_await thrown<std::invalid_argument>(
      capture(command("yes", idle_timeout = 1s) | command(child, "cat")));
  CHECK(std::string(e.what()).find("idle_timeout") != std::string::npos);
}

}  // namespace pipeline_tests
