// Activation functions composed of other operations. Each takes a float tensor, and another dtype is a DTypeError.
import { allOrNothing } from '../all-or-nothing.js';
import { type ConvertedDimArguments, type OptionalDimArguments, optionsOf, type Positional } from '../arguments.js';
import { checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { type EluArguments, elu, hardtanh, leakyRelu, relu, sigmoid, softplus, tanh } from './activation.js';
import { abs, add, div, mul, neg, sub } from './elementwise.js';
import { clamp, le, where } from './elementwise-compare.js';
import type { Generator } from './generator.js';
import { checkGenerator } from './random.js';
import { uniform_ } from './random-in-place.js';
import { convertedAlong } from './reduce.js';
import { reshape } from './shape.js';
import { slice } from './shape-slice.js';
import { dimOf, softmax } from './softmax.js';

function checkX(name: string, x: Tensor): Tensor {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  return x;
}

/**
 * x limited to [0, 6]. Howard et al., "MobileNets", 2017, https://arxiv.org/abs/1704.04861
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.relu6(tensor([-1, 3, 8])); // [0, 3, 6]
 */
export function relu6(x: Tensor): Tensor {
  return hardtanh(checkX('relu6', x), { minVal: 0, maxVal: 6 });
}

/** @internal */
export function celuOf(name: string, args: EluArguments): { alpha: number } {
  const { alpha = 1 } = optionsOf<{ alpha: number }>(name, args, ['alpha']);
  return { alpha: checkNumber(name, 'alpha', alpha, { min: 0, open: true }) };
}

/**
 * Continuously differentiable exponential linear unit: x where x > 0, else alpha (exp(x / alpha) - 1). Barron, 2017,
 * https://arxiv.org/abs/1704.07483
 *
 * @param args alpha: above 0 (1)
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.celu(tensor([-1, 2]), 2); // [-0.78694, 2]
 */
export function celu(x: Tensor, ...args: EluArguments): Tensor {
  const { alpha } = celuOf('celu', args);
  checkX('celu', x);
  return alpha === 1 ? elu(x) : mul(elu(div(x, alpha)), alpha);
}

/** @internal */
export function gluOf(name: string, args: OptionalDimArguments): { dim: number } {
  const { dim = -1 } = optionsOf<{ dim: number }>(name, args, ['dim']);
  return { dim: dimOf(name, [dim]) };
}

/**
 * Gated linear unit: a · σ(b), with a and b the halves of x along a dimension. Dauphin et al., 2016, https://arxiv.org/abs/1612.08083
 *
 * @param args dim (-1)
 * @throws ShapeError when the dimension is odd
 * @example
 * nn.functional.glu(tensor([1, 2, 0, 0])); // [0.5, 1]
 */
export function glu(x: Tensor, ...args: OptionalDimArguments): Tensor {
  checkX('glu', x);
  const dim = checkDim('glu', gluOf('glu', args).dim, x.rank);
  const n = x.dims[dim];
  if (n === undefined || n % 2 !== 0) {
    throw new ShapeError(`glu: dimension ${dim} of x must be even, got x ${formatShape(x.dims)}`);
  }
  return mul(slice(x, { dim, end: n / 2 }), sigmoid(slice(x, { dim, start: n / 2 })));
}

/**
 * x limited from below by 0 and from above by 1, rising by 1/6 in between: relu6(x + 3) / 6.
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.hardsigmoid(tensor([-4, 0, 1.5])); // [0, 0.5, 0.75]
 */
export function hardsigmoid(x: Tensor): Tensor {
  return div(relu6(add(checkX('hardsigmoid', x), 3)), 6);
}

/**
 * x · relu6(x + 3) / 6. Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.hardswish(tensor([-4, 1.5, 5])); // [0, 1.125, 5]
 */
export function hardswish(x: Tensor): Tensor {
  return mul(checkX('hardswish', x), hardsigmoid(x));
}

/** The arguments after the required ones, by position or in options. */
export type ShrinkArguments = [options?: { lambd?: number }] | [lambd: number];

/** @internal `min`: the least lambd. */
export function lambdOf(name: string, args: ShrinkArguments, min = Number.NEGATIVE_INFINITY): { lambd: number } {
  const { lambd = 0.5 } = optionsOf<{ lambd: number }>(name, args, ['lambd']);
  return { lambd: checkNumber(name, 'lambd', lambd, { min }) };
}

/**
 * x where |x| > lambd, else 0.
 *
 * @param args lambd (0.5)
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.hardshrink(tensor([-1, 0.2, 2])); // [-1, 0, 2]
 */
export function hardshrink(x: Tensor, ...args: ShrinkArguments): Tensor {
  const { lambd } = lambdOf('hardshrink', args);
  return where(le(abs(checkX('hardshrink', x)), lambd), 0, x);
}

/**
 * x brought nearer to 0 by lambd, and 0 where |x| is at most that.
 *
 * @param args lambd: at least 0 (0.5)
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.softshrink(tensor([-1, 0.2, 2])); // [-0.5, 0, 1.5]
 */
export function softshrink(x: Tensor, ...args: ShrinkArguments): Tensor {
  const { lambd } = lambdOf('softshrink', args, 0);
  const outside = sub(checkX('softshrink', x), clamp(x, { min: -lambd, max: lambd }));
  return where(le(abs(x), lambd), 0, outside);
}

/**
 * x - tanh(x).
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.tanhshrink(tensor([0, 2])); // [0, 1.03597]
 */
export function tanhshrink(x: Tensor): Tensor {
  return sub(checkX('tanhshrink', x), tanh(x));
}

/**
 * log σ(x), accurate where `log(sigmoid(x))` is not.
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.logsigmoid(tensor([0, 2])); // [-0.69315, -0.12693]
 */
export function logsigmoid(x: Tensor): Tensor {
  // Beyond the threshold, log(1 + eᶻ) and z differ by less than float64 holds.
  return neg(softplus(neg(checkX('logsigmoid', x)), { threshold: 40 }));
}

/**
 * x / (1 + |x|): like tanh, but with slower tails.
 *
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.softsign(tensor([-1, 3])); // [-0.5, 0.75]
 */
export function softsign(x: Tensor): Tensor {
  return div(checkX('softsign', x), add(abs(x), 1));
}

/**
 * Softmax of -x along a dimension.
 *
 * @param args the dimension, which must be given, as in PyTorch
 * @throws DTypeError when x is not a float tensor, ArgumentError when it has no such dimension
 * @example
 * nn.functional.softmin(tensor([Math.log(3), 0]), 0); // [0.25, 0.75]
 */
export function softmin(given: Tensor, ...args: ConvertedDimArguments): Tensor {
  const { x, dim } = convertedAlong('softmin', given, args);
  return softmax(neg(checkX('softmin', x)), dim);
}

/** Arguments of `threshold`, by name. */
export interface ThresholdOptions {
  /** Up to which x is replaced. */
  threshold: number;
  /** What replaces it. */
  value: number;
}

/** The arguments after the required ones, by position or in options. */
export type ThresholdArguments = Positional<ThresholdOptions, [threshold: 'threshold', value: 'value']>;

/** @internal */
export function thresholdOf(name: string, args: ThresholdArguments): ThresholdOptions {
  const { threshold, value } = optionsOf<ThresholdOptions>(name, args, ['threshold', 'value']);
  return { threshold: checkNumber(name, 'threshold', threshold), value: checkNumber(name, 'value', value) };
}

/**
 * x where x > threshold, else value.
 *
 * @param args threshold, value
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.threshold(tensor([-1, 2]), 0.5, 9); // [9, 2]
 */
export function threshold(x: Tensor, ...args: ThresholdArguments): Tensor {
  const options = thresholdOf('threshold', args);
  return where(le(checkX('threshold', x), options.threshold), options.value, x);
}

/**
 * x where x > 0, else weight · x. He et al., "Delving deep into rectifiers", 2015, https://arxiv.org/abs/1502.01852
 *
 * @param x [batch, channels, …]
 * @param weight [1], or [channels]
 * @throws ShapeError when weight is neither
 * @example
 * nn.functional.prelu(tensor([-2, 3]), tensor([0.5])); // [-1, 3]
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  checkX('prelu', x);
  checkTensor('prelu', 'weight', weight);
  checkSameDType('prelu', ['x', 'weight'], [x, weight]);
  const channels = x.dims[1] ?? 1;
  if (weight.rank > 1 || (weight.size !== 1 && weight.size !== channels)) {
    const rule = `weight must be [1]${channels === 1 ? '' : ` or [${channels}]`}`;
    throw new ShapeError(`prelu: ${rule}, got weight ${formatShape(weight.dims)} and x ${formatShape(x.dims)}`);
  }
  const shape = x.dims.map((_, i) => (i === 1 ? weight.size : 1));
  return add(relu(x), mul(reshape(weight, x.rank < 2 ? [] : shape), clamp(x, { max: 0 })));
}

/** Options of `rrelu`. */
export interface RReluOptions {
  /** The least slope; default 1/8. */
  lower?: number;
  /** The largest slope; default 1/3. */
  upper?: number;
  /** Whether slopes are drawn; default false: all are the mean of both. */
  training?: boolean;
  /** Where the slopes come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

type RReluArguments = Positional<RReluOptions, [lower: 'lower', upper: 'upper', training: 'training']>;

/** @internal */
export function slopesOf(name: string, options: RReluOptions): { lower: number; upper: number } {
  const lower = checkNumber(name, 'lower', options.lower ?? 1 / 8);
  return { lower, upper: checkNumber(name, 'upper', options.upper ?? 1 / 3, { min: lower }) };
}

/**
 * x where x > 0, else a · x, with a drawn from [lower, upper] for each element while training. Xu et al., "Empirical evaluation
 * of rectified activations in convolutional network", 2015, https://arxiv.org/abs/1505.00853
 *
 * @param args lower (1/8), upper (1/3), training (false); option: generator
 * @throws DTypeError when x is not a float tensor
 * @example
 * nn.functional.rrelu(tensor([-2, 3]), 0.25, 0.75); // [-1, 3]
 */
export function rrelu(x: Tensor, ...args: RReluArguments): Tensor {
  checkX('rrelu', x);
  const options = optionsOf<RReluOptions>('rrelu', args, ['lower', 'upper', 'training'], ['generator']);
  const { lower, upper } = slopesOf('rrelu', options);
  if (!checkFlag('rrelu', 'training', options.training, false)) return leakyRelu(x, (lower + upper) / 2);
  const generator = checkGenerator('rrelu', options.generator);
  return allOrNothing(() => {
    const slopes = uniform_(empty(x.dims, x.dtype), lower, upper, { generator });
    return add(relu(x), mul(slopes, clamp(x, { max: 0 })));
  });
}
