import { grad } from '../../lib/backward/engine.js';
import type { DType } from '../../lib/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, onesLike, tensor, zeros } from '../../lib/ops/creation.js';
import { maximum, minimum } from '../../lib/ops/elementwise.js';
import * as ops from '../../lib/ops/elementwise-compare.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { broadcastReference, type ErrorRow, mapReference, type OpRow, type Plain } from '../support/harness.js';
import { methodOf, unaryRows } from '../support/special.js';

type Pair = (a: Tensor, b: Tensor) => Tensor;

const dtypes: DType[] = ['float32', 'float64', 'int32', 'uint8'];
const few = (i: number): number => (i * 7) % 4;
const some = (i: number): number => (i * 5) % 3;
const edges = [0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function masks(name: string, run: Pair, reference: (a: number, b: number) => number): OpRow[] {
  const shared = {
    run: run as OpRow['run'],
    method: methodOf(run),
    reference: broadcastReference(reference) as OpRow['reference'],
    dtypes: ['float64'] as DType[],
    gradient: false,
  };
  const pairs: [number[], number[]][] = [
    [[35], [35]],
    [[4, 5], [5]],
    [
      [3, 1],
      [1, 40],
    ],
    [[], [2]],
    [[0], [1]],
  ];
  return [
    ...dtypes.flatMap((dtype) =>
      pairs.map(([a, b]) => ({
        name: `${name} [${a}] [${b}] ${dtype}`,
        inputs: [
          { shape: a, values: few, dtype },
          { shape: b, values: some, dtype },
        ],
        ...shared,
      })),
    ),
    {
      name: `${name} edges`,
      inputs: [
        { shape: [6, 1], values: (i) => edges[i] as number },
        { shape: [6], values: (i) => edges[i] as number },
      ],
      ...shared,
    },
  ];
}

const comparisons = [
  ...masks('eq', ops.eq, (a, b) => Number(a === b)),
  ...masks('ne', ops.ne, (a, b) => Number(a !== b)),
  ...masks('lt', ops.lt, (a, b) => Number(a < b)),
  ...masks('le', ops.le, (a, b) => Number(a <= b)),
  ...masks('gt', ops.gt, (a, b) => Number(a > b)),
  ...masks('ge', ops.ge, (a, b) => Number(a >= b)),
  ...masks('logicalAnd', ops.logicalAnd, (a, b) => Number(a !== 0 && b !== 0)),
  ...masks('logicalOr', ops.logicalOr, (a, b) => Number(a !== 0 || b !== 0)),
  ...masks('logicalXor', ops.logicalXor, (a, b) => Number((a !== 0) !== (b !== 0))),
];

function tests(name: string, run: (x: Tensor) => Tensor, reference: (x: number) => boolean): OpRow[] {
  return dtypes.map((dtype) => ({
    name: `${name} ${dtype}`,
    run,
    method: methodOf(run),
    inputs: [{ shape: [6], values: dtype.startsWith('float') ? (i) => edges[i] as number : few, dtype }],
    reference: mapReference((x) => Number(reference(x))) as OpRow['reference'],
    dtypes: ['float64'],
    gradient: false,
  }));
}

const choose = (c: Plain, a: Plain, b: Plain): Plain => {
  const pair = broadcastReference((p, q) => (p !== 0 ? q : Number.NaN))(c, a);
  const rest = broadcastReference((p, q) => (p !== 0 ? Number.NaN : q))(c, b);
  return broadcastReference((p, q) => (Number.isNaN(p) ? q : p))(pair, rest);
};

const whereRows = (
  [
    [[7], [7], [7]],
    [[50], [50], []],
    [[50], [], [50]],
    [[3, 1], [4], [3, 4]],
    [[1], [2, 3], [3]],
    [[], [], []],
    [[0], [0], [1]],
    [
      [4, 1, 2],
      [3, 1],
      [1, 2],
    ],
  ] as number[][][]
).map(
  ([c, a, b]): OpRow => ({
    name: `where [${c}] [${a}] [${b}]`,
    run: ops.where as OpRow['run'],
    inputs: [
      { shape: c as number[], values: (i) => (i * 3) % 2, dtype: 'uint8' },
      { shape: a as number[] },
      { shape: b as number[], values: (i) => Math.cos(i) },
    ],
    reference: choose as OpRow['reference'],
  }),
);

// The gradient of the first operand.
function slope(f: Pair): OpRow['run'] {
  return (a, b) => {
    a.requiresGrad = true;
    const y = f(a, b as Tensor);
    return (grad([y], [a], { gradOutputs: [onesLike(y)] })[0] as Tensor).detach();
  };
}

function slopeRow(name: string, f: Pair, reference: (a: number, b: number) => number): OpRow {
  return {
    name: `${name} shares the gradient at ties`,
    run: slope(f),
    inputs: [
      { shape: [12], values: few },
      { shape: [12], values: some },
    ],
    reference: broadcastReference(reference) as OpRow['reference'],
    gradient: false,
  };
}

const clampRows = (
  [
    [-1, 0.5],
    [-1, undefined],
    [undefined, 0.5],
    [1, -1],
  ] as [number | undefined, number | undefined][]
).flatMap(([min, max]) =>
  unaryRows({
    name: `clamp ${min} ${max}`,
    run: (x) => ops.clamp(x, { min, max }),
    reference: (x) => {
      const raised = min === undefined || !(x < min) ? x : min;
      return max === undefined || !(raised > max) ? raised : max;
    },
  }),
);

const rows: OpRow[] = [
  ...comparisons,
  ...tests('logicalNot', ops.logicalNot, (x) => x === 0),
  ...tests('isNaN', ops.isnan, Number.isNaN),
  ...tests('isFinite', ops.isfinite, Number.isFinite),
  ...whereRows,
  slopeRow('maximum', maximum, (a, b) => (a > b ? 1 : a === b ? 0.5 : 0)),
  slopeRow('minimum', minimum, (a, b) => (a < b ? 1 : a === b ? 0.5 : 0)),
  ...clampRows,
  {
    ...slopeRow(
      'clamp',
      (a) => ops.clamp(a, { min: 1, max: 2 }),
      (a) => Number(a > 1 && a < 2),
    ),
    name: 'clamp has no gradient at its bounds',
  },
];

const errors: ErrorRow[] = [
  {
    name: 'gt shapes in the order given',
    call: () => ops.gt(ones([2, 3]), ones([4])),
    error: ShapeError,
    message: 'gt: shapes must broadcast, got a [2, 3] and b [4] (3 ≠ 4 in dimension 1)',
  },
  {
    name: 'eq without a tensor',
    call: () => ops.eq(1, 2),
    error: ArgumentError,
    message: 'eq: a or b must be a tensor, got 1 and 2',
  },
  {
    name: 'where condition',
    call: () => ops.where(ones([2]), ones([2]), 0),
    error: DTypeError,
    message: 'where: condition must be uint8, got float32; compare it, as in ne(condition, 0)',
  },
  {
    name: 'where shapes',
    call: () => ops.where(zeros([2], { dtype: 'uint8' }), ones([3]), 0),
    error: ShapeError,
    message: 'where: shapes must broadcast, got condition [2] and a [3] and b [] (2 ≠ 3 in dimension 0)',
  },
  {
    name: 'clamp without bounds',
    call: () => ops.clamp(tensor([1]), {}),
    error: ArgumentError,
    message: 'clamp: min or max must be given, got neither',
  },
  {
    name: 'clamp NaN',
    call: () => ops.clamp(tensor([1]), { min: Number.NaN }),
    error: ArgumentError,
    message: 'clamp: min must be a number, got NaN',
  },
  {
    name: 'clamp unknown option',
    call: () => ops.clamp(tensor([1]), { least: 1 } as never),
    error: ArgumentError,
    message: 'clamp: unknown option "least"; known are min, max',
  },
];

testFamily('compare', { rows, errors, fused: ['clampBackward'], fuses: 6 });
