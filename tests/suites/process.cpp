// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <linux/sched.h>
#include <sys/syscall.h>

#include <boost/asio/redirect_error.hpp>
#include <ranges>

#include "host.hpp"

namespace process_tests {

using namespace test;
using coproc::command;

// A child's end as its process tells it, its signals, and the object itself. How it is ended:
// ending.cpp.

namespace {

asio::awaitable<int> returncode_of(command what) {
  auto process = co_await coproc::exec(what);
  const int code = co_await process.wait();
  co_return code;
}

/// A child that has said that it is ready.
asio::awaitable<coproc::process> ready_child(command what) {
  auto process = co_await coproc::exec(what, std_out = piped);
  const auto line = co_await process.std_out().readline();
  REQUIRE(line);
  co_return process;
}

template <class Function>
bool misused(Function function) {
  try {
    function();
  } catch (const std::logic_error&) {
    return true;
  }
  return false;
}

}  // namespace

// ---- the returncode ----

COPROC_TEST("process: every exit status is told as it is") {
  auto runs = test::lazily(
      0, 256, [](int status) { return returncode_of(command(child, "exit", status)); });
  const auto codes = co_await coproc::gather(runs, concurrency = 16);
  REQUIRE(codes.size() == 256);
  int expected = 0;
  for (const int code : codes) CHECK(code == expected++);
}

COPROC_TEST("process: a signal that ended the child is told as its negative") {
  const std::vector<int> signals = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT,  SIGBUS,
                                    SIGFPE,  SIGKILL, SIGSEGV, SIGPIPE, SIGALRM,  SIGTERM,
                                    SIGUSR1, SIGUSR2, SIGSYS,  SIGXCPU, SIGRTMIN, SIGRTMAX};
  const int count = static_cast<int>(signals.size());
  auto runs = test::lazily(0, count, [&](int i) {
    return returncode_of(command(child, "signal", signals[static_cast<std::size_t>(i)],
                                 resource_limit[RLIMIT_CORE] = 0));
  });
  const auto codes = co_await coproc::gather(runs, concurrency = 8);
  for (std::size_t i = 0; i < signals.size(); ++i) CHECK(codes[i] == -signals[i]);
}

COPROC_TEST("process: an exit status that looks like a signal is none") {
  const int nine = co_await returncode_of(command(child, "exit", 9));
  CHECK(nine == 9);
  const int killed = co_await returncode_of(command(child, "signal", 9));
  CHECK(killed == -9);
  const int as_shells = co_await returncode_of(command("/bin/sh", "-c", "exit 137"));
  CHECK(as_shells == 137);
}

COPROC_TEST("process: returncode is empty while the child runs, and looks without a wait") {
  auto process = co_await ready_child(command(child, "wait"));
  CHECK(process.returncode() == std::nullopt);
  CHECK(::kill(process.pid(), 0) == 0);
  process.terminate();
  const bool seen = co_await eventually([&] { return process.returncode().has_value(); });
  CHECK(seen);
  CHECK(process.returncode() == -SIGTERM);
  CHECK_FALSE(has_children());
}

// ---- wait ----

COPROC_TEST("process: wait gives the same answer each time, also after the end") {
  auto process = co_await coproc::exec(child, "exit", 4);
  for (int i = 0; i < 3; ++i) {
    const int code = co_await process.wait();
    CHECK(code == 4);
  }
  CHECK(process.returncode() == 4);
}

COPROC_TEST("process: several may wait at once and get the same answer") {
  auto process = co_await ready_child(command(child, "on-term", 5));
  beside<int> first(co_await asio::this_coro::executor, process.wait());
  beside<int> second(co_await asio::this_coro::executor, process.wait());
  beside<int> third(co_await asio::this_coro::executor, process.wait());
  co_await turns(5);
  CHECK_FALSE(first.done());
  process.terminate();
  const int one = co_await first.result();
  const int two = co_await second.result();
  const int three = co_await third.result();
  const int four = co_await process.wait();
  CHECK(std::vector<int>{one, two, three, four} == std::vector<int>(4, 5));
  const auto [five, six] = co_await coproc::gather(process.wait(), process.wait());
  CHECK(five == 5);
  CHECK(six == 5);
}

COPROC_TEST("process: a wait can be cancelled, and neither child nor other waits notice") {
  auto process = co_await ready_child(command(child, "on-term", 6));
  beside<int> cancelled(co_await asio::this_coro::executor, process.wait());
  beside<int> other(co_await asio::this_coro::executor, process.wait());
  co_await turns(5);
  cancelled.cancel();
  const auto e = co_await thrown<coproc::cancelled_error>(cancelled.result());
  CHECK(e.code() == asio::error::operation_aborted);
  co_await turns(5);
  CHECK_FALSE(other.done());
  CHECK_FALSE(process.returncode());
  process.terminate();
  const int code = co_await other.result();
  CHECK(code == 6);
}

COPROC_TEST("process: a stopped child has not ended") {
  auto process = co_await ready_child(command(child, "stop-self"));
  beside<int> waiting(co_await asio::this_coro::executor, process.wait());
  const bool stopped = co_await eventually([&] {
    siginfo_t info = {};
    ::waitid(P_PID, static_cast<id_t>(process.pid()), &info, WSTOPPED | WNOHANG | WNOWAIT);
    return info.si_pid == process.pid();
  });
  CHECK(stopped);
  co_await turns(5);
  CHECK_FALSE(waiting.done());
  CHECK_FALSE(process.returncode());
  process.send_signal(SIGCONT);
  const auto line = co_await process.std_out().readline();
  CHECK(line == "continued");
  const int code = co_await waiting.result();
  CHECK(code == 5);
}

COPROC_TEST("process: a grandchild that holds the pipe does not keep wait") {
  const subreaper orphans;
  auto process = co_await coproc::exec(child, "grandchild", std_out = piped);
  const auto line = co_await process.std_out().readline();
  const pid_t grandchild = std::stoi(line.value());
  const int code = co_await process.wait();
  CHECK(code == 0);
  CHECK(exists(grandchild));
  ::kill(grandchild, SIGKILL);
  ::waitpid(grandchild, nullptr, 0);
}

// ---- a status that somebody else has ----

COPROC_TEST("process: where the host ignores SIGCHLD the end is seen, the status unknown") {
  const saved_action ignored(SIGCHLD, SIG_IGN);
  auto waited = co_await ready_child(command(child, "on-term", 3));
  beside<int> waiting(co_await asio::this_coro::executor, waited.wait());
  co_await turns(5);
  waited.terminate();
  const int code = co_await waiting.result();
  CHECK(code == coproc::unknown_returncode);
  CHECK(waited.returncode() == coproc::unknown_returncode);

  auto read = co_await coproc::exec(child, "say", "text", std_out = piped);
  const auto result = co_await read.communicate();
  CHECK(result.out == "text");
  CHECK(read.returncode() == coproc::unknown_returncode);
  CHECK(read.usage().user == 0us);
}

COPROC_TEST("process: where the host has reaped the child the end is seen, the status unknown") {
  auto process = co_await ready_child(command(child, "wait"));
  beside<int> waiting(co_await asio::this_coro::executor, process.wait());
  co_await turns(5);
  process.terminate();
  CHECK(::waitpid(-1, nullptr, 0) == process.pid());
  const int code = co_await waiting.result();
  CHECK(code == coproc::unknown_returncode);
  const int again = co_await process.wait();
  CHECK(again == coproc::unknown_returncode);

  auto late = co_await coproc::exec(child, "exit", 3);
  CHECK(::waitpid(-1, nullptr, 0) == late.pid());
  const int unknown = co_await late.wait();
  CHECK(unknown == coproc::unknown_returncode);
}

// ---- signals ----

COPROC_TEST("process: terminate, kill and send_signal do so") {
  auto handled = co_await ready_child(command(child, "on-term", 8));
  handled.terminate();
  const auto line = co_await handled.std_out().readline();
  CHECK(line == "term");
  const int eight = co_await handled.wait();
  CHECK(eight == 8);
  auto ignoring = co_await ready_child(command(child, "ignore-term"));
  ignoring.terminate();
  ignoring.kill();
  const int killed = co_await ignoring.wait();
  CHECK(killed == -SIGKILL);
  auto other = co_await ready_child(command(child, "wait"));
  other.send_signal(0);
  other.send_signal(SIGRTMAX);
  const int code = co_await other.wait();
  CHECK(code == -SIGRTMAX);
}

COPROC_TEST("process: a number that is no signal is an error, before and after the end") {
  auto process = co_await ready_child(command(child, "wait"));
  const auto error_of = [&](int number) {
    try {
      process.send_signal(number);
    } catch (const coproc::error& e) {
      return e.code();
    }
    return coproc::error_code();
  };
  const auto invalid = boost::system::errc::invalid_argument;
  CHECK(error_of(-1) == invalid);
  CHECK(error_of(SIGRTMAX + 1) == invalid);
  CHECK(error_of(100000) == invalid);
  process.kill();
  co_await process.wait();
  CHECK(error_of(-1) == invalid);
  CHECK(error_of(SIGTERM) == coproc::error_code());
}

namespace {

/// A child of this process, that only waits, with a certain pid; -1 where that is not permitted.
pid_t bystander(pid_t pid) {
  clone_args arguments = {};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&pid);
  arguments.set_tid_size = 1;
  const long made = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (made == 0) {
    ::close(1);
    ::execl(child.c_str(), child.c_str(), "wait", nullptr);
    ::_exit(1);
  }
  return static_cast<pid_t>(made);
}

}  // namespace

COPROC_TEST("process: a signal after the end is nothing, and never reaches who has the pid then") {
  for (const bool seen : {true, false}) {
    CAPTURE(seen);
    std::optional<coproc::process> ended(
        co_await coproc::exec(child, "exit", 0, std_out = devnull));
    const pid_t pid = ended->pid();
    // Reaped by us, or by somebody else and we do not know yet.
    if (seen) co_await ended->wait();
    else ::waitpid(pid, nullptr, 0);
    const pid_t other = bystander(pid);  // takes privileges: without, the rest must still hold
    ended->send_signal(0);
    ended->terminate();
    ended->kill();
    co_await ended->stop(0s);
    (void)ended->release();
    ended.reset();
    if (other < 0) continue;
    CHECK(other == pid);
    CHECK(::waitpid(other, nullptr, WNOHANG) == 0);
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
  }
}

// ---- usage ----

COPROC_TEST("process: usage is that of the child, when it has ended") {
  auto process = co_await coproc::exec(child, "burn", 60);
  CHECK(process.usage().user + process.usage().system == 0us);
  co_await process.wait();
  CHECK(process.usage().user + process.usage().system >= 60ms);
  CHECK(process.usage().user + process.usage().system < 10s);
  auto large = co_await coproc::exec(child, "memory", 300);
  co_await large.wait();
  CHECK(large.usage().peak_rss >= 300u << 20);
  CHECK(large.usage().peak_rss < 3000u << 20);
}

// ---- the object ----

COPROC_TEST("process: a stream that is not piped is none") {
  auto process = co_await coproc::exec(child, "exit", 0, std_out = devnull);
  CHECK_THROWS_WITH(process.std_in(), "coproc: std_in is neither piped nor a terminal");
  CHECK_THROWS_WITH(process.std_out(), "coproc: std_out is neither piped nor a terminal");
  CHECK_THROWS_AS(process.std_err(), std::logic_error);
  co_await process.wait();
}

COPROC_TEST("process: it may be moved while operations on it wait") {
  auto first = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
  beside<int> waiting(co_await asio::this_coro::executor, first.wait());
  beside<std::string> reading(co_await asio::this_coro::executor, first.std_out().readexactly(4));
  co_await turns(5);
  coproc::process second = std::move(first);
  co_await second.std_in().write("text");
  const auto text = co_await reading.result();
  CHECK(text == "text");
  coproc::process third = std::move(second);
  third.std_in().close();
  const int code = co_await waiting.result();
  CHECK(code == 0);
  CHECK(third.returncode() == 0);
}

COPROC_TEST("process: a moved-from process refuses its use") {
  auto process = co_await ready_child(command(child, "wait"));
  const int pid = process.pid();
  coproc::process other = std::move(process);
  CHECK(other.pid() == pid);
  CHECK(misused([&] { (void)process.pid(); }));
  CHECK(misused([&] { (void)process.returncode(); }));
  CHECK(misused([&] { (void)process.usage(); }));
  CHECK(misused([&] { (void)process.std_out(); }));
  CHECK(misused([&] { process.kill(); }));
  CHECK(misused([&] { (void)process.handle(); }));
  CHECK(misused([&] { (void)process.release(); }));
  CHECK(misused([&] { (void)process.wait(); }));
  CHECK(misused([&] { (void)process.stop(); }));
  const auto e = co_await thrown<std::logic_error>(process.communicate());
  CHECK(std::string(e.what()) == "coproc: this process has been moved from");
  process.detach();  // of nothing
  other.kill();
  const int code = co_await other.wait();
  CHECK(code == -SIGKILL);
}

COPROC_TEST("process: a moved-to process ends what it had, and has the other's child and streams") {
  auto process = co_await ready_child(command(child, "wait"));
  const int old = process.pid();
  auto other = co_await coproc::exec(child, "say", "new", std_out = piped);
  process = std::move(other);
  const auto text = co_await process.std_out().read();
  CHECK(text == "new");
  const int code = co_await process.wait();
  CHECK(code == 0);
  const bool reaped = co_await eventually([&] { return !exists(old); });
  CHECK(reaped);
  coproc::process& same = process;
  process = std::move(same);
  CHECK(process.returncode() == 0);
  process = std::move(other);  // which has nothing any more
  CHECK(misused([&] { (void)process.pid(); }));
  process = co_await coproc::exec(child, "exit", 3);
  const int three = co_await process.wait();
  CHECK(three == 3);
}

// ---- Boost.Process ----

COPROC_TEST("process: handle is that of Boost.Process for the same child") {
  auto process = co_await ready_child(command(child, "on-term", 9));
  CHECK(process.handle().id() == process.pid());
  CHECK(&process.handle() == &process.handle());
  boost::system::error_code error;
  process.handle().request_exit(error);
  CHECK_FALSE(error);
  const int code = co_await process.wait();
  CHECK(code == 9);
}

COPROC_TEST(
    "process: the streams of one that was given away are closed, if never used before too") {
  auto process = co_await coproc::exec(child, "cat", std_in = piped, std_out = piped);
  coproc::native_process given = process.release();
  CHECK_FALSE(process.std_in().is_open());
  CHECK(process.std_out().at_eof());
  CHECK(misused([&] { (void)process.std_err(); }));
  (void)co_await thrown<coproc::cancelled_error>(process.communicate("text"));
  boost::system::error_code error;
  const int code = co_await given.async_wait(asio::redirect_error(asio::use_awaitable, error));
  CHECK(code == 0);  // cat: its stdin is closed
}

COPROC_TEST("process: release gives the child away, and what waits for it here is cancelled") {
  auto process = co_await ready_child(command(child, "wait"));
  const int pid = process.pid();
  beside<int> waiting(co_await asio::this_coro::executor, process.wait());
  beside<std::string> reading(co_await asio::this_coro::executor, process.std_out().read());
  co_await turns(5);
  coproc::native_process given = process.release();
  CHECK(given.id() == pid);
  (void)co_await thrown<coproc::cancelled_error>(waiting.result());
  (void)co_await thrown<coproc::cancelled_error>(reading.result());
  CHECK_FALSE(process.returncode());
  process.kill();  // not ours any more
  (void)co_await thrown<coproc::cancelled_error>(process.wait());
  ::kill(pid, SIGTERM);
  boost::system::error_code error;
  const int code = co_await given.async_wait(asio::redirect_error(asio::use_awaitable, error));
  CHECK_FALSE(error);
  CHECK(code == SIGTERM);
}

COPROC_TEST("process: a released child outlives the process") {
  std::optional<coproc::process> process(co_await ready_child(command(child, "wait")));
  coproc::native_process given = process->release();
  process.reset();
  CHECK(given.running());
  given.request_exit();
  CHECK(given.wait() == SIGTERM);  // Boost's way of saying it
  CHECK_FALSE(has_children());
}

COPROC_TEST("process: release of an ended child gives an empty object, and the code stays") {
  auto process = co_await coproc::exec(child, "exit", 12);
  co_await process.wait();
  CHECK(process.release().id() == -1);
  CHECK(process.returncode() == 12);
}

COPROC_TEST("process: it prints itself, for logs") {
  const auto printed = [](const coproc::process& what) {
    std::ostringstream text;
    text << what;
    CHECK(text.str() == coproc::to_string(what));
    return text.str();
  };
  auto process = co_await coproc::exec(child, "exit", 3);
  const std::string name = "process " + std::to_string(process.pid());
  co_await process.wait();
  CHECK(printed(process) == name + ", exit status 3");
  process = co_await coproc::exec(child, "wait");
  CHECK(printed(process).ends_with(", running"));
  process.kill();
  co_await process.wait();
  CHECK(printed(process).ends_with(", killed by SIGKILL"));
  CHECK(printed(coproc::process()) == "no process");
}

COPROC_TEST("process: returncodes compare with each other, with numbers and with nothing") {
  auto one = co_await coproc::exec(child, "exit", 3);
  auto other = co_await coproc::exec(child, "exit", 3);
  co_await one.wait();
  co_await other.wait();
  CHECK((one.returncode() == other.returncode()));
  CHECK((one.returncode() == 3));
  CHECK((one.returncode() != std::nullopt));
  CHECK((one.returncode() == std::optional<int>(3)));
  coproc::optional_returncode code;
  CHECK((code != one.returncode()));
  code = std::optional<int>(3);
  CHECK((code == one.returncode()));
}

}  // namespace process_tests
