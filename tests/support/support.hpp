// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// What every test uses: Catch2 of either kind, test cases whose body is a coroutine, the child
// program, and a look at what this process holds.

#if COPROC_CATCH_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <coproc/coproc.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#if defined(_WIN32)
#include "system_windows.hpp"
#else
#include "system_posix.hpp"
#endif

namespace test {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// The program of tests/programs/child.cpp.
inline const std::string child = COPROC_CHILD;

/// How long nothing at all may happen before a test is taken to hang, and how long to wait for what
/// other processes do. A machine that is slow, or busy, makes a test last; it fails none.
constexpr std::chrono::seconds patience = 120s;

/// True when the library's thread has reaped all that was left to it, and closed its descriptors.
bool at_rest();

/// As eventually, for what happens without an event loop.
template <class Condition>
bool soon(Condition condition, std::chrono::seconds within = patience) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  return condition();
}

/// Runs a test's coroutine on an io_context of its own until nothing is left to do there. A test
/// in which nothing happens for as long as @p watchdog fails, and is not waited for. What the case
/// before left to the library's thread is done first, as long as it does not last: it would count
/// as this one's.
void run(asio::awaitable<void> body, std::chrono::seconds watchdog = patience);

/// The same on @p threads threads, without any strand but those that the library makes.
void run_on_threads(int threads, asio::awaitable<void> body,
                    std::chrono::seconds watchdog = patience);

/// Runs an io_context on this thread beside @p threads - 1 others until nothing is left to do;
/// false when nothing has happened there for as long as @p watchdog.
bool run_out(asio::io_context& context, int threads, std::chrono::seconds watchdog = patience);

/// `COPROC_TEST("suite: behaviour in words") { co_await ...; }`
#define COPROC_TEST_NAME2(line) coproc_test_##line
#define COPROC_TEST_NAME(line) COPROC_TEST_NAME2(line)
#define COPROC_TEST(...)                                              \
  static boost::asio::awaitable<void> COPROC_TEST_NAME(__LINE__)();   \
  TEST_CASE(__VA_ARGS__) { test::run(COPROC_TEST_NAME(__LINE__)()); } \
  static boost::asio::awaitable<void> COPROC_TEST_NAME(__LINE__)()

/// The exception of type E that an awaitable throws; the test fails if it throws none.
/// `auto e = co_await thrown<coproc::launch_error>(coproc::exec("nope"));`
template <class E, class T>
asio::awaitable<E> thrown(asio::awaitable<T> what) {
  std::optional<E> caught;
  try {
    (void)co_await std::move(what);
  } catch (const E& e) {
    caught.emplace(e);
  }
  if (!caught) FAIL("expected an exception");
  co_return *caught;
}

/// Waits, going around the event loop, until @p condition holds; false when patience is at its
/// end. For what other processes do and nobody tells: everything else is awaited.
template <class Condition>
asio::awaitable<bool> eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  bool holds = condition();
  while (!holds && std::chrono::steady_clock::now() < deadline) {
    timer.expires_after(2ms);
    co_await timer.async_wait(asio::use_awaitable);
    holds = condition();
  }
  co_return holds;
}

/// The timeout_error of `make(time)` when that was time enough for the child to write @p said. As
/// long as it was not, another is made with twice the time: a slow machine needs more of it.
template <class Make>
asio::awaitable<coproc::timeout_error> timed_out(std::chrono::milliseconds& time, std::string said,
                                                 Make make) {
  for (;; time *= 2) {
    if (time > patience) FAIL("in no time does it write " << said);
    auto e = co_await thrown<coproc::timeout_error>(make(time));
    if ((e.out() + e.err()).find(said) != std::string::npos) co_return e;
  }
}

/// Whether `attempt(time)` is true with some time: @p time at first, and always twice as much.
template <class Attempt>
asio::awaitable<bool> in_some_time(std::chrono::milliseconds time, Attempt attempt) {
  for (; time < patience; time *= 2) {
    const bool enough = co_await attempt(time);
    if (enough) co_return true;
  }
  co_return false;
}

/// Whether `attempt()` is true one time of twenty: for what another process has to do within a time
/// that is the library's own, as the silence after which it takes a pipe for held.
template <class Attempt>
asio::awaitable<bool> sooner_or_later(Attempt attempt) {
  for (int i = 0; i < 20; ++i) {
    const bool well = co_await attempt();
    if (well) co_return true;
  }
  co_return false;
}

/// Goes around the event loop, on a context with one thread: what is ready by then has happened.
inline asio::awaitable<void> turns(int count) {
  for (int i = 0; i < count; ++i) co_await asio::post(asio::use_awaitable);
}

/// A value, after some turns of the loop.
inline asio::awaitable<int> after_turns(int count, int value) {
  co_await turns(count);
  co_return value;
}

/// A coroutine beside the test's own: `beside reading(co_await asio::this_coro::executor, f());`
/// It lets every type of cancellation through.
template <class T>
class beside {
 public:
  beside(const asio::any_io_executor& executor, asio::awaitable<T> what)
      : state_(std::make_shared<state>(executor)) {
    asio::co_spawn(
        executor, run(std::move(what), state_),
        asio::bind_cancellation_slot(state_->signal.slot(), [s = state_](std::exception_ptr e) {
          s->failure = e;
          s->done = true;
          s->ended.cancel();
        }));
  }
  bool done() const { return state_->done; }
  void cancel(asio::cancellation_type type = asio::cancellation_type::terminal) {
    state_->signal.emit(type);
  }
  /// Waits for its end; returns or throws what it has.
  asio::awaitable<T> result() { return result(state_); }

 private:
  struct state {
    explicit state(const asio::any_io_executor& executor)
        : ended(executor, asio::steady_timer::time_point::max()) {}
    asio::cancellation_signal signal;
    asio::steady_timer ended;  // never: cancelled at the end
    bool done = false;
    std::exception_ptr failure;
    std::optional<coproc::detail::no_void<T>> value;
  };
  static asio::awaitable<void> run(asio::awaitable<T> what, std::shared_ptr<state> s) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    if constexpr (std::is_void_v<T>) co_await std::move(what);
    else s->value.emplace(co_await std::move(what));
  }
  static asio::awaitable<T> result(std::shared_ptr<state> s) {
    while (!s->done) co_await s->ended.async_wait(asio::as_tuple(asio::use_awaitable));
    if (s->failure) std::rethrow_exception(s->failure);
    if constexpr (!std::is_void_v<T>) co_return std::move(*s->value);
  }
  std::shared_ptr<state> state_;
};

/// Cancels a capture, or what waits for some, whose children ignore SIGTERM: once, which does not
/// end it, and a second time, which kills them.
template <class T>
asio::awaitable<void> cancel_twice(beside<T>& running) {
  running.cancel();
  co_await turns(50);
  CHECK_FALSE(running.done());
  running.cancel();
  (void)co_await thrown<coproc::cancelled_error>(running.result());
  CHECK_FALSE(has_children());
}

/// make(from), make(from + 1), ... up to but not including make(to), each made when its turn comes:
/// `std::views::iota | std::views::transform`, which clang 14 cannot compile with libstdc++.
template <class Make>
class lazily {
 public:
  lazily(int from, int to, Make make) : from_(from), to_(to), make_(std::move(make)) {}

  class iterator {
   public:
    using value_type = std::remove_cvref_t<std::invoke_result_t<Make&, int>>;
    using difference_type = std::ptrdiff_t;
    iterator(int at, lazily& all) : at_(at), all_(&all) {}
    value_type operator*() const { return all_->make_(at_); }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++at_; }
    bool operator==(std::default_sentinel_t) const { return at_ == all_->to_; }

   private:
    int at_;
    lazily* all_;
  };
  iterator begin() { return iterator(from_, *this); }
  std::default_sentinel_t end() { return {}; }

 private:
  int from_, to_;
  Make make_;
};

/// The bytes that `child fill` writes.
inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>((static_cast<unsigned long>(i) * 2654435761u) >> 16);
  return text;
}

/// A directory of its own for a test, removed afterwards.
class temporary_directory {
 public:
  temporary_directory() {
    static std::random_device any;
    do path = std::filesystem::temp_directory_path() / ("coproc." + std::to_string(any()));
    while (!std::filesystem::create_directory(path));
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace test
