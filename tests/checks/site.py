#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""That the reference has every public name, and no dead link.

    site.py TREE DOCS      DOCS is where the target `docs` has put names.xml and html/

The names are read from the headers: what Doxygen does not understand it leaves out without a word.
"""
import collections
import html.parser
import os
import re
import sys
import urllib.parse
import xml.etree.ElementTree

problems = []


def plain(text):
    """A header without comments (but for a mark where one says @private), directives and literals."""
    text = re.sub(r"/// @cond.*?/// @endcond", "", text, flags=re.S)
    text = re.sub(r"///[^\n]*@private[^\n]*", " @private ", text)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"^ *#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    return re.sub(r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])' """, "0", text, flags=re.X)


def names_of(declaration):
    """What it declares, and whether that is a function."""
    if not declaration or re.search(r"= delete$|^using namespace |^friend class ", declaration):
        return [], False
    operator = re.search(r"\boperator ?(\(\)|[^\w\s(]+| \w+) ?\(", declaration)
    if operator:
        return ["operator" + operator[1]], True
    while re.search(r"<[^<>]*>", declaration):
        declaration = re.sub(r"<[^<>]*>", "", declaration)
    declaration = re.sub(r"\b(requires|decltype) ?\(([^()]|\([^()]*\))*\)", "", declaration)
    function = re.search(r"(~?\w+) ?\(", declaration.split(" = ")[0])
    if function:
        return [function[1]], True
    alias = re.match(r"(?:template )?using (\w+) = ", declaration)
    if alias:
        return [alias[1]], False
    if re.match(r"using |namespace ", declaration):
        return [], False
    return [re.search(r"\w+$", part.split(" = ")[0])[0] for part in declaration.split(", ")], False


def declared(text):
    """Yields (class or namespace, name, whether it is a function) for each public declaration."""
    scopes = [("", True)]  # with whether what comes next there is public
    declaration = ""
    parentheses = 0
    skipped = 0  # how deep in braces in which nothing is declared
    for character in plain(text):
        if skipped:
            skipped += {"{": 1, "}": -1}.get(character, 0)
            continue
        parentheses += {"(": 1, ")": -1}.get(character, 0)
        if parentheses or character not in "{};":
            declaration += character
            continue
        words = " ".join(declaration.split())
        if character == "{" and re.search(r"\brequires( ?\(.*\))?$", words):
            skipped = 1  # a requirement, before what it is for
            continue
        declaration = ""
        label = re.match(r"(?:(public|private|protected) ?: ?)+", words)
        if label:
            scopes[-1] = (scopes[-1][0], label[1] == "public")
            words = words[label.end():]
        scope, public = scopes[-1]
        public = public and not words.startswith("@private")
        kind = re.match(r"(?:template ?<.*> ?)?(namespace|class|struct|enum class) ([\w:]+)(?= :|$)", words)
        if character == "}":
            scopes.pop()
        elif kind:
            name = kind[2]
            if character == ";":
                continue
            if public and "detail" not in name and kind[1] != "namespace":
                yield scope, name, False
            if public and "detail" not in name and kind[1] != "enum class":
                scopes.append((f"{scope}::{name}".strip(":"), kind[1] != "class"))
            else:
                skipped = 1
        else:
            skipped = character == "{"
            names, function = names_of(words) if public else ([], False)
            for name in names:
                yield scope, name, function


def check_names(tree, docs):
    """Holds what the site has, by Doxygen's own list of it, to what the headers declare."""
    site = collections.Counter()
    for compound in xml.etree.ElementTree.parse(os.path.join(docs, "names.xml")).getroot():
        scope = compound.findtext("name")
        if compound.get("kind") == "file":
            scope = ""
        site[tuple(scope.rpartition("::")[::2])] += 1
        for member in compound.findall("member"):
            site[scope, member.findtext("name")] += 1
    wanted = collections.Counter()
    folder = os.path.join(tree, "include/coproc")
    for header in sorted(os.listdir(folder)):
        if not header.endswith(".hpp"):
            continue
        with open(os.path.join(folder, header), encoding="utf-8") as file:
            text = file.read()
        for line in re.findall(r"^.*@par .*$", text, flags=re.M):
            problems.append(f"{header}: `{line.strip()}`: all of it becomes a title; see cmake/docs.cmake")
        for macro in re.findall(r"#define (COPROC_VERSION\w*)", text):
            wanted["", macro] = 1
        for scope, name, function in declared(text):
            wanted[scope, name] = wanted[scope, name] + 1 if function else 1
    for (scope, name), count in wanted.items():
        if site[scope, name] < count:
            problems.append(f"{scope}::{name}: {site[scope, name]} of {count} in the reference")
    return sum(wanted.values())


class page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, _, attributes):
        for key, value in attributes:
            if key in ("id", "name"):
                self.anchors.add(value)
            elif key in ("href", "src") and not re.match(r"\w+:", value):
                self.links.append(value)


def check_links(folder):
    """Links from page to page, to their anchors, and to files."""
    pages = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".html"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                pages[name] = page(file.read())
    for name, each in pages.items():
        for link in each.links:
            path, _, anchor = urllib.parse.unquote(link).partition("#")
            path = path or name
            there = os.path.exists(os.path.join(folder, path))
            if not there or (anchor and anchor not in pages[path].anchors):
                problems.append(f"{name}: a dead link, {link}")
    return sum(len(each.links) for each in pages.values())


def main():
    tree, docs = sys.argv[1:]
    names = check_names(tree, docs)
    links = check_links(os.path.join(docs, "html"))
    print(f"{names} names, {links} links")
    print(*dict.fromkeys(problems), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
