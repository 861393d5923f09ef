// Activation functions as modules, under PyTorch's names.
import type { DimArguments } from '../arguments.js';
import * as ops from '../ops/activation.js';
import { dimOf, logSoftmax, softmax } from '../ops/softmax.js';
import { activation, none } from './activation-module.js';

const negativeSlope = (name: string, args: ops.LeakyReluArguments) => ({
  negativeSlope: ops.negativeSlopeOf(name, args),
});
const alpha = (name: string, args: ops.EluArguments) => ({ alpha: ops.alphaOf(name, args) });
const approximate = (name: string, args: ops.GeluArguments) => ({ approximate: ops.approximationOf(name, args) });
const dim = (name: string, args: DimArguments) => ({ dim: dimOf(name, args) });
const limits = (name: string, args: ops.HardtanhArguments) => {
  const { min, max } = ops.limitsOf(name, args);
  return { minVal: min, maxVal: max };
};

/**
 * max(x, 0), of any shape; see `relu`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.ReLU().forward(tensor([-1, 2])); // [0, 2]
 */
export const ReLU = activation('ReLU', ops.relu, none);
export type ReLU = InstanceType<typeof ReLU>;
/**
 * x where x > 0, else negativeSlope · x, of any shape; see `leakyRelu`. Arguments: negativeSlope (0.01).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.LeakyReLU(0.1).forward(tensor([-2, 3])); // [-0.2, 3]
 */
export const LeakyReLU = activation('LeakyReLU', ops.leakyRelu, negativeSlope);
export type LeakyReLU = InstanceType<typeof LeakyReLU>;
/**
 * x where x > 0, else alpha (eˣ - 1), of any shape; see `elu`. Arguments: alpha (1).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.ELU().forward(tensor([-1, 2])); // [-0.63212, 2]
 */
export const ELU = activation('ELU', ops.elu, alpha);
export type ELU = InstanceType<typeof ELU>;
/**
 * 1.0507 (x where x > 0, else 1.6733 (eˣ - 1)), of any shape; see `selu`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.SELU().forward(tensor([-1, 1])); // [-1.11133, 1.0507]
 */
export const SELU = activation('SELU', ops.selu, none);
export type SELU = InstanceType<typeof SELU>;
/**
 * x Φ(x), of any shape; see `gelu`. Arguments: approximate ('none', or 'tanh').
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.GELU({ approximate: 'tanh' }).forward(tensor([-1, 1])); // [-0.15881, 0.84119]
 */
export const GELU = activation('GELU', ops.gelu, approximate);
export type GELU = InstanceType<typeof GELU>;
/**
 * x σ(x), of any shape; see `silu`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.SiLU().forward(tensor([-1, 1])); // [-0.26894, 0.73106]
 */
export const SiLU = activation('SiLU', ops.silu, none);
export type SiLU = InstanceType<typeof SiLU>;
/**
 * log(1 + exp(beta x)) / beta, of any shape; see `softplus`. Arguments: beta (1), threshold (20).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Softplus().forward(tensor([0, 30])); // [0.69315, 30]
 */
export const Softplus = activation('Softplus', ops.softplus, ops.softplusOf);
export type Softplus = InstanceType<typeof Softplus>;
/**
 * x limited to [minVal, maxVal], of any shape; see `hardtanh`. Arguments: minVal (-1), maxVal (1).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Hardtanh({ maxVal: 2 }).forward(tensor([-2, 0.5, 3])); // [-1, 0.5, 2]
 */
export const Hardtanh = activation('Hardtanh', ops.hardtanh, limits);
export type Hardtanh = InstanceType<typeof Hardtanh>;
/**
 * x tanh(log(1 + eˣ)), of any shape; see `mish`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Mish().forward(tensor([0, 1])); // [0, 0.8651]
 */
export const Mish = activation('Mish', ops.mish, none);
export type Mish = InstanceType<typeof Mish>;
/**
 * 1 / (1 + e⁻ˣ), of any shape; see `sigmoid`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Sigmoid().forward(tensor([0, 2])); // [0.5, 0.8808]
 */
export const Sigmoid = activation('Sigmoid', ops.sigmoid, none);
export type Sigmoid = InstanceType<typeof Sigmoid>;
/**
 * tanh(x), of any shape; see `tanh`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Tanh().forward(tensor([0, 1])); // [0, 0.76159]
 */
export const Tanh = activation('Tanh', ops.tanh, none);
export type Tanh = InstanceType<typeof Tanh>;
/**
 * exp(xᵢ) / Σⱼ exp(xⱼ) along a dimension, of any shape; see `softmax`. Arguments: dim, which must be given.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Softmax(0).forward(tensor([0, 0])); // [0.5, 0.5]
 */
export const Softmax = activation('Softmax', (x, ...args: DimArguments) => softmax(x, ...args), dim);
export type Softmax = InstanceType<typeof Softmax>;
/**
 * xᵢ - log Σⱼ exp(xⱼ) along a dimension, of any shape; see `logSoftmax`. Arguments: dim, which must be given.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.LogSoftmax(0).forward(tensor([0, 0])); // [-0.69315, -0.69315]
 */
export const LogSoftmax = activation('LogSoftmax', (x, ...args: DimArguments) => logSoftmax(x, ...args), dim);
export type LogSoftmax = InstanceType<typeof LogSoftmax>;
