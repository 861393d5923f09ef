// Products of vectors, matrices and batches under PyTorch's names, composed of `matmul`.
import { optionsOf } from '../arguments.js';
import { ArgumentError, checkEach, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { checkDim, sizeOf } from '../shape.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { add, mul } from './elementwise.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';
import { permute, reshape } from './shape.js';

// Checks the ranks of operands, and that they have one dtype.
function checkRanks(name: string, given: Record<string, readonly [Tensor, number]>): void {
  const names = Object.keys(given);
  for (const [label, [x, rank]] of Object.entries(given)) {
    if (checkTensor(name, label, x).rank === rank) continue;
    const kind = ['a scalar', 'a vector', 'a matrix', 'a batch of matrices'][rank];
    throw new ShapeError(`${name}: ${label} must be ${kind}, got ${label} ${formatShape(x.dims)}`);
  }
  checkSameDType(
    name,
    names,
    Object.values(given).map(([x]) => x),
  );
}

/**
 * The product of each element of a vector with each of another: yᵢⱼ = aᵢ · bⱼ.
 *
 * @example
 * outer(tensor([1, 2]), tensor([3, 4])); // [[3, 4], [6, 8]]
 */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkRanks('outer', { a: [a, 1], b: [b, 1] });
  return mul(reshape(a, [a.size, 1]), b);
}

/**
 * The Kronecker product: each element of a replaced by its product with b.
 *
 * @example
 * kron(tensor([1, 2]), tensor([1, 1])); // [1, 1, 2, 2]
 */
export function kron(a: Tensor, b: Tensor): Tensor {
  checkTensor('kron', 'a', a);
  checkTensor('kron', 'b', b);
  const rank = Math.max(a.rank, b.rank);
  const sizes = (x: Tensor): number[] => [...new Array<number>(rank - x.rank).fill(1), ...x.dims];
  const [p, q] = [sizes(a), sizes(b)];
  const blocks = mul(
    reshape(
      a,
      p.flatMap((n) => [n, 1]),
    ),
    reshape(
      b,
      q.flatMap((n) => [1, n]),
    ),
  );
  return reshape(
    blocks,
    p.map((n, i) => n * (q[i] as number)),
  );
}

/**
 * The sum of the products of two vectors' elements.
 *
 * @throws ShapeError when they have different sizes
 * @example
 * dot(tensor([1, 2]), tensor([3, 4])); // 11
 */
export function dot(a: Tensor, b: Tensor): Tensor {
  return dotProduct('dot', a, b);
}

/**
 * The sum of the products of two vectors' elements; of real numbers the same as `dot`.
 *
 * @throws ShapeError when they have different sizes
 * @example
 * vdot(tensor([1, 2]), tensor([3, 4])); // 11
 */
export function vdot(a: Tensor, b: Tensor): Tensor {
  return dotProduct('vdot', a, b);
}

function dotProduct(name: string, a: Tensor, b: Tensor): Tensor {
  checkRanks(name, { a: [a, 1], b: [b, 1] });
  if (a.size === b.size) return sum(mul(a, b));
  throw new ShapeError(
    `${name}: a and b must have one size, got a ${formatShape(a.dims)} and b ${formatShape(b.dims)}`,
  );
}

/**
 * The sums of products over the last dimensions of both; with a scalar the product.
 *
 * @example
 * inner(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function inner(a: Tensor, b: Tensor): Tensor {
  checkTensor('inner', 'a', a);
  checkTensor('inner', 'b', b);
  if (a.rank === 0 || b.rank === 0) return mul(a, b);
  return tensordot(a, b, [[-1], [-1]]);
}

/**
 * The product of a matrix and a vector.
 *
 * @example
 * mv(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function mv(matrix: Tensor, vector: Tensor): Tensor {
  checkRanks('mv', { matrix: [matrix, 2], vector: [vector, 1] });
  return matmul(matrix, vector);
}

/**
 * The product of two matrices.
 *
 * @example
 * mm(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export function mm(a: Tensor, b: Tensor): Tensor {
  checkRanks('mm', { a: [a, 2], b: [b, 2] });
  return matmul(a, b);
}

/**
 * The products of two batches of matrices, [batch, n, m] and [batch, m, p].
 *
 * @example
 * bmm(ones([2, 1, 3]), ones([2, 3, 4])); // [2, 1, 4]
 */
export function bmm(a: Tensor, b: Tensor): Tensor {
  checkRanks('bmm', { a: [a, 3], b: [b, 3] });
  checkBatches('bmm', a, b);
  return matmul(a, b);
}

function checkBatches(name: string, a: Tensor, b: Tensor): void {
  if (a.dims[0] === b.dims[0]) return;
  const got = `got ${formatShape(a.dims)} and ${formatShape(b.dims)}`;
  throw new ShapeError(`${name}: batches must have one size, ${got}`);
}

/** Factors of the sum. */
export interface AddedProductOptions {
  /** Of x; default 1. With 0, x is not read. */
  beta?: number;
  /** Of the product; default 1. */
  alpha?: number;
}

function added(name: string, x: Tensor, product: () => Tensor, options: AddedProductOptions | undefined): Tensor {
  checkTensor(name, 'x', x);
  const o = optionsOf<AddedProductOptions>(name, [options], [], ['beta', 'alpha']);
  const beta = checkNumber(name, 'beta', o.beta ?? 1);
  const alpha = checkNumber(name, 'alpha', o.alpha ?? 1);
  const scaled = (t: Tensor, by: number): Tensor => (by === 1 ? t : mul(t, by));
  const y = scaled(product(), alpha);
  return beta === 0 ? y : add(scaled(x, beta), y);
}

/**
 * beta · x + alpha · a · b, of matrices; x is broadcast.
 *
 * @param options beta and alpha: default 1
 * @example
 * addmm(tensor([1]), tensor([[1, 2]]), tensor([[3], [4]])); // [[12]]
 */
export function addmm(x: Tensor, a: Tensor, b: Tensor, options?: AddedProductOptions): Tensor {
  checkRanks('addmm', { a: [a, 2], b: [b, 2] });
  return added('addmm', x, () => matmul(a, b), options);
}

/**
 * beta · x + alpha · matrix · vector; x is broadcast.
 *
 * @param options beta and alpha: default 1
 * @example
 * addmv(tensor([1]), tensor([[1, 2]]), tensor([3, 4])); // [12]
 */
export function addmv(x: Tensor, matrix: Tensor, vector: Tensor, options?: AddedProductOptions): Tensor {
  checkRanks('addmv', { matrix: [matrix, 2], vector: [vector, 1] });
  return added('addmv', x, () => matmul(matrix, vector), options);
}

/**
 * beta · x + alpha · the outer product of two vectors; x is broadcast.
 *
 * @param options beta and alpha: default 1
 * @example
 * addr(tensor([1]), tensor([1, 2]), tensor([3])); // [[4], [7]]
 */
export function addr(x: Tensor, a: Tensor, b: Tensor, options?: AddedProductOptions): Tensor {
  checkRanks('addr', { a: [a, 1], b: [b, 1] });
  return added('addr', x, () => outer(a, b), options);
}

/**
 * beta · x + alpha · the sum of the products of two batches of matrices; x is broadcast.
 *
 * @param options beta and alpha: default 1
 * @example
 * addbmm(tensor([1]), ones([2, 1, 3]), ones([2, 3, 1])); // [[7]]
 */
export function addbmm(x: Tensor, a: Tensor, b: Tensor, options?: AddedProductOptions): Tensor {
  checkRanks('addbmm', { a: [a, 3], b: [b, 3] });
  checkBatches('addbmm', a, b);
  return added('addbmm', x, () => sum(matmul(a, b), 0), options);
}

/**
 * beta · x + alpha · the products of two batches of matrices; x is broadcast.
 *
 * @param options beta and alpha: default 1
 * @example
 * baddbmm(tensor([1]), ones([2, 1, 3]), ones([2, 3, 1])); // [[[4]], [[4]]]
 */
export function baddbmm(x: Tensor, a: Tensor, b: Tensor, options?: AddedProductOptions): Tensor {
  checkRanks('baddbmm', { a: [a, 3], b: [b, 3] });
  checkBatches('baddbmm', a, b);
  return added('baddbmm', x, () => matmul(a, b), options);
}

/** The number of dimensions to sum over, or the lists of both operands' dimensions. */
export type ContractedDims = number | readonly [a: readonly number[], b: readonly number[]];

/**
 * Sums of products over pairs of dimensions of a and b; the result has the other dimensions of a, then those of b.
 *
 * @param args dims: how many of the last of a and the first of b (default 2), or the dimensions of both
 * @throws ShapeError when paired dimensions have different sizes
 * @example
 * tensordot(ones([2, 3]), ones([3, 4]), 1); // [2, 4]
 */
export function tensordot(
  a: Tensor,
  b: Tensor,
  ...args: [options?: { dims?: ContractedDims }] | [dims: ContractedDims]
): Tensor {
  checkTensor('tensordot', 'a', a);
  checkTensor('tensordot', 'b', b);
  checkSameDType('tensordot', ['a', 'b'], [a, b]);
  const { dims = 2 } = optionsOf<{ dims: ContractedDims }>('tensordot', args, ['dims']);
  const [p, q] = pairsOf(a, b, dims);
  if (p.some((d, i) => a.dims[d] !== b.dims[q[i] as number])) {
    const got = `got a ${formatShape(a.dims)}, b ${formatShape(b.dims)} and dims ${formatShape(p)} and ${formatShape(q)}`;
    throw new ShapeError(`tensordot: paired dimensions must have one size, ${got}`);
  }
  const rest = (x: Tensor, paired: number[]): number[] => [...x.dims.keys()].filter((d) => !paired.includes(d));
  const [keptA, keptB] = [rest(a, p), rest(b, q)];
  const sizes = (x: Tensor, list: number[]): number[] => list.map((d) => x.dims[d] as number);
  const n = sizeOf(sizes(a, p));
  const left = reshape(permute(a, [...keptA, ...p]), [sizeOf(sizes(a, keptA)), n]);
  const right = reshape(permute(b, [...q, ...keptB]), [n, sizeOf(sizes(b, keptB))]);
  return reshape(matmul(left, right), [...sizes(a, keptA), ...sizes(b, keptB)]);
}

function pairsOf(a: Tensor, b: Tensor, dims: unknown): [number[], number[]] {
  if (typeof dims === 'number') {
    if (!Number.isInteger(dims) || dims < 0 || dims > Math.min(a.rank, b.rank)) {
      const most = Math.min(a.rank, b.rank);
      throw new ArgumentError(`tensordot: dims must be an integer of at least 0 and at most ${most}, got ${dims}`);
    }
    const range = Array.from({ length: dims }, (_, i) => i);
    return [range.map((i) => a.rank - dims + i), range];
  }
  const lists = Array.isArray(dims) ? dims : [];
  const [p, q] = [a, b].map((x, i) =>
    checkEach('tensordot', 'dims', 'must be a number or two lists', lists[i], (d) => checkDim('tensordot', d, x.rank)),
  ) as [number[], number[]];
  if (lists.length !== 2 || p.length !== q.length || new Set(p).size !== p.length || new Set(q).size !== q.length) {
    throw new ArgumentError(`tensordot: dims must be two lists of as many different dimensions, got ${describe(dims)}`);
  }
  return [p, q];
}
