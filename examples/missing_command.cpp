// What happens when a command does not exist?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<void> errors() {
  // Without a shell nothing has been started, and exec says why.
  try {
    auto process = co_await coproc::exec("non_existent_command");
  } catch (const coproc::launch_error& e) {
    std::cout << "exec: " << e.what() << '\n';
  }

  // A shell does start; what it cannot find is its own business: 127, and its words on stderr.
  auto process = co_await coproc::shell("non_existent_command", std_err = piped);
  auto [out, err] = co_await process.communicate();
  std::cout << "shell: status " << process.returncode().value() << ", " << err;
}

int main() {
  try {
    coproc::run(errors());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// exec: non_existent_command: No such file or directory
// shell: status 127, ...
