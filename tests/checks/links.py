#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""That what Markdown files link to is there: files of the tree, and headings.

    links.py FILE...
"""
import os
import re
import sys

LINK = re.compile(r"(?:\]\(|^\[[^]]+\]: )([^)\s]+)")


def lines_of(path):
    """The lines of a file; those of code are empty."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return re.sub(r"^ *```.*?^ *```", lambda code: "\n" * code[0].count("\n"), text, flags=re.M | re.S).splitlines()


def anchors(path):
    """Of the headings, as GitHub makes them."""
    headings = [line.lstrip("# ").lower() for line in lines_of(path) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def main():
    problems, count = [], 0
    for path in sys.argv[1:]:
        for number, line in enumerate(lines_of(path), 1):
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"\w+:", target):
                    continue
                count += 1
                name, _, anchor = target.partition("#")
                there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
                if not os.path.exists(there) or (anchor and anchor not in anchors(there)):
                    problems.append(f"{path}:{number}: a dead link, {target}")
    print(f"{count} links")
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
