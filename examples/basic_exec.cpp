// How do I run a program with arguments, and what has become of it?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<void> run_subprocess() {
  // Each argument is one argument: no shell, no quoting.
  auto process = co_await coproc::exec("echo", "Hello, world!", std_out = piped, std_err = piped);

  // Reads both outputs to their ends, and waits for the child.
  auto [out, err] = co_await process.communicate();
  std::cout << "STDOUT: " << out;
  if (!err.empty()) std::cout << "STDERR: " << err;

  const int status = process.returncode().value();
  std::cout << "echo: " << coproc::describe(status) << '\n';
}

int main() {
  try {
    coproc::run(run_subprocess());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// STDOUT: Hello, world!
// echo: exit status 0
