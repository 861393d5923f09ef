import { fusedGradients } from '../autograd/fused.js';
import { type Backward, factorsRead, record } from '../autograd/tape.js';
import { checkNumber } from '../errors.js';
import { present } from '../lists.js';
import { type Kernel, kernel } from '../native.js';
import { checkOptions } from '../options.js';
import type { Shape } from '../shape.js';
import { checkFloat, checkTensor, empty, Tensor } from '../tensor.js';
import { applyBinary, type Operand, operands, sumTo } from './broadcast.js';
import { to } from './copy.js';
import { zerosLike } from './creation.js';
import { eq, ge, gt, logicalAnd, logicalNot, lt, where } from './elementwise-compare.js';

const addKernel = kernel('add', 'y a b dims');

/** Options of `add` and `sub`. */
export interface AlphaOptions {
  /** What b is multiplied by; default 1. */
  alpha?: number;
}

// b · alpha. An index in the place of the options, which `xs.reduce(add)` passes, is none.
function scaledBy(operation: string, b: Operand, options: AlphaOptions): Operand {
  checkOptions(operation, options, ['alpha']);
  const alpha = checkNumber(operation, 'alpha', options.alpha ?? 1);
  return typeof b === 'number' ? b * alpha : mul(b, alpha);
}

/**
 * a + alpha · b, elementwise, broadcast. Tensors of one dtype, or one of them a number; integers wrap around.
 *
 * @param options alpha: default 1
 * @example
 * add(tensor([1, 2]), tensor([3, 4]), { alpha: 10 }); // [31, 42]
 */
export function add(a: Operand, b: Operand, options?: AlphaOptions): Tensor {
  if (options !== undefined && typeof options !== 'number') return add(a, scaledBy('add', b, options));
  const [x, y] = operands('add', a, b);
  const result = applyBinary('add', addKernel, x, y);
  const xShape = x.dims; // closures keep alive what they name: shapes instead of tensors where they suffice
  const yShape = y.dims;
  return record('add', result, [x, y], (dy, needs) => [
    needs[0] ? sumTo(dy, xShape) : null,
    needs[1] ? sumTo(dy, yShape) : null,
  ]);
}

const subtractKernel = kernel('subtract', 'y a b dims');

/**
 * a - alpha · b, elementwise, broadcast. Tensors of one dtype, or one of them a number; integers wrap around.
 *
 * @param options alpha: default 1
 * @example
 * sub(tensor([1, 2]), tensor([3, 4]), { alpha: 10 }); // [-29, -38]
 */
export function sub(a: Operand, b: Operand, options?: AlphaOptions): Tensor {
  if (options !== undefined && typeof options !== 'number') return sub(a, scaledBy('sub', b, options));
  const [x, y] = operands('sub', a, b);
  const result = applyBinary('sub', subtractKernel, x, y);
  const xShape = x.dims;
  const yShape = y.dims;
  return record('sub', result, [x, y], (dy, needs) => [
    needs[0] ? sumTo(dy, xShape) : null,
    needs[1] ? neg(sumTo(dy, yShape)) : null,
  ]);
}

const multiplyKernel = kernel('multiply', 'y a b dims');

/** a · b, elementwise, broadcast. Tensors of one dtype, or one of them a number; integers wrap around. */
export function mul(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('mul', a, b);
  const result = applyBinary('mul', multiplyKernel, x, y);
  const [readX, readY] = factorsRead(x, y);
  return record('mul', result, [x, y], productBackward(readX, readY, x.dims, y.dims), present(readX, readY));
}

function productBackward(x: Tensor | null, y: Tensor | null, dimsX: Shape, dimsY: Shape): Backward {
  return (dy, needs) => [
    needs[0] ? sumTo(mul(dy, y as Tensor), dimsX) : null,
    needs[1] ? sumTo(mul(dy, x as Tensor), dimsY) : null,
  ];
}

const divideKernel = kernel('divide', 'y a b dims');

/**
 * a / b, elementwise, broadcast. Float tensors of one dtype, or one of them a number; x / 0 is ±∞ or NaN.
 *
 * @throws DTypeError for integers, whose quotients it would have to round
 */
export function div(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('div', a, b);
  checkFloat('div', a instanceof Tensor ? 'a' : 'b', x);
  const result = applyBinary('div', divideKernel, x, y);
  const quotient = y._requiresGrad ? result : null;
  return record('div', result, [x, y], quotientBackward(quotient, y, x.dims), present(y, quotient));
}

function quotientBackward(quotient: Tensor | null, y: Tensor, dimsX: Shape): Backward {
  return (dy, needs) => [
    needs[0] ? sumTo(div(dy, y), dimsX) : null,
    needs[1] ? sumTo(neg(mul(dy, div(quotient as Tensor, y))), y.dims) : null,
  ];
}

const powKernel = kernel('pow', 'y a b dims');
const shortcuts = new Map<number, (x: Tensor) => Tensor>([
  [2, square],
  [-1, reciprocal],
  [0.5, sqrt],
  [-0.5, rsqrt],
]);

/**
 * x to the power of `exponent`, elementwise, broadcast. Float tensors of one dtype, or one of them a number.
 * ∂/∂x = exponent · x^(exponent - 1), 0 for exponent 0; ∂/∂exponent = y · log(x), 0 where x = 0 ≤ exponent.
 *
 * @throws DTypeError for integers
 * @example
 * const y = pow(tensor([1, 2, 3]), 3); // [1, 8, 27]
 */
export function pow(x: Operand, exponent: Operand): Tensor {
  const [a, b] = operands('pow', x, exponent);
  checkFloat('pow', x instanceof Tensor ? 'x' : 'exponent', a);
  const shortcut = typeof exponent === 'number' ? shortcuts.get(exponent) : undefined;
  if (shortcut !== undefined) return shortcut(a);
  const y = applyBinary('pow', powKernel, a, b);
  const backward = (dy: Tensor, needs: readonly boolean[]) => [
    needs[0] ? sumTo(mul(dy, powSlope(a, exponent instanceof Tensor ? b : exponent)), a.dims) : null,
    needs[1] ? sumTo(mul(dy, exponentSlope(a, b, y)), b.dims) : null,
  ];
  return record('pow', y, [a, b], backward, [a, b, y]);
}

// ∂y/∂x of y = x^exponent.
function powSlope(x: Tensor, exponent: Operand): Tensor {
  if (exponent === 0) return zerosLike(x);
  if (typeof exponent === 'number') return mul(pow(x, exponent - 1), exponent);
  return where(eq(exponent, 0), 0, mul(pow(x, sub(exponent, 1)), exponent));
}

// ∂y/∂exponent of y = x^exponent.
function exponentSlope(x: Tensor, exponent: Tensor, y: Tensor): Tensor {
  return where(logicalAnd(eq(x, 0), ge(exponent, 0)), 0, mul(y, log(x)));
}

const maximumKernel = kernel('maximum', 'y a b dims');
const minimumKernel = kernel('minimum', 'y a b dims');

function extreme(operation: string, run: Kernel, loses: typeof gt, a: Operand, b: Operand): Tensor {
  const [x, y] = operands(operation, a, b);
  const result = applyBinary(operation, run, x, y);
  // The operand that wins takes the gradient (with two NaN, both do); equal ones take half each.
  const share = (one: Tensor, other: Tensor, dy: Tensor): Tensor => {
    const whole = to(logicalNot(loses(one, other)), dy.dtype);
    return sumTo(mul(dy, where(eq(one, other), 0.5, whole)), one.dims);
  };
  const backward = (dy: Tensor, needs: readonly boolean[]) => [
    needs[0] ? share(x, y, dy) : null,
    needs[1] ? share(y, x, dy) : null,
  ];
  return record(operation, result, [x, y], backward, [x, y]);
}

/** The larger of a and b, elementwise, broadcast; NaN where one is NaN. At ties each gets half the gradient. */
export function maximum(a: Operand, b: Operand): Tensor {
  return extreme('maximum', maximumKernel, lt, a, b);
}

/** The smaller of a and b, elementwise, broadcast; NaN where one is NaN. At ties each gets half the gradient. */
export function minimum(a: Operand, b: Operand): Tensor {
  return extreme('minimum', minimumKernel, gt, a, b);
}

/**
 * @internal An elementwise function of one float tensor with a fused gradient.
 *
 * @param backwardRun the fused dx = dy · f′, reading x or the result y, named by `reads`
 * @param derivative f′ of what is read, composed of operations, for second derivatives
 * @param numbers further arguments of both kernels
 */
export function unary(
  name: string,
  run: Kernel,
  x: Tensor,
  backwardRun: Kernel,
  reads: 'x' | 'y',
  derivative: (read: Tensor) => Tensor,
  numbers: readonly number[] = [],
): Tensor {
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const y = empty(x.dims, x.dtype);
  run(y.handle, x.handle, ...numbers);
  const read = reads === 'x' ? x : y;
  const backward = (dy: Tensor) => {
    const gradient = () => {
      const dx = empty(read.dims, read.dtype);
      backwardRun(dx.handle, dy.handle, read.handle, ...numbers);
      return [dx];
    };
    return fusedGradients(name, [dy, read], gradient, (dy, read) => [mul(dy, derivative(read))]);
  };
  return record(name, y, [x], backward, [read]);
}

// A function of one tensor whose gradient is composed of operations on dy and what it reads: x, the result y or nothing.
function composed(
  name: string,
  run: Kernel,
  x: Tensor,
  reads: 'x' | 'y' | 'nothing',
  gradient: (dy: Tensor, read: Tensor) => Tensor,
  accepts: 'floats' | 'signed' = 'floats',
): Tensor {
  checkTensor(name, 'x', x);
  if (accepts === 'floats' || x.dtype !== 'int32') checkFloat(name, 'x', x);
  const y = empty(x.dims, x.dtype);
  run(y.handle, x.handle);
  if (reads === 'nothing') return record(name, y, [x], (dy) => [gradient(dy, dy)]);
  const read = reads === 'x' ? x : y;
  return record(name, y, [x], (dy) => [gradient(dy, read)], [read]);
}

// Each of the functions below takes a float tensor of any shape (some also int32, where it says so) and returns a tensor of
// the same shape and dtype; another dtype is a DTypeError.

const expKernel = kernel('exp', 'y x');
/** eˣ, elementwise. */
export function exp(x: Tensor): Tensor {
  return composed('exp', expKernel, x, 'y', (dy, y) => mul(dy, y));
}

const logKernel = kernel('log', 'y x');
/** The natural logarithm, elementwise; log(0) = -∞, NaN below. */
export function log(x: Tensor): Tensor {
  return composed('log', logKernel, x, 'x', (dy, x) => div(dy, x));
}

const log1pKernel = kernel('log1p', 'y x');
/** log(1 + x), elementwise, accurate near 0. */
export function log1p(x: Tensor): Tensor {
  return composed('log1p', log1pKernel, x, 'x', (dy, x) => div(dy, add(x, 1)));
}

const expm1Kernel = kernel('expm1', 'y x');
/** eˣ - 1, elementwise, accurate near 0. */
export function expm1(x: Tensor): Tensor {
  return composed('expm1', expm1Kernel, x, 'y', (dy, y) => mul(dy, add(y, 1)));
}

const sqrtKernel = kernel('sqrt', 'y x');
/** √x, elementwise; NaN below 0. */
export function sqrt(x: Tensor): Tensor {
  return composed('sqrt', sqrtKernel, x, 'y', (dy, y) => div(mul(dy, 0.5), y));
}

const rsqrtKernel = kernel('rsqrt', 'y x');
/** 1 / √x, elementwise. */
export function rsqrt(x: Tensor): Tensor {
  return composed('rsqrt', rsqrtKernel, x, 'y', (dy, y) => mul(mul(dy, -0.5), mul(square(y), y)));
}

const squareKernel = kernel('square', 'y x');
/** x², elementwise; also of int32, wrapping around. */
export function square(x: Tensor): Tensor {
  return composed('square', squareKernel, x, 'x', (dy, x) => mul(mul(dy, 2), x), 'signed');
}

const reciprocalKernel = kernel('reciprocal', 'y x');
/** 1 / x, elementwise. */
export function reciprocal(x: Tensor): Tensor {
  return composed('reciprocal', reciprocalKernel, x, 'y', (dy, y) => neg(mul(dy, square(y))));
}

const sinKernel = kernel('sin', 'y x');
/** sin(x), elementwise, x in radians. */
export function sin(x: Tensor): Tensor {
  return composed('sin', sinKernel, x, 'x', (dy, x) => mul(dy, cos(x)));
}

const cosKernel = kernel('cos', 'y x');
/** cos(x), elementwise, x in radians. */
export function cos(x: Tensor): Tensor {
  return composed('cos', cosKernel, x, 'x', (dy, x) => neg(mul(dy, sin(x))));
}

const erfKernel = kernel('erf', 'y x');
/** The error function 2/√π ∫₀ˣ e^(-t²) dt, elementwise. */
export function erf(x: Tensor): Tensor {
  return composed('erf', erfKernel, x, 'x', (dy, x) => mul(mul(dy, 2 / Math.sqrt(Math.PI)), exp(neg(square(x)))));
}

const negateKernel = kernel('negate', 'y x');
/** -x, elementwise; also of int32. */
export function neg(x: Tensor): Tensor {
  return composed('neg', negateKernel, x, 'nothing', (dy) => neg(dy), 'signed');
}

const absKernel = kernel('abs', 'y x');
/** |x|, elementwise; also of int32. The gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return composed('abs', absKernel, x, 'x', (dy, x) => mul(dy, sign(x)), 'signed');
}

const signKernel = kernel('sign', 'y x');
/** -1, 0 or 1 as x is negative, zero (or NaN) or positive; also of int32. The gradient is 0. */
export function sign(x: Tensor): Tensor {
  return composed('sign', signKernel, x, 'nothing', (dy) => zerosLike(dy), 'signed');
}

const floorKernel = kernel('floor', 'y x');
/** The largest integer not above x, elementwise. The gradient is 0. */
export function floor(x: Tensor): Tensor {
  return composed('floor', floorKernel, x, 'nothing', (dy) => zerosLike(dy));
}

const ceilKernel = kernel('ceil', 'y x');
/** The smallest integer not below x, elementwise. The gradient is 0. */
export function ceil(x: Tensor): Tensor {
  return composed('ceil', ceilKernel, x, 'nothing', (dy) => zerosLike(dy));
}

const roundKernel = kernel('round', 'y x');
/** The nearest integer, elementwise; halves go to the even one, as in PyTorch. The gradient is 0. */
export function round(x: Tensor): Tensor {
  return composed('round', roundKernel, x, 'nothing', (dy) => zerosLike(dy));
}
