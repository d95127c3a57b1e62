// expect: coproc: a null pointer is no stream; devnull is /dev/null
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", std_out = nullptr);
