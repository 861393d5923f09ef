// Instance norm. The kernels are the norm family's.
import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkNumber, formatShape, ShapeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { copy_ } from './copy.js';
import { add, mul } from './elementwise.js';
import { checkChannels, checkEps, checkOperands, normaliseGroups } from './norm.js';
import { batchNorm, checkStatistics } from './norm-batch.js';
import { mean } from './reduce.js';
import { var as variance } from './reduce-statistics.js';

/** Options of `instanceNorm`. */
export interface InstanceNormOptions {
  /** [channels]; updated in place with useInputStats, else used. Default none. */
  runningMean?: Tensor | null;
  /** [channels]; the unbiased variance, used and updated like the mean. */
  runningVar?: Tensor | null;
  /** [channels]; default none. */
  weight?: Tensor | null;
  /** [channels]; default none. */
  bias?: Tensor | null;
  /** Whether the statistics are x's; default true. Otherwise they are the running ones. */
  useInputStats?: boolean;
  /** The weight of x's statistics in the running ones; default 0.1. */
  momentum?: number;
  /** Added to the variance; default 1e-5. */
  eps?: number;
}

type InstanceNormArguments = Positional<
  InstanceNormOptions,
  [
    runningMean: 'runningMean',
    runningVar: 'runningVar',
    weight: 'weight',
    bias: 'bias',
    useInputStats: 'useInputStats',
    momentum: 'momentum',
    eps: 'eps',
  ]
>;

const nullable = ['runningMean', 'runningVar', 'weight', 'bias'];
const positions = [...nullable, 'useInputStats', 'momentum', 'eps'];

/**
 * Instance norm (Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022): y = (x - mean) / √(var + eps) · weight + bias, with
 * mean and (biased) variance over each channel of each sample. Running statistics, if given, follow the mean of the samples':
 * running = (1 - momentum) · running + momentum · mean, with the unbiased variance.
 *
 * @param x [batch, channels, …], more than one element for each channel
 * @param args runningMean, runningVar, weight, bias: [channels] (none); useInputStats (true), momentum (0.1), eps (1e-5)
 * @returns like x
 * @throws ShapeError when a channel has one element, or weight, bias or running statistics are not [channels]
 * @example
 * instanceNorm(tensor([[[1, 3]]]), { eps: 0 }); // [[[-1, 1]]]
 */
export function instanceNorm(x: Tensor, ...args: InstanceNormArguments): Tensor {
  return normaliseInstances('instanceNorm', x, optionsOf('instanceNorm', args, positions, [], nullable));
}

/** @internal `name`: for error texts. */
export function normaliseInstances(name: string, x: Tensor, options: InstanceNormOptions): Tensor {
  const { samples, channels, inner } = checkChannels(name, x);
  const { runningMean = null, runningVar = null, weight = null, bias = null } = options;
  const running = checkStatistics(name, x, channels, runningMean, runningVar);
  const eps = checkEps(name, options.eps ?? 1e-5);
  const momentum = checkNumber(name, 'momentum', options.momentum ?? 0.1, { min: 0 });
  if (!checkFlag(name, 'useInputStats', options.useInputStats, true)) {
    if (running === null) {
      throw new ArgumentError(`${name}: useInputStats false needs runningMean and runningVar, got none`);
    }
    return batchNorm(x, { runningMean, runningVar, weight, bias, eps });
  }
  if (inner <= 1 && x.size > 0) {
    throw new ShapeError(`${name}: each channel must have more than 1 element, got x ${formatShape(x.dims)}`);
  }
  checkOperands(name, x, weight, bias, [channels]);
  // Without channels there is one group of none.
  const [groups, perGroup] = channels === 0 ? [1, 0] : [channels, 1];
  const normalise = () => normaliseGroups(name, x, weight, bias, [samples, groups, perGroup, inner], true, eps);
  if (running === null) return normalise();
  return allOrNothing(() => {
    follow(name, x, running, momentum);
    return normalise();
  });
}

function follow(name: string, x: Tensor, running: { mean: Tensor; variance: Tensor }, momentum: number): void {
  const dim = Array.from({ length: x.rank - 2 }, (_, i) => i + 2);
  noGrad(() => {
    const update = (running: Tensor, now: Tensor): void => {
      const next = add(mul(running, 1 - momentum), mul(mean(now, { dim: 0 }), momentum));
      aboutToChange(name, running);
      copy_(running, next);
    };
    update(running.mean, mean(x, { dim }));
    update(running.variance, variance(x, { dim }));
  });
}
