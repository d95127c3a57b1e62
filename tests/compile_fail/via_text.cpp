// expect: coproc: via takes what makes the command that is launched here of the one that was written
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto done = coproc::capture("true", via = "db1");
