// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coproc/coproc.hpp>

// What the file of the other form does.
const boost::system::error_category* category_in_part();
const void* reaper_in_part();
coproc::awaitable<coproc::process> start_in_part(coproc::command what);
coproc::awaitable<std::string> communicate_in_part(coproc::process& process, std::string input);
[[noreturn]] void throw_in_part();
