// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// The child that all contestants start: small, static, and faster than whoever reads from it.
//
//   child                 ends at once
//   child say             writes `out\n` to stdout, `err\n` to stderr
//   child bytes N         writes N bytes to stdout, in large writes
//   child lines N         writes N lines of 64 bytes
//   child cat             copies stdin to stdout, in large pieces
//   child echo            answers each read by a write of the same bytes
//   child wait            until the end of stdin
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

char block[1 << 20];

void write_all(const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(1, data, size);
    if (written <= 0) ::_exit(1);
    data += written;
    size -= static_cast<size_t>(written);
  }
}

}  // namespace

int main(int count, char** words) {
  const char* const what = count > 1 ? words[1] : "";
  const size_t number = count > 2 ? std::strtoull(words[2], nullptr, 10) : 0;
  if (std::strcmp(what, "say") == 0) {
    if (::write(1, "out\n", 4) != 4 || ::write(2, "err\n", 4) != 4) return 1;
  } else if (std::strcmp(what, "bytes") == 0) {
    std::memset(block, 'x', sizeof block);
    for (size_t left = number; left > 0;) {
      const size_t size = left < sizeof block ? left : sizeof block;
      write_all(block, size);
      left -= size;
    }
  } else if (std::strcmp(what, "lines") == 0) {
    constexpr size_t line = 64, lines = sizeof block / line;
    for (size_t i = 0; i < sizeof block; ++i)
      block[i] = i % line == line - 1 ? '\n' : static_cast<char>('a' + i % 26);
    for (size_t left = number; left > 0;) {
      const size_t some = left < lines ? left : lines;
      write_all(block, some * line);
      left -= some;
    }
  } else if (std::strcmp(what, "cat") == 0 || std::strcmp(what, "echo") == 0) {
    for (;;) {
      const ssize_t got = ::read(0, block, sizeof block);
      if (got <= 0) return got < 0;
      write_all(block, static_cast<size_t>(got));
    }
  } else if (std::strcmp(what, "wait") == 0) {
    while (::read(0, block, sizeof block) > 0) {
    }
  }
  return 0;
}
