import { optionsOf, type Positional } from '../arguments.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { ones, zeros } from '../ops/creation.js';
import { checkNormalizedShape, groupNorm, layerNorm, rmsNorm } from '../ops/norm.js';
import { normaliseInstances } from '../ops/norm-instance.js';
import { reshape } from '../ops/shape.js';
import type { Shape } from '../shape.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { type BatchNormLayerArguments, checkFeatures, checkLike, FeatureNorm, statisticsOf } from './norm-batch.js';
import { Parameter } from './roles.js';

/** Arguments of `LayerNorm`, by name. */
export interface LayerNormLayerOptions {
  /** The sizes of the last dimensions, over which it runs. */
  normalizedShape: number | Shape;
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Whether there are weight and bias; default true. */
  elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/** Arguments of `RMSNorm`, by name. */
export interface RMSNormLayerOptions {
  /** The sizes of the last dimensions, over which it runs. */
  normalizedShape: number | Shape;
  /** Added to the mean square; default the distance from 1 to the next number of x's dtype. */
  eps?: number | null;
  /** Whether there is a weight; default true. */
  elementwiseAffine?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/** Arguments of `GroupNorm`, by name. */
export interface GroupNormLayerOptions {
  /** Into how many groups the channels are divided. */
  numGroups: number;
  numChannels: number;
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Whether there are weight and bias; default true. */
  affine?: boolean;
  /** Whether there is a bias beside the weight; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

type LayerNormArguments = Positional<
  LayerNormLayerOptions,
  [normalizedShape: 'normalizedShape', eps: 'eps', elementwiseAffine: 'elementwiseAffine', bias: 'bias']
>;
type RMSNormArguments = Positional<
  RMSNormLayerOptions,
  [normalizedShape: 'normalizedShape', eps: 'eps', elementwiseAffine: 'elementwiseAffine']
>;
type GroupNormArguments = Positional<
  GroupNormLayerOptions,
  [numGroups: 'numGroups', numChannels: 'numChannels', eps: 'eps', affine: 'affine']
>;

function checkLast(name: string, x: Tensor, shape: Shape, weight: Tensor | null): void {
  checkLike(name, x, weight);
  const lead = x.rank - shape.length;
  if (lead >= 0 && shape.every((n, i) => n === x.dims[lead + i])) return;
  throw new ShapeError(
    `${name}: last dimensions of x must be normalizedShape ${formatShape(shape)}, got x ${formatShape(x.dims)}`,
  );
}

/**
 * Layer norm (Ba, Kiros, Hinton, 2016, https://arxiv.org/abs/1607.06450): y = (x - mean) / √(var + eps) · weight + bias, with
 * mean and variance over the last dimensions.
 *
 * | x | weight, bias | y |
 * |---|---|---|
 * | […, ...normalizedShape] | of normalizedShape; ones and zeros at first | like x |
 *
 * @throws ShapeError when the last dimensions of x are not normalizedShape
 * @example
 * const y = new nn.LayerNorm(128).forward(randn([32, 16, 128]));
 */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  weight: Tensor | null;
  bias: Tensor | null;

  /** @param args normalizedShape, eps (1e-5), elementwiseAffine (true), bias (true); option: dtype ('float32') */
  constructor(...args: LayerNormArguments) {
    super();
    const positions = ['normalizedShape', 'eps', 'elementwiseAffine', 'bias'];
    const options = optionsOf<LayerNormLayerOptions>('LayerNorm', args, positions, ['dtype']);
    this.normalizedShape = checkNormalizedShape('LayerNorm', options.normalizedShape);
    this.eps = checkNumber('LayerNorm', 'eps', options.eps ?? 1e-5, { min: 0 });
    const dtype = checkDType('LayerNorm', options.dtype, 'float32');
    const affine = checkFlag('LayerNorm', 'elementwiseAffine', options.elementwiseAffine, true);
    const biased = checkFlag('LayerNorm', 'bias', options.bias, true);
    this.elementwiseAffine = affine;
    this.weight = affine ? new Parameter(ones(this.normalizedShape, { dtype })) : null;
    this.bias = affine && biased ? new Parameter(zeros(this.normalizedShape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    const { normalizedShape, weight, bias, eps } = this;
    checkLast('LayerNorm', x, normalizedShape, weight);
    return layerNorm(x, { normalizedShape, weight, bias, eps });
  }

  override toString(): string {
    return `LayerNorm(${this.normalizedShape.join(', ')}${this.weight === null ? ', no weight' : ''})`;
  }
}

/**
 * RMS norm (Zhang and Sennrich, 2019, https://arxiv.org/abs/1910.07467): y = x / √(mean(x²) + eps) · weight, with the mean over the
 * last dimensions.
 *
 * | x | weight | y |
 * |---|---|---|
 * | […, ...normalizedShape] | of normalizedShape; ones at first | like x |
 *
 * @throws ShapeError when the last dimensions of x are not normalizedShape
 * @example
 * new nn.RMSNorm(4).forward(rand([2, 3, 4])); // [2, 3, 4]
 */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number | null;
  readonly elementwiseAffine: boolean;
  weight: Tensor | null;

  /**
   * @param args normalizedShape, eps (the distance from 1 to the next number of the dtype), elementwiseAffine (true); option:
   *   dtype ('float32')
   */
  constructor(...args: RMSNormArguments) {
    super();
    const positions = ['normalizedShape', 'eps', 'elementwiseAffine'];
    const options = optionsOf<RMSNormLayerOptions>('RMSNorm', args, positions, ['dtype'], ['eps']);
    this.normalizedShape = checkNormalizedShape('RMSNorm', options.normalizedShape);
    this.eps = (options.eps ?? null) === null ? null : checkNumber('RMSNorm', 'eps', options.eps, { min: 0 });
    const dtype = checkDType('RMSNorm', options.dtype, 'float32');
    const affine = checkFlag('RMSNorm', 'elementwiseAffine', options.elementwiseAffine, true);
    this.elementwiseAffine = affine;
    this.weight = affine ? new Parameter(ones(this.normalizedShape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    const { normalizedShape, weight, eps } = this;
    checkLast('RMSNorm', x, normalizedShape, weight);
    return rmsNorm(x, { normalizedShape, weight, eps });
  }

  override toString(): string {
    return `RMSNorm(${this.normalizedShape.join(', ')}${this.weight === null ? ', no weight' : ''})`;
  }
}

/**
 * Group norm (Wu and He, 2018, https://arxiv.org/abs/1803.08494): y = (x - mean) / √(var + eps) · weight + bias, with mean and
 * variance over a group of channels of a sample.
 *
 * | x | weight, bias | y |
 * |---|---|---|
 * | [batch, numChannels, …] | [numChannels]; ones and zeros at first | like x |
 *
 * @throws ShapeError when numGroups does not divide numChannels, or x has another number of channels
 * @example
 * const y = new nn.GroupNorm(2, 6).forward(randn([8, 6, 4, 4]));
 */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  weight: Tensor | null;
  bias: Tensor | null;

  /** @param args numGroups, numChannels, eps (1e-5), affine (true); options: bias (true), dtype ('float32') */
  constructor(...args: GroupNormArguments) {
    super();
    const positions = ['numGroups', 'numChannels', 'eps', 'affine'];
    const options = optionsOf<GroupNormLayerOptions>('GroupNorm', args, positions, ['bias', 'dtype']);
    const numGroups = checkInteger('GroupNorm', 'numGroups', options.numGroups, 1);
    const numChannels = checkInteger('GroupNorm', 'numChannels', options.numChannels, 1);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    if (numChannels % numGroups !== 0) {
      throw new ShapeError(`GroupNorm: numGroups must divide numChannels, got ${numGroups} and ${numChannels}`);
    }
    this.eps = checkNumber('GroupNorm', 'eps', options.eps ?? 1e-5, { min: 0 });
    const dtype = checkDType('GroupNorm', options.dtype, 'float32');
    const affine = checkFlag('GroupNorm', 'affine', options.affine, true);
    const biased = checkFlag('GroupNorm', 'bias', options.bias, true);
    this.affine = affine;
    this.weight = affine ? new Parameter(ones([numChannels], { dtype })) : null;
    this.bias = affine && biased ? new Parameter(zeros([numChannels], { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    const { numGroups, weight, bias, eps } = this;
    checkLike('GroupNorm', x, weight);
    if (x.rank < 2 || x.dims[1] !== this.numChannels) {
      throw new ShapeError(
        `GroupNorm: dimension 1 of x must be numChannels ${this.numChannels}, got x ${formatShape(x.dims)}`,
      );
    }
    return groupNorm(x, { numGroups, weight, bias, eps });
  }

  override toString(): string {
    return `GroupNorm(${this.numGroups}, ${this.numChannels}${this.weight === null ? ', no weight' : ''})`;
  }
}

abstract class InstanceNorm extends FeatureNorm {
  constructor(
    name: string,
    private readonly rank: number,
    args: BatchNormLayerArguments,
  ) {
    super(name, args, { affine: false, trackRunningStats: false });
  }

  forward(x: Tensor): Tensor {
    const batched = checkTensor(this.name, 'x', x).rank === this.rank;
    checkFeatures(this.name, x, this.numFeatures, [this.rank - 1, this.rank], batched ? 1 : 0);
    const { runningMean, runningVar } = statisticsOf(this);
    const { weight, bias, eps } = this;
    checkLike(this.name, x, weight ?? this.running_mean);
    const useInputStats = this.training || runningMean === null;
    const momentum = this.momentum ?? 0; // as in PyTorch: no plain average here
    const options = { runningMean, runningVar, weight, bias, useInputStats, momentum, eps };
    if (batched) return normaliseInstances(this.name, x, options);
    return reshape(normaliseInstances(this.name, reshape(x, [1, ...x.dims]), options), x.dims);
  }
}

/**
 * Instance norm (Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022): y = (x - mean) / √(var + eps) · weight + bias, with mean
 * and variance over each channel of each sample. With `trackRunningStats`, evaluation uses running ones.
 *
 * | x | weight, bias (with `affine`) | y |
 * |---|---|---|
 * | [batch, numFeatures, length] or [numFeatures, length] | [numFeatures] | like x |
 *
 * @throws ShapeError when x has other dimensions or only one element for each channel
 * @example
 * new nn.InstanceNorm1d(3).forward(rand([8, 3, 10])); // [8, 3, 10]
 */
export class InstanceNorm1d extends InstanceNorm {
  /** @param args numFeatures, eps (1e-5), momentum (0.1), affine (false), trackRunningStats (false); options: bias (true), dtype */
  constructor(...args: BatchNormLayerArguments) {
    super('InstanceNorm1d', 3, args);
  }
}

/**
 * Instance norm of images: like `InstanceNorm1d`, for x [batch, numFeatures, height, width] or [numFeatures, height, width].
 * Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022
 *
 * @throws ShapeError when x has other dimensions or only one element for each channel
 * @example
 * const y = new nn.InstanceNorm2d(3, { affine: true }).forward(rand([8, 3, 4, 4]));
 */
export class InstanceNorm2d extends InstanceNorm {
  /** @param args numFeatures, eps (1e-5), momentum (0.1), affine (false), trackRunningStats (false); options: bias (true), dtype */
  constructor(...args: BatchNormLayerArguments) {
    super('InstanceNorm2d', 4, args);
  }
}

/**
 * Instance norm of volumes: like `InstanceNorm1d`, for x [batch, numFeatures, depth, height, width] or without batch.
 * Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022
 *
 * @throws ShapeError when x has other dimensions or only one element for each channel
 * @example
 * const y = new nn.InstanceNorm3d(3, { affine: true }).forward(rand([8, 3, 2, 4, 4]));
 */
export class InstanceNorm3d extends InstanceNorm {
  /** @param args numFeatures, eps (1e-5), momentum (0.1), affine (false), trackRunningStats (false); options: bias (true), dtype */
  constructor(...args: BatchNormLayerArguments) {
    super('InstanceNorm3d', 5, args);
  }
}
