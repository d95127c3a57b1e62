// expect: coproc: after a range of awaitables gather takes only concurrency, return_exceptions, on_start and on_done
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>
#include <vector>

using namespace coproc::keywords;

std::vector<coproc::awaitable<int>> jobs;
auto all = coproc::gather(jobs, coproc::exec("ls"));
