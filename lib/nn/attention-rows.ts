// Keys that attention adds to those given, and masks in the form that its kernels take.
import type { Layout } from '../ops/attention-layout.js';
import { ones, zeros } from '../ops/creation.js';
import { add } from '../ops/elementwise.js';
import { logicalAnd, logicalNot } from '../ops/elementwise-compare.js';
import { expand, reshape, tril } from '../ops/shape.js';
import { cat } from '../ops/shape-slice.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { AttendOptions } from './attention.js';

/** @internal Keys or values with further rows behind them along a dimension: a learned one [1, 1, embedDim], and one of zeros. */
export function withRows(x: Tensor, dim: number, learned: Tensor | null, zero: boolean): Tensor {
  const row = x.dims.map((n, i) => (i === dim ? 1 : n));
  const rows = [x];
  if (learned !== null) rows.push(expand(reshape(learned, x.rank === 3 ? [1, 1, -1] : [1, -1]), row));
  if (zero) rows.push(zeros(row, { dtype: x.dtype }));
  return cat(rows, dim);
}

/**
 * @internal Both masks in the form that attention takes: 1 lets a key through. The last `added` keys are those of `withRows`,
 * which no mask hides; with them `causal`, 1 more than the last key that query 0 sees, is a part of the mask.
 */
export function masksOf(
  o: AttendOptions,
  a: Layout,
  batched: boolean,
  added: number,
  causal: number,
): { mask?: Tensor; bias?: Tensor } {
  const found: { mask?: Tensor; bias?: Tensor } = {};
  const keys = a.keys - added;
  const extended = (t: Tensor, fill: typeof ones): Tensor =>
    added === 0 ? t : cat([t, fill([...t.dims.slice(0, -1), added], { dtype: t.dtype })], -1);
  const include = (open: Tensor): void => {
    const whole = extended(open, ones);
    found.mask = found.mask === undefined ? whole : logicalAnd(found.mask, whole);
  };
  const read = (given: Tensor | null | undefined, shape: Shape): void => {
    if (given === undefined || given === null) return;
    const t = reshape(given, shape);
    if (given.dtype === 'uint8') {
      include(logicalNot(t));
    } else {
      const bias = extended(t, zeros);
      found.bias = found.bias === undefined ? bias : add(found.bias, bias);
    }
  };
  const matrix = [a.queries, keys];
  const whole = o.attnMask?.rank === 3 ? [a.batch, a.heads, ...matrix] : matrix;
  read(o.attnMask, batched ? whole : whole.slice(-3));
  read(o.keyPaddingMask, batched ? [a.batch, 1, 1, keys] : [1, 1, keys]);
  if (added > 0 && causal > 0) include(tril(ones(matrix, { dtype: 'uint8' }), causal - 1));
  return found;
}
