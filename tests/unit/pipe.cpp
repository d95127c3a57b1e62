// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// The parts of a stream that need no pipe: the buffer, the search for lines, what a read asks for.

#include "support.hpp"

#include <coproc/detail/pipe/buffer.hpp>
#include <coproc/detail/pipe/line_scanner.hpp>
#include <coproc/detail/pipe/read_request.hpp>

namespace pipe_tests {

using coproc::detail::buffer;
using coproc::detail::line_scanner;
using coproc::detail::read_request;

namespace {

void append(buffer& bytes, std::string_view text) {
  std::memcpy(bytes.prepare(text.size()).first, text.data(), text.size());
  bytes.commit(text.size());
}

}  // namespace

TEST_CASE("pipe: a buffer gives what it got, however reads and writes are mixed") {
  std::mt19937 random(7);
  buffer bytes;
  std::string expected;
  std::size_t written = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text(random() % 5000, static_cast<char>('a' + i % 26));
    append(bytes, text);
    expected += text;
    written += text.size();
    const std::size_t count = std::min<std::size_t>(random() % 6000, bytes.size());
    if (bytes.take(count) != expected.substr(0, count)) FAIL("other bytes");
    expected.erase(0, count);
    if (bytes.consumed() + bytes.size() != written) FAIL("the count is wrong");
  }
  CHECK((bytes.view() == expected));
  CHECK((bytes.drain() == expected));
  CHECK(bytes.empty());
  CHECK(bytes.consumed() == written);
}

TEST_CASE("pipe: a large buffer is drained whole, in slices") {
  const std::string text = test::pattern(20'000'000);
  buffer bytes;
  append(bytes, text);
  bytes.consume(123);
  CHECK((bytes.drain() == text.substr(123)));
}

#if !defined(_WIN32)
TEST_CASE("pipe: memory that grows beyond what it had reserved takes nobody else's") {
  // The other thread takes what has just become free, where there was so much.
  constexpr std::size_t reserved = std::size_t{1} << 30, much = std::size_t{900} << 20;
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      void* const block = ::mmap(nullptr, much, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (block == MAP_FAILED) continue;
      for (int i = 0; i < 200; ++i) *static_cast<volatile char*>(block) = 1;
      ::munmap(block, much);
    }
  });
  bool kept = true;
  for (int i = 0; i < 8'000; ++i) {
    coproc::detail::growing_memory memory;
    memory.grow(1 << 20);
    memory.grow(reserved);
    memory.data()[0] = 'a';
    memory.grow(reserved + 1);
    kept = kept && memory.data()[0] == 'a';
  }
  done = true;
  other.join();
  CHECK(kept);
}
#endif

TEST_CASE("pipe: a line is found once it is whole, and no byte is looked at twice") {
  line_scanner scanner;
  CHECK(scanner.find("", '\n') == line_scanner::none);
  CHECK(scanner.find("abc", '\n') == line_scanner::none);
  CHECK(scanner.scanned() == 3);
  CHECK(scanner.find("ab\ndef\n", '\n') == 6);  // what has been looked at is not looked at again
  scanner.restart();
  CHECK(scanner.find("ab\ndef\n", '\n') == 2);
}

TEST_CASE("pipe: a record ends with a byte, a text, or any of some bytes") {
  line_scanner scanner;
  CHECK(scanner.find("ab\ncd", '\n') == 2);
  CHECK(scanner.find("ab\ncd", 'b') == 1);  // another separator: from the front
  CHECK(scanner.find("ab\r", "\r\n") == line_scanner::none);
  CHECK(scanner.scanned() == 2);  // the last byte may be the start of one
  CHECK(scanner.find("ab\r\n", "\r\n") == 2);
  CHECK(scanner.find("ab\r\n", coproc::any_of("\n\r")) == 2);
  CHECK(scanner.find(std::string_view("a\0b", 3), '\0') == 1);
  CHECK(scanner.find(std::string_view("a\0b", 3), "\0") == 1);  // a literal's bytes, all of them
  CHECK(scanner.find(std::string_view("a\0\0b", 4), "\0\0") == 1);
  CHECK_THROWS_AS(coproc::separator(""), std::invalid_argument);
  CHECK_THROWS_AS(coproc::any_of(std::string()), std::invalid_argument);
  const std::string text = "--";
  CHECK(scanner.find("a--b", text) == 1);
  CHECK(scanner.find("a--b", std::string_view("--")) == 1);
}

TEST_CASE("pipe: the end of all whole lines, but not of those behind one that is too long") {
  const auto end = [](std::string_view text, bool complete, std::size_t limit) {
    return line_scanner::end_of_lines(text, '\n', complete, limit);
  };
  CHECK(end("", false, 10) == 0);
  CHECK(end("a\nbc\nd", false, 10) == 5);
  CHECK(end("a\nbc\nd", true, 10) == 6);
  CHECK(end("a\nlong long line\nb\n", false, 5) == 2);
  CHECK(end("long long line\n", false, 5) == 0);
  CHECK(end("12345\n12345\n", false, 5) == 12);
}

TEST_CASE("pipe: the end of all whole records, whose separators might overlap") {
  const auto end = [](std::string_view text, bool complete, std::size_t limit) {
    return line_scanner::end_of_lines(text, "--", complete, limit);
  };
  CHECK(end("a--bc--d", false, 10) == 7);
  CHECK(end("a--bc--d", true, 10) == 8);
  CHECK(end("a-----b", false, 10) == 5);  // two separators, and a byte of what follows
  CHECK(end("a--longer--b--", false, 5) == 3);
  CHECK(end("longer--b--", false, 5) == 0);
  CHECK(line_scanner::end_of_lines("a\rb\nc", coproc::any_of("\r\n"), false, 10) == 4);
}

TEST_CASE("pipe: what each kind of read takes of what is there") {
  auto all = read_request::everything();
  CHECK_FALSE(all.ready("abc", false));
  CHECK(all.ready("abc", true) == 3u);

  auto some = read_request::at_most(2);
  CHECK_FALSE(some.ready("", false));
  CHECK(some.ready("abc", false) == 2u);
  CHECK(some.ready("a", false) == 1u);
  CHECK(some.ready("", true) == 0u);
  CHECK(read_request::at_most(0).ready("", false) == 0u);

  auto three = read_request::exactly(3);
  CHECK_FALSE(three.ready("ab", false));
  CHECK_FALSE(three.ready("ab", true));  // incomplete
  CHECK(three.ready("abcd", false) == 3u);
}

TEST_CASE("pipe: a text is found where its start came earlier than its end") {
  auto request = read_request::until("--", "until", 4);
  CHECK_FALSE(request.ready("ab-", false));
  CHECK(request.ready("ab--c", false) == 4u);
  CHECK(read_request::until("--", "until", 4).ready("abcd--", false) == 6u);
  auto late = read_request::until("--", "until", 4);
  CHECK_FALSE(late.ready("abcd-", false));
  CHECK_THROWS_AS(late.ready("abcde-", false), coproc::limit_error);
  CHECK_THROWS_AS(read_request::until("", "until", 4).ready("", false), std::invalid_argument);
}

TEST_CASE("pipe: of several texts the one that ends first is found, however the bytes come") {
  const std::vector<std::string> texts = {"password: ", "word", "yes/no", "assw"};
  const std::string bytes = "a yes or no, a password: and more";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    auto request = read_request::until_first(texts);
    std::optional<std::size_t> end;
    for (std::size_t there = 0; !end && there < bytes.size();) {
      there = std::min(there + piece, bytes.size());
      end = request.ready(std::string_view(bytes).substr(0, there), false);
    }
    CAPTURE(piece);
    CHECK(end == bytes.find("assw") + 4);
    CHECK(request.index() == 3);
  }
}

TEST_CASE("pipe: of texts that end with the same byte the one that stands first is found") {
  const auto index = [](std::vector<std::string> texts) {
    auto request = read_request::until_first(std::move(texts));
    CHECK(request.ready("my password: ", false) == 13u);
    return request.index();
  };
  CHECK(index({"password: ", "word: "}) == 0);
  CHECK(index({"word: ", "password: "}) == 0);
  CHECK(index({"never", ": ", "password: "}) == 1);
}

TEST_CASE("pipe: a long text is found behind the start of a short one, and the other way") {
  auto request = read_request::until_first({"ab", "a long text"});
  CHECK_FALSE(request.ready("x a long", false));
  CHECK(request.ready("x a long text", false) == 13u);
  CHECK(request.index() == 1);
  auto other = read_request::until_first({"a long text", "gt"});
  CHECK_FALSE(other.ready("a long", false));
  CHECK(other.ready("a longt", false) == 7u);
  CHECK(other.index() == 1);
  auto none = read_request::until_first({"a", "b"});
  CHECK_FALSE(none.ready("xyz", true));  // incomplete
  CHECK_THROWS_AS(read_request::until_first({"a", ""}).ready("", false), std::invalid_argument);
}

}  // namespace pipe_tests
