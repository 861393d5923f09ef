// Comparisons with tolerances, mixtures of tensors, and bits, composed of other elementwise functions.
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { isFloat } from '../dtype.js';
import { ArgumentError, checkFlag, checkNumber, DTypeError, describe } from '../errors.js';
import { sameShape } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, Tensor } from '../tensor.js';
import { type Operand, operands } from './broadcast.js';
import { to } from './copy.js';
import { abs, add, div, floor, mul, neg, sub } from './elementwise.js';
import { eq, isfinite, isnan, le, logicalAnd, logicalOr, where } from './elementwise-compare.js';
import { all } from './reduce.js';

/** What stands in place of NaN and the infinities. */
export interface NanToNumOptions {
  /** In place of NaN; default 0. */
  nan?: number;
  /** In place of ∞; default the largest number of the dtype. */
  posinf?: number;
  /** In place of -∞; default the smallest number of the dtype. */
  neginf?: number;
}

const largest = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

/**
 * x with numbers in place of NaN, ∞ and -∞, elementwise. The gradient is 0 there.
 *
 * @param args nan (default 0), posinf and neginf (default the largest and the smallest number of the dtype)
 * @example
 * nanToNum(tensor([NaN, 1])); // [0, 1]
 */
export function nanToNum(x: Tensor, ...args: Positional<NanToNumOptions, ['nan', 'posinf', 'neginf']>): Tensor {
  checkTensor('nanToNum', 'x', x);
  checkFloat('nanToNum', 'x', x);
  const options = optionsOf<NanToNumOptions>('nanToNum', args, ['nan', 'posinf', 'neginf']);
  const most = largest[x.dtype as keyof typeof largest];
  const number = (name: keyof NanToNumOptions, fallback: number): number => {
    const value = options[name] ?? fallback;
    if (typeof value === 'number') return value;
    throw new ArgumentError(`nanToNum: ${name} must be a number, got ${describe(value)}`);
  };
  const [nan, posinf, neginf] = [number('nan', 0), number('posinf', most), number('neginf', -most)];
  const infinite = where(eq(x, -Infinity), neginf, x);
  return where(isnan(x), nan, where(eq(x, Infinity), posinf, infinite));
}

/**
 * a + weight · (b - a): a for weight 0, b for weight 1. Float tensors, broadcast.
 *
 * @param weight a number or a tensor
 * @example
 * lerp(tensor([0, 10]), tensor([10, 20]), 0.5); // [5, 15]
 */
export function lerp(a: Tensor, b: Tensor, weight: Operand): Tensor {
  checkTensor('lerp', 'a', a);
  checkTensor('lerp', 'b', b);
  checkFloat('lerp', 'a', a);
  checkSameDType('lerp', ['a', 'b'], [a, b]);
  if (weight instanceof Tensor) {
    checkSameDType('lerp', ['a', 'weight'], [a, checkTensor('lerp', 'weight', weight)]);
    return add(a, mul(weight, sub(b, a)));
  }
  const w = checkNumber('lerp', 'weight', weight);
  return Math.abs(w) < 0.5 ? add(a, mul(sub(b, a), w)) : sub(b, mul(sub(b, a), 1 - w));
}

function scaleOf(name: string, tensors: readonly Tensor[], options: { value?: number } | undefined): number {
  const names = ['x', 'tensor1', 'tensor2'];
  for (const [i, t] of tensors.entries()) checkTensor(name, names[i] as string, t);
  checkSameDType(name, names, tensors);
  return checkNumber(name, 'value', optionsOf<{ value: number }>(name, [options], [], ['value']).value ?? 1);
}

/**
 * x + value · tensor1 · tensor2, elementwise, broadcast.
 *
 * @param options value: default 1
 * @example
 * addcmul(tensor([1]), tensor([2]), tensor([3]), { value: 0.5 }); // [4]
 */
export function addcmul(x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: { value?: number }): Tensor {
  const value = scaleOf('addcmul', [x, tensor1, tensor2], options);
  const product = mul(tensor1, tensor2);
  return add(x, value === 1 ? product : mul(product, value));
}

/**
 * x + value · tensor1 / tensor2, elementwise, broadcast.
 *
 * @param options value: default 1
 * @example
 * addcdiv(tensor([1]), tensor([6]), tensor([3]), { value: 0.5 }); // [2]
 */
export function addcdiv(x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: { value?: number }): Tensor {
  const value = scaleOf('addcdiv', [x, tensor1, tensor2], options);
  const ratio = div(tensor1, tensor2);
  return add(x, value === 1 ? ratio : mul(ratio, value));
}

/** How close numbers must be. */
export interface ToleranceOptions {
  /** Relative to |b|; default 1e-5. */
  rtol?: number;
  /** Absolute; default 1e-8. */
  atol?: number;
  /** Whether NaN equals NaN; default false. */
  equalNan?: boolean;
}

/** rtol, atol and equalNan, by position or in options. */
export type ToleranceArguments = Positional<ToleranceOptions, ['rtol', 'atol', 'equalNan']>;

function near(name: string, a: Tensor, b: Tensor, args: ToleranceArguments): Tensor {
  checkTensor(name, 'a', a);
  checkTensor(name, 'b', b);
  checkSameDType(name, ['a', 'b'], [a, b]);
  const options = optionsOf<ToleranceOptions>(name, args, ['rtol', 'atol', 'equalNan']);
  const rtol = checkNumber(name, 'rtol', options.rtol ?? 1e-5, { min: 0 });
  const atol = checkNumber(name, 'atol', options.atol ?? 1e-8, { min: 0 });
  const equalNan = checkFlag(name, 'equalNan', options.equalNan, false);
  return noGrad(() => {
    const [x, y] = isFloat(a.dtype) ? [a, b] : [to(a, 'float64'), to(b, 'float64')];
    const distance = abs(sub(x, y));
    const close = logicalAnd(le(distance, add(mul(abs(y), rtol), atol)), isfinite(distance));
    const result = logicalOr(eq(x, y), close);
    return equalNan ? logicalOr(result, logicalAnd(isnan(x), isnan(y))) : result;
  });
}

/**
 * Where |a - b| ≤ atol + rtol · |b|: uint8, broadcast. Infinities are close to themselves only.
 *
 * @param args rtol (default 1e-5), atol (default 1e-8) and equalNan (default false)
 * @example
 * isclose(tensor([1, 2]), tensor([1.000001, 3])); // [1, 0]
 */
export function isclose(a: Tensor, b: Tensor, ...args: ToleranceArguments): Tensor {
  return near('isclose', a, b, args);
}

/**
 * Whether |a - b| ≤ atol + rtol · |b| for all elements, broadcast.
 *
 * @param args rtol (default 1e-5), atol (default 1e-8) and equalNan (default false)
 * @throws StateError while a step is recorded: it reads values
 * @example
 * allclose(tensor([1, 2]), tensor([1, 2.000001])); // true
 */
export function allclose(a: Tensor, b: Tensor, ...args: ToleranceArguments): boolean {
  refuseReading('allclose');
  return all(near('allclose', a, b, args)).item() === 1;
}

/**
 * Whether two tensors have the same shape, dtype and elements; NaN equals nothing.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * equal(tensor([1, 2]), tensor([1, 2])); // true
 */
export function equal(a: Tensor, b: Tensor): boolean {
  checkTensor('equal', 'a', a);
  checkTensor('equal', 'b', b);
  refuseReading('equal');
  return a.dtype === b.dtype && sameShape(a.dims, b.dims) && all(eq(a, b)).item() === 1;
}

// Combines the bits of integers one by one; those of negative numbers are the two's complement's.
function bitwise(name: string, a: Operand, b: Operand, combine: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const [x, y] = operands(name, a, b);
  const dtype = checkIntegers(name, a instanceof Tensor ? 'a' : 'b', x);
  const bits = dtype === 'uint8' ? 8 : 32;
  const low = (t: Tensor): [Tensor, Tensor] => {
    const half = floor(mul(t, 0.5));
    return [sub(t, mul(half, 2)), half];
  };
  let [p, q] = [to(x, 'float64'), to(y, 'float64')];
  let result: Tensor | null = null;
  for (let i = 0; i < bits; i++) {
    const [bitOfP, restOfP] = low(p);
    const [bitOfQ, restOfQ] = low(q);
    const bit = combine(bitOfP, bitOfQ);
    // The highest bit of int32 counts negatively.
    const term = mul(bit, dtype === 'int32' && i === 31 ? -(2 ** 31) : 2 ** i);
    result = result === null ? term : add(result, term);
    [p, q] = [restOfP, restOfQ];
  }
  return to(result as Tensor, dtype);
}

function checkIntegers(operation: string, name: string, x: Tensor): 'int32' | 'uint8' {
  if (x.dtype === 'int32' || x.dtype === 'uint8') return x.dtype;
  throw new DTypeError(`${operation}: ${name} must be int32 or uint8, got ${x.dtype}; convert it by to('int32')`);
}

/**
 * a & b, bit by bit, of integers, broadcast. A tensor and a tensor or a number.
 *
 * @example
 * bitwiseAnd(tensor([6], { dtype: 'int32' }), 3); // [2]
 */
export function bitwiseAnd(a: Operand, b: Operand): Tensor {
  return bitwise('bitwiseAnd', a, b, mul);
}

/**
 * a | b, bit by bit, of integers, broadcast. A tensor and a tensor or a number.
 *
 * @example
 * bitwiseOr(tensor([6], { dtype: 'int32' }), 3); // [7]
 */
export function bitwiseOr(a: Operand, b: Operand): Tensor {
  return bitwise('bitwiseOr', a, b, (p, q) => sub(add(p, q), mul(p, q)));
}

/**
 * a ^ b, bit by bit, of integers, broadcast. A tensor and a tensor or a number.
 *
 * @example
 * bitwiseXor(tensor([6], { dtype: 'int32' }), 3); // [5]
 */
export function bitwiseXor(a: Operand, b: Operand): Tensor {
  return bitwise('bitwiseXor', a, b, (p, q) => abs(sub(p, q)));
}

/**
 * ~x, bit by bit, of integers: -x - 1, or 255 - x for uint8. PyTorch's masks are of bool, whose `~` is `logicalNot`.
 *
 * @example
 * bitwiseNot(tensor([6], { dtype: 'int32' })); // [-7]
 */
export function bitwiseNot(x: Tensor): Tensor {
  checkTensor('bitwiseNot', 'x', x);
  return checkIntegers('bitwiseNot', 'x', x) === 'uint8' ? sub(255, x) : sub(neg(x), 1);
}
