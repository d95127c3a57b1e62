// How do I feed a program more than memory holds, and show how far it has come?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
//
//   generate_input 1024 numbers.gz       a GiB of numbers, compressed
#include <coproc/coproc.hpp>
#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

using piece = std::optional<std::string>;

/// The next numbers, a line each: about a MiB of them.
std::string numbers(std::size_t& next) {
  std::string text;
  while (text.size() < 1 << 20) (text += std::to_string(next++)) += '\n';
  return text;
}

asio::awaitable<void> compress(std::size_t pieces, std::filesystem::path file) {
  std::size_t made = 0, next = 0, shown = 0;
  // Called when gzip has taken the piece before: there is never more than one in memory.
  auto make = [&]() -> asio::awaitable<piece> {
    for (; shown < made * 4 / pieces; ++shown) std::cout << (shown + 1) * 25 << " %" << std::endl;
    if (made++ == pieces) co_return std::nullopt;
    co_return numbers(next);
  };
  const auto done = co_await coproc::capture("gzip", "-1", input = make, std_out = file);
  done.check();
  const auto size = std::filesystem::file_size(file);
  std::cout << (size < (pieces << 20) ? "smaller" : "not smaller") << " than " << pieces
            << " MiB\n";
}

int main(int count, char** arguments) {
  const auto file = std::filesystem::temp_directory_path() / "generate_input.gz";
  try {
    if (count == 3) {
      coproc::run(compress(std::strtoul(arguments[1], nullptr, 10), arguments[2]));
    } else {
      coproc::run(compress(16, file));
      std::filesystem::remove(file);
    }
  } catch (const coproc::error& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// 25 %
// 50 %
// 75 %
// 100 %
// smaller than 16 MiB
