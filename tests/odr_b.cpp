// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#include "odr.hpp"

#include "support.hpp"

using namespace test;

TEST_CASE("odr: two files that include everything see the same objects and functions") {
  CHECK(odr::addresses_in_a() == odr::addresses());
}

TEST_CASE("odr: two files that include everything see the same types") {
  const auto here = odr::types(), there = odr::types_in_a();
  REQUIRE(here.size() == there.size());
  for (std::size_t i = 0; i < here.size(); ++i) CHECK(*here[i] == *there[i]);
}

TEST_CASE("odr: an error thrown in one file is caught in the other") {
  try {
    odr::throw_in_a();
  } catch (const coproc::exit_error& e) {
    CHECK(e.code().category() == coproc::exit_category());
    CHECK(e.out() == "out");
    return;
  }
  FAIL("not caught");
}

COPROC_TEST("odr: a child made in one file is driven in the other") {
  const coproc::command cat(child, "cat", std_in = piped, std_out = piped);
  auto process = co_await odr::start_in_a(cat);
  const auto result = co_await process.communicate("through a and b");
  CHECK(result.out == "through a and b");
  CHECK(process.returncode() == 0);
}
