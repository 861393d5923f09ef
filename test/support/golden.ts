// Reading the golden values that the scripts in test/golden made with PyTorch.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { DType } from '../../lib/dtype.js';
import { tensor } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';

/** A tensor in a golden file. */
export interface Golden {
  dtype: DType;
  shape: number[];
  data: (number | string)[];
}

/** One of the JSON files. */
export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** The tensor that a golden file describes. */
export function fromGolden(golden: Golden, options: { requiresGrad?: boolean } = {}): Tensor {
  return tensor(Float64Array.from(golden.data, Number), { dtype: golden.dtype, shape: golden.shape, ...options });
}

const limits: Partial<Record<DType, number>> = { float64: 1e-12, float32: 1e-5 };

/** Compares values in order; the limit is relative to PyTorch's value, or to 1 where that is smaller. */
export function expectNumbers(got: readonly number[], want: readonly (number | string)[], dtype: DType): void {
  const limit = limits[dtype] as number;
  expect(got.length).toBe(want.length);
  want.forEach((w, i) => {
    const [g, v] = [got[i] as number, Number(w)];
    if (Object.is(g, v) || g === v) return;
    if (Number.isFinite(v) && Math.abs(g - v) <= limit * Math.max(Math.abs(v), 1)) return;
    throw new Error(`element ${i} is ${g}, PyTorch's ${v}`);
  });
}

/** The same for a tensor's elements. */
export function expectNear(got: Tensor, want: readonly (number | string)[]): void {
  expectNumbers(Array.from(got.toTypedArray()), want, got.dtype);
}
