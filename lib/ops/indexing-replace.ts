// Parts of tensors replaced by other elements, composed of writing by positions.
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { currentRecording } from '../context.js';
import { ArgumentError, checkFlag, formatShape, ShapeError } from '../errors.js';
import { sameShape, stridesOf } from '../shape.js';
import { checkInt32, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { checkInPlace, copy_, to } from './copy.js';
import { arange, checkElement } from './creation.js';
import { add, mul, sub } from './elementwise.js';
import { lt, ne, where } from './elementwise-compare.js';
import { checkMask, gathered } from './indexing.js';
import { indexAdd, indexCopy, indexFill } from './indexing-write.js';
import { cumsum, sum } from './reduce.js';
import { expand, flatten, reshape } from './shape.js';
import { type DiagonalArguments, diagonal } from './shape-diagonal.js';
import { select } from './shape-parts.js';
import { slice } from './shape-slice.js';

// x with `src` in the places that `part` takes from a tensor.
function replaced(name: string, x: Tensor, src: Tensor, part: (positions: Tensor) => Tensor): Tensor {
  checkTensor(name, 'x', x);
  checkTensor(name, 'src', src);
  checkSameDType(name, ['x', 'src'], [x, src]);
  const positions = part(reshape(arange(x.size, { dtype: 'int32' }), x.dims));
  if (!sameShape(positions.dims, src.dims)) {
    const rule = `src must have the shape of the part, ${formatShape(positions.dims)}`;
    throw new ShapeError(`${name}: ${rule}, got src ${formatShape(src.dims)}`);
  }
  return reshape(indexCopy(flatten(x), 0, flatten(positions), flatten(src)), x.dims);
}

/**
 * x with `src` in place of the elements that `diagonal` takes; a copy.
 *
 * @param src of x's dtype and the diagonal's shape
 * @param args offset (default 0), dim1 and dim2 (default 0 and 1)
 * @example
 * diagonalScatter(zeros(2, 2), tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export function diagonalScatter(x: Tensor, src: Tensor, ...args: DiagonalArguments): Tensor {
  return replaced('diagonalScatter', x, src, (t) => diagonal(t, ...args));
}

/**
 * x with `src` in place of the elements that `select` takes; a copy.
 *
 * @param src of x's dtype and the part's shape
 * @param index negative ones count from the end
 * @example
 * selectScatter(zeros(2, 2), tensor([1, 2]), 0, 1); // [[0, 0], [1, 2]]
 */
export function selectScatter(x: Tensor, src: Tensor, dim: number, index: number): Tensor {
  return replaced('selectScatter', x, src, (t) => select(t, dim, index));
}

/** Which elements along a dimension. */
export interface SlicePart {
  /** Default 0. */
  dim?: number;
  /** The first; default 0. */
  start?: number;
  /** After the last; default the size. */
  end?: number;
  /** Default 1. */
  step?: number;
}

/** dim, start, end and step, by position or in options. */
export type SliceArguments =
  | [options?: SlicePart]
  | [dim: number, options?: Omit<SlicePart, 'dim'>]
  | [dim: number, start: number, options?: { end?: number; step?: number }]
  | [dim: number, start: number, end: number, options?: { step?: number }]
  | [dim: number, start: number, end: number, step: number];

/**
 * x with `src` in place of the elements start, start + step, … below `end` along a dimension; a copy.
 *
 * @param src of x's dtype and the part's shape
 * @param args dim (default 0), start (default 0), end (default the size) and step (default 1)
 * @example
 * sliceScatter(zeros(4), tensor([1, 2]), 0, 0, 4, 2); // [1, 0, 2, 0]
 */
export function sliceScatter(x: Tensor, src: Tensor, ...args: SliceArguments): Tensor {
  const part = optionsOf<SlicePart>('sliceScatter', args, ['dim', 'start', 'end', 'step']);
  return replaced('sliceScatter', x, src, (t) => slice(t, part));
}

/**
 * x with the elements of `source`, in their order, where the mask is true; a copy.
 *
 * @param mask uint8, broadcast to x's shape
 * @param source of x's dtype, at least as many elements as the mask has ones
 * @throws ArgumentError when there are fewer
 * @example
 * maskedScatter(zeros(3), tensor([1, 0, 1], { dtype: 'uint8' }), tensor([5, 6])); // [5, 0, 6]
 */
export function maskedScatter(x: Tensor, mask: Tensor, source: Tensor): Tensor {
  const name = 'maskedScatter';
  for (const [what, t] of Object.entries({ x, mask, source })) checkTensor(name, what, t);
  checkSameDType(name, ['x', 'source'], [x, source]);
  checkMask(name, mask);
  const chosen = flatten(ne(expand(mask, x.dims), 0));
  const count = to(chosen, 'int32');
  // A recorded step cannot read the number; an element that is missing is noticed when it is gathered.
  if (currentRecording() === null && sum(count).item() > source.size) {
    const got = `got source ${formatShape(source.dims)} and ${sum(count).item()} ones`;
    throw new ArgumentError(`${name}: source must have an element for each 1 of mask, ${got}`);
  }
  if (source.size === 0) return reshape(x, x.dims);
  const place = where(chosen, sub(cumsum(count, 0), 1), 0);
  return reshape(where(chosen, gathered(flatten(source), place, 0, name), flatten(x)), x.dims);
}

/**
 * x with elements of `source` at positions of the flattened tensor; a copy.
 *
 * @param index int32 of any shape; negative ones count from the end
 * @param source of x's dtype, as many elements
 * @param args accumulate: add to what is there, default false; otherwise the last of those for one position stays
 * @throws ArgumentError when a position is out of range
 * @example
 * put(zeros(2, 2), tensor([1, -1], { dtype: 'int32' }), tensor([5, 6])); // [[0, 5], [0, 6]]
 */
export function put(
  x: Tensor,
  index: Tensor,
  source: Tensor,
  ...args: [options?: { accumulate?: boolean }] | [accumulate: boolean]
): Tensor {
  for (const [what, t] of Object.entries({ x, index, source })) checkTensor('put', what, t);
  checkSameDType('put', ['x', 'source'], [x, source]);
  checkInt32('put', 'index', index);
  if (index.size !== source.size) {
    const got = `got index ${formatShape(index.dims)} and source ${formatShape(source.dims)}`;
    throw new ShapeError(`put: source must have as many elements as index, ${got}`);
  }
  const { accumulate } = optionsOf<{ accumulate: boolean }>('put', args, ['accumulate']);
  const write = checkFlag('put', 'accumulate', accumulate, false) ? indexAdd : indexCopy;
  const at = flatten(index);
  const positions = where(lt(at, 0), add(at, x.size), at);
  return reshape(write(flatten(x), 0, positions, flatten(source)), x.dims);
}

/**
 * Writes a value on the main diagonal of a matrix, or to the elements of equal indices of a tensor with equal sizes, in place.
 *
 * @param x at least two dimensions; of more, all sizes are equal
 * @param args wrap (default false): whether the diagonal of a matrix higher than wide begins again after each gap of one row
 * @throws ShapeError for fewer dimensions or unequal sizes
 * @example
 * zeros(2, 2).fillDiagonal_(5); // [[5, 0], [0, 5]]
 */
export function fillDiagonal_(
  x: Tensor,
  value: number,
  ...args: [options?: { wrap?: boolean }] | [wrap: boolean]
): Tensor {
  const name = 'fillDiagonal_';
  checkInPlace(name, x);
  const put = checkElement(name, value, x.dtype);
  const wrap = checkFlag(name, 'wrap', optionsOf<{ wrap: boolean }>(name, args, ['wrap']).wrap, false);
  if (x.rank < 2 || (x.rank > 2 && x.dims.some((n) => n !== x.dims[0]))) {
    throw new ShapeError(`${name}: x must be a matrix or have equal sizes, got x ${formatShape(x.dims)}`);
  }
  const step = stridesOf(x.dims).reduce((sum, stride) => sum + stride, 0);
  const [rows, columns] = x.dims as [number, number];
  // What lies below the square part is left as it is, unless the diagonal wraps.
  const end = x.rank === 2 && !wrap ? Math.min(rows, columns) * columns : x.size;
  const count = Math.ceil(end / step);
  if (count === 0) return x;
  const places = mul(arange(count, { dtype: 'int32' }), step);
  noGrad(() => copy_(x, reshape(indexFill(flatten(x), 0, places, put), x.dims)));
  return x;
}
