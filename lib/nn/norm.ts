import { aboutToChange } from '../all-or-nothing.js';
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, checkNumber, checkOptions, formatShape, ShapeError } from '../errors.js';
import { copy_ } from '../ops/copy.js';
import { ones, zeros } from '../ops/creation.js';
import { add, mul } from '../ops/elementwise.js';
import { checkNormalizedShape, groupNorm, instanceNorm, layerNorm, rmsNorm } from '../ops/norm.js';
import { batchNorm } from '../ops/norm-batch.js';
import { mean } from '../ops/reduce.js';
import { variance } from '../ops/reduce-statistics.js';
import { reshape } from '../ops/shape.js';
import type { Shape } from '../shape.js';
import { checkDType, checkTensor, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { type BatchNormLayerOptions, checkFeatures, checkLike, FeatureNorm } from './norm-batch.js';
import { Parameter } from './roles.js';

/** Options of `LayerNorm` and `RMSNorm`. */
export interface LayerNormLayerOptions {
  /** Added to the variance; default 1e-5 (`RMSNorm`: the distance from 1 to the next number of x's dtype). */
  eps?: number | null;
  /** Whether there is a weight (and a bias); default true. */
  elementwiseAffine?: boolean;
  dtype?: DType;
}

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
  weight: Tensor | null;
  bias: Tensor | null;

  /** @param options eps (default 1e-5), elementwiseAffine and bias (default true), dtype */
  constructor(normalizedShape: number | Shape, options?: LayerNormLayerOptions & { bias?: boolean }) {
    super();
    checkOptions('LayerNorm', options, ['eps', 'elementwiseAffine', 'bias', 'dtype']);
    this.normalizedShape = checkNormalizedShape('LayerNorm', normalizedShape);
    this.eps = checkNumber('LayerNorm', 'eps', options?.eps ?? 1e-5, { min: 0 });
    const dtype = checkDType('LayerNorm', options?.dtype, 'float32');
    const affine = checkFlag('LayerNorm', 'elementwiseAffine', options?.elementwiseAffine, true);
    const biased = checkFlag('LayerNorm', 'bias', options?.bias, true);
    this.weight = affine ? new Parameter(ones(this.normalizedShape, { dtype })) : null;
    this.bias = affine && biased ? new Parameter(zeros(this.normalizedShape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    checkLast('LayerNorm', x, this.normalizedShape, this.weight);
    return layerNorm(x, this.weight, this.bias, { normalizedShape: this.normalizedShape, eps: this.eps });
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
  weight: Tensor | null;

  /** @param options eps (default: the distance from 1 to the next number of the dtype), elementwiseAffine, dtype */
  constructor(normalizedShape: number | Shape, options?: LayerNormLayerOptions) {
    super();
    checkOptions('RMSNorm', options, ['eps', 'elementwiseAffine', 'dtype'], ['eps']);
    this.normalizedShape = checkNormalizedShape('RMSNorm', normalizedShape);
    this.eps = (options?.eps ?? null) === null ? null : checkNumber('RMSNorm', 'eps', options?.eps, { min: 0 });
    const dtype = checkDType('RMSNorm', options?.dtype, 'float32');
    const affine = checkFlag('RMSNorm', 'elementwiseAffine', options?.elementwiseAffine, true);
    this.weight = affine ? new Parameter(ones(this.normalizedShape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    checkLast('RMSNorm', x, this.normalizedShape, this.weight);
    const eps = this.eps === null ? {} : { eps: this.eps };
    return rmsNorm(x, this.weight, { normalizedShape: this.normalizedShape, ...eps });
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
  weight: Tensor | null;
  bias: Tensor | null;

  /** @param options eps (default 1e-5), affine (default true), dtype */
  constructor(numGroups: number, numChannels: number, options?: { eps?: number; affine?: boolean; dtype?: DType }) {
    super();
    checkOptions('GroupNorm', options, ['eps', 'affine', 'dtype']);
    this.numGroups = checkInteger('GroupNorm', 'numGroups', numGroups, 1);
    this.numChannels = checkInteger('GroupNorm', 'numChannels', numChannels, 1);
    if (numChannels % numGroups !== 0) {
      throw new ShapeError(`GroupNorm: numGroups must divide numChannels, got ${numGroups} and ${numChannels}`);
    }
    this.eps = checkNumber('GroupNorm', 'eps', options?.eps ?? 1e-5, { min: 0 });
    const dtype = checkDType('GroupNorm', options?.dtype, 'float32');
    const affine = checkFlag('GroupNorm', 'affine', options?.affine, true);
    this.weight = affine ? new Parameter(ones([numChannels], { dtype })) : null;
    this.bias = affine ? new Parameter(zeros([numChannels], { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    checkLike('GroupNorm', x, this.weight);
    if (x.rank < 2 || x.dims[1] !== this.numChannels) {
      throw new ShapeError(
        `GroupNorm: dimension 1 of x must be numChannels ${this.numChannels}, got x ${formatShape(x.dims)}`,
      );
    }
    return groupNorm(x, this.weight, this.bias, { numGroups: this.numGroups, eps: this.eps });
  }

  override toString(): string {
    return `GroupNorm(${this.numGroups}, ${this.numChannels}${this.weight === null ? ', no weight' : ''})`;
  }
}

abstract class InstanceNorm extends FeatureNorm {
  constructor(
    name: string,
    private readonly rank: number,
    numFeatures: number,
    options: BatchNormLayerOptions | undefined,
  ) {
    super(name, numFeatures, options, { affine: false, trackRunningStats: false });
  }

  forward(x: Tensor): Tensor {
    const batched = checkTensor(this.name, 'x', x).rank === this.rank;
    checkFeatures(this.name, x, this.numFeatures, [this.rank - 1, this.rank], batched ? 1 : 0);
    checkLike(this.name, x, this.weight ?? this.running_mean);
    if (!batched) return reshape(this.run(reshape(x, [1, ...x.dims])), x.dims);
    return this.run(x);
  }

  private run(x: Tensor): Tensor {
    const { weight, bias, eps, training } = this;
    const [average, spread] = [this.running_mean, this.running_var];
    if (average !== null && spread !== null && !training) {
      return batchNorm(x, weight, bias, { runningMean: average, runningVar: spread, eps });
    }
    const inner = x.dims.slice(2).reduce((a, b) => a * b, 1);
    if (inner <= 1) {
      throw new ShapeError(`${this.name}: each channel must have more than 1 element, got x ${formatShape(x.dims)}`);
    }
    if (average !== null && spread !== null) this.follow(x, average, spread);
    return instanceNorm(x, weight, bias, { eps });
  }

  // running = (1 - momentum) · running + momentum · the mean of the samples' statistics
  private follow(x: Tensor, average: Tensor, spread: Tensor): void {
    const share = this.momentum ?? 0; // as in PyTorch: no plain average here
    const dim = Array.from({ length: x.rank - 2 }, (_, i) => i + 2);
    noGrad(() => {
      const update = (running: Tensor, now: Tensor): void => {
        const next = add(mul(running, 1 - share), mul(mean(now, { dim: 0 }), share));
        aboutToChange(this.name, running);
        copy_(running, next);
      };
      update(average, mean(x, { dim }));
      update(spread, variance(x, { dim }));
    });
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
  /** @param options eps (default 1e-5), momentum (default 0.1), affine and trackRunningStats (default false), dtype */
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super('InstanceNorm1d', 3, numFeatures, options);
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
  /** @param options eps (default 1e-5), momentum (default 0.1), affine and trackRunningStats (default false), dtype */
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super('InstanceNorm2d', 4, numFeatures, options);
  }
}
