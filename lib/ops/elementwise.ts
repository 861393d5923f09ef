import { isGradEnabled, record } from '../autograd/tape.js';
import { ArgumentError, describe } from '../errors.js';
import { type Kernel, kernel } from '../native.js';
import { broadcastShapes, broadcastStrides, loopDims, sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, empty, Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
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

/** @internal Runs a broadcasting kernel. `dtype`: of the result, when it is not the operands'. */
export function applyBinary(operation: string, run: Kernel, a: Tensor, b: Tensor, dtype = a.dtype): Tensor {
  if (sameShape(a.shape, b.shape)) {
    const y = empty(a.shape, dtype);
    run(y.handle, a.handle, b.handle, y.size, 1, 1);
    return y;
  }
  const shape = broadcastShapes(operation, ['a', 'b'], [a.shape, b.shape]);
  const dims = loopDims(shape, [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)]);
  const y = empty(shape, dtype);
  run(y.handle, a.handle, b.handle, ...dims);
  return y;
}

const addKernel = kernel('add');

/** a + b, elementwise, broadcast. Tensors of one dtype, or one of them a number. */
export function add(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('add', a, b);
  const result = applyBinary('add', addKernel, x, y);
  const xShape = x.shape; // closures hold on to what they name: shapes, not tensors, where shapes do
  const yShape = y.shape;
  return record('add', result, [x, y], (dy, needs) => [
    needs[0] ? sumTo(dy, xShape) : null,
    needs[1] ? sumTo(dy, yShape) : null,
  ]);
}

const multiplyKernel = kernel('multiply');

/** a · b, elementwise, broadcast. Tensors of one dtype, or one of them a number. */
export function mul(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('mul', a, b);
  const result = applyBinary('mul', multiplyKernel, x, y);
  const backward = (dy: Tensor, needs: readonly boolean[]) => [
    needs[0] ? sumTo(mul(dy, y), x.shape) : null,
    needs[1] ? sumTo(mul(dy, x), y.shape) : null,
  ];
  return record('mul', result, [x, y], backward, [x, y]);
}

/**
 * @internal An elementwise function of one float tensor.
 *
 * @param backwardRun the fused dx = dy · f′, reading x or the result y, named by `reads`
 * @param derivative f′ from what is read, composed of operations: used, and differentiated, under `createGraph`
 */
export function unary(
  name: string,
  run: Kernel,
  x: Tensor,
  backwardRun: Kernel,
  reads: 'x' | 'y',
  derivative: (read: Tensor) => Tensor,
): Tensor {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const y = empty(x.shape, x.dtype);
  run(y.handle, x.handle);
  const read = reads === 'x' ? x : y;
  const backward = (dy: Tensor) => {
    if (isGradEnabled()) return [mul(dy, derivative(read))];
    const dx = empty(read.shape, read.dtype);
    backwardRun(dx.handle, dy.handle, read.handle);
    return [dx];
  };
  return record(name, y, [x], backward, [read]);
}
