// expect: coproc: a time is a duration, with its unit: 5s, 500ms
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

coproc::awaitable<int> stop(coproc::running_pipeline& running) { return running.stop(2); }
