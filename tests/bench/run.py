#!/usr/bin/env python3
# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""Times coproc, its floor and its peers at the same work, and prints medians and ratios.

    run.py FOLDER [--rounds N] [--work NAME ...] [--only CONTESTANT ...]
                  [--json FILE] [--markdown FILE] [--svg FILE]

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
    found["coproc, compiled"] = program("bench_coproc_compiled")  # its other form
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


def warm():
    """Touches 3 GiB, since on a virtual machine the first use of memory may cost more than the work."""
    subprocess.run([sys.executable, "-c", "b'x' * (3 << 30)"], check=True)


def run(command, words, pinned, environment):
    if words[0] in ("capture", "cat"):
        warm()
    prefix = ["taskset", "-c", "0"] if pinned else []
    done = subprocess.run(prefix + command + [str(w) for w in words], env=environment,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{command} {words}: {done.stderr.strip() or done.returncode}")
    return float(done.stdout)


ORDER = ["floor", "coproc", "tokio", "Boost.Process v2", "Go", "libuv", "Python asyncio", "Node"]
READERS = {"coproc": "readline()", "coproc, line again": "readline(line)", "coproc, lines()": "lines()"}


def rows(results):
    """(label, unit, amount, medians of the ORDER); a row for each way of coproc to read lines."""
    for work, medians in results.items():
        unit, amount = WORKS[work][1]
        for name, words in READERS.items() if work == "lines" else [("coproc", "")]:
            if name not in medians:
                continue
            mine = {other: medians[other] for other in ORDER if other in medians}
            yield f"{work}, {words}" if words else work, unit, amount, mine | {"coproc": medians[name]}


def shown(number):
    """Three digits, and no power of ten."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def markdown(results):
    present = [name for name in ORDER if any(name in medians for *_, medians in rows(results))]
    lines = ["| | " + " | ".join(present) + " |", "| --- |" + " ---: |" * len(present)]
    for label, unit, amount, medians in rows(results):
        cells = []
        for name in present:
            time = medians.get(name)
            text = "" if time is None else shown(time if amount is None else amount / time)
            cells.append(f"**{text}**" if name == "coproc" else text)
        lines.append(f"| {label}: {unit} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def svg(results):
    """How fast each is, the floor being 1, as bars."""
    bar, label, scale, longest = 12, 330, 220, 1.6
    out, y = [], 30
    for text, _, _, medians in rows(results):
        if "floor" not in medians:
            continue
        out.append(f'<text x="8" y="{y + 10}" font-weight="bold">{text}</text>')
        for name in [name for name in ORDER if name in medians and name != "floor"]:
            speed = medians["floor"] / medians[name]
            width = max(1, min(speed, longest) * scale)
            colour = "#1f6feb" if name == "coproc" else "#9aa4b2"
            out.append(f'<text x="{label - 8}" y="{y + 10}" text-anchor="end">{name}</text>'
                       f'<rect x="{label}" y="{y + 1}" width="{width:.0f}" height="{bar - 2}" fill="{colour}"/>'
                       f'<text x="{label + width + 5:.0f}" y="{y + 10}">{speed:.2f}</text>')
            y += bar
        y += 10
    width = label + longest * scale + 50
    line = f'<line x1="{label + scale}" x2="{label + scale}" y1="24" y2="{y - 8}" stroke="#d1242f"/>'
    head = f'<text x="{label + scale}" y="18" text-anchor="middle">hand-written C = 1, longer is faster</text>'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y}" '
            f'font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="white"/>'
            + head + "".join(out) + line + "</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="*", default=list(WORKS), choices=list(WORKS))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    parser.add_argument("--svg")
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
            value = time if amount is None else amount / time
            ratio = f"{time / floor:6.2f}x" if floor else ""
            print(f"  {name:20} {value:12.4g} {ratio}")
    written = {options.json: json.dumps(results, indent=1) + "\n"} if options.json else {}
    if options.markdown:
        written[options.markdown] = markdown(results)
    if options.svg:
        written[options.svg] = svg(results)
    for path, text in written.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
