// expect: coproc: this keyword does not take a value of that type; its documentation, in keywords.hpp, says what it takes
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", as_user = true);
