// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

namespace coproc::detail {

using disposition = void (*)(int);

inline disposition disposition_of(int number) {
  const disposition found = ::signal(number, SIG_DFL);  // there is no call that only looks
  ::signal(number, found);
  return found;
}
inline void set_disposition(int number, disposition action) { ::signal(number, action); }
inline bool is_ignored(disposition action) { return action == SIG_IGN; }

inline constexpr int interrupt_signals[] = {SIGINT, SIGTERM, SIGBREAK};  // the last by stop()

}  // namespace coproc::detail
