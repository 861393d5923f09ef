// Dimensions in another order, composed of `permute` and `transpose`.
import { ArgumentError, checkEach, describe } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { permute, reshape, transpose } from './shape.js';

/**
 * The dimensions named by `source` moved to the places `destination`; the others keep their order.
 *
 * @param source one dimension or several
 * @param destination as many places
 * @example
 * movedim(zeros(2, 3, 4), 0, 2); // [3, 4, 2]
 */
export function movedim(
  x: Tensor,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor {
  checkTensor('movedim', 'x', x);
  const each = (name: string, value: unknown): number[] => {
    const list = typeof value === 'number' ? [value] : value;
    return checkEach('movedim', name, 'must be dimensions', list, (d) => checkDim('movedim', d, x.rank));
  };
  const [from, to] = [each('source', source), each('destination', destination)];
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
    const got = `got ${describe(source)} and ${describe(destination)}`;
    throw new ArgumentError(`movedim: source and destination must name as many different dimensions, ${got}`);
  }
  if (x.rank === 0) return reshape(x, []);
  const others = x.dims.map((_, i) => i).filter((i) => !from.includes(i));
  const order = x.dims.map((_, i) => (to.includes(i) ? (from[to.indexOf(i)] as number) : (others.shift() as number)));
  return permute(x, order);
}

/**
 * Two dimensions swapped, like `transpose`.
 *
 * @example
 * swapaxes(zeros(2, 3), 0, 1); // [3, 2]
 */
export function swapaxes(x: Tensor, axis0: number, axis1: number): Tensor {
  return transpose(x, axis0, axis1);
}

/**
 * Two dimensions swapped, like `transpose`.
 *
 * @example
 * swapdims(zeros(2, 3), 0, 1); // [3, 2]
 */
export function swapdims(x: Tensor, dim0: number, dim1: number): Tensor {
  return transpose(x, dim0, dim1);
}
