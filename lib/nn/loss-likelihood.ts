// Losses that compare distributions: Kullback-Leibler divergence and the likelihoods of Poisson and Gauss. They are composed
// of operations, which differentiate them.
import { isRecording } from '../context.js';
import { ArgumentError, checkChoice, checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import { add, div, exp, log, mul, neg, square, sub } from '../ops/elementwise.js';
import { eq, gt, lt, where } from '../ops/elementwise-compare.js';
import { any, sum } from '../ops/reduce.js';
import { unsqueeze } from '../ops/shape.js';
import { checkOptions } from '../options.js';
import { type Shape, sameShape } from '../shape.js';
import { checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { checkPair, checkReduction, type LossOptions, type Reduction, reduceLosses } from './loss-common.js';

/** Options of `klDiv`. */
export interface KLDivOptions {
  /**
   * `'mean'` (default, over all elements), `'batchmean'` (the sum divided by the size of the first dimension, which is the
   * divergence of a batch), `'sum'`, or `'none'`.
   */
  reduction?: Reduction | 'batchmean';
  /** Whether the target holds log-probabilities, too; default false. */
  logTarget?: boolean;
}

/** @internal */
export function klDivOptions(name: string, options: KLDivOptions | undefined): Required<KLDivOptions> {
  checkOptions(name, options, ['reduction', 'logTarget']);
  return {
    reduction: checkChoice(name, 'reduction', options?.reduction, ['mean', 'batchmean', 'sum', 'none'], 'mean'),
    logTarget: checkFlag(name, 'logTarget', options?.logTarget, false),
  };
}

/**
 * Kullback-Leibler divergence of each element: target (log target - input), 0 where target is 0; with logTarget
 * exp(target) (target - input). (Kullback and Leibler, On Information and Sufficiency, 1951)
 *
 * @param input log-probabilities, any shape
 * @param target probabilities of input's shape and dtype, or log-probabilities with logTarget
 * @param options reduction (default 'mean', or 'batchmean', 'sum', 'none'), logTarget (default false)
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * const p = tensor([[0.5, 0.5]]);
 * nn.functional.klDiv(tensor([[0.25, 0.75]]).log(), p, { reduction: 'batchmean' }); // 0.14384
 */
export function klDiv(input: Tensor, target: Tensor, options?: KLDivOptions): Tensor {
  const { reduction, logTarget } = klDivOptions('klDiv', options);
  checkPair('klDiv', input, target);
  // A target of 0 contributes 0 log 0 = 0, and a finite gradient.
  const logarithm = (): Tensor => log(where(eq(target, 0), 1, target));
  const losses = logTarget ? mul(exp(target), sub(target, input)) : sub(mul(target, logarithm()), mul(target, input));
  if (reduction !== 'batchmean') return reduceLosses(losses, reduction);
  return mul(sum(losses), 1 / (input.dims[0] ?? 1));
}

/** Options of `poissonNllLoss`. */
export interface PoissonNLLLossOptions extends LossOptions {
  /** Whether the input is the logarithm of the rate; default true. */
  logInput?: boolean;
  /** Whether Stirling's approximation of log(target!) is added where target > 1; default false. */
  full?: boolean;
  /** Added to a rate before its logarithm is taken; default 1e-8. */
  eps?: number;
}

/** @internal */
export function poissonOptions(
  name: string,
  options: PoissonNLLLossOptions | undefined,
): Required<PoissonNLLLossOptions> {
  const reduction = checkReduction(name, options, ['logInput', 'full', 'eps']);
  const logInput = checkFlag(name, 'logInput', options?.logInput, true);
  const full = checkFlag(name, 'full', options?.full, false);
  return { reduction, logInput, full, eps: checkNumber(name, 'eps', options?.eps ?? 1e-8) };
}

/**
 * Negative log-likelihood of counts: exp(input) - target input, or, without logInput, input - target log(input + eps).
 *
 * @param input logarithms of rates, or rates without logInput; any shape
 * @param target counts, of input's shape and dtype
 * @param options logInput (default true), full (default false), eps (default 1e-8), reduction
 * @throws ShapeError, DTypeError when the two differ; they are not broadcast
 * @example
 * nn.functional.poissonNllLoss(tensor([0, 1]), tensor([1, 2]), { reduction: 'none' }); // [1, 0.71828]
 */
export function poissonNllLoss(input: Tensor, target: Tensor, options?: PoissonNLLLossOptions): Tensor {
  const { reduction, logInput, full, eps } = poissonOptions('poissonNllLoss', options);
  checkPair('poissonNllLoss', input, target);
  const losses = logInput ? sub(exp(input), mul(target, input)) : sub(input, mul(target, log(add(input, eps))));
  return reduceLosses(full ? add(losses, stirling(target)) : losses, reduction);
}

// log(n!) ≈ n log n - n + log(2πn) / 2 for n > 1, otherwise 0.
function stirling(target: Tensor): Tensor {
  const isLarge = gt(target, 1);
  const n = where(isLarge, target, 1);
  const terms = add(sub(mul(n, log(n)), n), mul(log(mul(n, 2 * Math.PI)), 0.5));
  return where(isLarge, terms, 0);
}

/** Options of `gaussianNllLoss`. */
export interface GaussianNLLLossOptions extends LossOptions {
  /** Whether the constant log(2π) / 2 is added; default false. */
  full?: boolean;
  /** The least variance; default 1e-6. */
  eps?: number;
}

/** @internal */
export function gaussianOptions(
  name: string,
  options: GaussianNLLLossOptions | undefined,
): Required<GaussianNLLLossOptions> {
  const reduction = checkReduction(name, options, ['full', 'eps']);
  const eps = checkNumber(name, 'eps', options?.eps ?? 1e-6, { min: 0, open: true });
  return { reduction, full: checkFlag(name, 'full', options?.full, false), eps };
}

// The variances, broadcast to the input: of its shape, without its last dimension, or with one dimension of size 1.
function checkVariance(input: Tensor, variance: Tensor): Tensor {
  checkTensor('gaussianNllLoss', 'var', variance);
  checkSameDType('gaussianNllLoss', ['input', 'var'], [input, variance]);
  // A step that is recorded cannot read the values: there, what is below eps counts as eps.
  if (!isRecording() && any(lt(variance.detach(), 0)).item() !== 0) {
    throw new ArgumentError('gaussianNllLoss: variances must be at least 0, got a negative one');
  }
  const { dims } = input;
  if (sameShape(variance.dims, dims)) return variance;
  if (sameShape(variance.dims, dims.slice(0, -1))) return unsqueeze(variance, variance.rank);
  const isOneShared = (shape: Shape): boolean => {
    const different = shape.flatMap((n, d) => (n === dims[d] ? [] : [n]));
    return shape.length === dims.length && different.length === 1 && different[0] === 1;
  };
  if (isOneShared(variance.dims)) return variance;
  throw new ShapeError(
    `gaussianNllLoss: var must have input's shape, one dimension of size 1 in it or no last one, got input ${formatShape(dims)} and var ${formatShape(variance.dims)}`,
  );
}

/**
 * Negative log-likelihood of normal variables: (log v + (input - target)² / v) / 2 with v = max(var, eps). Gradients flow to
 * var as if it were not limited. (Nix and Weigend, Estimating the mean and variance of the target probability distribution,
 * 1994)
 *
 * @param input means, any shape
 * @param target samples, of input's shape and dtype
 * @param variance variances: a number, or a tensor of input's shape, without its last dimension, or with size 1 in one
 * @param options full (default false), eps (default 1e-6), reduction
 * @throws ArgumentError when a variance is negative; a compiled step, which does not look at values, takes it for eps
 * @throws ShapeError, DTypeError when the tensors do not match
 * @example
 * nn.functional.gaussianNllLoss(tensor([1, 2]), tensor([1, 4]), tensor([1, 1]), { reduction: 'none' }); // [0, 2]
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor | number,
  options?: GaussianNLLLossOptions,
): Tensor {
  const { reduction, full, eps } = gaussianOptions('gaussianNllLoss', options);
  checkPair('gaussianNllLoss', input, target);
  const error = square(sub(input, target));
  const constant = full ? Math.log(2 * Math.PI) / 2 : 0;
  const from = (logarithm: Tensor | number, quotient: Tensor): Tensor => {
    const losses = mul(add(quotient, logarithm), 0.5);
    return reduceLosses(full ? add(losses, constant) : losses, reduction);
  };
  if (typeof variance === 'number') {
    const v = Math.max(checkNumber('gaussianNllLoss', 'var', variance, { min: 0 }), eps);
    return from(Math.log(v), mul(error, 1 / v));
  }
  const given = checkVariance(input, variance);
  // eps in value, the variance in gradient.
  const v = where(lt(given, eps), add(add(given, neg(given.detach())), eps), given);
  return from(log(v), div(error, v));
}
