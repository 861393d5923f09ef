import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { type PadMode, pad } from '../../lib/ops/padding.js';
import * as ops from '../../lib/ops/shape-slice.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';
import { at, byIndex } from '../support/lookup.js';

const slices: [number[], { dim?: number; start?: number; end?: number; step?: number }, number[]][] = [
  [[5, 3], {}, [0, 1, 2, 3, 4]],
  [[5, 3], { start: 1, end: 3 }, [1, 2]],
  [[5, 3], { start: -2 }, [3, 4]],
  [[5, 3], { start: -9, end: 9, step: 2 }, [0, 2, 4]],
  [[5, 3], { start: 3, end: 1 }, []],
  [[3, 5], { dim: 1, start: 1, end: -1 }, [1, 2, 3]],
  [[3, 5], { dim: -1, start: 1, step: 3 }, [1, 4]],
  [[2, 7, 3], { dim: 1, start: 2, end: 6 }, [2, 3, 4, 5]],
  [[4, 0], { start: 1 }, [1, 2, 3]],
];

const pads: [number[], number[], number | undefined][] = [
  [[3], [1, 2], undefined],
  [[2, 3], [0, 1, 2, 0], 7],
  [[2, 3], [0, 0], -1],
  [[1, 2, 3], [1, 1, 0, 0, 0, 2], undefined],
  [[0, 2], [1, 1, 1, 1], 2],
  [[2], [], undefined],
  [[4, 5], [-2, 1, 3, -1], 7],
  [[2, 4, 2], [-1, 0, -2, -2], undefined],
];

const borrowed: [PadMode, number[], number[]][] = (['reflect', 'replicate', 'circular'] as const).flatMap(
  (mode): [PadMode, number[], number[]][] => [
    [mode, [5], [2, 3]],
    [mode, [2, 3, 4], [1, 0, 2, 2]],
    [mode, [3, 3, 3, 2], [1, 1, 0, 2, 2, 1]],
    [mode, [4, 5], [-2, 1, 3, -1]],
  ],
);

const joins: [number[][], number][] = [
  [
    [
      [2, 3],
      [1, 3],
      [4, 3],
    ],
    0,
  ],
  [
    [
      [2, 3],
      [2, 1],
    ],
    1,
  ],
  [
    [
      [2, 3, 2],
      [2, 2, 2],
    ],
    -2,
  ],
  [
    [
      [0, 3],
      [2, 3],
      [0, 3],
    ],
    0,
  ],
  [[[5]], 0],
];

function reversedPair(padding: number[], rank: number, dim: number): [number, number] {
  const k = 2 * (rank - 1 - dim);
  return [padding[k] ?? 0, padding[k + 1] ?? 0];
}

function joinReference(dim: number): (...parts: Plain[]) => Plain {
  return (...parts) => {
    const first = parts[0] as Plain;
    const d = dim < 0 ? dim + first.shape.length : dim;
    const shape = first.shape.slice();
    shape[d] = parts.reduce((sum, p) => sum + (p.shape[d] as number), 0);
    return byIndex(shape, (index) => {
      let i = index[d] as number;
      let k = 0;
      while (i >= (parts[k]?.shape[d] as number)) i -= parts[k++]?.shape[d] as number;
      return at(
        parts[k] as Plain,
        index.map((n, e) => (e === d ? i : n)),
      );
    });
  };
}

const parts =
  (run: (x: Tensor) => Tensor[], pick: number): ((x: Tensor) => Tensor) =>
  (x) =>
    run(x)[pick] as Tensor;

function range(shape: number[], dim: number, from: number, to: number): (x: Plain) => Plain {
  return (x) =>
    byIndex(
      shape.map((n, d) => (d === dim ? to - from : n)),
      (index) =>
        at(
          x,
          index.map((i, d) => (d === dim ? i + from : i)),
        ),
    );
}

const rows: OpRow[] = [
  ...slices.map(([shape, options, kept]): OpRow => {
    const dim = ((options.dim ?? 0) + shape.length) % shape.length;
    return {
      name: `slice ${JSON.stringify(options)} of [${shape}]`,
      run: (x) => ops.slice(x, options),
      inputs: [{ shape }],
      reference: (x) =>
        byIndex(
          shape.map((n, d) => (d === dim ? kept.length : n)),
          (index) =>
            at(
              x,
              index.map((i, d) => (d === dim ? (kept[i] as number) : i)),
            ),
        ),
    };
  }),
  ...pads.map(
    ([shape, padding, value]): OpRow => ({
      name: `pad ${padding} of [${shape}]`,
      run: (x) => pad(x, padding, 'constant', value),
      inputs: [{ shape }],
      reference: (x) =>
        byIndex(
          shape.map(
            (n, d) => n + reversedPair(padding, shape.length, d)[0] + reversedPair(padding, shape.length, d)[1],
          ),
          (index) => {
            const inside = index.map((i, d) => i - reversedPair(padding, shape.length, d)[0]);
            return inside.every((i, d) => i >= 0 && i < (shape[d] as number)) ? at(x, inside) : (value ?? 0);
          },
        ),
    }),
  ),
  ...borrowed.map(
    ([mode, shape, padding]): OpRow => ({
      name: `pad ${mode} ${padding} of [${shape}]`,
      run: (x) => pad(x, padding, mode),
      method: (x) => x.pad({ pad: padding, mode }),
      inputs: [{ shape }],
      reference: (x) => {
        const pairs = shape.map((_, d) => reversedPair(padding, shape.length, d));
        const sizes = shape.map((n, d) => n + pairs[d]![0] + pairs[d]![1]);
        const source = (i: number, n: number): number => {
          if (mode === 'replicate') return Math.min(Math.max(i, 0), n - 1);
          if (mode === 'circular') return ((i % n) + n) % n;
          const turn = Math.abs(i); // there and back again
          return turn < n ? turn : 2 * (n - 1) - turn;
        };
        return byIndex(sizes, (index) =>
          at(
            x,
            index.map((i, d) => source(i - pairs[d]![0], shape[d] as number)),
          ),
        );
      },
    }),
  ),
  ...joins.map(
    ([shapes, dim]): OpRow => ({
      name: `concat dim ${dim} of ${JSON.stringify(shapes)}`,
      run: (...tensors) => ops.cat(tensors, { dim }),
      inputs: shapes.map((shape, k) => ({ shape, values: (i) => Math.sin(i + 10 * k) })),
      reference: joinReference(dim),
    }),
  ),
  ...[0, 1, -1].map(
    (dim): OpRow => ({
      name: `stack dim ${dim}`,
      run: (...tensors) => ops.stack(tensors, { dim }),
      inputs: [1, 2, 3].map((k) => ({ shape: [2, 3], values: (i) => Math.cos(i + 10 * k) })),
      reference: (...tensors) => {
        const d = dim < 0 ? dim + 3 : dim;
        const shape = [2, 3];
        shape.splice(d, 0, 3);
        return byIndex(shape, (index) =>
          at(
            tensors[index[d] as number] as Plain,
            index.filter((_, e) => e !== d),
          ),
        );
      },
    }),
  ),
  {
    name: 'concat of one tensor twice',
    run: (x) => ops.cat([x, x]),
    inputs: [{ shape: [2, 2] }],
    reference: (x) => joinReference(0)(x, x),
  },
  {
    name: 'split by 2, last',
    run: parts((x) => ops.split(x, 2), 2),
    inputs: [{ shape: [5, 2] }],
    reference: range([5, 2], 0, 4, 5),
  },
  {
    name: 'split sizes',
    run: parts((x) => ops.split(x, [1, 0, 3], { dim: 1 }), 2),
    inputs: [{ shape: [2, 4] }],
    reference: range([2, 4], 1, 1, 4),
  },
  { name: 'chunk', run: parts((x) => ops.chunk(x, 3), 1), inputs: [{ shape: [7] }], reference: range([7], 0, 3, 6) },
  {
    name: 'chunk, fewer parts',
    run: parts((x) => ops.chunk(x, 4), 2),
    inputs: [{ shape: [5] }],
    reference: range([5], 0, 4, 5),
  },
];

const errors: ErrorRow[] = [
  {
    name: 'slice of a scalar',
    call: () => ops.slice(ones([])),
    error: ShapeError,
    message: 'slice: x must have at least one dimension, got a scalar; use reshape([1])',
  },
  {
    name: 'slice step',
    call: () => ops.slice(ones([3]), { step: 0 }),
    error: ArgumentError,
    message: 'slice: step must be an integer of at least 1, got 0',
  },
  {
    name: 'slice start',
    call: () => ops.slice(ones([3]), { start: 0.5 }),
    error: ArgumentError,
    message: 'slice: start must be an integer, got 0.5',
  },
  {
    name: 'split sizes',
    call: () => ops.split(ones([4, 2]), [1, 2]),
    error: ShapeError,
    message: 'split: sizes must add up to 4, the size of dimension 0, got [1, 2] (3)',
  },
  {
    name: 'split size',
    call: () => ops.split(ones([4, 2]), 0),
    error: ArgumentError,
    message: 'split: size must be an integer of at least 1, got 0',
  },
  {
    name: 'chunk chunks',
    call: () => ops.chunk(ones([4]), Number.NaN),
    error: ArgumentError,
    message: 'chunk: chunks must be an integer of at least 1, got NaN',
  },
  {
    name: 'concat shapes',
    call: () => ops.cat([ones([2, 3]), ones([2, 4])]),
    error: ShapeError,
    message: 'cat: shapes must be the same but for dimension 0, got tensors[0] [2, 3] and tensors[1] [2, 4]',
  },
  {
    name: 'concat dtypes',
    call: () => ops.cat([ones([2]), ones([2], { dtype: 'int32' })]),
    error: DTypeError,
    message: 'cat: dtypes must match, got tensors[0] float32 and tensors[1] int32; convert one by to(dtype)',
  },
  {
    name: 'concat of nothing',
    call: () => ops.cat([]),
    error: ArgumentError,
    message: 'cat: tensors must be an array of at least one tensor, got []',
  },
  {
    name: 'concat scalars',
    call: () => ops.cat([ones([])]),
    error: ShapeError,
    message: 'cat: tensors must have at least one dimension, got scalars; use stack',
  },
  {
    name: 'stack shapes',
    call: () => ops.stack([ones([2]), ones([3])]),
    error: ShapeError,
    message: 'stack: shapes must be the same, got tensors[0] [2] and tensors[1] [3]',
  },
  {
    name: 'pad pairs',
    call: () => pad(ones([2]), [1]),
    error: ArgumentError,
    message: 'pad: pad must be pairs (before, after) for at most 1 dimensions, got [1]',
  },
  {
    name: 'pad cuts off too much',
    call: () => pad(ones([4, 2]), [-1, -2]),
    error: ShapeError,
    message: 'pad: pad must not cut off more than there is, got x [4, 2] and [-1, -2] for dimension 1',
  },
  {
    name: 'pad reflect',
    call: () => pad(ones([2, 3]), [3, 0], 'reflect'),
    error: ShapeError,
    message: 'pad: padding must be at most 2 for mode reflect, got 3 and x [2, 3] (dimension 1 3)',
  },
  {
    name: 'pad mode',
    call: () => pad(ones([2]), [1, 1], 'symmetric' as never),
    error: ArgumentError,
    message: 'pad: mode must be constant, reflect, replicate or circular, got "symmetric"',
  },
  {
    name: 'pad value of another mode',
    call: () => pad(ones([2]), [1, 1], 'reflect', 2),
    error: ArgumentError,
    message: 'pad: value is for mode constant, got 2 and mode reflect',
  },
  {
    name: 'pad value',
    call: () => pad(ones([2], { dtype: 'uint8' }), [1, 1], { value: 256 }),
    error: ArgumentError,
    message: "pad: value must be an integer that uint8 holds, got 256; convert the tensor by to('float32')",
  },
];

testFamily('slice', { rows, errors });
