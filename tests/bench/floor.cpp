// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// The floor: the same work by hand, with the system's calls and nothing else. It masks no signals,
// reports no failed exec, and knows no cancellation.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "bench.hpp"

namespace {

using namespace bench;

struct plan {
  char** words;
  int fds[3];
};

int child_main(void* argument) {
  plan& p = *static_cast<plan*>(argument);
  for (int fd = 0; fd < 3; ++fd)
    if (p.fds[fd] >= 0) ::dup2(p.fds[fd], fd);
  ::execve(child, p.words, environ);
  ::_exit(127);
}

/// A stack that is used again when the child has exec'ed.
alignas(64) char stack[16 * 1024];

struct running {
  pid_t pid;
  int pidfd = -1;
  int in = -1, out = -1, err = -1;
};

running start(std::vector<std::string> words, bool in, bool out, bool err) {
  std::vector<char*> argv;
  argv.push_back(child);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  running r;
  plan p = {argv.data(), {-1, -1, -1}};
  int ends[3][2];
  const bool wanted[] = {in, out, err};
  for (int fd = 0; fd < 3; ++fd)
    if (wanted[fd]) {
      demand(::pipe2(ends[fd], O_CLOEXEC) == 0, "pipe2");
      p.fds[fd] = ends[fd][fd == 0 ? 0 : 1];
    }
  r.pid = ::clone(child_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                  &p, &r.pidfd);
  demand(r.pid > 0, "clone");
  int* const ours[] = {&r.in, &r.out, &r.err};
  for (int fd = 0; fd < 3; ++fd)
    if (wanted[fd]) {
      ::close(p.fds[fd]);
      *ours[fd] = ends[fd][fd == 0 ? 1 : 0];
      ::fcntl(*ours[fd], F_SETFL, O_NONBLOCK);
    }
  return r;
}

int reap(running& r) {
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(r.pidfd), &info, WEXITED);
  ::close(r.pidfd);
  return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  demand(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

void spawn(std::size_t count, std::size_t at_once) {
  struct slot {
    running r;
    std::string out, err;
    int open = 0;
  };
  std::vector<slot> slots(at_once);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::size_t started = 0, done = 0;
  const auto begin = [&](std::size_t i) {
    slot& s = slots[i];
    s.r = start({"say"}, false, true, true);
    s.out.clear();
    s.err.clear();
    s.open = 2;
    watch(epoll, s.r.out, EPOLLIN, i * 2);
    watch(epoll, s.r.err, EPOLLIN, i * 2 + 1);
    ++started;
  };
  for (std::size_t i = 0; i < at_once && started < count; ++i) begin(i);
  while (done < count) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll, events, 64, -1);
    for (int e = 0; e < ready; ++e) {
      const std::size_t i = events[e].data.u64 / 2;
      slot& s = slots[i];
      int& fd = events[e].data.u64 % 2 == 0 ? s.r.out : s.r.err;
      std::string& text = events[e].data.u64 % 2 == 0 ? s.out : s.err;
      if (fd < 0) continue;
      char bytes[4096];
      const ssize_t got = ::read(fd, bytes, sizeof bytes);
      if (got > 0) {
        text.append(bytes, static_cast<std::size_t>(got));
        continue;
      }
      if (got < 0 && errno == EAGAIN) continue;
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
      ::close(fd);
      fd = -1;
      if (--s.open > 0) continue;
      demand(reap(s.r) == 0 && s.out == "out\n" && s.err == "err\n", "say");
      ++done;
      if (started < count) begin(i);
    }
  }
}

/// Memory that grows without being copied: address space that is reserved once, on large pages.
class large_buffer {
 public:
  explicit large_buffer(std::size_t most) {
    constexpr std::size_t page = 2 << 20;
    void* const block = ::mmap(nullptr, most + 2 * page, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    demand(block != MAP_FAILED, "mmap");
    data_ = static_cast<char*>(block) + page - reinterpret_cast<std::uintptr_t>(block) % page;
    ::madvise(data_, most, MADV_HUGEPAGE);
  }
  char* prepare() { return data_ + size_; }
  void commit(std::size_t bytes) { size_ += bytes; }
  std::size_t size() const { return size_; }
  char back() const { return data_[size_ - 1]; }
  const char* data() const { return data_; }

 private:
  char* data_;
  std::size_t size_ = 0;
};

constexpr std::size_t piece = 1 << 20;

void capture(std::size_t bytes) {
  running r = start({"bytes", std::to_string(bytes)}, false, true, false);
  ::fcntl(r.out, F_SETPIPE_SZ, static_cast<int>(piece));
  large_buffer all(bytes + piece);
  for (;;) {
    const ssize_t got = ::read(r.out, all.prepare(), piece);
    if (got == 0) break;
    if (got > 0) {
      all.commit(static_cast<std::size_t>(got));
      continue;
    }
    demand(errno == EAGAIN, "read");
    pollfd one = {r.out, POLLIN, 0};  // a read that waits would return with the first page
    ::poll(&one, 1, -1);
  }
  demand(reap(r) == 0 && all.size() == bytes && all.back() == 'x', "bytes");
}

void cat(const std::string& input) {
  running r = start({"cat"}, true, true, false);
  ::fcntl(r.out, F_SETPIPE_SZ, static_cast<int>(piece));
  ::fcntl(r.in, F_SETPIPE_SZ, static_cast<int>(piece));
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, r.in, EPOLLOUT, 0);
  watch(epoll, r.out, EPOLLIN, 1);
  large_buffer all(input.size() + piece);
  std::size_t sent = 0;
  for (bool open = true; open;) {
    epoll_event events[2];
    const int ready = ::epoll_wait(epoll, events, 2, -1);
    for (int e = 0; e < ready; ++e) {
      if (events[e].data.u64 == 0) {
        const ssize_t written = ::write(r.in, input.data() + sent, input.size() - sent);
        if (written > 0) sent += static_cast<std::size_t>(written);
        if (sent == input.size()) {
          ::epoll_ctl(epoll, EPOLL_CTL_DEL, r.in, nullptr);
          ::close(r.in);
        }
      } else {
        const ssize_t got = ::read(r.out, all.prepare(), piece);
        if (got > 0) all.commit(static_cast<std::size_t>(got));
        open = got > 0 || (got < 0 && errno == EAGAIN);
      }
    }
  }
  demand(reap(r) == 0 && all.size() == input.size() &&
             std::memcmp(all.data(), input.data(), all.size()) == 0,
         "cat");
}

void lines(std::size_t count) {
  running r = start({"lines", std::to_string(count)}, false, true, false);
  ::fcntl(r.out, F_SETPIPE_SZ, static_cast<int>(piece));
  ::fcntl(r.out, F_SETFL, 0);
  std::vector<char> buffer(256 * 1024);
  std::size_t begin = 0, end = 0, seen = 0, bytes = 0;
  for (;;) {
    const ssize_t got = ::read(r.out, buffer.data() + end, buffer.size() - end);
    if (got <= 0) break;
    end += static_cast<std::size_t>(got);
    while (const void* newline = std::memchr(buffer.data() + begin, '\n', end - begin)) {
      const auto at = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer.data());
      ++seen;
      bytes += at - begin;
      begin = at + 1;
    }
    std::memmove(buffer.data(), buffer.data() + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  demand(reap(r) == 0 && seen == count && bytes == count * 63, "lines");
}

void pingpong(running& r, std::size_t count) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, r.out, EPOLLIN, 0);
  for (std::size_t i = 0; i < count; ++i) {
    demand(::write(r.in, "ping\n", 5) == 5, "ping");
    epoll_event event;
    demand(::epoll_wait(epoll, &event, 1, -1) == 1, "wait");
    char bytes[4096];
    demand(::read(r.out, bytes, sizeof bytes) == 5 && std::memcmp(bytes, "ping\n", 5) == 0, "pong");
  }
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  const std::string what = words[1];
  const std::size_t number = std::strtoull(words[2], nullptr, 10);
  const std::size_t other = count > 3 ? std::strtoull(words[3], nullptr, 10) : 0;
  const std::string input(what == "cat" ? number : 0, 'y');
  running echo;
  if (what == "rss") grow(other);
  if (what == "pingpong") echo = start({"echo"}, true, true, false);
  auto begin = clock_type::now();
  auto end = begin;
  if (what == "spawn") spawn(number, other);
  else if (what == "rss") spawn(number, 1);
  else if (what == "capture") capture(number);
  else if (what == "cat") cat(input);
  else if (what == "lines") lines(number);
  else if (what == "pingpong") pingpong(echo, number);
  else if (what == "live") {
    std::vector<running> all;
    for (std::size_t i = 0; i < number; ++i) all.push_back(start({"wait"}, true, true, true));
    end = clock_type::now();
    for (auto& one : all) ::close(one.in);
    for (auto& one : all) demand(reap(one) == 0, "live");
  } else return 2;
  if (what != "live") end = clock_type::now();
  std::printf("%.9f\n", seconds(end - begin).count());
}
