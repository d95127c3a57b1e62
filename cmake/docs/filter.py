#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""A file as Doxygen is to read it: README.md, whose dialect is GitHub's, or an example.

    filter.py FILE
"""
import re
import sys


def heading(line):
    """With the anchor that GitHub makes from its words."""
    slug = re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
    return f"{line} {{#{slug}}}"


def row(line, tag):
    """Of HTML: in a table of Markdown Doxygen leaves `\\|` in code as it stands."""
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    cells = [cell.strip().replace("\\|", "|") for cell in cells]
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def link(match):
    """To the page that the site has instead, or only the words."""
    text, target = match.groups()
    if re.match(r"\w+:|#", target):
        return match[0]
    name = target.split("/")[-1]
    if target.startswith("examples/") and name.endswith(".cpp"):
        return f"[{text}](@ref {name})"
    return f"[{text}]({name})" if name.endswith(".svg") else text


def readme(lines):
    fenced = False
    table = None  # the lines of the one that is being read
    for line in lines + [""]:
        if line.startswith("```"):
            fenced = not fenced
        if fenced:
            yield line
            continue
        line = re.sub(r"\[([^]]+)\]\(([^) ]+)\)", link, line)
        if line.startswith("|"):
            table = (table or []) + [line]
            continue
        if table:
            yield "<table>"
            yield row(table[0], "th")
            yield from (row(line, "td") for line in table[2:])
            yield "</table>"
            table = None
        yield heading(line) if line.startswith("##") else line
        if line.startswith("# "):
            yield "[TOC]"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = file.read().splitlines()
    if sys.argv[1].endswith(".md"):
        lines = readme(lines)
    print(*(line for line in lines if "SPDX-" not in line), sep="\n")


if __name__ == "__main__":
    main()
