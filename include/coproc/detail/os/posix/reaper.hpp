// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <coproc/detail/os/posix/calls.hpp>
#include <coproc/detail/os/posix/handle.hpp>
#include <coproc/detail/task/event.hpp>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace coproc::detail {

/// Reaps the children that nobody waits for any more: detached ones, and those that were killed
/// because their `process` was destroyed. It needs no io_context, so it works when that is stopped
/// or gone: a thread, one for all, that lives only while there is such a child and sleeps in poll
/// on their pidfds.
///
/// For a killed child its context is told when it is gone, so that io_context::run() returns, and a
/// gather rethrows, only after that; but at the latest after a second, since a child in
/// uninterruptible sleep may take for ever to die. It is reaped all the same when it does.
class reaper {
 public:
  static reaper& instance() { return of_this_process<reaper>(); }

  /// Memory for one child more, which is had before the child is started: to take it over then
  /// never fails for want of it.
  class place {
   public:
    place() : keeper_(&instance()) { keeper_->make_place(); }
    place(place&& other) noexcept : keeper_(std::exchange(other.keeper_, nullptr)) {}
    ~place() {
      if (keeper_ != nullptr) --keeper_->places_;
    }

   private:
    reaper* keeper_;
  };

  /// Takes over a child.
  /// @param killed it has been sent SIGKILL
  /// @param lifeline is kept until its end
  void orphaned(pid_t pid, unique_handle pidfd, bool killed,
                unique_handle lifeline = unique_handle()) noexcept {
    orphan child(pid, std::move(pidfd));
    child.killed = killed;
    child.lifeline = std::move(lifeline);
    add(std::move(child));
  }

  /// Takes over a child that has been sent SIGKILL. The context of @p executor waits for its end,
  /// if it can be told of that by another thread.
  void orphaned_killed(pid_t pid, unique_handle pidfd,
                       const asio::any_io_executor& executor) noexcept {
    orphan child(pid, std::move(pidfd));
    child.killed = true;
    try {
      context_service& context = context_service::of(executor);
      if (context.takes_posts()) {
        child.cleanup = context.cleanup_started(
            executor, [](context_service& going) { instance().forget(going); });
        child.context = &context;
        child.patience = clock::now() + std::chrono::seconds(1);
      }
    } catch (const std::bad_alloc&) {  // then it does not wait
    }
    add(std::move(child));
  }

  /// Whether it has nothing to do, and holds nothing.
  bool idle() {
    const std::lock_guard lock(mutex_);
    return !running_ && orphans_.empty();
  }

  /// A context is going: nothing of it may be touched after this.
  void forget(context_service& context) {
    const std::lock_guard lock(mutex_);
    for (orphan& child : orphans_)
      if (child.context == &context) child.context = nullptr;
  }

 private:
  using clock = std::chrono::steady_clock;

  class orphan {
   public:
    orphan(pid_t id, unique_handle fd) : pid(id), pidfd(std::move(fd)) {}
    pid_t pid;
    unique_handle pidfd, lifeline;
    bool look = true;                    // it may have ended
    bool held = false;                   // it has ended, but cannot be reaped yet
    bool killed = false;                 // it is about to end
    bool reaped = false;                 // but its context has not been told
    context_service* context = nullptr;  // waits for the end
    std::uint64_t cleanup = 0;           // by this number
    clock::time_point patience{};        // until then

    /// False: there was no memory for it now.
    bool tell_context() noexcept {
      try {
        if (context != nullptr) context->cleanup_finished(cleanup);
        context = nullptr;
      } catch (const std::bad_alloc&) {
      }
      return context == nullptr;
    }
  };

  void make_place() {
    const std::lock_guard lock(mutex_);
    const std::size_t needed = orphans_.size() + ++places_;
    if (needed <= orphans_.capacity()) return;
    try {
      orphans_.reserve(std::max(needed, 2 * orphans_.capacity()));
    } catch (...) {
      --places_;
      throw;
    }
  }

  void add(orphan child) noexcept {
    std::unique_lock lock(mutex_);
    orphans_.push_back(std::move(child));  // in its place
    if (running_) {
      const char byte = 0;
      [[maybe_unused]] const auto written = ::write(wake_.write.get(), &byte, 1);
      return;
    }
    try {
      if (!make_pipe(wake_) || !make_nonblocking(wake_.read) || !make_nonblocking(wake_.write))
        wake_ = pipe_ends();
      const signals_blocked blocked;  // no handler of the host runs in that thread
      std::thread(&reaper::run, this).detach();
      running_ = true;
      // Until then a plugin that is closed would take its code away.
      // Within limits, since a thread that is in dlopen() or dlclose() keeps the new one waiting.
      const auto starts = ++starts_;
      started_.wait_for(lock, std::chrono::milliseconds(100),
                        [this, starts] { return has_started_ >= starts; });
    } catch (const std::exception&) {
      // No thread, or no memory for it: what was killed ends now, and is waited for, but not for
      // ever; for others the next child that comes tries again.
      const auto killed = [](const orphan& waiting) { return waiting.killed; };
      const auto limit = clock::now() + std::chrono::seconds(1);
      while (reap(true), std::ranges::any_of(orphans_, killed) && clock::now() < limit)
        ::poll(nullptr, 0, 1);
      for (orphan& waiting : orphans_) waiting.tell_context();
      wake_ = pipe_ends();
    }
  }

  void run() {
    keep_code_loaded();
    std::vector<pollfd> fds;
    std::unique_lock lock(mutex_);
    ++has_started_;
    started_.notify_all();
    for (;;) {
      const bool all_told = reap(false);
      if (orphans_.empty()) {
        wake_ = pipe_ends();
        running_ = false;
        return;
      }
      auto timeout = std::chrono::milliseconds(all_told ? -1 : 20);
      try {
        fds.reserve(1 + orphans_.size());
      } catch (const std::bad_alloc&) {
        lock.unlock();
        ::poll(nullptr, 0, 20);
        lock.lock();
        continue;
      }
      fds.assign(1, pollfd{wake_.read.get(), POLLIN, 0});
      for (const orphan& child : orphans_) {
        // Not one that is held; nor of a kernel without pidfds.
        fds.push_back(pollfd{child.held ? -1 : child.pidfd.get(), POLLIN, 0});
        if (!child.pidfd || child.held || !wake_.read) timeout = std::chrono::milliseconds(20);
        if (child.context != nullptr && timeout.count() < 0) timeout = std::chrono::seconds(1);
      }
      lock.unlock();
      ::poll(fds.data(), static_cast<nfds_t>(fds.size()), static_cast<int>(timeout.count()));
      lock.lock();
      // Others may have come meanwhile, behind those that were polled.
      for (std::size_t i = 1; i < fds.size(); ++i)
        orphans_[i - 1].look |= fds[i].revents != 0 || orphans_[i - 1].held;
      char bytes[64];
      while (::read(wake_.read.get(), bytes, sizeof bytes) > 0) {
      }
    }
  }

  /// Reaps those that have ended, and tells their contexts.
  /// @param all also those of which nothing has been heard
  /// @return false where there was no memory for telling one
  bool reap(bool all) {
    const auto now = clock::now();
    bool all_told = true;
    std::erase_if(orphans_, [&](orphan& child) {
      siginfo_t info;
      rusage used;
      if (now >= child.patience) child.tell_context();
      if (!std::exchange(child.look, !child.pidfd) && !all) return false;
      const bool gone = child.reaped ||
                        calls::try_reap(child.pid, child.pidfd.get(), info, used) != 0 ||
                        is_end(info);
      if (gone && !child.tell_context()) {  // it stays until its context knows
        child.look = child.reaped = true;
        return all_told = false;
      }
      // A tracer may hold what has ended. Its pidfd would wake us again and again.
      child.held = !gone && calls::has_ended(child.pidfd.get());
      return gone;
    });
    return all_told;
  }

  std::mutex mutex_;
  std::vector<orphan> orphans_;
  std::atomic<std::size_t> places_ = 0;  // for children that are not here
  pipe_ends wake_;
  bool running_ = false;
  std::condition_variable started_;
  unsigned starts_ = 0, has_started_ = 0;
};

/// A child that has been started, and this process's ends of its streams. If nobody takes the pid
/// it is killed.
class launched {
 public:
  launched() = default;
  launched(launched&& other) noexcept
      : pid(std::exchange(other.pid, -1)),
        pidfd(std::move(other.pidfd)),
        lifeline(std::move(other.lifeline)),
        place(std::move(other.place)),
        terminal(std::move(other.terminal)),
        kept_slave(std::move(other.kept_slave)),
        leads_group(other.leads_group),
        stop_signal(other.stop_signal),
        second_stop_signal(other.second_stop_signal) {
    for (std::size_t fd = 0; fd < 3; ++fd) ends[fd] = std::move(other.ends[fd]);
  }
  ~launched() {
    if (pid < 0) return;
    if (leads_group) calls::send_group_signal(pid, pidfd.get(), SIGKILL, false);
    calls::send_signal(pid, pidfd.get(), SIGKILL);
    reaper::instance().orphaned(pid, std::move(pidfd), true);
  }

  pid_t pid = -1;
  unique_handle pidfd;
  unique_handle lifeline;
  reaper::place place;
  unique_handle ends[3];
  pipe_ends terminal;        // this process's side of it, twice, where the child has one
  unique_handle kept_slave;  // where none of its streams is the terminal
  bool leads_group = false;
  int stop_signal = SIGTERM;
  int second_stop_signal = 0;  // or none
};

}  // namespace coproc::detail
