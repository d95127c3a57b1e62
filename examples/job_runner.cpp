// How do I run many commands, a few at a time, and watch how it goes?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
//
//   job_runner 'make -C a' 'make -C b' ...    or, without arguments, some that show what it does
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// How far we are: one line that changes on a terminal, a line for each job elsewhere.
class progress {
 public:
  explicit progress(std::size_t all) : all_(all) {}

  void one_more(const std::string& last) {
    ++done_;
    if (live_)
      std::cout << "\r\x1b[K[" << done_ << '/' << all_ << "] " << last.substr(0, 60) << std::flush;
    else std::cout << done_ << " of " << all_ << " done" << std::endl;
  }
  ~progress() {
    if (live_) std::cout << std::endl;
  }

 private:
  const bool live_ = ::isatty(STDOUT_FILENO) == 1;
  std::size_t all_, done_ = 0;
};

asio::awaitable<int> run_all(std::vector<std::string> texts) {
  // A group of its own for each: Ctrl-C reaches this program alone, and ends whole jobs from here.
  std::vector<coproc::command> jobs;
  for (const auto& text : texts)
    jobs.push_back(coproc::shell_command(text, process_group = new_group));

  progress shown(jobs.size());
  auto show = [&](std::size_t index, const auto&) { shown.one_more(texts[index]); };
  const auto results = co_await coproc::gather(jobs, concurrency = 4, return_exceptions = true,
                                               timeout = 10min, on_done = show);

  int failures = 0;
  for (const auto& result : results) {
    try {
      result.value().check();
    } catch (const coproc::error& e) {  // it says which command, how it ended, and its last words
      ++failures;
      std::cout << "failed: " << e.what() << '\n';
    }
  }
  co_return failures == 0 ? 0 : 1;
}

int main(int count, char** arguments) {
  std::vector<std::string> texts(arguments + 1, arguments + count);
  const bool demonstration = texts.empty();
  if (demonstration)
    texts = {"sleep 0.3", "sleep 0.2; echo no such luck >&2; exit 3", "uname", "sort < /dev/null",
             "sleep 0.1"};
  try {
    const int status = coproc::run(run_all(texts));
    return demonstration ? 0 : status;
  } catch (const coproc::interrupted& e) {  // Ctrl-C: the jobs have been ended
    std::cerr << e.what() << '\n';
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// 1 of 5 done
// 2 of 5 done
// 3 of 5 done
// 4 of 5 done
// 5 of 5 done
// failed: /bin/sh -c 'sleep 0.2; echo no such luck >&2; exit 3': exit status 3
// no such luck
