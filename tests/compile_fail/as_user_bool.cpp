// expect: coproc: this keyword takes the number or the name of an account
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", as_user = true);
