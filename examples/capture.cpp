// How do I run a command, with a bound on its time, and have a failure thrown?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

asio::awaitable<void> captures() {
  // Both outputs captured, stdin empty; check() throws unless the returncode is 0.
  auto sum = (co_await coproc::capture("expr", 40, "+", 2)).check();
  std::cout << "expr says " << sum.out;

  try {
    auto failed = co_await coproc::capture("sh", "-c", "echo no such luck >&2; exit 3");
    failed.check();
  } catch (const coproc::exit_error& e) {
    std::cout << e.what() << '\n';
  }

  // Out of time: SIGTERM, then SIGKILL; what it had written is in the error.
  try {
    co_await coproc::capture("sh", "-c", "echo so far; sleep 60", timeout = 200ms);
  } catch (const coproc::timeout_error& e) {
    std::cout << e.what() << ", it had said: " << e.out();
  }
}

int main() {
  try {
    coproc::run(captures());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// expr says 42
// sh -c 'echo no such luck >&2; exit 3': exit status 3
// no such luck
// sh -c 'echo so far; sleep 60': timed out after 0.2 s, it had said: so far
