// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

// What the child programs of all systems write; each has its own way to.

namespace {

bool write_all(int fd, const char* data, std::size_t size);

void say(const std::string& line) { write_all(1, (line + '\n').data(), line.size() + 1); }

/// The bytes of a stream of any length, NULs among them: what tests compare with.
char pattern(unsigned long i) { return static_cast<char>((i * 2654435761u) >> 16); }

int fill(int fd, unsigned long size) {
  std::vector<char> buffer;
  for (unsigned long at = 0; at < size;) {
    buffer.clear();
    for (; at < size && buffer.size() < 64 * 1024; ++at) buffer.push_back(pattern(at));
    if (!write_all(fd, buffer.data(), buffer.size())) return 1;
  }
  return 0;
}

}  // namespace
