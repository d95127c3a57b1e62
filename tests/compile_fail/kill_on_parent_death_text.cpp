// expect: coproc: this keyword takes true or false
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto child = coproc::exec("true", kill_on_parent_death = "yes");
