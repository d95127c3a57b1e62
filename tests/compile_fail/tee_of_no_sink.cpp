// expect: coproc: tee takes a std::ostream, or a callable that takes a std::string_view
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

coproc::command what("cat", std_out = tee(5));
