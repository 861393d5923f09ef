// 1,000 random cases with ties, weights (also 0) and one class only, against scikit-learn and SciPy.
import { expect, it } from 'vitest';
import { metrics } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';
import { type Case, makeCase } from './cases.js';

type Values = Record<string, number>;

const flat = (values: number | number[] | number[][]): number[] => [values].flat(2) as number[];
const checksum = (values: number | number[] | number[][]): number =>
  flat(values).reduce((sum, v, i) => sum + (i + 1) * v, 0);

function ofClasses(c: Case, out: Values): void {
  const sampleWeight = c.weights;
  const labels = [...Array(c.classes).keys()];
  const { predicted: z, target: y, guess: g, binary: t } = c;
  out.accuracy = metrics.accuracyScore(z, y, { sampleWeight });
  out.accuracySum = metrics.accuracyScore(z, y, { sampleWeight, normalize: false });
  out.balanced = metrics.balancedAccuracyScore(z, y, { sampleWeight });
  out.confusion = checksum(metrics.confusionMatrix(z, y, { labels, sampleWeight }));
  for (const normalize of ['true', 'pred', 'all'] as const) {
    out[`confusion ${normalize}`] = checksum(metrics.confusionMatrix(z, y, { labels, sampleWeight, normalize }));
  }
  out['kappa None'] = metrics.cohenKappaScore(z, y, { labels, sampleWeight });
  for (const weights of ['linear', 'quadratic'] as const) {
    out[`kappa ${weights}`] = metrics.cohenKappaScore(z, y, { labels, weights, sampleWeight });
  }
  out.matthews = metrics.matthewsCorrcoef(z, y, { sampleWeight });
  out['matthews binary'] = metrics.matthewsCorrcoef(g, t, { sampleWeight });
  const f2: typeof metrics.f1Score = (x, y, options) => metrics.fbetaScore(x, y, { ...options, beta: 2 });
  const functions = { precision: metrics.precisionScore, recall: metrics.recallScore, f1: metrics.f1Score, f2 };
  for (const [name, f] of Object.entries(functions)) {
    out[name] = f(g, t, { sampleWeight });
    out[`${name} 0`] = f(g, t, { posLabel: 0, sampleWeight, zeroDivision: 1 });
    for (const average of ['micro', 'macro', 'weighted', 'none'] as const) {
      const value: number | number[] = f(z, y, { average, labels, sampleWeight });
      out[`${name} ${average === 'none' ? 'None' : average}`] = checksum(value);
    }
  }
  out['f1 some'] = metrics.f1Score(z, y, { average: 'micro', labels: [2, 0], sampleWeight });
  out['f1 nan'] = metrics.f1Score(z, y, { average: 'macro', sampleWeight, zeroDivision: Number.NaN });
}

function ofScores(c: Case, out: Values): void {
  const sampleWeight = c.weights;
  const { target: y, probabilities: P, binary: t, score: p } = c;
  out.auc = metrics.rocAucScore(p, t, { sampleWeight });
  out.ap = metrics.averagePrecisionScore(p, t, { sampleWeight });
  for (const average of ['macro', 'weighted'] as const) {
    out[`auc ${average}`] = metrics.rocAucScore(P, y, { average, sampleWeight });
    out[`ap ${average}`] = metrics.averagePrecisionScore(P, y, { average, sampleWeight });
  }
  for (const dropIntermediate of [true, false]) {
    const name = dropIntermediate ? 'True' : 'False';
    const { fpr, tpr, thresholds } = metrics.rocCurve(p, t, { sampleWeight, dropIntermediate });
    out[`roc ${name}`] = checksum(fpr) + checksum(tpr) + checksum(thresholds.slice(1));
    const curve = metrics.precisionRecallCurve(p, t, { sampleWeight, dropIntermediate });
    out[`pr ${name}`] = checksum(curve.precision) + checksum(curve.recall) + checksum(curve.thresholds);
  }
  out['log loss'] = metrics.logLoss(P, y, { sampleWeight });
  out['log loss binary'] = metrics.logLoss(p, t, { sampleWeight });
  out['log loss logits'] = metrics.logLoss(c.logits, y, { sampleWeight, logits: true });
  out.brier = metrics.brierScoreLoss(P, y, { sampleWeight });
  out['brier binary'] = metrics.brierScoreLoss(p, t, { sampleWeight });
  for (const k of [1, 2, 3]) out[`top ${k}`] = metrics.topKAccuracyScore(P, y, { k, sampleWeight });
  out['ece binary'] = metrics.expectedCalibrationError(p, t, { nBins: 10, sampleWeight });
  out.ece = metrics.expectedCalibrationError(P, y, { sampleWeight });
  const { probTrue, probPred } = metrics.calibrationCurve(p, t);
  out.calibration = checksum(probTrue) + checksum(probPred);
}

function ofNumbers(c: Case, out: Values): void {
  const sampleWeight = c.weights;
  const { a, b } = c;
  const A = a.map((v, i) => [v, c.a2[i] as number]);
  const B = b.map((v, i) => [v, c.b2[i] as number]);
  const functions = {
    mae: metrics.meanAbsoluteError,
    mse: metrics.meanSquaredError,
    rmse: metrics.rootMeanSquaredError,
    mape: metrics.meanAbsolutePercentageError,
    r2: metrics.r2Score,
  };
  for (const [name, f] of Object.entries(functions)) {
    const score = f as typeof metrics.meanSquaredError; // all have these options
    out[name] = score(a, b, { sampleWeight });
    out[`${name} mean`] = score(A, B, { sampleWeight });
    out[`${name} raw`] = checksum(score(A, B, { sampleWeight, multioutput: 'rawValues' }));
  }
  out['r2 variance'] = metrics.r2Score(A, B, { sampleWeight, multioutput: 'varianceWeighted' });
  out.pearson = metrics.pearsonCorrcoef(a, b);
  out['pearson weighted'] = sampleWeight ? metrics.pearsonCorrcoef(a, b, { sampleWeight }) : Number.NaN;
  out.spearman = metrics.spearmanCorrcoef(a, b);
}

function valuesOf(number: number): Values {
  const c = makeCase(number);
  const out: Values = {};
  for (const part of [ofClasses, ofScores, ofNumbers]) part(c, out);
  return out;
}

const golden = readGolden<{ names: string[]; values: (number | string)[][] }>('metrics');

/** The names of the values of a case that differ from scikit-learn's by more than 1e-6, relative to those above 1. */
function faultsOf(number: number, got: Values): string[] {
  const want = golden.values[number] as (number | string)[];
  return golden.names.flatMap((name, i) => {
    const [g, w] = [got[name] as number, Number(want[i])];
    const equal = Object.is(g, w) || g === w || Math.abs(g - w) <= 1e-6 * Math.max(1, Math.abs(w));
    return equal ? [] : [`${number} ${name}: ${g}, scikit-learn ${w}`];
  });
}

it('1,000 random cases equal scikit-learn', { timeout: 120_000 }, () => {
  expect(golden.values.length).toBe(1000);
  expect(golden.values.flatMap((_, i) => faultsOf(i, valuesOf(i)))).toEqual([]);
});

it('a planted fault is found', () => {
  const got = valuesOf(3);
  expect(faultsOf(3, { ...got, auc: (got.auc as number) + 1e-5 })).toHaveLength(1);
});
