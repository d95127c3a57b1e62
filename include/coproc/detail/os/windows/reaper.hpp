// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Windows keeps nothing of an ended process once its handles are closed, so nobody has to be reaped.
// But what was killed has not ended yet: its context is told when it has.

#include <coproc/detail/descriptor.hpp>
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
    static reaper* const the_one =
        new reaper;  // never destroyed: a pool's thread may outlive statics
    return *the_one;
  }

  /// Takes over a child that has been killed; the context of @p executor waits for its end.
  void adopt_killed(unique_fd process, const asio::any_io_executor& executor) {
    auto child = std::make_unique<orphan>();
    child->process = std::move(process);
    child->context = &context_service::of(executor);
    const std::lock_guard lock(mutex_);
    child->cleanup = child->context->cleanup_started(
        executor, [](context_service& context) { instance().forget(context); });
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
    unique_fd process;
    context_service* context = nullptr;  // waits for the end
    std::uint64_t cleanup = 0;           // by this number
    os_handle wait = no_handle;
  };

  static void CALLBACK gone(void* which, BOOLEAN) {
    reaper& all = instance();
    const std::lock_guard lock(all.mutex_);  // held until the wait has its handle
    all.drop(static_cast<orphan*>(which));
  }

  void drop(orphan* child) {
    if (child->context != nullptr) child->context->cleanup_finished(child->cleanup);
    if (child->wait != no_handle) ::UnregisterWait(child->wait);
    std::erase_if(orphans_, [child](const auto& one) { return one.get() == child; });
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<orphan>> orphans_;
};

}  // namespace coproc::detail
