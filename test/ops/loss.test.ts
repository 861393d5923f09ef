import { ArgumentError, AutogradError, DTypeError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { full, ones, tensor } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain, positive } from '../support/harness.js';
import { type Reduction, reduced, reductions, scores } from '../support/losses.js';

const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);
const bounded = (logarithm: number): number => Math.max(logarithm, -100);
const crossed = (x: number, t: number): number => -(t * bounded(Math.log(x)) + (1 - t) * bounded(Math.log1p(-x)));
const probability = (i: number): number => 0.05 + ((i * 0.618) % 0.9);

interface PointwiseCase {
  name: string;
  run: (reduction: Reduction, ...inputs: Tensor[]) => Tensor;
  loss: (x: number, t: number, w: number, p: number) => number;
  inputs?: (shape: number[]) => InputSpec[];
}

const constant = (shape: number[]): InputSpec => ({ shape, values: positive, requiresGrad: false });
const pair = (shape: number[]): InputSpec[] => [
  { shape, values: scores },
  { shape, values: probability },
];

const pointwise: PointwiseCase[] = [
  {
    name: 'mseLoss',
    run: (reduction, x, t) => nn.functional.mseLoss(x as Tensor, t as Tensor, { reduction }),
    loss: (x, t) => (x - t) ** 2,
  },
  {
    name: 'l1Loss',
    run: (reduction, x, t) => nn.functional.l1Loss(x as Tensor, t as Tensor, { reduction }),
    loss: (x, t) => Math.abs(x - t),
  },
  {
    name: 'huberLoss',
    run: (reduction, x, t) => nn.functional.huberLoss(x as Tensor, t as Tensor, { reduction, delta: 0.75 }),
    loss: (x, t) => (Math.abs(x - t) <= 0.75 ? (x - t) ** 2 / 2 : 0.75 * (Math.abs(x - t) - 0.375)),
  },
  {
    name: 'smoothL1Loss',
    run: (reduction, x, t) => nn.functional.smoothL1Loss(x as Tensor, t as Tensor, { reduction, beta: 0.5 }),
    loss: (x, t) => (Math.abs(x - t) < 0.5 ? (x - t) ** 2 : Math.abs(x - t) - 0.25),
  },
  {
    name: 'binaryCrossEntropy',
    run: (reduction, x, t) => nn.functional.binaryCrossEntropy(x as Tensor, t as Tensor, { reduction }),
    loss: crossed,
    inputs: (shape) => [
      { shape, values: (i) => 1 - probability(i + 3) },
      { shape, values: probability },
    ],
  },
  {
    name: 'binaryCrossEntropy weight',
    run: (reduction, x, t, weight) => nn.functional.binaryCrossEntropy(x as Tensor, t as Tensor, { reduction, weight }),
    loss: (x, t, w) => w * crossed(x, t),
    inputs: (shape) => [
      { shape, values: (i) => 1 - probability(i + 3) },
      { shape, values: probability },
      constant(shape.slice(-1)),
    ],
  },
  {
    name: 'binaryCrossEntropyWithLogits',
    run: (reduction, x, t) => nn.functional.binaryCrossEntropyWithLogits(x as Tensor, t as Tensor, { reduction }),
    loss: (x, t) => t * softplus(-x) + (1 - t) * softplus(x),
    inputs: pair,
  },
  {
    name: 'binaryCrossEntropyWithLogits weights',
    run: (reduction, x, t, weight, posWeight) =>
      nn.functional.binaryCrossEntropyWithLogits(x as Tensor, t as Tensor, { reduction, weight, posWeight }),
    loss: (x, t, w, p) => w * (p * t * softplus(-x) + (1 - t) * softplus(x)),
    inputs: (shape) => [...pair(shape), constant(shape.slice(-1)), constant(shape.slice(-1))],
  },
];

function pointwiseRow(c: PointwiseCase, shape: number[], reduction: Reduction): OpRow {
  return {
    name: `${c.name} of [${shape}] ${reduction}`,
    run: (...inputs) => c.run(reduction, ...inputs),
    inputs: c.inputs?.(shape) ?? [{ shape }, { shape, values: (i) => irregular(i + 5) / 2 }],
    reference: ((x: Plain, t: Plain, w?: Plain, p?: Plain) => {
      const at = (weight: Plain | undefined, i: number): number => weight?.data[i % weight.data.length] ?? 1;
      const losses = x.data.map((v, i) => c.loss(v, t.data[i] as number, at(w, i), at(p, i)));
      return reduced(losses, x.shape, reduction, losses.length);
    }) as OpRow['reference'],
    gradient: isSmall(shape),
  };
}

const isSmall = (shape: number[]): boolean => shape.reduce((a, b) => a * b, 1) <= 12;

const rows: OpRow[] = [
  ...pointwise.flatMap((c) =>
    [[3, 4], [5], [1], [40, 33], [70_000]].flatMap((shape) => reductions.map((r) => pointwiseRow(c, shape, r))),
  ),
  pointwiseRow(
    {
      name: 'binaryCrossEntropy of certainties',
      run: (reduction, x, t) => nn.functional.binaryCrossEntropy(x as Tensor, t as Tensor, { reduction }),
      loss: crossed,
      inputs: (shape) => [
        { shape, values: (i) => i % 2 },
        { shape, values: (i) => (i < 2 ? 0 : 1) },
      ],
    },
    [20],
    'none',
  ),
  pointwiseRow(
    {
      name: 'binaryCrossEntropyWithLogits of huge scores',
      run: (reduction, x, t) => nn.functional.binaryCrossEntropyWithLogits(x as Tensor, t as Tensor, { reduction }),
      loss: (x, t) => t * softplus(-x) + (1 - t) * softplus(x),
      inputs: (shape) => [
        { shape, values: (i) => (i % 2 ? 1e4 : -1e4) },
        { shape, values: probability },
      ],
    },
    [20],
    'none',
  ),
];

const errors: ErrorRow[] = [
  {
    name: 'mseLoss shapes',
    call: () => nn.functional.mseLoss(ones([2, 3]), ones([3])),
    error: ShapeError,
    message: 'mseLoss: shapes must be the same, got input [2, 3] and target [3]; reshape or expand one',
  },
  {
    name: 'l1Loss dtypes',
    call: () => nn.functional.l1Loss(ones([2]), ones([2], { dtype: 'float64' })),
    error: DTypeError,
    message: 'l1Loss: dtypes must match, got input float32 and target float64; convert one by to(dtype)',
  },
  {
    name: 'reduction',
    call: () => nn.functional.mseLoss(ones([2]), ones([2]), { reduction: 'avg' as never }),
    error: ArgumentError,
    message: 'mseLoss: reduction must be mean, sum or none, got "avg"',
  },
  {
    name: 'option',
    call: () => nn.functional.binaryCrossEntropy(ones([2]), ones([2]), { posWeight: ones([2]) } as never),
    error: ArgumentError,
    message: 'binaryCrossEntropy: unknown option "posWeight"; known are weight, reduction',
  },
  {
    name: 'delta',
    call: () => nn.functional.huberLoss(ones([2]), ones([2]), { delta: 0 }),
    error: ArgumentError,
    message: 'huberLoss: delta must be a finite number above 0, got 0',
  },
  {
    name: 'binaryCrossEntropy outside [0, 1]',
    call: () => nn.functional.binaryCrossEntropy(tensor([0.5, 1.25]), ones([2])),
    error: ArgumentError,
    message:
      'binaryCrossEntropy: input must be probabilities in [0, 1], got 1.25 (element 1); take its sigmoid(), or binaryCrossEntropyWithLogits',
  },
  {
    name: 'weight shape',
    call: () => nn.functional.binaryCrossEntropyWithLogits(ones([2, 3]), ones([2, 3]), { posWeight: ones([4, 2, 3]) }),
    error: ShapeError,
    message:
      'binaryCrossEntropyWithLogits: posWeight must broadcast to input, got input [2, 3] and posWeight [4, 2, 3]',
  },
  {
    name: 'weight gradient',
    call: () =>
      nn.functional.binaryCrossEntropy(full([2], 0.5), ones([2]), { weight: ones([2], { requiresGrad: true }) }),
    error: AutogradError,
    message: 'binaryCrossEntropy: weight is a constant, no gradient flows to it; pass weight.detach()',
  },
];

testFamily('loss', { rows, errors, fused: ['mseLossBackward', 'binaryCrossEntropyWithLogitsBackward'], fuses: 17 });
