// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "odr.hpp"

namespace odr {

std::vector<const void*> addresses_in_a() { return addresses(); }

std::vector<const std::type_info*> types_in_a() { return types(); }

coproc::awaitable<coproc::process> start_in_a(coproc::command what) {
  return coproc::exec(std::move(what));
}

void throw_in_a() { throw coproc::exit_error(3, "from a", coproc::output("out", "err")); }

}  // namespace odr
