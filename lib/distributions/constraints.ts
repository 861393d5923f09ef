// What parameters and values must satisfy: a text for error messages, and a check.
import { noGrad } from '../autograd/tape.js';
import { currentRecording } from '../context.js';
import { ArgumentError, formatShape } from '../errors.js';
import type { Operand } from '../ops/broadcast.js';
import { abs, add, floor, mul, sub } from '../ops/elementwise.js';
import { eq, ge, gt, le, logicalAnd, lt } from '../ops/elementwise-compare.js';
import { choleskyEx } from '../ops/linalg-cholesky.js';
import { diagonalOf, mT } from '../ops/linalg-common.js';
import { all, any, sum } from '../ops/reduce.js';
import { tril } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';

/** What parameters, or values of a distribution, must satisfy. */
export interface Constraint {
  /** Completes "must be …". */
  readonly text: string;
  /** How many of the last dimensions are one value: 0 for numbers, 1 for vectors, 2 for matrices. */
  readonly eventDim: number;
  /** Whether the values are counts or categories. */
  readonly isDiscrete: boolean;
  /** Which values satisfy it: uint8, without the event dimensions. */
  check(value: Tensor): Tensor;
}

const constraint = (text: string, check: (value: Tensor) => Tensor, eventDim = 0, isDiscrete = false): Constraint => ({
  text,
  eventDim,
  isDiscrete,
  check,
});

const shown = (bound: Operand, name: string): string => (typeof bound === 'number' ? String(bound) : name);
const isWhole = (x: Tensor): Tensor => eq(x, floor(x));
const both = (...masks: [Tensor, ...Tensor[]]): Tensor => masks.reduce((a, b) => logicalAnd(a, b));
const everywhere = (mask: Tensor, dims: number): Tensor =>
  Array.from({ length: dims }).reduce((m: Tensor) => all(m, { dim: -1 }), mask);

export const real = constraint('a number other than NaN', (x) => eq(x, x));
export const positive = constraint('greater than 0', (x) => gt(x, 0));
export const nonnegative = constraint('at least 0', (x) => ge(x, 0));
export const unitInterval = constraint('in [0, 1]', (x) => both(ge(x, 0), le(x, 1)));
export const boolean = constraint('0 or 1', (x) => eq(mul(x, sub(1, x)), 0), 0, true);
export const nonnegativeInteger = constraint('an integer of at least 0', (x) => both(ge(x, 0), isWhole(x)), 0, true);
export const greaterThan = (low: Operand): Constraint =>
  constraint(`greater than ${shown(low, 'the lower bound')}`, (x) => gt(x, low));
export const atLeast = (low: Operand): Constraint =>
  constraint(`at least ${shown(low, 'the lower bound')}`, (x) => ge(x, low));
export const atMost = (high: Operand): Constraint =>
  constraint(`at most ${shown(high, 'the upper bound')}`, (x) => le(x, high));
export const interval = (low: Operand, high: Operand): Constraint =>
  constraint(`in [${shown(low, 'low')}, ${shown(high, 'high')}]`, (x) => both(ge(x, low), le(x, high)));
/** [low, high), as PyTorch has it for uniform parameters. */
export const integersTo = (high: Operand, name: string): Constraint =>
  constraint(`an integer in [0, ${shown(high, name)}]`, (x) => both(ge(x, 0), le(x, high), isWhole(x)), 0, true);
export const realVector = constraint('vectors of numbers other than NaN', (x) => everywhere(eq(x, x), 1), 1);
export const positiveVector = constraint('vectors of numbers greater than 0', (x) => everywhere(gt(x, 0), 1), 1);
export const weightVector = constraint(
  'vectors of numbers of at least 0 with a finite sum greater than 0',
  (x) => {
    const total = sum(x, { dim: -1 });
    return both(everywhere(ge(x, 0), 1), gt(total, 0), lt(total, Number.POSITIVE_INFINITY));
  },
  1,
);
export const logitVector = constraint(
  'vectors of finite numbers and -Infinity, not of -Infinity alone',
  (x) => both(everywhere(lt(x, Number.POSITIVE_INFINITY), 1), any(gt(x, Number.NEGATIVE_INFINITY), { dim: -1 })),
  1,
);
export const halfOpenUnit = constraint('in [0, 1)', (x) => both(ge(x, 0), lt(x, 1)));
export const simplex = constraint(
  'vectors of numbers of at least 0 with sum 1',
  (x) => both(everywhere(ge(x, 0), 1), lt(abs(sub(sum(x, { dim: -1 }), 1)), 1e-6)),
  1,
);
export const oneHot = constraint(
  'vectors of one 1 and else 0',
  (x) => both(everywhere(boolean.check(x), 1), eq(sum(x, { dim: -1 }), 1)),
  1,
  true,
);
export const counts = (total: number): Constraint =>
  constraint(
    `vectors of integers of at least 0 with sum ${total}`,
    (x) => both(everywhere(nonnegativeInteger.check(x), 1), eq(sum(x, { dim: -1 }), total)),
    1,
    true,
  );
const isLower = (x: Tensor): Tensor => everywhere(eq(tril(x), x), 2);
export const lowerCholesky = constraint(
  'lower triangular matrices with a positive diagonal',
  (x) => both(isLower(x), everywhere(gt(diagonalOf(x), 0), 1)),
  2,
);
export const corrCholesky = constraint(
  'lower triangular matrices with a positive diagonal and rows of norm 1',
  (x) => {
    const tolerance = (x.dtype === 'float32' ? 2 ** -23 : 2 ** -52) * (x.dims.at(-1) as number) * 10;
    const units = everywhere(le(abs(sub(sum(mul(x, x), { dim: -1 }), 1)), tolerance), 1);
    return both(lowerCholesky.check(x), units);
  },
  2,
);
export const square = constraint('square matrices', (x) => everywhere(eq(x, x), 2), 2);
export const matrix = constraint('matrices of numbers other than NaN', (x) => everywhere(eq(x, x), 2), 2);
export const positiveDefinite = constraint(
  'symmetric positive definite matrices',
  (x) => both(everywhere(le(abs(sub(x, mT(x))), add(mul(abs(x), 1e-5), 1e-6)), 2), eq(choleskyEx(x).info, 0)),
  2,
);
/** The same of each of the last dimensions, which become one value. */
export const independent = (base: Constraint, count: number): Constraint =>
  constraint(base.text, (x) => everywhere(base.check(x), count), base.eventDim + count, base.isDiscrete);

/** @internal Throws unless all values satisfy the constraint; not while a step is recorded, which must not read values. */
export function checkSatisfied(operation: string, name: string, x: Tensor, rule: () => Constraint): void {
  if (currentRecording() !== null) return;
  noGrad(() => {
    const { text, eventDim, check } = rule();
    const mask = check(x).toTypedArray();
    const element = mask.indexOf(0);
    if (element < 0) return;
    const one = eventDim === 0 && mask.length === x.size ? x.toTypedArray()[element] : `${name} ${formatShape(x.dims)}`;
    throw new ArgumentError(
      `${operation}: ${name} must be ${text}, got ${one}${mask.length === 1 ? '' : ` (element ${element})`}`,
    );
  });
}
