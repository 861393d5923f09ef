import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { nn } from '../../lib/index.js';
import * as ops from '../../lib/ops/activation-composed.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import { Generator } from '../../lib/ops/generator.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import type { ErrorRow, OpRow } from '../support/harness.js';
import { sigmoid, softplus, type Unary, unaryRows } from '../support/special.js';

const { abs, exp, max, min, sign, tanh } = Math;
const tiny = (x: number): boolean => x !== 0 && abs(x) < 1e-3; // where the terms cancel

const functions: Unary[] = [
  { name: 'relu6', run: (x) => ops.relu6(x), reference: (x) => min(max(x, 0), 6) },
  { name: 'celu 2', run: (x) => ops.celu(x, 2), reference: (x) => (x > 0 ? x : 2 * Math.expm1(x / 2)), skip: tiny },
  { name: 'hardsigmoid', run: (x) => ops.hardsigmoid(x), reference: (x) => min(max(x + 3, 0), 6) / 6 },
  { name: 'hardswish', run: (x) => ops.hardswish(x), reference: (x) => (x * min(max(x + 3, 0), 6)) / 6, skip: tiny },
  { name: 'hardshrink', run: (x) => ops.hardshrink(x), reference: (x) => (abs(x) <= 0.5 ? 0 : x) },
  {
    name: 'softshrink',
    run: (x) => ops.softshrink(x),
    reference: (x) => (abs(x) <= 0.5 ? 0 : x - 0.5 * sign(x)),
  },
  {
    name: 'tanhshrink',
    run: (x) => ops.tanhshrink(x),
    reference: (x) => x - tanh(x),
    skip: tiny,
    rtol: { float32: 1e-3 },
  },
  { name: 'logsigmoid', run: (x) => ops.logsigmoid(x), reference: (x) => -softplus(-x), skip: (x) => x > 40 },
  { name: 'softsign', run: (x) => ops.softsign(x), reference: (x) => x / (1 + abs(x)), skip: (x) => abs(x) > 1e30 },
  { name: 'threshold', run: (x) => ops.threshold(x, 0.5, 3), reference: (x) => (x <= 0.5 ? 3 : x) },
  { name: 'rrelu', run: (x) => ops.rrelu(x), reference: (x) => (x > 0 ? x : (x * 11) / 48), skip: tiny },
];

const rows: OpRow[] = [
  ...functions.flatMap(unaryRows),
  {
    name: 'glu',
    run: (x) => ops.glu(x as Tensor, 0),
    inputs: [{ shape: [4, 3] }],
    reference: (x) => ({ shape: [2, 3], data: x!.data.slice(0, 6).map((a, i) => a * sigmoid(x!.data[i + 6]!)) }),
  },
  {
    name: 'softmin',
    run: (x) => ops.softmin(x as Tensor, 1),
    inputs: [{ shape: [3, 4] }],
    reference: (x) => ({
      shape: [3, 4],
      data: x!.data.map((v, i) => {
        const row = x!.data.slice(4 * Math.floor(i / 4), 4 * Math.floor(i / 4) + 4);
        return exp(-v) / row.reduce((sum, w) => sum + exp(-w), 0);
      }),
    }),
  },
  {
    name: 'prelu',
    run: (x, weight) => ops.prelu(x as Tensor, weight as Tensor),
    inputs: [{ shape: [2, 3, 4] }, { shape: [3] }],
    reference: (x, w) => ({
      shape: x!.shape,
      data: x!.data.map((v, i) => (v > 0 ? v : v * w!.data[Math.floor(i / 4) % 3]!)),
    }),
  },
];

const errors: ErrorRow[] = [
  {
    name: 'dtype',
    call: () => ops.hardswish(zeros([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "hardswish: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'celu alpha',
    call: () => ops.celu(ones([2]), 0),
    error: ArgumentError,
    message: 'celu: alpha must be a finite number above 0, got 0',
  },
  {
    name: 'softshrink lambd',
    call: () => ops.softshrink(ones([2]), -1),
    error: ArgumentError,
    message: 'softshrink: lambd must be a finite number of at least 0, got -1',
  },
  {
    name: 'glu odd',
    call: () => ops.glu(ones([2, 3])),
    error: ShapeError,
    message: 'glu: dimension 1 of x must be even, got x [2, 3]',
  },
  {
    name: 'prelu weight',
    call: () => ops.prelu(ones([2, 3]), ones([2])),
    error: ShapeError,
    message: 'prelu: weight must be [1] or [3], got weight [2] and x [2, 3]',
  },
  {
    name: 'rrelu upper',
    call: () => ops.rrelu(ones([2]), 0.5, 0.25),
    error: ArgumentError,
    message: 'rrelu: upper must be a finite number of at least 0.5, got 0.25',
  },
  {
    name: 'threshold value',
    // @ts-expect-error: the value must be given
    call: () => ops.threshold(ones([2]), 1),
    error: ArgumentError,
    message: 'threshold: value must be a finite number, got undefined',
  },
];

testFamily('activation-composed', { rows, errors });

interface Case extends Record<'input' | 'output' | 'upstream', Golden> {
  name: 'celu';
  args: [number];
  gradient: Golden;
}
type PReLU = Record<'input' | 'weight' | 'output' | 'upstream' | 'inputGradient' | 'weightGradient', Golden>;
const golden = readGolden<{ functions: Case[]; prelu: PReLU[] }>('activations');

describe('against PyTorch', () => {
  it.each(golden.functions.map((c) => [`${c.name} ${c.args} ${c.input.dtype}`, c] as const))('%s', (_, c) => {
    const x = fromGolden(c.input, { requiresGrad: true });
    const y = (nn.functional[c.name] as (x: Tensor, ...args: number[]) => Tensor)(x, ...c.args);
    expectNear(y, c.output.data);
    const [dx] = grad([y], [x], { gradOutputs: [fromGolden(c.upstream)] });
    expectNear(dx as Tensor, c.gradient.data);
  });

  it.each(golden.prelu.map((c) => [`prelu [${c.input.shape}] ${c.input.dtype}`, c] as const))('%s', (_, c) => {
    const [x, weight] = [fromGolden(c.input, { requiresGrad: true }), fromGolden(c.weight, { requiresGrad: true })];
    const y = ops.prelu(x, weight);
    expectNear(y, c.output.data);
    const [dx, dw] = grad([y], [x, weight], { gradOutputs: [fromGolden(c.upstream)] });
    expectNear(dx as Tensor, c.inputGradient.data);
    expectNear(dw as Tensor, c.weightGradient.data);
  });
});

it('rrelu draws its slopes in training', () => {
  const x = ones([10_000]).neg();
  const slopes = ops.rrelu(x, 0.25, 0.75, true, { generator: new Generator(1) }).neg();
  const values = slopes.toTypedArray();
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0.25);
  expect(Math.max(...values)).toBeLessThanOrEqual(0.75);
  expect(slopes.mean().item()).toBeCloseTo(0.5, 1);
  expect(slopes.std().item()).toBeCloseTo(0.5 / Math.sqrt(12), 2);
});
