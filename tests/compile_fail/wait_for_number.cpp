// expect: coproc: a time is a duration, with its unit: 5s, 500ms
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto waiting(coproc::process& process) { return coproc::wait_for(process.wait(), 5); }
