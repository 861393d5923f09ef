import { ArgumentError, DTypeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { all, any, cumsum, mean, prod, sum } from '../../lib/ops/reduce.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import {
  absolute,
  atMost,
  average,
  byte,
  type Fold,
  fixed,
  folded,
  folds,
  integer,
  special,
  total,
} from '../support/folds.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

const product: Fold = (v) => v.reduce((p, x) => p * x, 1);
const small = (i: number): number => 1 + irregular(i) / 20; // products of many stay in range
const withZeros = (i: number): number => (i % 5 === 0 || i === 1 ? 0 : irregular(i));
const truth = { values: (i: number) => (i % 3 ? 0 : irregular(i)), gradient: false } as const;

function cumulated(dim: number): (x: Plain) => Plain {
  return (x) => {
    const step = sizeOf(x.shape.slice(dim + 1));
    const n = x.shape[dim] ?? 1;
    const run = (f: (v: number) => number): number[] => {
      const data = x.data.map(f);
      data.forEach((_, i) => {
        if (Math.floor(i / step) % n > 0) data[i] = (data[i] as number) + (data[i - step] as number);
      });
      return data;
    };
    return { shape: x.shape, data: run((v) => v), magnitude: run(Math.abs) };
  };
}

function cumulative(shape: number[], dim: number, gradient: boolean): OpRow {
  return {
    name: `cumsum of [${shape}] along ${dim}`,
    run: (x) => cumsum(x as Tensor, { dim }),
    inputs: [{ shape }],
    reference: cumulated(dim) as OpRow['reference'],
    gradient,
  };
}

const rows: OpRow[] = [
  ...folds('sum', sum as never, total, { magnitude: absolute }),
  ...folds('mean', mean as never, average, { magnitude: (v) => absolute(v) / v.length }),
  ...folds('prod', prod as never, product, { values: small }).filter(atMost(2000)),
  ...folds('prod with zeros', prod as never, product, { values: withZeros }).filter(atMost(2000)),
  ...folds('any', any as never, (v) => Number(v.some((x) => x !== 0)), truth),
  ...folds('all', all as never, (v) => Number(v.every((x) => x !== 0)), truth),
  cumulative([7], 0, true),
  cumulative([2, 3, 4], 1, true),
  cumulative([3, 0], 1, false),
  cumulative([3, 700], 0, false),
  cumulative([20_000], 0, false),
  fixed(
    'sum int32',
    (x) => sum(x as Tensor, { dim: 0 }),
    { shape: [50, 3], values: integer, dtype: 'int32' },
    folded(total, { dim: 0 }),
  ),
  fixed(
    'sum uint8',
    (x) => sum(x as Tensor, { dim: [0, 2] }),
    { shape: [9, 2, 30], values: byte, dtype: 'uint8' },
    folded(total, { dim: [0, 2] }),
  ),
  fixed('prod int32', (x) => prod(x as Tensor), { shape: [6], values: (i) => i - 7, dtype: 'int32' }, folded(product)),
  fixed(
    'cumsum uint8',
    (x) => cumsum(x as Tensor, { dim: 0 }),
    { shape: [40, 2], values: byte, dtype: 'uint8' },
    cumulated(0),
  ),
  fixed(
    'any NaN',
    (x) => any(x as Tensor),
    { shape: [3], values: (i) => (i === 1 ? Number.NaN : 0) },
    folded(() => 1),
  ),
  fixed('sum specials', (x) => sum(x as Tensor), { shape: [6], values: special }, folded(total)),
];

const errors: ErrorRow[] = [
  {
    name: 'a number in place of the options',
    call: () => sum(ones([2]), 0, 1 as never),
    error: ArgumentError,
    message: 'sum: keepDim must be a boolean, got 1',
  },
  {
    name: 'a dimension twice',
    call: () => mean(ones([2]), 0, { dim: 0 } as never),
    error: ArgumentError,
    message: 'mean: dim must be given once, got 0 by position and 0 in the options',
  },
  {
    name: 'something after the options',
    call: () => mean(...([ones([2]), 0, { keepDim: true }, 1] as never as [Tensor])),
    error: ArgumentError,
    message: 'mean: nothing may follow the options, got 1',
  },
  {
    name: 'a tensor in place of a dimension',
    call: () => sum(ones([2]), ones([2]) as never),
    error: ArgumentError,
    message: 'sum: dim must be an integer in [-1, 0] for a tensor of rank 1, got a tensor',
  },
  {
    name: 'a promise in place of the options',
    call: () => sum(ones([2]), 0, Promise.resolve({ keepDim: true }) as never),
    error: ArgumentError,
    message: 'sum: keepDim must be a boolean, got an object of class Promise',
  },
  {
    name: 'unknown option',
    call: () => sum(ones([2]), { axis: 0 } as never),
    error: ArgumentError,
    message: 'sum: unknown option "axis"; use dim',
  },
  {
    name: 'dim out of range',
    call: () => mean(ones([2, 3]), { dim: 2 }),
    error: ArgumentError,
    message: 'mean: dim must be an integer in [-2, 1] for a tensor of rank 2, got 2',
  },
  {
    name: 'dim twice',
    call: () => sum(ones([2, 3]), { dim: [0, -2] }),
    error: ArgumentError,
    message: 'sum: dim must name each dimension once, got [0, -2]',
  },
  {
    name: 'no dim',
    call: () => prod(ones([2, 3]), { dim: [] }),
    error: ArgumentError,
    message: 'prod: dim must name at least one dimension, got []',
  },
  {
    name: 'keepDim',
    call: () => any(ones([2]), { keepDim: 1 as never }),
    error: ArgumentError,
    message: 'any: keepDim must be a boolean, got 1',
  },
  {
    name: 'no tensor',
    call: () => all([1] as never),
    error: ArgumentError,
    message: 'all: x must be a tensor, got [1]',
  },
  {
    name: 'mean of integers',
    call: () => mean(ones([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "mean: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'cumsum without dim',
    // @ts-expect-error
    call: () => cumsum(ones([2])),
    error: ArgumentError,
    message: 'cumsum: dim must be an integer in [-1, 0] for a tensor of rank 1, got undefined',
  },
];

testFamily('reduce', { rows, errors, fused: ['prodBackward'] });
