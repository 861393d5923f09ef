// Draws from given probabilities. The kernels are those of the families random and sort.

import { optionsOf, type Positional } from '../arguments.js';
import { checkFault } from '../context.js';
import { ArgumentError, checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { type Fault, kernel } from '../native.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import type { Generator } from './generator.js';
import { checkGenerator, drawnFrom } from './random.js';
import { topkKernel } from './sort.js';

const multinomialKernel = kernel('multinomial', 'y state weights rows n draws');
const waitingTimesKernel = kernel('waitingTimes', 'times state weights rows n draws');

/** Options of `multinomial`. */
export interface MultinomialOptions {
  /** Draws from each row. */
  numSamples: number;
  /** Whether a position may be drawn again; default false. */
  replacement?: boolean;
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

type MultinomialArguments = Positional<MultinomialOptions, [numSamples: 'numSamples', replacement: 'replacement']>;

/**
 * Draws positions at random, with probabilities proportional to weights: tokens from a model's softmax, say. Without
 * replacement, they are in the order in which they were drawn.
 *
 * @param weights float [n] or [rows, n], not negative; they need not sum to 1
 * @param args numSamples: draws from each row; replacement (false); option: generator
 * @returns int32 [numSamples] or [rows, numSamples]
 * @throws ArgumentError when a weight is negative or not finite, or a row has too few positive ones
 * @example
 * const token = multinomial(tensor([0.1, 0, 0.9]), 1);
 */
export function multinomial(weights: Tensor, ...args: MultinomialArguments): Tensor {
  checkTensor('multinomial', 'weights', weights);
  checkFloat('multinomial', 'weights', weights);
  const options = optionsOf<MultinomialOptions>('multinomial', args, ['numSamples', 'replacement'], ['generator']);
  const replacement = checkFlag('multinomial', 'replacement', options.replacement, false);
  const n = weights.dims[weights.rank - 1];
  if (n === undefined || n === 0 || weights.rank > 2) {
    throw new ShapeError(
      `multinomial: weights must be [n] or [rows, n] with n above 0, got ${formatShape(weights.dims)}`,
    );
  }
  const numSamples = checkInteger('multinomial', 'numSamples', options.numSamples, 1);
  const generator = checkGenerator('multinomial', options.generator);
  const rows = weights.size / n;
  const y = empty([...weights.dims.slice(0, -1), numSamples], 'int32');
  if (rows === 0) return y;
  const state = drawnFrom('multinomial', generator);
  const ins = [state.handle, weights.handle, rows, n, numSamples];
  if (replacement) {
    checkWeights(multinomialKernel(y.handle, ...ins), weights.size, 1);
  } else {
    const times = empty(weights.dims, 'float64');
    checkWeights(waitingTimesKernel(times.handle, ...ins), weights.size, numSamples);
    topkKernel(y.handle, times.handle, rows, n, numSamples, 0);
    times.dispose();
  }
  return y;
}

function checkWeights(fault: Fault | undefined, size: number, min: number): void {
  checkFault(fault, ({ position, value }) => {
    if (position < size) {
      const rule = 'weights must be finite and at least 0';
      return new ArgumentError(`multinomial: ${rule}, got ${value} (element ${position})`);
    }
    const rule = `each row must have at least ${min} positive weight${min === 1 ? '' : 's'}`;
    return new ArgumentError(
      `multinomial: ${rule}, got ${value} (row ${position - size}); draw fewer, or with replacement`,
    );
  });
}
