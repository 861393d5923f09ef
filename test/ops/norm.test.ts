import { expect, it } from 'vitest';
import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { groupNorm, layerNorm, rmsNorm } from '../../lib/ops/norm.js';
import { instanceNorm } from '../../lib/ops/norm-instance.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { withGradient } from '../support/fused.js';
import type { ErrorRow, OpRow } from '../support/harness.js';
import { type Case, equal, offset, row } from '../support/norm-rows.js';

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
  const width = sizeOf(c.normalized ?? c.affine ?? c.shape.slice(-1));
  const { eps = 1e-5, normalized: normalizedShape = c.affine ?? c.shape.slice(-1) } = c;
  const key = (i: number): number => Math.floor(i / width);
  const layer = (x: Tensor, w: Tensor | null, b: Tensor | null): Tensor => layerNorm(x, normalizedShape, w, b, eps);
  const rms = (x: Tensor, w: Tensor | null): Tensor => rmsNorm(x, { normalizedShape, weight: w, eps });
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
  const [channels, inner] = [shape[1] as number, sizeOf(shape.slice(2))];
  const width = (channels / groups) * inner;
  const channel = (i: number): number => Math.floor(i / inner) % channels;
  const run = (x: Tensor, w: Tensor | null, b: Tensor | null): Tensor => groupNorm(x, groups, w, b, eps);
  const rows = [row('groupNorm', c, run, (i) => Math.floor(i / width), channel)];
  if (inner > 1) {
    const instance = (x: Tensor, w: Tensor | null, b: Tensor | null): Tensor =>
      instanceNorm(x, { weight: w, bias: b, eps });
    rows.push(row('instanceNorm', { ...c, groups: undefined }, instance, (i) => Math.floor(i / inner), channel));
  }
  return rows;
});

const rows: OpRow[] = [...lastRows, ...groupRows];

const errors: ErrorRow[] = [
  {
    name: 'layerNorm of integers',
    call: () => layerNorm(ones([2], { dtype: 'int32' }), 2),
    error: DTypeError,
    message: "layerNorm: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'layerNorm shape',
    call: () => layerNorm(ones([2, 3]), 4),
    error: ShapeError,
    message: 'layerNorm: last dimensions of x must be normalizedShape [4], got x [2, 3]',
  },
  {
    name: 'layerNorm bias',
    call: () => layerNorm(ones([2, 3]), 3, ones([3]), ones([2])),
    error: ShapeError,
    message: 'layerNorm: bias must be [3], got bias [2] and x [2, 3]',
  },
  {
    name: 'layerNorm normalizedShape',
    call: () => layerNorm(ones([2, 3]), 0),
    error: ArgumentError,
    message: 'layerNorm: normalizedShape must be an integer of at least 1 or an array of such, got 0',
  },
  {
    name: 'rmsNorm dtype',
    call: () => rmsNorm(ones([2, 3]), [3], ones([3], { dtype: 'float64' })),
    error: DTypeError,
    message: 'rmsNorm: dtypes must match, got x float32 and weight float64; convert one by to(dtype)',
  },
  {
    name: 'rmsNorm eps',
    call: () => rmsNorm(ones([2, 3]), 3, null, -1),
    error: ArgumentError,
    message: 'rmsNorm: eps must be a finite number of at least 0, got -1',
  },
  {
    name: 'groupNorm groups',
    call: () => groupNorm(ones([2, 5, 2]), 2),
    error: ShapeError,
    message: 'groupNorm: numGroups 2 must divide the channels, got x [2, 5, 2]',
  },
  {
    name: 'groupNorm rank',
    call: () => groupNorm(ones([2]), 2),
    error: ShapeError,
    message: 'groupNorm: x must be [batch, channels, …], got [2]',
  },
  {
    name: 'instanceNorm without statistics',
    call: () => instanceNorm(ones([2, 3, 4]), { useInputStats: false }),
    error: ArgumentError,
    message: 'instanceNorm: useInputStats false needs runningMean and runningVar, got none',
  },
  {
    name: 'instanceNorm one element',
    call: () => instanceNorm(ones([2, 3, 1])),
    error: ShapeError,
    message: 'instanceNorm: each channel must have more than 1 element, got x [2, 3, 1]',
  },
];

testFamily('norm', { rows, errors, fused: withGradient('groupNorm', 'instanceNorm', 'layerNorm', 'rmsNorm') });

it('instanceNorm follows running statistics, and uses them without those of x', () => {
  const [mean, variance] = [zeros([2]), ones([2])];
  const x = tensor([
    [
      [1, 3],
      [0, 4],
    ],
    [
      [5, 7],
      [2, 2],
    ],
  ]); // means 2, 2, 6, 2; unbiased variances 2, 8, 2, 0
  instanceNorm(x, mean, variance, { momentum: 0.5 });
  expect(mean.toArray()).toEqual([2, 1]); // half of 4 and of 2
  expect(variance.toArray()).toEqual([1.5, 2.5]); // half of 1, and of 2 and 4
  const y = instanceNorm(x, mean, tensor([4, 9]), { useInputStats: false, eps: 0 });
  expect(y.toArray()).toEqual([
    [
      [-0.5, 0.5],
      [expect.closeTo(-1 / 3), 1],
    ],
    [
      [1.5, 2.5],
      [expect.closeTo(1 / 3), expect.closeTo(1 / 3)],
    ],
  ]);
  expect(mean.toArray()).toEqual([2, 1]);
});
