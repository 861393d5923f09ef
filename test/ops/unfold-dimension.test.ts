import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { unfold } from '../../lib/ops/unfold-dimension.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';

function windows(dim: number, size: number, step: number): (x: Plain) => Plain {
  return (x) => {
    const n = x.shape[dim] as number;
    const inner = x.shape.slice(dim + 1).reduce((a, b) => a * b, 1);
    const count = Math.floor((n - size) / step) + 1;
    const data: number[] = [];
    for (let o = 0; o < x.data.length / (n * inner || 1); o++)
      for (let w = 0; w < count; w++)
        for (let i = 0; i < inner; i++)
          for (let j = 0; j < size; j++) data.push(x.data[(o * n + w * step + j) * inner + i] as number);
    return { shape: [...x.shape.slice(0, dim), count, ...x.shape.slice(dim + 1), size], data };
  };
}

const rows = (
  [
    [[7], 0, 3, 2],
    [[5, 4], 0, 2, 1],
    [[2, 6, 3], 1, 4, 2],
    [[2, 6], -1, 6, 9],
    [[3, 2], 0, 0, 1],
    [[0, 4], 1, 2, 2],
  ] as [number[], number, number, number][]
).map(
  ([shape, dim, size, step]): OpRow => ({
    name: `unfold of [${shape}] along ${dim} by ${size}, step ${step}`,
    run: (x) => unfold(x as Tensor, { dimension: dim, size, step }),
    method: (x) => (x as Tensor).unfold(dim, size, step),
    inputs: [{ shape }],
    reference: windows(dim < 0 ? dim + shape.length : dim, size, step) as OpRow['reference'],
    gradient: !shape.includes(0) && size > 0,
  }),
);

const errors: ErrorRow[] = [
  {
    name: 'unfold size',
    call: () => unfold(ones([2, 4]), 1, 5, 1),
    error: ShapeError,
    message: 'unfold: size must be at most 4, that of dimension 1, got 5 and x [2, 4]',
  },
  {
    name: 'unfold scalar',
    call: () => unfold(tensor(1), 0, 1, 1),
    error: ShapeError,
    message: 'unfold: x must have at least one dimension, got a scalar; use reshape([1])',
  },
  {
    name: 'unfold step',
    call: () => unfold(ones([4]), 0, 1, 0),
    error: ArgumentError,
    message: 'unfold: step must be an integer of at least 1, got 0',
  },
];

testFamily('unfold along a dimension', { rows, errors });
