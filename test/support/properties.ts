// What the property tests share: random shapes, tensors with a plain twin, exact comparison.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { DType } from '../../lib/dtype.js';
import { tensor } from '../../lib/ops/creation.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import type { Plain } from './harness.js';

export const dtypes: DType[] = ['float32', 'float64', 'int32', 'uint8'];
export const shapes = (most = 4) => fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: most });

/** Small integers: exact in every dtype, sums included. */
export function make(shape: readonly number[], dtype: DType = 'float64'): { x: Tensor; plain: Plain } {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7 + 3) % 100);
  return { x: tensor(Float64Array.from(data), { dtype, shape }), plain: { shape: shape.slice(), data } };
}

export function expectSame(y: Tensor, want: Plain): void {
  expect(y.shape).toEqual(want.shape);
  expect(Array.from(y.toTypedArray())).toEqual(want.data);
}

export const check = (property: fc.IProperty<never>): void =>
  fc.assert(property as fc.IProperty<unknown>, { numRuns: 200, seed: 1 });
