// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <coproc/detail/spawn.hpp>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace coproc::detail {

/// A thread that lasts as long as the process. Linux sends the parent-death signal when the
/// *thread* that made the child ends, so children that are to die with the process are made here.
/// It starts at the first use and sleeps ever after; the objects are never destroyed, since it may
/// still run while statics are.
class lasting_thread {
 public:
  static lasting_thread& instance() {
    static std::atomic<lasting_thread*> newest = nullptr;
    lasting_thread* one = newest;
    // A fork has no copy of the thread, but of locks and waits as they were at that moment: it gets
    // another.
    while (one == nullptr || one->home_ != ::getpid()) {
      std::unique_ptr<lasting_thread> fresh(new lasting_thread(one));
      if (newest.compare_exchange_strong(one, fresh.get())) one = fresh.release();
    }
    return *one;
  }

  /// Runs spawn() there and waits for it, as long as the launch would have taken here.
  pid_t run(spawn_plan& plan, unique_fd& pidfd) {
    const std::lock_guard turn(turn_);
    std::unique_lock lock(mutex_);
    if (!started_ && !start()) {
      plan.outcome = {step::clone, EAGAIN, 0};
      return -1;
    }
    plan_ = &plan;
    pidfd_ = &pidfd;
    changed_.notify_all();
    changed_.wait(lock, [this] { return plan_ == nullptr; });
    return pid_;
  }

 private:
  explicit lasting_thread(lasting_thread* before_fork) : before_fork_(before_fork) {}

  /// False where no thread can be had.
  bool start() {
    const signals_blocked blocked;  // no handler of the host runs in that thread
    try {
      std::thread([this] {
        for (std::unique_lock lock(mutex_);;) {
          changed_.wait(lock, [this] { return plan_ != nullptr; });
          pid_ = spawn(*plan_, *pidfd_);
          plan_ = nullptr;
          changed_.notify_all();
        }
      }).detach();
      started_ = true;
    } catch (const std::system_error&) {
    }
    return started_;
  }

  const pid_t home_ = ::getpid();
  [[maybe_unused]] lasting_thread* before_fork_;  // still reachable, for leak checkers
  bool started_ = false;
  std::mutex turn_, mutex_;
  std::condition_variable changed_;
  spawn_plan* plan_ = nullptr;
  unique_fd* pidfd_ = nullptr;
  pid_t pid_ = -1;
};

inline pid_t spawn_from_lasting_thread(spawn_plan& plan, unique_fd& pidfd) {
  return lasting_thread::instance().run(plan, pidfd);
}

}  // namespace coproc::detail
