// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Input that is made as the child reads it.

#include "support.hpp"

#include <array>
#include <list>
#include <span>

namespace input_tests {

using namespace test;
using coproc::capture;
using coproc::exec;
using piece = std::optional<std::string>;

namespace {

/// Numbers its pieces from 1 to @p last, a line each; pauses before each where that is wanted.
class numbers {
 public:
  explicit numbers(int last, bool pauses = false) : last_(last), pauses_(pauses) {}
  coproc::awaitable<piece> operator()() {
    if (pauses_) co_await turns(3);
    if (made_ == last_) co_return std::nullopt;
    co_return std::to_string(++made_) + '\n';
  }

 private:
  int last_, made_ = 0;
  bool pauses_;
};

std::string numbered(int last) {
  std::string text;
  for (int i = 1; i <= last; ++i) text += std::to_string(i) + '\n';
  return text;
}

}  // namespace

COPROC_TEST("input: text, bytes and views of either") {
  const std::vector<char> letters{'a', '\0', 'b'};
  const std::array<std::byte, 2> bytes{std::byte{'c'}, std::byte{'d'}};
  auto done = co_await capture(child, "cat", input = letters);
  CHECK(done.out == std::string("a\0b", 3));
  done = co_await capture(child, "cat", input = std::span(bytes));
  CHECK(done.out == "cd");
  done = co_await capture(child, "cat", input = std::string_view("view"));
  CHECK(done.out == "view");
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const auto written = co_await process.communicate(std::span(bytes));
  CHECK(written.out == "cd");
}

COPROC_TEST("input: a range of pieces is gone through, and for each run anew") {
  const std::vector<std::string> pieces{"one ", "", "two"};
  const coproc::command cat(child, "cat", input = pieces);
  for (int run = 0; run < 2; ++run) {
    const auto done = co_await capture(cat);
    CHECK(done.out == "one two");
  }
  std::list<std::vector<char>> letters{{'a'}, {'b', 'c'}};
  auto done = co_await capture(child, "cat", input = letters);
  CHECK(done.out == "abc");
  done = co_await capture(child, "cat", input = std::vector<std::string_view>());
  CHECK(done.out.empty());
}

COPROC_TEST("input: a range is advanced only as the child reads") {
  // Endless: what has been made is what went into the pipe, and no more than a piece of a write.
  int made = 0;
  auto process = co_await exec(child, "read-on-usr1", std_in = piped, std_out = piped);
  co_await process.std_out().readline();
  const std::function<piece()> next = [&made]() -> piece {
    ++made;
    return std::string(1000, 'x');
  };
  (void)co_await thrown<coproc::timeout_error>(
      coproc::wait_for(process.communicate(next), std::chrono::milliseconds(20)));
  CHECK(made > 0);
  CHECK(made < 3000);
}

COPROC_TEST("input: a callable is awaited for each piece, as bytes are taken") {
  for (const bool pauses : {false, true}) {
    auto done = co_await capture(child, "cat", input = numbers(100, pauses));
    CHECK((done.out == numbered(100)));
    auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
    numbers next(100, pauses);
    const auto written = co_await process.communicate(next);
    CHECK((written.out == numbered(100)));
  }
  const auto none = co_await capture(child, "cat", input = numbers(0));
  CHECK(none.out.empty());
  CHECK(none.returncode == 0);
}

int named_calls = 0;
coproc::awaitable<piece> awaited_by_name() {
  co_return named_calls++ < 2 ? piece("x") : std::nullopt;
}
std::optional<const char*> called_by_name() {
  return named_calls++ < 2 ? std::optional("y") : std::nullopt;
}

COPROC_TEST("input: a callable may be a function by its name, and give what converts to a text") {
  named_calls = 0;
  const auto awaited = co_await capture(child, "cat", input = awaited_by_name);
  CHECK(awaited.out == "xx");
  named_calls = 0;
  const auto called = co_await capture(child, "cat", input = called_by_name);
  CHECK(called.out == "yy");
  named_calls = 0;
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const auto written = co_await process.communicate(awaited_by_name);
  CHECK(written.out == "xx");
}

COPROC_TEST("input: large pieces come through whole") {
  const auto make = [left = 8]() mutable -> coproc::awaitable<piece> {
    if (left-- == 0) co_return std::nullopt;
    co_return std::string(1 << 20, static_cast<char>('a' + left));
  };
  auto done = co_await capture(child, "cat", input = make);
  REQUIRE(done.out.size() == 8u << 20);
  CHECK(done.out.front() == 'h');
  CHECK(done.out.back() == 'a');
}

COPROC_TEST("input: a child that wants no more of it is no error, and what makes it is ended") {
  const auto executor = co_await asio::this_coro::executor;
  bool ended = false;
  const auto make = [&ended, first = true]() mutable -> coproc::awaitable<piece> {
    if (std::exchange(first, false)) co_return std::string("line\n");
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    const auto [error] = co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
    ended = static_cast<bool>(error);
    co_return std::nullopt;
  };
  const auto done = co_await capture("head", "-n", "1", input = make);
  CHECK(done.out == "line\n");
  CHECK(ended);
  auto endless = []() -> coproc::awaitable<piece> { co_return std::string(100'000, 'x'); };
  const auto some = co_await capture("head", "-c", "10", input = endless);
  CHECK(some.out == "xxxxxxxxxx");
  CHECK(some.returncode == 0);
}

COPROC_TEST("input: what the callable throws ends the operation, and the child of a capture") {
  const auto fail = []() -> coproc::awaitable<piece> {
    co_await turns(3);
    throw std::runtime_error("no more paper");
  };
  const auto error = co_await thrown<std::runtime_error>(capture(child, "cat", input = fail));
  CHECK(std::string(error.what()) == "no more paper");
  CHECK_FALSE(has_children());
  const std::function<piece()> throws = []() -> piece { throw std::runtime_error("nor ink"); };
  (void)co_await thrown<std::runtime_error>(capture(child, "cat", input = throws));
  CHECK_FALSE(has_children());
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  (void)co_await thrown<std::runtime_error>(process.communicate(fail));
  CHECK_FALSE(process.returncode());
}

COPROC_TEST("input: a communicate that is cancelled goes on from there, and loses nothing") {
  auto process = co_await exec(child, "cat", std_in = piped, std_out = piped);
  const auto executor = co_await asio::this_coro::executor;
  int made = 0;
  const auto make = [&made]() -> coproc::awaitable<piece> {
    // The third call waits until it is cancelled; the next begins it anew.
    if (made == 2) {
      ++made;
      asio::steady_timer never(co_await asio::this_coro::executor,
                               asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::use_awaitable);
    }
    if (made > 5) co_return std::nullopt;
    co_return std::to_string(made++);
  };
  beside<coproc::output> first(executor, process.communicate(make));
  co_await eventually([&] { return made == 3; });
  first.cancel();
  (void)co_await thrown<coproc::cancelled_error>(first.result());
  const auto written = co_await process.communicate();
  CHECK(written.out == "01345");
}

COPROC_TEST("input: a timeout ends what makes it, and a child that is being stopped gets no more") {
  int calls = 0, ended = 0;
  const auto make = [&]() -> coproc::awaitable<piece> {
    if (++calls == 2) co_return std::nullopt;
    const std::shared_ptr<void> guard(nullptr, [&ended](void*) { ++ended; });
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return std::nullopt;
  };
  // An end of its input would look like all of it.
  const auto error = co_await thrown<coproc::timeout_error>(
      capture("sh", "-c", "trap '' TERM; cat; echo complete", input = make,
              timeout = std::chrono::milliseconds(20), grace = std::chrono::milliseconds(50)));
  CHECK(calls == 1);
  CHECK(ended == 1);
  CHECK(error.out().empty());
}

COPROC_TEST("input: with retry it must be what can begin anew") {
  (void)co_await thrown<std::invalid_argument>(
      capture(child, "cat", input = numbers(3), retry = attempts(2)));
  const std::vector<std::string> pieces{"a", "b"};
  const auto done =
      co_await capture("sh", "-c", "cat; exit 3", input = pieces, retry = attempts(2));
  CHECK(done.out == "ab");
  CHECK(done.attempts == 2);
}

TEST_CASE("input: made on four threads at once") {
  run_on_threads(4, [](int count) -> asio::awaitable<void> {
    std::vector<coproc::command> commands;
    for (int i = 0; i < count; ++i) commands.emplace_back(child, "cat", input = numbers(200, true));
    const auto all = co_await coproc::gather(commands, concurrency = 4);
    for (const auto& done : all) CHECK((done.out == numbered(200)));
  }(12));
}

TEST_CASE("input: what makes it goes with its context") {
  bool destroyed = false;
  {
    asio::io_context context;
    const auto make = [&destroyed]() -> coproc::awaitable<piece> {
      const std::shared_ptr<void> guard(nullptr, [&destroyed](void*) { destroyed = true; });
      asio::steady_timer never(co_await asio::this_coro::executor,
                               asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::use_awaitable);
      co_return std::nullopt;
    };
    asio::co_spawn(context, capture(child, "cat", input = make), [](std::exception_ptr, auto) {});
    context.run_for(std::chrono::milliseconds(50));
  }
  CHECK(destroyed);
}

COPROC_TEST("input: pieces that are empty do not keep the loop from a timeout") {
  const std::function<piece()> nothing = []() -> piece { return std::string(); };
  (void)co_await thrown<coproc::timeout_error>(
      capture(child, "cat", input = nothing, timeout = std::chrono::milliseconds(50)));
  const auto awaited = []() -> coproc::awaitable<piece> { co_return std::string(); };
  (void)co_await thrown<coproc::timeout_error>(
      capture(child, "cat", input = awaited, timeout = std::chrono::milliseconds(50)));
}

COPROC_TEST(
    "input: what makes it is cancelled once, so that a capture there ends its child gently") {
  // The outer child ends; a grandchild holds its pipe; the inner one needs longer than that takes.
  std::string words;
  const auto make = [&]() -> coproc::awaitable<piece> {
    try {
      co_await capture("sh", "-c",
                       "trap 'sleep 0.5; echo gently; exit 0' TERM; "
                       "echo ready; while :; do sleep 0.01; done",
                       grace = 10s);
    } catch (const coproc::cancelled_error& e) {
      words = e.out();
      throw;
    }
    co_return std::nullopt;
  };
  (void)co_await capture("sh", "-c", "(sleep 1 &); sleep 0.1", input = make);
  CHECK(words == "ready\ngently\n");
}

COPROC_TEST("input: a timeout ends the child beside what makes its input, and not after it") {
  const auto stubborn = []() -> coproc::awaitable<piece> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    asio::steady_timer timer(co_await asio::this_coro::executor, 300ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return std::nullopt;
  };
  std::string seen;
  const auto sees = [&](std::string_view text) { seen += text; };
  const auto e = co_await thrown<coproc::timeout_error>(
      capture("sh", "-c", "trap 'date +%s%N; exit 0' TERM; echo; while :; do sleep 0.01; done",
              input = stubborn, timeout = 50ms, std_out = tee(sees)));
  // It had its signal before the source had its end.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  CHECK(std::chrono::nanoseconds(std::stoll(e.out())) + 100ms < now);
}

COPROC_TEST("input: a second cancellation kills at once, whatever makes the input does") {
  bool let_go = false;
  const auto stubborn = [&]() -> coproc::awaitable<piece> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    while (!let_go) co_await turns(1);
    co_return std::nullopt;
  };
  std::string seen;
  beside<coproc::completed> running(
      co_await asio::this_coro::executor,
      capture(child, "ignore-term", input = stubborn, grace = 1h,
              std_out = tee([&](std::string_view text) { seen += text; })));
  co_await eventually([&] { return seen == "ready\n"; });
  running.cancel();
  co_await turns(50);
  running.cancel();
  co_await turns(50);
  CHECK_FALSE(running.done());
  let_go = true;
  (void)co_await thrown<coproc::cancelled_error>(running.result());
  CHECK_FALSE(has_children());
}

COPROC_TEST("input: a range that can be gone through once is not for retry") {
  auto words = test::lazily(0, 3, [](int i) { return std::string(1, "abc"[i]); });
  (void)co_await thrown<std::invalid_argument>(
      capture(child, "cat", input = words, retry = attempts(2)));
  const auto done = co_await capture(child, "cat", input = words);
  CHECK(done.out == "abc");
}

#if !defined(__clang__) || __clang_major__ > 15  // which cannot compile libstdc++'s views
TEST_CASE("input: commands that share a view go through one each") {
  run_on_threads(4, [](int count) -> asio::awaitable<void> {
    const std::vector<std::string> words(200, "1\n");
    auto all = words | std::views::filter([](const std::string& text) { return text[0] == '1'; });
    std::vector<coproc::command> commands;
    for (int i = 0; i < count; ++i) commands.emplace_back(child, "cat", input = all);
    const auto done = co_await coproc::gather(commands, concurrency = 8);
    for (const auto& each : done) CHECK(each.out.size() == 400);
  }(16));
}
#endif

TEST_CASE("input: what makes it goes before the capture, also where that only lets others go on") {
  for (int steps = 10; steps < 40; ++steps) {
    bool whole = true;
    {
      auto context = std::make_unique<asio::io_context>(1);
      {
        asio::steady_timer first(*context);
        first.expires_after(1h);
      }
      const auto all = [](bool& as_it_was) -> asio::awaitable<void> {
        const std::string held = "something of the source, too long to lie in the string itself";
        auto make = [text = std::make_shared<std::string>(held),
                     &as_it_was]() -> coproc::awaitable<piece> {
          const std::shared_ptr<void> guard(
              nullptr, [&](void*) { as_it_was = as_it_was && text->starts_with("something"); });
          asio::steady_timer never(co_await asio::this_coro::executor, 1h);
          co_await never.async_wait(asio::use_awaitable);
          co_return std::nullopt;
        };
        const auto slowly = [](std::string_view) {
          std::this_thread::sleep_for(std::chrono::milliseconds(6));  // longer than a turn may be
        };
        (void)co_await capture("yes", input = make, max_output = cut(1000), std_out = tee(slowly));
      };
      asio::co_spawn(asio::make_strand(*context), all(whole), asio::detached);
      for (int i = 0; i < steps; ++i) context->run_one();
    }
    CHECK(whole);
  }
}

}  // namespace input_tests
