// All algorithms for a convolution and its input gradient, against the sum over taps as it is defined.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { getNumThreads, randn, ShapeError, setNumThreads } from '../../lib/index.js';
import { type Algorithm, algorithmsOf, type ConvSizes, planOf, planOfWeight } from '../../lib/ops/conv-algorithms.js';
import { sumOfTaps } from '../../lib/ops/conv-passes.js';
import type { Axis } from '../../lib/ops/windows.js';
import { empty, type Tensor } from '../../lib/tensor.js';

const threads = getNumThreads();
afterAll(() => setNumThreads(threads));

type Case = Omit<ConvSizes, 'x' | 'y' | 'weight'>;

const axisOf = (size: number, taps: number, stride: number, pad: number, dilation: number): Axis | null => {
  const out = Math.floor((size + 2 * pad - (taps - 1) * dilation - 1) / stride) + 1;
  if (out < 1) return null;
  return { in: size, out, taps, stride: out === 1 ? 1 : stride, pad, dilation };
};

function sizesOf(c: Case): ConvSizes {
  return {
    ...c,
    x: [c.images, c.groups * c.inChannels, c.h.in, c.w.in],
    y: [c.images, c.groups * c.outChannels, c.h.out, c.w.out],
    weight: [c.groups * c.outChannels, c.inChannels, c.h.taps, c.w.taps],
  };
}

/** Runs visit(index of x, of y, of the weight) for each product of a convolution. */
function forEachProduct(c: Case, visit: (x: number, y: number, weight: number) => void): void {
  const { h, w } = c;
  for (let y = 0; y < c.images * c.groups * c.outChannels * h.out * w.out; y++) {
    const [column, row] = [y % w.out, Math.floor(y / w.out) % h.out];
    const channel = Math.floor(y / (w.out * h.out)) % (c.groups * c.outChannels);
    const image = Math.floor(y / (w.out * h.out * c.groups * c.outChannels));
    for (let k = 0; k < c.inChannels * h.taps * w.taps; k++) {
      const [j, i] = [k % w.taps, Math.floor(k / w.taps) % h.taps];
      const from = Math.floor(channel / c.outChannels) * c.inChannels + Math.floor(k / (w.taps * h.taps));
      const r = row * h.stride + i * h.dilation - h.pad;
      const s = column * w.stride + j * w.dilation - w.pad;
      if (r < 0 || r >= h.in || s < 0 || s >= w.in) continue;
      const x = ((image * c.groups * c.inChannels + from) * h.in + r) * w.in + s;
      visit(x, y, channel * c.inChannels * h.taps * w.taps + k);
    }
  }
}

const numbers = (t: Tensor): Float64Array => Float64Array.from(t.toTypedArray() as Float64Array);

function checkAlgorithms(c: Case, dtype: 'float32' | 'float64', hasBias: boolean, algorithms?: Algorithm[][]): void {
  const s = sizesOf(c);
  const weight = randn(s.weight, { dtype });
  for (const toInput of [false, true]) {
    const [source, shape] = toInput ? [randn(s.y, { dtype }), s.x] : [randn(s.x, { dtype }), s.y];
    const bias = hasBias ? randn([shape[1] as number], { dtype }) : null;
    const pixels = (shape[2] as number) * (shape[3] as number);
    const biases = bias === null ? null : numbers(bias);
    const want = new Float64Array(shape.reduce((a, b) => a * b, 1)).map(
      (_, i) => biases?.[Math.floor(i / pixels) % (shape[1] as number)] ?? 0,
    );
    const magnitude = want.map(Math.abs);
    const [from, by] = [numbers(source), numbers(weight)];
    forEachProduct(c, (x, y, k) => {
      const [at, term] = [toInput ? x : y, (from[toInput ? y : x] as number) * (by[k] as number)];
      want[at] = (want[at] as number) + term;
      magnitude[at] = (magnitude[at] as number) + Math.abs(term);
    });
    // Winograd's sums also hold what cancels: sums of neighbouring elements and taps.
    const limit = (dtype === 'float32' ? 1e-5 : 1e-12) * magnitude.reduce((a, b) => Math.max(a, b), 1);
    for (const algorithm of algorithms?.[Number(toInput)] ?? algorithmsOf(s)) {
      const result = empty(shape, dtype);
      sumOfTaps(result, [source, weight, bias], s, toInput, planOf(s, toInput, [algorithm]));
      const worst = numbers(result).reduce((most, v, i) => Math.max(most, Math.abs(v - (want[i] as number))), 0);
      expect(worst, `${algorithm}${toInput ? ' to the input' : ''}`).toBeLessThan(limit);
    }
  }
}

const axes = fc
  .record({
    size: fc.integer({ min: 1, max: 19 }),
    taps: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 6 }),
    pad: fc.integer({ min: 0, max: 6 }),
    dilation: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ size, taps, stride, pad, dilation }) => axisOf(size, taps, stride, pad, dilation))
  .filter((axis): axis is Axis => axis !== null);

// What Winograd's algorithm is for.
const threes = fc
  .record({ size: fc.integer({ min: 1, max: 21 }), pad: fc.integer({ min: 0, max: 4 }) })
  .map(({ size, pad }) => axisOf(size, 3, 1, pad, 1))
  .filter((axis): axis is Axis => axis !== null);

const cases = (axis: fc.Arbitrary<Axis>) =>
  fc.record({
    images: fc.integer({ min: 1, max: 37 }),
    groups: fc.integer({ min: 1, max: 2 }),
    inChannels: fc.integer({ min: 1, max: 4 }),
    outChannels: fc.integer({ min: 1, max: 17 }),
    h: axis,
    w: axis,
  });

describe.each([1, 2])('with %d threads', (count) => {
  it.each(['float32', 'float64'] as const)('random convolutions in %s', (dtype) => {
    setNumThreads(count);
    const property = fc.property(fc.oneof(cases(axes), cases(threes)), fc.boolean(), (c, hasBias) =>
      checkAlgorithms(c, dtype, hasBias),
    );
    fc.assert(property, { numRuns: 40, seed: 1 });
  });

  it('more channels than a block of tiles has lanes for', () => {
    setNumThreads(count);
    const axis = axisOf(4, 3, 1, 1, 1) as Axis;
    checkAlgorithms({ images: 3, groups: 1, inChannels: 400, outChannels: 200, h: axis, w: axis }, 'float32', false);
  });
});

describe('steps far apart', () => {
  const far: [string, Axis][] = [
    ['stride and padding', axisOf(4, 3, 4096, 4096, 1) as Axis],
    ['dilation and padding', axisOf(4, 3, 1, 4096, 4096) as Axis],
    ['stride and dilation', axisOf(4, 2, 4096, 4096, 8000) as Axis],
  ];
  it.each(far)('%s', (_, axis) => {
    for (const w of [axis, axisOf(5, 3, 1, 1, 1) as Axis]) {
      const c = { images: 2, groups: 1, inChannels: 2, outChannels: 3, h: axis, w };
      checkAlgorithms(
        c,
        'float64',
        true,
        [false, true].map((toInput) => [planOf(sizesOf(c), toInput).algorithm]),
      );
      const plans = [planOf(sizesOf(c), false), planOf(sizesOf(c), true), planOfWeight(sizesOf(c))];
      expect(Math.max(...plans.map((plan) => plan.workspace / plan.slots))).toBeLessThan(100_000);
    }
  });

  it('what no algorithm can count is refused', () => {
    const axis = axisOf(2 ** 15, 1, 1, 0, 1) as Axis;
    const s = sizesOf({ images: 1, groups: 1, inChannels: 2, outChannels: 2, h: axis, w: axis });
    expect(() => planOf(s, false)).toThrow(ShapeError);
    expect(() => planOf(s, true)).toThrow(ShapeError);
    expect(() => planOfWeight(s)).toThrow('convolution: there must be fewer than 2^31 images');
  });
});

it('the estimate takes each algorithm where it was measured to be faster, at one thread', () => {
  setNumThreads(1);
  const algorithm = (
    images: number,
    inChannels: number,
    outChannels: number,
    size: number,
    taps: number,
    stride: number,
  ) => {
    const axis = axisOf(size, taps, stride, Math.floor(taps / 2), 1) as Axis;
    const s = sizesOf({ images, groups: 1, inChannels, outChannels, h: axis, w: axis });
    return [false, true].map((toInput) => planOf(s, toInput).algorithm).join(' ');
  };
  expect(algorithm(32, 64, 64, 16, 3, 1)).toBe('winograd winograd');
  expect(algorithm(32, 64, 128, 16, 3, 2)).toBe('images images');
  expect(algorithm(32, 3, 32, 32, 3, 1)).toBe('planes planes');
  expect(algorithm(1, 64, 64, 16, 3, 1)).toBe('planes planes');
  expect(algorithm(32, 64, 64, 16, 1, 1)).toBe('planes planes');
});
