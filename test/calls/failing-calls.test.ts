// Every call of the public API fails in every way (no memory at each of its allocations, a tensor that a compiled step uses,
// one that was disposed, wrong arguments, getters and functions that throw) and leaves all as it was: elements, versions
// and gradients of tensors, random positions, what objects hold. Afterwards it does what it does to a twin, bit for bit.
// All of it, and 1,000 rounds of each failing call: npm run soak -- failures
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  adjoint,
  backwardOf,
  faultsOf,
  leftBy,
  movedByRefusals,
  scenarioOf,
  stateful,
  triableCalls,
} from '../fixtures/failing.mjs';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-failing-calls-'));
const calls = triableCalls(folder);
const { freeMemory, memoryStats, ones, rand, setMemoryLimit } = adjoint;
const { limitBytes } = memoryStats();
const before = process.cwd();
const ignore = (): void => {}; // rejections of steps that were refused

beforeAll(() => {
  process.chdir(folder);
  process.on('unhandledRejection', ignore);
});
afterAll(() => {
  setMemoryLimit(limitBytes);
  process.off('unhandledRejection', ignore);
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

// How often each call fails for the sake of the memory that it leaves; without, some of all allocations, tensors and kinds
// of wrong arguments are tried.
const rounds = Number(process.env.ADJOINT_ROUNDS ?? 0);
const most = rounds > 0 ? Number.POSITIVE_INFINITY : 6;
const kinds = ['throwing getters', 'throwing function', 'NaN', 'true', 'disposed tensor', 'int32'];

describe('a call that fails leaves all as it was', () => {
  const held = (): number => {
    freeMemory();
    return memoryStats().tensors;
  };
  let start = 0;
  it('and is done to nothing yet', () => {
    start = held();
  });

  it.each(calls.map((call) => [call.name, call] as const))('%s', async (_, call) => {
    expect(await faultsOf(scenarioOf(call), { most })).toEqual([]);
  });

  it.each(stateful.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    expect(await faultsOf(scenario, { most: 2 * most })).toEqual([]);
  });

  const backward = calls.map((call, i) => backwardOf(call, i % 2 === 0)).filter((scenario) => scenario !== null);
  it.each(backward.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    expect(await faultsOf(scenario, { most })).toEqual([]);
  });

  it('native memory, too', () => {
    expect(held() - start).toBeLessThan(400); // 256 cached constants, and what the last calls hold
  });

  describe.runIf(rounds > 0)(`in ${rounds} rounds`, () => {
    const all = [...calls.map(scenarioOf), ...stateful, ...backward];
    it.each(all.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
      expect(await leftBy(scenario, rounds)).toBeNull();
    });
  });
});

describe('a refused argument leaves all as it was', () => {
  it.each(calls.map((call) => [call.name, call] as const))('%s', async (_, call) => {
    expect(await movedByRefusals(call, rounds > 0 ? undefined : kinds)).toEqual([]);
  });
});

describe('planted faults are found', () => {
  const scenario = (name: string, run: (x: ReturnType<typeof ones>) => unknown) => ({
    name,
    make: () => {
      const x = ones([2]);
      return { run: () => run(x), watched: [x] };
    },
  });

  it('a change before a failure', async () => {
    const faults = await faultsOf(scenario('changes first', (x) => x.fill_(2).mul(x)));
    expect(faults[0]).toMatch(/^allocation 1 of 1 failing changed watched\.0: float32 \[2\] 0000803f/);
    const draws = await faultsOf(scenario('draws first', () => [rand([1]), rand([1])]));
    expect(draws[0]).toMatch(/^allocation 2 of 2 failing changed generator\.state: int32/);
  });

  it('an error that is not ours, and a failure that is swallowed', async () => {
    const raw = scenario('raw', (x) => {
      try {
        return x.mul(2);
      } catch {
        throw new TypeError('raw');
      }
    });
    expect(await faultsOf(raw)).toContain('allocation 1 of 1 failing ended in TypeError: raw');
    const swallowed = scenario('swallowed', (x) => {
      try {
        return x.mul(2);
      } catch {
        return x;
      }
    });
    expect((await faultsOf(swallowed))[0]).toMatch(/^allocation 1 of 1 failing passed, but result/);
  });

  it('a lock that comes after a change', async () => {
    const twice = {
      name: 'two in place',
      make: () => {
        const [x, y] = [ones([2]), ones([2])];
        return { run: () => [x.fill_(2), y.fill_(2)], watched: [x, y] };
      },
    };
    expect((await faultsOf(twice))[0]).toMatch(/^tensor 1 of 2 read by a step changed watched\.0/);
  });

  it('memory that is left', async () => {
    const kept: unknown[] = [];
    const leaks = scenario('leaks', (x) => {
      kept.push(x.mul(x));
      return x.mul(x);
    });
    expect(await leftBy(leaks, 100)).toMatch(/^(49|50|51) tensors and \d+ bytes more after 100 failed calls$/);
  });
});
