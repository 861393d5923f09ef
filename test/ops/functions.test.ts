// Functions composed of other operations, against PyTorch: test/golden/make_functions.py says what a case holds.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { gradgradcheck } from '../../lib/backward/gradcheck.js';
import type { DType } from '../../lib/dtype.js';
import * as adjoint from '../../lib/index.js';
import { StateError, Tensor, tensor } from '../../lib/index.js';
import { compile } from '../../lib/program/compile.js';
import { fromGolden, type Golden, readGolden } from '../support/golden.js';

type Value = Golden | number | string | boolean | null | Value[] | { [name: string]: Value };
interface Case {
  name: string;
  args: Value[];
  fields: string[] | null;
  outputs: Value[];
  gradients: Golden[];
  smooth: boolean;
  reads: boolean;
}

const isTensor = (value: unknown): value is Golden => typeof value === 'object' && value !== null && 'data' in value;
const limits: Partial<Record<DType, number>> = { float64: 1e-10, float32: 1e-4 };
// Functions of which float32 has other integers than float64 in places: a quotient that is not exact.
const inexact = /^(fmod|remainder|floorDivide)$/;

/** The arguments, with floats of `dtype`; the float tensors among them are added to `leaves`. */
function built(value: Value, dtype: DType, wanted: boolean, leaves: Tensor[]): unknown {
  if (isTensor(value)) {
    if (value.dtype !== 'float64') return fromGolden(value);
    const x = fromGolden({ ...value, dtype }, { requiresGrad: wanted });
    leaves.push(x);
    return x;
  }
  if (Array.isArray(value)) return value.map((v) => built(v, dtype, wanted, leaves));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, built(v, dtype, wanted, leaves)]));
  }
  if (value === 'float64') return dtype;
  return value === 'Infinity' || value === '-Infinity' || value === 'NaN' ? Number(value) : value;
}

// PyTorch's ψ′(2) is off by 2.4e-10, its igammac(100, 110) by 7e-10.
const limitOf = (name: string, dtype: DType): number =>
  dtype === 'float64' && /gammac?$/.test(name) ? 1e-9 : (limits[dtype] ?? 0);

/** Compares a tensor with PyTorch's, relative to the element, or to the largest one for gradients. */
function expectNear(name: string, what: string, got: Tensor, want: Golden, dtype: DType): void {
  expect([what, ...got.shape]).toEqual([what, ...want.shape]);
  expect([what, got.dtype]).toEqual([what, want.dtype === 'float64' ? dtype : want.dtype]);
  const values = want.data.map(Number);
  const limit = limitOf(name, got.dtype);
  const most = values.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
  got.toTypedArray().forEach((g, i) => {
    const w = values[i] as number;
    const scale = got.dtype === 'float32' ? most : Math.max(1, Math.abs(w));
    if (Object.is(g, w) || g === w || Math.abs(g - w) <= limit * scale) return;
    if (got.dtype === 'float32' && Math.fround(w) === g) return;
    throw new Error(`${what}: element ${i} is ${g}, PyTorch's ${w}`);
  });
}

const weights = (y: Tensor): Tensor =>
  tensor(
    Float64Array.from({ length: y.size }, (_, i) => Math.cos(i + 1)),
    { dtype: y.dtype, shape: y.shape },
  );

function resultsOf({ name, fields }: Case, args: unknown[]): unknown[] {
  const run = (adjoint as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
  if (run === undefined) throw new Error(`adjoint has no ${name}`);
  const y = run(...args);
  if (Array.isArray(y)) return y;
  return fields === null ? [y] : fields.flatMap((field) => (y as Record<string, unknown>)[field]);
}

const floats = (ys: unknown[]): Tensor[] => ys.filter((y): y is Tensor => y instanceof Tensor && y.requiresGrad);

function compare(c: Case, dtype: DType): void {
  const wanted = c.gradients.length > 0;
  const leaves: Tensor[] = [];
  const outputs = resultsOf(c, built(c.args, dtype, wanted, leaves) as unknown[]);
  expect(outputs.length).toBe(c.outputs.length);
  for (const [i, y] of outputs.entries()) {
    const want = c.outputs[i] as Value;
    if (isTensor(want)) expectNear(c.name, `result ${i}`, y as Tensor, want, dtype);
    else expect(y).toBe(want);
  }
  if (!wanted) return;
  const from = floats(outputs);
  const gradients = grad(from, leaves, { gradOutputs: from.map(weights), allowUnused: true });
  for (const [i, want] of c.gradients.entries()) {
    const g = gradients[i] ?? (leaves[i] as Tensor).detach().mul(0);
    expectNear(c.name, `gradient ${i}`, g, want, dtype);
  }
}

/** Compares a compiled call with the values of an eager one; one that reads values must be refused. */
function compareCompiled(c: Case): void {
  const leaves: Tensor[] = [];
  const args = built(c.args, 'float64', false, leaves) as unknown[];
  const step = compile((given: Tensor[]) => {
    let next = 0;
    const place = (value: unknown): unknown => {
      if (value instanceof Tensor) return leaves.includes(value) ? given[next++] : value;
      if (Array.isArray(value)) return value.map(place);
      return value;
    };
    const results = resultsOf(c, args.map(place));
    return results.filter((y): y is Tensor => y instanceof Tensor);
  });
  if (c.reads) {
    expect(() => step.sync(leaves)).toThrow(StateError);
    expect(() => step.sync(leaves)).toThrow(/reads a value while a step is being recorded/);
    return;
  }
  for (let round = 0; round < 2; round++) {
    const got = step.sync(leaves);
    const want = resultsOf(c, args).filter((y): y is Tensor => y instanceof Tensor);
    got.forEach((y, i) => {
      expect(y.toTypedArray()).toEqual((want[i] as Tensor).toTypedArray());
    });
  }
  step.dispose();
}

const sections = ['pointwise', 'reductions', 'shapes', 'positions', 'rest'];
const all = sections.map((section) => readGolden<{ cases: Case[] }>(`functions_${section}`).cases);

describe.each(sections.map((section, i) => [section, all[i] as Case[]] as const))('%s', (_, cases) => {
  const named = [...new Set(cases.map((c) => c.name))].map(
    (name) => [name, cases.filter((c) => c.name === name)] as const,
  );
  describe.each(named)('%s', (name, own) => {
    it.each(['float64', 'float32'] as const)('agrees with PyTorch in %s', (dtype) => {
      for (const c of own) {
        if (dtype === 'float32' && inexact.test(name) && c.gradients.length === 0) continue;
        try {
          compare(c, dtype);
        } catch (error) {
          throw new Error(`${JSON.stringify(c.args)}: ${(error as Error).message}`, { cause: error });
        }
      }
    });
    it('agrees with itself compiled, or says that it reads values', () => {
      for (const c of own) compareCompiled(c);
    });
    const smooth = own.filter((c) => c.smooth && c.gradients.length > 0);
    if (smooth.length > 0) {
      it('has second derivatives', () => {
        for (const c of smooth) {
          const leaves: Tensor[] = [];
          const args = built(c.args, 'float64', true, leaves) as unknown[];
          const f = (...xs: Tensor[]): Tensor => {
            const place = (value: unknown): unknown => {
              if (value instanceof Tensor) return leaves.includes(value) ? xs[leaves.indexOf(value)] : value;
              return Array.isArray(value) ? value.map(place) : value;
            };
            return resultsOf(c, args.map(place))
              .filter((y): y is Tensor => y instanceof Tensor && /^float/.test(y.dtype))
              .map((y) => y.mul(weights(y)).sum())
              .reduce((a, b) => a.add(b));
          };
          gradgradcheck(f, leaves);
        }
      });
    }
  });
});
