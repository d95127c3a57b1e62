// expect: coproc: env takes a map of names and strings, paths or integers, or a range of NAME=value strings, which must have a name: what stands in braces has no type
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", env = {"A=1", "B=2"});
