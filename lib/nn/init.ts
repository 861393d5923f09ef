import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkChoice, checkNumber, describe, formatShape, ShapeError } from '../errors.js';
import { fill_ } from '../ops/copy.js';
import type { Generator } from '../ops/generator.js';
import { normalKernel, uniformKernel } from '../ops/random.js';
import { draw } from '../ops/random-in-place.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';

export {
  dirac_,
  eye_,
  type OrthogonalOptions,
  orthogonal_,
  type SparseOptions,
  sparse_,
  type TruncNormalOptions,
  truncNormal_,
} from './init-matrices.js';

export interface InitOptions {
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

function fillRandom(
  name: string,
  run: typeof uniformKernel,
  t: Tensor,
  a: number,
  b: number,
  options: InitOptions,
): Tensor {
  checkTensor(name, 't', t);
  checkFloat(name, 't', t);
  return draw(name, t, options, run, a, b);
}

/** Options of `uniform_`. */
export interface UniformOptions extends InitOptions {
  /** The least value; default 0. */
  a?: number;
  /** The bound that all values are below; default 1. */
  b?: number;
}

/**
 * Fills with numbers uniform in [a, b).
 *
 * @param args a (default 0), b (1), generator
 * @throws DTypeError when t is not a float tensor
 * @example
 * nn.init.uniform_(zeros([3, 4]), -0.1, 0.1); // [3, 4]
 */
export function uniform_(t: Tensor, ...args: Positional<UniformOptions, [a: 'a', b: 'b']>): Tensor {
  const options = optionsOf<UniformOptions>('uniform_', args, ['a', 'b'], ['generator']);
  const a = checkNumber('uniform_', 'a', options.a ?? 0);
  const b = checkNumber('uniform_', 'b', options.b ?? 1, { min: a });
  return fillRandom('uniform_', uniformKernel, t, a, b, options);
}

/** Options of `normal_`. */
export interface NormalOptions extends InitOptions {
  /** Default 0. */
  mean?: number;
  /** The standard deviation, at least 0; default 1. */
  std?: number;
}

/**
 * Fills with normal numbers.
 *
 * @param args mean (default 0), std (1), generator
 * @throws DTypeError when t is not a float tensor
 * @example
 * nn.init.normal_(zeros([3, 4]), 0, 0.02); // [3, 4]
 */
export function normal_(t: Tensor, ...args: Positional<NormalOptions, [mean: 'mean', std: 'std']>): Tensor {
  const options = optionsOf<NormalOptions>('normal_', args, ['mean', 'std'], ['generator']);
  const mean = checkNumber('normal_', 'mean', options.mean ?? 0);
  const std = checkNumber('normal_', 'std', options.std ?? 1, { min: 0 });
  return fillRandom('normal_', normalKernel, t, mean, std, options);
}

/**
 * Fills with one value.
 *
 * @param args val, by position or in options
 * @example
 * nn.init.constant_(zeros([2]), 0.5); // [0.5, 0.5]
 */
export function constant_(t: Tensor, ...args: Positional<{ val: number }, [val: 'val']>): Tensor {
  const { val } = optionsOf<{ val: number }>('constant_', args, ['val']);
  return noGrad(() => fill_(t, val as number));
}

/**
 * Fills with 0.
 *
 * @example
 * nn.init.zeros_(ones([2])); // [0, 0]
 */
export function zeros_(t: Tensor): Tensor {
  return constant_(t, 0);
}

/**
 * Fills with 1.
 *
 * @example
 * nn.init.ones_(zeros([2])); // [1, 1]
 */
export function ones_(t: Tensor): Tensor {
  return constant_(t, 1);
}

/** The activations that `calculateGain` knows. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

/**
 * The factor for the weights before an activation that keeps the size of signals: linear, sigmoid 1, tanh 5/3,
 * relu √2, leakyRelu √(2 / (1 + param²)), selu 3/4.
 *
 * @param args param: the negative slope of leakyRelu (default 0.01)
 * @throws ArgumentError for another activation
 * @example
 * const gain = nn.init.calculateGain('relu'); // √2
 */
export function calculateGain(
  nonlinearity: Nonlinearity,
  ...args: Positional<{ param?: number }, [param: 'param']>
): number {
  const { param = 0.01 } = optionsOf<{ param: number }>('calculateGain', args, ['param']);
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + checkNumber('calculateGain', 'param', param) ** 2));
    case 'selu':
      return 0.75;
    default:
      throw new ArgumentError(
        `calculateGain: nonlinearity must be linear, sigmoid, tanh, relu, leakyRelu or selu, got ${describe(nonlinearity)}`,
      );
  }
}

// How many inputs one output element sees, and how many outputs one input element reaches, for [out, in, …kernel].
function fans(name: string, t: Tensor): { fanIn: number; fanOut: number } {
  checkTensor(name, 't', t);
  const [out, into, ...kernelSizes] = t.dims;
  if (out === undefined || into === undefined) {
    throw new ShapeError(`${name}: needs a weight of at least two dimensions [out, in, …], got ${formatShape(t.dims)}`);
  }
  const field = kernelSizes.reduce((a, b) => a * b, 1);
  return { fanIn: into * field, fanOut: out * field };
}

export interface XavierOptions extends InitOptions {
  /** Factor from `calculateGain`; default 1. */
  gain?: number;
}

/** The gain by position or in the options, and the rest. */
export type XavierArguments = Positional<XavierOptions, [gain: 'gain']>;

/**
 * Uniform in ±gain·√(6 / (fanIn + fanOut)).
 * Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
 * https://proceedings.mlr.press/v9/glorot10a.html
 *
 * @param t [out, in, …kernel]: fanIn = in · kernel, fanOut = out · kernel
 * @param args gain (default 1), generator
 * @throws ShapeError when t has fewer than two dimensions
 * @example
 * nn.init.xavierUniform_(zeros([3, 4])); // [3, 4]
 */
export function xavierUniform_(t: Tensor, ...args: XavierArguments): Tensor {
  const options = optionsOf<XavierOptions>('xavierUniform_', args, ['gain'], ['generator']);
  const { fanIn, fanOut } = fans('xavierUniform_', t);
  const bound = checkNumber('xavierUniform_', 'gain', options.gain ?? 1, { min: 0 }) * Math.sqrt(6 / (fanIn + fanOut));
  return fillRandom('xavierUniform_', uniformKernel, t, -bound, bound, options);
}

/**
 * Normal with deviation gain·√(2 / (fanIn + fanOut)).
 * Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
 * https://proceedings.mlr.press/v9/glorot10a.html
 *
 * @param t [out, in, …kernel]: fanIn = in · kernel, fanOut = out · kernel
 * @param args gain (default 1), generator
 * @throws ShapeError when t has fewer than two dimensions
 * @example
 * nn.init.xavierNormal_(zeros([3, 4])); // [3, 4]
 */
export function xavierNormal_(t: Tensor, ...args: XavierArguments): Tensor {
  const options = optionsOf<XavierOptions>('xavierNormal_', args, ['gain'], ['generator']);
  const { fanIn, fanOut } = fans('xavierNormal_', t);
  const std = checkNumber('xavierNormal_', 'gain', options.gain ?? 1, { min: 0 }) * Math.sqrt(2 / (fanIn + fanOut));
  return fillRandom('xavierNormal_', normalKernel, t, 0, std, options);
}

export interface KaimingOptions extends InitOptions {
  /** Negative slope of the leakyRelu that follows; default 0. */
  a?: number;
  /** Keep the size of signals in the forward pass (`fanIn`, default) or of gradients in the backward pass. */
  mode?: 'fanIn' | 'fanOut';
  /** The activation that follows; default leakyRelu with slope `a`. */
  nonlinearity?: Nonlinearity;
}

/** a, mode and nonlinearity by position or in the options, and the rest. */
export type KaimingArguments = Positional<KaimingOptions, [a: 'a', mode: 'mode', nonlinearity: 'nonlinearity']>;

function kaimingOptions(name: string, args: KaimingArguments): Partial<KaimingOptions> {
  return optionsOf<KaimingOptions>(name, args, ['a', 'mode', 'nonlinearity'], ['generator']);
}

function kaimingStd(name: string, t: Tensor, options: KaimingOptions): number {
  const { nonlinearity = 'leakyRelu' } = options;
  const a = checkNumber(name, 'a', options.a ?? 0);
  const mode = checkChoice(name, 'mode', options.mode, ['fanIn', 'fanOut'], 'fanIn');
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(name, t)[mode]);
}

/**
 * Uniform in ±√3·gain/√fan, the gain of the activation that follows.
 * He et al., "Delving deep into rectifiers", 2015, https://arxiv.org/abs/1502.01852
 *
 * @param t [out, in, …kernel]: fanIn = in · kernel, fanOut = out · kernel
 * @param args a (default 0), mode ('fanIn', or 'fanOut'), nonlinearity ('leakyRelu'), generator
 * @throws ShapeError when t has fewer than two dimensions
 * @example
 * nn.init.kaimingUniform_(zeros([3, 4]), { nonlinearity: 'relu' }); // [3, 4]
 */
export function kaimingUniform_(t: Tensor, ...args: KaimingArguments): Tensor {
  const options = kaimingOptions('kaimingUniform_', args);
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', t, options);
  return fillRandom('kaimingUniform_', uniformKernel, t, -bound, bound, options);
}

/**
 * Normal with deviation gain/√fan, the gain of the activation that follows.
 * He et al., "Delving deep into rectifiers", 2015, https://arxiv.org/abs/1502.01852
 *
 * @param t [out, in, …kernel]: fanIn = in · kernel, fanOut = out · kernel
 * @param args a (default 0), mode ('fanIn', or 'fanOut'), nonlinearity ('leakyRelu'), generator
 * @throws ShapeError when t has fewer than two dimensions
 * @example
 * nn.init.kaimingNormal_(zeros([3, 4]), { mode: 'fanOut' }); // [3, 4]
 */
export function kaimingNormal_(t: Tensor, ...args: KaimingArguments): Tensor {
  const options = kaimingOptions('kaimingNormal_', args);
  return fillRandom('kaimingNormal_', normalKernel, t, 0, kaimingStd('kaimingNormal_', t, options), options);
}
