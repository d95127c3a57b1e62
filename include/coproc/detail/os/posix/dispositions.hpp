// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <signal.h>

namespace coproc::detail {

using disposition = struct sigaction;

inline disposition disposition_of(int number) {
  disposition found;
  ::sigaction(number, nullptr, &found);
  return found;
}
inline void set_disposition(int number, const disposition& action) {
  ::sigaction(number, &action, nullptr);
}
inline bool is_ignored(const disposition& action) { return action.sa_handler == SIG_IGN; }

inline constexpr int interrupt_signals[] = {SIGINT, SIGTERM, SIGHUP};

}  // namespace coproc::detail
