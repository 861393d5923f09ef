// Options that embeddings and bags of them share: rows that are scaled down in the table, and gradients that are divided by how
// often a row is named.
import { record } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkNumber, describe } from '../errors.js';
import { type Tensor, view } from '../tensor.js';
import { copy_ } from './copy.js';
import { add, div, mul } from './elementwise.js';
import { clamp, gt, where } from './elementwise-compare.js';
import { indexCopy } from './indexing-write.js';
import { norm } from './reduce-statistics.js';

/** Options that `embedding` and `embeddingBag` share. */
export interface LimitOptions {
  /** Before they are read, rows of a greater norm are scaled down to this one in the table itself; default none. */
  maxNorm?: number | null;
  /** The p of that norm, above 0; default 2. */
  normType?: number;
  /** Whether the gradient of a row is divided by how often the index names it; default false. */
  scaleGradByFreq?: boolean;
}

/** @internal */
export function checkLimits(name: string, o: LimitOptions) {
  const maxNorm = o.maxNorm ?? null;
  if (maxNorm !== null) checkNumber(name, 'maxNorm', maxNorm, { min: 0 });
  const { normType = 2 } = o;
  if (typeof normType !== 'number' || !(normType > 0)) {
    throw new ArgumentError(`${name}: normType must be a number above 0, got ${describe(normType)}`);
  }
  return { maxNorm, normType, scaleGradByFreq: checkFlag(name, 'scaleGradByFreq', o.scaleGradByFreq, false) };
}

/** @internal Scales the rows of the table that `index` [m] names down to `maxNorm`, in place; `found` are these rows. */
export function limitRows(weight: Tensor, index: Tensor, found: Tensor, maxNorm: number, p: number): void {
  const size = norm(found, { p, dim: 1, keepDim: true });
  const short = mul(found, where(gt(size, maxNorm), div(maxNorm, add(size, 1e-7)), 1));
  copy_(weight, indexCopy(weight, 0, index, short));
}

/** @internal The table itself, but its gradient is divided by `counts` [rows, 1]. */
export function sharedGradient(weight: Tensor, counts: Tensor): Tensor {
  const shares = clamp(counts, { min: 1 });
  return record('embedding', view(weight, 0, weight.dims), [weight], (dy) => [div(dy, shares)], [shares]);
}
