// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Windows keeps nothing of an ended process once its handles are closed, so nobody has to be
// reaped. But what was killed has not ended yet: its context is told when it has.

#include <coproc/detail/os/windows/handle.hpp>
#include <coproc/detail/task/event.hpp>
#include <memory>
#include <mutex>
#include <vector>

namespace coproc::detail {

/// Waits for the children that were killed because their `process` was destroyed, by the system's
/// pool of threads; for each a second at the most.
class reaper {
 public:
  static reaper& instance() {
    static reaper* const only = new reaper;  // never destroyed: a pool's thread may outlive statics
    return *only;
  }

  /// Takes over a child that has been killed. The context of @p executor waits for its end, if it
  /// can be told of that by another thread.
  void orphaned_killed(unique_handle process, const asio::any_io_executor& executor) {
    context_service& context = context_service::of(executor);
    if (!context.takes_posts()) return;
    auto child = std::make_unique<orphan>();
    child->process = std::move(process);
    child->context = &context;
    const std::lock_guard lock(mutex_);
    child->cleanup = child->context->cleanup_started(
        executor, [](context_service& going) { instance().forget(going); });
    orphan* const waited_for = child.get();
    orphans_.push_back(std::move(child));
    constexpr DWORD patience = 1000;  // milliseconds
    if (!::RegisterWaitForSingleObject(&waited_for->wait, waited_for->process.get(), &gone,
                                       waited_for, patience, WT_EXECUTEONLYONCE))
      drop(waited_for);
  }

  /// Whether it has nothing to do, and holds nothing.
  bool idle() {
    const std::lock_guard lock(mutex_);
    return orphans_.empty();
  }

  /// A context is going: nothing of it may be touched after this.
  void forget(context_service& context) {
    const std::lock_guard lock(mutex_);
    for (const auto& child : orphans_)
      if (child->context == &context) child->context = nullptr;
  }

 private:
  class orphan {
   public:
    unique_handle process;
    context_service* context = nullptr;  // waits for the end
    std::uint64_t cleanup = 0;           // by this number
    os_handle wait = no_handle;
  };

  static void CALLBACK gone(void* which, BOOLEAN) {
    reaper& keeper = instance();
    const std::lock_guard lock(keeper.mutex_);  // held until the wait has its handle
    keeper.drop(static_cast<orphan*>(which));
  }

  void drop(orphan* child) {
    if (child->context != nullptr) child->context->cleanup_finished(child->cleanup);
    if (child->wait != no_handle) ::UnregisterWait(child->wait);
    std::erase_if(orphans_, [child](const auto& each) { return each.get() == child; });
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<orphan>> orphans_;
};

/// What a child that was ended from here has for an exit code: STATUS_CONTROL_C_EXIT, as one that
/// Ctrl-C has ended.
inline constexpr UINT ended_from_outside = 0xC000013A;

/// A child that has been started, and this process's ends of its streams. If nobody takes the pid
/// it is killed.
class launched {
 public:
  launched() = default;
  launched(launched&& other) noexcept
      : pid(std::exchange(other.pid, -1)),
        process(std::move(other.process)),
        job(std::move(other.job)),
        lifeline(std::move(other.lifeline)),
        leads_group(other.leads_group),
        dies_with_job(other.dies_with_job) {
    for (std::size_t fd = 0; fd < 3; ++fd) ends[fd] = std::move(other.ends[fd]);
  }
  ~launched() {
    if (pid < 0) return;
    if (leads_group) ::TerminateJobObject(job.get(), ended_from_outside);
    ::TerminateProcess(process.get(), ended_from_outside);
  }

  int pid = -1;
  unique_handle process;
  unique_handle job;  // where it leads a group, or is to die with this process
  unique_handle lifeline;
  unique_handle ends[3];
  pipe_ends terminal;        // none: there are no terminals yet
  unique_handle kept_slave;  // of one
  bool leads_group = false;
  bool dies_with_job = false;
};

}  // namespace coproc::detail
