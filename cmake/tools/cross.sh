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
        -Itests/support -isystem "$headers" -DCOPROC_SEPARATE_COMPILATION -DCOPROC_CATCH_V3=0 \
        "-DCOPROC_CHILD=\"$work/child\"" -c "$file" -o "$work/$(basename "$file" .cpp).o"
    done
  }
  echo '#include <coproc/src.hpp>' >"$work/coproc.cpp"
  compile "$work/coproc.cpp"
  case $target in
    *-linux-musl)
      compile tests/programs/child.cpp tests/programs/soak.cpp
      suites=(tests/support/*.cpp tests/unit/*.cpp)
      for file in tests/suites/*.cpp; do
        [ "$file" = tests/suites/windows.cpp ] || suites+=("$file")
      done
      compile "${suites[@]}"
      objects=()
      for file in "${suites[@]}"; do objects+=("$work/$(basename "$file" .cpp).o"); done
      "${cxx[@]}" "$work/child.o" -o "$work/child"
      "${cxx[@]}" "$work/soak.o" "$work/coproc.o" -o "$work/soak"
      "${cxx[@]}" "${objects[@]}" "$work/coproc.o" -o "$work/tests"
      "$work/tests"
      "$work/soak" 10 4
      ;;
    *) compile examples/*.cpp ;;
  esac
done
