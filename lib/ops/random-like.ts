// Random tensors of the shape of others, or with their elements as parameters.
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { checkOptions } from '../options.js';
import { checkDType, checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { tensorOptions, zeros } from './creation.js';
import type { Generator } from './generator.js';
import { checkGenerator, type RandomOptions, rand, randint, randn } from './random.js';
import { bernoulli_ } from './random-in-place.js';

const known = [...tensorOptions, 'generator'];

function like(name: string, x: Tensor, options: RandomOptions | undefined): RandomOptions {
  checkTensor(name, 'x', x);
  checkOptions(name, options, known);
  return { ...options, dtype: checkDType(name, options?.dtype, x.dtype) };
}

/**
 * Numbers uniform in [0, 1) in the shape and dtype of x.
 *
 * @param options dtype, generator, requiresGrad
 * @example
 * randLike(zeros(2, 3)); // [2, 3]
 */
export function randLike(x: Tensor, options?: RandomOptions): Tensor {
  const given = like('randLike', x, options);
  return rand(x.dims, given);
}

/**
 * Standard normal numbers in the shape and dtype of x.
 *
 * @param options dtype, generator, requiresGrad
 * @example
 * randnLike(zeros(2, 3)); // [2, 3]
 */
export function randnLike(x: Tensor, options?: RandomOptions): Tensor {
  const given = like('randnLike', x, options);
  return randn(x.dims, given);
}

/**
 * Integers uniform in [low, high) in the shape and dtype of x; `randintLike(x, high)` counts from 0. The options are those of
 * `randint`.
 *
 * @example
 * randintLike(zeros(2, 3), 10); // [2, 3]
 */
export function randintLike(
  x: Tensor,
  ...args: [high: number, options?: RandomOptions] | [low: number, high: number, options?: RandomOptions]
): Tensor {
  const [first, second, third] = args;
  const isPair = typeof second === 'number';
  const given = like('randintLike', x, isPair ? third : second);
  return isPair ? randint(first, second, x.dims, given) : randint(0, first, x.dims, given);
}

/** Where the numbers come from; default: the generator that `manualSeed` seeds. */
interface Source {
  generator?: Generator;
}

/**
 * 1 with the probability that each element of x gives, else 0, in x's shape and dtype. With a number p, 1 with this probability.
 *
 * @param x float, in [0, 1]; of any values and dtype if p is given
 * @param args p, then { generator }
 * @example
 * bernoulli(tensor([0, 1])); // [0, 1]
 */
export function bernoulli(
  x: Tensor,
  ...args: [options?: Source & { p?: number }] | [p: number, options?: Source]
): Tensor {
  checkTensor('bernoulli', 'x', x);
  const { p, generator } = optionsOf<Source & { p: number }>('bernoulli', args, ['p'], ['generator']);
  if (p === undefined) checkFloat('bernoulli', 'x', x);
  const source = { generator: checkGenerator('bernoulli', generator) };
  return noGrad(() => bernoulli_(zeros(x.dims, { dtype: x.dtype }), p ?? x.detach(), source));
}
