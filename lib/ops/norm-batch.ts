// Batch norm. The kernels are the norm family's.

import { aboutToChange } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { recordFused } from '../autograd/fused.js';
import { ArgumentError, checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import { handleOf, present } from '../lists.js';
import { kernel } from '../native.js';
import { sameShape } from '../shape.js';
import { changed, checkSameDType, checkTensor, empty, type Tensor } from '../tensor.js';
import { zeros } from './creation.js';
import { type Composition, checkChannels, checkEps, checkOperands, composer, pick } from './norm.js';

const batchNormKernel = kernel(
  'batchNorm',
  'y mean rstd runningMean runningVar batches x weight bias samples channels inner momentum eps',
);
const batchNormFixedKernel = kernel(
  'batchNormFixed',
  'y mean rstd givenMean givenVar x weight bias samples channels inner eps',
);
const batchNormBackwardKernel = kernel(
  'batchNormBackward',
  'dx dWeight dBias dy x mean rstd weight samples channels inner training',
);

/** Options of `batchNorm`. */
export interface BatchNormOptions {
  /** [channels]; used when not training, changed in place when training. Null: none. */
  runningMean: Tensor | null;
  /** [channels]; the unbiased variance, used and changed like the mean. */
  runningVar: Tensor | null;
  /** [channels]; default none. */
  weight?: Tensor | null;
  /** [channels]; default none. */
  bias?: Tensor | null;
  /** Whether to use the batch's statistics; default false, as in PyTorch. Always true without running statistics. */
  training?: boolean;
  /** The weight of the new batch in the running statistics; default 0.1. Null: the plain average over all batches. */
  momentum?: number | null;
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** int32 []: the number of batches in the running statistics, counted when training; needed for momentum null. */
  numBatchesTracked?: Tensor | null;
}

type BatchNormArguments = Positional<
  BatchNormOptions,
  [
    runningMean: 'runningMean',
    runningVar: 'runningVar',
    weight: 'weight',
    bias: 'bias',
    training: 'training',
    momentum: 'momentum',
    eps: 'eps',
  ]
>;

const positions = ['runningMean', 'runningVar', 'weight', 'bias', 'training', 'momentum', 'eps'];
const nullable = ['runningMean', 'runningVar', 'weight', 'bias', 'momentum', 'numBatchesTracked'];

/** Running mean and variance. */
interface Statistics {
  mean: Tensor;
  variance: Tensor;
}

/** @internal Running statistics [channels], or null without them. */
export function checkStatistics(
  name: string,
  x: Tensor,
  channels: number,
  average: Tensor | null,
  variance: Tensor | null,
): Statistics | null {
  if (average === null && variance === null) return null;
  if (!average || !variance) throw new ArgumentError(`${name}: runningMean and runningVar must be given together`);
  for (const [label, t] of [['runningMean', average] as const, ['runningVar', variance] as const]) {
    checkTensor(name, label, t);
    checkSameDType(name, ['x', label], [x, t]);
    if (!sameShape(t.dims, [channels])) {
      throw new ShapeError(
        `${name}: ${label} must be [${channels}], got ${label} ${formatShape(t.dims)} and x ${formatShape(x.dims)}`,
      );
    }
  }
  return { mean: average, variance };
}

interface Running extends Statistics {
  batches: Tensor | null;
}

function checkRunning(x: Tensor, channels: number, o: Partial<BatchNormOptions>): Running | null {
  const { runningMean, runningVar, numBatchesTracked: batches = null } = o;
  for (const [label, t] of [['runningMean', runningMean] as const, ['runningVar', runningVar] as const]) {
    if (t === undefined) throw new ArgumentError(`batchNorm: ${label} must be a tensor or null, got undefined`);
  }
  const statistics = checkStatistics(
    'batchNorm',
    x,
    channels,
    runningMean as Tensor | null,
    runningVar as Tensor | null,
  );
  if (statistics === null) return null;
  if (batches === null && o.training && o.momentum === null) {
    throw new ArgumentError('batchNorm: numBatchesTracked must be given for momentum null, got none');
  }
  if (
    batches !== null &&
    (checkTensor('batchNorm', 'numBatchesTracked', batches).dtype !== 'int32' || batches.size !== 1)
  ) {
    throw new ArgumentError(
      `batchNorm: numBatchesTracked must be int32 with one element, got ${batches.dtype} ${formatShape(batches.dims)}`,
    );
  }
  return { ...statistics, batches };
}

/**
 * Batch norm (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167): y = (x - mean) / √(var + eps) · weight + bias for each
 * channel. In training mean and (biased) variance are the batch's, and the running ones are updated:
 * running = (1 - momentum) · running + momentum · batch's, with the unbiased variance. Otherwise the running ones are used.
 *
 * @param x [batch, channels, …]
 * @param args runningMean, runningVar: [channels] or null; weight, bias: [channels] (none); training (false), momentum (0.1),
 *   eps (1e-5); option: numBatchesTracked
 * @returns like x
 * @throws ShapeError when weight, bias or running statistics are not [channels], or when training on only one value for each channel
 * @example
 * const y = batchNorm(tensor([[1], [3]]), null, null, { training: true, eps: 0 }); // [[-1], [1]]
 */
export function batchNorm(x: Tensor, ...args: BatchNormArguments): Tensor {
  const { samples, channels, inner } = checkChannels('batchNorm', x);
  const o = optionsOf<BatchNormOptions>('batchNorm', args, positions, ['numBatchesTracked'], nullable);
  const { weight: w = null, bias: b = null } = o;
  checkOperands('batchNorm', x, w, b, [channels]);
  const eps = checkEps('batchNorm', o.eps ?? 1e-5);
  const momentum = o.momentum === null ? -1 : checkNumber('batchNorm', 'momentum', o.momentum ?? 0.1, { min: 0 });
  const asked = checkFlag('batchNorm', 'training', o.training, false);
  const running = checkRunning(x, channels, o);
  const training = asked || running === null;
  if (training && samples * inner <= 1) {
    throw new ShapeError(
      `batchNorm: training needs more than 1 value for each channel, got x ${formatShape(x.dims)}; use eval() or a larger batch`,
    );
  }
  if (training && running !== null) {
    for (const t of present(running.mean, running.variance, running.batches)) aboutToChange('batchNorm', t);
  }
  const y = empty(x.dims, x.dtype);
  const means = empty([channels], x.dtype);
  const scales = empty([channels], x.dtype);
  const ins = [x.handle, handleOf(w), handleOf(b), samples, channels, inner];
  if (training) {
    const count = running === null ? null : (running.batches ?? zeros([], { dtype: 'int32' }));
    const state = [running?.mean ?? null, running?.variance ?? null, count].map(handleOf);
    batchNormKernel(y.handle, means.handle, scales.handle, ...state, ...ins, momentum, eps);
    if (running !== null) present(running.mean, running.variance, running.batches).forEach(changed);
  } else {
    const { mean: average, variance } = running as Running;
    batchNormFixedKernel(y.handle, means.handle, scales.handle, average.handle, variance.handle, ...ins, eps);
  }
  const sizes = [samples, 1, channels, inner] as const;
  const fixed = training ? {} : { fixed: [means, scales] as const };
  const reference = composer(w, b, { sizes, dims: [0, 3], centred: true, eps, ...fixed });
  const backward = ([dy]: readonly (Tensor | null)[], needs: readonly boolean[]) =>
    batchNormGradients(dy as Tensor, needs, x, w, b, means, scales, sizes, training);
  recordFused('batchNorm', [y], [x, ...present(w, b)], backward, reference, [x, means, scales, ...present(w)]);
  return y;
}

function batchNormGradients(
  dy: Tensor,
  needs: readonly boolean[],
  x: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  means: Tensor,
  scales: Tensor,
  sizes: Composition['sizes'],
  training: boolean,
): (Tensor | null)[] {
  const [samples, , channels, inner] = sizes;
  const dx = needs[0] ? empty(x.dims, x.dtype) : null;
  const dWeight = empty([channels], x.dtype);
  const dBias = empty([channels], x.dtype);
  const outs = [handleOf(dx), dWeight.handle, dBias.handle];
  const ins = [dy.handle, x.handle, means.handle, scales.handle, handleOf(weight)];
  batchNormBackwardKernel(...outs, ...ins, samples, channels, inner, training ? 1 : 0);
  if (weight === null) dWeight.dispose();
  if (bias === null) dBias.dispose();
  return pick(dx, dWeight, dBias, weight !== null, bias !== null);
}
