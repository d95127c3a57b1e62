// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// A program of two files that include everything: both see the same objects, functions and types,
// an error thrown in one is caught in the other, and a child made in one is driven in the other.
#include <iostream>

#include "odr.hpp"

namespace {

using namespace coproc::keywords;

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  std::cerr << "not so: " << what << "\n";
  ++failures;
}

bool same_types() {
  const auto here = odr::types(), there = odr::types_in_a();
  if (here.size() != there.size()) return false;
  for (std::size_t i = 0; i < here.size(); ++i)
    if (*here[i] != *there[i]) return false;
  return true;
}

bool caught() {
  try {
    odr::throw_in_a();
  } catch (const coproc::exit_error& e) {
    return e.code().category() == coproc::exit_category() && e.out() == "out";
  }
}

coproc::awaitable<bool> driven() {
  const coproc::command cat(COPROC_CHILD, "cat", std_in = piped, std_out = piped);
  auto process = co_await odr::start_in_a(cat);
  const auto result = co_await process.communicate("through a and b");
  co_return result.out == "through a and b" && co_await odr::end_in_a(process) == 0;
}

}  // namespace

int main() {
  check(odr::addresses_in_a() == odr::addresses(), "the same objects and functions in both files");
  check(same_types(), "the same types in both files");
  check(caught(), "an error thrown in one file is caught in the other");
  check(coproc::run(driven()), "a child made in one file is driven in the other");
  return failures;
}
