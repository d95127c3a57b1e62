// How do I join programs by pipes, without a shell?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using coproc::command;

asio::awaitable<void> word_count() {
  const std::string text = "to be or not to be\n";

  // Bytes go from child to child; none passes through this program.
  auto done = co_await coproc::capture(command("tr", " ", "\\n", input = text) | command("sort") |
                                       command("uniq", "-c") | command("sort", "-rnk1,1", "-s"));
  done.check();  // as a shell's pipefail
  std::cout << done.out;

  // A reader that has had enough is no failure of the writer.
  auto first = co_await coproc::capture(command("yes") | command("head", "-n", 1));
  std::cout << "yes | head says " << first.out;
}

int main() {
  try {
    coproc::run(word_count());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
//       2 be
//       2 to
//       1 not
//       1 or
// yes | head says y
