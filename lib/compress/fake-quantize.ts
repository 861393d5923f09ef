// Rounding to integers, through which gradients pass.
import { customFunction } from '../autograd/hooks.js';
import { currentRecording } from '../context.js';
import { ArgumentError, checkInteger, formatShape, ShapeError } from '../errors.js';
import { add, div, mul, sub } from '../ops/elementwise.js';
import { clamp, ge, le, logicalAnd, where } from '../ops/elementwise-compare.js';
import { round } from '../ops/elementwise-rounding.js';
import { reshape } from '../ops/shape.js';
import { checkOptions } from '../options.js';
import { checkDim } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { untraced } from '../tracing.js';

/** Options of {@link fakeQuantize}. */
export interface FakeQuantizeOptions {
  /** The size of a step, above 0: a scalar or, with `axis`, one number for each of its slices. */
  scale: Tensor;
  /** The integer that stands for 0, from quantMin to quantMax, in the shape of scale. */
  zeroPoint: Tensor;
  /** The least integer. */
  quantMin: number;
  /** The largest integer. */
  quantMax: number;
  /** The dimension whose slices have scales of their own; default none. */
  axis?: number;
}

/**
 * Rounds to the values that integers can stand for: y = (clamp(round(x / scale) + zeroPoint, quantMin, quantMax) − zeroPoint) · scale.
 * Backward as if nothing had happened, ∂y/∂x = 1, but 0 where x lies outside of their range (the straight-through estimator). The
 * same as PyTorch's `fake_quantize_per_tensor_affine` and, with `axis`, `fake_quantize_per_channel_affine`.
 *
 * Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", 2017,
 * https://arxiv.org/abs/1712.05877
 *
 * @param x float32 or float64, of any shape
 * @throws ShapeError when the scale does not fit; ArgumentError for quantMin not below quantMax and, but for compiled steps, which cannot
 *   read values, for scales that are not above 0 and zero points that are not integers from quantMin to quantMax
 * @example
 * const x = tensor([-0.3, 0.26, 9]);
 * compress.fakeQuantize(x, { scale: tensor(0.5), zeroPoint: tensor(0), quantMin: -8, quantMax: 7 }); // [-0.5, 0.5, 3.5]
 */
export function fakeQuantize(x: Tensor, options: FakeQuantizeOptions): Tensor {
  const operation = 'fakeQuantize';
  checkFloat(operation, 'x', checkTensor(operation, 'x', x));
  checkOptions(operation, options, ['scale', 'zeroPoint', 'quantMin', 'quantMax', 'axis']);
  const quantMin = checkInteger(operation, 'quantMin', options?.quantMin, -(2 ** 24));
  const quantMax = checkInteger(operation, 'quantMax', options.quantMax, -(2 ** 24), 2 ** 24);
  if (quantMin >= quantMax) {
    throw new ArgumentError(`${operation}: quantMin must be below quantMax ${quantMax}, got ${quantMin}`);
  }
  const axis = options.axis === undefined ? undefined : checkDim(operation, options.axis, x.rank);
  const perSlice = (name: 'scale' | 'zeroPoint'): Tensor => {
    const given = checkTensor(operation, name, options[name]);
    checkSameDType(operation, [name, 'x'], [given, x]);
    const size = axis === undefined ? 1 : (x.dims[axis] as number);
    if (given.size === size) return reshape(given, x.dims.map((_, i) => (i === axis ? size : 1))); // biome-ignore format: one line
    throw new ShapeError(`${operation}: ${name} must have ${size} elements, got ${formatShape(given.dims)}`);
  };
  const [scale, zeroPoint] = [perSlice('scale'), perSlice('zeroPoint')];
  if (currentRecording() === null) {
    const isZero = (value: number) => Number.isInteger(value) && value >= quantMin && value <= quantMax;
    checkEach('scale', 'finite and above 0', scale, (value) => value > 0 && value < Number.POSITIVE_INFINITY);
    checkEach('zeroPoint', `an integer from ${quantMin} to ${quantMax}`, zeroPoint, isZero);
  }
  return rounding(x, scale, zeroPoint, quantMin, quantMax);
}

function checkEach(name: string, rule: string, given: Tensor, isValid: (value: number) => boolean): void {
  const values = untraced(() => given.detach().toTypedArray());
  const at = values.findIndex((value) => !isValid(value));
  if (at < 0) return;
  const where = values.length === 1 ? '' : ` (element ${at})`;
  throw new ArgumentError(`fakeQuantize: ${name} must be ${rule}, got ${values[at]}${where}`);
}

/** @internal {@link fakeQuantize} with scale and zero point in shapes that broadcast with x. */
export function rounding(x: Tensor, scale: Tensor, zero: Tensor, quantMin: number, quantMax: number): Tensor {
  const through = customFunction(
    'fakeQuantize',
    (given) => {
      const integers = add(round(div(given as Tensor, scale)), zero);
      const isInside = logicalAnd(ge(integers, quantMin), le(integers, quantMax));
      const result = mul(sub(clamp(integers, { min: quantMin, max: quantMax }), zero), scale);
      return { result, saved: [isInside] };
    },
    (dy, [isInside]) => [where(isInside as Tensor, dy, 0)],
  );
  return through(x);
}
