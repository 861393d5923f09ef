// The variants of dropout as layers.
import { describe, expect, it } from 'vitest';
import '../../lib/methods.js';
import { backward } from '../../lib/backward/engine.js';
import * as nn from '../../lib/nn/index.js';
import { ones } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import { manualSeed } from '../../lib/ops/generator.js';
import { randn } from '../../lib/ops/random.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden } from '../support/golden.js';
import { layers } from '../support/layers.js';

const values = (t: Tensor): number[] => Array.from(t.toTypedArray());

const kinds: [string, () => nn.Module, number[]][] = [
  ['Dropout', () => new nn.Dropout(0.3), [8, 4]],
  ['Dropout1d', () => new nn.Dropout1d(), [8, 4, 3]],
  ['Dropout2d', () => new nn.Dropout2d(0.3), [8, 4, 3, 3]],
  ['Dropout3d', () => new nn.Dropout3d(0.3), [8, 4, 2, 3, 2]],
  ['AlphaDropout', () => new nn.AlphaDropout(0.3), [8, 4]],
  ['StochasticDepth', () => new nn.StochasticDepth(0.3), [8, 4]],
  ['StochasticDepth batch', () => new nn.StochasticDepth(0.3, 'batch'), [8, 4]],
];

describe.each(kinds)('%s', (_, make, shape) => {
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
  const y = new nn.AlphaDropout(0.4).forward(randn([100_000]));
  expect(y.mean().item()).toBeCloseTo(0, 1.5);
  expect(y.std().item()).toBeCloseTo(1, 1.5);
});

it('layers refuse wrong options', () => {
  expect(() => new nn.StochasticDepth(0.1, 'all' as never)).toThrow(
    'StochasticDepth: mode must be row or batch, got "all"',
  );
  expect(() => new nn.Dropout2d(-1)).toThrow(
    'Dropout2d: p must be a finite number of at least 0 and at most 1, got -1',
  );
});

describe('Dropout', () => {
  it('passes everything through in evaluation, as in PyTorch', () => {
    for (const c of layers.dropout) {
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = new nn.Dropout(c.p).eval().forward(x) as Tensor;
      expectNear(y, c.output.data);
      backward(mul(y, 1), fromGolden(c.upstream));
      expectNear(x.grad as Tensor, c.gradient.data);
    }
  });

  it('drops a share of p in training and scales the rest', () => {
    manualSeed(3);
    const numbers = values(new nn.Dropout(0.25).forward(ones([40_000])) as Tensor);
    expect(new Set(numbers)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(numbers.filter((v) => v === 0).length / 40_000).toBeCloseTo(0.25, 1.7);
  });

  it('refuses p above 1', () => {
    expect(() => new nn.Dropout(1.5)).toThrow(
      'Dropout: p must be a finite number of at least 0 and at most 1, got 1.5',
    );
  });
});
