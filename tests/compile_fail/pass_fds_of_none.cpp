// expect: coproc: a list in braces has no type here: give the range a name
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", pass_fds = {});
