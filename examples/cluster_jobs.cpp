// How do I run many commands on a cluster, or on several machines, some at a time?
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
//
//   salloc -n 8 cluster_jobs -j 8 COMMAND...     in the allocation of Slurm, a processor for each
//   cluster_jobs -H db1,db2,db3 -j 24 COMMAND... on these machines in turn, by ssh
//   cluster_jobs -j 4 COMMAND...                 here
//
// Each command is a text for the shell there. Ctrl-C ends them all, wherever they run. With
// COPROC_TRACE=1 one sees which runs where. Nothing: a demonstration.
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;
using namespace coproc::keywords;
using namespace std::chrono_literals;

/// From a command to the one that takes it to where it runs.
using place = std::function<coproc::command(coproc::command)>;

place choose_place(const std::vector<std::string>& hosts) {
  if (!hosts.empty())
    return [hosts, next = std::size_t{0}](const coproc::command& what) mutable {
      return ssh(hosts[next++ % hosts.size()], "-o", "ConnectTimeout=10")(what);
    };
  // --overlap: steps share the allocation, or each would wait for all of it.
  if (std::getenv("SLURM_JOB_ID") != nullptr) return inside("srun", "-n1", "--overlap", "-Q");
  return [](coproc::command what) { return what; };
}

/// An sshd takes few connections that have not logged in yet: those it has dropped are tried again,
/// on the next machine.
bool not_reached(const coproc::completed& done) {
  return done.why == coproc::end_reason::unreachable;
}

asio::awaitable<int> run_all(std::vector<std::string> texts, place where, int at_once) {
  std::vector<coproc::command> jobs;
  for (const std::string& text : texts)  // a group, so that all of a job ends with it
    jobs.push_back(coproc::shell_command(text, process_group = new_group));
  auto results =
      coproc::as_completed(jobs, via = where, concurrency = at_once, timeout = 24h,
                           retry = attempts(5, 500ms, not_reached), return_exceptions = true);
  int failed = 0;
  std::exception_ptr stopped;
  try {
    while (auto next = co_await results.next()) {
      try {
        std::cout << next->value.value().check().out << std::flush;
      } catch (const coproc::error& e) {  // it says which command, how it ended, its last words
        ++failed;
        std::cout << "failed: " << e.what() << std::endl;
      }
    }
  } catch (...) {
    stopped = std::current_exception();
  }
  // Ctrl-C: what runs is asked to end, and waited for. Without this it would be killed.
  co_await asio::this_coro::reset_cancellation_state();
  co_await results.close();
  if (stopped) std::rethrow_exception(stopped);
  std::cout << jobs.size() << " jobs, " << failed << " failed\n";
  co_return failed == 0 ? 0 : 1;
}

int main(int count, char** arguments) {
  std::vector<std::string> hosts;
  int at_once = 4;
  for (int option; (option = ::getopt(count, arguments, "H:j:")) != -1;) {
    if (option == 'H')
      for (std::string rest = optarg; !rest.empty();) {
        hosts.push_back(rest.substr(0, rest.find(',')));
        rest.erase(0, std::min(rest.size(), hosts.back().size() + 1));
      }
    if (option == 'j') at_once = std::atoi(optarg);
    if (option == '?') {
      std::cerr << "usage: cluster_jobs [-H HOST,...] [-j AT_ONCE] COMMAND...\n";
      return 2;
    }
  }
  std::vector<std::string> texts(arguments + optind, arguments + count);
  const bool demonstration = texts.empty();
  if (demonstration) texts = {"sleep 0.2; echo second", "echo first", "sleep 0.4; exit 3"};
  try {
    const int status = coproc::run(run_all(texts, choose_place(hosts), at_once));
    return demonstration ? 0 : status;
  } catch (const coproc::interrupted& e) {  // Ctrl-C: nothing is left, there or here
    std::cerr << '\n' << e.what() << '\n';
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

// Output:
// first
// second
// failed: /bin/sh -c 'sleep 0.4; exit 3': exit status 3
// 3 jobs, 1 failed
