// Rows of convolution. Over 300 lines: most of it is the table of shapes and options.
import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
} from '../../lib/ops/conv.js';
import { ones } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

type Pair = [number, number];

/** Everything as images with two numbers for each option. */
interface Sizes {
  stride: Pair;
  before: Pair;
  after: Pair;
  dilation: Pair;
  groups: number;
  mode: string;
}

function pair(value: number | readonly number[] | undefined, rank: number, fallback: number, flat: number): Pair {
  const list = Array.isArray(value) ? value : Array.from({ length: rank }, () => value ?? fallback);
  return (rank === 1 ? [flat, list[0]] : list) as Pair;
}

function sizesOf(rank: number, weight: Plain, o: ConvOptions): Sizes {
  const dilation = pair(o.dilation, rank, 1, 1);
  const taps = rank === 1 ? [1, weight.shape[2] as number] : weight.shape.slice(2);
  const same = taps.map((n, i) => (n - 1) * (dilation[i] as number));
  const number = typeof o.padding === 'string' ? 0 : o.padding;
  const isSame = o.padding === 'same';
  return {
    stride: pair(o.stride, rank, 1, 1),
    before: isSame ? (same.map((n) => Math.floor(n / 2)) as Pair) : pair(number, rank, 0, 0),
    after: isSame ? (same.map((n) => Math.ceil(n / 2)) as Pair) : pair(number, rank, 0, 0),
    dilation,
    groups: o.groups ?? 1,
    mode: o.paddingMode ?? 'zeros',
  };
}

/** The element that stands at position i of a padded dimension; -1 for a zero. */
function source(i: number, n: number, mode: string): number {
  if (i >= 0 && i < n) return i;
  if (mode === 'reflect') return i < 0 ? -i : 2 * n - 2 - i;
  if (mode === 'replicate') return i < 0 ? 0 : n - 1;
  return mode === 'circular' ? (i + n) % n : -1;
}

const asImages = (x: Plain, rank: number): number[] => {
  const shape = x.shape.length === rank + 1 ? [1, ...x.shape] : x.shape.slice();
  return rank === 1 ? [shape[0] as number, shape[1] as number, 1, shape[2] as number] : shape;
};

function convReference(rank: number, options: ConvOptions): (x: Plain, weight: Plain, bias?: Plain) => Plain {
  return (x, weight, bias) => {
    const s = sizesOf(rank, weight, options);
    const [n, c, h, w] = asImages(x, rank) as [number, number, number, number];
    const [o, , kh, kw] = asImages(weight, rank) as [number, number, number, number];
    const [oh, ow] = [
      [h, kh],
      [w, kw],
    ].map(([size, k], i) =>
      Math.floor(
        ((size as number) + s.before[i as 0] + s.after[i as 0] - s.dilation[i as 0] * ((k as number) - 1) - 1) /
          s.stride[i as 0] +
          1,
      ),
    ) as Pair;
    const data: number[] = [];
    const magnitude: number[] = [];
    const per = c / s.groups;
    for (let b = 0; b < n; b++)
      for (let m = 0; m < o; m++)
        for (let i = 0; i < oh; i++)
          for (let j = 0; j < ow; j++) {
            let sum = bias ? (bias.data[m] as number) : 0;
            let size = Math.abs(sum);
            const first = Math.floor(m / (o / s.groups)) * per;
            for (let q = 0; q < per; q++)
              for (let k = 0; k < kh; k++)
                for (let l = 0; l < kw; l++) {
                  const row = source(i * s.stride[0] + k * s.dilation[0] - s.before[0], h, s.mode);
                  const column = source(j * s.stride[1] + l * s.dilation[1] - s.before[1], w, s.mode);
                  if (row < 0 || column < 0) continue;
                  const term =
                    (x.data[((b * c + first + q) * h + row) * w + column] as number) *
                    (weight.data[((m * per + q) * kh + k) * kw + l] as number);
                  sum += term;
                  size += Math.abs(term);
                }
            data.push(sum);
            magnitude.push(size);
          }
    const spatial = rank === 1 ? [ow] : [oh, ow];
    return { shape: [...x.shape.slice(0, -rank - 1), o, ...spatial], data, magnitude };
  };
}

function transposeReference(rank: number, o: ConvTransposeOptions): (x: Plain, weight: Plain, bias?: Plain) => Plain {
  return (x, weight, bias) => {
    const [stride, pad] = [pair(o.stride, rank, 1, 1), pair(o.padding, rank, 0, 0)];
    const [dilation, extra] = [pair(o.dilation, rank, 1, 1), pair(o.outputPadding, rank, 0, 0)];
    const groups = o.groups ?? 1;
    const [n, c, h, w] = asImages(x, rank) as [number, number, number, number];
    const [, per, kh, kw] = asImages(weight, rank) as [number, number, number, number];
    const oh = (h - 1) * stride[0] - 2 * pad[0] + dilation[0] * (kh - 1) + extra[0] + 1;
    const ow = (w - 1) * stride[1] - 2 * pad[1] + dilation[1] * (kw - 1) + extra[1] + 1;
    const channels = per * groups;
    const data = Array.from({ length: n * channels * oh * ow }, (_, i) =>
      bias ? (bias.data[Math.floor(i / (oh * ow)) % channels] as number) : 0,
    );
    const magnitude = data.map(Math.abs);
    for (let b = 0; b < n; b++)
      for (let q = 0; q < c; q++)
        for (let m = 0; m < per; m++)
          for (let i = 0; i < h * w; i++)
            for (let k = 0; k < kh * kw; k++) {
              const row = Math.floor(i / w) * stride[0] + Math.floor(k / kw) * dilation[0] - pad[0];
              const column = (i % w) * stride[1] + (k % kw) * dilation[1] - pad[1];
              if (row < 0 || row >= oh || column < 0 || column >= ow) continue;
              const channel = Math.floor(q / (c / groups)) * per + m;
              const at = ((b * channels + channel) * oh + row) * ow + column;
              const term =
                (x.data[(b * c + q) * h * w + i] as number) * (weight.data[(q * per + m) * kh * kw + k] as number);
              data[at] = (data[at] as number) + term;
              magnitude[at] = (magnitude[at] as number) + Math.abs(term);
            }
    const spatial = rank === 1 ? [ow] : [oh, ow];
    return { shape: [...x.shape.slice(0, -rank - 1), channels, ...spatial], data, magnitude };
  };
}

const names = { conv1d, conv2d, convTranspose1d, convTranspose2d };

function row(
  name: keyof typeof names,
  x: number[],
  weight: number[],
  bias: number | null,
  options: ConvOptions & Pick<ConvTransposeOptions, 'outputPadding'>,
  extra: Partial<OpRow> = {},
): OpRow {
  const op = names[name] as typeof conv2d;
  const rank = name.endsWith('1d') ? 1 : 2;
  const reference = name.startsWith('convT')
    ? transposeReference(rank, options as ConvTransposeOptions)
    : convReference(rank, options);
  const shapes = bias === null ? [x, weight] : [x, weight, [bias]];
  return {
    name: `${name} of [${x}] by [${weight}] ${JSON.stringify(options)}${bias === null ? '' : ' with bias'}`,
    run: (...t) => op(t[0] as Tensor, t[1] as Tensor, t[2] ?? null, options),
    method: (...t) => (t[0] as Tensor)[name as 'conv2d'](t[1] as Tensor, { bias: t[2] ?? null, ...options }),
    // Each input has numbers of its own, so that no two are proportional.
    inputs: shapes.map((shape, i) => ({ shape, values: (j) => irregular(j + 1000 * i) })),
    reference: reference as OpRow['reference'],
    ...extra,
  };
}

// Large ones, in float32 and float64, without numerical gradients: checked through one another by what follows below.
const large = { gradient: false };

const rows: OpRow[] = [
  row('conv2d', [2, 1, 5, 5], [2, 1, 3, 3], 2, {}),
  row('conv2d', [1, 2, 5, 4], [3, 2, 3, 2], 3, { padding: 1 }),
  row('conv2d', [2, 2, 4, 4], [2, 2, 3, 3], null, { padding: [1, 2], stride: [2, 1] }),
  row('conv2d', [1, 2, 7, 6], [2, 2, 3, 2], 2, { stride: 2, padding: 1 }),
  row('conv2d', [1, 2, 7, 8], [2, 2, 2, 3], null, { stride: 3, padding: 2, dilation: [2, 1] }),
  row('conv2d', [1, 1, 9, 7], [1, 1, 3, 3], null, { dilation: [3, 2], stride: [2, 3], padding: [1, 0] }),
  row('conv2d', [2, 4, 4, 4], [6, 2, 3, 3], 6, { groups: 2, padding: 1 }),
  row('conv2d', [1, 3, 5, 5], [3, 1, 3, 3], 3, { groups: 3, padding: 1, stride: 2 }),
  row('conv2d', [1, 3, 3, 3], [6, 1, 2, 2], null, { groups: 3 }),
  row('conv2d', [2, 3, 3, 2], [4, 3, 1, 1], 4, {}),
  row('conv2d', [1, 2, 5, 5], [2, 2, 1, 1], null, { stride: 2 }),
  row('conv2d', [2, 5, 4], [3, 2, 2, 2], 3, { padding: 'same' }),
  row('conv2d', [1, 1, 5, 6], [2, 1, 4, 3], null, { padding: 'same', dilation: 2 }),
  row('conv2d', [1, 1, 4, 4], [1, 1, 2, 2], null, { padding: 'valid' }),
  row('conv2d', [1, 1, 2, 2], [1, 1, 1, 1], null, { padding: 3, stride: 2 }),
  row('conv2d', [1, 1, 3, 3], [1, 1, 3, 3], 1, { stride: 7 }),
  row('conv2d', [1, 1, 1, 1], [1, 1, 1, 1], 1, {}),
  row('conv2d', [0, 2, 4, 4], [3, 2, 3, 3], 3, { padding: 1 }, large),
  row('conv2d', [1, 2, 4, 5], [2, 2, 3, 3], 2, { padding: [2, 1], paddingMode: 'reflect' }),
  row('conv2d', [1, 1, 3, 3], [1, 1, 3, 3], null, { padding: 2, paddingMode: 'circular' }),
  row('conv2d', [2, 1, 3, 4], [1, 1, 2, 3], null, { padding: 'same', paddingMode: 'replicate' }),
  // Several tiles of channels, whole vectors and parts of them, several bands.
  row('conv2d', [3, 3, 16, 16], [31, 3, 3, 3], 31, { padding: 1 }, large),
  row('conv2d', [2, 6, 14, 14], [16, 6, 5, 5], 16, {}, large),
  row('conv2d', [2, 1, 28, 28], [6, 1, 5, 5], 6, { padding: 2 }, large),
  row('conv2d', [1, 8, 17, 17], [20, 8, 3, 3], null, { stride: 2, padding: 1 }, large),
  row('conv2d', [1, 1, 120, 61], [2, 1, 3, 3], null, { padding: 1 }, large),
  row('conv2d', [1, 1, 70, 64], [3, 1, 3, 3], 3, { padding: 1 }, large),
  row('conv2d', [1, 16, 9, 9], [16, 1, 3, 3], null, { padding: 1, groups: 16 }, large),
  row('conv1d', [2, 2, 6], [3, 2, 3], 3, {}),
  row('conv1d', [1, 2, 7], [2, 2, 3], null, { stride: 2, padding: 1, dilation: 2 }),
  row('conv1d', [4, 5], [4, 2, 2], 4, { groups: 2, padding: 'same' }),
  row('conv1d', [1, 1, 5], [1, 1, 3], null, { padding: 1, paddingMode: 'circular' }),
  row('conv1d', [1, 1, 5000], [1, 1, 3], null, { padding: 1 }, large),
  row('convTranspose2d', [1, 2, 3, 3], [2, 3, 3, 3], 3, {}),
  row('convTranspose2d', [2, 2, 3, 2], [2, 2, 3, 2], 2, { stride: 2, padding: 1, outputPadding: 1 }),
  row('convTranspose2d', [1, 4, 2, 3], [4, 1, 2, 2], 2, { stride: [2, 3], groups: 2 }),
  row('convTranspose2d', [2, 2, 2], [2, 1, 3, 3], null, { dilation: 2, padding: [1, 0] }),
  row('convTranspose2d', [1, 1, 1, 1], [1, 2, 2, 2], 2, { stride: 3, outputPadding: 2 }),
  row('convTranspose2d', [1, 1, 2, 2], [1, 1, 1, 1], 1, { stride: 3 }),
  row('convTranspose2d', [2, 16, 8, 8], [16, 8, 4, 4], 8, { stride: 2, padding: 1 }, large),
  row('convTranspose2d', [1, 8, 16, 16], [8, 8, 3, 3], 8, { padding: 1 }, large),
  row('convTranspose1d', [1, 2, 4], [2, 3, 3], 3, { stride: 2, padding: 1, outputPadding: 1 }),
  row('convTranspose1d', [2, 3], [2, 1, 2], null, { dilation: 2 }),
];

const image = () => ones([1, 2, 4, 4]);

const errors: ErrorRow[] = [
  {
    name: 'kernel larger than the padded input',
    call: () => conv2d(image(), ones([3, 2, 5, 3])),
    error: ShapeError,
    message:
      'conv2d: the kernel must fit into the padded input, got x [1, 2, 4, 4] and weight [3, 2, 5, 3] (height 5 > 4)',
  },
  {
    name: 'channels',
    call: () => conv2d(image(), ones([3, 3, 3, 3])),
    error: ShapeError,
    message: "conv2d: x must have the weight's 3 input channels, got x [1, 2, 4, 4] and weight [3, 3, 3, 3] (2 ≠ 3)",
  },
  {
    name: 'groups',
    call: () => conv2d(image(), ones([3, 1, 3, 3]), null, { groups: 2 }),
    error: ShapeError,
    message: 'conv2d: groups must divide outChannels, got 2 groups and 3 outChannels',
  },
  {
    name: 'rank of x',
    call: () => conv1d(image(), ones([1, 2, 3])),
    error: ShapeError,
    message: 'conv1d: x must be [batch, channels, length] or [channels, length], got x [1, 2, 4, 4]',
  },
  {
    name: 'rank of weight',
    call: () => conv2d(image(), ones([3, 2, 3])),
    error: ShapeError,
    message:
      'conv2d: weight must be [outChannels, inChannels / groups, kernel height, kernel width], got weight [3, 2, 3]',
  },
  {
    name: 'empty weight',
    call: () => conv2d(image(), ones([0, 2, 3, 3])),
    error: ShapeError,
    message: 'conv2d: weight must not be empty, got weight [0, 2, 3, 3]',
  },
  {
    name: 'bias',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), ones([2])),
    error: ShapeError,
    message: 'conv2d: bias must be [3], got bias [2]',
  },
  {
    name: 'dtypes',
    call: () => conv2d(image(), ones([3, 2, 3, 3], { dtype: 'float64' })),
    error: DTypeError,
    message: 'conv2d: dtypes must match, got x float32 and weight float64; convert one by to(dtype)',
  },
  {
    name: 'same with stride',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { padding: 'same', stride: 2 }),
    error: ArgumentError,
    message: "conv2d: padding 'same' needs stride 1, got stride [2, 2]",
  },
  {
    name: 'padding word',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { padding: 'full' as never }),
    error: ArgumentError,
    message: "conv2d: padding must be 'same', 'valid' or a number for each dimension, got \"full\"",
  },
  {
    name: 'stride of 0',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { stride: 0 }),
    error: ArgumentError,
    message: 'conv2d: stride must be an integer of at least 1, got 0',
  },
  {
    name: 'three strides',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { stride: [1, 1, 1] }),
    error: ArgumentError,
    message: 'conv2d: stride must be a number or a pair, one for each of height and width, got [1, 1, 1]',
  },
  {
    name: 'padding mode',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { paddingMode: 'mirror' as never }),
    error: ArgumentError,
    message: 'conv2d: paddingMode must be one of zeros, reflect, replicate, circular, got "mirror"',
  },
  {
    name: 'reflected padding',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { padding: 4, paddingMode: 'reflect' }),
    error: ShapeError,
    message: 'conv2d: padding must be at most 3 for paddingMode reflect, got 4 and x [1, 2, 4, 4] (height 4)',
  },
  {
    name: 'option',
    call: () => conv2d(image(), ones([3, 2, 3, 3]), null, { strides: 2 } as never),
    error: ArgumentError,
    message: 'conv2d: unknown option "strides"; use stride',
  },
  {
    name: 'outputPadding',
    call: () => convTranspose2d(image(), ones([2, 3, 3, 3]), null, { stride: 2, outputPadding: 2 }),
    error: ArgumentError,
    message:
      'convTranspose2d: outputPadding must be smaller than stride or dilation, got 2 with stride 2 and dilation 1',
  },
  {
    name: 'empty transposed output',
    call: () => convTranspose1d(ones([2, 3]), ones([2, 3, 1]), null, { padding: 2 }),
    error: ShapeError,
    message: 'convTranspose1d: the output must not be empty, got x [2, 3] and padding 2 (length -1)',
  },
];

testFamily('conv', { rows, errors, fused: ['conv2dBackward'] });
