// Activation functions. Each takes a float tensor of any shape and returns one of the same shape and dtype; another dtype
// is a DTypeError, an unknown option or one out of range an ArgumentError. The gradients are fused kernels; second
// derivatives are those of the derivative composed of operations.
import { optionsOf, type Positional } from '../arguments.js';
import { checkChoice, checkNumber } from '../errors.js';
import { kernel } from '../native.js';
import type { Tensor } from '../tensor.js';
import { to } from './copy.js';
import { onesLike } from './creation.js';
import { add, erf, exp, mul, square, sub, unary } from './elementwise.js';
import { clamp, clampKernel, gt, logicalAnd, lt, where } from './elementwise-compare.js';

// 1 where the mask is set, else `low`: the slopes of piecewise linear functions.
function slopes(mask: Tensor, low: number, x: Tensor): Tensor {
  return where(mask, onesLike(x), low);
}

const tanhKernel = kernel('tanh', 'y x');
const tanhBackwardKernel = kernel('tanhBackward', 'dx dy y');

/**
 * tanh(x) = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ).
 *
 * @param x of any shape, and the result like it
 * @throws DTypeError when x is not a float tensor
 * @example
 * tanh(tensor([0, 1])); // [0, 0.76159]
 */
export function tanh(x: Tensor): Tensor {
  return unary('tanh', tanhKernel, x, tanhBackwardKernel, 'y', (y) => sub(1, square(y)));
}

const sigmoidKernel = kernel('sigmoid', 'y x');
const sigmoidBackwardKernel = kernel('sigmoidBackward', 'dx dy y');

/**
 * σ(x) = 1 / (1 + e⁻ˣ).
 *
 * @param x of any shape, and the result like it
 * @throws DTypeError when x is not a float tensor
 * @example
 * sigmoid(tensor([0, 2])); // [0.5, 0.8808]
 */
export function sigmoid(x: Tensor): Tensor {
  return unary('sigmoid', sigmoidKernel, x, sigmoidBackwardKernel, 'y', (y) => mul(y, sub(1, y)));
}

const reluKernel = kernel('relu', 'y x');
const reluBackwardKernel = kernel('reluBackward', 'dx dy y');

/**
 * max(x, 0); NaN stays NaN. The gradient at 0 is 0.
 * Nair and Hinton, "Rectified linear units improve restricted Boltzmann
 * machines", 2010, https://dl.acm.org/doi/10.5555/3104322.3104425
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * relu(tensor([-1, 2])); // [0, 2]
 */
export function relu(x: Tensor): Tensor {
  return unary('relu', reluKernel, x, reluBackwardKernel, 'y', (y) => to(gt(y, 0), y.dtype));
}

/** The slope where x < 0, by position or in options. */
export type LeakyReluArguments = [options?: { negativeSlope?: number }] | [negativeSlope: number];

/** @internal */
export function negativeSlopeOf(name: string, args: readonly unknown[]): number {
  const { negativeSlope = 0.01 } = optionsOf<{ negativeSlope: number }>(name, args, ['negativeSlope']);
  return checkNumber(name, 'negativeSlope', negativeSlope);
}

const leakyReluKernel = kernel('leakyRelu', 'y x negativeSlope');
const leakyReluBackwardKernel = kernel('leakyReluBackward', 'dx dy x negativeSlope');

/**
 * x where x > 0, else negativeSlope · x.
 * Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic
 * models", 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf
 *
 * @param args negativeSlope: default 0.01
 * @throws DTypeError when x is not a float tensor
 * @example
 * leakyRelu(tensor([-2, 3]), 0.1); // [-0.2, 3]
 */
export function leakyRelu(x: Tensor, ...args: LeakyReluArguments): Tensor {
  const slope = negativeSlopeOf('leakyRelu', args);
  const derivative = (x: Tensor) => slopes(gt(x, 0), slope, x);
  return unary('leakyRelu', leakyReluKernel, x, leakyReluBackwardKernel, 'x', derivative, [slope]);
}

/** alpha, by position or in options. */
export type EluArguments = [options?: { alpha?: number }] | [alpha: number];

/** @internal */
export function alphaOf(name: string, args: readonly unknown[]): number {
  const { alpha = 1 } = optionsOf<{ alpha: number }>(name, args, ['alpha']);
  return checkNumber(name, 'alpha', alpha);
}

const eluKernel = kernel('elu', 'y x alpha scale');
const eluBackwardKernel = kernel('eluBackward', 'dx dy x alpha scale');

function scaledElu(name: string, x: Tensor, alpha: number, scale: number): Tensor {
  // exp of min(x, 0): for large x it is not used, but its infinity would make the second derivative NaN.
  const derivative = (x: Tensor) => where(gt(x, 0), scale, mul(exp(clamp(x, { max: 0 })), scale * alpha));
  return unary(name, eluKernel, x, eluBackwardKernel, 'x', derivative, [alpha, scale]);
}

/**
 * Exponential linear unit: x where x > 0, else alpha (eˣ - 1). Clevert, Unterthiner, Hochreiter, "Fast and accurate deep
 * network learning by exponential linear units", 2015, https://arxiv.org/abs/1511.07289
 *
 * @param args alpha: default 1
 * @throws DTypeError when x is not a float tensor
 * @example
 * elu(tensor([-1, 2])); // [-0.63212, 2]
 */
export function elu(x: Tensor, ...args: EluArguments): Tensor {
  return scaledElu('elu', x, alphaOf('elu', args), 1);
}

/**
 * Scaled exponential linear unit: 1.0507 (x where x > 0, else 1.6733 (eˣ - 1)). Klambauer, Unterthiner, Mayr, Hochreiter,
 * "Self-normalizing neural networks", 2017, https://arxiv.org/abs/1706.02515
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * selu(tensor([-1, 1])); // [-1.11133, 1.0507]
 */
export function selu(x: Tensor): Tensor {
  return scaledElu('selu', x, 1.6732632423543772, 1.0507009873554805);
}

/** The formula, by position or in options. */
export type GeluArguments = [options?: { approximate?: 'none' | 'tanh' }] | [approximate: 'none' | 'tanh'];

/** @internal */
export function approximationOf(name: string, args: readonly unknown[]): 'none' | 'tanh' {
  const { approximate } = optionsOf<{ approximate: string }>(name, args, ['approximate']);
  return checkChoice(name, 'approximate', approximate, ['none', 'tanh'], 'none');
}

const geluKernel = kernel('gelu', 'y x');
const geluBackwardKernel = kernel('geluBackward', 'dx dy x');
const geluTanhKernel = kernel('geluTanh', 'y x');
const geluTanhBackwardKernel = kernel('geluTanhBackward', 'dx dy x');

/**
 * Gaussian error linear unit: x Φ(x) = x / 2 (1 + erf(x / √2)). Hendrycks, Gimpel, "Gaussian error linear units", 2016,
 * https://arxiv.org/abs/1606.08415
 *
 * @param args approximate: `none` (default), or `tanh` for x / 2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
 * @throws DTypeError when x is not a float tensor
 * @example
 * gelu(tensor([-1, 1])); // [-0.15866, 0.84134]
 */
export function gelu(x: Tensor, ...args: GeluArguments): Tensor {
  if (approximationOf('gelu', args) === 'tanh')
    return unary('gelu', geluTanhKernel, x, geluTanhBackwardKernel, 'x', geluTanhDerivative);
  return unary('gelu', geluKernel, x, geluBackwardKernel, 'x', (x) => {
    const below = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    return add(below, mul(mul(x, exp(mul(square(x), -0.5))), 1 / Math.sqrt(2 * Math.PI)));
  });
}

// x σ(u) with u = c x + c d x³: σ(u) + x σ(u) (1 - σ(u)) u′.
function geluTanhDerivative(x: Tensor): Tensor {
  const c = 2 * Math.sqrt(2 / Math.PI);
  const cubic = 0.044715 * c;
  const x2 = square(x);
  const s = sigmoid(mul(x, add(mul(x2, cubic), c)));
  return add(s, mul(mul(mul(x, add(mul(x2, 3 * cubic), c)), s), sub(1, s)));
}

const siluKernel = kernel('silu', 'y x');
const siluBackwardKernel = kernel('siluBackward', 'dx dy x');

/**
 * Sigmoid linear unit, also named swish: x σ(x).
 * Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network
 * function approximation in reinforcement learning", 2017, https://arxiv.org/abs/1702.03118
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * silu(tensor([-1, 1])); // [-0.26894, 0.73106]
 */
export function silu(x: Tensor): Tensor {
  return unary('silu', siluKernel, x, siluBackwardKernel, 'x', (x) => {
    const s = sigmoid(x);
    return mul(s, add(mul(x, sub(1, s)), 1));
  });
}

/** beta and threshold, by position or in options. */
export type SoftplusArguments = Positional<{ beta?: number; threshold?: number }, ['beta', 'threshold']>;

/** @internal */
export function softplusOf(name: string, args: readonly unknown[]) {
  const { beta = 1, threshold = 20 } = optionsOf<{ beta: number; threshold: number }>(name, args, [
    'beta',
    'threshold',
  ]);
  return {
    beta: checkNumber(name, 'beta', beta, { min: 0, open: true }),
    threshold: checkNumber(name, 'threshold', threshold),
  };
}

const softplusKernel = kernel('softplus', 'y x beta threshold');
const softplusBackwardKernel = kernel('softplusBackward', 'dx dy x beta threshold');

/**
 * log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.
 * Dugas et al., "Incorporating second-order functional knowledge for better
 * option pricing", 2000, https://papers.nips.cc/paper/1920-incorporating-second-order-functional-knowledge-for-better-option-pricing
 *
 * @param args beta: above 0, default 1; threshold: default 20
 * @throws DTypeError when x is not a float tensor
 * @example
 * softplus(tensor([0, 30])); // [0.69315, 30]
 */
export function softplus(x: Tensor, ...args: SoftplusArguments): Tensor {
  const { beta, threshold } = softplusOf('softplus', args);
  const derivative = (x: Tensor) => {
    const z = mul(x, beta);
    return where(gt(z, threshold), 1, sigmoid(z));
  };
  return unary('softplus', softplusKernel, x, softplusBackwardKernel, 'x', derivative, [beta, threshold]);
}

/** The limits, by position or in options. */
export type HardtanhArguments = Positional<{ minVal?: number; maxVal?: number }, ['minVal', 'maxVal']>;

/** @internal */
export function limitsOf(name: string, args: readonly unknown[]) {
  const { minVal = -1, maxVal = 1 } = optionsOf<{ minVal: number; maxVal: number }>(name, args, ['minVal', 'maxVal']);
  const min = checkNumber(name, 'minVal', minVal);
  return { min, max: checkNumber(name, 'maxVal', maxVal, { min, open: true }) };
}

const hardtanhBackwardKernel = kernel('hardtanhBackward', 'dx dy x least most');

/**
 * x limited to [minVal, maxVal]; NaN stays NaN. The gradient at both ends is 0.
 *
 * @param args minVal: default -1; maxVal: above minVal, default 1
 * @throws DTypeError when x is not a float tensor
 * @example
 * hardtanh(tensor([-2, 0.5, 3])); // [-1, 0.5, 1]
 */
export function hardtanh(x: Tensor, ...args: HardtanhArguments): Tensor {
  const { min, max } = limitsOf('hardtanh', args);
  const derivative = (x: Tensor) => to(logicalAnd(gt(x, min), lt(x, max)), x.dtype);
  return unary('hardtanh', clampKernel, x, hardtanhBackwardKernel, 'x', derivative, [min, max]);
}

const mishKernel = kernel('mish', 'y x');
const mishBackwardKernel = kernel('mishBackward', 'dx dy x');

/**
 * x tanh(log(1 + eˣ)). Misra, "Mish: a self regularized non-monotonic activation function", 2019, https://arxiv.org/abs/1908.08681
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * mish(tensor([0, 1])); // [0, 0.86510]
 */
export function mish(x: Tensor): Tensor {
  return unary('mish', mishKernel, x, mishBackwardKernel, 'x', (x) => {
    const t = tanh(softplus(x));
    return add(t, mul(mul(x, sigmoid(x)), sub(1, square(t))));
  });
}
