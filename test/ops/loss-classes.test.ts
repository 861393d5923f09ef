import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { withGradient } from '../support/fused.js';
import { type ErrorRow, type OpRow, type Plain, positive } from '../support/harness.js';
import { type Reduction, reduced, reductions, scores } from '../support/losses.js';

interface ClassCase {
  shape: number[];
  weight?: boolean;
  smoothing?: number;
  ignore?: number;
  reduction: Reduction;
}

/** Where class 0 of label k stands in scores, and the step between classes. */
function positions(shape: number[]): { classes: number; step: number; count: number; start: (k: number) => number } {
  const dim = shape.length === 1 ? 0 : 1;
  const classes = shape[dim] as number;
  const step = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const count = shape.reduce((a, b) => a * b, 1) / classes;
  return { classes, step, count, start: (k) => Math.floor(k / step) * classes * step + (k % step) };
}

function classReference(c: ClassCase, logits: boolean, labels: number[], weights: number[], x: Plain): Plain {
  const { classes, step, start } = positions(x.shape);
  const smoothing = c.smoothing ?? 0;
  let divisor = 0;
  const losses = labels.map((label, k) => {
    if (label === c.ignore) return 0;
    const row = Array.from({ length: classes }, (_, i) => x.data[start(k) + i * step] as number);
    const most = Math.max(...row);
    const shift = logits ? most + Math.log(row.reduce((s, v) => s + Math.exp(v - most), 0)) : 0;
    divisor += weights[label] as number;
    const smooth = row.reduce((s, v, i) => s + (weights[i] as number) * (shift - v), 0);
    return (
      (1 - smoothing) * (weights[label] as number) * (shift - (row[label] as number)) + (smoothing / classes) * smooth
    );
  });
  return reduced(
    losses,
    x.shape.filter((_, d) => d !== (x.shape.length === 1 ? 0 : 1)),
    c.reduction,
    divisor,
  );
}

function classRow(kind: 'crossEntropy' | 'nllLoss', c: ClassCase): OpRow {
  const { classes, count } = positions(c.shape);
  const labels = Array.from({ length: count }, (_, k) =>
    c.ignore !== undefined && k % 4 === 1 ? c.ignore : (k * 7) % classes,
  );
  const weights = Array.from({ length: classes }, (_, i) => (c.weight ? positive(i) : 1));
  const target = tensor(Int32Array.from(labels), {
    shape: c.shape.filter((_, d) => d !== (c.shape.length === 1 ? 0 : 1)),
  });
  const run = (x: Tensor): Tensor => {
    const options = { reduction: c.reduction, ignoreIndex: c.ignore ?? -100 };
    const weight = c.weight ? tensor(weights, { dtype: x.dtype }) : undefined;
    if (kind === 'nllLoss') return nn.functional.nllLoss(x, target, { ...options, weight });
    return nn.functional.crossEntropy(x, target, { ...options, weight, labelSmoothing: c.smoothing });
  };
  return {
    name: `${kind} ${JSON.stringify(c)}`,
    run: run as OpRow['run'],
    inputs: [{ shape: c.shape, values: scores }],
    reference: ((x: Plain) => classReference(c, kind !== 'nllLoss', labels, weights, x)) as OpRow['reference'],
    gradient: count * classes <= 40,
  };
}

const classCases: ClassCase[] = [[4, 3], [2, 3, 2], [5], [1, 1], [300, 10], [3, 1500], [2, 7, 70]].flatMap((shape) =>
  reductions.flatMap((reduction): ClassCase[] => [
    { shape, reduction },
    { shape, reduction, weight: true, ignore: 0, smoothing: 0.1 },
    { shape, reduction, ignore: -100, smoothing: 0.3 },
    { shape, reduction, weight: true },
  ]),
);

// The only label ignored leaves a mean of nothing, NaN.
const sensible = (c: ClassCase): boolean => c.ignore !== 0 || positions(c.shape).count > 1;

function probabilityRow(reduction: Reduction, smoothing: number, weighted: boolean): OpRow {
  const weights = [0.5, 1.5, 1];
  return {
    name: `crossEntropy of probabilities ${reduction} ${smoothing} ${weighted}`,
    run: (x, t) =>
      nn.functional.crossEntropy(x as Tensor, t as Tensor, {
        reduction,
        labelSmoothing: smoothing,
        weight: weighted ? tensor(weights, { dtype: (x as Tensor).dtype }) : undefined,
      }),
    inputs: [
      { shape: [2, 3, 2], values: scores },
      { shape: [2, 3, 2], values: positive },
    ],
    reference: ((x: Plain, t: Plain) => {
      const losses = Array.from({ length: 4 }, (_, k) => {
        const at = (c: number): number => Math.floor(k / 2) * 6 + c * 2 + (k % 2);
        const row = [0, 1, 2].map((c) => x.data[at(c)] as number);
        const shift = Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
        return row.reduce((s, v, c) => {
          const target = (1 - smoothing) * (t.data[at(c)] as number) + smoothing / 3;
          return s + (weighted ? (weights[c] as number) : 1) * target * (shift - v);
        }, 0);
      });
      return reduced(losses, [2, 2], reduction, 4);
    }) as OpRow['reference'],
  };
}

const rows: OpRow[] = [
  ...classCases
    .filter(sensible)
    .flatMap((c) => [classRow('crossEntropy', c), classRow('nllLoss', { ...c, smoothing: 0 })]),
  ...reductions.flatMap((r) => [probabilityRow(r, 0, false), probabilityRow(r, 0.2, true)]),
];

const labels = (...values: number[]): Tensor => tensor(Int32Array.from(values));

const errors: ErrorRow[] = [
  {
    name: 'crossEntropy with indices as floats',
    call: () => nn.functional.crossEntropy(ones([2, 3]), ones([2])),
    error: DTypeError,
    message:
      "crossEntropy: target must be class indices, int32 [2], or probabilities, float32 [2, 3], got float32 [2]; convert class indices by target.to('int32')",
  },
  {
    name: 'label out of range',
    call: () => nn.functional.crossEntropy(zeros([3, 4]), labels(0, 4, -1)),
    error: ArgumentError,
    message: 'crossEntropy: labels must be at least 0 and below 4, or ignoreIndex -100, got 4 (element 1)',
  },
  {
    name: 'negative label',
    call: () => nn.functional.nllLoss(zeros([3, 4]), labels(0, 2, -1), { ignoreIndex: 2 }),
    error: ArgumentError,
    message: 'nllLoss: labels must be at least 0 and below 4, or ignoreIndex 2, got -1 (element 2)',
  },
  {
    name: 'label dtype',
    call: () => nn.functional.crossEntropy(zeros([3, 4]), zeros([3], { dtype: 'uint8' })),
    error: DTypeError,
    message:
      "crossEntropy: target must be class indices, int32 [3], or probabilities, float32 [3, 4], got uint8 [3]; convert class indices by target.to('int32')",
  },
  {
    name: 'label shape',
    call: () => nn.functional.crossEntropy(zeros([3, 4]), labels(0, 1)),
    error: ShapeError,
    message: "crossEntropy: target must have input's shape without the classes, [3], got input [3, 4] and target [2]",
  },
  {
    name: 'probabilities as int32',
    call: () => nn.functional.crossEntropy(zeros([3, 4]), zeros([3, 4], { dtype: 'int32' })),
    error: ShapeError,
    message:
      "crossEntropy: target must have input's shape without the classes, [3], got input [3, 4] and target [3, 4]; probabilities are float32: target.to('float32')",
  },
  {
    name: 'nllLoss of probabilities',
    call: () => nn.functional.nllLoss(zeros([3, 4]), zeros([3, 4])),
    error: DTypeError,
    message: "nllLoss: target must be class indices (int32), got float32; convert it by target.to('int32')",
  },
  {
    name: 'no classes',
    call: () => nn.functional.crossEntropy(zeros([3, 0]), labels(0, 0, 0)),
    error: ShapeError,
    message: 'crossEntropy: input must be [classes] or [batch, classes, …] with at least one class, got [3, 0]',
  },
  {
    name: 'class weights',
    call: () => nn.functional.crossEntropy(zeros([3, 4]), labels(0, 0, 0), { weight: ones([3]) }),
    error: ShapeError,
    message: 'crossEntropy: weight must have one element for each of 4 classes, got [3]',
  },
  {
    name: 'label smoothing',
    call: () => nn.functional.crossEntropy(zeros([3, 4]), labels(0, 0, 0), { labelSmoothing: 1.5 }),
    error: ArgumentError,
    message: 'crossEntropy: labelSmoothing must be a finite number of at least 0 and at most 1, got 1.5',
  },
];

testFamily('classification', { rows, errors, fused: withGradient('crossEntropy') });
