// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// A program that compiles fast, for the ways that differ only in how the headers are found. It
// writes what examples/quickstart.cpp writes.
#include <coproc/quote.hpp>
#include <iostream>

int main() {
  const auto words = coproc::split("'Hello, world!'");
  std::cout << "STDOUT: " << words.at(0) << '\n';
}
