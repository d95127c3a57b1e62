// expect: coproc: gather takes awaitables, or one range of awaitables or commands, and its keywords
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto all = coproc::gather(coproc::exec("ls"), 5);
