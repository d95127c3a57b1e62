// expect: coproc: a stream of another child is no descriptor; join them: exec(a | b)
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child(coproc::process& other) { return coproc::exec("cat", std_in = other.std_out()); }
