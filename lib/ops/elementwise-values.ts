// Elementwise functions of integers and of floats' bits, computed in JavaScript: they read values.

import { noGrad, recordMany } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import { dtypeTraits, isFloat } from '../dtype.js';
import { ArgumentError, AutogradError, DTypeError } from '../errors.js';
import { broadcastShapes } from '../shape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { expandTo, type Operand, operands } from './broadcast.js';
import { tensor } from './creation.js';
import { maximum, minimum, mul, pow } from './elementwise.js';
import { ne, where } from './elementwise-compare.js';

/** @internal The results of a function of numbers for each pair of elements, broadcast. */
export function eachPair(name: string, x: Tensor, y: Tensor, f: (a: number, b: number) => number): Tensor {
  const shape = broadcastShapes(name, ['a', 'b'], [x.dims, y.dims]);
  const [p, q] = noGrad(() => [expandTo(x, shape).toTypedArray(), expandTo(y, shape).toTypedArray()]);
  const values = new dtypeTraits[x.dtype].array(p.length);
  for (let i = 0; i < p.length; i++) values[i] = f(p[i] as number, q[i] as number);
  return tensor(values, { shape });
}

function integers(name: string, a: Operand, b: Operand): [Tensor, Tensor] {
  const [x, y] = operands(name, a, b);
  if (!isFloat(x.dtype)) {
    refuseReading(name);
    return [x, y];
  }
  const wrong = a instanceof Tensor ? 'a' : 'b';
  throw new DTypeError(`${name}: ${wrong} must be int32 or uint8, got ${x.dtype}; convert it by to('int32')`);
}

function divisor(a: number, b: number): number {
  let [p, q] = [Math.abs(a), Math.abs(b)];
  while (q !== 0) [p, q] = [q, p % q];
  return p;
}

// Integers never wrap.
function fitting(name: string, value: number, { dtype }: Tensor): number {
  if (value <= dtypeTraits[dtype].range[1]) return value;
  throw new ArgumentError(`${name}: results must fit in ${dtype}, got ${value}; convert a and b to a wider dtype`);
}

/**
 * The greatest common divisor, elementwise, broadcast; at least 0. Integers; a tensor and a tensor or a number.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * gcd(tensor([12, 5], { dtype: 'int32' }), 8); // [4, 1]
 */
export function gcd(a: Operand, b: Operand): Tensor {
  const [x, y] = integers('gcd', a, b);
  return eachPair('gcd', x, y, (p, q) => fitting('gcd', divisor(p, q), x));
}

/**
 * The least common multiple, elementwise, broadcast; at least 0. Integers; a tensor and a tensor or a number.
 *
 * @throws ArgumentError when a result does not fit in the dtype; StateError while a step is recorded: it reads values
 * @example
 * lcm(tensor([12, 5], { dtype: 'int32' }), 8); // [24, 40]
 */
export function lcm(a: Operand, b: Operand): Tensor {
  const [x, y] = integers('lcm', a, b);
  return eachPair('lcm', x, y, (p, q) => {
    const common = divisor(p, q);
    return common === 0 ? 0 : fitting('lcm', Math.abs((p / common) * q), x);
  });
}

/**
 * The bits of a moved up by b places, elementwise, broadcast; bits that leave at the top are lost, and 0 is the result where b
 * is negative or no less than the number of bits. Integers; a tensor and a tensor or a number.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * bitwiseLeftShift(tensor([1, 3], { dtype: 'int32' }), 2); // [4, 12]
 */
export function bitwiseLeftShift(a: Operand, b: Operand): Tensor {
  const [x, y] = integers('bitwiseLeftShift', a, b);
  const bits = x.dtype === 'uint8' ? 8 : 32;
  return eachPair('bitwiseLeftShift', x, y, (p, q) => (q < 0 || q >= bits ? 0 : p << q));
}

/**
 * The bits of a moved down by b places, elementwise, broadcast: ⌊a / 2ᵇ⌋; all bits are the sign where b is negative or no less
 * than the number of bits. Integers; a tensor and a tensor or a number.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * bitwiseRightShift(tensor([4, -3], { dtype: 'int32' }), 1); // [2, -2]
 */
export function bitwiseRightShift(a: Operand, b: Operand): Tensor {
  const [x, y] = integers('bitwiseRightShift', a, b);
  return eachPair('bitwiseRightShift', x, y, (p, q) => (q < 0 || q > 31 ? (p < 0 ? -1 : 0) : p >> q));
}

const bits64 = new DataView(new ArrayBuffer(8));

function neighbour(a: number, b: number, dtype: string): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
  if (a === b) return b;
  const isSingle = dtype === 'float32';
  const least = isSingle ? 2 ** -149 : Number.MIN_VALUE;
  if (a === 0) return b > 0 ? least : -least;
  // The bits of floats of one sign are in the order of their sizes.
  const step = a > 0 === b > a ? 1 : -1;
  if (isSingle) {
    bits64.setFloat32(0, a);
    bits64.setInt32(0, bits64.getInt32(0) + step);
    return bits64.getFloat32(0);
  }
  bits64.setFloat64(0, a);
  bits64.setBigInt64(0, bits64.getBigInt64(0) + BigInt(step));
  return bits64.getFloat64(0);
}

/**
 * The next number of the dtype after a towards b, elementwise, broadcast. Floats; a tensor and a tensor or a number. It has no
 * gradient.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * nextafter(tensor([1]), 2); // [1 + 2⁻²³]
 */
export function nextafter(a: Operand, b: Operand): Tensor {
  const [x, y] = operands('nextafter', a, b);
  checkFloat('nextafter', a instanceof Tensor ? 'a' : 'b', x);
  refuseReading('nextafter');
  const result = eachPair('nextafter', x, y, (p, q) => neighbour(p, q, x.dtype));
  const refuse = (): never => {
    throw new AutogradError('nextafter: has no gradient; detach its inputs');
  };
  recordMany('nextafter', [result], [x, y], refuse, []);
  return result;
}

function exponentOf(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return 0;
  bits64.setFloat64(0, x);
  const stored = (bits64.getUint16(0) >> 4) & 0x7ff;
  return stored > 0 ? stored - 1022 : exponentOf(x * 2 ** 54) - 54;
}

/** What `frexp` gives. */
export interface Frexp {
  /** Of x's dtype. */
  mantissa: Tensor;
  /** int32. */
  exponent: Tensor;
}

/**
 * x as mantissa · 2^exponent with 0.5 ≤ |mantissa| < 1, elementwise; 0, infinities and NaN have the exponent 0.
 *
 * @throws StateError while a step is recorded: it reads values
 * @example
 * frexp(tensor([6])); // mantissa [0.75], exponent [3]
 */
export function frexp(x: Tensor): Frexp {
  checkTensor('frexp', 'x', x);
  checkFloat('frexp', 'x', x);
  refuseReading('frexp');
  const exponents = Int32Array.from(x.toTypedArray(), exponentOf);
  // In two steps, because 2^-exponent alone may be beyond the dtype.
  const scale = (part: (e: number) => number): Tensor =>
    tensor(
      Float64Array.from(exponents, (e) => 2 ** -part(e)),
      { shape: x.dims, dtype: x.dtype },
    );
  const half = scale((e) => Math.trunc(e / 2));
  const rest = scale((e) => e - Math.trunc(e / 2));
  return { mantissa: mul(mul(x, half), rest), exponent: tensor(exponents, { shape: x.dims }) };
}

/**
 * x · 2^other, elementwise, broadcast.
 *
 * @param other of any dtype, or a number
 * @example
 * ldexp(tensor([1, 2]), tensor([3, 4], { dtype: 'int32' })); // [8, 32]
 */
export function ldexp(x: Tensor, other: Operand): Tensor {
  checkTensor('ldexp', 'x', x);
  checkFloat('ldexp', 'x', x);
  const exponent = other instanceof Tensor ? checkTensor('ldexp', 'other', other) : other;
  const [a, b] = operands('ldexp', x, exponent instanceof Tensor ? exponent.to(x.dtype) : exponent);
  return mul(a, pow(2, b));
}

function extreme(name: string, a: Operand, b: Operand, choose: (x: Tensor, y: Tensor) => Tensor): Tensor {
  const [x, y] = operands(name, a, b);
  return where(ne(y, y), x, where(ne(x, x), y, choose(x, y)));
}

/**
 * The larger of two elements, of which NaN is never chosen if the other is a number; broadcast. A tensor and a tensor or a
 * number. Equal elements share the gradient.
 *
 * @example
 * fmax(tensor([1, NaN]), 0); // [1, 0]
 */
export function fmax(a: Operand, b: Operand): Tensor {
  return extreme('fmax', a, b, maximum);
}

/**
 * The smaller of two elements, of which NaN is never chosen if the other is a number; broadcast. A tensor and a tensor or a
 * number. Equal elements share the gradient.
 *
 * @example
 * fmin(tensor([1, NaN]), 0); // [0, 0]
 */
export function fmin(a: Operand, b: Operand): Tensor {
  return extreme('fmin', a, b, minimum);
}

/**
 * x itself, like the unary `+`.
 *
 * @example
 * positive(tensor([-1])); // [-1]
 */
export function positive(x: Tensor): Tensor {
  return checkTensor('positive', 'x', x);
}
