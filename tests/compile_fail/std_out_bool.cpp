// expect: coproc: true and false are no streams; devnull is /dev/null
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", std_out = false);
