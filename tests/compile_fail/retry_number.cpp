// expect: coproc: retry takes attempts(n), attempts(n, pause), or more
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto done = coproc::capture("true", retry = 3);
