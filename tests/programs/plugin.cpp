// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// A plugin with the library in it, header-only.

#include <coproc/coproc.hpp>

namespace {

coproc::awaitable<int> start() {
  auto left = co_await coproc::exec("sleep", 1000);
  left.detach();
  co_return left.pid();
}

}  // namespace

/// The pid of a child that has been left behind.
extern "C" int start_and_leave() { return coproc::run(start()); }
