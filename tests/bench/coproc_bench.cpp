// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// coproc at the work of run.py. Prints the seconds it took, as each contestant does.
#include <coproc/coproc.hpp>
#include <cstdio>

#include "bench.hpp"

namespace {

using namespace coproc::keywords;
using namespace bench;

coproc::awaitable<void> spawn_one() {
  auto process = co_await coproc::exec(child, "say", std_out = piped, std_err = piped);
  const auto result = co_await process.communicate();
  demand(result.out == "out\n" && result.err == "err\n" && process.returncode() == 0, "say");
}

/// Hands out turns of one job.
class turns {
 public:
  class iterator {
   public:
    using value_type = coproc::awaitable<void>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(std::size_t left) : left_(left) {}
    value_type operator*() const { return spawn_one(); }
    iterator& operator++() { return --left_, *this; }
    void operator++(int) { --left_; }
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }

   private:
    std::size_t left_;
  };
  explicit turns(std::size_t count) : count_(count) {}
  iterator begin() const { return iterator(count_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::size_t count_;
};

coproc::awaitable<double> spawn(std::size_t count, std::size_t at_once) {
  const auto start = clock_type::now();
  if (at_once == 1)
    for (std::size_t i = 0; i < count; ++i) co_await spawn_one();
  else co_await coproc::gather(turns(count), concurrency = at_once);
  co_return seconds(clock_type::now() - start).count();
}

coproc::awaitable<double> capture(std::size_t bytes) {
  const auto start = clock_type::now();
  const auto done = co_await coproc::capture(child, "bytes", bytes);
  const auto end = clock_type::now();
  demand(done.out.size() == bytes && done.out.back() == 'x', "bytes");
  co_return seconds(end - start).count();
}

coproc::awaitable<double> cat(std::size_t bytes) {
  auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
  std::string input(bytes, 'y');
  const auto start = clock_type::now();
  const auto result = co_await process.communicate(std::move(input));
  const auto end = clock_type::now();
  demand(result.out.size() == bytes && result.out.find_first_not_of('y') == std::string::npos,
         "cat");
  co_return seconds(end - start).count();
}

coproc::awaitable<double> lines(std::size_t count, std::string how) {
  const auto start = clock_type::now();
  auto process = co_await coproc::exec(child, "lines", count, std_out = piped);
  std::size_t seen = 0, bytes = 0;
  auto& out = process.std_out();
  if (how == "string") {
    while (auto line = co_await out.readline()) ++seen, bytes += line->size();
  } else if (how == "again") {
    std::string line;
    while (co_await out.readline(line)) ++seen, bytes += line.size();
  } else {
    for (;;) {
      const auto some = co_await out.lines();
      if (some.empty()) break;
      for (const auto line : some) ++seen, bytes += line.size();
    }
  }
  co_await process.wait();
  const auto end = clock_type::now();
  demand(seen == count && bytes == count * 63, "lines");
  co_return seconds(end - start).count();
}

coproc::awaitable<double> pingpong(std::size_t count) {
  auto process = co_await coproc::exec(child, "echo", std_in = piped, std_out = piped);
  std::string line;
  const auto start = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    co_await process.std_in().write("ping\n");
    const bool there = co_await process.std_out().readline(line);
    demand(there && line == "ping", "pingpong");
  }
  const auto end = clock_type::now();
  co_return seconds(end - start).count();
}

coproc::awaitable<double> live(std::size_t count) {
  std::vector<coproc::process> all;
  all.reserve(count);
  const auto start = clock_type::now();
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(
        co_await coproc::exec(child, "wait", std_in = piped, std_out = piped, std_err = piped));
  const auto end = clock_type::now();
  for (auto& one : all) one.std_in().close();
  for (auto& one : all) {
    const int status = co_await one.wait();
    demand(status == 0, "live");
  }
  co_return seconds(end - start).count();
}

coproc::awaitable<double> work(std::vector<std::string> words) {
  const std::string& what = words.at(0);
  const std::size_t number = std::stoull(words.at(1));
  if (what == "spawn") return spawn(number, std::stoull(words.at(2)));
  if (what == "rss") {
    grow(std::stoull(words.at(2)));
    return spawn(number, 1);
  }
  if (what == "capture") return capture(number);
  if (what == "cat") return cat(number);
  if (what == "lines") return lines(number, words.at(2));
  if (what == "pingpong") return pingpong(number);
  if (what == "live") return live(number);
  throw std::invalid_argument(what);
}

}  // namespace

int main(int count, char** words) {
  // Two threads for many at once, as tokio has them.
  const bool many = count == 4 && words[1] == std::string("spawn") && words[3] != std::string("1");
  const double time = coproc::run(work({words + 1, words + count}), many ? 2 : 1);
  std::printf("%.9f\n", time);
}
