// Samples of a categorical distribution that are differentiable in its logits.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { checkFlag, checkNumber } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { detach } from './copy.js';
import { zeros } from './creation.js';
import { add, div, log, sub } from './elementwise.js';
import { clamp } from './elementwise-compare.js';
import type { Generator } from './generator.js';
import { scatter } from './indexing-write.js';
import { checkGenerator } from './random.js';
import { exponential_ } from './random-in-place.js';
import { argmax } from './reduce-extremes.js';
import { softmax } from './softmax.js';

/** Options of `gumbelSoftmax`. */
export interface GumbelSoftmaxOptions {
  /** The temperature, above 0: the lower, the closer samples are to one-hot vectors; default 1. */
  tau?: number;
  /** Whether samples are one-hot vectors, with the gradient of the smooth ones; default false. */
  hard?: boolean;
  /** The dimension of the classes; default -1. */
  dim?: number;
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

/**
 * Samples of the categorical distribution with the given logits, differentiable in them: softmax((logits + g) / tau) with Gumbel
 * noise g = -log(-log u). Jang et al., "Categorical reparameterization with Gumbel-softmax", 2016,
 * https://arxiv.org/abs/1611.01144
 *
 * @param logits float tensor of any shape but []
 * @param args tau (1), hard (false); options: dim (-1), generator
 * @throws ArgumentError when tau is not above 0, DTypeError when logits is not a float tensor
 * @example
 * nn.functional.gumbelSoftmax(zeros([2, 5]), 0.5, true); // [2, 5], a one in each row
 */
export function gumbelSoftmax(
  logits: Tensor,
  ...args: Positional<GumbelSoftmaxOptions, [tau: 'tau', hard: 'hard']>
): Tensor {
  const name = 'gumbelSoftmax';
  checkTensor(name, 'logits', logits);
  checkFloat(name, 'logits', logits);
  const options = optionsOf<GumbelSoftmaxOptions>(name, args, ['tau', 'hard'], ['dim', 'generator']);
  const tau = checkNumber(name, 'tau', options.tau ?? 1, { min: 0, open: true });
  const hard = checkFlag(name, 'hard', options.hard, false);
  const dim = checkDim(name, options.dim ?? -1, logits.rank);
  const generator = checkGenerator(name, options.generator);
  const { dims, dtype } = logits;
  // A uniform number may be 0, whose noise would be infinite: half of the least number above 0 takes its place.
  const least = dtype === 'float32' ? 2 ** -25 : 2 ** -54;
  return allOrNothing(() => {
    const minusNoise = noGrad(() => log(clamp(exponential_(zeros(dims, { dtype }), { generator }), least)));
    const soft = softmax(div(sub(logits, minusNoise), tau), dim);
    if (!hard) return soft;
    const largest = noGrad(() => scatter(zeros(dims, { dtype }), dim, argmax(soft, { dim, keepDim: true }), 1));
    return add(largest, sub(soft, detach(soft)));
  });
}
