// expect: coproc: terminal is for POSIX systems only
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto refused() { return coproc::exec("true", terminal = size(24, 80)); }
