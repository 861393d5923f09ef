import { describe, expect, it } from 'vitest';
import {
  AutogradError,
  type DType,
  defaultGenerator,
  Generator,
  manualSeed,
  rand,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '../../lib/index.js';
import { kolmogorovSmirnov, normalCdf } from '../support/samples.js';

const n = 50_000;
const fresh = () => ({ generator: new Generator(2 ** 40 + 17) });
const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
  const x = () => zeros([n], { dtype });
  const cases: [string, () => Tensor, (x: number) => number][] = [
    ['uniform_', () => x().uniform_(-2, 3, fresh()), (v) => (v + 2) / 5],
    ['uniform_ by default', () => x().uniform_(fresh()), (v) => v],
    ['normal_', () => x().normal_(3, 2, fresh()), (v) => normalCdf((v - 3) / 2)],
    ['normal_ by name', () => x().normal_({ std: 2, ...fresh() }), (v) => normalCdf(v / 2)],
    ['logNormal_', () => x().logNormal_(0.5, 0.25, fresh()), (v) => normalCdf((Math.log(v) - 0.5) / 0.25)],
    ['exponential_', () => x().exponential_(3, fresh()), (v) => 1 - Math.exp(-3 * v)],
    ['cauchy_', () => x().cauchy_(1, 2, fresh()), (v) => 0.5 + Math.atan((v - 1) / 2) / Math.PI],
  ];
  it.each(cases)('%s', (_, make, cdf) => {
    const t = make();
    expect(t.dtype).toBe(dtype);
    expect(kolmogorovSmirnov(numbers(t), cdf)).toBeLessThan(1.95);
  });
});

// The share of each value 0, 1, …, in four deviations of its estimate.
function expectShares(values: number[], shares: readonly number[]): void {
  shares.forEach((p, k) => {
    const share = values.filter((v) => v === k).length / values.length;
    expect(Math.abs(share - p), `share of ${k}`).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / values.length));
  });
}

describe.each(['float32', 'float64', 'int32', 'uint8'] as const)('integers in %s', (dtype) => {
  const x = () => zeros([n], { dtype });
  it('bernoulli_', () => {
    expectShares(numbers(x().bernoulli_(0.2, fresh())), [0.8, 0.2]);
    expectShares(numbers(x().bernoulli_()), [0.5, 0.5]);
    const p = zeros([n], { dtype: 'float64' }).fill_(0.3);
    expectShares(numbers(x().bernoulli_(p, fresh())), [0.7, 0.3]);
    expect(numbers(zeros([4], { dtype }).bernoulli_(tensor([0, 1, 0, 1])))).toEqual([0, 1, 0, 1]);
  });
  it('geometric_', () => {
    const p = 0.6;
    expectShares(numbers(x().geometric_(p, fresh())), [0, p, p * (1 - p), p * (1 - p) ** 2]);
    expect(new Set(numbers(x().geometric_(1)))).toEqual(new Set([1]));
  });
  it('random_', () => {
    expectShares(numbers(x().random_(4, fresh())), [0.25, 0.25, 0.25, 0.25, 0]);
    expectShares(numbers(x().random_(1, 3, fresh())), [0, 0.5, 0.5, 0]);
    const [most, beyond] = {
      float32: [2 ** 24, 1],
      float64: [2 ** 53 - 1, 1],
      int32: [2 ** 31 - 1, 0],
      uint8: [255, 0],
    }[dtype] as [number, number];
    const all = numbers(x().random_(fresh()));
    expect(all.every((v) => Number.isInteger(v) && v >= 0 && v <= most + beyond)).toBe(true);
    expect(Math.abs(all.reduce((sum, v) => sum + v / n, 0) / most - 0.5)).toBeLessThan(0.01);
  });
});

it('each draw moves its generator on, and manualSeed repeats the default one', () => {
  const fill = (dtype: DType) => numbers(zeros([5], { dtype }).random_(100));
  manualSeed(5);
  const first = [fill('int32'), fill('float32')];
  expect(first[0]).not.toEqual(first[1]);
  manualSeed(5);
  expect([fill('int32'), fill('float32')]).toEqual(first);
  expect(zeros([3, 2]).uniform_(fresh())).toEqual(rand([3, 2], fresh()));
  expect(zeros([3, 2]).normal_(fresh())).toEqual(randn([3, 2], fresh()));
});

it('a refused call draws nothing', () => {
  const before = defaultGenerator().getState();
  const leaf = tensor([1], { requiresGrad: true });
  for (const name of [
    'uniform_',
    'normal_',
    'logNormal_',
    'exponential_',
    'cauchy_',
    'random_',
    'bernoulli_',
  ] as const) {
    expect(() => leaf[name]()).toThrow(AutogradError);
  }
  expect(() => leaf.geometric_(0.5)).toThrow(AutogradError);
  expect(() => zeros(2).uniform_(1, 0)).toThrow('uniform_: to must be a finite number of at least 1, got 0');
  expect(() => zeros(2).normal_(0, -1)).toThrow('normal_: std must be a finite number of at least 0, got -1');
  expect(() => zeros(2).exponential_(0)).toThrow('exponential_: lambd must be a finite number above 0, got 0');
  expect(() => zeros(2).geometric_(0)).toThrow('geometric_: p must be a finite number above 0 and at most 1, got 0');
  expect(() => zeros(2).bernoulli_(2)).toThrow(
    'bernoulli_: p must be a finite number of at least 0 and at most 1, got 2',
  );
  expect(() => zeros([2], { dtype: 'uint8' }).random_(257)).toThrow(
    'random_: to must be an integer of at least 1 and at most 256, got 257',
  );
  expect(() => zeros([2], { dtype: 'int32' }).uniform_()).toThrow(
    "uniform_: x must be float32 or float64, got int32; convert it by x.to('float32')",
  );
  expect(defaultGenerator().getState()).toEqual(before);
});
