// Running products, extremes and sums of exponentials: in log₂ n steps, each of which combines elements twice as far apart.
import { type ConvertedDimArguments, type DimArguments, requiredDim } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { isFloat } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { to } from './copy.js';
import { arange } from './creation.js';
import { abs, mul } from './elementwise.js';
import { gt, isnan, le, logicalAnd, logicalNot, logicalOr, lt, where } from './elementwise-compare.js';
import { logaddexp } from './elementwise-special.js';
import { gather } from './indexing.js';
import { all, convertedAlong } from './reduce.js';
import type { Extremes } from './reduce-extremes.js';
import { reshape } from './shape.js';
import { cat, slice } from './shape-slice.js';

/** @internal `combine` takes what ends at an element, what ends before it, and how far apart they are. */
export function scan(x: Tensor, dim: number, combine: (later: Tensor, earlier: Tensor, by: number) => Tensor): Tensor {
  const n = x.dims[dim] ?? 1;
  let y = x;
  for (let by = 1; by < n; by *= 2) {
    const later = slice(y, { dim, start: by });
    const earlier = slice(y, { dim, end: n - by });
    y = cat([slice(y, { dim, end: by }), combine(later, earlier, by)], dim);
  }
  return y === x ? mul(x, 1) : y;
}

/**
 * The running product along a dimension: yᵢ = x₀ · … · xᵢ, of x's shape. Integers give int32. The gradient is right for
 * zeros, too.
 *
 * @param args dim, which must be given; then { dtype }: what x is converted to first
 * @throws ArgumentError when a product of integers does not fit in int32; StateError for integers while a step is recorded
 * @example
 * cumprod(tensor([1, 2, 3]), 0); // [1, 2, 6]
 */
export function cumprod(given: Tensor, ...args: ConvertedDimArguments): Tensor {
  const { x, dim } = convertedAlong('cumprod', given, args);
  if (isFloat(x.dtype)) return scan(x, dim, mul2);
  refuseReading('cumprod of integers', 'convert them to floats');
  const y = scan(to(x, 'float64'), dim, mul2);
  if (all(le(abs(y), 2 ** 31 - 1)).item() === 0) {
    throw new ArgumentError(
      "cumprod: a result of integers must fit in int32, got one that does not; convert it first: x.to('float64')",
    );
  }
  return to(y, 'int32');
}

const mul2 = (a: Tensor, b: Tensor): Tensor => mul(a, b);

/**
 * The running logarithm of sums of exponentials along a dimension: yᵢ = log(e^x₀ + … + e^xᵢ), without overflow.
 *
 * @param args dim, which must be given
 * @example
 * logcumsumexp(tensor([0, 0]), 0); // [0, log 2]
 */
export function logcumsumexp(x: Tensor, ...args: DimArguments): Tensor {
  checkTensor('logcumsumexp', 'x', x);
  checkFloat('logcumsumexp', 'x', x);
  return scan(x, requiredDim('logcumsumexp', args, x.rank), (a, b) => logaddexp(a, b));
}

function runningExtreme(name: string, x: Tensor, args: DimArguments, beats: typeof gt): Extremes {
  checkTensor(name, 'x', x);
  const dim = requiredDim(name, args, x.rank);
  const t = x.rank === 0 ? reshape(x, [1]) : x;
  const n = t.dims[dim] as number;
  const positions = reshape(
    arange(n, { dtype: 'int32' }),
    t.dims.map((_, i) => (i === dim ? n : 1)),
  );
  const better = (later: Tensor, earlier: Tensor): Tensor => {
    const [a, b] = [gather(t, dim, later), gather(t, dim, earlier)];
    const wins = logicalOr(beats(b, a), logicalAnd(isnan(b), logicalNot(isnan(a))));
    return where(wins, earlier, later);
  };
  const indices = noGrad(() => scan(expandTo(positions, t.dims), dim, better));
  const values = gather(t, dim, indices);
  return x.rank === 0 ? { values: reshape(values, []), indices: reshape(indices, []) } : { values, indices };
}

/**
 * The largest element so far along a dimension (NaN from the first NaN on), and its last position.
 *
 * @param args dim, which must be given
 * @returns values of x's shape, and indices, int32
 * @example
 * cummax(tensor([1, 3, 2]), 0).values; // [1, 3, 3]
 */
export function cummax(x: Tensor, ...args: DimArguments): Extremes {
  return runningExtreme('cummax', x, args, gt);
}

/**
 * The smallest element so far along a dimension (NaN from the first NaN on), and its last position.
 *
 * @param args dim, which must be given
 * @returns values of x's shape, and indices, int32
 * @example
 * cummin(tensor([2, 1, 3]), 0).values; // [2, 1, 1]
 */
export function cummin(x: Tensor, ...args: DimArguments): Extremes {
  return runningExtreme('cummin', x, args, lt);
}
