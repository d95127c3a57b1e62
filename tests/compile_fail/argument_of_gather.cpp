// expect: coproc: concurrency, return_exceptions, on_start and on_done are for gather and as_completed
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

coproc::command what("ls", concurrency = 8);
