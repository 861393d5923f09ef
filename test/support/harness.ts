// The checks of one row of an op table: forward against a naive reference in float64 and float32, gradcheck, gradgradcheck,
// inputs unchanged, changes in place noticed, method equals function, error texts. family.ts makes the tests of a table.
import { expect } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { grad } from '../../lib/backward/engine.js';
import { gradcheck, gradgradcheck } from '../../lib/backward/gradcheck.js';
import type { DType } from '../../lib/dtype.js';
import type { AdjointError } from '../../lib/errors.js';
import '../../lib/methods.js';
import { tensor } from '../../lib/ops/creation.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';

/** A plain array with a shape: what references compute on. `magnitude`: the sum of the terms' sizes, where terms cancel. */
export interface Plain {
  shape: number[];
  data: number[];
  magnitude?: number[];
}

export interface InputSpec {
  shape: number[];
  /** Element i; default: irregular numbers in about [-2, 2]. */
  values?: (i: number) => number;
  dtype?: DType;
  /** Default: true for float inputs. */
  requiresGrad?: boolean;
}

export interface OpRow {
  name: string;
  run: (...inputs: Tensor[]) => Tensor;
  inputs: InputSpec[];
  reference: (...inputs: Plain[]) => Plain;
  /** The method call that must give the same as `run`. */
  method?: (...inputs: Tensor[]) => Tensor;
  /** Default float64 and float32. Rows with fixed-dtype inputs keep those. */
  dtypes?: DType[];
  /** Whether it has gradients; default true. */
  gradient?: boolean;
  /** A looser limit stands here with its reason in a comment. */
  rtol?: Partial<Record<DType, number>>;
  gradcheckOptions?: { rtol?: number; atol?: number; eps?: number };
}

export interface ErrorRow {
  name: string;
  call: () => unknown;
  error: new (message: string) => AdjointError;
  message: string;
}

/** Irregular numbers in about [-2, 2], never near 0, ±1 or each other (kinks and ties). */
export function irregular(i: number): number {
  const x = Math.sin(12.9898 * (i + 1)) * 43758.5453;
  const f = x - Math.floor(x);
  return (i % 2 ? 1 : -1) * (0.15 + 0.7 * f + (i % 3 === 0 ? 1 : 0));
}

export const positive = (i: number): number => Math.abs(irregular(i)) + 0.1;

const limits: Partial<Record<DType, number>> = { float64: 1e-12, float32: 1e-5 };

/** A tensor as a row wants it, and its plain twin. */
export function make(spec: InputSpec, dtype: DType): { plain: Plain; tensor: Tensor } {
  const size = sizeOf(spec.shape);
  const kind = spec.dtype ?? dtype;
  const raw = Array.from({ length: size }, (_, i) => (spec.values ?? irregular)(i));
  const t = tensor(kind === 'float32' ? Float32Array.from(raw) : Float64Array.from(raw), {
    dtype: kind,
    shape: spec.shape,
  });
  return { plain: { shape: spec.shape.slice(), data: Array.from(t.toTypedArray()) }, tensor: t };
}

/** Compares element by element, relative to the reference's magnitude; NaN equals NaN, infinities must be the same. */
export function expectClose(got: Tensor, want: Plain, rtol: number): void {
  expect(got.shape, 'shape').toEqual(want.shape);
  const values = got.toTypedArray();
  for (let i = 0; i < want.data.length; i++) {
    const w = want.data[i] as number;
    const g = values[i] as number;
    if (Number.isNaN(w) ? Number.isNaN(g) : g === w) continue;
    const limit = Number.isFinite(w) ? rtol * Math.max(Math.abs(w), want.magnitude?.[i] ?? 0, Number.MIN_VALUE) : 0;
    if (!(Math.abs(g - w) <= limit)) throw new Error(`element ${i} is ${g}, the reference ${w} (limit ${limit})`);
  }
}

function float64Inputs(row: OpRow): Tensor[] {
  return row.inputs.map((spec) => {
    const t = make(spec, 'float64').tensor;
    if (t.dtype === 'float64') t.requiresGrad = spec.requiresGrad ?? true;
    return t;
  });
}

// Other values in place; indices and masks stay valid ones, in another order.
function spoil_(t: Tensor): void {
  if (t.dtype === 'float64') t.fill_(0.123);
  else t.copy_(t.toTypedArray().reverse());
}

// A tensor changed in place between forward and backward: either the gradient is that of before, or an AutogradError.
function checkSaved(row: OpRow): void {
  const clean = float64Inputs(row);
  const differentiable = clean.filter((t) => t.requiresGrad);
  const reference = (inputs: Tensor[], spoil: number): number[][] => {
    const y = row.run(...inputs);
    const spoiled = spoil === inputs.length ? y : inputs[spoil];
    if (spoil >= 0 && spoiled !== undefined) noGrad(() => spoil_(spoiled));
    const upstream = tensor(
      Float64Array.from({ length: y.size }, (_, i) => irregular(i + 7)),
      { shape: y.shape },
    );
    return grad(
      [y],
      inputs.filter((t) => t.requiresGrad),
      { gradOutputs: [upstream], allowUnused: true },
    ).map((g) => Array.from(g?.toTypedArray() ?? []));
  };
  if (differentiable.length === 0) return;
  const want = reference(clean, -1);
  for (let spoil = 0; spoil <= clean.length; spoil++) {
    let got: number[][];
    try {
      got = reference(float64Inputs(row), spoil);
    } catch (error) {
      expect((error as Error).message).toMatch(/changed in place/);
      continue;
    }
    expect(got, `input ${spoil} was changed in place after the forward pass and nobody noticed`).toEqual(want);
  }
}

export function checkForward(row: OpRow, dtype: DType): void {
  const made = row.inputs.map((spec) => make(spec, dtype));
  const inputs = made.map((m) => m.tensor);
  const before = inputs.map((t) => Array.from(t.toTypedArray()));
  const y = row.run(...inputs);
  const want = row.reference(...made.map((m) => m.plain));
  expectClose(y, want, row.rtol?.[dtype] ?? limits[dtype] ?? 0);
  expect(inputs.map((t) => Array.from(t.toTypedArray()))).toEqual(before);
  if (row.method) expect(Array.from(row.method(...inputs).toTypedArray())).toEqual(Array.from(y.toTypedArray()));
}

export function checkGradients(row: OpRow): void {
  gradcheck(row.run, float64Inputs(row), row.gradcheckOptions);
  gradgradcheck(row.run, float64Inputs(row), row.gradcheckOptions);
  checkSaved(row);
}

/** Wrong input: the class and the whole text. */
export function checkError(row: ErrorRow): void {
  let thrown: unknown;
  try {
    row.call();
  } catch (error) {
    thrown = error;
  }
  expect((thrown as Error | undefined)?.message).toBe(row.message);
  expect(thrown).toBeInstanceOf(row.error);
}

/** A reference for broadcasting functions of two numbers. */
export function broadcastReference(f: (a: number, b: number) => number): (a: Plain, b: Plain) => Plain {
  return (a, b) => {
    const rank = Math.max(a.shape.length, b.shape.length);
    const size = (p: Plain, d: number): number => p.shape[d - rank + p.shape.length] ?? 1;
    const shape = Array.from({ length: rank }, (_, d) => (size(a, d) === 1 ? size(b, d) : size(a, d)));
    const at = (p: Plain, index: number[]): number => {
      let offset = 0;
      for (let d = 0; d < rank; d++) offset = offset * size(p, d) + (size(p, d) === 1 ? 0 : (index[d] as number));
      return p.data[offset] as number;
    };
    const data = Array.from({ length: sizeOf(shape) }, (_, i) => {
      const index = shape.map((n, d) => Math.floor(i / sizeOf(shape.slice(d + 1))) % n);
      return f(at(a, index), at(b, index));
    });
    return { shape, data };
  };
}

/** A reference for functions of one number. */
export function mapReference(f: (x: number) => number): (x: Plain) => Plain {
  return (x) => ({ shape: x.shape, data: x.data.map(f) });
}
