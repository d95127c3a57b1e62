#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""A file as Doxygen is to read it: README.md, whose dialect is GitHub's, or an example.

    filter.py FILE
"""
import re
import sys


def heading(line):
    """With the anchor that GitHub makes from its words, and as words alone."""
    slug = re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
    return f"{line} {{#{slug}}}".replace("`", "")


def cells(line):
    cut = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [cell.strip().replace("\\|", "|") for cell in cut]


def table_of(lines):
    """As HTML: in a table of Markdown Doxygen leaves `\\|` in code as it stands."""
    sides = [' align="right"' if cell.endswith(":") else "" for cell in cells(lines.pop(1))]
    yield "<table>"
    for number, line in enumerate(lines):
        tag = "td" if number else "th"
        row = (f"<{tag}{side}>{cell}</{tag}>" for side, cell in zip(sides, cells(line)))
        yield "<tr>" + "".join(row) + "</tr>"
    yield "</table>"


def link(match):
    """To the page that the site has instead, or only where it is in the tree."""
    text, target = match.groups()
    if re.match(r"\w+:|#", target):
        return match[0]
    name = target.split("/")[-1]
    if target.startswith("examples/") and name.endswith(".cpp"):
        return f"[{text}](@ref {name})"
    if name.endswith(".svg"):
        return f"[{text}]({name})"
    return f"{text} (`{target}`)" if "/" in target else text


def readme(text):
    # To Doxygen an apostrophe ends code that one backtick has begun.
    text = re.sub(r"(```.*?```)|`([^`]+)`",
                  lambda code: code[1] or (f"``{code[2]}``" if "'" in code[2] else code[0]), text, flags=re.S)
    fenced = False
    table = None  # the lines of the one that is being read
    for line in text.splitlines() + [""]:
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            yield line
            continue
        line = re.sub(r"\[([^]]+)\]\(([^) ]+)\)", link, line)
        if line.startswith("|"):
            table = (table or []) + [line]
            continue
        if table:
            yield from table_of(table)
            table = None
        yield heading(line) if line.startswith("##") else line
        if line.startswith("# "):
            yield "[TOC]"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    lines = readme(text) if sys.argv[1].endswith(".md") else text.splitlines()
    print(*(line for line in lines if "SPDX-" not in line), sep="\n")


if __name__ == "__main__":
    main()
