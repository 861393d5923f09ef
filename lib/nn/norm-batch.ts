import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { fill_ } from '../ops/copy.js';
import { ones, zeros } from '../ops/creation.js';
import { batchNorm } from '../ops/norm-batch.js';
import { checkDType, checkFloat, checkSameDType, checkTensor, fileDTypes, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { Buffer, Parameter } from './roles.js';

/** Arguments of batch and instance norms, by name. */
export interface BatchNormLayerOptions {
  /** The number of channels. */
  numFeatures: number;
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** The weight of the new batch in the running statistics; default 0.1. Null: the plain average over all batches. */
  momentum?: number | null;
  /** Whether there are weight and bias; default true (instance norms: false). */
  affine?: boolean;
  /**
   * Whether running statistics are kept for evaluation; default true (instance norms: false). Without them, evaluation uses the
   * batch's.
   */
  trackRunningStats?: boolean;
  /** Whether there is a bias beside the weight; default true. */
  bias?: boolean;
  /** Default float32. */
  dtype?: DType;
}

/** The arguments after the input, by position or in options. */
export type BatchNormLayerArguments = Positional<
  BatchNormLayerOptions,
  [
    numFeatures: 'numFeatures',
    eps: 'eps',
    momentum: 'momentum',
    affine: 'affine',
    trackRunningStats: 'trackRunningStats',
  ]
>;

const positions = ['numFeatures', 'eps', 'momentum', 'affine', 'trackRunningStats'];

/** @internal Checks that x is a float tensor of the parameters' dtype. */
export function checkLike(name: string, x: Tensor, weight: Tensor | null): void {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  if (weight !== null) checkSameDType(name, ['x', 'weight'], [x, weight]);
}

/** @internal Checks the number of dimensions of x and the size of its channel dimension. */
export function checkFeatures(name: string, x: Tensor, features: number, ranks: readonly number[], dim: number): void {
  checkTensor(name, 'x', x);
  if (!ranks.includes(x.rank)) {
    throw new ShapeError(`${name}: x must have ${ranks.join(' or ')} dimensions, got x ${formatShape(x.dims)}`);
  }
  if (x.dims[dim] !== features) {
    throw new ShapeError(
      `${name}: dimension ${dim} of x must be numFeatures ${features}, got x ${formatShape(x.dims)}`,
    );
  }
}

let isKept = false;

/** @internal Runs a function in which norms in training mode leave their running statistics as they are. */
export function keepStatistics<T>(run: () => T): T {
  const before = isKept;
  isKept = true;
  try {
    return run();
  } finally {
    isKept = before;
  }
}

/** @internal The running statistics that a forward pass uses, or changes in training mode. */
export function statisticsOf(norm: FeatureNorm) {
  const { running_mean: runningMean, running_var: runningVar, num_batches_tracked: numBatchesTracked } = norm;
  if (isKept && norm.training) return { runningMean: null, runningVar: null, numBatchesTracked: null };
  return { runningMean, runningVar, numBatchesTracked };
}

/** What batch and instance norm share. Buffers have the names of PyTorch's keys. */
export abstract class FeatureNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Tensor | null;
  bias: Tensor | null;
  running_mean: Tensor | null;
  running_var: Tensor | null;
  num_batches_tracked: Tensor | null;

  constructor(
    protected readonly name: string,
    args: BatchNormLayerArguments,
    defaults: { affine: boolean; trackRunningStats: boolean },
  ) {
    super();
    const o = optionsOf<BatchNormLayerOptions>(name, args, positions, ['bias', 'dtype'], ['momentum']);
    const numFeatures = checkInteger(name, 'numFeatures', o.numFeatures, 1);
    this.numFeatures = numFeatures;
    this.eps = checkNumber(name, 'eps', o.eps ?? 1e-5, { min: 0 });
    this.momentum = o.momentum === null ? null : checkNumber(name, 'momentum', o.momentum ?? 0.1, { min: 0 });
    const dtype = checkDType(name, o.dtype, 'float32');
    const affine = checkFlag(name, 'affine', o.affine, defaults.affine);
    const tracked = checkFlag(name, 'trackRunningStats', o.trackRunningStats, defaults.trackRunningStats);
    const biased = checkFlag(name, 'bias', o.bias, true);
    this.affine = affine;
    this.trackRunningStats = tracked;
    this.weight = affine ? new Parameter(ones([numFeatures], { dtype })) : null;
    this.bias = affine && biased ? new Parameter(zeros([numFeatures], { dtype })) : null;
    this.running_mean = tracked ? new Buffer(zeros([numFeatures], { dtype })) : null;
    this.running_var = tracked ? new Buffer(ones([numFeatures], { dtype })) : null;
    this.num_batches_tracked = tracked ? new Buffer(zeros([], { dtype: 'int32' })) : null;
    if (this.num_batches_tracked !== null) fileDTypes.set(this.num_batches_tracked, 'I64'); // as PyTorch's
  }

  /** Sets the running mean to 0, the running variance to 1 and the number of batches to 0. */
  resetRunningStats(): void {
    noGrad(() => {
      if (this.running_mean !== null) fill_(this.running_mean, 0);
      if (this.running_var !== null) fill_(this.running_var, 1);
      if (this.num_batches_tracked !== null) fill_(this.num_batches_tracked, 0);
    });
  }

  override toString(): string {
    return `${this.name}(${this.numFeatures}${this.weight === null ? ', no weight' : ''})`;
  }
}

/** What the batch norms share. */
export abstract class BatchNorm extends FeatureNorm {
  constructor(
    name: string,
    private readonly ranks: readonly number[],
    args: BatchNormLayerArguments,
  ) {
    super(name, args, { affine: true, trackRunningStats: true });
  }

  forward(x: Tensor): Tensor {
    checkFeatures(this.name, x, this.numFeatures, this.ranks, 1);
    const { runningMean, runningVar, numBatchesTracked } = statisticsOf(this);
    const { weight, bias, momentum, eps } = this;
    checkLike(this.name, x, weight ?? this.running_mean);
    const training = this.training || runningMean === null;
    if (training && x.size / this.numFeatures <= 1) {
      throw new ShapeError(
        `${this.name}: training needs more than 1 value for each channel, got x ${formatShape(x.dims)}; use eval() or a larger batch`,
      );
    }
    return batchNorm(x, { runningMean, runningVar, weight, bias, training, momentum, eps, numBatchesTracked });
  }
}

/**
 * Batch norm of features (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167): y = (x - mean) / √(var + eps) · weight + bias.
 * In training, mean and variance are the batch's, over all dimensions but 1; evaluation uses the running ones, which are
 * updated in training: running = (1 - momentum) · running + momentum · batch's, with the unbiased variance.
 *
 * | x | weight, bias, running_mean, running_var | num_batches_tracked | y |
 * |---|---|---|---|
 * | [batch, numFeatures] or [batch, numFeatures, length] | [numFeatures]; 1, 0, 0, 1 at first | int32 [] | like x |
 *
 * @throws ShapeError when x has other dimensions, or in training only one value for each feature
 * @example
 * const model = nn.sequential(new nn.Linear(784, 128), new nn.BatchNorm1d(128), nn.functional.relu);
 */
export class BatchNorm1d extends BatchNorm {
  /** @param args numFeatures, eps (1e-5), momentum (0.1), affine (true), trackRunningStats (true); options: bias (true), dtype */
  constructor(...args: BatchNormLayerArguments) {
    super('BatchNorm1d', [2, 3], args);
  }
}

/**
 * Batch norm of the channels of images: like `BatchNorm1d`, for x [batch, numFeatures, height, width].
 * Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167
 *
 * @throws ShapeError when x has other dimensions, or in training only one value for each channel
 * @example
 * const y = new nn.BatchNorm2d(3).forward(rand([8, 3, 4, 4]));
 */
export class BatchNorm2d extends BatchNorm {
  /** @param args numFeatures, eps (1e-5), momentum (0.1), affine (true), trackRunningStats (true); options: bias (true), dtype */
  constructor(...args: BatchNormLayerArguments) {
    super('BatchNorm2d', [4], args);
  }
}

/**
 * Batch norm of the channels of volumes: like `BatchNorm1d`, for x [batch, numFeatures, depth, height, width].
 * Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167
 *
 * @throws ShapeError when x has other dimensions, or in training only one value for each channel
 * @example
 * const y = new nn.BatchNorm3d(3).forward(rand([8, 3, 2, 4, 4]));
 */
export class BatchNorm3d extends BatchNorm {
  /** @param args numFeatures, eps (1e-5), momentum (0.1), affine (true), trackRunningStats (true); options: bias (true), dtype */
  constructor(...args: BatchNormLayerArguments) {
    super('BatchNorm3d', [5], args);
  }
}
