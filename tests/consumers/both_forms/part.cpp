// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "part.hpp"

#include <coproc/detail/os/os.hpp>

#if !defined(COPROC_SEPARATE_COMPILATION)
#error "this is the file of the compiled form"
#endif

const boost::system::error_category* category_in_part() { return &coproc::exit_category(); }

const void* reaper_in_part() { return &coproc::detail::reaper::instance(); }

coproc::awaitable<coproc::process> start_in_part(coproc::command what) {
  return coproc::exec(std::move(what));
}

coproc::awaitable<std::string> communicate_in_part(coproc::process& process, std::string input) {
  const auto written = co_await process.communicate(std::move(input));
  co_return written.out;
}

void throw_in_part() { throw coproc::exit_error(3, "part", coproc::output("out", "err")); }
