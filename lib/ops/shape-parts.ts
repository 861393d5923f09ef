// Parts and turns of tensors, composed of the operations on shapes.
import { type List, optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkEach, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { checkDim, checkSizes, sizeOf } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { flatten, flip, reshape, transpose } from './shape.js';
import { cat, slice, split } from './shape-slice.js';

/** @internal */
export function checkRank(name: string, x: Tensor, rank: number): void {
  checkTensor(name, 'x', x);
  if (x.rank >= rank) return;
  const rule = rank === 1 ? 'at least one dimension' : `at least ${rank} dimensions`;
  throw new ShapeError(`${name}: x must have ${rule}, got x ${formatShape(x.dims)}`);
}

const reach = 2 ** 31 - 1;
/** @internal */
export const checkOffset = (name: string, what: string, value: unknown): number =>
  checkInteger(name, what, value, -reach, reach);

/**
 * One dimension as several.
 *
 * @param sizes their sizes; one of them may be -1 and is inferred
 * @example
 * unflatten(zeros(2, 6), 1, [2, -1]); // [2, 2, 3]
 */
export function unflatten(x: Tensor, dim: number, sizes: readonly number[]): Tensor {
  checkRank('unflatten', x, 1);
  const d = checkDim('unflatten', dim, x.rank);
  const parts = checkSizes('unflatten', 'sizes', sizes, -1);
  const known = sizeOf(parts.filter((n) => n !== -1));
  const n = x.dims[d] as number;
  const open = parts.filter((size) => size === -1).length;
  if (open > 1 || (open === 1 ? known === 0 || n % known !== 0 : known !== n)) {
    throw new ShapeError(`unflatten: sizes must give the size ${n} of dimension ${d}, got ${formatShape(parts)}`);
  }
  const filled = parts.map((size) => (size === -1 ? n / known : size));
  return reshape(x, [...x.dims.slice(0, d), ...filled, ...x.dims.slice(d + 1)]);
}

/**
 * The elements start … start + length - 1 along a dimension.
 *
 * @param start negative ones count from the end
 * @throws ArgumentError when the part is not inside x
 * @example
 * narrow(tensor([1, 2, 3, 4]), 0, 1, 2); // [2, 3]
 */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  checkRank('narrow', x, 1);
  const d = checkDim('narrow', dim, x.rank);
  const n = x.dims[d] as number;
  const first = checkInteger('narrow', 'start', start, -n, n);
  const from = first < 0 ? first + n : first;
  return slice(x, { dim: d, start: from, end: from + checkInteger('narrow', 'length', length, 0, n - from) });
}

/**
 * The part of x at one position of a dimension, which the result lacks.
 *
 * @param index negative ones count from the end
 * @throws ArgumentError when the position is not inside x
 * @example
 * select(tensor([[1, 2], [3, 4]]), 0, 1); // [3, 4]
 */
export function select(x: Tensor, dim: number, index: number): Tensor {
  checkRank('select', x, 1);
  const d = checkDim('select', dim, x.rank);
  const n = x.dims[d] as number;
  const given = checkInteger('select', 'index', index, -n, n - 1);
  const at = given < 0 ? given + n : given;
  const without = x.dims.filter((_, i) => i !== d);
  return reshape(slice(x, { dim: d, start: at, end: at + 1 }), without);
}

/**
 * The parts of x at all positions of a dimension, which they lack.
 *
 * @param args dim: default 0
 * @example
 * unbind(tensor([[1, 2], [3, 4]])); // [1, 2] and [3, 4]
 */
export function unbind(x: Tensor, ...args: [options?: { dim?: number }] | [dim: number]): Tensor[] {
  checkRank('unbind', x, 1);
  const { dim = 0 } = optionsOf<{ dim: number }>('unbind', args, ['dim']);
  const d = checkDim('unbind', dim, x.rank);
  if (x.dims[d] === 0) return [];
  const without = x.dims.filter((_, i) => i !== d);
  return split(x, 1, d).map((part) => reshape(part, without));
}

/**
 * The elements in one dimension, like `flatten`.
 *
 * @example
 * ravel(zeros(2, 3)); // [6]
 */
export function ravel(x: Tensor): Tensor {
  checkTensor('ravel', 'x', x);
  return flatten(x);
}

/**
 * The elements in reverse order along the second dimension.
 *
 * @example
 * fliplr(tensor([[1, 2]])); // [[2, 1]]
 */
export function fliplr(x: Tensor): Tensor {
  checkRank('fliplr', x, 2);
  return flip(x, 1);
}

/**
 * The elements in reverse order along the first dimension.
 *
 * @example
 * flipud(tensor([1, 2])); // [2, 1]
 */
export function flipud(x: Tensor): Tensor {
  checkRank('flipud', x, 1);
  return flip(x, 0);
}

/**
 * x turned by k right angles in the plane of two dimensions, from the first towards the second.
 *
 * @param args k (default 1) and dims (default [0, 1])
 * @example
 * rot90(tensor([[1, 2], [3, 4]])); // [[2, 4], [1, 3]]
 */
export function rot90(x: Tensor, ...args: Positional<{ k?: number; dims?: readonly number[] }, ['k', 'dims']>): Tensor {
  checkRank('rot90', x, 2);
  const options = optionsOf<{ k: number; dims: readonly number[] }>('rot90', args, ['k', 'dims']);
  const k = checkOffset('rot90', 'k', options.k ?? 1);
  const given = options.dims ?? [0, 1];
  const dims = checkEach('rot90', 'dims', 'must be two dimensions', given, (d) => checkDim('rot90', d, x.rank));
  const [a, b] = dims as [number, number];
  if (dims.length !== 2 || a === b) {
    throw new ArgumentError(`rot90: dims must be two different dimensions, got ${describe(options.dims)}`);
  }
  const turns = ((k % 4) + 4) % 4;
  if (turns === 0) return reshape(x, x.dims);
  if (turns === 2) return flip(x, [a, b]);
  return turns === 1 ? transpose(flip(x, b), a, b) : flip(transpose(x, a, b), b);
}

/** One number or several. */
type Numbers = number | readonly number[];

/** shifts and dims, by position or in options. */
export type RollArguments =
  | [options: { shifts: Numbers; dims?: Numbers }]
  | [shifts: Numbers, options?: { dims?: Numbers }]
  | [shifts: Numbers, dims: Numbers];

/**
 * The elements moved along dimensions; those that leave at the end come in at the beginning.
 *
 * @param args shifts: by how many places, one number for each dimension; dims: as many dimensions, by default those of the
 *   flattened tensor
 * @example
 * roll(tensor([1, 2, 3]), 1); // [3, 1, 2]
 */
export function roll(x: Tensor, ...args: RollArguments): Tensor {
  checkTensor('roll', 'x', x);
  const { shifts = [], dims } = optionsOf<{ shifts: Numbers; dims: Numbers }>('roll', args, ['shifts', 'dims']);
  const list = (name: string, value: Numbers, check: (v: unknown) => number): number[] =>
    checkEach('roll', name, 'must be numbers', typeof value === 'number' ? [value] : value, check);
  const by = list('shifts', shifts, (v) => checkOffset('roll', 'each shift', v));
  if (dims === undefined) {
    if (by.length === 1) return reshape(rolled(reshape(x, [x.size]), by[0] as number, 0), x.dims);
    throw new ArgumentError(`roll: shifts must be one number without dims, got ${describe(shifts)}`);
  }
  const along = list('dims', dims, (v) => checkDim('roll', v, x.rank));
  if (along.length !== by.length || by.length === 0) {
    throw new ArgumentError(`roll: shifts and dims must be as many, got ${describe(shifts)} and ${describe(dims)}`);
  }
  return along.reduce((y, d, i) => rolled(y, by[i] as number, d), x);
}

function rolled(x: Tensor, by: number, dim: number): Tensor {
  const n = x.dims[dim] ?? 0;
  const shift = n === 0 ? 0 : ((by % n) + n) % n;
  if (shift === 0) return reshape(x, x.dims);
  return cat([slice(x, { dim, start: n - shift }), slice(x, { dim, end: n - shift })], dim);
}

/**
 * The same elements in another shape, as a view: `reshape` under the name of PyTorch's method.
 *
 * @param shape the new sizes, one by one or as an array; one of them may be -1 and is inferred
 * @example
 * zeros(2, 3).view(3, -1); // [3, 2]
 */
export function view(x: Tensor, ...shape: List): Tensor {
  return reshape(x, ...shape);
}
