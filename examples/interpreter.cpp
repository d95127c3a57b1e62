// How do I keep an interpreter at hand, and ask it one thing after another?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// A Python that answers a line with a line.
class python {
 public:
  static asio::awaitable<python> start() {
    // What it would buffer, nobody would get to see: hence flush.
    const char* const program =
        "import math, sys\n"
        "for line in sys.stdin:\n"
        "    try: answer = repr(eval(line))\n"
        "    except Exception as e: answer = 'error: ' + str(e)\n"
        "    print(answer, flush=True)\n";
    auto process = co_await coproc::exec("python3", "-c", program, std_in = piped, std_out = piped);
    co_return python(std::move(process));
  }

  /// One question at a time.
  asio::awaitable<std::string> ask(std::string question) {
    co_await process_.std_in().write(question + '\n');
    auto answer = co_await coproc::wait_for(process_.std_out().readline(), 10s);
    if (!answer) throw std::runtime_error("python has ended");
    co_return *answer;
  }

  /// An end of file ends it.
  asio::awaitable<int> end() {
    process_.std_in().close();
    co_return co_await process_.wait();
  }

 private:
  explicit python(coproc::process process) : process_(std::move(process)) {}
  coproc::process process_;
};

asio::awaitable<void> talk() {
  auto interpreter = co_await python::start();
  const std::vector<std::string> questions = {"2 ** 100", "math.comb(10, 3)", "1 / 0",
                                              "[n * n for n in range(5)]"};
  for (const auto& question : questions) {
    const auto answer = co_await interpreter.ask(question);
    std::cout << question << " = " << answer << '\n';
  }
  const int status = co_await interpreter.end();
  std::cout << coproc::describe(status) << '\n';
}

int main() {
  try {
    coproc::run(talk());
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// 2 ** 100 = 1267650600228229401496703205376
// math.comb(10, 3) = 120
// 1 / 0 = error: division by zero
// [n * n for n in range(5)] = [0, 1, 4, 9, 16]
// exit status 0
