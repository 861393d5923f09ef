// Kinds of dropout as layers, and draws from given probabilities.
import { describe, expect, it } from 'vitest';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { multinomial } from '../../lib/ops/multinomial.js';
import { randn } from '../../lib/ops/random.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';

const values = (t: Tensor): number[] => Array.from(t.toTypedArray());

const layers: [string, () => nn.Module, number[]][] = [
  ['Dropout', () => new nn.Dropout({ p: 0.3 }), [8, 4]],
  ['Dropout1d', () => new nn.Dropout1d(), [8, 4, 3]],
  ['Dropout2d', () => new nn.Dropout2d({ p: 0.3 }), [8, 4, 3, 3]],
  ['AlphaDropout', () => new nn.AlphaDropout({ p: 0.3 }), [8, 4]],
  ['StochasticDepth', () => new nn.StochasticDepth({ p: 0.3 }), [8, 4]],
  ['StochasticDepth batch', () => new nn.StochasticDepth({ p: 0.3, mode: 'batch' }), [8, 4]],
];

describe.each(layers)('%s', (_, make, shape) => {
  it('passes its input through in evaluation', () => {
    const x = randn(shape);
    expect(values(make().eval().forward(x) as Tensor)).toEqual(values(x));
  });

  it('compiled like eager: each step draws anew', () => {
    const x = randn(shape);
    const run = (compiled: boolean): number[][] => {
      manualSeed(5);
      const layer = make();
      const forward = (t: Tensor): Tensor => layer.forward(t) as Tensor;
      const step = compiled ? compile(forward).sync : forward;
      return Array.from({ length: 20 }, () => values(step(x)));
    };
    const eager = run(false);
    expect(run(true)).toEqual(eager);
    expect(new Set(eager.map(String)).size).toBeGreaterThan(1);
  });
});

it('AlphaDropout keeps mean 0 and deviation 1', () => {
  manualSeed(9);
  const y = new nn.AlphaDropout({ p: 0.4 }).forward(randn([100_000]));
  expect(y.mean().item()).toBeCloseTo(0, 1.5);
  expect(y.std().item()).toBeCloseTo(1, 1.5);
});

it('layers refuse wrong options', () => {
  expect(() => new nn.StochasticDepth({ p: 0.1, mode: 'all' as never })).toThrow(
    'StochasticDepth: mode must be row or batch, got "all"',
  );
  expect(() => new nn.Dropout2d({ p: -1 })).toThrow(
    'Dropout2d: p must be a finite number of at least 0 and at most 1, got -1',
  );
});

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
      const draw = (w: Tensor): Tensor => multinomial(w, 2, { replacement });
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
