// Products of integers against sums of plain numbers.
import { describe, expect, it } from 'vitest';
import {
  compile,
  full,
  getNumThreads,
  manualSeed,
  randint,
  randn,
  setNumThreads,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { linearInt8 } from '../../lib/ops/quantized.js';

const valuesOf = (t: Tensor) => Array.from(t.toTypedArray(), Number);

/** In float64, but for the rounding of x, which is float32's: y = Σ (q(x) − zero) (w − 128) · step · scale + bias. */
function plain(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | null, range: number[]): number[] {
  const [outFeatures, inFeatures] = weight.shape as [number, number];
  const [given, w, s, b] = [valuesOf(x), valuesOf(weight), valuesOf(scale), bias && valuesOf(bias)];
  const { fround } = Math;
  const step = Math.max(fround(fround(range[1] - range[0]) / 255), fround(1e-12));
  const even = (v: number) => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const zero = Math.min(255, Math.max(0, even(fround(-range[0] / step))));
  const integers = given.map((v) => Math.min(255, Math.max(0, even(fround(v / step)) + zero)) - zero);
  return Array.from({ length: (given.length / inFeatures) * outFeatures }, (_, at) => {
    const [i, j] = [Math.floor(at / outFeatures), at % outFeatures];
    let sum = 0;
    for (let k = 0; k < inFeatures; k++) {
      sum += (integers[i * inFeatures + k] as number) * ((w[j * inFeatures + k] as number) - 128);
    }
    return sum * step * (s[j] as number) + (b?.[j] ?? 0);
  });
}

const rangeOf = (x: Tensor) => valuesOf(x).reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [0, 0]);

function expectNear(got: Tensor, wanted: readonly number[]): void {
  expect(got.size).toBe(wanted.length);
  const unit = Math.max(1, ...wanted.map(Math.abs));
  for (const [i, value] of valuesOf(got).entries()) {
    expect(Math.abs(value - (wanted[i] as number)) / unit, `element ${i}`).toBeLessThan(2e-7);
  }
}

const layer = (outFeatures: number, inFeatures: number) => ({
  weight: randint(0, 256, [outFeatures, inFeatures]).to('uint8'),
  scale: randn([outFeatures, 1]).abs().add(0.01),
  bias: randn([outFeatures]),
});

describe('a linear layer of integers', () => {
  // Sizes about the 4 rows and outputs that are summed at once, the 64 terms that a row is filled up to, and tiles of 32 rows.
  it.each([
    ...[
      [1, 1, 1],
      [1, 64, 4],
      [3, 63, 5],
      [4, 65, 8],
      [5, 1, 70],
      [33, 130, 9],
      [70, 7, 3],
      [2, 1000, 13],
    ],
    ...[
      [1, 40_000, 2],
      [2, 65_600, 5],
    ], // more terms than 32 bits hold the sums of
  ])('is the sum of products: %i rows of %i by %i', (rows, inFeatures, outFeatures) => {
    manualSeed(rows + inFeatures);
    const { weight, scale, bias } = layer(outFeatures, inFeatures);
    const x = randn([rows, inFeatures]);
    expectNear(linearInt8(x, weight, scale, bias, null), plain(x, weight, scale, bias, rangeOf(x)));
    expectNear(linearInt8(x, weight, scale, null, null), plain(x, weight, scale, null, rangeOf(x)));
    const range = { low: tensor(-0.5), high: tensor(1.2) }; // cuts many off
    expectNear(linearInt8(x, weight, scale, bias, range), plain(x, weight, scale, bias, [-0.5, Math.fround(1.2)]));
  });

  it('sums the largest integers exactly', () => {
    const terms = 70_000;
    const range = { low: tensor(0), high: tensor(255) }; // a step of 1
    for (const stored of [0, 255]) {
      const weight = full([1, terms], stored, { dtype: 'uint8' });
      const y = linearInt8(full([1, terms], 255), weight, tensor([1]), null, range);
      expect(y.item()).toBe(Math.fround(255 * (stored - 128) * terms));
    }
  });

  it('takes any number of dimensions, and none of the rows or inputs', () => {
    const { weight, scale, bias } = layer(3, 5);
    expect(linearInt8(randn([2, 4, 5]), weight, scale, bias, null).shape).toEqual([2, 4, 3]);
    expect(linearInt8(randn([5]), weight, scale, bias, null).shape).toEqual([3]);
    expect(linearInt8(randn([0, 5]), weight, scale, bias, null).shape).toEqual([0, 3]);
    const empty = layer(3, 0);
    expect(valuesOf(linearInt8(randn([1, 0]), empty.weight, empty.scale, empty.bias, null))).toEqual(
      valuesOf(empty.bias),
    );
  });

  it('hands NaN on: of a row in a fixed range, to all where the range is taken from the batch', () => {
    const { weight, scale, bias } = layer(3, 5);
    const values = valuesOf(randn([4, 5]));
    const withOne = (value: number) => tensor(values.with(11, value)).reshape([4, 5]);
    const isNaNAt = (y: Tensor) => (y.toArray() as number[][]).map((row) => row.every(Number.isNaN));
    const range = { low: tensor(-1), high: tensor(1) };
    expect(isNaNAt(linearInt8(withOne(Number.NaN), weight, scale, bias, range))).toEqual([false, false, true, false]);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(isNaNAt(linearInt8(withOne(value), weight, scale, bias, null))).toEqual([true, true, true, true]);
    }
    // Infinity is the end of a range.
    const y = linearInt8(withOne(Number.POSITIVE_INFINITY), weight, scale, bias, range);
    expect(isNaNAt(y)).toEqual([false, false, false, false]);
    const unknown = { low: tensor(Number.NaN), high: tensor(1) };
    expect(isNaNAt(linearInt8(randn([2, 5]), weight, scale, bias, unknown))).toEqual([true, true]);
  });

  it('has the same bits with any number of threads, and compiled', () => {
    const { weight, scale, bias } = layer(130, 500);
    const x = randn([70, 500]);
    const before = getNumThreads();
    const bits = [1, 2, 3].map((threads) => {
      setNumThreads(threads);
      return valuesOf(linearInt8(x, weight, scale, bias, null));
    });
    setNumThreads(before);
    expect(bits[1]).toEqual(bits[0]);
    expect(bits[2]).toEqual(bits[0]);
    const step = compile((x: Tensor) => linearInt8(x, weight, scale, bias, null));
    for (let i = 0; i < 3; i++) expect(valuesOf(step.sync(x))).toEqual(bits[0]);
  });
});
