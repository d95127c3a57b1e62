// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// A program of which one file is header-only and another uses the compiled form: in both it is the
// same library, and what is made in one can be used in the other.
#include <coproc/detail/os/os.hpp>
#include <iostream>

#include "part.hpp"

#if defined(COPROC_SEPARATE_COMPILATION)
#error "this is the file of the header-only form"
#endif

using namespace coproc::keywords;

coproc::awaitable<bool> driven_here() {
  const coproc::command cat("cat", std_in = piped, std_out = piped);
  auto process = co_await start_in_part(cat);
  const auto written = co_await process.communicate("made there");
  co_return written.out == "made there" && process.returncode() == 0;
}

coproc::awaitable<bool> driven_there() {
  auto process = co_await coproc::exec("cat", std_in = piped, std_out = piped);
  const std::string out = co_await communicate_in_part(process, "made here");
  co_return out == "made here" && process.returncode() == 0;
}

bool caught() {
  try {
    throw_in_part();
  } catch (const coproc::exit_error& e) {
    return e.code().category() == coproc::exit_category() && e.out() == "out";
  }
}

int main() {
  if (category_in_part() != &coproc::exit_category()) return 1;
  if (reaper_in_part() != &coproc::detail::reaper::instance()) return 2;
  if (!coproc::run(driven_here())) return 3;
  if (!coproc::run(driven_there())) return 4;
  if (!caught()) return 5;
  std::cout << "STDOUT: Hello, world!\n";
}
