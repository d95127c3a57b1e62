// expect: coproc: a floating point number has no one text (0.1, 1e-1, with how many digits?): make it a string, by std::to_string or a stream
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto started = coproc::exec("sleep", 0.5);
