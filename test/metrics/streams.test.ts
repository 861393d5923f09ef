// The classes: batch by batch, merged and saved, they give what the functions give of all samples at once.
import { describe, expect, it } from 'vitest';
import { metrics, tensor } from '../../lib/index.js';
import { type Case, makeCase } from './cases.js';

type Kind = 'classes' | 'binary' | 'score' | 'probabilities' | 'logits' | 'numbers' | 'columns';
type Data = { input: unknown[]; target: unknown[] };
interface Row {
  name: string;
  make: () => metrics.Metric<unknown>;
  once: (...args: [never, never, never]) => unknown;
  kind: Kind;
  options?: object;
  unweighted?: boolean;
}

const row = (name: string, once: Row['once'], kind: Kind, options: object = {}, unweighted = false): Row => {
  const Class = (metrics as unknown as Record<string, new (options: object) => metrics.Metric<unknown>>)[name];
  return { name, make: () => new Class!(options), once, kind, options, unweighted };
};

const rows: Row[] = [
  row('Accuracy', metrics.accuracyScore, 'classes'),
  row('Accuracy', metrics.accuracyScore, 'score', { threshold: 0.5 }),
  row('Accuracy', metrics.accuracyScore, 'logits', { normalize: false }),
  row('BalancedAccuracy', metrics.balancedAccuracyScore, 'classes', { adjusted: true }),
  row('ConfusionMatrix', metrics.confusionMatrix, 'classes', { labels: [2, 0, 1] }),
  row('CohenKappa', metrics.cohenKappaScore, 'classes', { weights: 'quadratic' }),
  row('MatthewsCorrcoef', metrics.matthewsCorrcoef, 'classes'),
  row('Precision', metrics.precisionScore, 'classes', { average: 'none', zeroDivision: Number.NaN }),
  row('Recall', metrics.recallScore, 'binary', { posLabel: 0 }),
  row('F1', metrics.f1Score, 'probabilities', { average: 'weighted' }),
  row('Fbeta', metrics.fbetaScore, 'binary', { beta: 2 }),
  row('RocAuc', metrics.rocAucScore, 'score'),
  row('RocAuc', metrics.rocAucScore, 'logits', { logits: true, average: 'none' }),
  row('RocAuc', metrics.rocAucScore, 'score', { bins: 16 }),
  row('AveragePrecision', metrics.averagePrecisionScore, 'probabilities', { average: 'weighted' }),
  row('AveragePrecision', metrics.averagePrecisionScore, 'probabilities', { bins: 8 }),
  row('RocCurve', metrics.rocCurve, 'score'),
  row('PrecisionRecallCurve', metrics.precisionRecallCurve, 'score', { bins: 4 }),
  row('LogLoss', metrics.logLoss, 'logits', { logits: true }),
  row('BrierScoreLoss', metrics.brierScoreLoss, 'probabilities', { scaleByHalf: true }),
  row('TopKAccuracy', metrics.topKAccuracyScore, 'probabilities', { k: 2 }),
  row('ExpectedCalibrationError', metrics.expectedCalibrationError, 'probabilities'),
  row('CalibrationCurve', metrics.calibrationCurve, 'score', { nBins: 3 }),
  row('Perplexity', metrics.perplexity, 'logits', { ignoreIndex: 1 }),
  row('MeanAbsoluteError', metrics.meanAbsoluteError, 'columns', { multioutput: 'rawValues' }),
  row('MeanSquaredError', metrics.meanSquaredError, 'numbers'),
  row('RootMeanSquaredError', metrics.rootMeanSquaredError, 'columns'),
  row('MeanAbsolutePercentageError', metrics.meanAbsolutePercentageError, 'numbers'),
  row('R2', metrics.r2Score, 'columns', { multioutput: 'varianceWeighted' }),
  row('PearsonCorrcoef', metrics.pearsonCorrcoef, 'numbers'),
  row('SpearmanCorrcoef', metrics.spearmanCorrcoef, 'numbers', {}, true),
];

function dataOf(kind: Kind, c: Case): Data {
  const pair = (x: number[], y: number[]) => x.map((v, i) => [v, y[i] as number]);
  return {
    classes: { input: c.predicted, target: c.target },
    binary: { input: c.guess, target: c.binary },
    score: { input: c.score, target: c.binary },
    probabilities: { input: c.probabilities, target: c.target },
    logits: { input: c.logits, target: c.target },
    numbers: { input: c.a, target: c.b },
    columns: { input: pair(c.a, c.a2), target: pair(c.b, c.b2) },
  }[kind];
}

/** Cases with several samples and classes, the weights not all 0 in any part. */
const cases = [...Array(200).keys()]
  .map(makeCase)
  .filter((c) => c.weights !== undefined && c.a.length > 20)
  .slice(0, 8);

const rounded = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (typeof v === 'number' ? Number(v.toPrecision(10)) + 0 : v)).replaceAll('-0,', '0,');

describe.each(rows.map((r) => [`${r.name} of ${r.kind} ${JSON.stringify(r.options)}`, r] as const))('%s', (_, r) => {
  const add = (metric: metrics.Metric<unknown>, c: Case, from: number, to: number) => {
    const { input, target } = dataOf(r.kind, c);
    const part = (list: unknown[]) => list.slice(from, to) as number[];
    return metric.update(part(input), part(target), r.unweighted ? undefined : c.weights?.slice(from, to));
  };

  it('equals the function, in batches, merged, and through JSON, and forgets', () => {
    for (const c of cases) {
      const n = c.a.length;
      const { input, target } = dataOf(r.kind, c);
      const options = { ...r.options, ...(r.unweighted ? {} : { sampleWeight: c.weights }) };
      const whole = rounded(r.once(input as never, target as never, options as never));

      const batches = add(add(add(r.make(), c, 0, 7), c, 7, 8), c, 8, n);
      expect(rounded(batches.compute())).toBe(whole);
      expect(batches.samples).toBe(n);

      const [left, right] = [add(r.make(), c, 0, 11), add(r.make(), c, 11, n)];
      const Class = left.constructor as unknown as typeof metrics.MeanSquaredError;
      const copy = Class.fromJSON(JSON.parse(JSON.stringify(left))) as metrics.Metric<unknown>;
      expect(JSON.stringify(copy)).toBe(JSON.stringify(left));
      const before = JSON.stringify(right);
      expect(rounded(copy.merge(right).compute())).toBe(whole);
      expect(JSON.stringify(right)).toBe(before);

      batches.reset();
      expect(JSON.stringify(batches)).toBe(JSON.stringify(r.make()));
      expect(() => batches.compute()).toThrow(`${r.name}: compute needs at least one sample with a weight, got none`);
      expect(rounded(add(batches, c, 0, n).compute())).toBe(whole);
    }
  });

  it('is as before after values that it refuses', () => {
    const c = cases[0] as Case;
    const metric = add(r.make(), c, 0, 9);
    const before = JSON.stringify(metric);
    const { input, target } = dataOf(r.kind, c);
    const wrong = { input: [...input.slice(0, 3)], target: [...target.slice(0, 3)] };
    (wrong.target as unknown[])[2] = r.kind === 'columns' ? [Number.NaN, 1] : Number.NaN;
    expect(() => metric.update(wrong.input as number[], wrong.target as number[])).toThrow(/must be finite, got NaN/);
    expect(() => metric.update(input as number[], target.slice(1) as number[])).toThrow();
    expect(() => metric.update(input as number[], target as number[], [1])).toThrow();
    expect(JSON.stringify(metric)).toBe(before);
  });

  it('takes empty batches, and refuses a state that does not fit', () => {
    const metric = r.make();
    const Class = metric.constructor as unknown as typeof metrics.MeanSquaredError;
    const empty = { classes: [0], binary: [0], score: [0], numbers: [0], columns: [0, 2] } as Record<string, number[]>;
    const c = cases[0] as Case;
    const shape = empty[r.kind] ?? [0, c.classes];
    metric.update(
      tensor(new Float32Array(0), { shape }),
      r.kind === 'columns' ? tensor(new Float32Array(0), { shape }) : [],
    );
    expect(metric.samples).toBe(0);
    expect(rounded(add(metric, c, 0, c.a.length).compute())).toBe(rounded(add(r.make(), c, 0, c.a.length).compute()));
    const json = metric.toJSON();
    const [key] = Object.keys(json.state) as [string];
    const wrong = [
      { ...json, metric: 'Other' },
      { ...json, version: 2 },
      { ...json, state: { ...json.state, [key]: ['x'] } },
      { ...json, state: { ...json.state, [key]: [...(json.state[key] as number[]), 1, 'NaN'] } },
      { ...json, state: { ...json.state, extra: [] } },
      { ...json, samples: -1 },
    ];
    for (const state of wrong) expect(() => Class.fromJSON(state)).toThrow(/fromJSON|must/);
  });
});

it('merging needs the same class and options', () => {
  const a = new metrics.RocAuc({ bins: 4 });
  expect(() => a.merge(new metrics.RocAuc({ bins: 5 }))).toThrow(
    'RocAuc.merge: other must have the options {"bins":4}, got {"bins":5}',
  );
  expect(() => a.merge(new metrics.R2() as never)).toThrow('RocAuc.merge: other must be a RocAuc, got');
});

it('a metric merged with itself has its samples twice', () => {
  const m = new metrics.MeanSquaredError().update([1, 2], [1, 4]);
  expect(m.merge(m).compute()).toBe(2);
  expect(m.samples).toBe(4);
});

it('constant values far from 0 have no spread, in batches too', () => {
  const r2 = new metrics.R2();
  for (let i = 0; i < 10; i++) r2.update([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]);
  expect(r2.compute()).toBe(1);
  const pearson = new metrics.PearsonCorrcoef();
  for (let i = 0; i < 10; i++) pearson.update([1e9 + i, 1e9 - i], [1e9 + 2 * i, 1e9 - 2 * i]);
  expect(pearson.compute()).toBeCloseTo(1, 12);
});
