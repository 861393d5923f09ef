// Functions that JavaScript's Math lacks, in float64, and what the tables of elementwise functions share.
import type { Tensor } from '../../lib/tensor.js';
import { mapReference, type OpRow } from './harness.js';

/** The error function by its series without cancellation: 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)). */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/** Rounds halves to the even neighbour. */
export function roundEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** log(1 + eˣ) without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

const { POSITIVE_INFINITY: infinity, NaN: nan } = Number;

/** Edges that every function meets: both zeros, infinities, NaN, tiny (normal and not) and large numbers. */
export const edges = [
  0,
  -0,
  infinity,
  -infinity,
  nan,
  1e-30,
  -1e-30,
  1e-40,
  -1e-40,
  1e-7,
  -1e-7,
  1,
  -1,
  0.5,
  -0.5,
  2.5,
].concat([-1.5, 9, -9, 20, -20, 60, -60, 80, -80, 1e4, -1e4, 1e5, -1e5]);

/** A function of one tensor: its reference, where it is tested, and the edges that the reference cannot judge. */
export interface Unary {
  name: string;
  run: (x: Tensor) => Tensor;
  reference: (x: number) => number;
  values?: (i: number) => number;
  /** Whether an edge is left out in float32 (results beyond its range, say). */
  skip?: (x: number) => boolean;
  rtol?: OpRow['rtol'];
  /** Whether it is made of steps, so that its gradient is 0 and no graph leads to it. */
  steps?: boolean;
}

/** The method of the same name as `f`, called on the first input; none for a function without a name of its own. */
export function methodOf(f: { name: string }): OpRow['method'] {
  if (f.name === 'run' || f.name === '') return undefined;
  return (x, ...rest) => (x as unknown as Record<string, (...rest: Tensor[]) => Tensor>)[f.name]!(...rest);
}

/** The rows of a function of one tensor: forward and gradients, sizes 0, 1 and beyond one vector and one chunk of the pool, edges. */
export function unaryRows({ name, run, reference, values, skip = () => false, rtol, steps = false }: Unary): OpRow[] {
  const base = { reference: mapReference(reference) as OpRow['reference'], rtol };
  const forward = (shape: number[]): OpRow => ({
    name: `${name} [${shape}]`,
    run,
    inputs: [{ shape, values }],
    gradient: false,
    ...base,
  });
  const finite = edges.filter((x) => !skip(x));
  return [
    { name, run, inputs: [{ shape: [3, 4], values }], method: methodOf(run), gradient: !steps, ...base },
    { name: `${name} of a scalar`, run, inputs: [{ shape: [], values }], gradient: !steps, ...base },
    forward([0, 2]),
    forward([1003]),
    { ...forward([40_003]), dtypes: ['float32'] },
    {
      ...forward([finite.length]),
      name: `${name} edges`,
      inputs: [{ shape: [finite.length], values: (i) => finite[i] as number }],
    },
  ];
}
