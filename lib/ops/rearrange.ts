// Layers' functions that move elements or multiply features, composed of operations.
import { optionsOf, type Positional } from '../arguments.js';
import { checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { add, div, mul, pow, square } from './elementwise.js';
import { matmul } from './matmul.js';
import { pad } from './padding.js';
import { mean, sum } from './reduce.js';
import { permute, reshape, transpose, unsqueeze } from './shape.js';
import { unfold } from './unfold-dimension.js';

/** The argument of `pixelUnshuffle`. */
export type PixelUnshuffleArguments = [downscaleFactor: number] | [options: { downscaleFactor: number }];

/** @internal */
export const downscaleFactorOf = (name: string, args: readonly unknown[]): number => {
  const options = optionsOf<{ downscaleFactor: number }>(name, args, ['downscaleFactor']);
  return checkInteger(name, 'downscaleFactor', options.downscaleFactor, 1);
};

/**
 * Turns pixels into channels, what `pixelShuffle` undoes: y[…, c·r² + i·r + j, h, w] = x[…, c, h·r + i, w·r + j] with
 * r = downscaleFactor.
 *
 * @param x [..., channels, height, width]
 * @throws ShapeError when r does not divide height and width
 * @example
 * pixelUnshuffle(zeros([1, 3, 8, 8]), 2); // [1, 12, 4, 4]
 */
export function pixelUnshuffle(x: Tensor, ...args: PixelUnshuffleArguments): Tensor {
  const r = downscaleFactorOf('pixelUnshuffle', args);
  checkTensor('pixelUnshuffle', 'x', x);
  const [channels = 0, height = 0, width = 0] = x.dims.slice(-3);
  if (x.rank < 3 || height % r !== 0 || width % r !== 0) {
    throw new ShapeError(
      `pixelUnshuffle: x must be [..., channels, height, width] with sizes that downscaleFactor divides, got ${r} and x ${formatShape(x.dims)}`,
    );
  }
  const lead = x.dims.slice(0, -3);
  const d = lead.length;
  const parts = reshape(x, [...lead, channels, height / r, r, width / r, r]);
  const moved = permute(parts, [...lead.keys(), d, d + 2, d + 4, d + 1, d + 3]);
  return reshape(moved, [...lead, channels * r * r, height / r, width / r]);
}

/** The argument of `channelShuffle`. */
export type ChannelShuffleArguments = [groups: number] | [options: { groups: number }];

/** @internal */
export const shuffledGroups = (name: string, args: readonly unknown[]): number =>
  checkInteger(name, 'groups', optionsOf<{ groups: number }>(name, args, ['groups']).groups, 1);

/**
 * Mixes the channels of groups: channel i of group g comes to place i · groups + g. (Zhang et al., ShuffleNet, 2017,
 * https://arxiv.org/abs/1707.01083)
 *
 * @param x [batch, channels, …]
 * @throws ShapeError when groups do not divide the channels
 * @example
 * channelShuffle(arange(4).reshape([1, 4, 1]), 2); // [[[0], [2], [1], [3]]]
 */
export function channelShuffle(x: Tensor, ...args: ChannelShuffleArguments): Tensor {
  const groups = shuffledGroups('channelShuffle', args);
  checkTensor('channelShuffle', 'x', x);
  const [batch = 0, channels = 0, ...rest] = x.dims;
  if (x.rank < 3 || channels % groups !== 0) {
    throw new ShapeError(
      `channelShuffle: x must be [batch, channels, …] with channels that groups divide, got ${groups} groups and x ${formatShape(x.dims)}`,
    );
  }
  return reshape(transpose(reshape(x, [batch, groups, channels / groups, ...rest]), 1, 2), x.dims);
}

/**
 * A bilinear form of two inputs: y[…, o] = x1[…, :] · weight[o] · x2[…, :] + bias[o].
 *
 * @param input1 [..., in1]
 * @param input2 [..., in2], of input1's dtype and the same leading sizes
 * @param weight [out, in1, in2]
 * @param bias [out]; default none
 * @throws ShapeError, DTypeError when they do not match
 * @example
 * nn.functional.bilinear(ones([4, 2]), ones([4, 3]), ones([5, 2, 3])); // [4, 5]
 */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  const tensors: [string, Tensor][] = [['input1', input1], ['input2', input2], ['weight', weight]]; // biome-ignore format: a list
  if (bias !== undefined && bias !== null) tensors.push(['bias', bias]);
  for (const [name, t] of tensors) checkTensor('bilinear', name, t);
  checkFloat('bilinear', 'input1', input1);
  checkSameDType(
    'bilinear',
    tensors.map(([name]) => name),
    tensors.map(([, t]) => t),
  );
  const lead = input1.dims.slice(0, -1);
  const [out = 0, in1 = 0, in2 = 0] = weight.dims;
  const fits =
    weight.rank === 3 &&
    input1.rank > 0 &&
    sameShape(input1.dims, [...lead, in1]) &&
    sameShape(input2.dims, [...lead, in2]) &&
    (!bias || sameShape(bias.dims, [out]));
  if (!fits) {
    const shapes = tensors.map(([name, t]) => `${name} ${formatShape(t.dims)}`).join(', ');
    throw new ShapeError(
      `bilinear: must be input1 [..., in1], input2 [..., in2], weight [out, in1, in2] and bias [out], got ${shapes}`,
    );
  }
  const flat = reshape(permute(weight, [1, 0, 2]), [in1, out * in2]);
  const rows = reshape(matmul(reshape(input1, [input1.size / (in1 || 1), in1]), flat), [...lead, out, in2]);
  const y = sum(mul(rows, unsqueeze(input2, lead.length)), -1);
  return bias ? add(y, bias) : y;
}

/** Options of `localResponseNorm`. */
export interface LocalResponseNormOptions {
  /** How many neighbouring channels count. */
  size: number;
  /** Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1. */
  k?: number;
}

/** The arguments of `localResponseNorm`. */
export type LocalResponseNormArguments = Positional<
  LocalResponseNormOptions,
  [size: 'size', alpha: 'alpha', beta: 'beta', k: 'k']
>;

/** @internal */
export function responseOptions(name: string, args: readonly unknown[]): Required<LocalResponseNormOptions> {
  const options = optionsOf<LocalResponseNormOptions>(name, args, ['size', 'alpha', 'beta', 'k']);
  return {
    size: checkInteger(name, 'size', options.size, 1),
    alpha: checkNumber(name, 'alpha', options.alpha ?? 1e-4),
    beta: checkNumber(name, 'beta', options.beta ?? 0.75),
    k: checkNumber(name, 'k', options.k ?? 1),
  };
}

/**
 * Divides each channel by its neighbours' size: y = x / (k + alpha · mean of x² over `size` channels around)^beta, zeros beyond
 * the first and the last. (Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012)
 *
 * @param x [batch, channels, …]
 * @param args size, alpha (default 1e-4), beta (0.75), k (1)
 * @throws ShapeError when x has fewer than three dimensions
 * @example
 * nn.functional.localResponseNorm(ones([1, 4, 2]), 2); // about 1 everywhere
 */
export function localResponseNorm(x: Tensor, ...args: LocalResponseNormArguments): Tensor {
  const name = 'localResponseNorm';
  const { size, alpha, beta, k } = responseOptions(name, args);
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  if (x.rank < 3) throw new ShapeError(`${name}: x must be [batch, channels, …], got ${formatShape(x.dims)}`);
  const around = Array.from({ length: 2 * (x.rank - 2) }, () => 0);
  const padded = pad(square(x), [...around, Math.floor(size / 2), Math.floor((size - 1) / 2)]);
  const means = mean(unfold(padded, 1, size, 1), -1);
  return div(x, pow(add(mul(means, alpha), k), beta));
}
