# SPDX-FileCopyrightText: The coproc authors
# SPDX-License-Identifier: BSL-1.0
"""Python's asyncio at the work of run.py."""
import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE

CHILD = os.environ["BENCH_CHILD"]


async def start(*words, **how):
    return await asyncio.create_subprocess_exec(CHILD, *map(str, words), **how)


async def spawn_one():
    process = await start("say", stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert (out, err, process.returncode) == (b"out\n", b"err\n", 0)


async def spawn(count, at_once):
    begin = time.perf_counter()
    if at_once == 1:
        for _ in range(count):
            await spawn_one()
    else:
        turns = iter(range(count))

        async def worker():
            for _ in turns:
                await spawn_one()

        await asyncio.gather(*(worker() for _ in range(at_once)))
    return time.perf_counter() - begin


async def capture(count):
    begin = time.perf_counter()
    process = await start("bytes", count, stdout=PIPE)
    out, _ = await process.communicate()
    end = time.perf_counter()
    assert len(out) == count
    return end - begin


async def cat(count):
    data = b"y" * count
    process = await start("cat", stdin=PIPE, stdout=PIPE)
    begin = time.perf_counter()
    out, _ = await process.communicate(data)
    end = time.perf_counter()
    assert out == data
    return end - begin


async def lines(count, _how):
    begin = time.perf_counter()
    process = await start("lines", count, stdout=PIPE)
    seen = 0
    while await process.stdout.readline():
        seen += 1
    await process.wait()
    end = time.perf_counter()
    assert seen == count
    return end - begin


async def pingpong(count):
    process = await start("echo", stdin=PIPE, stdout=PIPE)
    begin = time.perf_counter()
    for _ in range(count):
        process.stdin.write(b"ping\n")
        line = await process.stdout.readline()
        assert line == b"ping\n"
    end = time.perf_counter()
    process.stdin.close()
    await process.wait()
    return end - begin


async def live(count):
    begin = time.perf_counter()
    every = [await start("wait", stdin=PIPE, stdout=PIPE, stderr=PIPE) for _ in range(count)]
    end = time.perf_counter()
    for one in every:
        one.stdin.close()
    for one in every:
        assert await one.wait() == 0
    return end - begin


async def main(what, number, other="0"):
    number = int(number)
    if what == "spawn":
        return await spawn(number, int(other))
    if what == "rss":
        ballast = bytearray(int(other) << 20)
        for at in range(0, len(ballast), 4096):
            ballast[at] = 1
        return await spawn(number, 1)
    if what == "lines":
        return await lines(number, other)
    return await {"capture": capture, "cat": cat, "pingpong": pingpong, "live": live}[what](number)


print(f"{asyncio.run(main(*sys.argv[1:])):.9f}")
