// How do I use it without coroutines: from callbacks, on a pool of threads, with futures?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <boost/asio.hpp>
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace coproc::keywords;

/// A connection: each line that comes is sorted by a child, and sent back.
class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

  void read() {
    asio::async_read_until(socket_, asio::dynamic_buffer(line_), '\n',
                           [self = shared_from_this()](auto error, std::size_t) {
                             if (!error) self->sort();
                           });
  }

 private:
  void sort() {
    auto sorting = coproc::capture(coproc::shell_command("tr ' ' '\n' | sort | tr '\n' ' '"),
                                   input = std::exchange(line_, std::string()));
    // It runs on the strand of this session, beside those of others.
    asio::co_spawn(socket_.get_executor(), std::move(sorting),
                   [self = shared_from_this()](std::exception_ptr failure, coproc::completed done) {
                     self->answer(failure ? "failed" : done.out);
                   });
  }

  void answer(std::string text) {
    line_ = std::move(text) + '\n';
    asio::async_write(socket_, asio::buffer(line_), [self = shared_from_this()](auto error, auto) {
      self->line_.clear();
      if (!error) self->read();
    });
  }

  tcp::socket socket_;
  std::string line_;
};

void serve(asio::thread_pool& pool, tcp::acceptor& acceptor) {
  acceptor.async_accept(asio::make_strand(pool), [&](auto error, tcp::socket socket) {
    if (error) return;
    std::make_shared<session>(std::move(socket))->read();
    serve(pool, acceptor);
  });
}

int main() {
  asio::thread_pool pool(2);
  auto system = asio::co_spawn(pool, coproc::capture("uname"), asio::use_future);
  std::cout << "a future: " << system.get().check().out;

  tcp::acceptor acceptor(pool, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  serve(pool, acceptor);
  tcp::iostream client(acceptor.local_endpoint());
  for (const auto* const words : {"pear apple fig", "b c a"}) {
    std::string answer;
    client << words << std::endl;
    std::getline(client, answer);
    std::cout << "the server: " << answer << '\n';
  }
  pool.stop();
}

// Output:
// a future: Linux
// the server: apple fig pear
// the server: a b c
