import { optionsOf, type Positional } from '../arguments.js';
import {
  ArgumentError,
  checkChoice,
  checkEach,
  checkFlag,
  checkNumber,
  DTypeError,
  formatShape,
  ShapeError,
} from '../errors.js';
import { full } from '../ops/creation.js';
import { cat, stack } from '../ops/shape-slice.js';
import { checkTensor, type Tensor } from '../tensor.js';

/** Options of {@link padSequence}. */
export interface PadSequenceOptions {
  /** Whether the result is [batch, longest, …]; default false: [longest, batch, …]. */
  batchFirst?: boolean;
  /** What is put in; default 0. */
  paddingValue?: number;
  /** At which end; default right. */
  paddingSide?: 'left' | 'right';
}

type PadSequenceArguments = Positional<
  PadSequenceOptions,
  [batchFirst: 'batchFirst', paddingValue: 'paddingValue', paddingSide: 'paddingSide']
>;

/**
 * Puts sequences of different lengths into one tensor, padded to the longest: PyTorch's `nn.utils.rnn.pad_sequence`.
 *
 * @param sequences tensors [length, …], equal but for their lengths
 * @param args batchFirst (false), paddingValue (0), paddingSide ('right')
 * @returns [longest, batch, …] or, with batchFirst, [batch, longest, …]
 * @throws ShapeError or DTypeError for sequences that do not fit each other, ArgumentError for none
 * @example
 * data.padSequence([tensor([1, 2, 3]), tensor([4])], true); // [[1, 2, 3], [4, 0, 0]]
 */
export function padSequence(sequences: readonly Tensor[], ...args: PadSequenceArguments): Tensor {
  const name = 'padSequence';
  const options = optionsOf<PadSequenceOptions>(name, args, ['batchFirst', 'paddingValue', 'paddingSide']);
  const batchFirst = checkFlag(name, 'batchFirst', options.batchFirst, false);
  const value = checkNumber(name, 'paddingValue', options.paddingValue ?? 0);
  const side = checkChoice(name, 'paddingSide', options.paddingSide, ['left', 'right'], 'right');
  const list = checkEach(name, 'sequences', 'must be tensors', sequences, (t, i) =>
    checkTensor(name, `sequence ${i}`, t),
  );
  const [first] = list;
  if (first === undefined) throw new ArgumentError(`${name}: sequences must have a tensor, got none`);
  list.forEach((t, i) => {
    checkLike(first, t, i);
  });
  const longest = list.reduce((most, t) => Math.max(most, t.shape[0] as number), 0);
  const padded = list.map((t) => {
    const rest = longest - (t.shape[0] as number);
    if (rest === 0) return t;
    const padding = full([rest, ...t.shape.slice(1)], value, { dtype: t.dtype });
    return cat(side === 'right' ? [t, padding] : [padding, t], 0);
  });
  return stack(padded, batchFirst ? 0 : 1);
}

function checkLike(first: Tensor, t: Tensor, i: number): void {
  if (t.rank === 0)
    throw new ShapeError(`padSequence: sequence ${i} must have a dimension of its length, got a scalar`);
  if (t.dtype !== first.dtype) {
    throw new DTypeError(`padSequence: sequence ${i} must be ${first.dtype} as sequence 0, got ${t.dtype}`);
  }
  if (t.shape.slice(1).join() !== first.shape.slice(1).join()) {
    const got = `${formatShape(first.shape)} and ${formatShape(t.shape)}`;
    throw new ShapeError(`padSequence: sequence ${i} must be like sequence 0 but for the first dimension, got ${got}`);
  }
}
