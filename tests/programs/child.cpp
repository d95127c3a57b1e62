// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// The child program of the tests: one behaviour a word. What says "ready" has done what it is for.

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "child_output.hpp"

extern char** environ;

namespace {

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

int copy(int from, int to) {
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return 1;
    if (n == 0) return 0;
    if (!write_all(to, buffer.data(), static_cast<std::size_t>(n))) return 1;
  }
}

/// Reads stdin to its end while it writes `size` bytes each to stdout and stderr, whatever is
/// ready.
int exchange(unsigned long size) {
  unsigned long written[3] = {0, 0, 0}, got = 0, wrong = 0;
  bool in_open = true;
  for (const int fd : {0, 1, 2}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  std::vector<char> buffer(64 * 1024);
  while (in_open || written[1] < size || written[2] < size) {
    pollfd fds[3] = {{in_open ? 0 : -1, POLLIN, 0},
                     {written[1] < size ? 1 : -1, POLLOUT, 0},
                     {written[2] < size ? 2 : -1, POLLOUT, 0}};
    ::poll(fds, 3, -1);
    if (fds[0].revents != 0) {
      const ssize_t n = ::read(0, buffer.data(), buffer.size());
      for (ssize_t i = 0; i < n; ++i)
        wrong += buffer[static_cast<std::size_t>(i)] != pattern(got++);
      in_open = n > 0 || (n < 0 && errno == EAGAIN);
    }
    for (const int fd : {1, 2}) {
      if (fds[fd].revents == 0) continue;
      std::size_t size_now = 0;
      while (size_now < buffer.size() && written[fd] + size_now < size) {
        buffer[size_now] = pattern(written[fd] + size_now);
        ++size_now;
      }
      const ssize_t n = ::write(fd, buffer.data(), size_now);
      if (n > 0) written[fd] += static_cast<unsigned long>(n);
    }
  }
  return got == size && wrong == 0 ? 0 : 1;
}

/// The same one after the other, in the order of the descriptors' digits.
int in_order(std::string_view order, unsigned long size) {
  for (const char digit : order) {
    if (digit != '0') {
      if (fill(digit - '0', size) != 0) return 1;
      continue;
    }
    unsigned long got = 0, wrong = 0;
    std::vector<char> buffer(64 * 1024);
    for (ssize_t n; (n = ::read(0, buffer.data(), buffer.size())) > 0;)
      for (ssize_t i = 0; i < n; ++i)
        wrong += buffer[static_cast<std::size_t>(i)] != pattern(got++);
    if (got != size || wrong != 0) return 1;
  }
  return 0;
}

/// Everything a launch can set, a line each.
void print_state() {
  std::set<int> fds;
  DIR* const dir = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(dir))
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != ::dirfd(dir))
      fds.insert(std::atoi(entry->d_name));
  std::string line = "fds";
  for (const int fd : fds) line += ' ' + std::to_string(fd);
  say(line);
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  std::string blocked = "blocked", changed = "not-default";
  for (int number = 1; number <= SIGRTMAX; ++number) {
    if (::sigismember(&mask, number) == 1) blocked += ' ' + std::to_string(number);
    struct sigaction action;
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_DFL)
      changed += ' ' + std::to_string(number);
  }
  say(blocked);
  say(changed);
  const mode_t mask_now = ::umask(0);
  char mode[16];
  std::snprintf(mode, sizeof mode, "%03o", mask_now);
  say(std::string("umask ") + mode);
  errno = 0;
  say("nice " + std::to_string(::getpriority(PRIO_PROCESS, 0)));
  say("uid " + std::to_string(::getuid()) + ' ' + std::to_string(::geteuid()));
  say("gid " + std::to_string(::getgid()) + ' ' + std::to_string(::getegid()));
  gid_t groups[64];
  const int count = ::getgroups(64, groups);
  std::string all = "groups";
  for (int i = 0; i < count; ++i) all += ' ' + std::to_string(groups[i]);
  say(all);
  say("pid " + std::to_string(::getpid()));
  say("pgid " + std::to_string(::getpgid(0)));
  say("sid " + std::to_string(::getsid(0)));
  rlimit limit;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  say("nofile " + std::to_string(limit.rlim_cur) + ' ' + std::to_string(limit.rlim_max));
  ::getrlimit(RLIMIT_CORE, &limit);
  say("core " + std::to_string(limit.rlim_cur) + ' ' + std::to_string(limit.rlim_max));
  char cwd[4096];
  say(std::string("cwd ") + (::getcwd(cwd, sizeof cwd) != nullptr ? cwd : "?"));
}

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const auto word = [&](int i) {
    return i < argc ? std::string_view(argv[i]) : std::string_view();
  };
  const auto number = [&](int i) { return std::strtoul(i < argc ? argv[i] : "0", nullptr, 0); };
  const std::string_view what = word(1);
  if (what == "exit") return static_cast<int>(number(2));
  if (what == "signal") {  // ends by signal N
    ::raise(static_cast<int>(number(2)));
    return 99;
  }
  if (what == "cat") return copy(0, 1);
  if (what == "cat-fds") {  // all of each of these descriptors on stdout
    for (int i = 2; i < argc; ++i)
      if (copy(static_cast<int>(number(i)), 1) != 0) return 1;
    return 0;
  }
  if (what == "fill") return fill(static_cast<int>(number(2)), number(3));
  if (what == "in-order") return in_order(word(2), number(3));
  if (what == "exchange") return exchange(number(2));
  if (what == "say") {  // the text on stdout, then on stderr
    write_all(1, argv[2], std::strlen(argv[2]));
    if (argc > 3) write_all(2, argv[3], std::strlen(argv[3]));
    return 0;
  }
  if (what == "args") {  // argv[0] and all that follows, a line each
    say(argv[0]);
    for (int i = 2; i < argc; ++i) say(argv[i]);
    return 0;
  }
  if (what == "env") {
    for (char** variable = environ; *variable != nullptr; ++variable) say(*variable);
    return 0;
  }
  if (what == "state") {
    print_state();
    return 0;
  }
  if (what == "wait") {  // until a signal ends it
    say("ready");
    wait_for_ever();
  }
  if (what == "ignore-term") {
    ::signal(SIGTERM, SIG_IGN);
    say("ready");
    wait_for_ever();
  }
  if (what == "on-term") {  // says so on SIGTERM and exits N
    static int code;
    code = static_cast<int>(number(2));
    ::signal(SIGTERM, [](int) {
      write_all(1, "term\n", 5);
      ::_exit(code);
    });
    say("ready");
    wait_for_ever();
  }
  if (what == "close-stdin") {  // then writes N bytes
    ::close(0);
    say("ready");
    return fill(1, number(2));
  }
  if (what == "stop-self") {
    say("ready");
    ::raise(SIGSTOP);
    say("continued");
    return 5;
  }
  if (what == "grandchild") {  // leaves one behind that holds all streams; says its pid
    const pid_t pid = ::fork();
    if (pid == 0) wait_for_ever();
    say(std::to_string(pid));
    return 0;
  }
  if (what == "late-grandchild") {  // one that writes N chunks, with pauses, when this one has gone
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (unsigned long i = 0; i < number(2); ++i) {
        ::usleep(20 * 1000);  // the subject: bytes that come after the child has ended
        say("late " + std::to_string(i));
      }
      wait_for_ever();
    }
    say(std::to_string(pid));
    return 0;
  }
  if (what == "tty") {  // which of 0, 1, 2 are terminals, and whether there is a controlling one
    std::string line = "tty";
    for (const int fd : {0, 1, 2}) line += ::isatty(fd) != 0 ? " yes" : " no";
    const int control = ::open("/dev/tty", O_RDWR);
    say(line + (control >= 0 ? " controlling" : " none"));
    return 0;
  }
  if (what == "pieces") {  // each word when it gets a byte; a newline on stderr when it is written
    char byte;
    for (int i = 2; i < argc && ::read(0, &byte, 1) == 1; ++i) {
      write_all(1, argv[i], std::strlen(argv[i]));
      write_all(2, "\n", 1);
    }
    return 0;
  }
  if (what == "read-on-usr1") {  // all of stdin, from SIGUSR1 on; then how much it was, if right
    sigset_t usr1;
    ::sigemptyset(&usr1);
    ::sigaddset(&usr1, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &usr1, nullptr);
    say("ready");
    int got_signal = 0;
    ::sigwait(&usr1, &got_signal);
    unsigned long got = 0, wrong = 0;
    std::vector<char> buffer(64 * 1024);
    for (ssize_t n; (n = ::read(0, buffer.data(), buffer.size())) > 0;)
      for (ssize_t i = 0; i < n; ++i)
        wrong += buffer[static_cast<std::size_t>(i)] != pattern(got++);
    say(std::to_string(got) + (wrong == 0 ? " right" : " wrong"));
    return 0;
  }
  if (what == "lines") {  // N lines of 64 bytes
    std::string line(63, 'x');
    for (unsigned long i = 0; i < number(2); ++i) say(line);
    return 0;
  }
  if (what == "flood") {  // writes until it is stopped
    const std::string block(64 * 1024, 'y');
    while (write_all(1, block.data(), block.size())) {
    }
    return 1;
  }
  if (what == "burn") {  // N ms of CPU time
    rusage used;
    do ::getrusage(RUSAGE_SELF, &used);
    while (static_cast<unsigned long>(used.ru_utime.tv_sec * 1000 + used.ru_utime.tv_usec / 1000 +
                                      used.ru_stime.tv_sec * 1000 + used.ru_stime.tv_usec / 1000) <
           number(2));
    return 0;
  }
  if (what == "memory") {  // touches N MiB
    std::vector<char> block(number(2) << 20, 'm');
    return block[block.size() / 2] == 'm' ? 0 : 1;
  }
  std::fprintf(stderr, "child: what is '%s'?\n", argc > 1 ? argv[1] : "");
  return 98;
}
