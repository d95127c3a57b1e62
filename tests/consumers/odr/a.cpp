// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Behind the macros of other libraries. They change nothing in what this file sees.
#if !defined(_WIN32)
#include "macros.hpp"
#endif

#include "odr.hpp"

namespace odr {

std::vector<const void*> addresses_in_a() { return addresses(); }

std::vector<const std::type_info*> types_in_a() { return types(); }

coproc::awaitable<coproc::process> start_in_a(coproc::command what) {
  return coproc::exec(std::move(what));
}

coproc::awaitable<int> end_in_a(coproc::process& process) {
  const auto done = co_await coproc::capture(COPROC_CHILD, "exit", 0);
  done.check();
  co_return co_await process.stop();
}

void throw_in_a() { throw coproc::exit_error(3, "from a", coproc::output("out", "err")); }

}  // namespace odr
