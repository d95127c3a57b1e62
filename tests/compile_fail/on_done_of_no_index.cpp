// expect: coproc: on_done takes a callable that takes an index and the result
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

std::vector<coproc::command> commands;
auto all = coproc::gather(
    commands, on_done = [](const coproc::completed&) {});
