// The first gradient of an op is the same with and without createGraph, at zeros, tiny and huge numbers, infinities and
// NaN, in the inputs and in the upstream gradient.
import { expect } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { AdjointError } from '../../lib/errors.js';
import { tensor } from '../../lib/ops/creation.js';
import { manualSeed } from '../../lib/ops/generator.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { irregular, make, type OpRow } from './harness.js';

type Float = 'float32' | 'float64';
const specials: Record<Float, number[]> = {
  float32: [0, -0, 1e-40, -1e-30, 1e20, -3e38, Infinity, -Infinity, Number.NaN],
  float64: [0, -0, 1e-310, -1e-200, 1e200, -1e308, Infinity, -Infinity, Number.NaN],
};

/** What is put where: into an input, or (-1) into the upstream gradient; null: all specials in turn. */
interface Planted {
  input: number;
  value: number | null;
}

function plant(values: Float64Array | Float32Array, dtype: Float, value: number | null): void {
  const list = specials[dtype];
  if (value === null) for (let k = 0; k < values.length; k++) values[k] = list[k % list.length] as number;
  else values[Math.floor(values.length / 2)] = value;
}

/** The gradients of all inputs; null where the op refuses such an input. */
function firstGradients(row: OpRow, dtype: Float, planted: Planted, createGraph: boolean): number[][] | null {
  manualSeed(3);
  const inputs = row.inputs.map((spec, i) => {
    const t = make(spec, dtype).tensor;
    if (t.dtype !== dtype) return t;
    if (i === planted.input) {
      const values = t.toTypedArray() as Float64Array;
      plant(values, dtype, planted.value);
      t.copy_(values);
    }
    t.requiresGrad = spec.requiresGrad ?? true;
    return t;
  });
  let y: Tensor;
  try {
    y = row.run(...inputs);
  } catch (error) {
    if (error instanceof AdjointError) return null; // probabilities outside [0, 1]
    throw error;
  }
  const upstream = Float64Array.from({ length: y.size }, (_, i) => irregular(i + 7));
  if (planted.input < 0 && y.size > 0) plant(upstream, dtype, planted.value);
  const gradOutputs = [tensor(upstream, { dtype, shape: y.shape })];
  const wanted = inputs.filter((t) => t.requiresGrad);
  const found = grad([y], wanted, { gradOutputs, allowUnused: true, createGraph });
  return found.map((g: Tensor | null) => Array.from(g?.toTypedArray() ?? []));
}

/** Compares the gradients of a row with and without createGraph; returns the number of comparisons. */
export function checkFirstGradients(row: OpRow, dtype: Float): number {
  let compared = 0;
  for (let input = -1; input < row.inputs.length; input++) {
    const spec = row.inputs[input];
    if (spec !== undefined && (spec.dtype !== undefined || sizeOf(spec.shape) === 0)) continue;
    for (const value of dtype === 'float32' ? [null, ...specials[dtype]] : [null]) {
      const plain = firstGradients(row, dtype, { input, value }, false);
      if (plain === null) continue;
      const graph = firstGradients(row, dtype, { input, value }, true);
      const where = input < 0 ? 'the upstream gradient' : `input ${input}`;
      expect(graph, `${row.name} ${dtype}, ${value ?? 'specials'} in ${where}`).toEqual(plain);
      compared++;
    }
  }
  return compared;
}
