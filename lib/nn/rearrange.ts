// Layers that move elements, multiply two inputs or divide channels by their neighbours.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { checkEach, checkFlag, checkInteger } from '../errors.js';
import {
  bilinear,
  type ChannelShuffleArguments,
  channelShuffle,
  downscaleFactorOf,
  type LocalResponseNormArguments,
  localResponseNorm,
  type PixelUnshuffleArguments,
  pixelUnshuffle,
  responseOptions,
  shuffledGroups,
} from '../ops/rearrange.js';
import { unflatten } from '../ops/shape-parts.js';
import { checkDType, empty, type Tensor } from '../tensor.js';
import { uniform_ } from './init.js';
import { Module } from './module.js';
import { Parameter } from './roles.js';

/** Arguments of `Unflatten`, by name. */
export interface UnflattenOptions {
  dim: number;
  unflattenedSize: readonly number[];
}

/**
 * Splits a dimension into several; see `unflatten`. Arguments: dim, unflattenedSize.
 *
 * @throws ShapeError in forward when the sizes do not give that of the dimension
 * @example
 * new nn.Unflatten(1, [3, 4]).forward(zeros([2, 12])); // [2, 3, 4]
 */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(...args: Positional<UnflattenOptions, [dim: 'dim', unflattenedSize: 'unflattenedSize']>) {
    super();
    const options = optionsOf<UnflattenOptions>('Unflatten', args, ['dim', 'unflattenedSize']);
    this.dim = checkInteger('Unflatten', 'dim', options.dim, Number.MIN_SAFE_INTEGER);
    this.unflattenedSize = checkEach(
      'Unflatten',
      'unflattenedSize',
      'must be an array of sizes',
      options.unflattenedSize,
      (n, i) => checkInteger('Unflatten', `unflattenedSize[${i}]`, n, -1),
    );
  }

  forward(x: Tensor): Tensor {
    return unflatten(x, this.dim, this.unflattenedSize);
  }
}

/**
 * Turns pixels into channels; see `nn.functional.pixelUnshuffle`. Argument: downscaleFactor.
 *
 * @throws ShapeError in forward when downscaleFactor does not divide height and width
 * @example
 * new nn.PixelUnshuffle(2).forward(zeros([1, 3, 8, 8])); // [1, 12, 4, 4]
 */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(...args: PixelUnshuffleArguments) {
    super();
    this.downscaleFactor = downscaleFactorOf('PixelUnshuffle', args);
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }
}

/**
 * Mixes the channels of groups; see `nn.functional.channelShuffle`. Argument: groups.
 *
 * @throws ShapeError in forward when groups do not divide the channels
 * @example
 * new nn.ChannelShuffle(2).forward(zeros([1, 4, 8, 8])); // [1, 4, 8, 8]
 */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(...args: ChannelShuffleArguments) {
    super();
    this.groups = shuffledGroups('ChannelShuffle', args);
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }
}

/** Arguments of `Bilinear`, by name. */
export interface BilinearOptions {
  in1Features: number;
  in2Features: number;
  outFeatures: number;
  /** Whether a bias is added; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

type BilinearArguments = Positional<
  BilinearOptions,
  [in1Features: 'in1Features', in2Features: 'in2Features', outFeatures: 'outFeatures', bias: 'bias']
>;

/**
 * A bilinear form of two inputs; see `nn.functional.bilinear`. Arguments: in1Features, in2Features, outFeatures, bias (true);
 * option: dtype. weight [outFeatures, in1Features, in2Features] and bias [outFeatures] are drawn from U(-1/√in1Features,
 * 1/√in1Features).
 *
 * @throws ShapeError, DTypeError in forward when the inputs do not match
 * @example
 * new nn.Bilinear(2, 3, 5).forward(ones([4, 2]), ones([4, 3])); // [4, 5]
 */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Tensor;
  bias: Tensor | null;

  constructor(...args: BilinearArguments) {
    super();
    const positions = ['in1Features', 'in2Features', 'outFeatures', 'bias'];
    const options = optionsOf<BilinearOptions>('Bilinear', args, positions, ['dtype']);
    this.in1Features = checkInteger('Bilinear', 'in1Features', options.in1Features, 1);
    this.in2Features = checkInteger('Bilinear', 'in2Features', options.in2Features, 1);
    this.outFeatures = checkInteger('Bilinear', 'outFeatures', options.outFeatures, 1);
    const hasBias = checkFlag('Bilinear', 'bias', options.bias, true);
    const dtype = checkDType('Bilinear', options.dtype, 'float32');
    const bound = 1 / Math.sqrt(this.in1Features);
    const drawn = (shape: number[]): Tensor => new Parameter(uniform_(empty(shape, dtype), -bound, bound));
    [this.weight, this.bias] = allOrNothing(() => [
      drawn([this.outFeatures, this.in1Features, this.in2Features]),
      hasBias ? drawn([this.outFeatures]) : null,
    ]);
  }

  forward(input1: Tensor, input2: Tensor): Tensor {
    return bilinear(input1, input2, this.weight, this.bias);
  }
}

/**
 * Divides each channel by its neighbours' size; see `nn.functional.localResponseNorm`. Arguments: size, alpha (1e-4), beta
 * (0.75), k (1).
 *
 * @throws ShapeError in forward when x has fewer than three dimensions
 * @example
 * new nn.LocalResponseNorm(2).forward(zeros([1, 4, 8, 8])); // [1, 4, 8, 8]
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(...args: LocalResponseNormArguments) {
    super();
    const { size, alpha, beta, k } = responseOptions('LocalResponseNorm', args);
    this.size = size;
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.alpha, this.beta, this.k);
  }
}
