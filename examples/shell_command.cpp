// How do I run a shell command, with pipes and all?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<void> run_shell_command() {
  auto process = co_await coproc::shell("ls -l / | tail -n +2", std_out = piped, std_err = piped);
  auto [out, err] = co_await process.communicate();

  if (process.returncode() != 0) {
    std::cerr << "ls: " << err;
    co_return;
  }
  std::cout << "what there is in /:\n" << out;
}

int main() {
  try {
    coproc::run(run_shell_command());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// what there is in /:
// ...
