// expect: coproc: a completed has more than two members: use .out, .err, .returncode; process::communicate gives the two
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

coproc::awaitable<std::string> text() {
  auto [out, err] = co_await coproc::capture("uname");
  co_return out;
}
