// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/detail/os/os.hpp>
#include <coproc/detail/pipe/busy_guard.hpp>
#include <memory>
#include <optional>

namespace coproc::detail {

/// The pipe ends that one operation uses: marked as busy, waited for by one event, and not waited
/// for any more when this is destroyed.
class poll_set {
 public:
  explicit poll_set(std::shared_ptr<event> wake) : wake_(std::move(wake)) {}
  poll_set(const poll_set&) = delete;
  poll_set& operator=(const poll_set&) = delete;
  ~poll_set() {
    for (entry& used : entries_)
      if (used.armed) used.pipe->cancel();
  }

  /// Marks a pipe end as busy.
  /// @param index 0 to 2, its place here
  /// @throws std::logic_error where it is busy already
  void use(std::size_t index, async_pipe_end& pipe, bool& busy, const char* name) {
    entries_[index].guard.emplace(busy, name);
    entries_[index].pipe = &pipe;
  }

  /// Notifies the event with @p bit when the pipe end is ready. Nothing more where it is armed.
  void arm(std::size_t index, async_pipe_end::wait_type kind, unsigned bit) {
    entry& used = entries_[index];
    if (used.armed) return;
    used.armed = true;
    used.bit = bit;
    used.pipe->notify(kind, wake_, bit);
  }

  /// These bits have come.
  void fired(unsigned bits) {
    for (entry& used : entries_)
      if (used.bit & bits) used.armed = false;
  }

 private:
  class entry {
   public:
    async_pipe_end* pipe = nullptr;
    std::optional<busy_guard> guard;
    bool armed = false;
    unsigned bit = 0;
  };
  std::shared_ptr<event> wake_;
  entry entries_[3];
};

}  // namespace coproc::detail
