// How do I wait for a line in a program's log, but not for ever?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// Copies lines until one has @p text in it. False: the log has ended before.
asio::awaitable<bool> follow(coproc::reader& log, std::string text) {
  while (auto line = co_await log.readline()) {
    std::cout << "log: " << *line << std::endl;
    if (line->find(text) != std::string::npos) co_return true;
  }
  co_return false;
}

asio::awaitable<void> start_server() {
  auto server = co_await coproc::shell(
      "echo loading; sleep 0.1; echo listening on port 8080; exec sleep 1000", std_out = piped,
      process_group = new_group);

  const bool ready = co_await coproc::wait_for(follow(server.std_out(), "listening on"), 10s);
  std::cout << (ready ? "it is ready" : "it has ended") << std::endl;

  // A read that runs out of time loses nothing: another may follow.
  try {
    co_await coproc::wait_for(follow(server.std_out(), "a request"), 300ms);
  } catch (const coproc::timeout_error& e) {
    std::cout << "no request: " << e.what() << std::endl;
  }
  const int status = co_await server.stop();
  std::cout << coproc::describe(status) << '\n';
}

int main() {
  try {
    coproc::run(start_server());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// log: loading
// log: listening on port 8080
// it is ready
// no request: timed out after 0.3 s
// killed by SIGTERM
