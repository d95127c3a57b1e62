// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdexcept>
#include <string>

namespace coproc::detail {

/// Marks something as in use while it lives; a second use beside it is refused.
class busy_guard {
 public:
  busy_guard(bool& in_use, const char* what) : in_use_(in_use) {
    check(in_use, what);
    in_use = true;
  }
  busy_guard(const busy_guard&) = delete;
  busy_guard& operator=(const busy_guard&) = delete;
  ~busy_guard() { in_use_ = false; }

  static void check(bool in_use, const char* what) {
    if (in_use)
      throw std::logic_error(std::string("coproc: ") + what +
                             ": another operation on this stream has not ended yet");
  }

 private:
  bool& in_use_;
};

}  // namespace coproc::detail
