// expect: coproc: input is text or bytes, a range of them, or a callable that returns an awaitable<std::optional<std::string>>
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto done = coproc::capture("cat", input = 5);
