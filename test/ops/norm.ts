import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { batchNorm } from '../../lib/ops/batchnorm.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import { groupNorm, instanceNorm, layerNorm, rmsNorm } from '../../lib/ops/norm.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';

const count = sizeOf;

// y = (x - mean) / √(var + eps) · weight + bias, where elements with one key share statistics; `channel` tells which weight.
function reference(key: (i: number) => number, channel: (i: number) => number, eps: number, centred = true) {
  return (x: Plain, weight?: Plain, bias?: Plain): Plain => {
    const members = new Map<number, number[]>();
    x.data.forEach((v, i) => {
      members.set(key(i), [...(members.get(key(i)) ?? []), v]);
    });
    const statistics = new Map<number, [number, number]>();
    for (const [k, values] of members) {
      const mean = centred ? values.reduce((a, b) => a + b, 0) / values.length : 0;
      const off = centred ? values.reduce((a, b) => a + (b - mean), 0) / values.length : 0;
      const variance = values.reduce((a, b) => a + (b - mean - off) ** 2, 0) / values.length;
      statistics.set(k, [mean + off, 1 / Math.sqrt(variance + eps)]);
    }
    const magnitude: number[] = [];
    const data = x.data.map((v, i) => {
      const [mean, scale] = statistics.get(key(i)) as [number, number];
      const [w, b] = [weight?.data[channel(i)] ?? 1, bias?.data[channel(i)] ?? 0];
      magnitude.push((Math.abs(v) + Math.abs(mean)) * scale * Math.abs(w) + Math.abs(b));
      return (v - mean) * scale * w + b;
    });
    return { shape: x.shape, data, magnitude };
  };
}

interface Case {
  shape: number[];
  /** Shape of weight and bias, and which of them there are. */
  affine: number[] | null;
  parts?: string;
  eps?: number;
  gradient?: boolean;
  values?: (i: number) => number;
  /** Layer and RMS norm without weight. */
  normalized?: number[];
  groups?: number;
}

const offset = (i: number): number => 1000 + irregular(i);
const equal = (): number => 0.1;

function inputsOf({ shape, affine, parts = 'wb', values }: Case): InputSpec[] {
  const inputs: InputSpec[] = [{ shape, values }];
  if (affine !== null && parts.includes('w')) inputs.push({ shape: affine });
  if (affine !== null && parts.includes('b')) inputs.push({ shape: affine, values: (i) => irregular(i + 5) });
  return inputs;
}

// Weight and bias among the inputs.
function operands({ affine, parts = 'wb' }: Case, rest: Tensor[]): [Tensor | null, Tensor | null] {
  if (affine === null) return [null, null];
  return parts === 'wb'
    ? [rest[0] as Tensor, rest[1] as Tensor]
    : parts === 'w'
      ? [rest[0] as Tensor, null]
      : [null, rest[0] as Tensor];
}

function row(
  name: string,
  c: Case,
  run: (x: Tensor, w: Tensor | null, b: Tensor | null) => Tensor,
  key: (i: number) => number,
  channel: (i: number) => number,
  centred = true,
): OpRow {
  const eps = c.eps ?? 1e-5;
  const want = reference(key, channel, eps, centred);
  const { parts = 'wb' } = c;
  const named =
    `${c.values?.name ?? ''} ${c.affine === null ? 'plain' : parts}${c.groups ? ` ${c.groups}` : ''}`.trim();
  return {
    name: `${name} [${c.shape}] ${named}`,
    run: (x, ...rest) => run(x as Tensor, ...operands(c, rest)),
    inputs: inputsOf(c),
    reference: ((x: Plain, ...rest: Plain[]) =>
      parts === 'b' ? want(x, undefined, rest[0]) : want(x, rest[0], rest[1])) as OpRow['reference'],
    gradient: c.gradient ?? true,
  };
}

const layerCases: Case[] = [
  { shape: [3, 5], affine: [5] },
  { shape: [3, 5], affine: [5], parts: 'w' },
  { shape: [3, 5], affine: [5], parts: 'b' },
  { shape: [2, 3, 4], affine: [3, 4] },
  { shape: [2, 3, 4], affine: null },
  { shape: [2, 3, 4], affine: null, normalized: [3, 4], eps: 0.1 },
  { shape: [4], affine: [4] },
  { shape: [3, 1], affine: [1] },
  { shape: [0, 3], affine: [3] },
  { shape: [5, 67], affine: [67] },
  { shape: [3, 5], affine: [5], values: offset, gradient: false },
  { shape: [3, 700], affine: [700], values: equal, gradient: false },
  { shape: [3, 5000], affine: [5000], gradient: false },
  { shape: [3, 5000], affine: [5000], values: offset, gradient: false },
  { shape: [700, 128], affine: [128], gradient: false },
];

const lastRows = layerCases.flatMap((c) => {
  const width = count(c.normalized ?? c.affine ?? c.shape.slice(-1));
  const { eps = 1e-5, normalized: normalizedShape = c.affine ?? c.shape.slice(-1) } = c;
  const key = (i: number): number => Math.floor(i / width);
  const layer = (x: Tensor, w: Tensor | null, b: Tensor | null): Tensor =>
    layerNorm(x, w, b, { eps, ...(w === null ? { normalizedShape } : {}) });
  const rms = (x: Tensor, w: Tensor | null): Tensor => rmsNorm(x, w, { eps, normalizedShape });
  const rows = [row('layerNorm', c, layer, key, (i) => i % width)];
  if (c.affine === null || c.parts === 'w' || c.normalized) {
    rows.push(row('rmsNorm', { ...c, parts: 'w' }, rms, key, (i) => i % width, false));
  }
  return rows;
});

const groupCases: Case[] = [
  { shape: [2, 4, 3], affine: [4], groups: 2 },
  { shape: [2, 4, 3], affine: [4], groups: 2, parts: 'w' },
  { shape: [2, 4, 3], affine: [4], groups: 2, parts: 'b' },
  { shape: [2, 4, 3], affine: null, groups: 4 },
  { shape: [2, 4], affine: [4], groups: 2 },
  { shape: [3, 6], affine: [6], groups: 1 },
  { shape: [1, 2, 3, 5], affine: [2], groups: 1 },
  { shape: [0, 2, 3], affine: [2], groups: 1 },
  { shape: [2, 0, 4], affine: [0], groups: 1 },
  { shape: [2, 3, 0], affine: [3], groups: 1 },
  { shape: [5, 12, 7, 7], affine: [12], groups: 3, gradient: false },
  { shape: [2, 4, 50, 50], affine: [4], groups: 2, values: offset, gradient: false },
];

const groupRows = groupCases.flatMap((c) => {
  const { shape, groups = 1, eps = 1e-5 } = c;
  const [channels, inner] = [shape[1] as number, count(shape.slice(2))];
  const width = (channels / groups) * inner;
  const channel = (i: number): number => Math.floor(i / inner) % channels;
  const run = (x: Tensor, w: Tensor | null, b: Tensor | null): Tensor => groupNorm(x, w, b, { numGroups: groups, eps });
  const rows = [row('groupNorm', c, run, (i) => Math.floor(i / width), channel)];
  if (inner > 1) {
    const instance = (x: Tensor, w: Tensor | null, b: Tensor | null): Tensor => instanceNorm(x, w, b, { eps });
    rows.push(row('instanceNorm', { ...c, groups: undefined }, instance, (i) => Math.floor(i / inner), channel));
  }
  return rows;
});

const batchCases: Case[] = [
  { shape: [4, 3], affine: [3] },
  { shape: [4, 3], affine: null },
  { shape: [4, 3], affine: [3], parts: 'w' },
  { shape: [4, 3], affine: [3], parts: 'b', eps: 0.1 },
  { shape: [3, 2, 4], affine: [2] },
  { shape: [2, 3, 4, 5], affine: [3] },
  { shape: [1, 9, 3, 7], affine: [9] },
  { shape: [150, 3], affine: [3], gradient: false },
  { shape: [70, 301], affine: [301], gradient: false },
  { shape: [70, 40, 3], affine: [40], gradient: false },
  { shape: [6, 20, 9, 9], affine: [20], gradient: false },
  { shape: [100, 5], affine: [5], values: offset, gradient: false },
  { shape: [3, 2, 60, 60], affine: [2], values: offset, gradient: false },
  { shape: [30, 3], affine: [3], values: equal, gradient: false },
  { shape: [3, 2, 60, 60], affine: [2], values: equal, gradient: false },
];

const batchRows = batchCases.map((c) => {
  const [channels, inner] = [c.shape[1] as number, count(c.shape.slice(2))];
  const channel = (i: number): number => Math.floor(i / inner) % channels;
  const { eps = 1e-5 } = c;
  return row('batchNorm', c, (x, w, b) => batchNorm(x, w, b, { training: true, eps }), channel, channel);
});

// With running statistics: y = (x - mean) / √(var + eps) · weight + bias.
const fixedRows = [
  [5, 3],
  [2, 3, 4],
  [2, 3, 4, 5],
  [0, 3],
  [70, 40, 3],
].map((shape): OpRow => {
  const [channels, inner] = [shape[1] as number, count(shape.slice(2))];
  return {
    name: `batchNorm [${shape}] in use`,
    run: (x, w, b, runningMean, runningVar) => batchNorm(x as Tensor, w, b, { runningMean, runningVar, eps: 0.1 }),
    inputs: [
      { shape },
      { shape: [channels] },
      { shape: [channels], values: (i) => irregular(i + 5) },
      { shape: [channels], values: (i) => irregular(i + 9), requiresGrad: false },
      { shape: [channels], values: (i) => Math.abs(irregular(i)), requiresGrad: false },
    ],
    reference: ((x: Plain, w: Plain, b: Plain, m: Plain, v: Plain): Plain => {
      const at = (p: Plain, i: number): number => p.data[Math.floor(i / inner) % channels] as number;
      const magnitude: number[] = [];
      const data = x.data.map((value, i) => {
        const scale = at(w, i) / Math.sqrt(at(v, i) + 0.1);
        magnitude.push((Math.abs(value) + Math.abs(at(m, i))) * Math.abs(scale) + Math.abs(at(b, i)));
        return (value - at(m, i)) * scale + at(b, i);
      });
      return { shape, data, magnitude };
    }) as OpRow['reference'],
    gradient: count(shape) < 200,
  };
});

export const rows: OpRow[] = [...lastRows, ...groupRows, ...batchRows, ...fixedRows];

export const errors: ErrorRow[] = [
  {
    name: 'layerNorm of integers',
    call: () => layerNorm(ones([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "layerNorm: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'layerNorm shape',
    call: () => layerNorm(ones([2, 3]), ones([4])),
    error: ShapeError,
    message: 'layerNorm: last dimensions of x must be normalizedShape [4], got x [2, 3]',
  },
  {
    name: 'layerNorm bias',
    call: () => layerNorm(ones([2, 3]), ones([3]), ones([2])),
    error: ShapeError,
    message: 'layerNorm: bias must be [3], got bias [2] and x [2, 3]',
  },
  {
    name: 'layerNorm normalizedShape',
    call: () => layerNorm(ones([2, 3]), null, null, { normalizedShape: 0 }),
    error: ArgumentError,
    message: 'layerNorm: normalizedShape must be an integer of at least 1 or an array of such, got 0',
  },
  {
    name: 'rmsNorm dtype',
    call: () => rmsNorm(ones([2, 3]), ones([3], { dtype: 'float64' })),
    error: DTypeError,
    message: 'rmsNorm: dtypes must match, got x float32 and weight float64; convert one by to(dtype)',
  },
  {
    name: 'rmsNorm eps',
    call: () => rmsNorm(ones([2, 3]), null, { eps: -1 }),
    error: ArgumentError,
    message: 'rmsNorm: eps must be a finite number of at least 0, got -1',
  },
  {
    name: 'groupNorm groups',
    call: () => groupNorm(ones([2, 5, 2]), null, null, { numGroups: 2 }),
    error: ShapeError,
    message: 'groupNorm: numGroups 2 must divide the channels, got x [2, 5, 2]',
  },
  {
    name: 'groupNorm rank',
    call: () => groupNorm(ones([2]), null, null, { numGroups: 2 }),
    error: ShapeError,
    message: 'groupNorm: x must be [batch, channels, …], got [2]',
  },
  {
    name: 'instanceNorm one element',
    call: () => instanceNorm(ones([2, 3, 1])),
    error: ShapeError,
    message: 'instanceNorm: each channel must have more than 1 element, got x [2, 3, 1]',
  },
  {
    name: 'batchNorm one value',
    call: () => batchNorm(ones([1, 3]), null, null, { training: true }),
    error: ShapeError,
    message: 'batchNorm: training needs more than 1 value for each channel, got x [1, 3]; use eval() or a larger batch',
  },
  {
    name: 'batchNorm running statistics alone',
    call: () => batchNorm(ones([2, 3]), null, null, { runningMean: zeros([3]) }),
    error: ArgumentError,
    message: 'batchNorm: runningMean and runningVar must be given together',
  },
  {
    name: 'batchNorm running statistics',
    call: () => batchNorm(ones([2, 3]), null, null, { runningMean: zeros([2]), runningVar: ones([3]) }),
    error: ShapeError,
    message: 'batchNorm: runningMean must be [3], got runningMean [2] and x [2, 3]',
  },
  {
    name: 'batchNorm count',
    call: () => batchNorm(ones([2, 3]), null, null, { runningMean: zeros([3]), runningVar: ones([3]), training: true }),
    error: ArgumentError,
    message: 'batchNorm: numBatchesTracked must be given with runningMean to train',
  },
  {
    name: 'batchNorm option',
    call: () => batchNorm(ones([2, 3]), null, null, { affine: true } as never),
    error: ArgumentError,
    message:
      'batchNorm: unknown option "affine"; known are runningMean, runningVar, numBatchesTracked, training, momentum, eps',
  },
];
