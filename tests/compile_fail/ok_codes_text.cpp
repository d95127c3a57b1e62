// expect: coproc: ok_codes takes a returncode, or a range of returncodes
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto done = coproc::capture("true", ok_codes = "01");
