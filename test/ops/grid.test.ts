// Small sizes of every option of pooling, convolution, interpolation, slicing, padding and unfolding against PyTorch: see
// test/golden/make_grid.py, which says how a case follows from its number and what is kept of it.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import type { DType } from '../../lib/dtype.js';
import { AdjointError } from '../../lib/errors.js';
import { scope } from '../../lib/memory.js';
import '../../lib/methods.js';
import { conv1d, conv2d, convTranspose1d, convTranspose2d } from '../../lib/ops/conv.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { instanceNorm } from '../../lib/ops/norm-instance.js';
import { pad } from '../../lib/ops/padding.js';
import * as means from '../../lib/ops/pool.js';
import * as maxPools from '../../lib/ops/pool-max.js';
import { chunk, slice, split } from '../../lib/ops/shape-slice.js';
import { unfold } from '../../lib/ops/unfold.js';
import { type InterpolateOptions, interpolate, pixelShuffle } from '../../lib/ops/upsample.js';
import type { Tensor } from '../../lib/tensor.js';
import { readGolden } from '../support/golden.js';

type Values = (string | number | boolean | null | number[])[];
interface Family {
  name: string;
  dims: number;
  full: [string, Values][];
  drawn: [string, Values][];
  cases: number;
  codes: string;
}
interface Edge {
  name: string;
  shapes: number[][];
  args: number[];
  options: object;
  result: number[] | null;
}
const { families, edges } = readGolden<{ families: Family[]; edges: Edge[] }>('grid');

// biome-ignore lint/suspicious/noExplicitAny: options of all kinds, by name
type Case = Record<string, any>;
type Run = (...inputs: Tensor[]) => Tensor | Tensor[];
/** The inputs' shapes and the operation. */
type Prepared = [number[][], Run];

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const perDimension = new Set(
  'size kernelSize stride padding dilation outputPadding outputSize scaleFactor to before after'.split(' '),
);

function mix(n: number): number {
  let m = Math.imul(n ^ (n >>> 16), 0x45d9f3b);
  m = Math.imul(m ^ (m >>> 16), 0x45d9f3b);
  return (m ^ (m >>> 16)) >>> 0;
}

function optionsOf(family: Family, k: number): Case {
  const c: Case = {};
  let rest = k;
  for (const [name, values] of family.full) {
    const value = values[rest % values.length];
    c[name] = perDimension.has(name) ? [value] : value;
    rest = Math.floor(rest / values.length);
  }
  family.drawn.forEach(([name, values], slot) => {
    const picks = Array.from({ length: family.dims }, (_, d) => values[mix(k * 64 + slot * 3 + d) % values.length]);
    c[name] = perDimension.has(name) ? picks : picks[0];
  });
  return c;
}

/** The integers of tensor t of case k. */
function tensorOf(k: number, t: number, shape: readonly number[], dtype: DType, requiresGrad = false): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length }, (_, i) => (mix((i + 5000 * t + 100003 * k) >>> 0) % 17) - 8);
  return tensor(data, { shape, dtype, requiresGrad });
}

function hashOf(tensors: readonly Tensor[]): string {
  let h = 0x811c9dc5;
  const add = (n: number) => {
    h = Math.imul(h ^ n, 0x01000193);
    h ^= h >>> 15;
  };
  for (const t of tensors) {
    for (const n of t.shape) add(n);
    for (const v of t.toTypedArray()) {
      add(Number.isFinite(v) ? Math.floor(v * 314.159265358979 + 0.5) : v > 0 ? 0x7fffffff : -0x7fffffff);
    }
  }
  h = mix(h >>> 0);
  return (digits[h & 63] as string) + digits[(h >>> 6) & 63];
}

const image = (c: Case, channels: number): number[] => [...c.batch, channels, ...c.size];
const poolStride = (c: Case): object => (c.stride[0] === null ? {} : { stride: c.stride.map((s: number) => s || 1) });

function maxPool(c: Case): Prepared {
  const f = c.size.length === 1 ? maxPools.maxPool1d : maxPools.maxPool2d;
  const { padding, dilation, ceilMode } = c;
  return [
    [image(c, c.channels)],
    (x) => f(x as Tensor, c.kernelSize, { ...poolStride(c), padding, dilation, ceilMode }),
  ];
}

function avgPool(c: Case): Prepared {
  const { padding, ceilMode, countIncludePad } = c;
  const options = { ...poolStride(c), padding, ceilMode, countIncludePad };
  if (c.size.length === 1) return [[image(c, c.channels)], (x) => means.avgPool1d(x as Tensor, c.kernelSize, options)];
  const divisor = c.divisorOverride === null ? {} : { divisorOverride: c.divisorOverride };
  return [[image(c, c.channels)], (x) => means.avgPool2d(x as Tensor, c.kernelSize, { ...options, ...divisor })];
}

function adaptivePool(c: Case): Prepared {
  const [sequences, images] =
    c.kind === 'avg'
      ? [means.adaptiveAvgPool1d, means.adaptiveAvgPool2d]
      : [maxPools.adaptiveMaxPool1d, maxPools.adaptiveMaxPool2d];
  return [
    [image(c, c.channels)],
    (x) => (c.size.length === 1 ? sequences : images)(x as Tensor, c.outputSize) as Tensor,
  ];
}

function operands(c: Case, transposed: boolean): number[][] {
  const [x, y] = [c.groups * c.inPerGroup, c.groups * c.outPerGroup];
  const weight = transposed ? [x, c.outPerGroup] : [y, c.inPerGroup];
  return [image(c, x), [...weight, ...c.kernelSize], ...(c.bias ? [[y]] : [])];
}

function conv(c: Case): Prepared {
  const padding = typeof c.padding[0] === 'string' ? c.padding[0] : c.padding;
  const { stride, dilation, groups, paddingMode } = c;
  const options = { stride, padding, dilation, groups, paddingMode };
  const f = c.size.length === 1 ? conv1d : conv2d;
  return [operands(c, false), (x, weight, bias) => f(x as Tensor, weight as Tensor, bias ?? null, options)];
}

function convTranspose(c: Case): Prepared {
  const { stride, padding, outputPadding, dilation, groups } = c;
  const options = { stride, padding, outputPadding, dilation, groups };
  const f = c.size.length === 1 ? convTranspose1d : convTranspose2d;
  return [operands(c, true), (x, weight, bias) => f(x as Tensor, weight as Tensor, bias ?? null, options)];
}

function interpolated(c: Case): Prepared {
  const smooth = c.size.length === 1 ? 'linear' : 'bilinear';
  const options = {
    mode: c.smooth ? smooth : 'nearest',
    ...(c.smooth ? { alignCorners: c.alignCorners } : {}),
    ...(c.to ? { size: c.to } : { scaleFactor: c.scaleFactor, recomputeScaleFactor: c.recomputeScaleFactor }),
  } as InterpolateOptions;
  return [[[2, 2, ...c.size]], (x) => interpolate(x as Tensor, options)];
}

const alongDim = (c: Case): number[] => (c.dim === 0 ? [c.size[0], 3] : [2, c.size[0]]);

function parts(c: Case): Prepared {
  const sizes = c.length ?? [c.first, c.second, c.size[0] - c.first - c.second + c.extra];
  return [
    [alongDim(c)],
    (x) =>
      c.chunks === undefined ? split(x as Tensor, sizes, { dim: c.dim }) : chunk(x as Tensor, c.chunks, { dim: c.dim }),
  ];
}

function sliced(c: Case): Prepared {
  const ends = { ...(c.start === null ? {} : { start: c.start }), ...(c.end === null ? {} : { end: c.end }) };
  return [[alongDim(c)], (x) => slice(x as Tensor, { dim: c.dim, step: c.step, ...ends })];
}

function padded(c: Case): Prepared {
  const amounts = c.size.flatMap((_: number, i: number) => [c.before.at(-1 - i), c.after.at(-1 - i)]);
  return [[[...c.outer, ...c.size]], (x) => pad(x as Tensor, amounts, { value: c.value })];
}

function unfolded(c: Case): Prepared {
  const { stride, padding, dilation } = c;
  return [[image(c, c.channels)], (x) => unfold(x as Tensor, c.kernelSize, { stride, padding, dilation })];
}

const operations: [RegExp, (c: Case) => Prepared][] = [
  [/^maxPool/, maxPool],
  [/^avgPool/, avgPool],
  [/^adaptivePool/, adaptivePool],
  [/^conv\d/, conv],
  [/^convTranspose/, convTranspose],
  [/^interpolate/, interpolated],
  [/^slice/, sliced],
  [/^split|^chunk/, parts],
  [/^pad/, padded],
  [/^unfold/, unfolded],
  [/^pixelShuffle/, (c) => [[image(c, c.channels)], (x) => pixelShuffle(x as Tensor, c.upscaleFactor)]],
];

function compute(k: number, prepared: Prepared, dtype: DType): Tensor[] {
  const [shapes, run] = prepared;
  const inputs = shapes.map((shape, t) => tensorOf(k, t, shape, dtype, true));
  const y = run(...inputs);
  const results = Array.isArray(y) ? y : [y];
  const upstream = results.map((r, i) => tensorOf(k, 9 + i, r.shape, dtype));
  return [...results, ...(grad(results, inputs, { gradOutputs: upstream }) as Tensor[])];
}

const isOurs = (error: unknown): boolean => error instanceof AdjointError && !error.message.startsWith('internal');

function codeOf(k: number, prepared: Prepared, dtype: DType): string {
  try {
    return scope(() => hashOf(compute(k, prepared, dtype)));
  } catch (error) {
    return isOurs(error) ? '..' : String(error);
  }
}

// The largest difference between float32 and float64.
function rounding(k: number, prepared: Prepared): number {
  return scope(() => {
    const [singles, doubles] = [compute(k, prepared, 'float32'), compute(k, prepared, 'float64')];
    return Math.max(
      ...singles.flatMap((single, i) => {
        const exact = (doubles[i] as Tensor).toTypedArray();
        return Array.from(single.toTypedArray(), (v, j) => {
          const want = exact[j] as number;
          return v === want ? 0 : Math.abs(v - want) / Math.max(1, Math.abs(want));
        });
      }),
      0,
    );
  });
}

describe('small sizes against PyTorch', () => {
  it('an element, a shape and a gradient that are wrong are found', () => {
    const family = families.find(({ name }) => name.startsWith('avgPool')) as Family;
    const k = Array.from({ length: family.cases }, (_, i) => i).find(
      (i) => family.codes.slice(2 * i, 2 * i + 2) !== '..',
    );
    const [shapes, run] = avgPool(optionsOf(family, k as number));
    const pool = (x: Tensor) => run(x) as Tensor;
    const code = (changed: (x: Tensor) => Tensor) => codeOf(k as number, [shapes, changed as Run], 'float64');
    const right = family.codes.slice(2 * (k as number), 2 * (k as number) + 2);
    const lastOff = (y: Tensor) => {
      const factors = Float64Array.from({ length: y.size }, (_, i) => (i === y.size - 1 ? 2 : 1));
      return y.mul(tensor(factors, { shape: y.shape }));
    };
    expect(code(pool)).toBe(right);
    expect(code((x) => lastOff(pool(x)))).not.toBe(right);
    expect(code((x) => pool(x).unsqueeze(0))).not.toBe(right);
    expect(code((x) => pool(x).add(x.sum().sub(x.detach().sum())))).not.toBe(right);
    const thrown = code(() => {
      throw new TypeError('planted');
    });
    expect(thrown).toBe('TypeError: planted');
  });

  it.each(families)('$name', (family) => {
    const prepare = operations.find(([name]) => name.test(family.name))?.[1] as (c: Case) => Prepared;
    const different: unknown[] = [];
    for (let k = 0; k < family.cases; k++) {
      const c = optionsOf(family, k);
      const prepared = prepare(c);
      const want = family.codes.slice(2 * k, 2 * k + 2);
      const got = codeOf(k, prepared, c.single ? 'float32' : 'float64');
      if (got !== want) different.push({ ...c, case: k, got, want });
      // Where a position is rounded, nearest may differ between the two: its cases have their dtype.
      else if (want !== '..' && k % 8 === 0 && c.single === undefined && rounding(k, prepared) > 1e-5) {
        different.push({ ...c, case: k, rounding: rounding(k, prepared) });
      }
    }
    const first = different.slice(0, 5).map((c) => JSON.stringify(c));
    expect({ count: different.length, first }).toEqual({ count: 0, first: [] });
  });
});

const functions = {
  ...means,
  ...maxPools,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  instanceNorm,
  interpolate,
  unfold,
};
const named = { ...functions, pixelShuffle } as unknown as Record<string, (...args: unknown[]) => Tensor>;

function result({ name, shapes, args, options }: Edge): number[] | null {
  const inputs = shapes.map((shape) => ones(shape, { requiresGrad: true }));
  const rest = name.startsWith('conv') ? [null, options] : [...args, options];
  const f = named[name] as (typeof named)[string];
  let y: Tensor;
  try {
    const all = [...inputs, ...rest];
    y = f(...(Object.keys(options).length === 0 ? all.slice(0, -1) : all));
  } catch (error) {
    if (!isOurs(error)) throw error;
    return null;
  }
  const gradients = grad([y], inputs, { gradOutputs: [ones(y.shape)] });
  expect(gradients.map((g) => g.shape)).toEqual(shapes);
  return [...y.shape];
}

describe('sizes of 0 against PyTorch', () => {
  it.each([...new Set(edges.map((c) => c.name))])('%s', (name) => {
    const dims = name.endsWith('1d') ? 1 : 2;
    for (const c of edges.filter((edge) => edge.name === name)) {
      const got = result(c);
      const x = c.shapes[0] as number[];
      // Without input channels PyTorch gives no output channels, whatever the weight says, and from an empty image its
      // transposed convolution makes one as long as the kernel less a step. Both are refused.
      const isWrong = name.startsWith('conv') && (c.shapes[1]?.includes(0) || x.slice(-dims).includes(0));
      if (isWrong) expect(got, JSON.stringify(c)).toBeNull();
      // Nothing gives nothing, also where PyTorch refuses it.
      else if (c.result === null && x.includes(0)) expect(got?.includes(0) ?? true, JSON.stringify(c)).toBe(true);
      else expect(got, JSON.stringify(c)).toEqual(c.result);
    }
  });
});
