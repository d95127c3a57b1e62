// expect: coproc: pass_fds takes a descriptor, or a range of descriptors
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", pass_fds = "3");
