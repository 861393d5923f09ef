// Poisson counts as a function. It stands here because its sampler is that of the distribution, made of methods of tensors, which
// stand above the operations.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import type { Source } from './distribution.js';
import { poissons } from './samplers.js';

/**
 * Random numbers of events, each with the mean that an element of x gives, in x's shape and dtype.
 *
 * @param x float, at least 0
 * @param options generator
 * @example
 * poisson(tensor([0, 0])); // [0, 0]
 */
export function poisson(x: Tensor, options?: Source): Tensor {
  checkTensor('poisson', 'x', x);
  checkFloat('poisson', 'x', x);
  const source = optionsOf<Source>('poisson', [options], [], ['generator']);
  return allOrNothing(() => noGrad(() => poissons(x, x.dims, source)));
}
