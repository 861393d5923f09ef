// Weights that need no file: each element is computed from its key and its index, as test/golden/seeded.py does.
import { type nn, type Tensor, tensor } from '../../lib/index.js';

function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** `count` numbers in [0, 1): the finaliser of MurmurHash3 over hash + index. */
export function uniform(key: string, count: number): Float64Array {
  const start = hashOf(key);
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (start + i) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  });
}

/** Matrices within ±2 / √fan, other weights and variances within 1 ± 0.1, the rest within ±0.1; counts 0. */
export function seededTensor(key: string, { dtype, shape, size }: Tensor): Tensor {
  const values = uniform(key, size);
  const isFloat = dtype === 'float32' || dtype === 'float64';
  const fan = size / (shape[0] ?? 1);
  const middle = key.endsWith('weight') || key.endsWith('var') ? 1 : 0;
  const value = (u: number): number => (shape.length > 1 ? ((u - 0.5) * 4) / Math.sqrt(fan) : middle + (u - 0.5) * 0.2);
  return tensor(isFloat ? values.map(value) : values.fill(0), { dtype, shape });
}

/** Fills the model's state dict; a tensor with several keys gets what its first key makes it. */
export function seed<M extends nn.Module>(model: M): M {
  const state = new Map<string, Tensor>();
  const done = new Set<Tensor>();
  for (const [key, value] of model.stateDict()) {
    if (!done.has(value)) state.set(key, seededTensor(key, value));
    done.add(value);
  }
  model.loadStateDict(state);
  return model;
}
