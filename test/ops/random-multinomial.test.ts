import { describe, expect, it } from 'vitest';
import '../../lib/methods.js';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { multinomial } from '../../lib/ops/random-multinomial.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow } from '../support/harness.js';

const values = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('multinomial', () => {
  const weights = tensor([1, 0, 5, 2, 2], { dtype: 'float64' });
  const counted = (draws: number[]): number[] => [0, 1, 2, 3, 4].map((k) => draws.filter((d) => d === k).length);

  it('draws in proportion to the weights with replacement', () => {
    const y = multinomial(weights, 20_000, { replacement: true, generator: new Generator(3) });
    expect(y.shape).toEqual([20_000]);
    const shares = counted(values(y)).map((n) => n / 20_000);
    [0.1, 0, 0.5, 0.2, 0.2].forEach((want, k) => {
      expect(shares[k]).toBeCloseTo(want, 1.8);
    });
    expect(shares[1]).toBe(0);
  });

  it('draws each position once without, the first in proportion to the weights', () => {
    const rows = ones([5000, 1], { dtype: 'float64' }).mul(weights);
    const y = multinomial(rows, 4, { generator: new Generator(3) }).toArray() as number[][];
    for (const row of y) expect([...row].sort()).toEqual([0, 2, 3, 4]);
    const first = counted(y.map((row) => row[0] as number)).map((n) => n / 5000);
    [0.1, 0, 0.5, 0.2, 0.2].forEach((want, k) => {
      expect(first[k]).toBeCloseTo(want, 1.5);
    });
    // After position 2, the others in proportion 1 : 2 : 2.
    const second = counted(y.filter((row) => row[0] === 2).map((row) => row[1] as number));
    const total = second.reduce((a, b) => a + b, 0);
    expect((second[0] as number) / total).toBeCloseTo(0.2, 1.3);
  });

  it('depends on the generator alone, and is a method', () => {
    const draw = (): number[] => values(weights.multinomial(3, { generator: new Generator(8) }));
    expect(draw()).toEqual(draw());
  });

  it.each([true, false])('compiled like eager, replacement %s', (replacement) => {
    const run = (compiled: boolean): number[][] => {
      manualSeed(2);
      const draw = (w: Tensor): Tensor => multinomial(w, 2, replacement);
      const step = compiled ? compile(draw).sync : draw;
      return Array.from({ length: 10 }, () => values(step(weights)));
    };
    expect(run(true)).toEqual(run(false));
  });

  it('a wrong weight is worded as in eager', async () => {
    const step = compile((w: Tensor) => multinomial(w, 2));
    await step(tensor([1, 2, 3]));
    await expect(step(tensor([1, 2, -3]))).rejects.toThrow(
      'multinomial: weights must be finite and at least 0, got -3 (element 2)',
    );
  });
});

const errors: ErrorRow[] = [
  {
    name: 'multinomial negative',
    call: () => multinomial(tensor([1, -2]), 1),
    error: ArgumentError,
    message: 'multinomial: weights must be finite and at least 0, got -2 (element 1)',
  },
  {
    name: 'multinomial NaN',
    call: () => multinomial(tensor([1, Number.NaN]), 1, { replacement: true }),
    error: ArgumentError,
    message: 'multinomial: weights must be finite and at least 0, got NaN (element 1)',
  },
  {
    name: 'multinomial too few',
    call: () =>
      multinomial(
        tensor([
          [1, 2],
          [0, 3],
        ]),
        2,
      ),
    error: ArgumentError,
    message:
      'multinomial: each row must have at least 2 positive weights, got 1 (row 1); draw fewer, or with replacement',
  },
  {
    name: 'multinomial shape',
    call: () => multinomial(ones([]), 1),
    error: ShapeError,
    message: 'multinomial: weights must be [n] or [rows, n] with n above 0, got []',
  },
];

testFamily('multinomial', { rows: [], errors });
