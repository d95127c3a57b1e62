// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

#include <cstddef>
#include <iterator>
#include <mutex>

namespace coproc::detail {

#if defined(_WIN32)
using disposition = void (*)(int);
inline disposition disposition_of(int number) {
  const disposition now = ::signal(number, SIG_DFL);  // there is no call that only looks
  ::signal(number, now);
  return now;
}
inline void set_disposition(int number, disposition how) { ::signal(number, how); }
inline bool is_ignored(disposition how) { return how == SIG_IGN; }
#else
using disposition = struct sigaction;
inline disposition disposition_of(int number) {
  disposition now;
  ::sigaction(number, nullptr, &now);
  return now;
}
inline void set_disposition(int number, const disposition& how) {
  ::sigaction(number, &how, nullptr);
}
inline bool is_ignored(const disposition& how) { return how.sa_handler == SIG_IGN; }
#endif

/// Keeps the dispositions of SIGINT and SIGTERM, and restores them. Several at once, of runs on
/// several threads, share what the first has found, and the last restores it.
class saved_dispositions {
 public:
  saved_dispositions() {
    shared& all = instance();
    const std::lock_guard lock(all.mutex);
    if (all.users++ == 0)
      for (std::size_t i = 0; i < count; ++i) all.saved[i] = disposition_of(numbers[i]);
    for (std::size_t i = 0; i < count; ++i) ignored_[i] = is_ignored(all.saved[i]);
  }
  saved_dispositions(const saved_dispositions&) = delete;
  saved_dispositions& operator=(const saved_dispositions&) = delete;
  ~saved_dispositions() {
    shared& all = instance();
    const std::lock_guard lock(all.mutex);
    if (--all.users == 0)
      for (std::size_t i = 0; i < count; ++i) set_disposition(numbers[i], all.saved[i]);
  }
  /// A job in the background of a shell without job control ignores SIGINT, and has to go on so.
  bool ignored(std::size_t i) const { return ignored_[i]; }

#if defined(_WIN32)
  static constexpr int numbers[] = {SIGINT, SIGTERM, SIGBREAK};  // the last is what stop() sends
#else
  static constexpr int numbers[] = {SIGINT, SIGTERM};
#endif
  static constexpr std::size_t count = std::size(numbers);

 private:
  struct shared {
    std::mutex mutex;
    int users = 0;
    disposition saved[count];
  };
  static shared& instance() {
    static shared the_one;
    return the_one;
  }
  bool ignored_[count];
};

}  // namespace coproc::detail
