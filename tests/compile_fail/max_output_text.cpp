// expect: coproc: max_output takes a number of bytes, cut(n) or head_and_tail(n)
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto done = coproc::capture("true", max_output = "1k");
