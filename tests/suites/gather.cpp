// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What gather returns. How it ends early is in gather_failure.cpp.

#include "support.hpp"

#include <algorithm>
#include <list>
#include <ranges>

namespace gather_tests {

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;
using coproc::exec;
using coproc::gather;
using test::after_turns;
using test::child;
using test::thrown;

namespace {

asio::awaitable<void> count_after(int turns, int& counter) {
  co_await test::turns(turns);
  ++counter;
}

asio::awaitable<std::string> said(std::string text) {
  auto process = co_await exec(child, "say", text, std_out = piped);
  const auto [out, err] = co_await process.communicate();
  co_return out;
}

/// How many of something there are, and were at most.
class population {
 public:
  class member {
   public:
    explicit member(population& all) : all_(all) {
      const int here = ++all_.now;
      int largest = all_.most;
      while (largest < here && !all_.most.compare_exchange_weak(largest, here)) {
      }
    }
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    ~member() { --all_.now; }

   private:
    population& all_;
  };
  std::atomic<int> now = 0, most = 0;
};

/// A range that can be gone through once, and counts how far that was.
class job_source {
 public:
  explicit job_source(int size) : size_(size) {}
  class iterator {
   public:
    using value_type = asio::awaitable<int>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(job_source& source) : source_(&source) {}
    asio::awaitable<int> operator*() const {
      ++source_->made;
      return source_->job(source_->advanced);
    }
    iterator& operator++() {
      ++source_->advanced;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return source_->advanced == source_->size_; }

   private:
    job_source* source_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

  int made = 0, advanced = 0, early = 0;

 private:
  /// The next one has been asked for, and not been made, as its turn had not come.
  bool asked_ahead() const { return advanced >= made && advanced < size_; }
  asio::awaitable<int> job(int index) {
    early += asked_ahead();
    co_await test::turns(index % 5);
    early += asked_ahead();
    co_return index;
  }
  int size_;
};

}  // namespace

COPROC_TEST("gather: gives a tuple of results in the order of its arguments") {
  const auto [first, second, third] =
      co_await gather(after_turns(9, 1), said("two"), after_turns(0, 3));
  CHECK(first == 1);
  CHECK(second == "two");
  CHECK(third == 3);
}

COPROC_TEST("gather: a void result is a monostate among others") {
  int counter = 0;
  auto results = co_await gather(count_after(3, counter), after_turns(1, 5));
  static_assert(std::is_same_v<decltype(results), std::tuple<std::monostate, int>>);
  CHECK(std::get<1>(results) == 5);
  CHECK(counter == 1);
}

COPROC_TEST("gather: nothing but void gives void") {
  int counter = 0;
  static_assert(std::is_same_v<decltype(gather(count_after(1, counter), count_after(1, counter))),
                               asio::awaitable<void>>);
  co_await gather(count_after(3, counter), count_after(0, counter), count_after(7, counter));
  CHECK(counter == 3);
  co_await gather(count_after(1, counter));
  CHECK(counter == 4);
}

COPROC_TEST("gather: one awaitable is a tuple of one") {
  const std::tuple<int> result = co_await gather(after_turns(0, 1));
  CHECK(std::get<0>(result) == 1);
}

COPROC_TEST("gather: starts all of them before any has to end") {
  population alive;
  const auto job = [&]() -> asio::awaitable<void> {
    const population::member here(alive);
    while (alive.most < 5) co_await test::turns(1);  // the watchdog ends this if they are too few
  };
  co_await gather(job(), job(), job(), job(), job());
  CHECK(alive.most == 5);
  CHECK(alive.now == 0);
}

COPROC_TEST("gather: a vector of awaitables gives a vector in its order") {
  std::vector<asio::awaitable<int>> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(after_turns((i * 7) % 20, i));
  const std::vector<int> results = co_await gather(jobs);
  REQUIRE(results.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(results[static_cast<std::size_t>(i)] == i);
}

COPROC_TEST("gather: the range may be an rvalue, a list, or a view of either kind") {
  std::vector<asio::awaitable<int>> vector;
  vector.push_back(after_turns(0, 1));
  vector.push_back(after_turns(0, 2));
  const std::vector<int> expected = {1, 2};
  std::vector<int> results = co_await gather(std::move(vector));
  CHECK(results == expected);
  std::list<asio::awaitable<int>> list;
  list.push_back(after_turns(0, 1));
  list.push_back(after_turns(0, 2));
  results = co_await gather(list);
  CHECK(results == expected);
  const auto make = [](int i) { return after_turns(0, i); };
  results = co_await gather(test::lazily(1, 3, make));
  CHECK(results == expected);
#if !defined(__clang__) || __clang_major__ > 15  // which cannot compile libstdc++'s views
  auto view = std::views::iota(1, 9) | std::views::filter([](int i) { return i < 3; }) |
              std::views::transform(make);
  results = co_await gather(view);
  CHECK(results == expected);
#endif
  job_source source(3);
  results = co_await gather(source);
  CHECK(results == std::vector<int>{0, 1, 2});
}

COPROC_TEST("gather: a range of void gives void") {
  int counter = 0;
  std::vector<asio::awaitable<void>> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(count_after(i, counter));
  static_assert(std::is_same_v<decltype(gather(jobs)), asio::awaitable<void>>);
  co_await gather(jobs);
  CHECK(counter == 5);
}

COPROC_TEST("gather: an empty range is done at once") {
  std::vector<asio::awaitable<int>> none;
  const std::vector<int> results = co_await gather(none);
  CHECK(results.empty());
  std::vector<asio::awaitable<void>> nothing;
  co_await gather(nothing, concurrency = 1);
  const auto outcomes = co_await gather(none, return_exceptions = true);
  CHECK(outcomes.empty());
}

COPROC_TEST("gather: concurrency bounds how many are alive, and is made use of") {
  population alive;
  const auto job = [&](int i) -> asio::awaitable<int> {
    const population::member here(alive);
    co_await test::turns(1 + i % 7);
    co_return i;
  };
  for (const int most : {1, 3, 32}) {
    alive.most = 0;
    const auto results = co_await gather(test::lazily(0, 1000, job), concurrency = most);
    CHECK(alive.most == most);
    CHECK(alive.now == 0);
    REQUIRE(results.size() == 1000);
    bool in_order = true;
    for (int i = 0; i < 1000; ++i) in_order = in_order && results[static_cast<std::size_t>(i)] == i;
    CHECK(in_order);
  }
}

COPROC_TEST("gather: concurrency bounds how many children are alive") {
  population alive;
  const auto job = [&](int i) -> asio::awaitable<std::string> {
    const population::member here(alive);
    auto process = co_await exec(child, "say", i, std_out = piped);
    const auto [out, err] = co_await process.communicate();
    co_return out;
  };
  const auto results = co_await gather(test::lazily(0, 100, job), concurrency = 8);
  CHECK(alive.most == 8);
  REQUIRE(results.size() == 100);
  for (std::size_t i = 0; i < 100; ++i)
    if (results[i] != std::to_string(i)) FAIL("number " << i << " said " << results[i]);
  CHECK(!test::has_children());
}

COPROC_TEST("gather: a lazy range is asked for the next one only when its turn has come") {
  for (const int most : {1, 4, 200}) {
    job_source source(100);
    const auto results = co_await gather(source, concurrency = most);
    CHECK(results.size() == 100);
    CHECK(source.made == 100);
    CHECK(source.early == 0);
  }
}

COPROC_TEST("gather: a coroutine of a long range is gone when its result is there") {
  population alive;
  int done = 0;
  const auto job = [&](int) -> asio::awaitable<void> {
    const population::member here(alive);
    co_await test::turns(1);
    ++done;
  };
  co_await gather(test::lazily(0, 20'000, job), concurrency = 4);
  CHECK(done == 20'000);
  CHECK(alive.most == 4);
  CHECK(alive.now == 0);
}

COPROC_TEST("gather: a concurrency below 1 is refused") {
  CHECK_THROWS_AS(concurrency = 0, std::invalid_argument);
  CHECK_THROWS_AS(concurrency = -3, std::invalid_argument);
  CHECK_NOTHROW(concurrency = 1);
  co_return;
}

COPROC_TEST("gather: results may be move-only, as processes are") {
  auto [one, two] = co_await gather(exec(child, "say", "one", std_out = piped),
                                    exec(child, "say", "two", std_out = piped));
  const auto [first, second] = co_await gather(one.communicate(), two.communicate());
  CHECK(first.out == "one");
  CHECK(second.out == "two");
  const auto start = [](int i) { return exec(child, "exit", i); };
  std::vector<coproc::process> many = co_await gather(test::lazily(0, 10, start));
  auto wait = [&](int i) { return many[static_cast<std::size_t>(i)].wait(); };
  const auto codes = co_await gather(test::lazily(0, 10, wait));
  REQUIRE(codes.size() == 10);
  for (int i = 0; i < 10; ++i) CHECK(codes[static_cast<std::size_t>(i)] == i);
  auto outcomes = co_await gather(exec(child, "exit", 4), return_exceptions = true);
  coproc::process last = std::get<0>(std::move(outcomes)).value();
  const int code = co_await last.wait();
  CHECK(code == 4);
}

COPROC_TEST("gather: results need no default constructor and no assignment") {
  class rigid {
   public:
    explicit rigid(int number) : value(number) {}
    rigid(rigid&&) = default;
    rigid& operator=(rigid&&) = delete;
    const int value;
  };
  const auto make = [](int i) -> asio::awaitable<rigid> { co_return rigid(i); };
  const auto [one, two] = co_await gather(make(1), make(2));
  CHECK(one.value + two.value == 3);
  const auto many = co_await gather(test::lazily(0, 3, make));
  CHECK(many[2].value == 2);
}

COPROC_TEST("gather: may be nested") {
  const auto inner = [](int base) -> asio::awaitable<int> {
    const auto [a, b] = co_await gather(after_turns(2, base), after_turns(1, base * 10));
    co_return a + b;
  };
  const auto [one, two] = co_await gather(inner(1), inner(2));
  CHECK(one == 11);
  CHECK(two == 22);
  const auto [pair, text] =
      co_await gather(gather(after_turns(0, 1), after_turns(0, 2)), said("x"));
  CHECK(std::get<1>(pair) == 2);
  CHECK(text == "x");
}

TEST_CASE("gather: on a pool its coroutines run in parallel") {
  std::atomic<int> here = 0;
  const auto job = [&]() -> asio::awaitable<bool> {
    ++here;  // and holds on to its thread until the other is here
    const auto deadline = std::chrono::steady_clock::now() + test::patience;
    while (here < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    co_return here == 2;
  };
  const auto both = [&]() -> asio::awaitable<void> {
    const auto [one, two] = co_await gather(job(), job());
    CHECK(one);
    CHECK(two);
  };
  test::run_on_threads(3, both());
}

TEST_CASE("gather: a thousand children, sixteen at once, on four threads") {
  population alive;
  const auto job = [&](int i) -> asio::awaitable<int> {
    const population::member here(alive);
    auto process = co_await exec(child, "exit", i % 100);
    co_return co_await process.wait();
  };
  const auto all = [&]() -> asio::awaitable<void> {
    const auto codes = co_await gather(test::lazily(0, 1000, job), concurrency = 16);
    int right = 0;
    for (int i = 0; i < 1000; ++i) right += codes[static_cast<std::size_t>(i)] == i % 100;
    CHECK(right == 1000);
  };
  test::run_on_threads(4, all());
  CHECK(alive.most <= 16);
  CHECK(alive.most > 1);
  CHECK(!test::has_children());
}

}  // namespace gather_tests
