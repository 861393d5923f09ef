// All algorithms for a convolution and its input gradient, against the sum over taps as it is defined.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { dtypes } from '../../lib/dtype.js';
import {
  AllocationError,
  buildInfo,
  compile,
  freeMemory,
  getNumThreads,
  memoryStats,
  ones,
  randn,
  ShapeError,
  setMemoryLimit,
  setNumThreads,
  slice,
  zeros,
} from '../../lib/index.js';
import { native, type SpanDescription } from '../../lib/native.js';
import { type ConvSizes, convWeight, sumOfTaps } from '../../lib/ops/conv-passes.js';
import type { Axis } from '../../lib/ops/windows.js';
import { empty, type Tensor } from '../../lib/tensor.js';

const threads = getNumThreads();
afterAll(() => setNumThreads(threads));

type Case = Omit<ConvSizes, 'x' | 'y' | 'weight'>;

const codes = native.codes.algorithm;
const algorithms = Object.values(codes);
const nameOf = (algorithm: number): string => Object.keys(codes)[algorithm] as string;

const suitsWinograd = (a: Axis): boolean => a.taps === 3 && a.stride === 1 && a.dilation === 1;
const algorithmsOf = (c: Case): number[] =>
  algorithms.filter((a) => a !== codes.winograd || (suitsWinograd(c.h) && suitsWinograd(c.w)));

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

/** The products of a convolution as it is defined: for each, calls visit(index of x, of y, of the weight). */
function forEachProduct(c: Case, visit: (x: number, y: number, weight: number) => void): void {
  const { h, w, inChannels, outChannels } = c;
  for (let image = 0, y = 0; image < c.images; image++) {
    for (let channel = 0; channel < c.groups * outChannels; channel++) {
      const first = image * c.groups * inChannels + Math.floor(channel / outChannels) * inChannels;
      for (let row = 0; row < h.out; row++) {
        for (let column = 0; column < w.out; column++, y++) {
          for (let from = 0, k = channel * inChannels * h.taps * w.taps; from < inChannels; from++) {
            for (let i = 0; i < h.taps; i++) {
              const r = row * h.stride + i * h.dilation - h.pad;
              for (let j = 0; j < w.taps; j++, k++) {
                const s = column * w.stride + j * w.dilation - w.pad;
                if (r >= 0 && r < h.in && s >= 0 && s < w.in) visit(((first + from) * h.in + r) * w.in + s, y, k);
              }
            }
          }
        }
      }
    }
  }
}

/** The bytes of the workspace of the kernel that `run` calls. */
function workspaceOf(run: () => void): number {
  native.recordBegin(new Int32Array(0));
  run();
  native.recordEnd(new Int32Array(0));
  const spans = native.describeRecording().operations.at(-1)?.spans as SpanDescription[];
  native.recordForget();
  return spans.find((span) => span.kind === 'arena' && dtypes[span.dtype] === 'uint8')?.length as number;
}

const numbers = (t: Tensor): Float64Array => Float64Array.from(t.toTypedArray() as Float64Array);

/** Compares the algorithms, each with one thread and with two. */
function checkAlgorithms(c: Case, dtype: 'float32' | 'float64', hasBias: boolean, some?: number[]): void {
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
    const add = (at: number, term: number): void => {
      want[at] = (want[at] as number) + term;
      magnitude[at] = (magnitude[at] as number) + Math.abs(term);
    };
    if (toInput) forEachProduct(c, (x, y, k) => add(x, (from[y] as number) * (by[k] as number)));
    else forEachProduct(c, (x, y, k) => add(y, (from[x] as number) * (by[k] as number)));
    // Winograd's sums also hold what cancels: sums of neighbouring elements and taps.
    const limit = (dtype === 'float32' ? 1e-5 : 1e-12) * magnitude.reduce((a, b) => Math.max(a, b), 1);
    for (const count of [1, 2]) {
      setNumThreads(count);
      for (const algorithm of some ?? algorithmsOf(s)) {
        const result = empty(shape, dtype);
        sumOfTaps(result, [source, weight, bias], s, toInput, algorithm);
        const worst = numbers(result).reduce((most, v, i) => Math.max(most, Math.abs(v - (want[i] as number))), 0);
        expect(worst, `${nameOf(algorithm)}${toInput ? ' to the input' : ''}, ${count} threads`).toBeLessThan(limit);
      }
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

describe('with 1 and 2 threads', () => {
  it.each(['float32', 'float64'] as const)('random convolutions in %s', (dtype) => {
    const property = fc.property(fc.oneof(cases(axes), cases(threes)), fc.boolean(), (c, hasBias) =>
      checkAlgorithms(c, dtype, hasBias),
    );
    fc.assert(property, { numRuns: 40, seed: 1 });
  });

  it('more channels than a block of tiles has lanes for', () => {
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
      checkAlgorithms(c, 'float64', true, [codes.fastest]);
      const s = sizesOf(c);
      const [x, y, weight] = [randn(s.x), randn(s.y), randn(s.weight)];
      const runs = [
        () => sumOfTaps(y, [x, weight, null], s, false),
        () => sumOfTaps(x, [y, weight, null], s, true),
        () => convWeight('conv2d', x, y, s),
      ];
      // Two shares of images at most. Where taps lie 4096 elements apart, there are no planes of all in between.
      for (const run of runs) expect(workspaceOf(run)).toBeLessThan(2 * 4 * 100_000);
    }
  });

  it('what no algorithm can count is refused', () => {
    const axis = axisOf(2 ** 15, 1, 1, 0, 1) as Axis;
    const s = sizesOf({ images: 1, groups: 1, inChannels: 2, outChannels: 2, h: axis, w: axis });
    const t = zeros([1]); // sizes come before operands
    for (const toInput of [false, true]) expect(() => sumOfTaps(t, [t, t, null], s, toInput)).toThrow(ShapeError);
    const message = 'convolution: there must be fewer than 2^31 images';
    expect(() => convWeight('conv2d', t, t, { ...s, weight: [1] })).toThrow(message);
    const tiny = axisOf(1, 1, 1, 0, 1) as Axis;
    const many = sizesOf({ images: 2 ** 31, groups: 1, inChannels: 1, outChannels: 1, h: tiny, w: tiny });
    expect(() => sumOfTaps(t, [t, t, null], many, false)).toThrow(message);
  });
});

describe('workspaces', () => {
  const axis = axisOf(32, 3, 1, 1, 1) as Axis;
  const s = sizesOf({ images: 8, groups: 1, inChannels: 16, outChannels: 8, h: axis, w: axis });

  it('one that does not fit is an AllocationError, and nothing is written', () => {
    const [x, y, weight] = [randn(s.x), zeros(s.y), randn(s.weight)];
    const { limitBytes } = memoryStats();
    freeMemory();
    setMemoryLimit(memoryStats().liveBytes + 4096);
    try {
      for (const algorithm of algorithms) {
        expect(() => sumOfTaps(y, [x, weight, null], s, false, algorithm)).toThrow(AllocationError);
      }
    } finally {
      setMemoryLimit(limitBytes);
    }
    expect(numbers(y).every((v) => v === 0)).toBe(true);
    sumOfTaps(y, [x, weight, null], s, false);
    expect(numbers(y).every((v) => v === 0)).toBe(false);
  });

  it('tensors that JavaScript has lost make place for one, but not the operands', () => {
    setNumThreads(1);
    const megabyte = 2 ** 20;
    const [x, y, weight] = [randn(s.x), zeros(s.y), randn(s.weight)];
    const run = () => sumOfTaps(y, [x, weight, null], s, false, codes.images); // takes 2 MB
    const size = workspaceOf(run) / 4;
    const want = numbers(y);
    const values = x.toTypedArray();
    y.copy_(zeros(s.y).toTypedArray());
    const { limitBytes } = memoryStats();
    freeMemory();
    setMemoryLimit(memoryStats().liveBytes + 5 * megabyte);
    try {
      ones([megabyte / 2]); // nobody holds it
      // Nor x's copy, in a block of the workspace's size: the kernel alone needs it.
      const copy = (): number => slice(ones([size]), { start: 0, end: x.size }).copy_(values).handle;
      const sizes = [axis, axis].flatMap((a) => [a.in, a.out, a.taps, a.stride, a.pad, a.dilation]);
      const rest = [weight.handle, 0, codes.images, s.images, s.groups, s.inChannels, s.outChannels, ...sizes];
      native.kernels.conv?.(y.handle, copy(), ...rest);
    } finally {
      setMemoryLimit(limitBytes);
    }
    expect(numbers(y).findIndex((v, i) => v !== want[i])).toBe(-1);
  });

  it('a compiled step keeps the order of sums that it was recorded with', async () => {
    // More images than shares: where each has one, the sum of shares is the sum of images, whose order is the same.
    const many = sizesOf({ images: 20, groups: 1, inChannels: 16, outChannels: 8, h: axis, w: axis });
    const [x, dy] = [randn(many.x), randn(many.y)];
    const run = (x: Tensor, dy: Tensor) => convWeight('conv2d', x, dy, many);
    setNumThreads(1);
    const one = numbers(run(x, dy));
    setNumThreads(3);
    const three = numbers(run(x, dy));
    expect(three).not.toEqual(one); // the images are summed in other shares
    const step = compile(run);
    for (const count of [3, 1, 2]) {
      setNumThreads(count);
      expect(numbers(await step(x, dy))).toEqual(three);
    }
  });
});

// The sizes of their workspaces tell which algorithm ran.
it.runIf(buildInfo().isa === 'v4')('the kernel takes each algorithm where it was measured to be faster', () => {
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
    const c = { images, groups: 1, inChannels, outChannels, h: axis, w: axis };
    const s = sizesOf(c);
    const [x, y, weight] = [randn(s.x), randn(s.y), randn(s.weight)];
    return [false, true].map((toInput) => {
      const [result, source] = toInput ? [x, y] : [y, x];
      const [taken, ...others] = algorithmsOf(c).map((algorithm) =>
        workspaceOf(() => sumOfTaps(result, [source, weight, null], s, toInput, algorithm)),
      );
      return others
        .flatMap((other, i) => (other === taken ? [nameOf(algorithmsOf(c)[i + 1] as number)] : []))
        .join('=');
    });
  };
  expect(algorithm(32, 64, 64, 16, 3, 1)).toEqual(['winograd', 'winograd']);
  expect(algorithm(32, 64, 128, 16, 3, 2)).toEqual(['images', 'images']);
  expect(algorithm(32, 3, 32, 32, 3, 1)).toEqual(['planes', 'planes']);
  expect(algorithm(1, 64, 64, 16, 3, 1)).toEqual(['planes', 'planes']);
  expect(algorithm(32, 64, 64, 16, 1, 1)).toEqual(['planes', 'planes']);
});
