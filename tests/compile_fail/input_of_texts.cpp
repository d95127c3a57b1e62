// expect: coproc: input is text or bytes, a range of them, or a callable that returns a std::optional<std::string>, or an awaitable of that: nothing is the end
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto done = coproc::capture(
    "cat", input = [] { return std::string(); });
