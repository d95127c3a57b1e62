// expect: coproc: gather takes commands as a range, or what captures them: gather(capture(a), capture(b))
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto both = coproc::gather(coproc::command("true"), coproc::command("false"));
