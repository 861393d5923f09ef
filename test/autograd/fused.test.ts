// Each fused operation against its reference: its results, and its gradients, which with createGraph are fused operations
// themselves, whose reference is made of that of the operation.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/autograd/engine.js';
import { type FusedCall, fusedGradients, observeFused, recordFused } from '../../lib/autograd/fused.js';
import { noGrad } from '../../lib/autograd/tape.js';
import { scaledDotProductAttention } from '../../lib/ops/attention.js';
import { ones, tensor } from '../../lib/ops/creation.js';
import { add, exp, mul } from '../../lib/ops/elementwise.js';
import { manualSeed } from '../../lib/ops/generator.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { families } from '../ops/families.js';
import { irregular, make, type OpRow } from '../support/harness.js';

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
function checkFused(run: () => Tensor, wanted: readonly Tensor[], where: string): Set<string> {
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

function checkRow(row: OpRow, dtype: Float): Set<string> {
  manualSeed(3);
  const inputs = row.inputs.map((spec) => make(spec, dtype).tensor);
  row.inputs.forEach((spec, i) => {
    const t = inputs[i] as Tensor;
    if (t.dtype === dtype) t.requiresGrad = spec.requiresGrad ?? true;
  });
  const wanted = inputs.filter((t) => t.requiresGrad);
  return checkFused(() => row.run(...inputs), wanted, `${row.name} ${dtype}`);
}

const withGradient = (...names: string[]): string[] => names.flatMap((name) => [name, `${name}Backward`]);

/** What must have been compared, among others; by family. */
const fused: Record<string, string[]> = {
  activation: ['reluBackward', 'tanhBackward'],
  attention: withGradient('scaledDotProductAttention'),
  classification: withGradient('crossEntropy'),
  compare: ['clampBackward'],
  conv: ['conv2dBackward'],
  extremes: ['maxBackward'],
  loss: ['mseBackward', 'bceWithLogitsBackward'],
  matmul: ['linearBackward'],
  norm: withGradient('batchNorm', 'groupNorm', 'instanceNorm', 'layerNorm', 'rmsNorm'),
  recurrent: withGradient('layer'),
  reduce: ['prodBackward'],
  softmax: ['softmaxBackward', 'logSoftmaxBackward'],
  statistics: ['stdBackward', 'logSumExpBackward'],
};

describe.each(Object.entries(families))('%s', (family, { rows }) => {
  const differentiable = (rows as readonly OpRow[]).filter(
    (row) => row.gradient !== false && row.inputs.every((spec) => sizeOf(spec.shape) <= 400),
  );
  it.each(['float32', 'float64'] as const)('%s: kernels equal references', { timeout: 60_000 }, (dtype) => {
    const seen = new Set<string>();
    for (const row of differentiable) {
      if (row.dtypes !== undefined && !row.dtypes.includes(dtype)) continue;
      for (const name of checkRow(row, dtype)) seen.add(name);
    }
    expect([...seen]).toEqual(expect.arrayContaining(fused[family] ?? []));
  });
});

it('attention with dropout: the reference drops what the kernel has dropped', () => {
  const inputs = [0, 1, 2].map((k) => {
    const values = Float64Array.from({ length: 2 * 5 * 4 }, (_, i) => irregular(40 * k + i));
    return tensor(values, { shape: [2, 5, 4], requiresGrad: true });
  });
  const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
  manualSeed(5);
  const run = () => scaledDotProductAttention(q, k, v, { dropout: 0.4, isCausal: true });
  expect([...checkFused(run, inputs, 'dropout')]).toEqual(
    expect.arrayContaining(withGradient('scaledDotProductAttention')),
  );
});

describe('a wrong reference is found', () => {
  // y = x², by "kernels" that are right.
  const square = (x: Tensor, reference: (x: Tensor) => Tensor): Tensor => {
    const y = noGrad(() => mul(x, x));
    const backward = ([dy]: readonly (Tensor | null)[]) => [mul(mul(x, 2), dy as Tensor)];
    recordFused('square', [y], [x], backward, (x) => [reference(x)], [x]);
    return y;
  };
  const checkSquare = (dtype: Float, reference: (x: Tensor) => Tensor) => {
    const x = tensor([0.5, -2, 3], { dtype, requiresGrad: true });
    return checkFused(() => square(x, reference), [x], 'planted');
  };

  it.each(['float32', 'float64'] as const)('%s', (dtype) => {
    const off = dtype === 'float32' ? 1e-3 : 1e-9;
    expect([...checkSquare(dtype, (x) => mul(x, x))]).toEqual(['square', 'squareBackward']);
    expect(() => checkSquare(dtype, (x) => mul(mul(x, x), 1 + off))).toThrow(/square: result 0: element/);
    expect(() => checkSquare(dtype, (x) => add(mul(x, x), Number.NaN))).toThrow(/square: result 0: element 0/);
    // The same values with another gradient.
    const detached = (x: Tensor) => mul(x, x.detach());
    expect(() => checkSquare(dtype, detached)).toThrow(/squareBackward: result 0: element/);
    expect(() => checkSquare(dtype, (x) => mul(x.detach(), x.detach()))).toThrow(/squareBackward: result 0: element/);
  });

  it('in a gradient of its own', () => {
    const x = ones([3], { requiresGrad: true });
    const run = (reference: (x: Tensor) => Tensor) => () =>
      fusedGradients(
        'planted',
        [x],
        () => [exp(x)],
        (x) => [reference(x)],
      )[0] as Tensor;
    expect([...checkFused(run(exp), [x], 'planted')]).toEqual(['plantedBackward']);
    expect(() =>
      checkFused(
        run((x) => mul(exp(x), 1.001)),
        [x],
        'planted',
      ),
    ).toThrow(/plantedBackward: result 0/);
    expect(() =>
      checkFused(
        run((x) => exp(x.reshape([3, 1]))),
        [x],
        'planted',
      ),
    ).toThrow(/shape|equal/);
  });
});
