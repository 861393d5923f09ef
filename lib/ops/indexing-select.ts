// Elements chosen by positions and masks. What depends on values reads them, which a recorded step cannot.
import { optionsOf, type Positional } from '../arguments.js';
import { refuseReading } from '../context.js';
import { ArgumentError, checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { checkDim, type Shape, stridesOf } from '../shape.js';
import { checkTensor, Tensor } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { tensor } from './creation.js';
import { checkMask, gather, indexSelect } from './indexing.js';
import { flatten, reshape } from './shape.js';
import { broadcastTensors } from './shape-combine.js';
import { unbind } from './shape-parts.js';

// The positions in row-major order of the elements that are not 0.
function positionsOf(name: string, x: Tensor, hint = 'multiply by the mask or use where instead'): number[] {
  refuseReading(name, hint);
  const values = x.toTypedArray();
  const found: number[] = [];
  values.forEach((v, i) => {
    if (v !== 0) found.push(i);
  });
  return found;
}

/** @internal The coordinates of the elements that are not 0: int32 [count, rank]. */
export function coordinates(name: string, x: Tensor, hint?: string): Tensor {
  checkTensor(name, 'x', x);
  const found = positionsOf(name, x, hint);
  const strides = stridesOf(x.dims);
  const list = new Int32Array(found.length * x.rank);
  found.forEach((at, row) => {
    x.dims.forEach((n, d) => {
      list[row * x.rank + d] = Math.floor(at / (strides[d] as number)) % n;
    });
  });
  return tensor(list, { shape: [found.length, x.rank] });
}

/**
 * The positions of the elements that are not 0, one a row: int32 [count, rank]. With `{ asTuple: true }`, the columns come as
 * a list of tensors.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * nonzero(tensor([0, 5, 7])); // [[1], [2]]
 */
export function nonzero(x: Tensor): Tensor;
export function nonzero(x: Tensor, options: { asTuple: true }): Tensor[];
export function nonzero(x: Tensor, options?: { asTuple?: boolean }): Tensor | Tensor[];
export function nonzero(x: Tensor, options?: { asTuple?: boolean }): Tensor | Tensor[] {
  const { asTuple } = optionsOf<{ asTuple: boolean }>('nonzero', [options], [], ['asTuple']);
  const isTuple = checkFlag('nonzero', 'asTuple', asTuple, false);
  const rows = coordinates('nonzero', isTuple && checkTensor('nonzero', 'x', x).rank === 0 ? reshape(x, [1]) : x);
  return isTuple ? unbind(rows, 1) : rows;
}

/**
 * The positions of the elements that are not 0, one a row: int32 [count, rank].
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * argwhere(tensor([0, 5, 7])); // [[1], [2]]
 */
export function argwhere(x: Tensor): Tensor {
  return coordinates('argwhere', x);
}

/**
 * The elements where a mask is not 0, in row-major order.
 *
 * @param mask uint8; both are broadcast
 * @throws StateError while a step is recorded: it reads values
 * @example
 * maskedSelect(tensor([1, 2, 3]), tensor([true, false, true])); // [1, 3]
 */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  checkTensor('maskedSelect', 'x', x);
  checkMask('maskedSelect', mask);
  const [a, m] = broadcastTensors(x, mask) as [Tensor, Tensor];
  const found = positionsOf('maskedSelect', m);
  return indexSelect(flatten(a), 0, tensor(Int32Array.from(found)));
}

/**
 * The elements at positions of the flattened tensor.
 *
 * @param index int32 of any shape, the result's
 * @throws ArgumentError when a position is out of range
 * @example
 * take(tensor([[1, 2], [3, 4]]), tensor([0, 3], { dtype: 'int32' })); // [1, 4]
 */
export function take(x: Tensor, index: Tensor): Tensor {
  checkTensor('take', 'x', x);
  checkTensor('take', 'index', index);
  return reshape(gather(flatten(x), 0, flatten(index)), index.dims);
}

/**
 * One element of x for each index along a dimension, like `gather`; other dimensions are broadcast.
 *
 * @param indices int32, of x's rank
 * @param args dim; default: in the flattened tensor
 * @example
 * takeAlongDim(tensor([[3, 1, 2]]), tensor([[1, 2, 0]], { dtype: 'int32' }), 1); // [[1, 2, 3]]
 */
export function takeAlongDim(
  x: Tensor,
  indices: Tensor,
  ...args: [options?: { dim?: number }] | [dim: number]
): Tensor {
  const name = 'takeAlongDim';
  checkTensor(name, 'x', x);
  checkTensor(name, 'indices', indices);
  const { dim } = optionsOf<{ dim: number }>(name, args, ['dim']);
  if (dim === undefined) return gather(flatten(x), 0, flatten(indices));
  const d = checkDim(name, dim, x.rank);
  const fits =
    x.rank === indices.rank &&
    x.dims.every((n, i) => i === d || n === 1 || indices.dims[i] === 1 || n === indices.dims[i]);
  if (!fits || x.rank === 0) {
    const got = `got x ${formatShape(x.dims)} and indices ${formatShape(indices.dims)}`;
    throw new ShapeError(`${name}: indices must have x's rank and broadcast outside dimension ${d}, ${got}`);
  }
  const shape = (own: Shape, other: Shape): number[] =>
    own.map((n, i) => (i === d || n !== 1 ? n : (other[i] as number)));
  return gather(expandTo(x, shape(x.dims, indices.dims)), d, expandTo(indices, shape(indices.dims, x.dims)));
}

/** Options of `repeatInterleave`. */
export interface RepeatOptions {
  /** How often: a number, or int32 [n], one for each element. */
  repeats: number | Tensor;
  /** Default: in the flattened tensor. */
  dim?: number;
  /** The size of the result along the dimension, to be checked. */
  outputSize?: number;
}

/**
 * Each element repeated, along a dimension.
 *
 * @param args repeats: how often, a number, or int32 [n], one for each element, whose values are read; dim (default: in the flattened
 *   tensor); option: outputSize
 * @throws StateError for a tensor of repeats while a step is recorded
 * @example
 * repeatInterleave(tensor([1, 2]), 2); // [1, 1, 2, 2]
 */
export function repeatInterleave(
  x: Tensor,
  ...args: Positional<RepeatOptions, [repeats: 'repeats', dim: 'dim']>
): Tensor {
  const name = 'repeatInterleave';
  checkTensor(name, 'x', x);
  const o = optionsOf<RepeatOptions>(name, args, ['repeats', 'dim'], ['outputSize']);
  const { repeats } = o;
  const t = o.dim === undefined || x.rank === 0 ? flatten(x) : x;
  const d = o.dim === undefined ? 0 : checkDim(name, o.dim, x.rank);
  const n = t.dims[d] as number;
  let counts: number[];
  if (repeats instanceof Tensor) {
    if (repeats.dtype !== 'int32' || repeats.rank > 1 || (repeats.size !== n && repeats.size !== 1)) {
      throw new ShapeError(`${name}: repeats must be int32 [${n}], got ${repeats.dtype} ${formatShape(repeats.dims)}`);
    }
    refuseReading(`${name} with a tensor of repeats`, 'give repeats as a number');
    const list = Array.from(repeats.toTypedArray());
    counts = Array.from({ length: n }, (_, i) => checkInteger(name, 'each repeat', list[list.length === 1 ? 0 : i]));
  } else {
    counts = new Array<number>(n).fill(checkInteger(name, 'repeats', repeats));
  }
  const total = counts.reduce((a, b) => a + b, 0);
  if (o.outputSize !== undefined && checkInteger(name, 'outputSize', o.outputSize) !== total) {
    throw new ArgumentError(`${name}: outputSize must be ${total}, got ${o.outputSize}`);
  }
  if (total > 2 ** 28) throw new ArgumentError(`${name}: there must be at most ${2 ** 28} elements, got ${total}`);
  const index = new Int32Array(total);
  let next = 0;
  counts.forEach((count, i) => {
    index.fill(i, next, next + count);
    next += count;
  });
  return indexSelect(t, d, tensor(index));
}
