import { type ConvertedDimArguments, optionsOf } from '../arguments.js';
import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { checkInteger } from '../errors.js';
import { type Kernel, kernel } from '../native.js';
import { sizesAround } from '../shape.js';
import { checkFloat, empty, type Tensor } from '../tensor.js';
import { exp, mul, sub } from './elementwise.js';
import { convertedAlong, sum } from './reduce.js';

const softmaxKernel = kernel('softmax', 'y x outer n inner');
const softmaxBackwardKernel = kernel('softmaxBackward', 'dx dy y outer n inner');
const logSoftmaxKernel = kernel('logSoftmax', 'y x outer n inner');
const logSoftmaxBackwardKernel = kernel('logSoftmaxBackward', 'dx dy y outer n inner');

/**
 * Softmax: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along a dimension, without overflow, in x's shape. All -∞ gives NaN.
 * Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990,
 * https://doi.org/10.1007/978-3-642-76153-9_28
 *
 * @param args the dimension, which must be given, as in PyTorch; then { dtype }: what x is converted to first
 * @throws DTypeError when x is not a float tensor, ArgumentError when it has no such dimension
 * @example
 * tensor([0, Math.log(3)]).softmax(0); // [0.25, 0.75]
 */
export function softmax(x: Tensor, ...args: ConvertedDimArguments): Tensor {
  // dx = y (dy - Σ dy y)
  return normalised('softmax', x, args, softmaxKernel, softmaxBackwardKernel, (dy, y, dim) =>
    mul(y, sub(dy, sum(mul(dy, y), { dim, keepDim: true }))),
  );
}

/**
 * The logarithm of softmax: yᵢ = xᵢ - log Σⱼ exp(xⱼ) along a dimension, accurate where `log(softmax(x))` is not.
 *
 * @param args the dimension, which must be given, as in PyTorch; then { dtype }: what x is converted to first
 * @throws DTypeError when x is not a float tensor, ArgumentError when it has no such dimension
 * @example
 * logSoftmax(tensor([0, 0]), 0); // [-0.69315, -0.69315]
 */
export function logSoftmax(x: Tensor, ...args: ConvertedDimArguments): Tensor {
  // dx = dy - exp(y) Σ dy
  return normalised('logSoftmax', x, args, logSoftmaxKernel, logSoftmaxBackwardKernel, (dy, y, dim) =>
    sub(dy, mul(exp(y), sum(dy, { dim, keepDim: true }))),
  );
}

/** @internal The dimension given to a layer; which there are depends on its input. */
export function dimOf(name: string, args: readonly unknown[]): number {
  const { dim } = optionsOf<{ dim: number }>(name, args, ['dim']);
  return checkInteger(name, 'dim', dim, Number.MIN_SAFE_INTEGER);
}

/** `gradient`: dx composed of operations, which can be differentiated again. */
function normalised(
  name: string,
  given: Tensor,
  args: ConvertedDimArguments,
  run: Kernel,
  backwardRun: Kernel,
  gradient: (dy: Tensor, y: Tensor, dim: number) => Tensor,
): Tensor {
  const { x, dim } = convertedAlong(name, given, args);
  checkFloat(name, 'x', x);
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const y = empty(x.dims, x.dtype);
  run(y.handle, x.handle, outer, n, inner);
  const backward = (dy: Tensor) => {
    const fused = () => {
      const dx = empty(y.dims, y.dtype);
      backwardRun(dx.handle, dy.handle, y.handle, outer, n, inner);
      return [dx];
    };
    return fusedGradients(name, [dy, y], fused, (dy, y) => [gradient(dy, y, dim)]);
  };
  return record(name, y, [x], backward, [y]);
}
