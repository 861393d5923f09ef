// What a report shows of predicted classes, from targets and probabilities.
import { calibrationCurve, rocCurve } from '../metrics/index.js';
import type { ClassesEvent, Curve } from './record.js';

/** Points of a ROC curve that are kept. */
const points = 200;

type Summary = Pick<ClassesEvent, 'confusion' | 'roc' | 'calibration'>;

/** Confusion, ROC curves and calibration of samples with a probability for each class. */
export function summarise(classes: number, target: ArrayLike<number>, scores: readonly ArrayLike<number>[]): Summary {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const guesses = scores.map((row) => indexOfLargest(row));
  guesses.forEach((guess, i) => {
    const row = confusion[target[i] as number] as number[];
    row[guess] = (row[guess] as number) + 1;
  });
  const isTrue = (wanted: number) => Array.from(target, (label) => label === wanted);
  // Of two classes one curve says all.
  const curves = classes === 2 ? [1] : [...confusion.keys()];
  const roc = curves.map((c) =>
    rocOf(
      isTrue(c),
      scores.map((row) => row[c] as number),
    ),
  );
  const right = guesses.map((guess, i) => guess === target[i]);
  const calibration = calibrationOf(
    right,
    scores.map((row, i) => row[guesses[i] as number] as number),
  );
  return { confusion, roc, calibration };
}

function indexOfLargest(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[best] as number)) best = i;
  return best;
}

/** False and true positive rates for falling thresholds, and the area below; NaN where one kind is missing. */
export function rocOf(isTrue: readonly boolean[], scores: readonly number[]): Curve & { auc: number } {
  const { fpr, tpr } = rocCurve(scores, isTrue.map(Number), { posLabel: 1 });
  let auc = 0;
  for (let i = 1; i < fpr.length; i++) {
    const [width, sum] = [(fpr[i] as number) - (fpr[i - 1] as number), (tpr[i] as number) + (tpr[i - 1] as number)];
    auc += (width * sum) / 2;
  }
  const step = Math.max(1, Math.ceil(fpr.length / points));
  const kept = (list: number[]) => list.filter((_, i) => i % step === 0 || i === list.length - 1);
  return { x: kept(fpr), y: kept(tpr), auc };
}

/** Of bins of confidence its mean and the share that was right; and their distance, weighted by how many are in each. */
export function calibrationOf(right: readonly boolean[], confidence: readonly number[]): ClassesEvent['calibration'] {
  const { probPred, probTrue, weights } = calibrationCurve(confidence, right.map(Number), { nBins: 10 });
  const gaps = weights.map((weight, i) => weight * Math.abs((probTrue[i] as number) - (probPred[i] as number)));
  return { x: probPred, y: probTrue, counts: weights, error: gaps.reduce((a, b) => a + b, 0) / confidence.length };
}
