// What metrics take and refuse, and the error of areas that are counted in bins.
import { describe, expect, it } from 'vitest';
import { metrics, tensor } from '../../lib/index.js';
import { makeCase } from './cases.js';

it('tensors, typed arrays and arrays are the same, and [n, 1] is [n]', () => {
  const scores = [0.25, 0.75, 0.5, 1];
  const labels = [0, 1, 1, 0];
  const inputs = [
    scores,
    Float32Array.from(scores),
    tensor(scores),
    tensor(scores).reshape(4, 1),
    scores.map((v) => [v]),
  ];
  const targets = [labels, Int32Array.from(labels), tensor(Int32Array.from(labels)), tensor(Uint8Array.from(labels))];
  const values = inputs.flatMap((x) => targets.map((y) => metrics.rocAucScore(x, y)));
  expect(new Set(values)).toEqual(new Set([0.5]));
});

it('logits and probabilities give the same', () => {
  const { logits, target, binary } = makeCase(12);
  const x = tensor(logits, { dtype: 'float64' });
  const p = x.softmax(1);
  const z = logits.map(([v]) => v as number);
  const q = tensor(z, { dtype: 'float64' }).sigmoid();
  for (const f of [metrics.logLoss, metrics.brierScoreLoss, metrics.expectedCalibrationError]) {
    expect(f(x, target, { logits: true })).toBeCloseTo(f(p, target), 12);
    expect(f(z, binary, { logits: true })).toBeCloseTo(f(q, binary), 12);
  }
  expect(metrics.rocAucScore(x, target, { logits: true })).toBeCloseTo(metrics.rocAucScore(p, target), 12);
  expect(metrics.f1Score(z, binary, { threshold: 0 })).toBe(metrics.f1Score(q, binary, { threshold: 0.5 }));
  expect(metrics.perplexity(x, target)).toBeCloseTo(Math.exp(metrics.logLoss(p, target)), 10);
  expect(metrics.perplexity(x.logSoftmax(1), target)).toBeCloseTo(metrics.perplexity(x, target), 10);
  expect(metrics.logLoss([1000, -1000], [0, 1], { logits: true })).toBe(1000); // no clipping
});

it('perplexity takes [batch, tokens, classes] and leaves out ignoreIndex', () => {
  const { logits, target } = makeCase(12);
  const [x, y] = [logits.slice(0, 6), target.slice(0, 6)];
  const classes = (x[0] as number[]).length;
  const stacked = tensor(x, { dtype: 'float64' }).reshape(2, 3, classes);
  const want = metrics.perplexity(x.slice(0, 4), y.slice(0, 4));
  const padded = tensor(Int32Array.from([...y.slice(0, 4), -100, -100])).reshape(2, 3);
  expect(metrics.perplexity(stacked, padded)).toBeCloseTo(want, 10);
});

const n = 20_000;
const draws = (() => {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const target = Array.from({ length: n }, () => (uniform() < 0.3 ? 1 : 0));
  return { target, input: target.map((t) => (uniform() + uniform() + t * 0.4) / 2.4) };
})();

describe.each([2, 10, 100, 1000])('areas in %i bins', (bins) => {
  const pairs = [
    [metrics.RocAuc, metrics.rocAucScore],
    [metrics.AveragePrecision, metrics.averagePrecisionScore],
  ] as const;
  it.each(pairs.map((p) => [p[0].name, p] as const))('%s is within its bound', (_, [Class, exact]) => {
    const { input, target } = draws;
    const binned = new Class({ bins }).update(input, target);
    const error = Math.abs(binned.compute() - exact(input, target));
    expect(error).toBeLessThanOrEqual(binned.errorBound());
    expect(binned.errorBound()).toBeLessThan(3 / bins);
    expect(new Class().update(input, target).errorBound()).toBe(0);
    expect(JSON.stringify(binned).length).toBeLessThan(100 * bins + 200); // memory does not grow with the samples
  });
});

it('the bounds hold for the worst orders within a bin, and are met', () => {
  for (const input of [
    [0.1, 0.2, 0.3, 0.4],
    [0.3, 0.4, 0.1, 0.2],
  ]) {
    const target = [1, 1, 0, 0];
    const binned = new metrics.RocAuc({ bins: 1 }).update(input, target);
    expect(Math.abs(binned.compute() - metrics.rocAucScore(input, target))).toBe(binned.errorBound());
    const precision = new metrics.AveragePrecision({ bins: 1 }).update(input, target);
    const error = Math.abs(precision.compute() - metrics.averagePrecisionScore(input, target));
    expect(error).toBeLessThanOrEqual(precision.errorBound());
  }
});

const errors: [string, () => unknown, string][] = [
  [
    'scores as classes',
    () => metrics.accuracyScore([0.7], [1]),
    'accuracyScore: input must hold classes, which are integers, got 0.7 in sample 0; for scores give a threshold: 0.5 for probabilities, 0 for logits',
  ],
  [
    'logits as probabilities',
    () => metrics.logLoss([3], [1]),
    'logLoss: input must hold probabilities from 0 to 1, got 3 in sample 0; for logits give logits: true',
  ],
  [
    'probabilities that do not sum to 1',
    () => metrics.rocAucScore([[0.5, 0.1, 0.1]], [1]),
    'rocAucScore: the probabilities of a sample must sum to 1, got 0.7 in sample 0; for logits give logits: true',
  ],
  [
    'three classes in binary',
    () => metrics.f1Score([0, 1, 2], [0, 1, 2]),
    "f1Score: average binary is for two classes, got [0, 1, 2]; give average: 'macro', 'micro', 'weighted' or 'none'",
  ],
  [
    'another positive class',
    () => metrics.f1Score([0, 2], [0, 2]),
    'f1Score: posLabel 1 must be one of the classes, got [0, 2]',
  ],
  [
    'targets of a ranking',
    () => metrics.rocAucScore([0.5], [2]),
    'rocAucScore: target must be 0 and 1 or -1 and 1, got 2 in sample 0; give posLabel, or a column of scores for each class',
  ],
  [
    'a class without a column',
    () => metrics.topKAccuracyScore([[1, 2]], [2]),
    'topKAccuracyScore: target must hold classes from 0 to 1, got 2 in sample 0',
  ],
  ['lengths', () => metrics.meanSquaredError([1, 2], [1]), 'meanSquaredError: target must be [2] like input, got [1]'],
  [
    'columns',
    () => metrics.meanSquaredError([[1, 2]], [1]),
    'meanSquaredError: target must be [1, 2] like input, got [1]',
  ],
  [
    'no samples',
    () => metrics.accuracyScore([], []),
    'accuracyScore: compute needs at least one sample with a weight, got none',
  ],
  [
    'weights of 0',
    () => metrics.r2Score([1], [1], { sampleWeight: [0] }),
    'r2Score: compute needs at least one sample with a weight, got 1 with a weight of 0',
  ],
  [
    'negative weights',
    () => metrics.r2Score([1], [1], { sampleWeight: [-1] }),
    'r2Score: weights[0] must be a finite number of at least 0, got -1',
  ],
  [
    'unlike rows',
    () => metrics.accuracyScore([[1, 2], [1]], [0, 0]),
    'accuracyScore: input must have 2 numbers a sample, as in the first, got [1] as sample 1',
  ],
  ['a scalar', () => metrics.accuracyScore(tensor(1), [1]), 'accuracyScore: input must be [n] or [n, columns], got []'],
  [
    'texts',
    () => metrics.accuracyScore(['a'] as never, [1]),
    'accuracyScore: input must be a tensor, a typed array or an array of numbers or of such arrays, got "a" as sample 0',
  ],
  [
    'columns of a curve',
    () => metrics.rocCurve([[0.5, 0.5]], [1]),
    'rocCurve: input must be [n], got [1, 2]; pass the column of a class, and its posLabel',
  ],
  [
    'an unknown option',
    () => metrics.f1Score([1], [1], { averages: 'macro' } as never),
    'F1: unknown option "averages"; known are average, labels, posLabel, zeroDivision, threshold',
  ],
  [
    'many classes',
    () => metrics.confusionMatrix([...Array(5000).keys()], [...Array(5000).keys()]),
    'confusionMatrix: at most 4096 classes can be compared pair by pair, got 5000 different ones; give the labels that matter',
  ],
];

it.each(errors)('refuses %s', (_, call, message) => {
  expect(call).toThrow(message.startsWith('F1:') ? message.slice(4) : message);
});

it('says what one class only gives', () => {
  expect(metrics.rocAucScore([0.1, 0.2], [1, 1])).toBeNaN();
  expect(metrics.averagePrecisionScore([0.1, 0.2], [0, 0])).toBe(0);
  expect(metrics.cohenKappaScore([1, 1], [1, 1])).toBeNaN();
  expect(metrics.matthewsCorrcoef([1, 1], [1, 1])).toBe(0);
  expect(metrics.precisionScore([0, 0], [0, 0])).toBe(0);
  expect(metrics.r2Score([1], [1])).toBeNaN();
  expect(metrics.r2Score([1, 1], [1, 2], { forceFinite: false })).toBe(-1);
  expect(metrics.r2Score([1, 2], [1, 1], { forceFinite: false })).toBe(Number.NEGATIVE_INFINITY);
  expect(metrics.spearmanCorrcoef([1, 1], [1, 2])).toBeNaN();
});
