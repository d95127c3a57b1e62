// How do I run a command for each HTTP request, within bounds?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
//
//   http_service 8080    serves until Ctrl-C; without a port it asks itself a few things, and ends
#include <boost/asio/experimental/channel.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <coproc/coproc.hpp>
#include <iostream>
#include <map>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using namespace coproc::keywords;
using namespace std::chrono_literals;

using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

/// At most so many at once; the others wait their turn.
class turnstile {
 public:
  turnstile(const asio::any_io_executor& executor, std::size_t most) : inside_(executor, most) {}
  asio::awaitable<void> enter() {
    co_await inside_.async_send(boost::system::error_code(), asio::use_awaitable);
  }
  void leave() {
    inside_.try_receive([](auto&&...) {});
  }

 private:
  asio::experimental::channel<void(boost::system::error_code)> inside_;
};

class service {
 public:
  explicit service(const asio::any_io_executor& executor) : commands_(executor, 4) {
    routes_.emplace("/sum", coproc::command("expr", 2, "+", 3));
    routes_.emplace("/slow", coproc::command("sleep", 1000));
    routes_.emplace("/huge", coproc::command("yes"));
  }

  asio::awaitable<void> listen(tcp::acceptor acceptor) {
    for (;;) {
      tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
      asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
  }

 private:
  asio::awaitable<void> serve(tcp::socket socket) {
    try {
      beast::tcp_stream stream(std::move(socket));
      beast::flat_buffer buffer;
      for (;;) {
        stream.expires_after(30s);
        request asked;
        co_await http::async_read(stream, buffer, asked, asio::use_awaitable);
        stream.expires_never();
        response answer = co_await respond(asked);
        co_await http::async_write(stream, answer, asio::use_awaitable);
        if (!answer.keep_alive()) co_return;
      }
    } catch (const boost::system::system_error&) {
      // The peer has gone.
    }
  }

  asio::awaitable<response> respond(const request& asked) {
    const auto route = routes_.find(std::string(asked.target()));
    if (route == routes_.end()) co_return page(asked, http::status::not_found, "no such page\n");

    co_await commands_.enter();
    auto status = http::status::ok;
    std::string text;
    try {
      auto done = co_await coproc::capture(route->second, timeout = 1s, max_output = 64 * 1024);
      text = done.check().out;
    } catch (const coproc::timeout_error&) {
      status = http::status::gateway_timeout;
    } catch (const coproc::error& e) {
      status = http::status::internal_server_error;
      text = e.what();
    }
    commands_.leave();
    co_return page(asked, status, text + '\n');
  }

  static response page(const request& asked, http::status status, std::string text) {
    response answer(status, asked.version());
    answer.keep_alive(asked.keep_alive());
    answer.set(http::field::content_type, "text/plain");
    answer.body() = std::move(text);
    answer.prepare_payload();
    return answer;
  }

  std::map<std::string, coproc::command> routes_;
  turnstile commands_;
};

asio::awaitable<void> ask(tcp::endpoint where) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  co_await stream.async_connect(where, asio::use_awaitable);
  beast::flat_buffer buffer;
  for (const char* target : {"/sum", "/none", "/slow", "/huge"}) {
    const request asked(http::verb::get, target, 11);
    co_await http::async_write(stream, asked, asio::use_awaitable);
    response answer;
    co_await http::async_read(stream, buffer, answer, asio::use_awaitable);
    const std::string line = answer.body().substr(0, answer.body().find('\n'));
    std::cout << target << ": " << answer.result() << (line.empty() ? "" : ", ") << line << '\n';
  }
}

asio::awaitable<void> serve_on(unsigned short port) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), port));
  const tcp::endpoint here = acceptor.local_endpoint();
  service all(executor);
  if (port != 0) {
    std::cout << "http://" << here << "/sum" << std::endl;
    co_await all.listen(std::move(acceptor));
    co_return;
  }
  asio::co_spawn(executor, all.listen(std::move(acceptor)), asio::detached);
  co_await ask(here);
}

int main(int count, char** arguments) {
  try {
    coproc::run(serve_on(static_cast<unsigned short>(count > 1 ? std::stoi(arguments[1]) : 0)));
  } catch (const coproc::interrupted& e) {
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// /sum: OK, 5
// /none: Not Found, no such page
// /slow: Gateway Timeout
// /huge: Internal Server Error, yes: wrote more than max_output, 65536 bytes
