// expect: coproc: timeout, idle_timeout, grace, input, ok_codes and retry are for capture; with exec and shell use wait_for, stop, the streams and communicate
// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include <coproc/coproc.hpp>

using namespace coproc::keywords;

auto running =
    coproc::exec(coproc::command("a") | coproc::command("b"), timeout = std::chrono::seconds(5));
