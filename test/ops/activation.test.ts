import { grad } from '../../lib/backward/engine.js';
import { ArgumentError, DTypeError } from '../../lib/errors.js';
import * as ops from '../../lib/ops/activation.js';
import { onesLike, tensor, zeros } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, mapReference, type OpRow } from '../support/harness.js';
import { erf, sigmoid, softplus, type Unary, unaryRows } from '../support/special.js';

const { abs, exp, expm1, sqrt, tanh } = Math;
// Where a saturated function is all but 0 its relative error is not judged, nor is -∞ · 0, NaN as in PyTorch.
const low = (x: number): boolean => x < -5 || (x !== 0 && abs(x) < 1e-38);
const scale = 1.0507009873554805;
const scaleAlpha = scale * 1.6732632423543772;

const functions: Unary[] = [
  { name: 'tanh', run: ops.tanh, reference: tanh },
  { name: 'sigmoid', run: ops.sigmoid, reference: sigmoid, skip: (x) => x < -80 },
  { name: 'relu', run: ops.relu, reference: (x) => Math.max(x, 0) },
  { name: 'leakyRelu', run: ops.leakyRelu, reference: (x) => (x > 0 ? x : x * 0.01), skip: (x) => abs(x) < 1e-38 },
  {
    name: 'leakyRelu 0.2',
    run: (x) => ops.leakyRelu(x, { negativeSlope: 0.2 }),
    reference: (x) => (x > 0 ? x : x * 0.2),
    skip: (x) => abs(x) < 1e-38,
  },
  { name: 'elu', run: ops.elu, reference: (x) => (x > 0 ? x : expm1(x)) },
  {
    name: 'elu 1.5',
    run: (x) => ops.elu(x, { alpha: 1.5 }),
    reference: (x) => (x > 0 ? x : 1.5 * expm1(x)),
    skip: (x) => abs(x) < 1e-38,
  },
  {
    name: 'selu',
    run: ops.selu,
    reference: (x) => (x > 0 ? scale * x : scaleAlpha * expm1(x)),
    skip: (x) => abs(x) < 1e-38,
  },
  { name: 'gelu', run: ops.gelu, reference: (x) => (x / 2) * (1 + erf(x * sqrt(0.5))), skip: low },
  {
    name: 'gelu tanh',
    run: (x) => ops.gelu(x, { approximate: 'tanh' }),
    reference: (x) => (x / 2) * (1 + tanh(sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    skip: low,
  },
  { name: 'silu', run: ops.silu, reference: (x) => x * sigmoid(x), skip: (x) => x < -80 || abs(x) < 1e-38 },
  { name: 'softplus', run: ops.softplus, reference: (x) => (x > 20 ? x : softplus(x)), skip: (x) => x < -80 },
  {
    name: 'softplus 2 3',
    run: (x) => ops.softplus(x, { beta: 2, threshold: 3 }),
    reference: (x) => (2 * x > 3 ? x : softplus(2 * x) / 2),
    skip: (x) => x < -40,
  },
  { name: 'hardtanh', run: ops.hardtanh, reference: (x) => (x < -1 ? -1 : Math.min(x, 1)) },
  {
    name: 'hardtanh 0 6',
    run: (x) => ops.hardtanh(x, 0, 6),
    reference: (x) => (x < 0 ? 0 : Math.min(x, 6)),
  },
  { name: 'mish', run: ops.mish, reference: (x) => x * tanh(softplus(x)), skip: (x) => x < -80 || abs(x) < 1e-38 },
];

const slope =
  (f: (x: Tensor) => Tensor): OpRow['run'] =>
  (x) => {
    x.requiresGrad = true;
    const y = f(x);
    return (grad([y], [x], { gradOutputs: [onesLike(y)] })[0] as Tensor).detach();
  };

// Gradients at the kinks (PyTorch's choice) and far out, where a formula might overflow.
const kinks: OpRow[] = (
  [
    ['relu', ops.relu, (x) => Number(x > 0)],
    ['leakyRelu', ops.leakyRelu, (x) => (x > 0 ? 1 : 0.01)],
    ['hardtanh', ops.hardtanh, (x) => Number(x > -1 && x < 1)],
    ['elu', ops.elu, (x) => (x > 0 ? 1 : exp(x))],
    ['tanh', ops.tanh, (x) => 1 - tanh(x) ** 2],
    ['gelu', ops.gelu, (x) => (x > 50 ? 1 : x < -50 ? 0 : 0.5 + (x / 2) * 1.2)],
    ['gelu tanh', (x: Tensor) => ops.gelu(x, { approximate: 'tanh' }), (x) => (x > 50 ? 1 : x < -50 ? 0 : 0.5)],
    ['silu', ops.silu, (x) => (x > 50 ? 1 : x < -50 ? 0 : 0.5)],
    ['mish', ops.mish, (x) => (x > 50 ? 1 : x < -50 ? 0 : 0.6)],
    ['softplus', ops.softplus, (x) => (x > 50 ? 1 : sigmoid(x))],
  ] as [string, (x: Tensor) => Tensor, (x: number) => number][]
).map(([name, f, reference]) => {
  const values = /gelu|silu|mish/.test(name) ? [0, 1e4, -1e4, 1e30, -1e30] : [0, -0, 1, -1, 1e4, -1e4, 1e30, -1e30];
  return {
    name: `${name} gradient at edges`,
    run: slope(f),
    inputs: [{ shape: [values.length], values: (i: number) => values[i] as number }],
    reference: (x: { shape: number[]; data: number[] }) => ({
      ...mapReference(reference)(x),
      magnitude: x.data.map(() => 1),
    }),
    gradient: false,
  };
});

const rows: OpRow[] = [...functions.flatMap(unaryRows), ...kinks];

const errors: ErrorRow[] = [
  {
    name: 'relu integers',
    call: () => ops.relu(zeros([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "relu: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'relu of a number',
    call: () => ops.relu(3 as never),
    error: ArgumentError,
    message: 'relu: x must be a tensor, got 3',
  },
  {
    name: 'gelu approximate',
    call: () => ops.gelu(tensor([1]), { approximate: 'sigmoid' as never }),
    error: ArgumentError,
    message: 'gelu: approximate must be none or tanh, got "sigmoid"',
  },
  {
    name: 'softplus beta',
    call: () => ops.softplus(tensor([1]), { beta: 0 }),
    error: ArgumentError,
    message: 'softplus: beta must be a finite number above 0, got 0',
  },
  {
    name: 'hardtanh bounds',
    call: () => ops.hardtanh(tensor([1]), { minVal: 2 }),
    error: ArgumentError,
    message: 'hardtanh: maxVal must be a finite number above 2, got 1',
  },
  {
    name: 'elu unknown option',
    call: () => ops.elu(tensor([1]), { slope: 1 } as never),
    error: ArgumentError,
    message: 'elu: unknown option "slope"; known are alpha',
  },
];

testFamily('activation', { rows, errors, fused: ['reluBackward', 'tanhBackward'], fuses: 11 });
