// Distributions and transforms from test/golden/distributions.json, whose script says what it holds.
import type { DType } from '../../lib/dtype.js';
import { distributions, type distributions as Space, tensor } from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { fromGolden, type Golden, readGolden } from './golden.js';

export type Spec = [name: string, args: Record<string, unknown>];
export interface Case {
  spec: Spec;
  value: Golden;
  p: Golden;
  results: Record<string, Golden>;
  gradients: (Golden | null)[];
  shapes: [number[], number[]];
  discrete: boolean;
}
export interface Divergence {
  p: Spec;
  q: Spec;
  result: Golden | null;
}
export interface Mapping {
  spec: Spec;
  x: Golden;
  y: Golden;
  inverse: Golden | null;
  jacobian: Golden | null;
}

interface File {
  cases: Case[];
  kl: Divergence[];
  transforms: Mapping[];
  slopes: [alpha: number, logZ: number, slope: number, share: number][];
}
export const { cases, kl, transforms, slopes } = readGolden<File>('distributions');

interface Nested {
  tensor?: Golden;
  distribution?: Spec;
  list?: Spec[];
}

/** The object of a spec. Its tensors are added to `leaves`, in their order. */
export function build<T = Space.Distribution>([name, args]: Spec, dtype: DType, leaves: Tensor[] = []): T {
  const options = Object.entries(args).map(([key, given]) => {
    const { tensor: values, distribution, list } = Object(given) as Nested;
    if (values !== undefined) {
      const leaf = fromGolden({ ...values, dtype }, { requiresGrad: true });
      leaves.push(leaf);
      return [key, leaf];
    }
    if (distribution !== undefined) return [key, build(distribution, dtype, leaves)];
    if (list !== undefined) return [key, list.map((spec) => build(spec, dtype, leaves))];
    return [key, given];
  });
  const Class = (distributions as unknown as Record<string, new (options: object) => T>)[name]!;
  return new Class(Object.fromEntries(options) as object);
}

const limits: Partial<Record<DType, number>> = { float64: 1e-10, float32: 1e-4 };

/** Throws unless a tensor has the shape and the values of PyTorch's, relative to the larger of each and 1. */
export function expectNear(what: string, got: Tensor, want: Golden, limit = limits[got.dtype] ?? 0): void {
  if (got.shape.join() !== want.shape.join())
    throw new Error(`${what}: shape [${got.shape}], PyTorch's [${want.shape}]`);
  got.toTypedArray().forEach((g, i) => {
    const w = Number(want.data[i]);
    if (Object.is(g, w) || g === w || Math.abs(g - w) <= limit * Math.max(1, Math.abs(w))) return;
    throw new Error(`${what}: element ${i} is ${g}, PyTorch's ${w}`);
  });
}

/** cos(1), cos(2), …: weights of a sum that has no symmetries. */
export const weights = (y: Tensor): Tensor =>
  tensor(
    Float64Array.from({ length: y.size }, (_, i) => Math.cos(i + 1)),
    { dtype: y.dtype, shape: y.shape },
  );
