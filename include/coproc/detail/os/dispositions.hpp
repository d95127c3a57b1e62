// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/os.hpp>
#include <cstddef>
#include <iterator>
#include <mutex>

namespace coproc::detail {

/// Keeps the dispositions of the signals that run() handles, and restores them. Several at once, of
/// runs on several threads, share what the first has found, and the last restores it.
class saved_dispositions {
 public:
  static constexpr std::size_t count = std::size(interrupt_signals);

  saved_dispositions() {
    shared& common = instance();
    const std::lock_guard lock(common.mutex);
    if (common.users++ == 0)
      for (std::size_t i = 0; i < count; ++i)
        common.saved[i] = disposition_of(interrupt_signals[i]);
    for (std::size_t i = 0; i < count; ++i) ignored_[i] = is_ignored(common.saved[i]);
  }
  saved_dispositions(const saved_dispositions&) = delete;
  saved_dispositions& operator=(const saved_dispositions&) = delete;
  ~saved_dispositions() {
    shared& common = instance();
    const std::lock_guard lock(common.mutex);
    if (--common.users == 0)
      for (std::size_t i = 0; i < count; ++i)
        set_disposition(interrupt_signals[i], common.saved[i]);
  }
  /// A job in the background of a shell without job control ignores SIGINT, and has to go on so.
  bool ignored(std::size_t i) const { return ignored_[i]; }

 private:
  struct shared {
    std::mutex mutex;
    int users = 0;
    disposition saved[count];
  };
  static shared& instance() {
    static shared only;
    return only;
  }
  bool ignored_[count];
};

}  // namespace coproc::detail
