// `nn.utils.rnn`: sequences of different lengths, padded and packed.
import { optionsOf, type Positional } from '../arguments.js';
import {
  ArgumentError,
  checkChoice,
  checkEach,
  checkFlag,
  checkInteger,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { full, tensor } from '../ops/creation.js';
import { indexSelect } from '../ops/indexing.js';
import { narrow, select } from '../ops/shape-parts.js';
import { cat } from '../ops/shape-slice.js';
import { sameShape } from '../shape.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import {
  forEachRow,
  type Integers,
  integersOf,
  type Layout,
  PackedSequence,
  packed,
  packedOf,
  padded,
  sizesOf,
} from './packed.js';

export { type Integers, PackedSequence } from './packed.js';

/** Options of `padSequence`. */
export interface PadSequenceOptions {
  /** Whether the result is [batch, steps, …]; default false. */
  batchFirst?: boolean;
  /** What stands where a sequence has no element; default 0. */
  paddingValue?: number;
  /** Whether that is behind a sequence or before it; default `right`. */
  paddingSide?: 'right' | 'left';
}

/** Options of `packPaddedSequence`. */
export interface PackPaddedSequenceOptions {
  /** Whether input is [batch, steps, …]; default false. */
  batchFirst?: boolean;
  /** Whether the sequences must come from the longest to the shortest; default true. */
  enforceSorted?: boolean;
}

/** Options of `padPackedSequence`. */
export interface PadPackedSequenceOptions {
  /** Whether the result is [batch, steps, …]; default false. */
  batchFirst?: boolean;
  /** What stands behind the end of a sequence; default 0. */
  paddingValue?: number;
  /** How many steps the result has; default and at least as many as the longest sequence. */
  totalLength?: number | null;
}

// Sequences [length, …] of the same dimensions behind the first.
function sequencesOf(operation: string, given: Iterable<Tensor>): Tensor[] {
  const list = checkEach(operation, 'sequences', 'must be a list of tensors', given, (t, i) => checkTensor(operation, `sequence ${i}`, t)); // biome-ignore format: one line
  const [first] = list;
  if (first === undefined) throw new ArgumentError(`${operation}: sequences must be at least one, got none`);
  for (const [i, t] of list.entries()) {
    if (t.rank === 0)
      throw new ShapeError(`${operation}: sequence ${i} must have at least one dimension, got a scalar`);
    checkSameDType(operation, ['sequence 0', `sequence ${i}`], [first, t]);
    if (sameShape(t.dims.slice(1), first.dims.slice(1))) continue;
    const got = `got ${formatShape(first.dims)} and ${formatShape(t.dims)}`;
    throw new ShapeError(`${operation}: sequences must have the same dimensions behind the first, ${got}`);
  }
  return list;
}

const lengthsOf = (sequences: readonly Tensor[]): number[] => sequences.map((t) => t.dims[0] as number);

// Where each of several lists begins in all of them, one behind the other.
function startsOf(lengths: readonly number[]): number[] {
  let next = 0;
  return lengths.map((length) => {
    const start = next;
    next += length;
    return start;
  });
}

const number = (operation: string, name: string, value: unknown): number => {
  if (typeof value === 'number') return value;
  throw new ArgumentError(`${operation}: ${name} must be a number, got ${describe(value)}`);
};

/**
 * Sequences of different lengths as one tensor, the shorter ones padded.
 *
 * @param sequences [length, …], with the same dimensions behind the first
 * @param args batchFirst (default false), paddingValue (0), paddingSide ('right', or 'left')
 * @returns [steps, batch, …], or with batchFirst [batch, steps, …], with as many steps as the longest sequence
 * @throws ShapeError, DTypeError when the sequences do not fit together
 * @example
 * nn.utils.rnn.padSequence([tensor([1, 2, 3]), tensor([4])], true); // [[1, 2, 3], [4, 0, 0]]
 */
export function padSequence(
  sequences: Iterable<Tensor>,
  ...args: Positional<
    PadSequenceOptions,
    [batchFirst: 'batchFirst', paddingValue: 'paddingValue', paddingSide: 'paddingSide']
  >
): Tensor {
  const operation = 'padSequence';
  const o = optionsOf<PadSequenceOptions>(operation, args, ['batchFirst', 'paddingValue', 'paddingSide']);
  const batchFirst = checkFlag(operation, 'batchFirst', o.batchFirst, false);
  const value = number(operation, 'paddingValue', o.paddingValue ?? 0);
  const side = checkChoice(operation, 'paddingSide', o.paddingSide, ['right', 'left'], 'right');
  const list = sequencesOf(operation, sequences);
  const lengths = lengthsOf(list);
  const steps = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  const starts = startsOf(lengths);
  return padded(cat(list), value, [steps, list.length], batchFirst, (put) => {
    for (const [sequence, length] of lengths.entries()) {
      const offset = side === 'left' ? steps - length : 0;
      for (let i = 0; i < length; i++) put((starts[sequence] as number) + i, offset + i, sequence);
    }
  });
}

// A padded batch of sequences and how long each is.
function checkBatch(
  operation: string,
  name: string,
  input: Tensor,
  given: Integers,
  batchFirst: boolean,
  min: 0 | 1,
): number[] {
  checkTensor(operation, name, input);
  if (input.rank < 2) {
    const order = batchFirst ? '[batch, steps, …]' : '[steps, batch, …]';
    throw new ShapeError(`${operation}: ${name} must be ${order}, got ${name} ${formatShape(input.dims)}`);
  }
  const [batch, steps] = (batchFirst ? input.dims : [input.dims[1], input.dims[0]]) as [number, number];
  const lengths = integersOf(operation, 'lengths', given, batch);
  if (lengths.length !== batch) {
    throw new ShapeError(`${operation}: lengths must be one for each sequence, ${batch}, got ${lengths.length}`);
  }
  const wrong = lengths.find((length) => length < min || length > steps);
  if (wrong === undefined) return lengths;
  throw new ArgumentError(`${operation}: lengths must be from ${min} to the number of steps ${steps}, got ${wrong}`);
}

/**
 * The sequences in a padded tensor, each without its padding.
 *
 * @param paddedSequences [steps, batch, …], or with batchFirst [batch, steps, …]
 * @param lengths how many steps each sequence has
 * @param args batchFirst (default false)
 * @throws ArgumentError when a length is not from 0 to the number of steps
 * @example
 * nn.utils.rnn.unpadSequence(tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], true)[1]; // [4]
 */
export function unpadSequence(
  paddedSequences: Tensor,
  lengths: Integers,
  ...args: [batchFirst: boolean] | [options?: { batchFirst?: boolean }]
): Tensor[] {
  const operation = 'unpadSequence';
  const o = optionsOf<{ batchFirst: boolean }>(operation, args, ['batchFirst']);
  const batchFirst = checkFlag(operation, 'batchFirst', o.batchFirst, false);
  const checked = checkBatch(operation, 'paddedSequences', paddedSequences, lengths, batchFirst, 0);
  return checked.map((length, i) => narrow(select(paddedSequences, batchFirst ? 0 : 1, i), 0, 0, length));
}

// Where the steps of sequences stand in packed data: checks that they come from the longest to the shortest, or sorts them.
function layoutOf(operation: string, lengths: readonly number[], enforceSorted: boolean): Layout {
  if (!enforceSorted) {
    const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
    return { sizes: sizesOf(order.map((i) => lengths[i] as number)), order };
  }
  if (lengths.some((length, i) => i > 0 && length > (lengths[i - 1] as number))) {
    throw new ArgumentError(
      `${operation}: lengths must not rise, got ${describe(lengths)}; set enforceSorted to false, which sorts the sequences`,
    );
  }
  return { sizes: sizesOf(lengths), order: null };
}

/**
 * Packs a padded batch: what stands behind the end of a sequence is left out. Differentiable.
 *
 * @param input [steps, batch, …], or with batchFirst [batch, steps, …]
 * @param lengths how many steps each sequence has, at least 1
 * @param args batchFirst (default false); enforceSorted (default true): an error unless the sequences come from the longest to the
 *   shortest; with false they are sorted, and come back in their own order
 * @throws ArgumentError when a length is not from 1 to the number of steps; StateError when lengths are a tensor and a step is
 *   being recorded
 * @example
 * const lstm = new nn.LSTM(8, 16);
 * const packed = nn.utils.rnn.packPaddedSequence(zeros([10, 3, 8]), [4, 10, 7], { enforceSorted: false });
 * const [output] = lstm.forward(packed);
 * nn.utils.rnn.padPackedSequence(output)[0]; // [10, 3, 16]
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Integers,
  ...args: Positional<PackPaddedSequenceOptions, [batchFirst: 'batchFirst', enforceSorted: 'enforceSorted']>
): PackedSequence {
  const operation = 'packPaddedSequence';
  const o = optionsOf<PackPaddedSequenceOptions>(operation, args, ['batchFirst', 'enforceSorted']);
  const batchFirst = checkFlag(operation, 'batchFirst', o.batchFirst, false);
  const enforceSorted = checkFlag(operation, 'enforceSorted', o.enforceSorted, true);
  const checked = checkBatch(operation, 'input', input, lengths, batchFirst, 1);
  if (checked.length === 0)
    throw new ShapeError(`${operation}: input must have at least one sequence, got ${formatShape(input.dims)}`);
  return packedOf(input, layoutOf(operation, checked, enforceSorted), batchFirst);
}

function checkPacked(operation: string, sequence: unknown): PackedSequence {
  if (sequence instanceof PackedSequence) return sequence;
  throw new ArgumentError(`${operation}: sequence must be a PackedSequence, got ${describe(sequence)}`);
}

/**
 * The padded batch of packed sequences, in the order in which they came, and their lengths. Differentiable.
 *
 * @param args batchFirst (default false), paddingValue (0), totalLength (default the longest length)
 * @returns [steps, batch, …], or with batchFirst [batch, steps, …]; and int32 [batch]
 * @throws ArgumentError when totalLength is below the longest length
 * @example
 * const packed = nn.utils.rnn.packSequence([tensor([1, 2, 3]), tensor([4, 5])]);
 * nn.utils.rnn.padPackedSequence(packed, true)[0]; // [[1, 2, 3], [4, 5, 0]]
 */
export function padPackedSequence(
  sequence: PackedSequence,
  ...args: Positional<
    PadPackedSequenceOptions,
    [batchFirst: 'batchFirst', paddingValue: 'paddingValue', totalLength: 'totalLength']
  >
): [Tensor, Tensor] {
  const operation = 'padPackedSequence';
  const names = ['batchFirst', 'paddingValue', 'totalLength'];
  const o = optionsOf<PadPackedSequenceOptions>(operation, args, names, [], ['totalLength']);
  checkPacked(operation, sequence);
  const batchFirst = checkFlag(operation, 'batchFirst', o.batchFirst, false);
  const value = number(operation, 'paddingValue', o.paddingValue ?? 0);
  const steps = sequence._layout.sizes.length;
  const total = checkInteger(operation, 'totalLength', o.totalLength ?? steps, steps);
  const own = sequence._padded(batchFirst, value);
  const dim = batchFirst ? 1 : 0;
  const rest = own.dims.map((size, i) => (i === dim ? total - steps : size));
  const y = total === steps ? own : cat([own, full(rest, value, { dtype: own.dtype })], dim);
  return [y, tensor(Int32Array.from(sequence._lengths()))];
}

/**
 * Packs sequences.
 *
 * @param sequences [length, …], each of at least one step, with the same dimensions behind the first
 * @param args enforceSorted (default true), as for `packPaddedSequence`
 * @throws ShapeError, DTypeError when the sequences do not fit together; ArgumentError when one is empty
 * @example
 * nn.utils.rnn.packSequence([tensor([1, 2]), tensor([3, 4, 5])], false).data; // [3, 1, 4, 2, 5]
 */
export function packSequence(
  sequences: Iterable<Tensor>,
  ...args: [enforceSorted: boolean] | [options?: { enforceSorted?: boolean }]
): PackedSequence {
  const operation = 'packSequence';
  const o = optionsOf<{ enforceSorted: boolean }>(operation, args, ['enforceSorted']);
  const enforceSorted = checkFlag(operation, 'enforceSorted', o.enforceSorted, true);
  const list = sequencesOf(operation, sequences);
  const lengths = lengthsOf(list);
  const empty = lengths.indexOf(0);
  if (empty >= 0)
    throw new ArgumentError(`${operation}: sequences must have at least one step, got none in sequence ${empty}`);
  const starts = startsOf(lengths);
  const layout = layoutOf(operation, lengths, enforceSorted);
  return packed(cat(list), layout, (step, sequence) => (starts[sequence] as number) + step);
}

/**
 * The sequences in a packed batch, in the order in which they came. Differentiable.
 *
 * @example
 * const packed = nn.utils.rnn.packSequence([tensor([1, 2, 3]), tensor([4, 5])]);
 * nn.utils.rnn.unpackSequence(packed)[1]; // [4, 5]
 */
export function unpackSequence(packedSequences: PackedSequence): Tensor[] {
  const sequence = checkPacked('unpackSequence', packedSequences);
  const indices = sequence._lengths().map((length) => new Int32Array(length));
  forEachRow(sequence._layout, (k, step, i) => {
    (indices[i] as Int32Array)[step] = k;
  });
  return indices.map((index) => indexSelect(sequence.data, 0, tensor(index)));
}
