// expect: coproc: terminal takes size(rows, columns)
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto process = coproc::exec("true", terminal = 80);
