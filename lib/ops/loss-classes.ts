// Classification losses. The kernels are the loss family's; arguments are checked in lib/nn/loss.ts.

import { recordFused } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { ArgumentError } from '../errors.js';
import { handleOf, present } from '../lists.js';
import { type Fault, type Kernel, kernel } from '../native.js';
import { type Shape, sizesAround } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { add, div, mul, neg, sub } from './elementwise.js';
import { eq } from './elementwise-compare.js';
import { maskedFill } from './indexing.js';
import { type Reduction, reductionCodes } from './loss.js';
import { sum } from './reduce.js';
import { reshape } from './shape.js';
import { logSoftmax } from './softmax.js';

/** @internal The arguments of a classification loss besides scores [rows, classes, …] (or [classes]) and targets. */
export interface ClassOptions {
  /** The dimension of the classes. */
  dim: number;
  /** [classes] */
  weight: Tensor | undefined;
  ignoreIndex: number;
  labelSmoothing: number;
  reduction: Reduction;
}

function checkLabels(name: string, fault: Fault | undefined, classes: number, ignoreIndex: number): void {
  checkFault(fault, ({ value, position }) => {
    const rule = `labels must be at least 0 and below ${classes}, or ignoreIndex ${ignoreIndex}`;
    return new ArgumentError(`${name}: ${rule}, got ${value} (element ${position})`);
  });
}

// The weight of each class, broadcast to scores.
const alongClasses = (weight: Tensor, x: Tensor, dim: number): Tensor =>
  reshape(
    weight,
    x.dims.map((n, d) => (d === dim ? n : 1)),
  );

const crossEntropyKernel = kernel(
  'crossEntropy',
  'loss total saved x index weight rows classes inner ignored smoothing reduction',
);
const crossEntropyBackwardKernel = kernel(
  'crossEntropyBackward',
  'dx dy total saved x index weight rows classes inner ignored smoothing reduction',
);

/** @internal Softmax cross entropy with class indices, in one pass each way. */
export function crossEntropyOfLabels(x: Tensor, labels: Tensor, o: ClassOptions): Tensor {
  const { outer, n: classes, inner } = sizesAround(x.dims, o.dim);
  const { ignoreIndex, labelSmoothing, weight, reduction } = o;
  const sizes = [outer, classes, inner, ignoreIndex, labelSmoothing, reductionCodes[reduction]];
  const y = empty(reduction === 'none' ? labels.dims : [], x.dtype);
  const total = empty([], x.dtype);
  const state = empty([2, labels.size], x.dtype);
  const spans = (): number[] => [x.handle, labels.handle, handleOf(weight), ...sizes];
  checkLabels(
    'crossEntropy',
    crossEntropyKernel(y.handle, total.handle, state.handle, ...spans()),
    classes,
    ignoreIndex,
  );
  const backward = ([dy]: readonly (Tensor | null)[]) => {
    const dx = empty(x.dims, x.dtype);
    crossEntropyBackwardKernel(dx.handle, (dy as Tensor).handle, total.handle, state.handle, ...spans());
    return [dx];
  };
  const reference = (x: Tensor) => [composedCrossEntropy(x, labels, total, o)];
  recordFused('crossEntropy', [y], [x], backward, reference, [x, labels, total, state, ...present(weight)]);
  return y;
}

// The reference: the loss of the labels and, with smoothing, the even loss of all classes.
function composedCrossEntropy(x: Tensor, labels: Tensor, total: Tensor, o: ClassOptions): Tensor {
  const { dim, labelSmoothing, reduction, weight } = o;
  const logs = logSoftmax(x, { dim });
  const ofLabels = nllLoss(logs, labels, o);
  if (labelSmoothing === 0) return ofLabels;
  const weighted = weight === undefined ? logs : mul(logs, alongClasses(weight, x, dim));
  const each = maskedFill(sum(weighted, { dim }), eq(labels, o.ignoreIndex), 0);
  const divisor = add(total, to(eq(total, 0), x.dtype)); // all labels ignored: the gradient is 0, not NaN
  const ofAll = reduction === 'none' ? each : reduction === 'sum' ? sum(each) : div(sum(each), divisor);
  return sub(mul(ofLabels, 1 - labelSmoothing), mul(ofAll, labelSmoothing / (x.dims[dim] as number)));
}

/** @internal Cross entropy with target probabilities, of x's shape; gradients flow to both. */
export function crossEntropyOfProbabilities(x: Tensor, target: Tensor, o: ClassOptions): Tensor {
  const { dim, labelSmoothing, weight, reduction } = o;
  const classes = x.dims[dim] as number;
  const smooth = labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
  const q = weight === undefined ? smooth : mul(smooth, alongClasses(weight, x, dim));
  const terms = mul(q, logSoftmax(x, { dim }));
  if (reduction === 'none') return neg(sum(terms, { dim }));
  return mul(sum(terms), reduction === 'mean' ? -classes / x.size : -1);
}

const nllLossKernel = kernel('nllLoss', 'loss total x index weight rows classes inner ignored reduction');
const nllLossBackwardKernel = kernel(
  'nllLossBackward',
  'dx dy total index weight rows classes inner ignored reduction',
);

function runNll(run: Kernel, spans: readonly Tensor[], shape: Shape, labels: Tensor, o: ClassOptions): void {
  const { outer, n: classes, inner } = sizesAround(shape, o.dim);
  const handles = [...spans, labels].map((t) => t.handle);
  const numbers = [outer, classes, inner, o.ignoreIndex, reductionCodes[o.reduction]];
  checkLabels('nllLoss', run(...handles, handleOf(o.weight), ...numbers), classes, o.ignoreIndex);
}

/** @internal -weight x at the labels. It is linear: its gradient's gradient is itself. */
export function nllLoss(x: Tensor, labels: Tensor, o: ClassOptions): Tensor {
  const y = empty(o.reduction === 'none' ? labels.dims : [], x.dtype);
  const total = empty([], x.dtype);
  runNll(nllLossKernel, [y, total, x], x.dims, labels, o);
  const xShape = x.dims;
  const saved = [labels, total, ...present(o.weight)];
  return record('nllLoss', y, [x], (dy) => [nllGradient(dy, total, labels, xShape, o)], saved);
}

function nllGradient(dy: Tensor, total: Tensor, labels: Tensor, shape: Shape, o: ClassOptions): Tensor {
  const dx = empty(shape, dy.dtype);
  runNll(nllLossBackwardKernel, [dx, dy, total], shape, labels, o);
  return record('nllLoss', dx, [dy], (ddx) => [nllLoss(ddx, labels, o)], [labels, ...present(o.weight)]);
}
