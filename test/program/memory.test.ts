// Programs, their arenas and threads end with the compiled functions that own them.
import { readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  compile,
  freeMemory,
  memoryStats,
  mul,
  noGrad,
  ones,
  scope,
  setMemoryLimit,
  type Tensor,
  zeros,
} from '../../lib/index.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const megabyte = 2 ** 20;
const threads = (): number => readdirSync('/proc/self/task').length;

/** Bytes in use once everything lost is gone. */
async function settled(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    gc();
    await turn();
    freeMemory();
  }
  return memoryStats().liveBytes;
}

/** A function whose arena holds some 8 MB. */
const large = () => compile((x: Tensor) => mul(x.exp(), x.sum()).cumsum({ dim: 0 }).sum());

describe('the arena', () => {
  const x = ones([megabyte]);

  it('is freed by dispose', async () => {
    const before = await settled();
    const step = large();
    for (let i = 0; i < 2; i++) (await step(x)).dispose();
    expect(memoryStats().liveBytes - before).toBeGreaterThan(3 * megabyte);
    step.dispose();
    expect((await settled()) - before).toBeLessThan(megabyte / 8);
  });

  it('is freed when the function is lost, though not while steps are queued', async () => {
    const before = await settled();
    let queued: Promise<Tensor>[] = [];
    await (async () => {
      const step = large();
      step.sync(x);
      queued = [step(x), step(x), step(x)];
    })();
    gc();
    const values = (await Promise.all(queued)).map((t) => t.item());
    expect(new Set(values).size).toBe(1);
    queued = [];
    expect((await settled()) - before).toBeLessThan(megabyte / 8);
  });

  it('of a program that was evicted is freed', async () => {
    const step = compile((t: Tensor) => mul(t.exp(), t.sum()).cumsum({ dim: 0 }).sum(), { maxPrograms: 1 });
    const before = await settled();
    for (let n = 0; n < 20; n++) {
      const t = ones([megabyte + n]);
      for (let i = 0; i < 3; i++) scope(() => void step.sync(t));
      t.dispose();
    }
    expect((await settled()) - before).toBeLessThan(14 * megabyte);
    step.dispose();
    expect((await settled()) - before).toBeLessThan(megabyte / 8);
  });
});

it.runIf(process.platform === 'linux')('200 functions made and lost leave neither threads nor memory', async () => {
  const x = ones([1000]);
  const before = await settled();
  const threadsBefore = threads();
  let most = 0;
  for (let i = 0; i < 200; i++) {
    const step = compile((t: Tensor) => mul(t, i));
    step.sync(x);
    expect((await step(x)).data[0]).toBe(i);
    if (i % 20 === 0) await settled();
    most = Math.max(most, threads() - threadsBefore);
  }
  expect((await settled()) - before).toBeLessThan(megabyte / 8);
  expect(most).toBeLessThan(40);
  expect(threads() - threadsBefore).toBeLessThan(5);
});

describe('many calls', () => {
  const total = zeros([4]);
  const step = compile((x: Tensor) => {
    noGrad(() => total.add_(x));
    return [mul(x, 2), x];
  });

  it('20,000 by sync in scopes leave no tensor', () => {
    const x = ones([4]);
    for (let i = 0; i < 2; i++) scope(() => void step.sync(x)); // recorded, and its arena made
    const before = memoryStats();
    for (let i = 0; i < 20_000; i++) {
      const [y] = scope(() => step.sync(x)[0]?.toArray()) as number[];
      if (y !== 2) throw new Error(`${y}`);
    }
    expect(memoryStats().tensors).toBe(before.tensors);
    expect(memoryStats().liveBytes).toBe(before.liveBytes);
  });

  it('5,000 awaited, and 20,000 in a run, let go of all', async () => {
    const x = ones([4]);
    await settled();
    const before = memoryStats();
    for (let i = 0; i < 5000; i++) await step(x);
    await step.run(Array.from({ length: 20_000 }, () => [x]));
    total.fill_(0); // no lock is left
    x.fill_(0);
    await settled();
    expect(memoryStats().tensors - before.tensors).toBeLessThan(10);
    expect(memoryStats().liveBytes - before.liveBytes).toBeLessThan(megabyte / 8);
  });
});

describe('functions lost in a synchronous loop', () => {
  /** Makes and loses functions with arenas and captured tensors of some MB, never letting the event loop turn. */
  function loseMany(count: number, most: number): void {
    const x = ones([megabyte / 16]);
    const base = memoryStats().liveBytes;
    for (let i = 0; i < count; i++) {
      const w = ones([megabyte / 4]);
      const step = compile((t: Tensor) => [mul(t.exp(), t.sum()).cumsum({ dim: 0 }).sum(), w.cumsum({ dim: 0 }).sum()]);
      for (let k = 0; k < 2; k++) scope(() => void step.sync(x));
      expect(memoryStats().liveBytes - base).toBeLessThan(most);
    }
  }

  it('do not pile up', () => {
    loseMany(200, 200 * megabyte);
  });

  it('make room where memory is short, and are freed by freeMemory', () => {
    freeMemory();
    const base = memoryStats().liveBytes;
    setMemoryLimit(base + 24 * megabyte);
    try {
      loseMany(100, 24 * megabyte);
    } finally {
      setMemoryLimit(Number.MAX_SAFE_INTEGER);
    }
    freeMemory();
    freeMemory();
    expect(memoryStats().liveBytes - base).toBeLessThan(megabyte / 8);
  });
});

it('what a recording keeps to undo itself is gone when it has succeeded, or failed', async () => {
  const w = ones([megabyte]);
  const before = await settled();
  const step = compile((fail: Tensor | null) => {
    noGrad(() => w.add_(1));
    if (fail !== null) throw new Error('mine');
  });
  expect(() => step.sync(ones([1]))).toThrow('mine');
  expect((await settled()) - before).toBeLessThan(megabyte / 8);
  expect(w.data[0]).toBe(1);
  const trains = compile(() => void noGrad(() => w.add_(1)));
  trains.sync();
  expect((await settled()) - before).toBeLessThan(megabyte / 8);
  expect(w.toTypedArray()[megabyte - 1]).toBe(2);
});
