import { ArgumentError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { argsort, sort, topk } from '../../lib/ops/sort.js';
import { checkDim, sizesAround } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

type Pick = 'values' | 'indices';

// The first k of each row along a dimension in the order of PyTorch: NaN is the greatest, equal ones stay in order.
function reference(dim: number, descending: boolean, k: number | null, pick: Pick): (x: Plain) => Plain {
  return (x) => {
    const d = checkDim('reference', dim, x.shape.length);
    const { outer, n, inner } = sizesAround(x.shape, d);
    const count = k ?? n;
    const data = new Array<number>(outer * count * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const at = (j: number): number => x.data[(o * n + j) * inner + i] as number;
        const rank = (v: number): number => (Number.isNaN(v) ? Infinity : v);
        const order = Array.from({ length: n }, (_, j) => j).sort((a, b) => {
          const [u, v] = descending ? [at(b), at(a)] : [at(a), at(b)];
          if (Number.isNaN(u) || Number.isNaN(v)) return Number(Number.isNaN(u)) - Number(Number.isNaN(v)) || a - b;
          return rank(u) < rank(v) ? -1 : rank(u) > rank(v) ? 1 : a - b;
        });
        for (let j = 0; j < count; j++) {
          const from = order[j] as number;
          data[(o * count + j) * inner + i] = pick === 'values' ? at(from) : from;
        }
      }
    }
    return { shape: x.shape.map((size, i) => (i === d ? count : size)), data };
  };
}

const few = (i: number): number => Math.floor(Math.abs(irregular(i)) * 3);
const spoiled = (i: number): number => (i % 5 === 2 ? Number.NaN : i % 7 === 3 ? -Infinity : few(i));
const cases: [number[], number, ((i: number) => number)?][] = [
  [[5], 0],
  [[], -1],
  [[3, 4], -1],
  [[3, 4], 0],
  [[2, 3, 4], 1],
  [[0, 3], -1],
  [[2, 0], -1],
  [[3, 40], -1, few],
  [[100, 3], 0, few],
  [[3, 1000], -1],
  [[3, 21], -1, spoiled],
];

const orders = cases.flatMap(([shape, dim, values]) =>
  [false, true].flatMap((descending): OpRow[] => {
    const gradient = values === undefined && shape.every((n) => n < 10);
    const base = { inputs: [{ shape, values }], gradient };
    const name = `[${shape}] along ${dim}${descending ? ' descending' : ''} ${values?.name ?? ''}`.trim();
    return [
      {
        ...base,
        name: `sort ${name}`,
        run: (x) => sort(x as Tensor, { dim, descending }).values,
        method: (x) => (x as Tensor).sort({ dim, descending }).values,
        reference: reference(dim, descending, null, 'values') as OpRow['reference'],
      },
      {
        ...base,
        name: `argsort ${name}`,
        run: (x) => argsort(x as Tensor, { dim, descending }),
        method: (x) => (x as Tensor).argsort({ dim, descending }),
        reference: reference(dim, descending, null, 'indices') as OpRow['reference'],
        gradient: false,
      },
    ];
  }),
);

const tops = cases.flatMap(([shape, dim, values]) =>
  [true, false].flatMap((largest) => {
    const n = shape.length === 0 ? 1 : (shape.at(dim) as number);
    const gradient = values === undefined && shape.every((size) => size < 10);
    return [...new Set([Math.min(1, n), Math.ceil(n / 3), n])].flatMap((k) =>
      (['values', 'indices'] as const).map(
        (pick): OpRow => ({
          name: `topk ${k} ${pick} of [${shape}] along ${dim} ${largest ? '' : 'smallest'} ${values?.name ?? ''}`.trim(),
          run: (x) => topk(x as Tensor, k, { dim, largest })[pick],
          method: (x) => (x as Tensor).topk(k, { dim, largest })[pick],
          inputs: [{ shape, values }],
          reference: reference(dim, largest, k, pick) as OpRow['reference'],
          gradient: gradient && pick === 'values',
        }),
      ),
    );
  }),
);

const rows: OpRow[] = [
  ...orders,
  ...tops,
  ...(['int32', 'uint8'] as const).map(
    (dtype): OpRow => ({
      name: `sort ${dtype}`,
      run: (x) => sort(x as Tensor).values,
      inputs: [{ shape: [2, 30], values: few, dtype }],
      reference: reference(-1, false, null, 'values') as OpRow['reference'],
      dtypes: ['float64'],
      rtol: { float64: 0 },
      gradient: false,
    }),
  ),
];

const errors: ErrorRow[] = [
  {
    name: 'topk too many',
    call: () => topk(ones([2, 3]), 4),
    error: ArgumentError,
    message: 'topk: k must be at most the size 3 of dimension 1, got 4 and x [2, 3]',
  },
  {
    name: 'topk k',
    call: () => topk(ones([2, 3]), -1),
    error: ArgumentError,
    message: 'topk: k must be an integer of at least 0, got -1',
  },
  {
    name: 'sort dim',
    call: () => sort(ones([2, 3]), { dim: 2 }),
    error: ArgumentError,
    message: 'sort: dim must be an integer in [-2, 1] for a tensor of rank 2, got 2',
  },
  {
    name: 'argsort descending',
    call: () => argsort(ones([2, 3]), { descending: 1 as never }),
    error: ArgumentError,
    message: 'argsort: descending must be a boolean, got 1',
  },
];

testFamily('sort', { rows, errors });
