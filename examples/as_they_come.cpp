// How do I take each result as it comes?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;

asio::awaitable<void> as_they_come() {
  std::vector<coproc::command> jobs;
  for (const char* seconds : {"0.8", "0", "0.4"})
    jobs.push_back(coproc::shell_command("sleep {}; echo slept for {}", seconds, seconds));

  auto results = coproc::as_completed(jobs, concurrency = 3);
  while (auto done = co_await results.next()) {
    std::cout << "number " << done->index << " " << done->value.check().out;
  }
}

int main() {
  try {
    coproc::run(as_they_come());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// number 1 slept for 0
// number 2 slept for 0.4
// number 0 slept for 0.8
