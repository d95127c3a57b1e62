// expect: coproc: tee is for std_out and std_err only
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>
#include <iostream>

using namespace coproc::keywords;

coproc::command what("cat", std_in = tee(std::cout));
