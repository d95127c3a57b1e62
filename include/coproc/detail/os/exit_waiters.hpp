// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/task/event.hpp>

namespace coproc::detail {

/// All that wait for the exit of one child, by one wait of the system's.
class exit_waiters {
 public:
  /// True: the system's wait goes on already.
  bool add(std::shared_ptr<event> target, unsigned bit) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(target), bit);
    return std::exchange(goes_on_, true);
  }

  /// The system's wait has ended.
  void tell() {
    std::vector<std::pair<std::shared_ptr<event>, unsigned>> told;
    {
      const std::lock_guard lock(mutex_);
      goes_on_ = false;
      told_before_ = true;
      told.swap(waiting_);
    }
    for (const auto& [target, bit] : told)
      if (told.size() == 1) target->notify_now(bit);  // nothing follows it
      else target->notify(bit);
  }

  /// Whether the system's wait has ended once, so that who waits again has not seen the exit.
  bool told_before() {
    const std::lock_guard lock(mutex_);
    return told_before_;
  }

  /// True: nobody waits any more, but the system's wait goes on.
  bool remove(const std::shared_ptr<event>& target) {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](const auto& each) { return each.first == target; });
    return waiting_.empty() && goes_on_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::shared_ptr<event>, unsigned>> waiting_;
  bool goes_on_ = false, told_before_ = false;
};

}  // namespace coproc::detail
