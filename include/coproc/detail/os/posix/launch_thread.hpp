// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <coproc/detail/os/posix/spawn.hpp>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace coproc::detail {

/// A thread that lasts as long as the process. Linux sends the parent-death signal when the
/// *thread* that made the child ends, so children that are to die with the process are made here.
/// It starts at the first use and sleeps ever after; the objects are never destroyed, since it may
/// still run while statics are.
class launch_thread {
 public:
  static launch_thread& instance() {
    static std::atomic<launch_thread*> newest = nullptr;
    launch_thread* thread = newest;
    // A fork has no copy of the thread, but of locks and waits as they were at that moment: it gets
    // another.
    while (thread == nullptr || thread->home_ != ::getpid()) {
      std::unique_ptr<launch_thread> fresh(new launch_thread(thread));
      if (newest.compare_exchange_strong(thread, fresh.get())) thread = fresh.release();
    }
    return *thread;
  }

  /// Runs spawn() there and waits for it, as long as the launch would have taken here.
  pid_t spawn(spawn_plan& plan, unique_handle& pidfd) {
    const std::lock_guard turn(turn_);
    std::unique_lock lock(mutex_);
    if (!started_ && !start()) {
      plan.outcome = {"clone", EAGAIN, 0};
      return -1;
    }
    plan_ = &plan;
    pidfd_ = &pidfd;
    changed_.notify_all();
    changed_.wait(lock, [this] { return plan_ == nullptr; });
    return pid_;
  }

 private:
  explicit launch_thread(launch_thread* before_fork) : before_fork_(before_fork) {}

  /// False where no thread can be had.
  bool start() {
    const signals_blocked blocked;  // no handler of the host runs in that thread
    try {
      std::thread([this] {
        for (std::unique_lock lock(mutex_);;) {
          changed_.wait(lock, [this] { return plan_ != nullptr; });
          pid_ = detail::spawn(*plan_, *pidfd_);
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
  [[maybe_unused]] launch_thread* before_fork_;  // still reachable, for leak checkers
  bool started_ = false;
  std::mutex turn_, mutex_;
  std::condition_variable changed_;
  spawn_plan* plan_ = nullptr;
  unique_handle* pidfd_ = nullptr;
  pid_t pid_ = -1;
};

}  // namespace coproc::detail
