#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""Times coproc, its floor and its peers at the same work, and prints medians and ratios.

    run.py FOLDER [--rounds N] [--work NAME ...] [--only CONTESTANT ...] [--json FILE]

FOLDER has the programs that CMake has built. Go and tokio are built here, where there is a compiler
for them (Debian: golang-go, librust-tokio-dev). In each round every contestant does each work once, so
that what else the machine does hits all of them alike. Each checks its results. `taskset` pins the
works whose name says "one CPU".
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# name: (arguments, how to show a time, pinned to one CPU)
WORKS = {
    "spawn": (["spawn", 1000, 1], ("children/s", 1000), False),
    "spawn, one CPU": (["spawn", 1000, 1], ("children/s", 1000), True),
    "spawn, 64 at once": (["spawn", 3000, 64], ("children/s", 3000), False),
    "gather 10 000, 64 at once": (["spawn", 10000, 64], ("children/s", 10000), False),
    "spawn at 1 GiB": (["rss", 300, 1024], ("children/s", 300), True),
    "spawn at 4 GiB": (["rss", 300, 4096], ("children/s", 300), True),
    "capture 256 MiB": (["capture", 256 << 20], ("GiB/s", 0.25), False),
    "capture 1 GiB": (["capture", 1 << 30], ("GiB/s", 1), False),
    "cat 128 MiB": (["cat", 128 << 20], ("GiB/s", 0.125), False),
    "lines": (["lines", 1000000, "string"], ("million/s", 1), False),
    "pingpong, one CPU": (["pingpong", 20000], ("thousand/s", 20), True),
    "live 500": (["live", 500], ("s", None), False),
    "live 2000": (["live", 2000], ("s", None), False),
}
# Other ways of coproc to read lines.
VARIANTS = {"coproc, line again": {"lines": "again"}, "coproc, lines()": {"lines": "batch"}}


def contestants(folder):
    def program(name):
        path = os.path.join(folder, name)
        return [path] if os.path.exists(path) else None

    found = {"floor": program("bench_floor"), "coproc": program("bench_coproc")}
    for name in VARIANTS:
        found[name] = program("bench_coproc")
    found["Boost.Process v2"] = program("bench_boost")
    found["libuv"] = program("bench_libuv")
    if shutil.which("go"):
        go = os.path.join(folder, "bench_go")
        environment = dict(os.environ, GO111MODULE="off", GOCACHE=os.path.join(folder, "go-cache"))
        if subprocess.run(["go", "build", "-o", go, os.path.join(HERE, "go_bench.go")],
                          env=environment).returncode == 0:
            found["Go"] = [go]
    registry = "/usr/share/cargo/registry"
    if shutil.which("cargo") and os.path.isdir(registry):
        config = ['--config', 'source.crates-io.replace-with="debian"',
                  '--config', f'source.debian.directory="{registry}"']
        target = os.path.join(folder, "tokio")
        shutil.copytree(os.path.join(HERE, "tokio"), os.path.join(folder, "tokio-source"),
                        dirs_exist_ok=True)
        if subprocess.run(["cargo", *config, "build", "--release", "--offline", "--quiet",
                           "--target-dir", target],
                          cwd=os.path.join(folder, "tokio-source")).returncode == 0:
            found["tokio"] = [os.path.join(target, "release", "tokio_bench")]
    found["Python asyncio"] = [sys.executable, os.path.join(HERE, "asyncio_bench.py")]
    if shutil.which("node"):
        found["Node"] = ["node", os.path.join(HERE, "node_bench.mjs")]
    return {name: command for name, command in found.items() if command}


def run(command, words, pinned, environment):
    prefix = ["taskset", "-c", "0"] if pinned else []
    done = subprocess.run(prefix + command + [str(w) for w in words], env=environment,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{command} {words}: {done.stderr.strip() or done.returncode}")
    return float(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="*", default=list(WORKS), choices=list(WORKS))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json")
    options = parser.parse_args()
    options.folder = os.path.abspath(options.folder)  # builders run in other folders
    environment = dict(os.environ, BENCH_CHILD=os.path.join(options.folder, "bench_child"))
    _, hard = __import__("resource").getrlimit(__import__("resource").RLIMIT_NOFILE)
    __import__("resource").setrlimit(__import__("resource").RLIMIT_NOFILE, (min(hard, 65536), hard))

    every = contestants(options.folder)
    if options.only:
        every = {name: command for name, command in every.items() if name in options.only}
    times = {work: {name: [] for name in every} for work in options.work}
    for turn in range(options.rounds):
        for work in options.work:
            words, _, pinned = WORKS[work]
            for name, command in every.items():
                if name in VARIANTS and words[0] not in VARIANTS[name]:
                    continue
                how = words[:-1] + [VARIANTS[name][words[0]]] if name in VARIANTS else words
                try:
                    times[work][name].append(run(command, how, pinned, environment))
                except (RuntimeError, subprocess.TimeoutExpired, ValueError) as problem:
                    print(f"{name}, {work}: {problem}", file=sys.stderr)
        print(f"round {turn + 1} of {options.rounds} done", file=sys.stderr)

    results = {}
    for work in options.work:
        unit, amount = WORKS[work][1]
        print(f"\n{work} ({unit}; median of {options.rounds}; against the floor's time)")
        medians = {name: statistics.median(all) for name, all in times[work].items() if all}
        results[work] = medians
        floor = medians.get("floor")
        for name, time in sorted(medians.items(), key=lambda item: item[1]):
            shown = time if amount is None else amount / time
            ratio = f"{time / floor:6.2f}x" if floor else ""
            print(f"  {name:20} {shown:12.4g} {ratio}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
