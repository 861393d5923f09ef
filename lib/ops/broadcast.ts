import { record } from '../autograd/tape.js';
import { ArgumentError, describe } from '../errors.js';
import { type Kernel, kernel } from '../native.js';
import { broadcastShapes, broadcastStrides, loopDims, type Shape, sameShape, sizeOf } from '../shape.js';
import { checkSameDType, empty, Tensor, view } from '../tensor.js';
import { operand } from './creation.js';

/** A tensor, or a number that takes the other operand's dtype. */
export type Operand = Tensor | number;

/** @internal Both operands as tensors of one dtype. */
export function operands(operation: string, a: unknown, b: unknown): [Tensor, Tensor] {
  if (!(a instanceof Tensor) && !(b instanceof Tensor)) {
    throw new ArgumentError(`${operation}: a or b must be a tensor, got ${describe(a)} and ${describe(b)}`);
  }
  const x = operand(operation, 'a', a, b);
  const y = operand(operation, 'b', b, a);
  if (x.dtype !== y.dtype) checkSameDType(operation, ['a', 'b'], [x, y]);
  return [x, y];
}

/** @internal Runs a broadcasting kernel. `dtype`: the result's, if it is not that of the operands. */
export function applyBinary(operation: string, run: Kernel, a: Tensor, b: Tensor, dtype = a.dtype): Tensor {
  if (sameShape(a.dims, b.dims)) {
    const y = empty(a.dims, dtype);
    run(y.handle, a.handle, b.handle, y.size, 1, 1);
    return y;
  }
  const shape = broadcastShapes(operation, ['a', 'b'], [a.dims, b.dims]);
  const dims = loopDims(shape, [broadcastStrides(a.dims, shape), broadcastStrides(b.dims, shape)]);
  const y = empty(shape, dtype);
  run(y.handle, a.handle, b.handle, ...dims);
  return y;
}

// Stretching and its adjoint, summing: each is the other's gradient.
const sumKernel = kernel('sum', 'y x outer n inner');
const stridedCopyKernel = kernel('stridedCopy', 'y x offset pairs');

/** @internal `x` stretched to `shape`, which it broadcasts to. */
export function expandTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.dims, shape)) return x;
  const y = empty(shape, x.dtype);
  stridedCopyKernel(y.handle, x.handle, 0, ...loopDims(shape, [broadcastStrides(x.dims, shape)]));
  const from = x.dims; // closures hold on to what they name: the shape, not the tensor
  return record('expand', y, [x], (dy) => [sumTo(dy, from)]);
}

/** @internal `x` summed over the dimensions that broadcasting stretched, back to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.dims, shape)) return x;
  const lead = x.dims.length - shape.length;
  const stretched = (i: number): boolean => i < lead || (shape[i - lead] === 1 && x.dims[i] !== 1);
  // Each run of adjacent stretched dimensions is one reduction over (outer, n, inner), the last run first.
  let y = x;
  let inner = 1;
  for (let i = x.dims.length - 1; i >= 0; ) {
    if (!stretched(i)) {
      inner *= x.dims[i] as number;
      i--;
      continue;
    }
    let run = 1;
    for (; i >= 0 && stretched(i); i--) run *= x.dims[i] as number;
    const outer = sizeOf(x.dims.slice(0, i + 1));
    const reduced = empty([outer, inner], x.dtype);
    sumKernel(reduced.handle, y.handle, outer, run, inner);
    if (y !== x) y.dispose();
    y = reduced;
  }
  const result = y === x ? view(x, 0, shape) : relabel(y, shape);
  const from = x.dims;
  return record('sumTo', result, [x], (dy) => [expandTo(dy, from)]);
}

// The same elements in another shape.
function relabel(y: Tensor, shape: Shape): Tensor {
  const result = view(y, 0, shape);
  y.dispose();
  return result;
}
