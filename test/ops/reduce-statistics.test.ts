import { ArgumentError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import type { ReduceOptions } from '../../lib/ops/reduce.js';
import { logsumexp, norm, std, var as variance } from '../../lib/ops/reduce-statistics.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { atMost, average, type Fold, fixed, folded, folds, largest, smallest, total } from '../support/folds.js';
import type { ErrorRow, OpRow } from '../support/harness.js';

const scatterOf =
  (correction: number): Fold =>
  (v) => {
    const center = average(v);
    return total(v.map((x) => (x - center) ** 2)) / Math.max(0, v.length - correction);
  };
const logSum: Fold = (v) => {
  const most = v.reduce((m, x) => Math.max(m, x), -Infinity);
  return Math.abs(most) === Infinity ? most : most + Math.log(total(v.map((x) => Math.exp(x - most))));
};

function normOf(p: number): Fold {
  if (p === Infinity) return (v) => largest(v.map(Math.abs));
  if (p === -Infinity) return (v) => smallest(v.map(Math.abs));
  if (p === 0) return (v) => v.filter((x) => x !== 0).length;
  return (v) => total(v.map((x) => Math.abs(x) ** p)) ** (1 / p);
}

// The variance of one element is NaN, and so is its gradient.
const varied = (row: OpRow) =>
  row.gradient === false || ![[], [5, 1]].some((s) => sizeOf(s) === sizeOf(row.inputs[0]?.shape ?? []));

// Over all dimensions where none is given, which logsumexp itself does not allow.
const logsumexpOf = (x: Tensor, options?: ReduceOptions): Tensor =>
  logsumexp(x, { dim: x.rank === 0 ? 0 : x.shape.map((_, i) => i), ...options });

const rows: OpRow[] = [
  ...folds('var', variance as never, scatterOf(1)).filter(varied),
  ...folds('var', variance as never, scatterOf(0), { options: { correction: 0 } }),
  ...folds('std', std as never, (v) => Math.sqrt(scatterOf(1)(v)))
    .filter(varied)
    .filter(atMost(3000)),
  ...folds('logsumexp', logsumexpOf, logSum, { magnitude: () => 1 }),
  ...[2, 1, 3, 1.5, 0, Infinity, -Infinity].flatMap((p) =>
    folds(`norm p = ${p}`, norm as never, normOf(p), {
      options: { p },
      empty: Math.abs(p) < Infinity,
      gradient: p !== 0,
    }).filter(atMost(3000)),
  ),
  fixed(
    'logsumexp of -∞',
    (x) => logsumexp(x as Tensor, 0),
    { shape: [3], values: () => -Infinity },
    folded(() => -Infinity),
  ),
  fixed(
    'logsumexp of ∞',
    (x) => logsumexp(x as Tensor, 0),
    { shape: [3], values: (i) => (i ? 1 : Infinity) },
    folded(() => Infinity),
  ),
  fixed(
    'logsumexp of huge',
    (x) => logsumexp(x as Tensor, 0),
    { shape: [2], values: () => 1e300 },
    folded(() => 1e300),
  ),
];

const errors: ErrorRow[] = [
  {
    name: 'correction',
    call: () => variance(ones([2]), { correction: Number.NaN }),
    error: ArgumentError,
    message: 'var: correction must be a finite number, got NaN',
  },
  {
    name: 'p',
    call: () => norm(ones([2]), { p: 'nuc' as never }),
    error: ArgumentError,
    message: `norm: p must be a number, Infinity, -Infinity or 'fro', got "nuc"`,
  },
];

testFamily('statistics', { rows, errors, fused: ['stdBackward', 'logsumexpBackward'] });
