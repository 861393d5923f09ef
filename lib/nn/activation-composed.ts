// Activation functions composed of other operations, as modules under PyTorch's names.
import { type DimArguments, optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import * as ops from '../ops/activation-composed.js';
import { full } from '../ops/creation.js';
import { dimOf, softmax } from '../ops/softmax.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { activation, none } from './activation-module.js';
import { Module } from './module.js';
import { Parameter } from './roles.js';

/**
 * x limited to [0, 6]; see `relu6`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.ReLU6().forward(tensor([-1, 3, 8])); // [0, 3, 6]
 */
export const ReLU6 = activation('ReLU6', ops.relu6, none);
export type ReLU6 = InstanceType<typeof ReLU6>;
/**
 * x where x > 0, else alpha (exp(x / alpha) - 1); see `celu`. Arguments: alpha (1).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.CELU(2).forward(tensor([-1, 2])); // [-0.78694, 2]
 */
export const CELU = activation('CELU', ops.celu, ops.celuOf);
export type CELU = InstanceType<typeof CELU>;
/**
 * a · σ(b), with a and b the halves of x along a dimension; see `glu`. Arguments: dim (-1).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.GLU().forward(tensor([1, 2, 0, 0])); // [0.5, 1]
 */
export const GLU = activation('GLU', ops.glu, ops.gluOf);
export type GLU = InstanceType<typeof GLU>;
/**
 * relu6(x + 3) / 6; see `hardsigmoid`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Hardsigmoid().forward(tensor([-4, 0, 1.5])); // [0, 0.5, 0.75]
 */
export const Hardsigmoid = activation('Hardsigmoid', ops.hardsigmoid, none);
export type Hardsigmoid = InstanceType<typeof Hardsigmoid>;
/**
 * x · relu6(x + 3) / 6; see `hardswish`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Hardswish().forward(tensor([-4, 1.5, 5])); // [0, 1.125, 5]
 */
export const Hardswish = activation('Hardswish', ops.hardswish, none);
export type Hardswish = InstanceType<typeof Hardswish>;
/**
 * x where |x| > lambd, else 0; see `hardshrink`. Arguments: lambd (0.5).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Hardshrink().forward(tensor([-1, 0.2, 2])); // [-1, 0, 2]
 */
export const Hardshrink = activation('Hardshrink', ops.hardshrink, ops.lambdOf);
export type Hardshrink = InstanceType<typeof Hardshrink>;
/**
 * x brought nearer to 0 by lambd, at most to 0; see `softshrink`. Arguments: lambd (0.5).
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Softshrink().forward(tensor([-1, 0.2, 2])); // [-0.5, 0, 1.5]
 */
export const Softshrink = activation('Softshrink', ops.softshrink, (name, args: ops.ShrinkArguments) =>
  ops.lambdOf(name, args, 0),
);
export type Softshrink = InstanceType<typeof Softshrink>;
/**
 * x - tanh(x); see `tanhshrink`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Tanhshrink().forward(tensor([0, 2])); // [0, 1.03597]
 */
export const Tanhshrink = activation('Tanhshrink', ops.tanhshrink, none);
export type Tanhshrink = InstanceType<typeof Tanhshrink>;
/**
 * log σ(x); see `logsigmoid`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.LogSigmoid().forward(tensor([0, 2])); // [-0.69315, -0.12693]
 */
export const LogSigmoid = activation('LogSigmoid', ops.logsigmoid, none);
export type LogSigmoid = InstanceType<typeof LogSigmoid>;
/**
 * x / (1 + |x|); see `softsign`.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Softsign().forward(tensor([-1, 3])); // [-0.5, 0.75]
 */
export const Softsign = activation('Softsign', ops.softsign, none);
export type Softsign = InstanceType<typeof Softsign>;
/**
 * softmax of -x along a dimension; see `softmin`. Arguments: dim, which must be given.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Softmin(0).forward(tensor([Math.log(3), 0])); // [0.25, 0.75]
 */
export const Softmin = activation('Softmin', ops.softmin, (name, args: DimArguments) => ({ dim: dimOf(name, args) }));
export type Softmin = InstanceType<typeof Softmin>;
/**
 * x where x > threshold, else value; see `threshold`. Arguments: threshold, value.
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError for an option
 * @example
 * new nn.Threshold(0.5, 9).forward(tensor([-1, 2])); // [9, 2]
 */
export const Threshold = activation('Threshold', ops.threshold, ops.thresholdOf);
export type Threshold = InstanceType<typeof Threshold>;

/**
 * Softmax over the channels of images: of x [batch, channels, height, width] or without batch.
 *
 * @throws ShapeError when x has other dimensions
 * @example
 * new nn.Softmax2d().forward(ones([1, 2, 3, 3])); // [1, 2, 3, 3], all 0.5
 */
export class Softmax2d extends Module {
  constructor(...args: [options?: object]) {
    super();
    optionsOf('Softmax2d', args, []);
  }

  forward(x: Tensor): Tensor {
    checkTensor('Softmax2d', 'x', x);
    if (x.rank !== 3 && x.rank !== 4) {
      const rule = 'x must be [batch, channels, height, width] or [channels, height, width]';
      throw new ShapeError(`Softmax2d: ${rule}, got x ${formatShape(x.dims)}`);
    }
    return softmax(x, -3);
  }

  override toString(): string {
    return 'Softmax2d()';
  }
}

/** Arguments of `PReLU`, by name. */
export interface PReLUOptions {
  /** 1 slope for all elements, or one for each channel; default 1. */
  numParameters?: number;
  /** The slopes at first; default 0.25. */
  init?: number;
  /** Default float32. */
  dtype?: DType;
}

/**
 * x where x > 0, else weight · x, with the slopes learned; see `prelu`. He et al., 2015, https://arxiv.org/abs/1502.01852
 *
 * | x | weight | y |
 * |---|---|---|
 * | [batch, channels, …] | [numParameters], all `init` at first | like x |
 *
 * @throws ShapeError when numParameters is neither 1 nor the number of channels
 * @example
 * new nn.PReLU().forward(tensor([-2, 3])); // [-0.5, 3]
 */
export class PReLU extends Module {
  readonly numParameters: number;
  readonly init: number;
  weight: Tensor;

  /** @param args numParameters (1), init (0.25); option: dtype ('float32') */
  constructor(...args: Positional<PReLUOptions, [numParameters: 'numParameters', init: 'init']>) {
    super();
    const options = optionsOf<PReLUOptions>('PReLU', args, ['numParameters', 'init'], ['dtype']);
    this.numParameters = checkInteger('PReLU', 'numParameters', options.numParameters ?? 1, 1);
    this.init = checkNumber('PReLU', 'init', options.init ?? 0.25);
    const dtype = checkDType('PReLU', options.dtype, 'float32');
    this.weight = new Parameter(full([this.numParameters], this.init, { dtype }));
  }

  forward(x: Tensor): Tensor {
    return ops.prelu(x, this.weight);
  }

  override toString(): string {
    return `PReLU(${this.numParameters})`;
  }
}

/** Arguments of `RReLU`, by name. */
export interface RReLUOptions {
  /** The least slope; default 1/8. */
  lower?: number;
  /** The largest slope; default 1/3. */
  upper?: number;
}

/**
 * x where x > 0, else a · x, in training with a drawn from [lower, upper] for each element, in evaluation with their mean; see
 * `rrelu`. Xu et al., 2015, https://arxiv.org/abs/1505.00853
 *
 * @throws DTypeError when x is not a float tensor, ArgumentError when upper is below lower
 * @example
 * new nn.RReLU(0.25, 0.75).eval().forward(tensor([-2, 3])); // [-1, 3]
 */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;

  /** @param args lower (1/8), upper (1/3) */
  constructor(...args: Positional<RReLUOptions, [lower: 'lower', upper: 'upper']>) {
    super();
    const options = optionsOf<RReLUOptions>('RReLU', args, ['lower', 'upper']);
    const { lower, upper } = ops.slopesOf('RReLU', options);
    this.lower = lower;
    this.upper = upper;
  }

  forward(x: Tensor): Tensor {
    const { lower, upper, training } = this;
    return ops.rrelu(x, { lower, upper, training });
  }

  override toString(): string {
    return `RReLU(${this.lower}, ${this.upper})`;
  }
}
