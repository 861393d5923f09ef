// Positions in sorted sequences, composed of sorting.
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkChoice, checkFlag, describe, formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkInt32, checkSameDType, checkTensor, Tensor } from '../tensor.js';
import { tensor } from './creation.js';
import { sub } from './elementwise.js';
import { gather } from './indexing.js';
import { reshape } from './shape.js';
import { cat, slice } from './shape-slice.js';
import { argsort } from './sort.js';

/** Options of `bucketize`, and of `searchsorted` among others. */
export interface SearchOptions {
  /** Whether the position is after the elements that are equal to the value, instead of before them; default false. */
  right?: boolean;
}

/** Options of `searchsorted`. */
export interface SearchsortedOptions extends SearchOptions {
  /** `'right'` is another way to say `right: true`. */
  side?: 'left' | 'right';
  /** int32 of the sequences' shape: the order in which they are ascending, as `argsort` gives it. */
  sorter?: Tensor;
}

/**
 * Where values would be inserted into sorted sequences: the number of elements below the value (with `right`, not above it).
 * NaN counts as greater than all numbers.
 *
 * @param sortedSequence […, n], ascending along the last dimension, or [n] for values of any shape
 * @param values […, m] of the same dtype, or a number
 * @param args { right, side, sorter } (default false, 'left' and the order of the sequences)
 * @returns int32 of the shape of `values`
 * @example
 * searchsorted(tensor([1, 3, 5]), tensor([3, 4])); // [1, 2]
 */
export function searchsorted(
  sortedSequence: Tensor,
  values: Tensor | number,
  ...args: [options?: SearchsortedOptions]
): Tensor {
  const name = 'searchsorted';
  checkTensor(name, 'sortedSequence', sortedSequence);
  const { right, side, sorter } = optionsOf<SearchsortedOptions>(name, args, [], ['right', 'side', 'sorter']);
  const after = checkFlag(name, 'right', right, false);
  if (checkChoice(name, 'side', side, ['left', 'right'], after ? 'right' : 'left') === 'left' && after) {
    throw new ArgumentError(`${name}: right and side must agree, got right true and side "left"`);
  }
  return search(name, ordered(sortedSequence, sorter), values, after || side === 'right');
}

/**
 * The number of the bucket that each element is in, between sorted boundaries: the number of boundaries below it (with
 * `right`, not above it).
 *
 * @param x a tensor of any shape, or a number
 * @param boundaries [n], ascending, of x's dtype
 * @param args { right } (default false)
 * @returns int32 of x's shape
 * @example
 * bucketize(tensor([0, 2, 9]), tensor([1, 5])); // [0, 1, 2]
 */
export function bucketize(x: Tensor | number, boundaries: Tensor, ...args: [options?: SearchOptions]): Tensor {
  checkTensor('bucketize', 'boundaries', boundaries);
  const { right } = optionsOf<SearchOptions>('bucketize', args, [], ['right']);
  if (boundaries.rank !== 1) {
    throw new ShapeError(`bucketize: boundaries must have one dimension, got ${formatShape(boundaries.dims)}`);
  }
  return search('bucketize', boundaries, x, checkFlag('bucketize', 'right', right, false));
}

function ordered(sequence: Tensor, sorter: Tensor | undefined): Tensor {
  if (sorter === undefined) return sequence;
  checkInt32('searchsorted', 'sorter', sorter);
  if (!sameShape(sorter.dims, sequence.dims)) {
    const got = `got sorter ${formatShape(sorter.dims)} and sortedSequence ${formatShape(sequence.dims)}`;
    throw new ShapeError(`searchsorted: sorter must have the shape of sortedSequence, ${got}`);
  }
  return noGrad(() => gather(sequence, -1, sorter));
}

function search(name: string, sequence: Tensor, given: Tensor | number, right: boolean): Tensor {
  if (!(given instanceof Tensor) && typeof given !== 'number') {
    throw new ArgumentError(`${name}: values must be a tensor or a number, got ${describe(given)}`);
  }
  const values = typeof given === 'number' ? tensor(given, { dtype: sequence.dtype }) : given;
  checkTensor(name, 'values', values);
  checkSameDType(name, ['sequence', 'values'], [sequence, values]);
  if (sequence.rank === 1) return reshape(merged(sequence, reshape(values, [values.size]), right), values.dims);
  if (sequence.rank !== values.rank || !sameShape(sequence.dims.slice(0, -1), values.dims.slice(0, -1))) {
    const got = `got ${formatShape(sequence.dims)} and values ${formatShape(values.dims)}`;
    throw new ShapeError(`${name}: sequences and values must have the same sizes but for the last dimension, ${got}`);
  }
  if (sequence.rank === 0) return reshape(merged(reshape(sequence, [1]), reshape(values, [1]), right), []);
  return merged(sequence, values, right);
}

// In the stable order of both together, what comes before a value is elements of the sequence and other values: without the
// latter, the position remains.
function merged(sequence: Tensor, values: Tensor, right: boolean): Tensor {
  return noGrad(() => {
    const m = values.dims.at(-1) as number;
    const n = sequence.dims.at(-1) as number;
    const both = cat(right ? [sequence, values] : [values, sequence], -1);
    const places = argsort(argsort(both, -1), -1);
    const start = right ? n : 0;
    const own = slice(places, { dim: -1, start, end: start + m });
    return sub(own, argsort(argsort(values, -1), -1));
  });
}
