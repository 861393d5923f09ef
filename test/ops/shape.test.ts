import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import * as ops from '../../lib/ops/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';
import { at, byIndex } from '../support/lookup.js';

function row(name: string, shape: number[], run: (x: Tensor) => Tensor, reference: (x: Plain) => Plain): OpRow {
  return { name: `${name} of [${shape}]`, run, inputs: [{ shape }], reference };
}

const reshapes: [number[], string, unknown[], number[]][] = [
  [[2, 3, 4], 'reshape', [[4, -1]], [4, 6]],
  [[2, 3, 4], 'reshape', [[24]], [24]],
  [[1], 'reshape', [[]], []],
  [[0, 3], 'reshape', [[3, 0, 2]], [3, 0, 2]],
  [[2, 3, 4, 5], 'flatten', [], [120]],
  [[2, 3, 4, 5], 'flatten', [{ startDim: 1, endDim: -2 }], [2, 12, 5]],
  [[], 'flatten', [], [1]],
  [[1, 3, 1], 'squeeze', [], [3]],
  [[1, 3, 1], 'squeeze', [{ dim: -1 }], [1, 3]],
  [[1, 3, 1], 'squeeze', [{ dim: [0, 1] }], [3, 1]],
  [[2, 3], 'unsqueeze', [1], [2, 1, 3]],
  [[2, 3], 'unsqueeze', [-1], [2, 3, 1]],
];

const permutations: [number[], number[]][] = [
  [
    [3, 4],
    [1, 0],
  ],
  [
    [2, 3, 4],
    [2, 0, 1],
  ],
  [
    [2, 3, 4, 5],
    [0, 2, 1, 3],
  ],
  [
    [33, 40],
    [1, 0],
  ],
  [
    [1, 5, 1],
    [1, 2, 0],
  ],
  [
    [0, 3],
    [1, 0],
  ],
  [[], []],
];

const transposes: [number[], number, number][] = [
  [[3, 4], 0, 1],
  [[2, 3, 4], -1, 0],
  [[2, 3, 4], 1, 1],
];

const expansions: [number[], number[], number[]][] = [
  [
    [3, 1],
    [3, 4],
    [3, 4],
  ],
  [
    [3, 1],
    [2, -1, 4],
    [2, 3, 4],
  ],
  [[], [2, 2], [2, 2]],
  [
    [1, 3],
    [0, 3],
    [0, 3],
  ],
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
];

const tiles: [number[], number[], number[]][] = [
  [
    [2, 3],
    [2, 2],
    [4, 6],
  ],
  [[2, 3], [2], [2, 6]],
  [[3], [2, 1, 2], [2, 1, 6]],
  [[2], [0], [0]],
  [[], [3], [3]],
];

const triangles: [number[], number][] = [
  [[4, 4], 0],
  [[3, 5], 1],
  [[5, 3], -2],
  [[2, 3, 3], -9],
  [[2, 2, 3, 4], 9],
  [[0, 3], 0],
];

const call = (name: string, args: unknown[]) => {
  const run = (ops as unknown as Record<string, (x: Tensor, ...rest: unknown[]) => Tensor>)[name];
  return (x: Tensor): Tensor => (run as NonNullable<typeof run>)(x, ...args);
};

const rows: OpRow[] = [
  ...reshapes.map(([from, name, args, shape]) =>
    row(`${name} ${JSON.stringify(args)}`, from, call(name, args), (x) => ({ ...x, shape })),
  ),
  ...permutations.map(([shape, dims]) =>
    row(
      `permute ${dims}`,
      shape,
      (x) => ops.permute(x, dims),
      (x) =>
        byIndex(
          dims.map((d) => shape[d] as number),
          (index) =>
            at(
              x,
              shape.map((_, d) => index[dims.indexOf(d)] as number),
            ),
        ),
    ),
  ),
  ...transposes.map(([shape, dim0, dim1]) =>
    row(
      `transpose ${dim0} ${dim1}`,
      shape,
      (x) => ops.transpose(x, dim0, dim1),
      (x) => {
        const swap = <T>(list: T[]): T[] => {
          const copy = list.slice();
          [copy[dim0 < 0 ? dim0 + list.length : dim0], copy[dim1]] = [list.at(dim1) as T, list.at(dim0) as T];
          return copy;
        };
        return byIndex(swap(shape), (index) => at(x, swap(index)));
      },
    ),
  ),
  ...expansions.map(([shape, target, result]) =>
    row(
      `expand ${target}`,
      shape,
      (x) => ops.expand(x, target),
      (x) =>
        byIndex(result, (index) =>
          at(
            x,
            shape.map((n, d) => (n === 1 ? 0 : (index[d + result.length - shape.length] as number))),
          ),
        ),
    ),
  ),
  ...tiles.map(([shape, repeats, result]) =>
    row(
      `tile ${repeats}`,
      shape,
      (x) => ops.tile(x, repeats),
      (x) =>
        byIndex(result, (index) =>
          at(
            x,
            shape.map((n, d) => (index[d + result.length - shape.length] as number) % n),
          ),
        ),
    ),
  ),
  ...[0, -1, [0, 2]].map((dim) =>
    row(
      `flip ${dim}`,
      [2, 3, 5],
      (x) => ops.flip(x, ...([dim] as [number])),
      (x) =>
        byIndex([2, 3, 5], (index) =>
          at(
            x,
            index.map((i, d) => ([dim].flat().some((k) => (k + 3) % 3 === d) ? ([2, 3, 5][d] as number) - 1 - i : i)),
          ),
        ),
    ),
  ),
  row(
    'flip of a scalar',
    [],
    (x) => ops.flip(x, 0),
    (x) => x,
  ),
  ...triangles.flatMap(([shape, diagonal]) =>
    (
      [
        ['tril', ops.tril],
        ['triu', ops.triu],
      ] as const
    ).map(([name, run]) =>
      row(
        `${name} ${diagonal}`,
        shape,
        (x) => run(x, { diagonal }),
        (x) =>
          byIndex(shape, (index) => {
            const offset = (index.at(-1) as number) - (index.at(-2) as number);
            return (name === 'tril' ? offset <= diagonal : offset >= diagonal) ? at(x, index) : 0;
          }),
      ),
    ),
  ),
];

const errors: ErrorRow[] = [
  {
    name: 'reshape size',
    call: () => ops.reshape(ones([2, 3]), [4]),
    error: ShapeError,
    message: 'reshape: shape must have as many elements as x, got x [2, 3] and shape [4] (6 ≠ 4)',
  },
  {
    name: 'reshape -1',
    call: () => ops.reshape(ones([2, 3]), [-1, 4]),
    error: ShapeError,
    message: 'reshape: shape must have as many elements as x, got x [2, 3] and shape [-1, 4] (6 is no multiple of 4)',
  },
  {
    name: 'reshape two open sizes',
    call: () => ops.reshape(ones([4]), [-1, -1]),
    error: ArgumentError,
    message: 'reshape: only one size may be -1, got [-1, -1]',
  },
  {
    name: 'reshape no array',
    call: () => ops.reshape(ones([4]), '4' as never),
    error: ArgumentError,
    message: 'reshape: shape must be an array of integers of at least -1, got "4"',
  },
  {
    name: 'flatten order',
    call: () => ops.flatten(ones([2, 3]), { startDim: 1, endDim: 0 }),
    error: ArgumentError,
    message: 'flatten: startDim must not come after endDim, got 1 and 0',
  },
  {
    name: 'squeeze option',
    call: () => ops.squeeze(ones([1]), { dims: 0 } as never),
    error: ArgumentError,
    message: 'squeeze: unknown option "dims"; use dim',
  },
  {
    name: 'permute twice',
    call: () => ops.permute(ones([2, 3]), [0, 0]),
    error: ArgumentError,
    message: 'permute: dims must name each dimension of x [2, 3] once, got [0, 0]',
  },
  {
    name: 'transpose dim',
    call: () => ops.transpose(ones([2, 3]), 0, 2),
    error: ArgumentError,
    message: 'transpose: dim must be an integer in [-2, 1] for a tensor of rank 2, got 2',
  },
  {
    name: 'expand',
    call: () => ops.expand(ones([2, 3]), [4, 3]),
    error: ShapeError,
    message: 'expand: only sizes of 1 and new leading dimensions stretch, got x [2, 3] and shape [4, 3]',
  },
  {
    name: 'flip twice',
    call: () => ops.flip(ones([2, 3]), 0, -2),
    error: ArgumentError,
    message: 'flip: dims must name each dimension once, got [0, -2]',
  },
  {
    name: 'tril rank',
    call: () => ops.tril(ones([2])),
    error: ShapeError,
    message: 'tril: x must have at least two dimensions, got x [2]',
  },
  {
    name: 'triu diagonal',
    call: () => ops.triu(zeros([2, 2]), { diagonal: 0.5 }),
    error: ArgumentError,
    message: 'triu: diagonal must be an integer, got 0.5',
  },
  {
    name: 'no tensor',
    call: () => ops.reshape([1] as unknown as Tensor, [1]),
    error: ArgumentError,
    message: 'reshape: x must be a tensor, got [1]',
  },
];

testFamily('shape', { rows, errors });
