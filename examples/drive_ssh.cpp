// How do I answer a program that asks on the terminal, as ssh does for a password or a host's key?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
//
//   PASSWORD=secret drive_ssh HOST COMMAND...     nothing: a demonstration
//
// (Where there is a choice, keys need no answers, and `via = ssh(host)` leaves nothing there: see
// README, "Other machines". What this one runs there may go on when it is ended early.)
#include <coproc/coproc.hpp>
#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// Answers until the terminal is closed, which is when the program has ended.
asio::awaitable<void> answer(coproc::terminal_side& side, std::string password) {
  try {
    for (int passwords = 0;;) {
      auto found = co_await side.out().until("(yes/no/[fingerprint])? ", "assword: ", "': ");
      if (found.index > 0 && ++passwords > 1)
        throw std::runtime_error("it does not take the password");
      const std::string text = found.index == 0 ? "yes" : password;
      co_await side.in().write(text + '\n');
    }
  } catch (const coproc::incomplete_read_error&) {  // it asks no more
  }
}

/// The streams are pipes, and have the program's output alone: the questions are on the terminal.
asio::awaitable<int> drive(coproc::command program, std::string password) {
  auto process = co_await coproc::exec(program, terminal = size(24, 80), std_in = devnull,
                                       std_out = piped, std_err = piped);
  auto [unused, written] =
      co_await coproc::gather(answer(process.terminal(), password), process.communicate());
  std::cout << written.out;
  std::cerr << written.err;
  co_return co_await process.wait();
}

int main(int count, char** arguments) {
  // What asks as ssh does.
  const coproc::command demonstration("/bin/sh", "-c", R"(
    printf 'The authenticity of the host cannot be established.\n' >/dev/tty
    printf 'Are you sure you want to continue (yes/no/[fingerprint])? ' >/dev/tty
    read answer </dev/tty; printf 'password: ' >/dev/tty; read word </dev/tty
    echo "answered: $answer, and a word of ${#word} letters")");
  const char* const password = std::getenv("PASSWORD");
  try {
    if (count == 1) return coproc::run(drive(demonstration, "secret"));
    const std::vector<std::string> words(arguments + 1, arguments + count);
    const coproc::command ssh("ssh", words);
    return coproc::run(coproc::wait_for(drive(ssh, password != nullptr ? password : ""), 1min));
  } catch (const coproc::interrupted& e) {
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// answered: yes, and a word of 6 letters
