import { describe, expect, it } from 'vitest';
import type { TypedArray } from '../../lib/dtype.js';
import { ArgumentError, DTypeError } from '../../lib/errors.js';
import { defaultGenerator, Generator, manualSeed } from '../../lib/ops/generator.js';
import '../../lib/methods.js';
import { zeros } from '../../lib/ops/creation.js';
import * as ops from '../../lib/ops/random.js';
import { runFixture } from '../fixtures/children.mjs';
import { testFamily } from '../support/family.js';
import type { ErrorRow } from '../support/harness.js';
import { bernoulliOf, bounded, doubles, normals, philox, singles, wordsOf } from '../support/philox.js';
import { kolmogorovSmirnov, normalCdf } from '../support/samples.js';

const seed = 2 ** 40 + 99;
const fresh = (position = 0): Generator => {
  const generator = new Generator(seed);
  const state = generator.getState();
  state[2] = position | 0;
  state[3] = Math.floor(position / 2 ** 32);
  return generator.setState(state);
};
const numbers = (t: { toTypedArray(): TypedArray }): number[] => Array.from(t.toTypedArray());

describe('Philox4x32-10', () => {
  it('the reference gives the known answers of Random123', () => {
    const hex = (words: number[]): string => words.map((w) => w.toString(16).padStart(8, '0')).join(' ');
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const all = 0xffffffff;
    expect(hex(philox([all, all, all, all], [all, all]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
    expect(hex(philox(pi, [0xa4093822, 0x299f31d0]))).toBe('d16cfe09 94fdcceb 5001e420 24126ea1');
  });

  // Lengths around the tile of 64 blocks, and positions whose low word overflows.
  for (const [n, position] of [
    [1, 0],
    [255, 3],
    [257, 2 ** 32 - 20],
    [1000, 2 ** 52],
  ] as const) {
    it(`the library draws what the reference draws: ${n} numbers from block ${position}`, () => {
      const generator = fresh(position);
      expect(numbers(ops.rand([n], { generator }))).toEqual(singles(wordsOf(seed, position, n)));
      let at = position + Math.ceil(n / 4);
      expect(numbers(ops.rand([n], { dtype: 'float64', generator }))).toEqual(doubles(wordsOf(seed, at, 2 * n)));
      at += Math.ceil(n / 2);
      expect(numbers(ops.coins([n], { p: 0.3, generator }))).toEqual(
        bernoulliOf(wordsOf(seed, at, n), 0.3).map(Number),
      );
      at += Math.ceil(n / 4);
      const whole = bounded(wordsOf(seed, at, 2 * n), () => 1005);
      expect(numbers(ops.randint(-5, 1000, [n], { generator }))).toEqual(whole.map((x) => x - 5));
      at += Math.ceil(n / 2);
      expect(numbers(ops.randperm(n, { generator }))).toEqual(shuffled(n, wordsOf(seed, at, 2 * n)));
      at += Math.ceil(n / 2);
      const z = numbers(ops.randn([n], { dtype: 'float64', generator }));
      const want = normals(wordsOf(seed, at, 4 * Math.ceil(n / 2)));
      const error = z.map((x, i) => Math.abs(x - (want[i] as number)) / (1 + Math.abs(x)));
      expect(Math.max(...error)).toBeLessThan(1e-14);
    });
  }
});

function shuffled(n: number, words: number[]): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  bounded(words, (k) => n - k).forEach((j, k) => {
    const i = n - 1 - k;
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  });
  return order;
}

describe('distributions', () => {
  const n = 100_000;
  for (const dtype of ['float32', 'float64'] as const) {
    it(`uniform ${dtype}`, () => {
      const x = numbers(zeros([n], { dtype }).uniform_(-2, 3, { generator: fresh() }));
      expect(Math.min(...x.slice(0, 50_000))).toBeGreaterThanOrEqual(-2);
      expect(Math.max(...x.slice(0, 50_000))).toBeLessThan(3);
      expect(kolmogorovSmirnov(x, (v) => (v + 2) / 5)).toBeLessThan(1.95);
    });
    it(`normal ${dtype}`, () => {
      const x = numbers(ops.normal(3, 2, [n], { dtype, generator: fresh() }));
      expect(kolmogorovSmirnov(x, (v) => normalCdf((v - 3) / 2))).toBeLessThan(1.95);
      // Four deviations of each moment's estimate.
      const moment = (k: number): number => x.reduce((sum, v) => sum + ((v - 3) / 2) ** k, 0) / n;
      const expected = [1, 0, 1, 0, 3, 0, 15, 0, 105];
      for (const k of [1, 2, 3, 4]) {
        const deviation = Math.sqrt(((expected[2 * k] as number) - (expected[k] as number) ** 2) / n);
        expect(Math.abs(moment(k) - (expected[k] as number)), `moment ${k}`).toBeLessThan(4 * deviation);
      }
    });
  }

  it('normal float32 is the rounded float64', () => {
    const twice = numbers(ops.randn([1001], { dtype: 'float64', generator: fresh() }));
    expect(numbers(ops.randn([1001], { generator: fresh() }))).toEqual(twice.map(Math.fround));
  });

  it('the checker notices a distribution that is slightly off', () => {
    const x = numbers(ops.normal(0.02, 1, [n], { dtype: 'float64', generator: fresh() }));
    expect(kolmogorovSmirnov(x, normalCdf)).toBeGreaterThan(1.95);
  });

  it('uniform never reaches its upper end, even where rounding would', () => {
    const x = numbers(zeros([200_000]).uniform_(16_777_215, 16_777_216, { generator: fresh() }));
    expect(x.every((v) => v === 16_777_215)).toBe(true);
  });

  it('randint(high, shape) is randint(0, high, shape)', () => {
    const whole = numbers(ops.randint(0, 10, [20], { generator: fresh() }));
    expect(numbers(ops.randint(10, [20], { generator: fresh() }))).toEqual(whole);
    expect(ops.randint(10, [2], { dtype: 'uint8' }).dtype).toBe('uint8');
    expect(() => ops.randint(0, [2])).toThrow(
      'randint: high must be an integer of at least 1 and at most 2147483648, got 0',
    );
  });

  it('bernoulli, randint and permutation', () => {
    const mean = (x: number[]): number => x.reduce((sum, v) => sum + v, 0) / x.length;
    const b = numbers(ops.coins([n], { p: 0.2, dtype: 'uint8', generator: fresh() }));
    expect(Math.abs(mean(b) - 0.2)).toBeLessThan(4 * Math.sqrt(0.16 / n));
    expect(numbers(ops.coins([100], { p: 1, generator: fresh() }))).toEqual(new Array(100).fill(1));
    expect(numbers(ops.coins([100], { p: 0, generator: fresh() }))).toEqual(new Array(100).fill(0));
    const counts = new Array(7).fill(0);
    for (const v of numbers(ops.randint(-3, 4, [n], { generator: fresh() }))) counts[v + 3]++;
    const chiSquare = counts.reduce((sum, c) => sum + (c - n / 7) ** 2 / (n / 7), 0);
    expect(chiSquare).toBeLessThan(22.5); // 6 degrees of freedom: above once in 1,000 times
    // Where each element lands is uniform, too.
    const places = Array.from({ length: 2000 }, () => 0);
    const generator = fresh();
    for (let i = 0; i < places.length; i++) places[i] = numbers(ops.randperm(6, { generator })).indexOf(2);
    const landed = new Array(6).fill(0);
    for (const p of places) landed[p]++;
    expect(landed.reduce((sum, c) => sum + (c - 2000 / 6) ** 2 / (2000 / 6), 0)).toBeLessThan(20.5);
  });
});

describe('generators', () => {
  it('manualSeed repeats the default generator, and every draw moves it on', () => {
    manualSeed(5);
    const first = [numbers(ops.rand([3])), numbers(ops.randn([3])), numbers(ops.randperm(5))];
    expect(numbers(ops.rand([3]))).not.toEqual(first[0]);
    manualSeed(5);
    expect([numbers(ops.rand([3])), numbers(ops.randn([3])), numbers(ops.randperm(5))]).toEqual(first);
    const state = defaultGenerator().getState();
    const next = numbers(ops.rand([4]));
    defaultGenerator().setState(state);
    expect(numbers(ops.rand([4]))).toEqual(next);
  });

  it('a failed call draws nothing', () => {
    const generator = fresh();
    const before = generator.getState();
    expect(() => ops.rand([-1], { generator })).toThrow();
    expect(() => ops.normal(0, -1, [2], { generator })).toThrow();
    expect(generator.getState()).toEqual(before);
  });

  it('makes the same numbers at each level and thread count', { timeout: 60_000 }, async () => {
    const seen: { isa: string; threads: number; hash: string }[] = [];
    for (const isa of ['baseline', '']) {
      for (const threads of ['1', '2']) {
        const { output, errors } = await runFixture('random.mjs', [], {
          env: { ADJOINT_ISA: isa, ADJOINT_NUM_THREADS: threads },
        });
        expect(errors).toBe('');
        seen.push(JSON.parse(output));
      }
    }
    expect(seen.map((s) => s.threads)).toEqual([1, 2, 1, 2]);
    expect(seen.slice(0, 2).map((s) => s.isa)).toEqual(['baseline', 'baseline']);
    expect(new Set(seen.map((s) => s.hash)).size).toBe(1);
  });
});

const errors: ErrorRow[] = [
  {
    name: 'rand shape',
    call: () => ops.rand([2, -1]),
    error: ArgumentError,
    message: 'rand: each size must be an integer of at least 0, got [2, -1]',
  },
  {
    name: 'randn dtype',
    call: () => ops.randn([2], { dtype: 'int32' }),
    error: DTypeError,
    message: 'randn: dtype must be float32 or float64, got int32; use randint for integers',
  },
  {
    name: 'normal deviation',
    call: () => ops.normal(0, -1, [2]),
    error: ArgumentError,
    message: 'normal: std must be a finite number of at least 0, got -1',
  },
  {
    name: 'normal unknown option',
    call: () => ops.normal(0, 1, [2], { deviation: 1 } as never),
    error: ArgumentError,
    message: 'normal: unknown option "deviation"; known are dtype, requiresGrad, generator, mean, std, size',
  },
  {
    name: 'randint range',
    call: () => ops.randint(3, 3, [2]),
    error: ArgumentError,
    message: 'randint: high must be an integer of at least 4 and at most 2147483648, got 3',
  },
  {
    name: 'bernoulli probability',
    call: () => ops.coins([2], { p: 1.5 }),
    error: ArgumentError,
    message: 'bernoulli: p must be a finite number of at least 0 and at most 1, got 1.5',
  },
  {
    name: 'randperm length',
    call: () => ops.randperm(2.5),
    error: ArgumentError,
    message: 'randperm: n must be an integer of at least 0 and at most 2147483647, got 2.5',
  },
  {
    name: 'generator',
    call: () => ops.rand([2], { generator: 7 as never }),
    error: ArgumentError,
    message: 'rand: generator must be a Generator, got 7',
  },
];

testFamily('random', { rows: [], errors });
