// Rows of convolution and pooling of volumes, against sums and extremes over all positions of a window as they are defined.
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { type ConvOptions, type ConvTransposeOptions, conv3d, convTranspose3d } from '../../lib/ops/conv.js';
import { ones } from '../../lib/ops/creation.js';
import { adaptiveAvgPool3d, avgPool3d } from '../../lib/ops/pool.js';
import { lpPool1d, lpPool2d, lpPool3d } from '../../lib/ops/pool-lp.js';
import { adaptiveMaxPool3d, maxPool3d } from '../../lib/ops/pool-max.js';
import type { AvgPool2dOptions, MaxPoolOptions } from '../../lib/ops/pool-sizes.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

type Triple = [number, number, number];

const triple = (value: unknown, fallback: number): Triple =>
  (Array.isArray(value) ? value : [0, 0, 0].map(() => value ?? fallback)) as Triple;

/** Calls `f` with each position of a box, and its number in row-major order. */
function each(box: readonly number[], f: (at: Triple, number: number) => void): void {
  const [d, h, w] = box as Triple;
  for (let i = 0; i < d * h * w; i++) f([Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w], i);
}

const inside = (at: readonly number[], box: readonly number[]): boolean =>
  at.every((n, i) => n >= 0 && n < (box[i] as number));

const numberOf = (at: readonly number[], box: readonly number[]): number =>
  at.reduce((n, place, i) => n * (box[i] as number) + place, 0);

/** The products of a convolution: calls `f` with the elements of x (or of a transposed y), the weight and y (or x). */
function products(
  sizes: { images: number; inChannels: number; outChannels: number; groups: number },
  boxes: { x: Triple; y: Triple; taps: Triple },
  steps: { stride: Triple; padding: Triple; dilation: Triple },
  f: (x: number, weight: number, y: number) => void,
): void {
  const { images, inChannels, outChannels, groups } = sizes;
  const per = inChannels / groups;
  const volume = (box: Triple) => box[0] * box[1] * box[2];
  for (let n = 0; n < images; n++)
    for (let o = 0; o < outChannels; o++)
      for (let c = 0; c < per; c++)
        each(boxes.y, (at, y) =>
          each(boxes.taps, (tap, k) => {
            const from = at.map((place, i) => {
              const [s, p, d] = [steps.stride[i], steps.padding[i], steps.dilation[i]] as Triple;
              return place * s + (tap[i] as number) * d - p;
            });
            if (!inside(from, boxes.x)) return;
            const channel = n * inChannels + Math.floor(o / (outChannels / groups)) * per + c;
            f(
              channel * volume(boxes.x) + numberOf(from, boxes.x),
              (o * per + c) * volume(boxes.taps) + k,
              (n * outChannels + o) * volume(boxes.y) + y,
            );
          }),
        );
}

const withBias = (length: number, outer: number, bias: Plain | undefined): number[] =>
  Array.from({ length }, (_, i) => bias?.data[Math.floor(i / outer) % bias.data.length] ?? 0);

function convReference(o: ConvOptions): OpRow['reference'] {
  return ((x: Plain, weight: Plain, bias?: Plain): Plain => {
    const [stride, padding, dilation] = [triple(o.stride, 1), triple(o.padding, 0), triple(o.dilation, 1)];
    const [box, taps] = [x.shape.slice(-3) as Triple, weight.shape.slice(-3) as Triple];
    const y = box.map((n, i) => {
      const [k, s, p, d] = [taps[i], stride[i], padding[i], dilation[i]] as [number, number, number, number];
      return Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1;
    }) as Triple;
    const images = x.shape.length === 5 ? (x.shape[0] as number) : 1;
    const [inChannels, outChannels] = [x.shape.at(-4) as number, weight.shape[0] as number];
    const pixels = y[0] * y[1] * y[2];
    const data = withBias(images * outChannels * pixels, pixels, bias);
    const magnitude = data.map(Math.abs);
    const sizes = { images, inChannels, outChannels, groups: o.groups ?? 1 };
    products(sizes, { x: box, y, taps }, { stride, padding, dilation }, (from, k, to) => {
      const term = (x.data[from] as number) * (weight.data[k] as number);
      data[to] = (data[to] as number) + term;
      magnitude[to] = (magnitude[to] as number) + Math.abs(term);
    });
    return { shape: [...x.shape.slice(0, -4), outChannels, ...y], data, magnitude };
  }) as OpRow['reference'];
}

function transposeReference(o: ConvTransposeOptions): OpRow['reference'] {
  return ((x: Plain, weight: Plain, bias?: Plain): Plain => {
    const [stride, padding, dilation] = [triple(o.stride, 1), triple(o.padding, 0), triple(o.dilation, 1)];
    const extra = triple(o.outputPadding, 0);
    const [box, taps] = [x.shape.slice(-3) as Triple, weight.shape.slice(-3) as Triple];
    const y = box.map((n, i) => {
      const [k, s, p, d] = [taps[i], stride[i], padding[i], dilation[i]] as [number, number, number, number];
      return (n - 1) * s - 2 * p + d * (k - 1) + (extra[i] as number) + 1;
    }) as Triple;
    const images = x.shape.length === 5 ? (x.shape[0] as number) : 1;
    const groups = o.groups ?? 1;
    const [outChannels, inChannels] = [x.shape.at(-4) as number, (weight.shape[1] as number) * groups];
    const pixels = y[0] * y[1] * y[2];
    const data = withBias(images * inChannels * pixels, pixels, bias);
    const magnitude = data.map(Math.abs);
    const sizes = { images, inChannels, outChannels, groups };
    products(sizes, { x: y, y: box, taps }, { stride, padding, dilation }, (to, k, from) => {
      const term = (x.data[from] as number) * (weight.data[k] as number);
      data[to] = (data[to] as number) + term;
      magnitude[to] = (magnitude[to] as number) + Math.abs(term);
    });
    return { shape: [...x.shape.slice(0, -4), inChannels, ...y], data, magnitude };
  }) as OpRow['reference'];
}

function conv(x: number[], weight: number[], bias: number | null, o: ConvOptions, extra: Partial<OpRow> = {}): OpRow {
  return {
    name: `conv3d of [${x}] by [${weight}] ${JSON.stringify(o)}`,
    run: (x, w, b) => conv3d(x as Tensor, w as Tensor, { bias: (b as Tensor) ?? null, ...o }),
    method: (x, w, b) => (x as Tensor).conv3d(w as Tensor, { bias: (b as Tensor) ?? null, ...o }),
    inputs: [{ shape: x }, { shape: weight }, ...(bias === null ? [] : [{ shape: [bias] }])],
    reference: convReference(o),
    ...extra,
  };
}

function transposed(x: number[], weight: number[], bias: number | null, o: ConvTransposeOptions): OpRow {
  return {
    name: `convTranspose3d of [${x}] by [${weight}] ${JSON.stringify(o)}`,
    run: (x, w, b) => convTranspose3d(x as Tensor, w as Tensor, { bias: (b as Tensor) ?? null, ...o }),
    method: (x, w, b) => (x as Tensor).convTranspose3d(w as Tensor, { bias: (b as Tensor) ?? null, ...o }),
    inputs: [{ shape: x }, { shape: weight }, ...(bias === null ? [] : [{ shape: [bias] }])],
    reference: transposeReference(o),
  };
}

/** For each output along a dimension: the positions of its window, and how many of them an average counts. */
type Windows = { positions: number[]; counted: number }[];

function regular(
  size: number,
  kernel: number,
  axis: number,
  o: Partial<Omit<MaxPoolOptions, 'returnIndices'> & AvgPool2dOptions>,
): Windows {
  const [stride, pad] = [triple(o.stride, kernel)[axis] as number, triple(o.padding, 0)[axis] as number];
  const dilation = triple(o.dilation, 1)[axis] as number;
  const windows: Windows = [];
  for (let start = -pad; ; start += stride) {
    const last = start + (kernel - 1) * dilation;
    const reachesOver = o.ceilMode === true && start < size && windows.length > 0 && last - stride < size + pad - 1;
    if (last >= size + pad && !reachesOver) return windows;
    const all = Array.from({ length: kernel }, (_, i) => start + i * dilation);
    const positions = all.filter((p) => p >= 0 && p < size);
    const padded = Math.min(start + kernel, size + pad) - start;
    windows.push({ positions, counted: (o.countIncludePad ?? true) ? padded : positions.length });
  }
}

function adaptive(size: number, out: number): Windows {
  return Array.from({ length: out }, (_, i) => {
    const first = Math.floor((i * size) / out);
    const length = Math.ceil(((i + 1) * size) / out) - first;
    return { positions: Array.from({ length }, (_, j) => first + j), counted: length };
  });
}

function poolReference(windowsOf: (size: number, axis: number) => Windows, isMax: boolean, divisor?: number) {
  return ((x: Plain): Plain => {
    const box = x.shape.slice(-3) as Triple;
    const windows = box.map(windowsOf) as [Windows, Windows, Windows];
    const y = windows.map((list) => list.length);
    const pixels = box[0] * box[1] * box[2];
    const data: number[] = [];
    const magnitude: number[] = [];
    for (let p = 0; p < x.data.length / pixels; p++)
      each(y, (at) => {
        const [d, h, w] = windows.map((list, i) => list[at[i] as number]) as [Windows[0], Windows[0], Windows[0]];
        const values = d.positions.flatMap((i) =>
          h.positions.flatMap((j) => w.positions.map((k) => x.data[p * pixels + numberOf([i, j, k], box)] as number)),
        );
        const count = divisor ?? d.counted * h.counted * w.counted;
        data.push(isMax ? Math.max(...values) : values.reduce((a, b) => a + b, 0) / count);
        magnitude.push(values.reduce((a, b) => a + Math.abs(b), 0) / count);
      });
    return { shape: [...x.shape.slice(0, -3), ...y], data, magnitude };
  }) as OpRow['reference'];
}

const pools = { avgPool3d, maxPool3d };
const adaptives = { adaptiveAvgPool3d, adaptiveMaxPool3d };

function pool(
  name: keyof typeof pools,
  shape: number[],
  kernelSize: number | number[],
  o: Partial<Omit<MaxPoolOptions, 'returnIndices'> & AvgPool2dOptions> = {},
  values: (i: number) => number = irregular,
): OpRow {
  const kernel = triple(kernelSize, 1);
  const windowsOf = (size: number, axis: number) => regular(size, kernel[axis] as number, axis, o);
  return {
    name: `${name} of [${shape}] by ${JSON.stringify(kernelSize)} ${JSON.stringify(o)} ${values.name}`,
    run: (x) => (pools[name] as typeof maxPool3d)(x as Tensor, kernelSize, o),
    method: (x) => (x as Tensor)[name as 'maxPool3d'](kernelSize, o),
    inputs: [{ shape, values }],
    reference: poolReference(windowsOf, name === 'maxPool3d', o.divisorOverride),
    ...(values === irregular ? {} : { gradient: false }),
  };
}

function adaptiveRow(name: keyof typeof adaptives, shape: number[], outputSize: number | number[]): OpRow {
  const out = triple(outputSize, 1);
  return {
    name: `${name} of [${shape}] to ${JSON.stringify(outputSize)}`,
    run: (x) => adaptives[name](x as Tensor, outputSize),
    method: (x) => (x as Tensor)[name](outputSize),
    inputs: [{ shape }],
    reference: poolReference((size, axis) => adaptive(size, out[axis] as number), name === 'adaptiveMaxPool3d'),
  };
}

const lp = (rank: number, shape: number[], p: number, k: number | number[], o: { ceilMode?: boolean } = {}): OpRow => {
  const [f, name] = [[lpPool1d, lpPool2d, lpPool3d][rank - 1] as typeof lpPool2d, `lpPool${rank}d`];
  const box = (kernel: number[]) => [...[1, 1, 1].slice(rank), ...kernel];
  const kernel = box(Array.isArray(k) ? k : Array.from({ length: rank }, () => k));
  const elements = kernel.reduce((a, b) => a * b, 1);
  return {
    name: `${name} of [${shape}] by ${JSON.stringify(k)}, p ${p} ${JSON.stringify(o)}`,
    run: (x) => f(x as Tensor, p, k, o),
    inputs: [{ shape, values: (i) => Math.abs(irregular(i)) + 0.1 }],
    reference: ((x: Plain): Plain => {
      const lead = shape.slice(0, shape.length - rank);
      const cube = [...lead, ...box(shape.slice(lead.length))];
      const powers = { ...x, shape: cube, data: Array.from(x.data, (v) => Math.abs(v) ** p) };
      const windowsOf = (size: number, axis: number) => regular(size, kernel[axis] as number, axis, o);
      const means = (poolReference(windowsOf, false) as (x: Plain) => Plain)(powers);
      const data = Array.from(means.data, (mean) => (mean * elements) ** (1 / p));
      return { shape: [...lead, ...means.shape.slice(-rank)], data, magnitude: data };
    }) as OpRow['reference'],
  };
};

const spoiled = (i: number): number => (i % 7 === 4 ? Number.NaN : irregular(i));
const hopeless = (): number => -Infinity;

const both = (shape: number[], k: number | number[], o: Partial<MaxPoolOptions> = {}) =>
  (['maxPool3d', 'avgPool3d'] as const).map((name) => pool(name, shape, k, o));

const rows: OpRow[] = [
  conv([1, 2, 3, 4, 3], [3, 2, 2, 2, 2], 3, {}),
  conv([2, 1, 4, 3, 5], [1, 1, 3, 2, 3], null, { stride: [2, 1, 2], padding: [1, 0, 2] }),
  conv([2, 1, 4, 5, 2], [2, 1, 2, 2, 1], 2, { dilation: [3, 2, 1], padding: [0, 1, 0] }),
  conv([4, 3, 2, 2], [4, 2, 2, 1, 2], 4, { groups: 2 }),
  conv([2, 4, 2, 2, 2], [4, 1, 1, 2, 1], null, { groups: 4, stride: 2 }),
  conv([1, 1, 1, 1, 1], [1, 1, 1, 1, 1], 1, {}),
  conv([1, 1, 1, 1, 1], [1, 1, 3, 1, 1], null, { padding: [4, 0, 1], stride: 2 }),
  // Planes at the end that no kernel reads.
  conv([1, 1, 6, 2, 2], [1, 1, 2, 1, 1], null, { stride: [3, 1, 1] }),
  conv([0, 2, 3, 3, 3], [2, 2, 2, 2, 2], 2, {}, { gradient: false }),
  conv([2, 8, 6, 9, 9], [9, 8, 3, 3, 3], 9, { padding: 1 }, { gradient: false }),
  transposed([1, 2, 2, 3, 2], [2, 3, 2, 2, 2], 3, {}),
  transposed([2, 2, 2, 2, 2], [2, 1, 3, 2, 2], 1, { stride: 2, padding: [1, 0, 1], outputPadding: [1, 0, 1] }),
  transposed([4, 2, 1, 2], [4, 1, 2, 2, 1], 2, { stride: [3, 2, 1], groups: 2 }),
  transposed([1, 1, 2, 2, 2], [1, 2, 2, 2, 1], null, { dilation: [3, 1, 1], outputPadding: [2, 0, 0] }),
  transposed([1, 1, 3, 1, 1], [1, 1, 2, 1, 1], 1, { padding: [1, 0, 0] }),
  ...both([2, 1, 4, 2, 5], 2),
  ...both([3, 5, 3, 3], 3, { stride: 2, padding: 1 }),
  ...both([1, 1, 4, 3, 5], [3, 1, 2], { stride: [1, 2, 2], padding: [1, 0, 1] }),
  ...both([1, 1, 5, 3, 4], 2, { ceilMode: true }),
  ...both([1, 1, 5, 3, 4], 2, { ceilMode: true, padding: 1, stride: 3 }),
  ...both([1, 1, 1, 1, 1], 1),
  ...both([0, 2, 2, 2, 2], 2),
  pool('maxPool3d', [1, 5, 4, 3], 2, { dilation: [3, 2, 1], stride: 1 }),
  pool('maxPool3d', [2, 4, 4, 4], 2, { padding: 1 }, spoiled),
  pool('maxPool3d', [1, 2, 2, 4], 2, {}, hopeless),
  pool('avgPool3d', [1, 2, 3, 3, 3], 2, { padding: 1, countIncludePad: false, stride: 2 }),
  pool('avgPool3d', [1, 3, 2, 3], [2, 1, 3], { divisorOverride: 5, stride: 1 }),
  adaptiveRow('adaptiveAvgPool3d', [1, 2, 3, 2, 2], 1),
  adaptiveRow('adaptiveAvgPool3d', [2, 5, 2, 3], [3, 4, 2]),
  adaptiveRow('adaptiveMaxPool3d', [1, 2, 3, 2, 2], 1),
  adaptiveRow('adaptiveMaxPool3d', [2, 5, 2, 3], [3, 4, 2]),
  lp(1, [2, 2, 5], 3, 2),
  lp(1, [2, 7], 1.5, 3, { ceilMode: true }),
  lp(2, [2, 1, 4, 5], 2, [3, 2]),
  lp(3, [1, 2, 4, 3, 2], 2, 2),
  lp(3, [1, 3, 3, 3], 1, [1, 2, 1], { ceilMode: true }),
];

const volume = () => ones([1, 2, 4, 4, 4]);

const errors: ErrorRow[] = [
  {
    name: 'power',
    call: () => lpPool2d(ones([1, 4, 4]), 0, 2),
    error: ArgumentError,
    message: 'lpPool2d: normType must be a finite number above 0, got 0',
  },
  {
    name: 'rank of x',
    call: () => conv3d(ones([2, 4, 4]), ones([1, 2, 2, 2, 2])),
    error: ShapeError,
    message:
      'conv3d: x must be [batch, channels, depth, height, width] or [channels, depth, height, width], got x [2, 4, 4]',
  },
  {
    name: 'rank of weight',
    call: () => convTranspose3d(volume(), ones([2, 3, 3, 3])),
    error: ShapeError,
    message:
      'convTranspose3d: weight must be [inChannels, outChannels / groups, kernel depth, kernel height, kernel width], got weight [2, 3, 3, 3]',
  },
  {
    name: 'two strides',
    call: () => conv3d(volume(), ones([1, 2, 2, 2, 2]), null, { stride: [1, 1] }),
    error: ArgumentError,
    message: 'conv3d: stride must be a number or an array of 3, one for each of depth, height and width, got [1, 1]',
  },
  {
    name: 'kernel deeper than the volume',
    call: () => conv3d(volume(), ones([1, 2, 5, 2, 2])),
    error: ShapeError,
    message:
      'conv3d: the kernel must fit into the padded input, got x [1, 2, 4, 4, 4] and weight [1, 2, 5, 2, 2] (depth 5 > 4)',
  },
  {
    name: 'empty volumes',
    call: () => adaptiveAvgPool3d(ones([1, 1, 0, 2, 2]), 1),
    error: ShapeError,
    message: 'adaptiveAvgPool3d: x must not be empty, got x [1, 1, 0, 2, 2]',
  },
  {
    name: 'padding beyond half of the kernel',
    call: () => maxPool3d(volume(), 2, 1, [0, 2, 0]),
    error: ArgumentError,
    message: 'maxPool3d: padding must be at most half of kernelSize, got 2 and kernelSize 2',
  },
];

testFamily('volumes', { rows, errors });
