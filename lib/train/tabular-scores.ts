// How good the predictions of a model are.
import { accuracyScore, balancedAccuracyScore } from '../metrics/accuracy.js';
import { rocAucScore } from '../metrics/areas.js';
import { r2Score } from '../metrics/correlation.js';
import { f1Score } from '../metrics/precision-recall.js';
import { logLoss } from '../metrics/probabilities.js';
import { meanAbsoluteError, rootMeanSquaredError } from '../metrics/regression.js';
import { tensor } from '../ops/creation.js';
import type { Target } from './tabular-target.js';

/**
 * Metrics by name: of classes `accuracy`, `balancedAccuracy`, `f1` (of the second class, or the mean over more), `auc` and
 * `logLoss`, of numbers `rmse`, `mae` and `r2`. One that these rows do not allow is left out, as AUC with one class only.
 */
export type TabularScores = Readonly<Record<string, number>>;

/** @param predicted probabilities [rows · classes], or numbers [rows] */
export function scoresOf(
  { task, classes }: Target,
  predicted: Float64Array,
  truth: Int32Array | Float64Array,
): TabularScores {
  if (task === 'regression') {
    return finite({
      rmse: rootMeanSquaredError(predicted, truth),
      mae: meanAbsoluteError(predicted, truth),
      r2: r2Score(predicted, truth),
    });
  }
  const probabilities = tensor(predicted, { shape: [truth.length, classes.length], dtype: 'float64' });
  const labels = mostProbable(predicted, classes.length);
  const isBinary = task === 'binary';
  const scores = isBinary ? predicted.filter((_, i) => i % 2 === 1) : probabilities;
  return finite({
    accuracy: accuracyScore(labels, truth),
    balancedAccuracy: balancedAccuracyScore(labels, truth),
    f1: isBinary ? f1Score(labels, truth) : f1Score(labels, truth, { average: 'macro' }),
    auc: rocAucScore(scores, truth),
    logLoss: logLoss(probabilities, truth),
  });
}

const finite = (scores: Record<string, number>): TabularScores =>
  Object.fromEntries(Object.entries(scores).filter(([, value]) => Number.isFinite(value)));

/** The position of the largest of each `classes` values. */
export function mostProbable(probabilities: Float64Array, classes: number): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, i) => {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if ((probabilities[i * classes + c] as number) > (probabilities[i * classes + best] as number)) best = c;
    }
    return best;
  });
}
