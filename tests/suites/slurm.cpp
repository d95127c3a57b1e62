// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Commands on a cluster, by Slurm's own srun: a real slurmctld and slurmd, of one node.

#include <csignal>

#include "elsewhere.hpp"
#include "host.hpp"

namespace slurm_tests {

using namespace test;
using coproc::capture;
using coproc::carrier;
using coproc::command;
using coproc::end_reason;
using coproc::exec;

namespace {

/// Slurm with sixteen processors, whatever the machine has, as long as this lives.
class cluster {
 public:
  cluster() {
    const std::string slurmctld = daemon_program("slurmctld"), slurmd = daemon_program("slurmd");
    const std::string at = folder_.path.string() + '/';
    std::filesystem::permissions(folder_.path, std::filesystem::perms(0755));
    for (const char* const name : {"state", "spool"}) std::filesystem::create_directory(at + name);
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    const std::string node = std::string(host).substr(0, std::string(host).find('.'));
    write_file(at + "slurm.conf",
               "ClusterName=test\nSlurmctldHost=" + node + "(127.0.0.1)\nSlurmctldPort=" +
                   std::to_string(free_port()) + "\nSlurmdPort=" + std::to_string(free_port()) +
                   "\nSlurmUser=" + user_name() + "\nSlurmdUser=" + user_name() +
                   "\nAuthType=auth/none\nCredType=cred/none\nStateSaveLocation=" + at +
                   "state\nSlurmdSpoolDir=" + at + "spool\nSlurmctldPidFile=" + at +
                   "slurmctld.pid\nSlurmdPidFile=" + at + "slurmd.pid\nSlurmctldLogFile=" + at +
                   "slurmctld.log\nSlurmdLogFile=" + at +
                   "slurmd.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
                   "JobAcctGatherType=jobacct_gather/none\nSelectType=select/cons_tres\n"
                   "SelectTypeParameters=CR_Core\nReturnToService=2\nMailProg=/bin/true\n"
                   "SlurmdParameters=config_overrides\nNodeName=" +
                   node +
                   " NodeAddr=127.0.0.1 CPUs=16 RealMemory=1000 State=UNKNOWN\n"
                   "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP "
                   "OverSubscribe=FORCE:1\n");
    ::setenv("SLURM_CONF", (at + "slurm.conf").c_str(), 1);
    controller_ = coproc::run(exec(slurmctld, "-D", "-c", "-i", std_out = devnull,
                                   std_err = devnull, kill_on_parent_death = true));
    node_ = coproc::run(
        exec(slurmd, "-D", std_out = devnull, std_err = devnull, kill_on_parent_death = true));
    const bool idle = soon(
        [] { return coproc::run(capture("sinfo", "-h", "-o", "%T")).out.starts_with("idle"); });
    if (!idle) FAIL(read_file(at + "slurmctld.log") + read_file(at + "slurmd.log"));
    // Its number is in what salloc says.
    const auto made = coproc::run(capture("salloc", "--no-shell", "-N1", "-n16"));
    const std::size_t number = made.err.find("job allocation ");
    if (number == std::string::npos) FAIL(made.err);
    job = std::to_string(std::atoi(made.err.c_str() + number + 15));
  }
  ~cluster() {
    try {
      coproc::run(capture("scancel", job));
      soon([] { return coproc::run(capture("squeue", "-h")).out.empty(); });  // or its steps stay
    } catch (const std::exception&) {  // then it goes with the daemons
    }
  }

  /// Into the allocation, one processor a command.
  carrier step() const { return inside("srun", "--jobid", job, "-n1", "--overlap", "-Q"); }

  std::string job;  // an allocation of the whole node

 private:
  temporary_directory folder_;
  coproc::process controller_, node_;
};

const cluster& slurm() {
  static const cluster only;
  return only;
}

}  // namespace

COPROC_TEST("slurm: every word arrives to the byte, cwd and env with it") {
  const auto step = slurm().step();
  const auto done = co_await capture(child, "args", nasty_words(), via = step);
  CHECK(done.out == as_said(nasty_words()));
  const auto moved = co_await capture("pwd", via = step, cwd = "/usr");
  CHECK(moved.out == "/usr\n");
  const auto changed = co_await capture(child, "env", via = step, env["A"] = "a b\n");
  CHECK(changed.out.find("\nA=a b\n") != std::string::npos);
  const auto bare = co_await capture(child, "env", via = step, env = {}, env["ONLY"] = 1);
  CHECK(bare.out == "ONLY=1\n");
}

COPROC_TEST("slurm: the far code is its own, 255 is srun's") {
  const auto step = slurm().step();
  const std::vector<std::pair<int, int>> codes{{0, 0}, {3, 3}, {254, 254}, {255, 254}};
  for (const auto& [given, seen] : codes) {
    const auto done = co_await capture(child, "exit", given, via = step);
    CHECK(done.returncode == seen);
    CHECK(done.why == end_reason::exited);
  }
  const auto missing = co_await capture("no-such-program", via = step);
  CHECK(missing.returncode == 127);
  const auto lost = co_await capture("pwd", via = step, cwd = "/no/such/place");
  CHECK(lost.returncode == 126);
  const auto expired = inside("srun", "--jobid", 999999, "-n1");
  const auto done = co_await capture("hostname", via = expired);
  CHECK(done.why == end_reason::unreachable);
}

COPROC_TEST("slurm: forty steps, eight at once") {
  std::vector<command> all;
  for (int i = 0; i < 40; ++i) all.emplace_back(child, "say", i);
  const auto done = co_await coproc::gather(all, via = slurm().step(), concurrency = 8);
  for (int i = 0; i < 40; ++i) CHECK(done[static_cast<std::size_t>(i)].out == std::to_string(i));
}

COPROC_TEST("slurm: stop is graceful, and nothing is left") {
  const std::string mark = new_mark();
  const auto step = slurm().step();
  auto process = co_await exec(child, "on-term", 9, mark, via = step, std_out = piped);
  co_await process.std_out().until("ready\n");
  const int code = co_await process.stop(patience);
  CHECK(code == 9);
  const std::string rest = co_await process.std_out().read();
  CHECK(rest == "term\n");
  {
    auto other = co_await exec(child, "ignore-term", mark, via = step, std_out = piped);
    co_await other.std_out().until("ready\n");
  }
  // What outlives the signal is killed before srun is, whose end would end what kills it.
  const auto text = ": ; trap '' TERM; " + child + " wait " + mark + " & trap 'exit 7' TERM; wait";
  auto stubborn = co_await exec("/bin/sh", "-c", text, via = step, std_out = piped);
  co_await stubborn.std_out().until("ready\n");
  (void)co_await stubborn.stop(500ms);
  const bool gone = co_await none_left(mark);
  CHECK(gone);
}

}  // namespace slurm_tests
