// What the tables of reductions share: naive folds over any dimensions, and the shapes to try.
import type { ReduceOptions } from '../../lib/ops/reduce.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import type { InputSpec, OpRow, Plain } from './harness.js';

export type Fold = (values: number[]) => number;
export type Options = ReduceOptions & { p?: number; correction?: number };

export const absolute: Fold = (v) => v.reduce((s, x) => s + Math.abs(x), 0);
export const total: Fold = (v) => v.reduce((s, x) => s + x, 0);
export const average: Fold = (v) => total(v) / v.length;
export const largest: Fold = (v) => v.reduce((m, x) => (Number.isNaN(m) || m >= x ? m : x));
export const smallest: Fold = (v) => v.reduce((m, x) => (Number.isNaN(m) || m <= x ? m : x));

/** Folds the elements that share all indices but those of the reduced dimensions. */
export function folded(f: Fold, options: ReduceOptions = {}, magnitude?: Fold): (x: Plain) => Plain {
  return (x) => {
    const given = options.dim === undefined ? x.shape.map((_, d) => d) : [options.dim].flat();
    const dims = given.map((d) => (d < 0 ? d + x.shape.length : d));
    const kept = x.shape.map((n, d) => (dims.includes(d) ? 1 : n));
    const groups: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
    x.data.forEach((value, i) => {
      let group = 0;
      x.shape.forEach((n, d) => {
        const index = Math.floor(i / sizeOf(x.shape.slice(d + 1))) % n;
        group = group * (kept[d] as number) + (dims.includes(d) ? 0 : index);
      });
      groups[group]?.push(value);
    });
    const result: Plain = {
      shape: options.keepDim ? kept : kept.filter((_, d) => !dims.includes(d)),
      data: groups.map(f),
    };
    if (magnitude !== undefined) result.magnitude = groups.map(magnitude);
    return result;
  };
}

// Shapes and dimensions that reach each way through the kernels: rows, columns, narrow and wide, several runs.
export const layouts: [number[], ReduceOptions?][] = [
  [[3, 4]],
  [[3, 4], { dim: 1 }],
  [[3, 4], { dim: 0, keepDim: true }],
  [[2, 3, 4], { dim: -2 }],
  [[2, 3, 4], { dim: [0, 2] }],
  [[2, 3, 4], { dim: [2, 0], keepDim: true }],
  [[2, 3, 2, 2], { dim: [1, 2] }],
  [[5, 1], { dim: 1 }],
  [[]],
  [[], { dim: 0 }],
];
export const large: [number[], ReduceOptions?][] = [
  [[3, 131], { dim: 1 }],
  [[70, 33], { dim: 0 }],
  [[9, 5, 3], { dim: 1 }],
  [[200, 3], { dim: 0 }],
  [[3, 600], { dim: 0 }],
  [[140_000]],
  [[1500, 100], { dim: 0 }],
];

export const label = (options?: Options): string => (options === undefined ? '' : ` ${JSON.stringify(options)}`);

export function folds(
  name: string,
  run: (x: Tensor, options?: never) => Tensor,
  f: Fold,
  more: { options?: Options; values?: InputSpec['values']; magnitude?: Fold; empty?: boolean } & Partial<OpRow> = {},
): OpRow[] {
  const { options: extra, values, magnitude, empty = true, ...rest } = more;
  const row = (shape: number[], options: Options | undefined, gradient: boolean): OpRow => {
    const merged = options === undefined && extra === undefined ? undefined : { ...options, ...extra };
    return {
      name: `${name} of [${shape}]${label(merged)}`,
      run: (x) => run(x as Tensor, merged as never),
      inputs: [values === undefined ? { shape } : { shape, values }],
      reference: folded(f, merged, magnitude) as OpRow['reference'],
      ...rest,
      gradient: gradient && rest.gradient !== false,
    };
  };
  return [
    ...layouts.map(([shape, options]) => row(shape, options, true)),
    ...large.map(([shape, options]) => row(shape, options, false)),
    ...(empty ? [row([0, 3], { dim: 0 }, false), row([3, 0], { dim: 0 }, false), row([0], undefined, false)] : []),
  ];
}

export const special = (i: number): number => [1, Number.NaN, -Infinity, 2, Infinity, 2][i % 6] as number;
export const integer = (i: number): number => ((i * 7) % 11) - 5;
export const byte = (i: number): number => (i * 37) % 256;

export function fixed(name: string, run: OpRow['run'], input: InputSpec, reference: (x: Plain) => Plain): OpRow {
  return {
    name,
    run,
    inputs: [input],
    reference: reference as OpRow['reference'],
    dtypes: ['float64'],
    gradient: false,
  };
}

export const atMost = (size: number) => (row: OpRow) => sizeOf(row.inputs[0]?.shape ?? []) <= size;
