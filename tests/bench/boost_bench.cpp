// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Boost.Process v2 with its vfork_launcher and coroutines, as one who knows it well would write it,
// at the work of run.py. It needs a Boost whose Boost.Process is header-only (1.81 to 1.85).
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/process/v2.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>

#include "bench.hpp"

namespace {

namespace asio = boost::asio;
namespace process = boost::process::v2;
using namespace asio::experimental::awaitable_operators;
using namespace bench;

using words = std::vector<std::string>;
using child_process = process::basic_process<asio::any_io_executor>;

child_process launch(const asio::any_io_executor& executor, const words& arguments,
                     process::process_stdio stdio) {
  return process::posix::vfork_launcher()(executor, child, arguments, std::move(stdio));
}

asio::awaitable<std::string> read_all(asio::readable_pipe& pipe) {
  std::string text;
  const auto [error, size] = co_await asio::async_read(pipe, asio::dynamic_buffer(text),
                                                       asio::as_tuple(asio::use_awaitable));
  demand(error == asio::error::eof, "eof");
  co_return text;
}

asio::awaitable<void> spawn_one() {
  const auto executor = co_await asio::this_coro::executor;
  asio::readable_pipe out(executor), err(executor);
  const words arguments(1, "say");
  child_process one = launch(executor, arguments, {nullptr, out, err});
  auto [text, errors, status] =
      co_await (read_all(out) && read_all(err) && one.async_wait(asio::use_awaitable));
  demand(text == "out\n" && errors == "err\n" && status == 0, "say");
}

asio::awaitable<void> worker(std::size_t& left) {
  while (left > 0) {
    --left;
    co_await spawn_one();
  }
}

asio::awaitable<double> spawn(std::size_t count, std::size_t at_once) {
  const auto start = clock_type::now();
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer done(executor, clock_type::time_point::max());
  std::size_t left = count, alive = at_once;
  for (std::size_t i = 0; i < at_once; ++i)
    asio::co_spawn(executor, worker(left), [&](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
      if (--alive == 0) done.cancel();
    });
  co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return seconds(clock_type::now() - start).count();
}

asio::awaitable<double> capture(std::size_t bytes) {
  const auto executor = co_await asio::this_coro::executor;
  const auto start = clock_type::now();
  asio::readable_pipe out(executor);
  const words arguments{"bytes", std::to_string(bytes)};
  child_process one = launch(executor, arguments, {nullptr, out, {}});
  auto [text, status] = co_await (read_all(out) && one.async_wait(asio::use_awaitable));
  const auto end = clock_type::now();
  demand(text.size() == bytes && status == 0, "bytes");
  co_return seconds(end - start).count();
}

asio::awaitable<void> feed(asio::writable_pipe& in, const std::string& input) {
  co_await asio::async_write(in, asio::buffer(input), asio::use_awaitable);
  in.close();
}

asio::awaitable<double> cat(std::size_t bytes) {
  const auto executor = co_await asio::this_coro::executor;
  asio::readable_pipe out(executor);
  asio::writable_pipe in(executor);
  const words arguments(1, "cat");
  child_process one = launch(executor, arguments, {in, out, {}});
  const std::string input(bytes, 'y');
  const auto start = clock_type::now();
  auto [text, status] =
      co_await (read_all(out) && (feed(in, input) && one.async_wait(asio::use_awaitable)));
  const auto end = clock_type::now();
  demand(text == input && status == 0, "cat");
  co_return seconds(end - start).count();
}

asio::awaitable<double> lines(std::size_t count) {
  const auto executor = co_await asio::this_coro::executor;
  const auto start = clock_type::now();
  asio::readable_pipe out(executor);
  const words arguments{"lines", std::to_string(count)};
  child_process one = launch(executor, arguments, {nullptr, out, {}});
  std::string buffer;
  std::size_t seen = 0, bytes = 0;
  for (;;) {
    const auto [error, size] = co_await asio::async_read_until(
        out, asio::dynamic_buffer(buffer), '\n', asio::as_tuple(asio::use_awaitable));
    if (error) break;
    const std::string line = buffer.substr(0, size - 1);
    buffer.erase(0, size);
    ++seen, bytes += line.size();
  }
  co_await one.async_wait(asio::use_awaitable);
  const auto end = clock_type::now();
  demand(seen == count && bytes == count * 63, "lines");
  co_return seconds(end - start).count();
}

asio::awaitable<double> pingpong(std::size_t count) {
  const auto executor = co_await asio::this_coro::executor;
  asio::readable_pipe out(executor);
  asio::writable_pipe in(executor);
  const words arguments(1, "echo");
  child_process one = launch(executor, arguments, {in, out, {}});
  const std::string ping = "ping\n";
  std::string buffer;
  const auto start = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    co_await asio::async_write(in, asio::buffer(ping), asio::use_awaitable);
    const auto size = co_await asio::async_read_until(out, asio::dynamic_buffer(buffer), '\n',
                                                      asio::use_awaitable);
    demand(buffer.substr(0, size) == ping, "pingpong");
    buffer.erase(0, size);
  }
  const auto end = clock_type::now();
  in.close();
  co_await one.async_wait(asio::use_awaitable);
  co_return seconds(end - start).count();
}

asio::awaitable<double> live(std::size_t count) {
  const auto executor = co_await asio::this_coro::executor;
  struct running {
    explicit running(const asio::any_io_executor& e) : in(e), out(e), err(e), one(e) {}
    asio::writable_pipe in;
    asio::readable_pipe out, err;
    child_process one;
  };
  std::vector<std::unique_ptr<running>> all;
  const words arguments(1, "wait");
  const auto start = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    auto& r = *all.emplace_back(std::make_unique<running>(executor));
    r.one = launch(executor, arguments, {r.in, r.out, r.err});
  }
  const auto end = clock_type::now();
  for (auto& r : all) r->in.close();
  for (auto& r : all) {
    const int status = co_await r->one.async_wait(asio::use_awaitable);
    demand(status == 0, "live");
  }
  co_return seconds(end - start).count();
}

asio::awaitable<double> work(words all) {
  const std::string& what = all.at(0);
  const std::size_t number = std::stoull(all.at(1));
  if (what == "spawn") return spawn(number, std::stoull(all.at(2)));
  if (what == "rss") {
    grow(std::stoull(all.at(2)));
    return spawn(number, 1);
  }
  if (what == "capture") return capture(number);
  if (what == "cat") return cat(number);
  if (what == "lines") return lines(number);
  if (what == "pingpong") return pingpong(number);
  if (what == "live") return live(number);
  throw std::invalid_argument(what);
}

}  // namespace

int main(int count, char** arguments) {
  asio::io_context context(1);
  int result = 1;
  asio::co_spawn(context, work(words(arguments + 1, arguments + count)),
                 [&](std::exception_ptr e, double time) {
                   if (e) std::rethrow_exception(e);
                   std::printf("%.9f\n", time);
                   result = 0;
                 });
  context.run();
  return result;
}
