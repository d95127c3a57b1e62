#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""Prints the files below a build folder that some tests need (REQUIRED_FILES), relative to it.

    ctest ... --show-only=json-v1 | needed_files.py FOLDER
"""
import json
import os
import sys

files = set()
for test in json.load(sys.stdin)["tests"]:
    for entry in test.get("properties", []):
        if entry["name"] == "REQUIRED_FILES":
            files.update(entry["value"])
print(*sorted(os.path.relpath(name, sys.argv[1]) for name in files))
