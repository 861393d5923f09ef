// What a report shows of predicted classes, from targets and probabilities.
import type { ClassesEvent, Curve } from './record.js';

/** Points of a ROC curve that are kept. */
const points = 200;
/** Bins of the calibration. */
const bins = 10;

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
  const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const all = isTrue.filter(Boolean).length;
  const [x, y] = [[0], [0]];
  let [found, wrong, area] = [0, 0, 0];
  for (let i = 0; i < order.length; ) {
    const threshold = scores[order[i] as number];
    const [foundBefore, wrongBefore] = [found, wrong];
    for (; i < order.length && scores[order[i] as number] === threshold; i++) {
      if (isTrue[order[i] as number]) found++;
      else wrong++;
    }
    area += ((wrong - wrongBefore) * (found + foundBefore)) / 2;
    x.push(wrong / (order.length - all));
    y.push(found / all);
  }
  const step = Math.max(1, Math.ceil(x.length / points));
  const kept = (list: number[]) => list.filter((_, i) => i % step === 0 || i === list.length - 1);
  return { x: kept(x), y: kept(y), auc: area / (all * (order.length - all)) };
}

/** Of bins of confidence its mean and the share that was right; and their distance, weighted by how many are in each. */
export function calibrationOf(right: readonly boolean[], confidence: readonly number[]): ClassesEvent['calibration'] {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  confidence.forEach((p, i) => {
    const bin = sums[Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1))] as (typeof sums)[0];
    bin.count++;
    bin.confidence += p;
    bin.right += Number(right[i]);
  });
  const full = sums.filter(({ count }) => count > 0);
  const gap = full.reduce((sum, bin) => sum + Math.abs(bin.right - bin.confidence), 0);
  return {
    x: full.map((bin) => bin.confidence / bin.count),
    y: full.map((bin) => bin.right / bin.count),
    counts: full.map(({ count }) => count),
    error: gap / confidence.length,
  };
}
