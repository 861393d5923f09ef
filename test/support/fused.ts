// Each fused operation against its reference: its results, and its gradients, which with createGraph are fused operations
// themselves, with a reference derived from the operation's.
import { expect } from 'vitest';
import { type FusedCall, observeFused } from '../../lib/autograd/fused.js';
import { noGrad } from '../../lib/autograd/tape.js';
import { grad } from '../../lib/backward/engine.js';
import { tensor } from '../../lib/ops/creation.js';
import { manualSeed } from '../../lib/ops/generator.js';
import type { Tensor } from '../../lib/tensor.js';
import { irregular, make, type OpRow } from './harness.js';

type Float = 'float32' | 'float64';
const limits: Record<Float, number> = { float64: 1e-11, float32: 1e-4 };

// A gradient that does not depend on an input is null in the reference and 0 by the kernels.
function compare(got: Tensor, want: Tensor | null, where: string): void {
  const values = Array.from(got.toTypedArray());
  const expected = want === null ? values.map(() => 0) : Array.from(want.toTypedArray());
  if (want !== null) expect(want.shape, where).toEqual(got.shape);
  const size = Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
  values.forEach((g, i) => {
    const w = expected[i] as number;
    if (g === w || (Number.isNaN(g) && Number.isNaN(w))) return;
    if (!(Math.abs(g - w) <= limits[got.dtype as Float] * size))
      throw new Error(`${where}: element ${i} is ${g} by the kernels and ${w} by the reference`);
  });
}

function check({ name, inputs, results, reference }: FusedCall, seen: Set<string>, where: string): void {
  const composed = observeFused(
    () => {},
    () => noGrad(() => reference(...inputs)),
  );
  expect(composed.length, `${where}, ${name}: number of results`).toBe(results.length);
  results.forEach((result, i) => {
    if (result !== null) compare(result, composed[i] as Tensor | null, `${where}, ${name}: result ${i}`);
  });
  seen.add(name);
}

/** Runs `run` and its gradients, and compares all that is fused; the names of the operations. */
export function checkFused(run: () => Tensor, wanted: readonly Tensor[], where: string): Set<string> {
  const seen = new Set<string>();
  observeFused(
    (call) => check(call, seen, where),
    () => {
      const y = run();
      const upstream = Float64Array.from({ length: y.size }, (_, i) => irregular(i + 7));
      const gradOutputs = [tensor(upstream, { dtype: y.dtype, shape: y.shape })];
      grad([y], wanted, { gradOutputs, allowUnused: true, createGraph: true });
    },
  );
  return seen;
}

/** The same for a row of an op table. */
export function checkFusedRow(row: OpRow, dtype: Float): Set<string> {
  manualSeed(3);
  const inputs = row.inputs.map((spec) => make(spec, dtype).tensor);
  row.inputs.forEach((spec, i) => {
    const t = inputs[i] as Tensor;
    if (t.dtype === dtype) t.requiresGrad = spec.requiresGrad ?? true;
  });
  const wanted = inputs.filter((t) => t.requiresGrad);
  return checkFused(() => row.run(...inputs), wanted, `${row.name} ${dtype}`);
}

/** The names of operations and of their gradients. */
export const withGradient = (...names: string[]): string[] => names.flatMap((name) => [name, `${name}Backward`]);
