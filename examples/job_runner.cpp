// How do I run many commands, some at a time, as they come, and watch how it goes?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
//
//   job_runner [-j AT_ONCE] [-k] [-r ATTEMPTS] [-l FOLDER] COMMAND...
//   find . -name '*.png' -printf 'optipng %p\n' | job_runner -j 8 -k -l logs -
//
// -: a command a line, from stdin, each started as it comes. -k: a failure does not end the others.
// -r: so many attempts. -l: what each writes goes to FOLDER/1.log and so on. Nothing: a demonstration.
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

class settings {
 public:
  std::vector<std::string> texts;
  bool from_stdin = false, keep_going = false;
  int at_once = 4, tries = 1;
  std::filesystem::path logs;
};

/// How it goes: a line that changes, on a terminal, and below it what has failed.
class progress {
 public:
  void started() { ++running_, show(); }
  void ended(bool well) { --running_, ++(well ? done_ : failed_), show(); }
  void say(const std::string& text) {
    std::cout << (live_ ? "\r\x1b[K" : "") << text << std::endl;
    show();
  }
  int summary() {
    say(std::to_string(done_ + failed_) + " jobs, " + std::to_string(failed_) + " failed");
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void show() const {
    if (live_ && running_ > 0)
      std::cout << "\r\x1b[K" << done_ << " done, " << failed_ << " failed, " << running_
                << " running" << std::flush;
  }
  const bool live_ = ::isatty(STDOUT_FILENO) == 1;
  int running_ = 0, done_ = 0, failed_ = 0;
};

asio::awaitable<int> run_all(settings chosen) {
  std::optional<coproc::process> in;  // waits for stdin in our place, whatever stdin is
  if (chosen.from_stdin) in = co_await coproc::exec("cat", std_out = piped);
  std::size_t made = 0;
  auto next_job = [&]() -> asio::awaitable<std::optional<coproc::command>> {
    std::optional<std::string> text;
    if (in) text = co_await in->std_out().readline();
    else if (made < chosen.texts.size()) text = chosen.texts[made];
    if (!text) co_return std::nullopt;
    ++made;
    // A group of its own for each: Ctrl-C reaches this program alone, and ends whole jobs from here.
    auto job = coproc::shell_command(*text, process_group = new_group,
                                     retry = attempts(chosen.tries, 100ms));
    if (chosen.logs.empty()) co_return job;
    const auto log = chosen.logs / (std::to_string(made) + ".log");
    co_return coproc::command(job, std_out = log, std_err = to_stdout);
  };

  progress shown;
  auto results = coproc::as_completed(
      next_job, concurrency = chosen.at_once, timeout = 1h, return_exceptions = true,
      on_start = [&](std::size_t) { shown.started(); });
  std::exception_ptr stopped;
  try {
    while (auto next = co_await results.next()) {
      std::string failure;
      try {
        next->value.value().check();
      } catch (const coproc::error& e) {  // it says which command, how it ended, its last words
        failure = e.what();
      }
      shown.ended(failure.empty());
      if (failure.empty()) continue;
      shown.say("failed: " + failure);
      if (!chosen.keep_going) break;
    }
  } catch (...) {
    stopped = std::current_exception();
  }
  // A failure, or Ctrl-C: what still runs is asked to end, and waited for.
  co_await asio::this_coro::reset_cancellation_state();
  co_await results.close();
  if (stopped) std::rethrow_exception(stopped);
  co_return shown.summary();
}

int main(int count, char** arguments) {
  settings chosen;
  for (int option; (option = ::getopt(count, arguments, "j:kr:l:")) != -1;) {
    if (option == 'j') chosen.at_once = std::atoi(optarg);
    if (option == 'k') chosen.keep_going = true;
    if (option == 'r') chosen.tries = std::atoi(optarg);
    if (option == 'l') chosen.logs = optarg;
    if (option == '?') {
      std::cerr << "usage: job_runner [-j AT_ONCE] [-k] [-r ATTEMPTS] [-l FOLDER] COMMAND... | -\n";
      return 2;
    }
  }
  chosen.texts.assign(arguments + optind, arguments + count);
  chosen.from_stdin = chosen.texts == std::vector<std::string>(1, "-");
  const bool demonstration = chosen.texts.empty();
  if (demonstration) {
    chosen.texts = {"sleep 0.3", "sleep 0.1; echo no such luck >&2; exit 3", "uname", "true"};
    chosen.keep_going = true;
  }
  try {
    if (!chosen.logs.empty()) std::filesystem::create_directories(chosen.logs);
    const int status = coproc::run(run_all(chosen));
    return demonstration ? 0 : status;
  } catch (const coproc::interrupted& e) {  // Ctrl-C: the jobs have been ended
    std::cerr << '\n' << e.what() << '\n';
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// failed: /bin/sh -c 'sleep 0.1; echo no such luck >&2; exit 3': exit status 3
// no such luck
// 4 jobs, 1 failed
