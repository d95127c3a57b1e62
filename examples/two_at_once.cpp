// How do I run several programs at the same time?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<std::string> first_word(std::string text) {
  auto process = co_await coproc::exec("sh", "-c", "sleep 0.5; echo $0", text, std_out = piped);
  auto line = co_await process.std_out().readline();
  co_await process.wait();
  co_return line.value_or("nothing");
}

asio::awaitable<void> two_at_once() {
  const auto start = std::chrono::steady_clock::now();

  // Both run now. If one fails, the other is cancelled and its child ended.
  auto [hello, world] = co_await coproc::gather(first_word("Hello"), first_word("World"));

  const auto time = std::chrono::steady_clock::now() - start;
  std::cout << hello << ", " << world << "!\n";
  std::cout << (time < std::chrono::milliseconds(900) ? "at once" : "one after the other") << '\n';
}

int main() {
  try {
    coproc::run(two_at_once());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// Hello, World!
// at once
