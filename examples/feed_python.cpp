// How do I answer a program that asks for input?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<void> run_python_script() {
  auto process = co_await coproc::exec("python3", "-c",
                                       "print('Enter your name: '); print(f'Hello, {input()}!')",
                                       std_in = piped, std_out = piped, std_err = piped);

  // Writes the input, closes stdin, and reads both outputs, all at once.
  auto [out, err] = co_await process.communicate("John Doe\n");
  std::cout << out;
  if (!err.empty()) std::cerr << err;
}

int main() {
  try {
    coproc::run(run_python_script());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// Enter your name:
// Hello, John Doe!
