#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""Compiles each piece of C++ of README.md but the first, which is an example, as the body of a coroutine.

    snippets.py TREE COMPILER "INCLUDE_DIR|INCLUDE_DIR"
"""
import os
import re
import subprocess
import sys

tree, compiler, includes = sys.argv[1:]
readme = os.path.join(tree, "README.md")
with open(readme, encoding="utf-8") as file:
    text = file.read()
program = ['#include "checks/snippets.hpp"']
pieces = list(re.finditer(r"^```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))[1:]
for number, piece in enumerate(pieces):
    line = text.count("\n", 0, piece.start(1)) + 1
    program += [f"coproc::awaitable<> piece_{number}() {{", f'#line {line} "{readme}"', piece[1],
                "co_return;", "}"]
flags = ["-I" + path for path in [os.path.join(tree, "tests"), *includes.split("|")]]
done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-DCOPROC_SEPARATE_COMPILATION",
                       *flags, "-x", "c++", "-"], input="\n".join(program), text=True)
print(len(pieces), "pieces")
sys.exit(done.returncode != 0 or not pieces)
