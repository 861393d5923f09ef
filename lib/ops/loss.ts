// Kernels and gradients of losses. Arguments are checked in lib/nn/loss.ts, where the losses are documented.

import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError } from '../errors.js';
import { handleOf, present } from '../lists.js';
import { type Kernel, kernel, native } from '../native.js';
import { empty, type Tensor } from '../tensor.js';
import { sigmoid, softplus } from './activation.js';
import { add, div, log, log1p, maximum, mul, neg, sign, sub } from './elementwise.js';
import { clamp } from './elementwise-compare.js';

/** How the losses of all elements are reduced: to their mean, to their sum, or not at all. */
export type Reduction = 'mean' | 'sum' | 'none';

/** @internal The kernels' codes. */
export const reductionCodes = native.codes.reduction;

/** A loss that compares x and target, of one shape, element by element. */
interface Pointwise {
  name: string;
  /** Of the loss and of x's gradient; both take x, target, the weights, the numbers and the code of the reduction. */
  kernels: readonly [Kernel, Kernel];
  /** Of x's shape. */
  weights?: readonly (Tensor | undefined)[];
  numbers?: readonly number[];
  /** ∂loss/∂x of each element, composed of operations. */
  slope: (x: Tensor, target: Tensor) => Tensor;
  /** ∂loss/∂target of each element. */
  targetSlope: (x: Tensor, target: Tensor) => Tensor;
}

function pointwise(x: Tensor, target: Tensor, reduction: Reduction, p: Pointwise): Tensor {
  const { name, kernels, weights = [], numbers = [], slope, targetSlope } = p;
  const [run, runBackward] = kernels;
  const y = empty(reduction === 'none' ? x.dims : [], x.dtype);
  const code = reductionCodes[reduction];
  const rest = () => [x.handle, target.handle, ...weights.map(handleOf), ...numbers, code];
  checkFault(run(y.handle, ...rest()), ({ value, position }) => {
    const rule = 'input must be probabilities in [0, 1]';
    return new ArgumentError(
      `${name}: ${rule}, got ${value} (element ${position}); take its sigmoid(), or binaryCrossEntropyWithLogits`,
    );
  });
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    const share = (dy: Tensor): Tensor => (reduction === 'mean' ? mul(dy, 1 / x.size) : dy);
    const gradient = () => {
      const dx = empty(x.dims, x.dtype);
      runBackward(dx.handle, dy.handle, ...rest());
      return [dx];
    };
    const compose = (dy: Tensor, x: Tensor, target: Tensor) => [mul(slope(x, target), share(dy))];
    const [dx = null] = needs[0] ? fusedGradients(name, [dy, x, target], gradient, compose) : [];
    return [dx, needs[1] ? mul(targetSlope(x, target), share(dy)) : null];
  };
  return record(name, y, [x, target], backward, [x, target, ...present(...weights)]);
}

const mseLossKernel = kernel('mseLoss', 'y x target reduction');
const mseLossBackwardKernel = kernel('mseLossBackward', 'dx dy x target reduction');

/** @internal (x - target)² */
export function mseLoss(x: Tensor, target: Tensor, reduction: Reduction): Tensor {
  return pointwise(x, target, reduction, {
    name: 'mseLoss',
    kernels: [mseLossKernel, mseLossBackwardKernel],
    slope: (x, target) => mul(sub(x, target), 2),
    targetSlope: (x, target) => mul(sub(x, target), -2),
  });
}

const l1LossKernel = kernel('l1Loss', 'y x target reduction');
const l1LossBackwardKernel = kernel('l1LossBackward', 'dx dy x target reduction');

/** @internal |x - target| */
export function l1Loss(x: Tensor, target: Tensor, reduction: Reduction): Tensor {
  return pointwise(x, target, reduction, {
    name: 'l1Loss',
    kernels: [l1LossKernel, l1LossBackwardKernel],
    slope: (x, target) => sign(sub(x, target)),
    targetSlope: (x, target) => sign(sub(target, x)),
  });
}

const huberLossKernel = kernel('huberLoss', 'y x target delta reduction');
const huberLossBackwardKernel = kernel('huberLossBackward', 'dx dy x target delta reduction');

/** @internal d² / 2 where |d| ≤ delta, delta (|d| - delta / 2) elsewhere, d = x - target */
export function huberLoss(x: Tensor, target: Tensor, delta: number, reduction: Reduction): Tensor {
  return pointwise(x, target, reduction, {
    name: 'huberLoss',
    kernels: [huberLossKernel, huberLossBackwardKernel],
    numbers: [delta],
    slope: (x, target) => clamp(sub(x, target), { min: -delta, max: delta }),
    targetSlope: (x, target) => clamp(sub(target, x), { min: -delta, max: delta }),
  });
}

const weighted = (slope: Tensor, weight: Tensor | undefined): Tensor => (weight ? mul(weight, slope) : slope);

// PyTorch's limit, a float32 in both dtypes, for the divisor of binary cross entropy's gradient.
const minSpread = Math.fround(1e-12);
const binaryCrossEntropyKernel = kernel('binaryCrossEntropy', 'y x target weight reduction');
const binaryCrossEntropyBackwardKernel = kernel('binaryCrossEntropyBackward', 'dx dy x target weight reduction');

/** @internal -(target log x + (1 - target) log(1 - x)) weight; `weight` of x's shape */
export function binaryCrossEntropy(
  x: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
  reduction: Reduction,
): Tensor {
  return pointwise(x, target, reduction, {
    name: 'binaryCrossEntropy',
    kernels: [binaryCrossEntropyKernel, binaryCrossEntropyBackwardKernel],
    weights: [weight],
    slope: (x, target) => weighted(div(sub(x, target), maximum(mul(sub(1, x), x), minSpread)), weight),
    targetSlope: (x) => weighted(sub(clamp(log1p(neg(x)), { min: -100 }), clamp(log(x), { min: -100 })), weight),
  });
}

const binaryCrossEntropyWithLogitsKernel = kernel(
  'binaryCrossEntropyWithLogits',
  'y x target weight positive reduction',
);
const binaryCrossEntropyWithLogitsBackwardKernel = kernel(
  'binaryCrossEntropyWithLogitsBackward',
  'dx dy x target weight positive reduction',
);

/** @internal ((1 - target) x + (1 + (posWeight - 1) target) log(1 + exp(-x))) weight; both weights of x's shape */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
  posWeight: Tensor | undefined,
  reduction: Reduction,
): Tensor {
  return pointwise(x, target, reduction, {
    name: 'binaryCrossEntropyWithLogits',
    kernels: [binaryCrossEntropyWithLogitsKernel, binaryCrossEntropyWithLogitsBackwardKernel],
    weights: [weight, posWeight],
    slope: (x, target) => {
      const scaled = posWeight ? mul(posWeight, target) : target;
      return weighted(sub(mul(add(scaled, sub(1, target)), sigmoid(x)), scaled), weight);
    },
    targetSlope: (x) => weighted(posWeight ? sub(mul(sub(posWeight, 1), softplus(neg(x))), x) : neg(x), weight),
  });
}
