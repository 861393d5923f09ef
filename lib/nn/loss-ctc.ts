// Connectionist temporal classification: the recursion over time, composed of operations, which differentiate it.
import { optionsOf, type Positional } from '../arguments.js';
import { isRecording, refuseReading } from '../context.js';
import { checkEach, checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { to } from '../ops/copy.js';
import { arange, full, tensor } from '../ops/creation.js';
import { add, div, mul, neg, sub } from '../ops/elementwise.js';
import { eq, ge, lt, ne, where } from '../ops/elementwise-compare.js';
import { gathered } from '../ops/indexing.js';
import { pad } from '../ops/padding.js';
import { logsumexp } from '../ops/reduce-statistics.js';
import { expand, reshape, squeeze, unsqueeze } from '../ops/shape.js';
import { slice, stack } from '../ops/shape-slice.js';
import { checkInt32, Tensor } from '../tensor.js';
import { checkInput, type LossOptions, reduceLosses, reductionOf } from './loss-common.js';
import { Loss } from './loss-modules.js';

/** Options of `ctcLoss`. */
export interface CTCLossOptions extends LossOptions {
  /** The class that stands for no label; default 0. */
  blank?: number;
  /** Whether a target that is too long for its input has the loss 0 instead of infinity; default false. */
  zeroInfinity?: boolean;
}

/** blank by position or in the options, and the rest. */
export type CTCLossArguments = Positional<CTCLossOptions, [blank: 'blank']>;

/** Lengths: int32 [batch] (or a scalar without batch), or an array of numbers. */
export type Lengths = Tensor | readonly number[];

function ctcOptions(name: string, args: readonly unknown[]): Required<CTCLossOptions> {
  const options = optionsOf<CTCLossOptions>(name, args, ['blank'], ['reduction', 'zeroInfinity']);
  return {
    blank: checkInteger(name, 'blank', options.blank ?? 0),
    reduction: reductionOf(name, options),
    zeroInfinity: checkFlag(name, 'zeroInfinity', options.zeroInfinity, false),
  };
}

// Lengths as a tensor [batch]; what they are is checked unless a step is recorded, which does not look at values.
function lengthsOf(name: string, value: Lengths, batch: number, most: number): Tensor {
  const isTensor = value instanceof Tensor;
  const numbers = isTensor
    ? null
    : checkEach('ctcLoss', name, 'must be a tensor or an array of numbers', value, (n, i) =>
        checkInteger('ctcLoss', `${name}[${i}]`, n, 0, most),
      );
  const lengths = numbers === null ? checkInt32('ctcLoss', name, value as Tensor) : tensor(Int32Array.from(numbers));
  if (lengths.size !== batch || lengths.rank > 1) {
    throw new ShapeError(
      `ctcLoss: ${name} must have one length for each of ${batch} inputs, got ${formatShape(lengths.dims)}`,
    );
  }
  if (numbers === null && !isRecording()) {
    for (const n of lengths.toTypedArray()) checkInteger('ctcLoss', `each of ${name}`, n, 0, most);
  }
  return reshape(lengths, [batch]);
}

// Targets [batch, most] of targets one after another.
function padded(targets: Tensor, given: Lengths, batch: number): { targets: Tensor; lengths: Tensor } {
  if (given instanceof Tensor)
    refuseReading('ctcLoss', 'give targets as [batch, length], or targetLengths as an array');
  const lengths = lengthsOf('targetLengths', given, batch, targets.size);
  const numbers = given instanceof Tensor ? Array.from(given.toTypedArray()) : given;
  const total = numbers.reduce((a, b) => a + b, 0);
  if (total !== targets.size) {
    throw new ShapeError(
      `ctcLoss: targets must have as many elements as targetLengths say, ${total}, got ${targets.size}`,
    );
  }
  const longest = numbers.reduce((a, b) => Math.max(a, b), 0);
  let start = 0;
  const rows = numbers.map((n) => {
    const row = slice(targets, { start, end: start + n });
    start += n;
    return pad(row, [0, longest - n]);
  });
  return { targets: rows.length === 0 ? reshape(targets, [0, 0]) : stack(rows), lengths };
}

/**
 * Connectionist temporal classification: -log of the probability that a sequence of classes, without repetitions and then
 * without blanks, is the target. (Graves et al., Connectionist temporal classification, 2006,
 * https://doi.org/10.1145/1143844.1143891)
 *
 * @param logProbs log-probabilities, as `logSoftmax` gives them: [time, batch, classes], or [time, classes]
 * @param targets classes, int32, [batch, length], or all one after another; without batch [length]
 * @param inputLengths how much of the time each input lasts: int32 [batch], or an array
 * @param targetLengths how many labels of each target count: int32 [batch], or an array
 * @param args blank (default 0), reduction (default 'mean', of the losses divided by their targets' lengths), zeroInfinity
 *   (default false)
 * @returns a scalar, or [batch] with reduction `'none'`
 * @throws ArgumentError when a length or a label is out of range; StateError in a compiled step for targets one after another
 *   whose lengths are a tensor
 * @example
 * const logProbs = zeros([2, 1, 2]).logSoftmax(2); // a blank or class 1, each with probability 1/2
 * nn.functional.ctcLoss(logProbs, tensor([[1]], { dtype: 'int32' }), [2], [1]); // -log(3/4), 0.28768
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Lengths,
  targetLengths: Lengths,
  ...args: CTCLossArguments
): Tensor {
  const { blank, reduction, zeroInfinity } = ctcOptions('ctcLoss', args);
  checkInput('ctcLoss', logProbs);
  checkInt32('ctcLoss', 'targets', targets);
  const isBatched = logProbs.rank === 3;
  if (
    (!isBatched && logProbs.rank !== 2) ||
    logProbs.dims[0] === 0 ||
    targets.rank < 1 ||
    targets.rank > logProbs.rank - 1
  ) {
    throw new ShapeError(
      `ctcLoss: logProbs must be [time, batch, classes] with targets [batch, length] or one after another, or [time, classes] with targets [length], got logProbs ${formatShape(logProbs.dims)} and targets ${formatShape(targets.dims)}`,
    );
  }
  const x = isBatched ? logProbs : unsqueeze(logProbs, 1);
  const [time, batch, classes] = x.dims as [number, number, number];
  checkInteger('ctcLoss', 'blank', blank, 0, classes - 1);
  const durations = lengthsOf('inputLengths', inputLengths, batch, time);
  let labels = isBatched ? targets : unsqueeze(targets, 0);
  let lengths: Tensor;
  if (labels.rank === 1) ({ targets: labels, lengths } = padded(targets, targetLengths, batch));
  else {
    if (labels.dims[0] !== batch) {
      throw new ShapeError(
        `ctcLoss: targets must have ${batch} rows for logProbs ${formatShape(logProbs.dims)}, got ${formatShape(targets.dims)}`,
      );
    }
    lengths = lengthsOf('targetLengths', targetLengths, batch, labels.dims[1] as number);
  }
  const losses = forward(x, extended(labels, lengths, blank), durations, lengths, blank);
  const finite = zeroInfinity ? where(eq(losses, Infinity), 0, losses) : losses;
  if (reduction === 'none') return isBatched ? finite : squeeze(finite, 0);
  if (reduction === 'sum') return reduceLosses(finite, 'sum');
  const divisors = to(where(lt(lengths, 1), 1, lengths), x.dtype);
  return reduceLosses(div(finite, divisors), 'mean');
}

// Labels with a blank before, between and after them, [batch, 2 · length + 1]; blanks where they end.
function extended(labels: Tensor, lengths: Tensor, blank: number): Tensor {
  const [batch, longest] = labels.dims as [number, number];
  const counts = lt(unsqueeze(arange(longest, { dtype: 'int32' }), 0), unsqueeze(lengths, 1));
  const shown = where(counts, labels, blank);
  const blanks = full([batch, longest], blank, { dtype: 'int32' });
  const pairs = reshape(stack([blanks, shown], 2), [batch, 2 * longest]);
  return pad(pairs, [0, 1], { value: blank });
}

// The losses [batch]. α[n, s] is the log-probability of all ways to have come to state s, a blank or a label.
function forward(x: Tensor, states: Tensor, durations: Tensor, lengths: Tensor, blank: number): Tensor {
  const [time, batch] = x.dims as [number, number];
  const count = states.dims[1] as number;
  const logs = gathered(x, expand(unsqueeze(states, 0), [time, batch, count]), 2, 'ctcLoss');
  const at = (t: number): Tensor => squeeze(slice(logs, { start: t, end: t + 1 }), 0);
  // Between two labels that differ, the blank may be left out; two before a blank is another.
  const before = pad(states, [2, 0], { value: blank });
  const skips = ne(states, slice(before, { dim: 1, end: count }));
  const isStart = lt(unsqueeze(arange(count, { dtype: 'int32' }), 0), 2);
  let alpha = where(expand(isStart, [batch, count]), at(0), -Infinity);
  for (let t = 1; t < time; t++) {
    const from = pad(alpha, [2, 0], { value: -Infinity });
    const skipped = where(skips, slice(from, { dim: 1, end: count }), -Infinity);
    const next = slice(from, { dim: 1, start: 1, end: count + 1 });
    const moved = add(logsumexp(stack([alpha, next, skipped]), 0), at(t));
    alpha = where(unsqueeze(lt(t, durations), 1), moved, alpha);
  }
  const last = mul(lengths, 2);
  const hasLabels = ge(lengths, 1);
  const end = (index: Tensor): Tensor => squeeze(gathered(alpha, unsqueeze(index, 1), 1, 'ctcLoss'), 1);
  const ofBlank = end(last);
  const ofLabel = where(hasLabels, end(where(hasLabels, sub(last, 1), 0)), -Infinity);
  const losses = neg(logsumexp(stack([ofBlank, ofLabel]), 0));
  // An input of no time has only the empty target.
  const ofNoTime = where(hasLabels, full([batch], Infinity, { dtype: x.dtype }), 0);
  return where(ge(durations, 1), losses, ofNoTime);
}

/**
 * Connectionist temporal classification; see `nn.functional.ctcLoss`. Arguments: blank (0), reduction ('mean'), zeroInfinity
 * (false).
 *
 * @throws ShapeError, DTypeError, ArgumentError as the function
 * @example
 * const logProbs = zeros([2, 1, 2]).logSoftmax(2);
 * new nn.CTCLoss().forward(logProbs, tensor([[1]], { dtype: 'int32' }), [2], [1]); // 0.28768
 */
export class CTCLoss extends Loss<[logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths]> {
  readonly blank: number;
  readonly zeroInfinity: boolean;

  constructor(...args: CTCLossArguments) {
    const o = ctcOptions('CTCLoss', args);
    super('CTCLoss', o);
    this.blank = o.blank;
    this.zeroInfinity = o.zeroInfinity;
  }

  forward(logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths): Tensor {
    const { blank, reduction, zeroInfinity } = this;
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, { blank, reduction, zeroInfinity });
  }
}
