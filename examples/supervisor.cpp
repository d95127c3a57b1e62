// How do I keep a service running, and stop it in an orderly way?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <boost/asio/steady_timer.hpp>
#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// Starts the service, and starts it again when it has failed, later each time. When this coroutine
/// is cancelled (by Ctrl-C, where run() runs it) it stops the service.
asio::awaitable<void> supervise(coproc::command service) {
  std::chrono::milliseconds pause = 100ms;
  for (int start = 1;; ++start) {
    const auto began = std::chrono::steady_clock::now();
    auto process = co_await coproc::exec(service, env["START"] = start, process_group = new_group);

    bool cancelled = false;
    int status = 0;
    try {
      status = co_await process.wait();
    } catch (const coproc::cancelled_error&) {
      cancelled = true;
    }
    if (cancelled) {
      // From here on co_await works again, and throws only if there is a second cancellation.
      co_await asio::this_coro::reset_cancellation_state();
      status = co_await process.stop(5s);  // SIGTERM; SIGKILL after 5 s
      std::cout << "stopped: " << coproc::describe(status) << std::endl;
      co_return;
    }
    if (status == 0) co_return;

    if (std::chrono::steady_clock::now() - began > 1min) pause = 100ms;  // it had been well
    std::cout << "start " << start << ": " << coproc::describe(status) << ", again in "
              << pause.count() << " ms" << std::endl;
    asio::steady_timer timer(co_await asio::this_coro::executor, pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, std::chrono::milliseconds(30s));
  }
}

int main() {
  // A service that fails at its first two starts, and then works until it is told to end.
  const coproc::command service("/bin/sh", "-c",
                                "test $START -ge 3 || exit 1\n"
                                "trap 'echo saving my state; exit 0' TERM\n"
                                "echo at your service\n"
                                "while :; do sleep 0.05; done");
  try {
    // As Ctrl-C would, this cancels it, after three seconds.
    coproc::run(coproc::wait_for(supervise(service), 3s));
  } catch (const coproc::interrupted& e) {
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// start 1: exit status 1, again in 100 ms
// start 2: exit status 1, again in 200 ms
// at your service
// saving my state
// stopped: exit status 0
