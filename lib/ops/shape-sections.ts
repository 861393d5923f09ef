// Tensors cut into a number of parts or at positions, composed of slices.
import { optionsOf } from '../arguments.js';
import { checkEach, checkInteger, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { slice } from './shape-slice.js';

/** Where to cut: the number of parts, or the positions. */
export type Sections = number | readonly number[];

function cutInto(name: string, x: Tensor, sections: Sections, dim: number, even: boolean): Tensor[] {
  const n = x.dims[dim] as number;
  let ends: number[];
  if (typeof sections === 'number') {
    const count = checkInteger(name, 'sections', sections, 1, 2 ** 24);
    if (even && n % count !== 0) {
      throw new ShapeError(`${name}: dimension ${dim} must be a multiple of ${count}, got x ${formatShape(x.dims)}`);
    }
    const larger = n % count; // so many parts have one element more
    ends = Array.from({ length: count }, (_, i) => Math.floor(n / count) * (i + 1) + Math.min(i + 1, larger));
  } else {
    const rule = 'must be a number of parts or positions';
    ends = checkEach(name, 'sections', rule, sections, (v) => checkInteger(name, 'each position', v, -(2 ** 31)));
    ends.push(n);
  }
  const at = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, 0), n);
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : at(ends[i - 1] as number);
    return slice(x, { dim, start, end: Math.max(start, at(end)) });
  });
}

/**
 * x cut along a dimension into a number of parts, of which the first may have one element more, or at positions.
 *
 * @param sections the number of parts, or the positions at which parts end
 * @param args dim: default 0
 * @example
 * tensorSplit(tensor([1, 2, 3]), 2); // two parts
 */
export function tensorSplit(
  x: Tensor,
  sections: Sections,
  ...args: [options?: { dim?: number }] | [dim: number]
): Tensor[] {
  checkTensor('tensorSplit', 'x', x);
  const { dim = 0 } = optionsOf<{ dim: number }>('tensorSplit', args, ['dim']);
  if (x.rank === 0) throw new ShapeError('tensorSplit: x must have at least one dimension, got a scalar');
  return cutInto('tensorSplit', x, sections, checkDim('tensorSplit', dim, x.rank), false);
}

function cutOfRank(name: string, x: Tensor, sections: Sections, dim: number, rank: number): Tensor[] {
  checkTensor(name, 'x', x);
  if (x.rank < rank)
    throw new ShapeError(`${name}: x must have at least ${rank} dimensions, got x ${formatShape(x.dims)}`);
  return cutInto(name, x, sections, dim, true);
}

/**
 * x cut along its second dimension (a vector along its only one) into equal parts, or at positions.
 *
 * @example
 * hsplit(tensor([1, 2, 3, 4]), 2); // two parts
 */
export function hsplit(x: Tensor, sections: Sections): Tensor[] {
  return cutOfRank('hsplit', x, sections, checkTensor('hsplit', 'x', x).rank === 1 ? 0 : 1, 1);
}

/**
 * x cut along its first dimension into equal parts, or at positions.
 *
 * @example
 * vsplit(ones([4, 2]), 2); // two parts
 */
export function vsplit(x: Tensor, sections: Sections): Tensor[] {
  return cutOfRank('vsplit', x, sections, 0, 2);
}

/**
 * x cut along its third dimension into equal parts, or at positions.
 *
 * @example
 * dsplit(ones([1, 2, 4]), 2); // two parts
 */
export function dsplit(x: Tensor, sections: Sections): Tensor[] {
  return cutOfRank('dsplit', x, sections, 2, 3);
}
