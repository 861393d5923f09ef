import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import * as ops from '../../lib/ops/indexing.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';
import { at, byIndex } from '../support/lookup.js';

const indices = (shape: number[], n: number): InputSpec => ({
  shape,
  dtype: 'int32',
  values: (i) => (7 * i + (i >> 2)) % n,
});
const mask = (shape: number[]): InputSpec => ({
  shape,
  dtype: 'uint8',
  values: (i) => (i % 3 === 0 ? 1 + (i % 2) : 0),
});
const replace = (index: number[], dim: number, i: number): number[] => index.map((k, d) => (d === dim ? i : k));

function scatterReference(dim: number): (x: Plain, index: Plain, source: Plain) => Plain {
  return (x, index, source) => {
    const data = x.data.slice();
    const magnitude = x.data.map(Math.abs);
    byIndex(index.shape, (place) => {
      const target = replace(place, dim, at(index, place));
      const k = target.reduce((offset, i, d) => offset * (x.shape[d] as number) + i, 0);
      data[k] = (data[k] as number) + at(source, place);
      magnitude[k] = (magnitude[k] as number) + Math.abs(at(source, place));
      return 0;
    });
    return { shape: x.shape, data, magnitude };
  };
}

const selections: [number[], number, number][] = [
  [[4, 3], 0, 6],
  [[2, 5, 3], 1, 4],
  [[3, 4], -1, 1],
  [[3, 40], 0, 9],
  [[4, 3], 0, 0],
  [[0, 3], 1, 2],
];

// x, index, source, dim
const scatters: [number[], number[], number[], number][] = [
  [[4, 3], [6, 3], [6, 3], 0],
  [[3, 5], [3, 2], [3, 2], 1],
  [[2, 3, 4], [2, 5, 4], [2, 5, 4], 1],
  [[5], [9], [9], 0],
  [[4, 3], [2, 2], [5, 3], 0],
  [[4, 3, 2], [3, 3, 1], [3, 4, 2], 1],
  [[4, 3], [0, 3], [2, 3], 0],
];

const rows: OpRow[] = [
  ...selections.map(([shape, dim, m]): OpRow => {
    const d = dim < 0 ? dim + shape.length : dim;
    return {
      name: `indexSelect ${m} in dim ${dim} of [${shape}]`,
      run: (x, index) => ops.indexSelect(x, dim, index as Tensor),
      inputs: [{ shape }, indices([m], Math.max(shape[d] as number, 1))],
      reference: (x, index) =>
        byIndex(replace(shape, d, m), (place) => at(x, replace(place, d, at(index as Plain, [place[d] as number])))),
    };
  }),
  ...scatters.map(
    ([shape, from, , dim]): OpRow => ({
      name: `gather [${from}] in dim ${dim} of [${shape}]`,
      run: (x, index) => ops.gather(x, dim, index as Tensor),
      inputs: [{ shape }, indices(from, shape[dim] as number)],
      reference: (x, index) => byIndex(from, (place) => at(x, replace(place, dim, at(index as Plain, place)))),
    }),
  ),
  ...scatters.map(
    ([shape, from, source, dim]): OpRow => ({
      name: `scatterAdd [${from}] of [${source}] in dim ${dim} of [${shape}]`,
      run: (x, index, s) => ops.scatterAdd(x, dim, index as Tensor, s as Tensor),
      inputs: [{ shape }, indices(from, shape[dim] as number), { shape: source, values: (i) => irregular(i + 50) }],
      reference: scatterReference(dim) as OpRow['reference'],
    }),
  ),
  ...(
    [
      [
        [2, 3],
        [2, 3],
      ],
      [[2, 3], [3]],
      [
        [2, 3],
        [2, 1],
      ],
      [[4], []],
      [[0, 3], [3]],
      [[37], [37]],
    ] as [number[], number[]][]
  ).map(
    ([shape, covered]): OpRow => ({
      name: `maskedFill [${covered}] of [${shape}]`,
      run: (x, m) => ops.maskedFill(x, m as Tensor, -3.5),
      inputs: [{ shape }, mask(covered)],
      reference: (x, m) =>
        byIndex(shape, (index) => {
          const place = covered.map((n, d) => (n === 1 ? 0 : (index[d + shape.length - covered.length] as number)));
          return at(m as Plain, place) ? -3.5 : at(x, index);
        }),
    }),
  ),
  ...(
    [
      [[5], 7],
      [[2, 3], 4],
      [[], 3],
      [[0], 3],
    ] as [number[], number][]
  ).map(
    ([shape, numClasses]): OpRow => ({
      name: `oneHot ${numClasses} of [${shape}]`,
      run: (index) => ops.oneHot(index, { numClasses }),
      inputs: [indices(shape, numClasses)],
      reference: (index) =>
        byIndex([...shape, numClasses], (place) => (at(index, place.slice(0, -1)) === place.at(-1) ? 1 : 0)),
      gradient: false,
    }),
  ),
  {
    name: 'oneHot, number of classes from the index',
    run: (index) => ops.oneHot(index, { dtype: 'float32' }),
    inputs: [{ shape: [2], dtype: 'int32', values: (i) => 2 * i }],
    reference: () => ({ shape: [2, 3], data: [1, 0, 0, 0, 0, 1] }),
    gradient: false,
  },
];

const int = (values: number[]): Tensor => tensor(Int32Array.from(values));

const errors: ErrorRow[] = [
  {
    name: 'indexSelect range',
    call: () => ops.indexSelect(ones([3, 2]), 0, int([0, 3])),
    error: ArgumentError,
    message: 'indexSelect: indices must be at least 0 and below 3, got 3 (element 1)',
  },
  {
    name: 'indexSelect negative',
    call: () => ops.indexSelect(ones([3, 2]), 0, int([-1])),
    error: ArgumentError,
    message:
      'indexSelect: indices must be at least 0 and below 3, got -1 (element 0); negative indices do not count from the end',
  },
  {
    name: 'indexSelect dtype',
    call: () => ops.indexSelect(ones([3]), 0, ones([1])),
    error: DTypeError,
    message: "indexSelect: index must be int32, got float32; convert it by index.to('int32')",
  },
  {
    name: 'indexSelect rank',
    call: () => ops.indexSelect(ones([3]), 0, ones([1, 2], { dtype: 'int32' })),
    error: ShapeError,
    message: 'indexSelect: index must have one dimension, got [1, 2]; use gather for several',
  },
  // PyTorch requires it: a default would give wrong values silently.
  ...[
    // @ts-expect-error
    () => ops.indexSelect(ones([3, 2]), int([0])),
    // @ts-expect-error
    () => ops.gather(ones([3, 2]), ones([3, 1], { dtype: 'int32' })),
    // @ts-expect-error
    () => ops.scatterAdd(ones([3, 2]), ones([3, 1], { dtype: 'int32' }), ones([3, 1])),
    // @ts-expect-error
    () => ops.gather(ones([3, 2]), ones([3, 1], { dtype: 'int32' }), {}),
  ].map((call, i): ErrorRow => {
    const name = ['indexSelect', 'gather', 'scatterAdd', 'gather'][i] as string;
    return {
      name: `${name} without dim ${i}`,
      call,
      error: ArgumentError,
      message: `${name}: dim must come first, got a tensor; x.${name}(dim, ${name === 'scatterAdd' ? 'index, src' : 'index'})`,
    };
  }),
  {
    name: 'gather shape',
    call: () => ops.gather(ones([2, 3]), 1, ones([3, 1], { dtype: 'int32' })),
    error: ShapeError,
    message: "gather: index must have x's rank and outside dimension 1 no larger sizes, got x [2, 3] and index [3, 1]",
  },
  {
    name: 'gather range',
    call: () => ops.gather(ones([2, 3]), 1, tensor([[0], [5]], { dtype: 'int32' })),
    error: ArgumentError,
    message: 'gather: indices must be at least 0 and below 3, got 5 (element 1)',
  },
  {
    name: 'scatterAdd shape',
    call: () => ops.scatterAdd(ones([2]), 0, int([0, 1]), ones([1])),
    error: ShapeError,
    message:
      "scatterAdd: index must have the rank of x and src and no larger sizes (of x's outside dimension 0), got x [2], index [2] and src [1]",
  },
  {
    name: 'scatterAdd dtype',
    call: () => ops.scatterAdd(ones([2]), 0, int([0]), ones([1], { dtype: 'float64' })),
    error: DTypeError,
    message: 'scatterAdd: dtypes must match, got x float32 and src float64; convert one by to(dtype)',
  },
  {
    name: 'scatterAdd range',
    call: () => ops.scatterAdd(ones([2]), 0, int([2]), ones([1])),
    error: ArgumentError,
    message: 'scatterAdd: indices must be at least 0 and below 2, got 2 (element 0)',
  },
  {
    name: 'maskedFill dtype',
    call: () => ops.maskedFill(ones([2]), ones([2]), 0),
    error: DTypeError,
    message: 'maskedFill: mask must be uint8, got float32; comparisons give such masks',
  },
  {
    name: 'maskedFill shape',
    call: () => ops.maskedFill(ones([2, 3]), ones([2], { dtype: 'uint8' }), 0),
    error: ShapeError,
    message: 'maskedFill: mask must broadcast to x, got x [2, 3] and mask [2]',
  },
  {
    name: 'oneHot range',
    call: () => ops.oneHot(int([0, 4]), { numClasses: 4 }),
    error: ArgumentError,
    message: 'oneHot: indices must be at least 0 and below 4, got 4 (element 1)',
  },
  {
    name: 'oneHot of nothing',
    call: () => ops.oneHot(int([])),
    error: ArgumentError,
    message: 'oneHot: numClasses must be given for an empty index',
  },
];

testFamily('indexing', { rows, errors, refused: /^oneHot, number/ });
