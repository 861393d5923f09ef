// Dropout of elements, and variants composed of it and of masks: the random state advances in the kernels.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { isRecorded, record } from '../autograd/tape.js';
import { checkChoice, checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import { kernel } from '../native.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import { ones } from './creation.js';
import { add, mul } from './elementwise.js';
import type { Generator } from './generator.js';
import { checkGenerator, coins, drawnFrom } from './random.js';

/** Options of all variants of dropout. */
export interface DropoutOptions {
  /** The probability of being dropped, in [0, 1]; default 0.5. */
  p?: number;
  /** Whether to drop anything; default true (`alphaDropout`: false, as in PyTorch). Otherwise x is returned. */
  training?: boolean;
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

/** Options of `stochasticDepth`. */
export interface StochasticDepthOptions {
  /** The probability of being dropped, in [0, 1]. */
  p: number;
  /** `row` decides for each sample, `batch` for all at once; default row. */
  mode?: 'row' | 'batch';
  /** Whether to drop anything; default true. Otherwise x is returned. */
  training?: boolean;
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

type DropoutArguments = Positional<DropoutOptions, [p: 'p', training: 'training']>;
type StochasticDepthArguments = Positional<StochasticDepthOptions, [p: 'p', mode: 'mode', training: 'training']>;

const dropoutKernel = kernel('dropout', 'y mask state x p');
const dropoutBackwardKernel = kernel('dropoutBackward', 'dx dy mask p');

/**
 * While training, sets each element to 0 with probability p and multiplies the others by 1 / (1 - p), which keeps the
 * expected value; otherwise returns x itself. Srivastava et al., "Dropout: a simple way to prevent neural networks from
 * overfitting", 2014, https://jmlr.org/papers/v15/srivastava14a.html
 *
 * @param x float tensor of any shape
 * @param args p: in [0, 1], resolved to 2⁻³⁰ (0.5); training (true); option: generator
 * @throws DTypeError when x is not a float tensor
 * @example
 * dropout(ones([2, 3]), 0.2); // [2, 3]
 */
export function dropout(x: Tensor, ...args: DropoutArguments): Tensor {
  const { p, generator } = chance('dropout', x, dropoutOptions('dropout', args));
  if (p === null) return x;
  const state = drawnFrom('dropout', generator);
  const y = empty(x.dims, x.dtype);
  if (!isRecorded([x])) {
    dropoutKernel(y.handle, 0, state.handle, x.handle, p);
    return y;
  }
  const mask = empty(x.dims, 'uint8');
  dropoutKernel(y.handle, mask.handle, state.handle, x.handle, p);
  return record('dropout', y, [x], (dy) => [scaled(dy, mask, p)], [mask]);
}

// x · mask / (1 - p), which is linear in x: its gradient is itself.
function scaled(x: Tensor, mask: Tensor, p: number): Tensor {
  const y = empty(x.dims, x.dtype);
  dropoutBackwardKernel(y.handle, x.handle, mask.handle, p);
  return record('dropoutBackward', y, [x], (dy) => [scaled(dy, mask, p)], [mask]);
}

const dropoutOptions = (name: string, args: DropoutArguments): DropoutOptions =>
  optionsOf<DropoutOptions>(name, args, ['p', 'training'], ['generator']);

// The probability, null if there is nothing to do, and the generator.
function chance(name: string, x: Tensor, options: DropoutOptions) {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const p = checkNumber(name, 'p', options.p ?? 0.5, { min: 0, max: 1 });
  const training = checkFlag(name, 'training', options.training, true);
  const generator = checkGenerator(name, options.generator);
  return { p: training && p > 0 ? p : null, generator };
}

// x times a mask that has size 1 in some dimensions.
function masked(x: Tensor, shape: readonly number[], p: number, generator: Generator): Tensor {
  return allOrNothing(() => mul(x, dropout(ones(shape, { dtype: x.dtype }), { p, generator })));
}

function channels(name: string, x: Tensor, args: DropoutArguments, ranks: readonly number[], hint: string) {
  const { p, generator } = chance(name, x, dropoutOptions(name, args));
  if (!ranks.includes(x.rank)) {
    throw new ShapeError(`${name}: x must have ${ranks.join(' or ')} dimensions, got x ${formatShape(x.dims)}${hint}`);
  }
  if (p === null) return x;
  const kept = Math.max(...ranks) === x.rank ? 2 : 1;
  return masked(
    x,
    x.dims.map((n, i) => (i < kept ? n : 1)),
    p,
    generator,
  );
}

/**
 * While training, sets whole channels to 0 with probability p and multiplies the others by 1 / (1 - p). Tompson et al.,
 * "Efficient object localization using convolutional networks", 2014, https://arxiv.org/abs/1411.4280
 *
 * @param x [batch, channels, length] or [channels, length]
 * @param args p: in [0, 1] (0.5); training (true); option: generator
 * @throws ShapeError when x has other dimensions
 * @example
 * dropout1d(ones([2, 3, 4]), 0.5, false); // [2, 3, 4]
 */
export function dropout1d(x: Tensor, ...args: DropoutArguments): Tensor {
  return channels('dropout1d', x, args, [2, 3], '');
}

/**
 * While training, sets whole channels to 0 with probability p and multiplies the others by 1 / (1 - p), like `dropout1d`.
 *
 * @param x [batch, channels, height, width]
 * @param args as for `dropout1d`
 * @throws ShapeError when x has other dimensions
 * @example
 * dropout2d(ones([2, 3, 4, 4]), 0); // [2, 3, 4, 4]
 */
export function dropout2d(x: Tensor, ...args: DropoutArguments): Tensor {
  return channels('dropout2d', x, args, [4], '; dropout1d takes [batch, channels, length]');
}

/**
 * While training, sets whole channels to 0 with probability p and multiplies the others by 1 / (1 - p), like `dropout1d`.
 *
 * @param x [batch, channels, depth, height, width] or without batch
 * @param args as for `dropout1d`
 * @throws ShapeError when x has other dimensions
 * @example
 * dropout3d(ones([2, 3, 4, 4, 4]), 0); // [2, 3, 4, 4, 4]
 */
export function dropout3d(x: Tensor, ...args: DropoutArguments): Tensor {
  return channels('dropout3d', x, args, [4, 5], '');
}

const alpha = 1.7580993408473766; // -selu(-∞)

/**
 * Dropout for networks of `selu`: while training, sets elements to selu's lower limit with probability p, and scales and shifts
 * all of them to keep mean 0 and deviation 1. Klambauer et al., "Self-normalizing neural networks", 2017,
 * https://arxiv.org/abs/1706.02515
 *
 * @param x float tensor of any shape
 * @param args p: in [0, 1] (0.5); training (false, as in PyTorch); option: generator
 * @throws DTypeError when x is not a float tensor
 * @example
 * alphaDropout(ones([2, 3]), 0.1, true); // [2, 3]
 */
export function alphaDropout(x: Tensor, ...args: DropoutArguments): Tensor {
  return alphaMasked('alphaDropout', x, args, null);
}

/**
 * `alphaDropout` of whole channels: while training, all elements of a channel become selu's lower limit with probability p, and
 * all are scaled and shifted. Klambauer et al., "Self-normalizing neural networks", 2017, https://arxiv.org/abs/1706.02515
 *
 * @param x [batch, channels, …]
 * @param args p: in [0, 1] (0.5); training (false, as in PyTorch); option: generator
 * @throws ShapeError when x has fewer than two dimensions, DTypeError when it is not a float tensor
 * @example
 * featureAlphaDropout(ones([2, 3, 4]), 0.1, true); // [2, 3, 4]
 */
export function featureAlphaDropout(x: Tensor, ...args: DropoutArguments): Tensor {
  return alphaMasked('featureAlphaDropout', x, args, 2);
}

// Alpha dropout that decides for each position in the first `decided` dimensions, or in all.
function alphaMasked(name: string, x: Tensor, args: DropoutArguments, decided: number | null): Tensor {
  const options = dropoutOptions(name, args);
  const { p, generator } = chance(name, x, { ...options, training: options.training ?? false });
  const rank = decided ?? x.rank;
  if (x.rank < rank) {
    throw new ShapeError(`${name}: x must have at least two dimensions, got x ${formatShape(x.dims)}`);
  }
  if (p === null) return x;
  if (p === 1) return mul(x, 0);
  const scale = 1 / Math.sqrt((alpha * alpha * p + 1) * (1 - p));
  const shape = x.dims.map((n, i) => (i < rank ? n : 1));
  return allOrNothing(() => {
    const kept = coins(shape, { p: 1 - p, dtype: x.dtype, generator });
    const shift = add(mul(kept, alpha * scale), (p - 1) * alpha * scale);
    return add(mul(x, mul(kept, scale)), shift);
  });
}

/**
 * While training, sets whole samples to 0 with probability p and multiplies the others by 1 / (1 - p), which on a residual
 * branch skips the branch. Huang et al., "Deep networks with stochastic depth", 2016, https://arxiv.org/abs/1603.09382
 *
 * @param x [batch, …]
 * @param args p: in [0, 1]; mode: 'row' decides for each sample, 'batch' for all at once ('row'); training (true); option:
 *   generator
 * @throws DTypeError when x is not a float tensor
 * @example
 * stochasticDepth(ones([8, 3]), 0.1, 'row'); // [8, 3]
 */
export function stochasticDepth(x: Tensor, ...args: StochasticDepthArguments): Tensor {
  const name = 'stochasticDepth';
  const options = optionsOf<StochasticDepthOptions>(name, args, ['p', 'mode', 'training'], ['generator']);
  const { p, generator } = chance(name, x, { ...options, p: checkNumber(name, 'p', options.p, { min: 0, max: 1 }) });
  const mode = checkChoice(name, 'mode', options.mode, ['row', 'batch'], 'row');
  if (p === null) return x;
  const shape = x.dims.map((n, i) => (i === 0 && mode === 'row' ? n : 1));
  return masked(x, shape, p, generator);
}
