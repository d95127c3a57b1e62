// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Changes to this process, as hosts may have made them, each undone at the end of its scope; and a
// process of its own for a test that needs more than that.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "support.hpp"

namespace test {

/// What the kernel says of the test that runs now: `if (in_own_process()) { ... }`.
inline bool in_own_process() { return std::getenv("COPROC_TEST_HOST") != nullptr; }

/// The test case that runs now once more, in a process of its own where in_own_process() is true.
/// It ends with 0 where all is well.
inline coproc::command this_case_in_own_process() {
  return coproc::command("/proc/self/exe", Catch::getResultCapture().getCurrentTestName(),
                         env["COPROC_TEST_HOST"] = 1);
}

/// 0, 1 and 2 of this process; may be closed or redirected meanwhile.
class saved_stdio {
 public:
  saved_stdio() {
    for (int fd = 0; fd < 3; ++fd) copies_[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, 100);
  }
  saved_stdio(const saved_stdio&) = delete;
  saved_stdio& operator=(const saved_stdio&) = delete;
  ~saved_stdio() {
    for (int fd = 0; fd < 3; ++fd) {
      if (copies_[fd] < 0) ::close(fd);
      else ::dup2(copies_[fd], fd), ::close(copies_[fd]);
    }
  }
  /// Makes @p fd the file @p path, emptied.
  static void redirect(int fd, const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | (fd == 0 ? 0 : O_TRUNC), 0600);
    ::dup2(file, fd);
    ::close(file);
  }

 private:
  int copies_[3];
};

/// One signal's disposition.
class saved_action {
 public:
  saved_action(int number, void (*handler)(int)) : number_(number) {
    struct sigaction now = {};
    now.sa_handler = handler;
    ::sigaction(number, &now, &before_);
  }
  saved_action(const saved_action&) = delete;
  saved_action& operator=(const saved_action&) = delete;
  ~saved_action() { ::sigaction(number_, &before_, nullptr); }

 private:
  int number_;
  struct sigaction before_;
};

/// This thread's signal mask.
class saved_mask {
 public:
  saved_mask() { ::pthread_sigmask(SIG_SETMASK, nullptr, &before_); }
  saved_mask(const saved_mask&) = delete;
  saved_mask& operator=(const saved_mask&) = delete;
  ~saved_mask() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// The soft limit of this process for something.
class saved_limit {
 public:
  template <class Resource>
  saved_limit(Resource resource, rlim_t soft) : resource_(static_cast<int>(resource)) {
    ::getrlimit(resource, &before_);
    const rlimit now = {soft, before_.rlim_max};
    ::setrlimit(resource, &now);
  }
  saved_limit(const saved_limit&) = delete;
  saved_limit& operator=(const saved_limit&) = delete;
  ~saved_limit() { ::setrlimit(static_cast<decltype(RLIMIT_NOFILE)>(resource_), &before_); }

 private:
  int resource_;
  rlimit before_;
};

/// A variable of this process's environment; null: unset.
class saved_variable {
 public:
  saved_variable(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  saved_variable(const saved_variable&) = delete;
  saved_variable& operator=(const saved_variable&) = delete;
  ~saved_variable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) {
    if (value != nullptr) ::setenv(name_, value, 1);
    else ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

/// The directory in which this process is.
class saved_directory {
 public:
  explicit saved_directory(const std::filesystem::path& now)
      : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(now);
  }
  saved_directory(const saved_directory&) = delete;
  saved_directory& operator=(const saved_directory&) = delete;
  ~saved_directory() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_;
};

/// Orphans below this process become its children while it lives, so that it sees their ends.
class subreaper {
 public:
  subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  subreaper(const subreaper&) = delete;
  subreaper& operator=(const subreaper&) = delete;
  ~subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
};

/// A program in @p path that does what `child` does, for everybody to run.
inline void copy_child(const std::filesystem::path& path) {
  std::filesystem::copy_file(child, path);
  std::filesystem::permissions(path, std::filesystem::perms(0755));
}

/// How a launch fails that leaves nothing behind: no descriptor, no child, no zombie.
inline asio::awaitable<coproc::launch_error> failed_launch(coproc::command what) {
  const std::set<int> before = open_fds();
  const auto e = co_await thrown<coproc::launch_error>(coproc::exec(what));
  CHECK(open_fds() == before);
  CHECK_FALSE(has_children());
  co_return e;
}

}  // namespace test
