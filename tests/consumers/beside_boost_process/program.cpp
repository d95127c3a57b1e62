// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// A program that has Boost.Process code of its own, and the library linked where it is one.
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/environment.hpp>
#include <boost/process/v2/process.hpp>
#include <coproc/coproc.hpp>
#include <iostream>

using namespace coproc::keywords;
namespace process = boost::process::v2;

coproc::awaitable<> hello() {
  auto child = co_await coproc::exec("echo", "Hello, world!", std_out = piped);
  const auto written = co_await child.communicate();
  std::cout << "STDOUT: " << written.out;
}

int main() {
  boost::asio::io_context context;
  process::process own(context, "/bin/sh", {"-c", "exit 3"});
  boost::system::error_code code;
  const int status = own.wait(code);
  if (code || status != 3 || own.running(code)) return 1;
  process::process missing(context);
  if (missing.is_open()) return 2;
  if (process::environment::current().begin() == process::environment::current().end()) return 3;

  coproc::run(hello());
}
