// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// What communicate and capture keep of an output, and what they hand out of it to a tee.

#include "support.hpp"

#include <coproc/detail/child/gathered_output.hpp>

namespace gathered_output_tests {

using coproc::detail::buffer;
using coproc::detail::gathered_output;
using coproc::detail::output_bound;
using coproc::detail::sink;

namespace {

void append(buffer& bytes, std::string_view text) {
  std::memcpy(bytes.prepare(text.size()).first, text.data(), text.size());
  bytes.commit(text.size());
}

/// All pieces that there are now, each in brackets.
std::string pieces(gathered_output& output, const buffer& bytes, bool complete = false,
                   std::size_t limit = 100) {
  std::string all;
  while (const auto piece = output.next_piece(bytes, complete, limit))
    all += '[' + std::string(*piece) + ']';
  return all;
}

gathered_output copied(bool lines) {
  gathered_output output;
  output.copy_to = std::make_shared<sink>(lines);
  return output;
}

}  // namespace

TEST_CASE("gathered_output: each piece is handed out once") {
  gathered_output output = copied(false);
  buffer bytes;
  CHECK(pieces(output, bytes).empty());
  append(bytes, "one");
  CHECK(pieces(output, bytes) == "[one]");
  append(bytes, "two");
  CHECK(pieces(output, bytes) == "[two]");
  CHECK(pieces(output, bytes, true).empty());
  CHECK(output.text(bytes) == "onetwo");
}

TEST_CASE("gathered_output: lines are handed out whole, the last one when it is complete") {
  gathered_output output = copied(true);
  buffer bytes;
  append(bytes, "a\n\nb");
  CHECK(pieces(output, bytes) == "[a][]");
  append(bytes, "c\nd");
  CHECK(pieces(output, bytes) == "[bc]");
  CHECK(pieces(output, bytes, true) == "[d]");
  CHECK(pieces(output, bytes, true).empty());
}

TEST_CASE("gathered_output: a line over the limit comes in pieces") {
  gathered_output output = copied(true);
  buffer bytes;
  append(bytes, "12345");
  CHECK(pieces(output, bytes, false, 4) == "[12345]");
  append(bytes, "678\n9\n");
  CHECK(pieces(output, bytes, false, 4) == "[678][9]");
}

TEST_CASE("gathered_output: what somebody has read meanwhile is not handed out") {
  gathered_output output = copied(false);
  buffer bytes;
  append(bytes, "abc");
  bytes.consume(2);
  CHECK(pieces(output, bytes) == "[c]");
}

TEST_CASE("gathered_output: a bound that must not be exceeded") {
  gathered_output output;
  buffer bytes;
  append(bytes, "12345");
  CHECK(output.keep_within(bytes, output_bound(5)));
  append(bytes, "6");
  CHECK_FALSE(output.keep_within(bytes, output_bound(5)));
  CHECK(output.text(bytes) == "12345");
}

TEST_CASE("gathered_output: cut drops the rest, counts it, and remembers its end") {
  gathered_output output = copied(true);
  const output_bound bound(4, output_bound::policy::cut);
  buffer bytes;
  append(bytes, "12\n34\n5");
  CHECK(output.keep_within(bytes, bound));
  append(bytes, "6\n7");
  CHECK(output.keep_within(bytes, bound));
  CHECK(output.text(bytes) == "12\n3");
  CHECK(output.dropped() == 6);
  CHECK(output.tail_text() == "4\n56\n7");
  CHECK(pieces(output, bytes, true) == "[12][34][56][7]");  // the copy is whole
}

TEST_CASE("gathered_output: head_and_tail keeps both ends") {
  gathered_output output;
  const output_bound bound(6, output_bound::policy::head_and_tail);
  buffer bytes;
  for (const char c : std::string("0123456789")) {
    append(bytes, std::string_view(&c, 1));
    CHECK(output.keep_within(bytes, bound));
  }
  CHECK(output.text(bytes) == "012789");
  CHECK(output.dropped() == 4);
  CHECK(output.take(bytes) == "012789");
}

TEST_CASE("gathered_output: a hundred thousand short lines that a bound has cut cost no square") {
  gathered_output output = copied(true);
  const output_bound bound(10, output_bound::policy::cut);
  buffer bytes;
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "x\n";
  append(bytes, many);
  CHECK(output.keep_within(bytes, bound));
  std::size_t lines = 0;
  while (const auto piece = output.next_piece(bytes, true, 100)) lines += *piece == "x";
  CHECK(lines == 100'000);
}

}  // namespace gathered_output_tests
