// Values and gradients at zeros, tiny and huge numbers, infinities and NaN: those of PyTorch 2.15, or the limit where it
// gives NaN or overflows; and functions of squares that overflow or vanish though the result does not.
import { describe, expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { fromGolden, type Golden, readGolden } from '../support/golden.js';

const { grad, nn, onesLike, tensor } = adjoint;
type Float = 'float32' | 'float64';

interface Case {
  name: string;
  options: Record<string, unknown> | number | null;
  dtype: Float;
  inputs: Golden[];
  output: Golden;
  gradients: Golden[];
}

const functions = { ...adjoint, ...nn.functional } as unknown as Record<string, (...given: unknown[]) => Tensor>;
const limits = { float32: 3e-6, float64: 1e-12 };
const smallestNormal = { float32: 2 ** -126, float64: 2 ** -1022 };

// What is right where PyTorch says NaN or, overflowing, ∞, as a function of the element and of its row. Everything else must be PyTorch's.
type Better = (x: number, row: number[]) => number;
const better: Record<string, Better> = {
  'gelu {}, value': (x) => (x > 1e30 ? x : Number.NaN),
  'gelu {"approximate":"tanh"}, gradient': (x) => (Number.isNaN(x) ? x : Number(x > 0)),
  'mish null, gradient': (x) => (x === Infinity ? 1 : Number.NaN),
  // The elements that are ∞ share the gradient; all -∞ have none.
  'logsumexp {"dim":1}, gradient': (x, row) => {
    if (row.some(Number.isNaN)) return Number.NaN;
    const infinite = row.filter((v) => v === Infinity).length;
    return x === Infinity ? 1 / infinite : 0;
  },
};

function expectEdges(got: Tensor, want: Golden, x: Golden, otherwise: Better | undefined): void {
  const dtype = got.dtype as Float;
  const data = x.data.map(Number);
  const width = x.shape.length === 2 ? (x.shape[1] as number) : 1;
  Array.from(got.toTypedArray()).forEach((g, i) => {
    let w = Number(want.data[i]);
    if (!Number.isFinite(w) && otherwise !== undefined) {
      const row = Math.floor(i / width) * width;
      w = otherwise(data[i] as number, data.slice(row, row + width));
    }
    const close = Number.isFinite(w) && Math.abs(g - w) <= limits[dtype] * Math.abs(w) + smallestNormal[dtype];
    if (g === w || (Number.isNaN(g) && Number.isNaN(w)) || close) return;
    throw new Error(`element ${i} of x ${data[i]} is ${g}, expected ${w}`);
  });
}

describe('edges against PyTorch', () => {
  it.each(['float32', 'float64'] as const)('values that are wrong are found, %s', (dtype) => {
    const golden = (...data: (number | string)[]): Golden => ({ dtype, shape: [data.length], data });
    const check = (got: number, want: number | string, limit?: Better) => () =>
      expectEdges(tensor([got], { dtype }), golden(want), golden(0), limit);
    check(Number.NaN, 'NaN')();
    check(2, 'NaN', () => 2)();
    const off = dtype === 'float32' ? 1.00001 : 1 + 3e-12;
    expect(check(off, 1)).toThrow(/^element 0 of x 0 is 1\.0+\d+, expected 1$/);
    expect(check(1, 'NaN')).toThrow('element 0 of x 0 is 1, expected NaN');
    expect(check(1, 'NaN', () => 2)).toThrow('element 0 of x 0 is 1, expected 2');
    expect(check(Number.NaN, 1)).toThrow('element 0 of x 0 is NaN, expected 1');
    expect(check(1, '-Infinity')).toThrow('element 0 of x 0 is 1, expected -Infinity');
    expect(check(Infinity, '-Infinity')).toThrow('element 0 of x 0 is Infinity, expected -Infinity');
    expect(check(dtype === 'float32' ? 1e-36 : 1e-306, 0)).toThrow(/expected 0$/);
  });

  readGolden<{ cases: Case[] }>('edges').cases.forEach((c, i) => {
    const label = `${c.name} ${JSON.stringify(c.options)}`;
    it(`${i} ${label} ${c.dtype}`, () => {
      const given = typeof c.options === 'number' || c.options === null ? c.options : { ...c.options };
      if (given !== null && typeof given === 'object') {
        for (const [key, value] of Object.entries(given)) if (/Infinity/.test(`${value}`)) given[key] = Number(value);
      }
      const xs = c.inputs.map((x) => fromGolden(x, { requiresGrad: true }));
      const y = (functions[c.name] as (...all: unknown[]) => Tensor)(...xs, ...(given === null ? [] : [given]));
      expectEdges(y, c.output, c.inputs[0] as Golden, better[`${label}, value`]);
      if (!y.requiresGrad) return; // a count: PyTorch's gradient is 0, too
      const gradients = (createGraph: boolean) =>
        grad([y], xs, { gradOutputs: [onesLike(y)], allowUnused: true, retainGraph: true, createGraph });
      gradients(false).forEach((g, k) => {
        expectEdges(g, c.gradients[k] as Golden, c.inputs[k] as Golden, better[`${label}, gradient`]);
      });
    });
  });
});

// Numbers that a factor brings to where their squares leave the dtype.
const base = Array.from({ length: 120 }, (_, i) => Math.sin(1.7 * i + 0.3) + (i % 5) / 4);
const factors: Record<Float, number[]> = {
  float32: [2 ** 66, 2 ** 115, 2 ** -70, 2 ** -100],
  float64: [2 ** 520, 2 ** 1000, 2 ** -530, 2 ** -900],
};

/** A function with f(s x) = s^degree f(x). */
interface Homogeneous {
  name: string;
  run: (x: Tensor) => Tensor;
  degree: 0 | 1;
  shape?: number[];
}

const eps = 0;
const homogeneous: Homogeneous[] = [
  ...[undefined, { dim: 0 }, { dim: 1 }].flatMap((dims): Homogeneous[] => [
    { name: `std ${JSON.stringify(dims)}`, run: (x) => adjoint.std(x, dims), degree: 1 },
    ...[2, 3, 1.5, -2].map(
      (p): Homogeneous => ({
        name: `norm ${p} ${JSON.stringify(dims)}`,
        run: (x) => adjoint.norm(x, { p, ...dims }),
        degree: 1,
      }),
    ),
    { name: `mean ${JSON.stringify(dims)}`, run: (x) => adjoint.mean(x, dims), degree: 1 },
  ]),
  { name: 'std of many', run: adjoint.std, degree: 1, shape: [1200, 120] },
  { name: 'norm of many', run: adjoint.norm, degree: 1, shape: [1200, 120] },
  { name: 'layerNorm', run: (x) => adjoint.layerNorm(x, x.shape.slice(-1), { eps }), degree: 0 },
  { name: 'rmsNorm', run: (x) => adjoint.rmsNorm(x, x.shape.slice(-1), { eps }), degree: 0 },
  {
    name: 'groupNorm',
    run: (x) => adjoint.groupNorm(x, 2, { eps }),
    degree: 0,
    shape: [3, 4, 10],
  },
  { name: 'instanceNorm', run: (x) => adjoint.instanceNorm(x, { eps }), degree: 0, shape: [3, 4, 10] },
  ...[
    [12, 10],
    [3, 4, 10],
    [2, 3, 20],
  ].map(
    (shape): Homogeneous => ({
      name: `batchNorm [${shape}]`,
      run: (x) => adjoint.batchNorm(x, null, null, { training: true, eps }),
      degree: 0,
      shape,
    }),
  ),
];

describe.each(['float32', 'float64'] as const)('squares that leave %s', (dtype) => {
  for (const { name, run, degree, shape = [12, 10] } of homogeneous) {
    it.each(factors[dtype])(`${name} of x · %s`, (factor) => {
      const make = (scale: number) => {
        const size = shape.reduce((a, b) => a * b);
        const values = Float64Array.from({ length: size }, (_, i) => (base[i % base.length] as number) * scale);
        return tensor(values, { dtype, shape, requiresGrad: true });
      };
      const upstream = (y: Tensor) =>
        tensor(
          Float64Array.from({ length: y.size }, (_, i) => Math.cos(i)),
          { dtype, shape: y.shape },
        );
      const evaluate = (scale: number) => {
        const x = make(scale);
        const y = run(x);
        const [dx] = grad([y], [x], { gradOutputs: [upstream(y)] });
        return [y, dx as Tensor].map((t) => Array.from(t.toTypedArray()));
      };
      const [[y, dx], [ySmall, dxSmall]] = [evaluate(factor), evaluate(1)] as [number[][], number[][]];
      const expectScaled = (got: number[], want: number[], scale: number) => {
        const size = want.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
        const off = got.reduce((most, g, i) => Math.max(most, Math.abs(g / scale - (want[i] as number))), 0); // or NaN
        expect(off).toBeLessThan(size * (dtype === 'float32' ? 1e-5 : 1e-11));
      };
      expectScaled(y as number[], ySmall as number[], factor ** degree);
      expectScaled(dx as number[], dxSmall as number[], factor ** (degree - 1));
    });
  }

  it('the examples', () => {
    const [large, small] = dtype === 'float32' ? [1e20, 1e-23] : [1e200, 1e-200];
    const of = (...values: number[]) => tensor(values, { dtype });
    expect(adjoint.std(of(large, 3 * large)).item() / large).toBeCloseTo(Math.SQRT2, 6);
    expect(adjoint.std(of(small, 2 * small)).item() / small).toBeCloseTo(Math.SQRT1_2, 6);
    expect(adjoint.norm(of(large ** 1.5, large ** 1.5)).item() / large ** 1.5).toBeCloseTo(Math.SQRT2, 6);
    // The variance itself is beyond the range, and below it.
    expect(adjoint.var(of(large, 3 * large)).item()).toBe(Infinity);
    expect(adjoint.var(of(small, 2 * small)).item()).toBe(0);
    // Where only blocks overflow it is not.
    const root = Math.sqrt(large) * (dtype === 'float32' ? 1e9 : 1e53);
    const values = Float64Array.from({ length: 1000 }, (_, i) => (i % 2 ? root : -root));
    expect(adjoint.var(tensor(values, { dtype }), { correction: 0 }).item() / root / root).toBeCloseTo(1, 5);
    expect(adjoint.std(of(0, 0)).item()).toBe(0);
    expect(adjoint.norm(of(0, 0)).item()).toBe(0);
    expect(adjoint.norm(of(Infinity, 1)).item()).toBe(Infinity);
    expect(adjoint.norm(of(Number.NaN, 1e38)).item()).toBeNaN();
  });
});
