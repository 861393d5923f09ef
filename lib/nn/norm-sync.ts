// Batch norm over the batches of several processes.
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { groupOf, isInitialized } from '../distributed/init.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import { sumOver } from '../distributed/reduce.js';
import { full, zeros } from '../ops/creation.js';
import { cat } from '../ops/shape-slice.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { checkPart } from './lookup.js';
import type { Module } from './module.js';
import { BatchNorm, type BatchNormLayerOptions, checkFeatures, checkLike, statisticsOf } from './norm-batch.js';

/** Arguments of {@link SyncBatchNorm}, by name. */
export interface SyncBatchNormOptions extends BatchNormLayerOptions {
  /** The processes whose batches are one; default: all of the run. */
  processGroup?: ProcessGroup | null;
}

/** The arguments of {@link SyncBatchNorm}, by position or in options. */
export type SyncBatchNormArguments = Positional<
  SyncBatchNormOptions,
  [
    numFeatures: 'numFeatures',
    eps: 'eps',
    momentum: 'momentum',
    affine: 'affine',
    trackRunningStats: 'trackRunningStats',
    processGroup: 'processGroup',
  ]
>;

const name = 'SyncBatchNorm';
const positions = ['numFeatures', 'eps', 'momentum', 'affine', 'trackRunningStats', 'processGroup'];
const ranks = [2, 3, 4, 5];

/**
 * Batch norm whose batch is that of all processes together: in training, mean and variance are taken over the batches of the whole
 * group, in the forward pass and in the backward pass, so that small parts are normed as the whole is. Processes may have
 * different numbers of samples. In evaluation, and without `distributed.init`, it is `BatchNorm1d`, `2d` or `3d`.
 *
 * y = (x - mean) / √(var + eps) · weight + bias, with mean = Σᵣ nᵣ meanᵣ / n and var = Σᵣ nᵣ (varᵣ + (meanᵣ - mean)²) / n
 *
 * | x | weight, bias, running_mean, running_var | num_batches_tracked | y |
 * |---|---|---|---|
 * | [batch, numFeatures, …], 2 to 5 dimensions | [numFeatures]; 1, 0, 0, 1 at first | int32 [] | like x |
 *
 * @throws ShapeError when x has other dimensions; DistributedError when another process is lost
 * @example
 * const model = nn.SyncBatchNorm.convertSyncBatchnorm(nn.sequential(new nn.Conv2d(3, 8, 3), new nn.BatchNorm2d(8)));
 */
export class SyncBatchNorm extends BatchNorm {
  readonly processGroup: ProcessGroup | null;

  /**
   * @param args numFeatures, eps (1e-5), momentum (0.1), affine (true), trackRunningStats (true), processGroup (all); options: bias
   *   (true), dtype
   */
  constructor(...args: SyncBatchNormArguments) {
    const known = ['bias', 'dtype'];
    const o = optionsOf<SyncBatchNormOptions>(name, args, positions, known, ['momentum', 'processGroup']);
    const { processGroup = null, ...rest } = o;
    super(name, ranks, [rest] as never);
    this.processGroup = processGroup === null ? null : groupOf(name, processGroup);
  }

  /**
   * A module in which each `BatchNorm1d`, `2d` and `3d` is a `SyncBatchNorm` with the same parameters and running statistics: the
   * module itself, changed in place, or what takes its place if it is a batch norm. Make the optimizer before or after; hooks of the
   * layers are left behind.
   *
   * @param module any module
   * @param processGroup the processes whose batches are one; default: all of the run
   * @example
   * const model = nn.SyncBatchNorm.convertSyncBatchnorm(nn.sequential(new nn.Linear(4, 8), new nn.BatchNorm1d(8)));
   */
  static convertSyncBatchnorm<M extends Module>(
    module: M,
    processGroup: ProcessGroup | null = null,
  ): M | SyncBatchNorm {
    checkPart('convertSyncBatchnorm', module);
    if (processGroup !== null) groupOf('convertSyncBatchnorm', processGroup);
    if (module instanceof BatchNorm) return synced(module, processGroup);
    const made = new Map<Module, SyncBatchNorm>(); // one that stands in several places does so afterwards
    for (const [path, part] of module.namedModules({ removeDuplicate: false })) {
      if (!(part instanceof BatchNorm) || part instanceof SyncBatchNorm) continue;
      const sync = made.get(part) ?? synced(part, processGroup);
      made.set(part, sync);
      module.setSubmodule(path, sync);
    }
    return module;
  }

  override forward(x: Tensor): Tensor {
    const group = this.processGroup ?? (isInitialized() ? groupOf(name, undefined) : null);
    if (group === null || group.size === 1 || !this.training) return super.forward(x);
    checkTensor(name, 'x', x);
    checkFeatures(name, x, this.numFeatures, ranks, 1);
    checkLike(name, x, this.weight ?? this.running_mean);
    const { mean, variance, count } = valuesOf(group, x);
    noGrad(() => this._track(mean.detach(), variance.detach(), count));
    const dims = x.dims.map((size, i) => (i === 1 ? size : 1));
    const rstd = variance.add(this.eps).rsqrt();
    const scale = this.weight === null ? rstd : rstd.mul(this.weight);
    const y = x.sub(mean.reshape(dims)).mul(scale.reshape(dims));
    return this.bias === null ? y : y.add(this.bias.reshape(dims));
  }

  /** @internal */
  _track(mean: Tensor, variance: Tensor, count: Tensor): void {
    const { runningMean: average, runningVar: spread, numBatchesTracked: batches } = statisticsOf(this);
    const { momentum } = this;
    if (average === null || spread === null || batches === null) return;
    batches.add_(1);
    const unbiased = variance.mul(count.div(count.sub(1).clamp({ min: 1 })));
    const part = momentum ?? batches.to(average.dtype).reciprocal();
    average.add_(mean.sub(average).mul(part));
    spread.add_(unbiased.sub(spread).mul(part));
  }
}

/** Mean and biased variance of the channels of all processes' tensors, and how many values each channel has. */
function valuesOf(group: ProcessGroup, x: Tensor): { mean: Tensor; variance: Tensor; count: Tensor } {
  const channels = x.dims[1] as number;
  const own = x.size / channels;
  const others = x.dims.map((_, i) => i).filter((i) => i !== 1);
  const dims = x.dims.map((size, i) => (i === 1 ? size : 1));
  const mean = x.sum(others).div(Math.max(own, 1));
  const squares = x.sub(mean.reshape(dims)).square().sum(others);
  // One row for each process, and one sum: its gradient is the sum of theirs.
  const { dtype } = x;
  const row = cat([mean, squares, full([1], own, { dtype })]).reshape([1, -1]);
  const nothing = zeros(row.shape, { dtype });
  const rows = sumOver(name, group, cat(group.ranks.map((_, i) => (i === group.rank ? row : nothing))));
  const means = rows.narrow(1, 0, channels);
  const counts = rows.narrow(1, 2 * channels, 1).detach();
  const count = counts.sum();
  const all = means.mul(counts).sum(0).div(count);
  const between = means.sub(all).square().mul(counts).sum(0);
  const variance = rows.narrow(1, channels, channels).sum(0).add(between).div(count);
  return { mean: all, variance, count };
}

function synced(from: BatchNorm, processGroup: ProcessGroup | null): SyncBatchNorm {
  if (from instanceof SyncBatchNorm) return from;
  const { numFeatures, eps, momentum, affine, trackRunningStats, weight, bias, running_mean, running_var } = from;
  const sync = new SyncBatchNorm({ numFeatures, eps, momentum, affine, trackRunningStats, processGroup });
  const { num_batches_tracked, training } = from;
  return Object.assign(sync, { weight, bias, running_mean, running_var, num_batches_tracked, training });
}
