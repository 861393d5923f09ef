// Products and powers of matrices, and what else is composed of them.
import { optionsOf } from '../arguments.js';
import { record } from '../autograd/tape.js';
import { ArgumentError, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { broadcastShapes, checkDim, copyOf, sizeOf } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor, tensorsOf } from '../tensor.js';
import { expandTo } from './broadcast.js';
import { onesLike, zerosLike } from './creation.js';
import { mul, sub } from './elementwise.js';
import { checkSquare, diagonalOf, eyes, mT, sizesOf } from './linalg-common.js';
import { inv, solve } from './linalg-solve.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { permute, reshape } from './shape.js';
import { cat, slice, stack } from './shape-slice.js';

/** By position or in options. */
type DimArguments = [options?: { dim?: number }];

function pairOf(
  operation: string,
  a: Tensor,
  b: Tensor,
  args: readonly unknown[],
): { x: Tensor; y: Tensor; dim: number } {
  checkTensor(operation, 'a', a);
  checkTensor(operation, 'b', b);
  checkSameDType(operation, ['a', 'b'], [a, b]);
  const { dim = -1 } = optionsOf<{ dim: number }>(operation, args, [], ['dim']);
  const shape = broadcastShapes(operation, ['a', 'b'], [a.dims, b.dims]);
  return { x: expandTo(a, shape), y: expandTo(b, shape), dim: checkDim(operation, dim, shape.length) };
}

/**
 * The cross product of vectors of 3 elements.
 *
 * @param a broadcasts with b
 * @param args dim: along which the vectors lie, default the last
 * @throws ShapeError when that dimension has another size than 3
 * @example
 * linalg.cross(tensor([1, 0, 0]), tensor([0, 1, 0])); // [0, 0, 1]
 */
export function cross(a: Tensor, b: Tensor, ...args: DimArguments): Tensor {
  const { x, y, dim } = pairOf('linalg.cross', a, b, args);
  if (x.dims[dim] !== 3) {
    const got = `got a ${formatShape(a.dims)} and b ${formatShape(b.dims)}`;
    throw new ShapeError(`linalg.cross: dimension ${dim} must have the size 3, ${got}`);
  }
  // From element i on, cyclically.
  const turned = (t: Tensor, i: number): Tensor =>
    cat([slice(t, { dim, start: i, end: 3 }), slice(t, { dim, start: 0, end: i })], { dim });
  return sub(mul(turned(x, 1), turned(y, 2)), mul(turned(x, 2), turned(y, 1)));
}

/**
 * The dot products of vectors: Σ a · b along a dimension.
 *
 * @param a broadcasts with b
 * @param args dim: default the last
 * @example
 * linalg.vecdot(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function vecdot(a: Tensor, b: Tensor, ...args: DimArguments): Tensor {
  const { x, y, dim } = pairOf('linalg.vecdot', a, b, args);
  return sum(mul(x, y), { dim });
}

/** Options of `linalg.diagonal`. */
export interface DiagonalOptions {
  /** Above the diagonal, or below it where negative; default 0. */
  offset?: number;
  /** Of the rows; default -2. */
  dim1?: number;
  /** Of the columns; default -1. */
  dim2?: number;
}

/**
 * The elements a[…, i, i + offset], as the last dimension of the result; a copy.
 *
 * @param options offset: default 0; dim1, dim2: the matrices' dimensions, default the last two
 * @example
 * linalg.diagonal(tensor([[1, 2], [3, 4]])); // [1, 4]
 */
export function diagonal(a: Tensor, options?: DiagonalOptions): Tensor {
  const name = 'linalg.diagonal';
  checkTensor(name, 'a', a);
  const o = optionsOf<DiagonalOptions>(name, [options], [], ['offset', 'dim1', 'dim2']);
  const offset = checkInteger(name, 'offset', o.offset ?? 0, -(2 ** 31), 2 ** 31);
  const dims = [checkDim(name, o.dim1 ?? -2, a.rank), checkDim(name, o.dim2 ?? -1, a.rank)];
  if (a.rank < 2 || dims[0] === dims[1]) {
    throw new ShapeError(
      `${name}: dim1 and dim2 must be two dimensions of a, got ${dims} and a ${formatShape(a.dims)}`,
    );
  }
  return diagonalOf(permute(a, [...a.dims.map((_, i) => i).filter((i) => !dims.includes(i)), ...dims]), offset);
}

/**
 * The power Aⁿ of square matrices, by repeated squaring; the power of the inverse for negative n.
 *
 * @param a […, m, m]
 * @returns […, m, m]
 * @throws LinAlgError when n is negative and a matrix is singular
 * @example
 * linalg.matrixPower(tensor([[1, 1], [0, 1]]), 3); // [[1, 3], [0, 1]]
 */
export function matrixPower(a: Tensor, n: number): Tensor {
  const { lead, rows } = checkSquare('linalg.matrixPower', 'a', a);
  const limit = 2 ** 31 - 1;
  const power = checkInteger('linalg.matrixPower', 'n', n, -limit, limit);
  if (power === 0) return mul(eyes(lead, rows, a), 1);
  let square = power < 0 ? inv(a) : a;
  let y: Tensor | null = null;
  for (let rest = Math.abs(power); ; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) y = y === null ? square : matmul(y, square);
    if (rest <= 1) return y as Tensor;
    square = matmul(square, square);
  }
}

/**
 * The product of several matrices, in the order that needs the fewest multiplications.
 *
 * @param tensors at least two matrices; the first and the last may be vectors, a row and a column, which the result then lacks
 * @throws ShapeError when sizes do not match
 * @example
 * linalg.multiDot([ones([2, 3]), ones([3, 4]), ones([4])]); // [12, 12]
 */
export function multiDot(tensors: readonly Tensor[]): Tensor {
  const name = 'linalg.multiDot';
  const list = tensorsOf(name, 'tensors', tensors);
  if (list.length < 2) throw new ArgumentError(`${name}: tensors must be at least 2, got ${list.length}`);
  checkSameDType(
    name,
    list.map((_, i) => `tensors[${i}]`),
    list,
  );
  const last = list.length - 1;
  const matrices = list.map((x, i) => {
    checkFloat(name, `tensors[${i}]`, x);
    if (x.rank === 1 && i === 0) return reshape(x, [1, x.size]);
    if (x.rank === 1 && i === last) return reshape(x, [x.size, 1]);
    if (x.rank === 2) return x;
    const rule = 'must be matrices, or vectors at the ends';
    throw new ShapeError(`${name}: tensors ${rule}, got tensors[${i}] ${formatShape(x.dims)}`);
  });
  for (let i = 0; i < last; i++) {
    const [left, right] = [matrices[i] as Tensor, matrices[i + 1] as Tensor];
    if (left.dims[1] === right.dims[0]) continue;
    const got = `tensors[${i}] ${formatShape(left.dims)} and tensors[${i + 1}] ${formatShape(right.dims)}`;
    throw new ShapeError(`${name}: inner dimensions must match, got ${got}`);
  }
  const y = chained(matrices);
  const shape = [...(list[0]?.rank === 1 ? [] : [y.dims[0]]), ...(list[last]?.rank === 1 ? [] : [y.dims[1]])];
  return reshape(y, shape as number[]);
}

// Cormen et al., "Introduction to Algorithms", 14.2: the least cost of each run of matrices, and where it is cut.
function chained(matrices: readonly Tensor[]): Tensor {
  const n = matrices.length;
  const sizes = [matrices[0]?.dims[0] as number, ...matrices.map((x) => x.dims[1] as number)];
  const size = (i: number): number => sizes[i] as number;
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const cut = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length;
      let least = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const both = (cost[i]?.[k] as number) + (cost[k + 1]?.[j] as number);
        const total = both + size(i) * size(k + 1) * size(j + 1);
        if (total >= least) continue;
        least = total;
        (cut[i] as number[])[j] = k;
      }
      (cost[i] as number[])[j] = least;
    }
  }
  const product = (i: number, j: number): Tensor => {
    if (i === j) return matrices[i] as Tensor;
    const k = cut[i]?.[j] as number;
    return matmul(product(i, k), product(k + 1, j));
  };
  return product(0, n - 1);
}

/**
 * The Vandermonde matrices of vectors: y[…, i, j] = x[…, i]ʲ.
 *
 * @param x […, n]
 * @param args N: the number of columns, default n
 * @returns […, n, N]
 * @example
 * linalg.vander(tensor([2, 3]), 3); // [[1, 2, 4], [1, 3, 9]]
 */
export function vander(x: Tensor, ...args: [N?: number] | [options: { N?: number }]): Tensor {
  const name = 'linalg.vander';
  checkTensor(name, 'x', x);
  if (x.rank === 0) throw new ShapeError(`${name}: x must have at least 1 dimension, got x []`);
  const { N = x.dims.at(-1) } = optionsOf<{ N: number }>(name, args, ['N']);
  const count = checkInteger(name, 'N', N, 1, 2 ** 20);
  const powers = [onesLike(x)];
  while (powers.length < count) powers.push(mul(powers.at(-1) as Tensor, x));
  return stack(powers, { dim: -1 });
}

/**
 * The inverse of a as a linear map, for `tensordot`: a is read as a square matrix whose rows are its first `ind` dimensions.
 *
 * @param args ind: default 2
 * @returns of the shape [...a.shape.slice(ind), ...a.shape.slice(0, ind)]
 * @throws LinAlgError when that matrix is singular; ShapeError when it is not square
 * @example
 * linalg.tensorinv(eye(4).reshape([2, 2, 4])); // [4, 2, 2]
 */
export function tensorinv(a: Tensor, ...args: [ind?: number] | [options: { ind?: number }]): Tensor {
  const name = 'linalg.tensorinv';
  checkTensor(name, 'a', a);
  const { ind = 2 } = optionsOf<{ ind: number }>(name, args, ['ind']);
  const cut = checkInteger(name, 'ind', ind, 1);
  const [left, right] = [a.dims.slice(0, cut), a.dims.slice(cut)];
  if (sizeOf(left) !== sizeOf(right)) {
    const rule = 'the first ind sizes and the others must have the same product';
    throw new ShapeError(`${name}: ${rule}, got a ${formatShape(a.dims)} and ind ${cut}`);
  }
  return reshape(inv(reshape(a, [sizeOf(left), sizeOf(right)])), [...right, ...left]);
}

/**
 * The X with tensordot(A, X, X's rank) = B: a is read as a square matrix whose rows are b's dimensions.
 *
 * @param args dims: dimensions of a that are moved to its end first
 * @returns of the shape of a's dimensions after those of b
 * @throws LinAlgError when that matrix is singular; ShapeError when it is not square
 * @example
 * linalg.tensorsolve(eye(4).reshape([2, 2, 4]), ones([2, 2])); // [1, 1, 1, 1]
 */
export function tensorsolve(
  a: Tensor,
  b: Tensor,
  ...args: [dims?: readonly number[]] | [options: { dims?: readonly number[] }]
): Tensor {
  const name = 'linalg.tensorsolve';
  checkTensor(name, 'a', a);
  checkTensor(name, 'b', b);
  checkSameDType(name, ['a', 'b'], [a, b]);
  const { dims } = optionsOf<{ dims: readonly number[] }>(name, args, ['dims']);
  const moved = dims === undefined ? [] : copyOf(dims)?.map((d) => checkDim(name, d, a.rank));
  if (moved === undefined) throw new ArgumentError(`${name}: dims must be an array of integers, got ${describe(dims)}`);
  if (new Set(moved).size !== moved.length) {
    throw new ArgumentError(`${name}: dims must name each dimension once, got ${describe(dims)}`);
  }
  const first = a.dims.map((_, i) => i).filter((i) => !moved.includes(i));
  const x = moved.length === 0 ? a : permute(a, [...first, ...moved]);
  const shape = x.dims.slice(b.rank);
  if (sizeOf(shape) !== b.size || b.size ** 2 !== a.size) {
    const rule = 'the sizes of a after those of b must have the product of the sizes of b';
    throw new ShapeError(`${name}: ${rule}, got a ${formatShape(x.dims)} and b ${formatShape(b.dims)}`);
  }
  return reshape(solve(reshape(x, [b.size, b.size]), reshape(b, [b.size])), shape);
}

const matrixExpKernel = kernel('matrixExp', 'y x count n');

/**
 * The exponential of square matrices, Σ Aᵏ / k!, by scaling, a Padé approximant and squaring (Higham, "The scaling and squaring
 * method for the matrix exponential revisited", 2005). A matrix that is not finite gives NaN.
 *
 * @param a […, n, n]
 * @returns […, n, n]
 * @example
 * linalg.matrixExp(zeros([2, 2])); // [[1, 0], [0, 1]]
 */
export function matrixExp(a: Tensor): Tensor {
  const { count, rows } = checkSquare('linalg.matrixExp', 'a', a);
  const y = empty(a.dims, a.dtype);
  matrixExpKernel(y.handle, a.handle, count, rows);
  return record('linalg.matrixExp', y, [a], (dy) => [exponentialGradient(a, dy)], [a]);
}

// The block beside the diagonal of exp([[Aᵀ, dY], [0, Aᵀ]]) (Mathias, "A chain rule for matrix functions and applications", 1996).
function exponentialGradient(a: Tensor, dy: Tensor): Tensor {
  const { rows } = sizesOf(a);
  const t = mT(a);
  const block = cat([cat([t, dy], { dim: -1 }), cat([zerosLike(t), t], { dim: -1 })], { dim: -2 });
  const y = slice(matrixExp(block), { dim: -2, start: 0, end: rows });
  return slice(y, { dim: -1, start: rows, end: 2 * rows });
}
