#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""The law between the folders of include/coproc, and what else is true of every file there.

    headers.py TREE
"""
import os
import re
import sys

# What the files of a folder may include, beside one another: folders, and single files. The vocabulary
# is what everybody may speak: results, errors, commands and their keywords.
VOCABULARY = ["awaitable.hpp", "status.hpp", "error.hpp", "outcome.hpp", "quote.hpp", "separator.hpp",
              "terminal_size.hpp", "detail/keywords"]
MAY_INCLUDE = {
    "detail/keywords": ["awaitable.hpp", "terminal_size.hpp"],
    "detail/task": VOCABULARY,
    "detail/os": VOCABULARY + ["native_process.hpp", "detail/task", "detail/os/posix", "detail/os/windows"],
    "detail/os/posix": VOCABULARY + ["detail/task", "detail/os"],
    "detail/os/windows": VOCABULARY + ["detail/task", "detail/os"],
    "detail/pipe": VOCABULARY + ["detail/task", "detail/os"],
    "detail/child": VOCABULARY + ["command.hpp", "trace_event.hpp", "detail/task", "detail/os", "detail/pipe"],
    "impl": ["public", "detail/keywords", "detail/task", "detail/os", "detail/pipe", "detail/child"],
    "public": ["detail/keywords", "detail/task", "impl"],  # impl below the last line of a header
    "src.hpp": ["public", "impl"],
}
# Definitions include no others: what they need is declared above them, by their own header or src.hpp.
# What else is asked of them.
INCLUDE_BOOST_PROCESS = ["detail/os/boost.hpp", "native_process.hpp"]
MOST_STOREYS = 11
MOST_LINES = 400
MOST_COLUMNS = 100

INCLUDE = re.compile(r'^ *# *include *([<"])([^>"]+)[>"]')
problems = []


def complain(name, line, text):
    problems.append(f"include/coproc/{name}:{line}: {text}")


def folder_of(name):
    return os.path.dirname(name) or "public"


def allowed(name, other):
    """Whether the table lets one file include another."""
    here, there = folder_of(name), folder_of(other)
    if name == "src.hpp":
        here = "src.hpp"
    edges = MAY_INCLUDE.get(here, [])
    if here == there == "impl":
        return False
    return here == there or there in edges or other in edges


def listed(tree):
    """The names in cmake/headers.cmake."""
    with open(os.path.join(tree, "cmake/headers.cmake"), encoding="utf-8") as file:
        text = re.sub(r"#.*", "", file.read())
    return re.findall(r"[\w/]+\.[hi]pp\b", text)


def read(tree):
    base = os.path.join(tree, "include/coproc")
    texts = {}
    for folder, _, names in os.walk(base):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                texts[os.path.relpath(path, base).replace(os.sep, "/")] = file.read()
    return texts


def check_text(name, lines):
    head = ["// SPDX-FileCopyrightText: The coproc authors", "// SPDX-License-Identifier: BSL-1.0"]
    if lines[:2] != head:
        complain(name, 1, "the two SPDX lines are missing")
    if not name.endswith(".ipp") and "#pragma once" not in lines:
        complain(name, 1, "#pragma once is missing")
    if len(lines) > MOST_LINES:
        complain(name, len(lines), f"{len(lines)} lines; over {MOST_LINES} it wants splitting")
    for number, line in enumerate(lines, 1):
        if len(line) > MOST_COLUMNS:
            complain(name, number, f"{len(line)} columns, over {MOST_COLUMNS}")
        macro = re.match(r" *# *define +(\w+)", line)
        if macro and not macro[1].startswith("COPROC_"):
            complain(name, number, f"the macro {macro[1]} must be called COPROC_*")
        if re.match(r" *using namespace (?!keywords;)", line):
            complain(name, number, f"`{line.strip()}` in a header")


def check_includes(name, lines, files):
    """Holds the includes of a file to the table; returns those of the library."""
    found = []
    below = None  # where its own definitions are included
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        quote, other = include.groups()
        if other.startswith("boost/process") and name not in INCLUDE_BOOST_PROCESS:
            complain(name, number, f"<{other}>: only {' and '.join(INCLUDE_BOOST_PROCESS)} may")
        if quote == '"':
            complain(name, number, f'"{other}": write <coproc/...>')
        if not other.startswith("coproc/"):
            continue
        other = other[len("coproc/"):]
        if other not in files:
            complain(name, number, f"<coproc/{other}> does not exist")
            continue
        if not allowed(name, other):
            complain(name, number, f"{folder_of(name)} may not include {other}")
        if folder_of(other) == "impl":
            below = number
            continue  # no storey: a definition may use what stands above its declaration
        found.append(other)
    if below:
        rest = [text for text in lines[below:] if text and not re.match(r" *(#|//)", text)]
        if rest:
            complain(name, below, "something stands below the include of its definitions")
    return found


def storeys(graph):
    """The longest chain of includes; a circle is a problem, and ends the search."""
    height, path = {}, []

    def visit(name):
        if name in path:
            complain(name, 1, "a circle: " + " -> ".join(path[path.index(name):] + [name]))
            return []
        if name not in height:
            path.append(name)
            chains = [visit(other) for other in graph[name]]
            path.pop()
            height[name] = [name] + max(chains, key=len, default=[])
        return height[name]

    return max((visit(name) for name in graph), key=len, default=[])


def main():
    tree = sys.argv[1]
    texts = read(tree)
    names = listed(tree)
    for name in sorted(set(names)):
        if names.count(name) > 1:
            complain(name, 1, "it stands in cmake/headers.cmake more than once")
        if name not in texts:
            complain(name, 1, "it stands in cmake/headers.cmake and does not exist")
    graph = {}
    for name, text in sorted(texts.items()):
        if name not in names:
            complain(name, 1, "it is not in cmake/headers.cmake")
        folder = folder_of(name)
        if folder not in MAY_INCLUDE or name.endswith(".ipp") != (folder == "impl"):
            complain(name, 1, f"nothing says what may stand in {folder}")
        lines = text.splitlines()
        check_text(name, lines)
        graph[name] = check_includes(name, lines, texts)
    chain = storeys(graph)
    print(f"{len(texts)} files, {len(chain)} storeys: " + " -> ".join(chain))
    if len(chain) > MOST_STOREYS:
        complain(chain[0], 1, f"{len(chain)} storeys, over {MOST_STOREYS}")
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
