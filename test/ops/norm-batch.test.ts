import { expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { batchNorm } from '../../lib/ops/norm-batch.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { withGradient } from '../support/fused.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';
import { type Case, equal, offset, row } from '../support/norm-rows.js';

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
  const [channels, inner] = [c.shape[1] as number, sizeOf(c.shape.slice(2))];
  const channel = (i: number): number => Math.floor(i / inner) % channels;
  const { eps = 1e-5 } = c;
  return row('batchNorm', c, (x, w, b) => batchNorm(x, null, null, w, b, true, { eps }), channel, channel);
});

// With running statistics: y = (x - mean) / √(var + eps) · weight + bias.
const fixedRows = [
  [5, 3],
  [2, 3, 4],
  [2, 3, 4, 5],
  [0, 3],
  [70, 40, 3],
].map((shape): OpRow => {
  const [channels, inner] = [shape[1] as number, sizeOf(shape.slice(2))];
  return {
    name: `batchNorm [${shape}] in use`,
    run: (x, w, b, runningMean, runningVar) =>
      batchNorm(x as Tensor, runningMean as Tensor, runningVar as Tensor, w, b, { eps: 0.1 }),
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
    gradient: sizeOf(shape) < 200,
  };
});

const rows: OpRow[] = [...batchRows, ...fixedRows];

const errors: ErrorRow[] = [
  {
    name: 'batchNorm one value',
    call: () => batchNorm(ones([1, 3]), null, null, { training: true }),
    error: ShapeError,
    message: 'batchNorm: training needs more than 1 value for each channel, got x [1, 3]; use eval() or a larger batch',
  },
  {
    name: 'batchNorm running statistics alone',
    call: () => batchNorm(ones([2, 3]), zeros([3]), null),
    error: ArgumentError,
    message: 'batchNorm: runningMean and runningVar must be given together',
  },
  {
    name: 'batchNorm running statistics',
    call: () => batchNorm(ones([2, 3]), zeros([2]), ones([3])),
    error: ShapeError,
    message: 'batchNorm: runningMean must be [3], got runningMean [2] and x [2, 3]',
  },
  {
    name: 'batchNorm count',
    call: () => batchNorm(ones([2, 3]), zeros([3]), ones([3]), { training: true, momentum: null }),
    error: ArgumentError,
    message: 'batchNorm: numBatchesTracked must be given for momentum null, got none',
  },
  {
    name: 'batchNorm without running statistics',
    // @ts-expect-error: runningMean and runningVar must be given, null for none
    call: () => batchNorm(ones([2, 3]), { training: true }),
    error: ArgumentError,
    message: 'batchNorm: runningMean must be a tensor or null, got undefined',
  },
  {
    name: 'batchNorm option',
    call: () => batchNorm(ones([2, 3]), null, null, { affine: true } as never),
    error: ArgumentError,
    message:
      'batchNorm: unknown option "affine"; known are runningMean, runningVar, weight, bias, training, momentum, eps, numBatchesTracked',
  },
];

testFamily('batchnorm', { rows, errors, fused: withGradient('batchNorm') });

it('batchNorm follows the running statistics without a count, as in PyTorch', () => {
  const [mean, variance] = [zeros([1]), ones([1])];
  batchNorm(tensor([[1], [3]]), mean, variance, { training: true, momentum: 0.5 });
  expect(mean.item()).toBe(1); // half of 2
  expect(variance.item()).toBe(1.5); // half of 1, and of 2
});
