// expect: coproc: an argument must be a string, a path, an integer, a secret, a range of them, or a keyword with its value
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

coproc::command what("echo", true);
