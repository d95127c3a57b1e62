// How do I read a program's output line by line, while it runs?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<void> read_lines() {
  auto process =
      co_await coproc::shell("for i in 1 2 3; do echo line $i; done; echo last >&2; exit 4",
                             std_out = piped, std_err = piped);

  while (auto line = co_await process.std_out().readline()) {
    std::cout << "out: " << *line << '\n';
  }
  while (auto line = co_await process.std_err().readline()) {
    std::cout << "err: " << *line << '\n';
  }
  const int status = co_await process.wait();
  std::cout << coproc::describe(status) << '\n';
}

int main() {
  try {
    coproc::run(read_lines());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// out: line 1
// out: line 2
// out: line 3
// err: last
// exit status 4
