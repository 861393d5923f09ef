// Weights by a formula of their names, as test/golden/make_models.py fills them: no files of weights are needed.
import { type nn, noGrad, type Tensor, tensor } from '../../lib/index.js';

/** Numbers in [-1, 1): a hash of the name, mixed with the position. */
function uniform(name: string, size: number): Float64Array {
  let seed = 2166136261;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
  const values = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let h = Math.imul(i, 2654435761) + seed;
    h ^= h >>> 16;
    h = Math.imul(h, 0x45d9f3b);
    h ^= h >>> 16;
    values[i] = (h >>> 8) / 2 ** 23 - 1;
  }
  return values;
}

/** The formula's tensor of a name. */
export function shaped(name: string, ...shape: number[]): Tensor {
  return tensor(
    uniform(
      name,
      shape.reduce((a, b) => a * b, 1),
    ),
    { dtype: 'float64', shape },
  );
}

/** Fills all float parameters and buffers. */
export function fill<M extends nn.Module>(model: M): M {
  for (const [name, t] of model.stateDict()) {
    if (t.dtype === 'int32') continue;
    const u = uniform(name, t.size);
    const field = t.shape.slice(1).reduce((a, b) => a * b, 1);
    let [scale, start] = [0.2, 1];
    if (name.endsWith('running_var')) [scale, start] = [0.5, 1];
    else if (t.shape.length > 1 && !name.endsWith('original0')) [scale, start] = [Math.sqrt(6 / field), 0];
    else if (/(bias|running_mean)$/.test(name)) [scale, start] = [0.1, 0];
    for (let i = 0; i < u.length; i++) u[i] = start + scale * (u[i] as number);
    noGrad(() => t.copy_(tensor(u, { dtype: 'float64', shape: t.shape }).to(t.dtype)));
  }
  return model;
}

/** One number that stands for a tensor: its product with the formula's tensor, which one wrong element changes. */
export function probe(name: string, t: Tensor): number {
  const u = uniform(`probe/${name}`, t.size);
  return Array.from(t.toTypedArray()).reduce((sum, v, i) => sum + v * (u[i] as number), 0);
}
