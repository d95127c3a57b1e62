// How do I run a program and get what it writes?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>
#include <iostream>

using namespace coproc::keywords;  // std_out, piped, cwd, env, ...

coproc::awaitable<> hello() {
  auto process = co_await coproc::exec("echo", "Hello, world!", std_out = piped, std_err = piped);
  auto [out, err] = co_await process.communicate();
  std::cout << "STDOUT: " << out;
}

int main() { coproc::run(hello()); }

// Output:
// STDOUT: Hello, world!
