#!/usr/bin/env bash
# Compiles for systems that are not this one, with Zig's C++ compiler, which brings their headers and
# libc++: the examples for macOS, and the tests for musl, linked statically and run here.
#
#   cmake/tools/cross.sh [TARGET ...]      aarch64-macos, x86_64-macos and x86_64-linux-musl, unless others
#
# ZIG is the program (zig); BOOST a folder with Boost's headers, 1.88 or newer for musl
# (/usr/include); what it builds lies in build/cross. It needs Catch2's headers, version 2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
boost=${BOOST:-/usr/include}
[ $# -gt 0 ] || set -- aarch64-macos x86_64-macos x86_64-linux-musl

# Only those headers: beside them this system's own must not be found.
headers=$PWD/build/cross/headers
mkdir -p "$headers"
ln -sfn "$(realpath -e "$boost/boost")" "$headers/boost"
ln -sfn "$(realpath -e /usr/include/catch2)" "$headers/catch2"

for target in "$@"; do
  printf '\n== %s\n' "$target"
  work=$PWD/build/cross/$target
  mkdir -p "$work"
  cxx=("${ZIG:-zig}" c++ -target "$target")
  compile() { # FILE...: to objects of their names
    for file in "$@"; do
      "${cxx[@]}" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude \
        -isystem "$headers" -DCOPROC_CATCH_V3=0 "-DCOPROC_CHILD=\"$work/child\"" \
        -c "$file" -o "$work/$(basename "$file" .cpp).o"
    done
  }
  case $target in
    *-linux-musl)
      compile tests/child.cpp tests/soak.cpp
      suites=()
      for file in tests/*.cpp; do
        case $file in
          tests/child.cpp | tests/soak.cpp | tests/faults.cpp | tests/counts.cpp | tests/keywords_collision.cpp) ;;
          *) suites+=("$file") ;;
        esac
      done
      compile "${suites[@]}"
      objects=()
      for file in "${suites[@]}"; do objects+=("$work/$(basename "$file" .cpp).o"); done
      "${cxx[@]}" "$work/child.o" -o "$work/child"
      "${cxx[@]}" "$work/soak.o" -o "$work/soak"
      "${cxx[@]}" "${objects[@]}" -o "$work/tests"
      "$work/tests"
      "$work/soak" 10 4
      ;;
    *) compile examples/*.cpp ;;
  esac
done
