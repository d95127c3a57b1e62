// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

// Node's child_process at the work of run.py.
import assert from 'node:assert';
import { spawn as launch } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const child = process.env.BENCH_CHILD;
const now = () => Number(process.hrtime.bigint()) / 1e9;
const start = (words, stdio) => launch(child, words.map(String), { stdio });

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function spawnOne() {
  const one = start(['say'], ['inherit', 'pipe', 'pipe']);
  const [out, err, [status]] = await Promise.all([all(one.stdout), all(one.stderr), once(one, 'close')]);
  assert(out.toString() === 'out\n' && err.toString() === 'err\n' && status === 0);
}

async function spawn(count, atOnce) {
  const begin = now();
  let left = count;
  const worker = async () => {
    while (left-- > 0) await spawnOne();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return now() - begin;
}

const works = {
  spawn,
  async rss(count, mebibytes) {
    const ballast = Buffer.alloc(mebibytes * 2 ** 20, 1);
    const time = await spawn(count, 1);
    assert(ballast.length === mebibytes * 2 ** 20);
    return time;
  },
  async capture(count) {
    const begin = now();
    const one = start(['bytes', count], ['ignore', 'pipe', 'inherit']);
    const [out] = await Promise.all([all(one.stdout), once(one, 'close')]);
    const end = now();
    assert(out.length === count);
    return end - begin;
  },
  async cat(count) {
    const input = Buffer.alloc(count, 'y');
    const one = start(['cat'], ['pipe', 'pipe', 'inherit']);
    const begin = now();
    one.stdin.end(input);
    const [out] = await Promise.all([all(one.stdout), once(one, 'close')]);
    const end = now();
    assert(out.equals(input));
    return end - begin;
  },
  async lines(count) {
    const begin = now();
    const one = start(['lines', count], ['ignore', 'pipe', 'inherit']);
    let seen = 0;
    for await (const line of createInterface({ input: one.stdout })) seen += line.length === 63;
    const end = now();
    assert(seen === count);
    return end - begin;
  },
  async pingpong(count) {
    const one = start(['echo'], ['pipe', 'pipe', 'inherit']);
    const begin = now();
    for (let i = 0; i < count; ++i) {
      one.stdin.write('ping\n');
      const [answer] = await once(one.stdout, 'data');
      assert(answer.toString() === 'ping\n');
    }
    const end = now();
    one.stdin.end();
    await once(one, 'close');
    return end - begin;
  },
  async live(count) {
    const begin = now();
    const every = Array.from({ length: count }, () => start(['wait'], ['pipe', 'pipe', 'pipe']));
    const end = now();
    for (const one of every) one.stdin.end();
    await Promise.all(every.map((one) => once(one, 'exit')));
    return end - begin;
  },
};

const [what, ...words] = process.argv.slice(2);
console.log((await works[what](...words.map(Number))).toFixed(9));
