// Kernels and gradients of losses. Arguments are checked in lib/nn/loss.ts, where the losses are documented.
import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError } from '../errors.js';
import { type Fault, kernel, native } from '../native.js';
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
  x: Tensor;
  target: Tensor;
  reduction: Reduction;
  /** Calls the kernel with the result. */
  run: (y: Tensor) => Fault | undefined;
  /** Calls the kernel with the gradient of x and that of the result. */
  runBackward: (dx: Tensor, dy: Tensor) => void;
  /** ∂loss/∂x of each element, composed of operations. */
  slope: (x: Tensor, target: Tensor) => Tensor;
  /** ∂loss/∂target of each element. */
  targetSlope: (x: Tensor, target: Tensor) => Tensor;
  /** What the slopes read besides x and target. */
  saved?: readonly Tensor[];
}

function pointwise(p: Pointwise): Tensor {
  const { name, x, target, reduction, run, runBackward, slope, targetSlope } = p;
  const y = empty(reduction === 'none' ? x.dims : [], x.dtype);
  checkFault(run(y), ({ value, position }) => {
    const rule = 'input must be probabilities in [0, 1]';
    return new ArgumentError(
      `${name}: ${rule}, got ${value} (element ${position}); take its sigmoid(), or binaryCrossEntropyWithLogits`,
    );
  });
  const backward = (dy: Tensor, needs: readonly boolean[]) => {
    const share = (dy: Tensor): Tensor => (reduction === 'mean' ? mul(dy, 1 / x.size) : dy);
    const gradient = () => {
      const dx = empty(x.dims, x.dtype);
      runBackward(dx, dy);
      return [dx];
    };
    const compose = (dy: Tensor, x: Tensor, target: Tensor) => [mul(slope(x, target), share(dy))];
    const [dx = null] = needs[0] ? fusedGradients(name, [dy, x, target], gradient, compose) : [];
    return [dx, needs[1] ? mul(targetSlope(x, target), share(dy)) : null];
  };
  return record(name, y, [x, target], backward, [x, target, ...(p.saved ?? [])]);
}

const mseLossKernel = kernel('mseLoss', 'y x target reduction');
const mseLossBackwardKernel = kernel('mseLossBackward', 'dx dy x target reduction');

/** @internal (x - target)² */
export function mseLoss(x: Tensor, target: Tensor, reduction: Reduction): Tensor {
  const code = reductionCodes[reduction];
  return pointwise({
    name: 'mseLoss',
    x,
    target,
    reduction,
    run: (y) => mseLossKernel(y.handle, x.handle, target.handle, code),
    runBackward: (dx, dy) => mseLossBackwardKernel(dx.handle, dy.handle, x.handle, target.handle, code),
    slope: (x, target) => mul(sub(x, target), 2),
    targetSlope: (x, target) => mul(sub(x, target), -2),
  });
}

const l1LossKernel = kernel('l1Loss', 'y x target reduction');
const l1LossBackwardKernel = kernel('l1LossBackward', 'dx dy x target reduction');

/** @internal |x - target| */
export function l1Loss(x: Tensor, target: Tensor, reduction: Reduction): Tensor {
  const code = reductionCodes[reduction];
  return pointwise({
    name: 'l1Loss',
    x,
    target,
    reduction,
    run: (y) => l1LossKernel(y.handle, x.handle, target.handle, code),
    runBackward: (dx, dy) => l1LossBackwardKernel(dx.handle, dy.handle, x.handle, target.handle, code),
    slope: (x, target) => sign(sub(x, target)),
    targetSlope: (x, target) => sign(sub(target, x)),
  });
}

const huberLossKernel = kernel('huberLoss', 'y x target delta reduction');
const huberLossBackwardKernel = kernel('huberLossBackward', 'dx dy x target delta reduction');

/** @internal d² / 2 where |d| ≤ delta, delta (|d| - delta / 2) elsewhere, d = x - target */
export function huberLoss(x: Tensor, target: Tensor, delta: number, reduction: Reduction): Tensor {
  const code = reductionCodes[reduction];
  return pointwise({
    name: 'huberLoss',
    x,
    target,
    reduction,
    run: (y) => huberLossKernel(y.handle, x.handle, target.handle, delta, code),
    runBackward: (dx, dy) => huberLossBackwardKernel(dx.handle, dy.handle, x.handle, target.handle, delta, code),
    slope: (x, target) => clamp(sub(x, target), { min: -delta, max: delta }),
    targetSlope: (x, target) => clamp(sub(target, x), { min: -delta, max: delta }),
  });
}

const handleOf = (t: Tensor | undefined): number => t?.handle ?? 0;
const present = (...tensors: (Tensor | undefined)[]): Tensor[] => tensors.filter((t) => t !== undefined);
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
  const code = reductionCodes[reduction];
  return pointwise({
    name: 'binaryCrossEntropy',
    x,
    target,
    reduction,
    run: (y) => binaryCrossEntropyKernel(y.handle, x.handle, target.handle, handleOf(weight), code),
    runBackward: (dx, dy) =>
      binaryCrossEntropyBackwardKernel(dx.handle, dy.handle, x.handle, target.handle, handleOf(weight), code),
    slope: (x, target) => weighted(div(sub(x, target), maximum(mul(sub(1, x), x), minSpread)), weight),
    targetSlope: (x) => weighted(sub(clamp(log1p(neg(x)), { min: -100 }), clamp(log(x), { min: -100 })), weight),
    saved: present(weight),
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
  const code = reductionCodes[reduction];
  return pointwise({
    name: 'binaryCrossEntropyWithLogits',
    x,
    target,
    reduction,
    run: (y) =>
      binaryCrossEntropyWithLogitsKernel(
        y.handle,
        x.handle,
        target.handle,
        handleOf(weight),
        handleOf(posWeight),
        code,
      ),
    runBackward: (dx, dy) =>
      binaryCrossEntropyWithLogitsBackwardKernel(
        dx.handle,
        dy.handle,
        x.handle,
        target.handle,
        handleOf(weight),
        handleOf(posWeight),
        code,
      ),
    slope: (x, target) => {
      const scaled = posWeight ? mul(posWeight, target) : target;
      return weighted(sub(mul(add(scaled, sub(1, target)), sigmoid(x)), scaled), weight);
    },
    targetSlope: (x) => weighted(posWeight ? sub(mul(sub(posWeight, 1), softplus(neg(x))), x) : neg(x), weight),
    saved: present(weight, posWeight),
  });
}
