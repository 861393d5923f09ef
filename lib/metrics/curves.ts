import { checkFlag, formatShape, ShapeError } from '../errors.js';
import { once, type SampleWeight } from './metric.js';
import { cumulated, type Ranking, RankingMetric, type RankingOptions } from './ranking.js';
import type { Block, Values } from './values.js';

/** Options of {@link rocCurve} and {@link precisionRecallCurve}. */
export interface CurveOptions extends RankingOptions {
  /** Whether to leave out points that lie on a straight line (ROC) or upright (precision and recall) between their neighbours. */
  dropIntermediate?: boolean;
}

/** A ROC curve: the rates at each threshold, from the highest, which is Infinity, to the lowest score. */
export interface Roc {
  /** The share of the negatives with a score of at least the threshold. */
  fpr: number[];
  /** The share of the positives. */
  tpr: number[];
  thresholds: number[];
}

/** A curve of precision and recall, from the lowest threshold on; the last point, 1 and 0, has none. */
export interface PrecisionRecall {
  precision: number[];
  recall: number[];
  thresholds: number[];
}

/** A curve of one class against the others. Input and target as in {@link RankingMetric}, but one column. */
abstract class Curve<Result> extends RankingMetric<Result> {
  readonly #drops: boolean;

  /** @internal */
  constructor(name: string, options: CurveOptions, drops: boolean) {
    super(name, options, ['dropIntermediate']);
    this.#drops = checkFlag(name, 'dropIntermediate', options.dropIntermediate, drops);
  }

  /** @internal */
  protected abstract _curve(ranking: Ranking, drops: boolean): Result;

  /** @internal */
  protected override _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    if (input.columns !== 1) {
      const got = `got ${formatShape([input.rows, input.columns])}`;
      throw new ShapeError(`${this._name}: input must be [n], ${got}; pass the column of a class, and its posLabel`);
    }
    super._add(input, target, weights);
  }

  /** @internal */
  protected _value(): Result {
    return this._curve(this._rankings()[0] as Ranking, this.#drops);
  }
}

/**
 * The ROC curve: the shares of positives and of negatives with at least a score, for each score. Input: one score for each
 * sample, [n]. Target: classes [n]. Without positives or negatives their rates are NaN.
 */
export class RocCurve extends Curve<Roc> {
  constructor(options: CurveOptions = {}) {
    super('RocCurve', options, true);
  }

  /** @internal */
  protected _curve({ scores, positives, negatives }: Ranking, drops: boolean): Roc {
    const [tps, fps] = [cumulated(positives), cumulated(negatives)];
    const bend = (list: Float64Array, i: number) =>
      (list[i + 1] as number) - 2 * (list[i] as number) + (list[i - 1] as number) !== 0;
    const kept = placesOf(scores, drops, (i) => bend(fps, i) || bend(tps, i));
    const rates = (list: Float64Array) =>
      [0, ...kept.map((i) => list[i] as number)].map((v) => v / (list.at(-1) as number));
    const thresholds = [Number.POSITIVE_INFINITY, ...kept.map((i) => scores[i] as number)];
    return { fpr: rates(fps), tpr: rates(tps), thresholds };
  }
}

function placesOf(scores: Float64Array, drops: boolean, isKept: (i: number) => boolean): number[] {
  const all = [...scores.keys()];
  return drops ? all.filter((i) => i === 0 || i === scores.length - 1 || isKept(i)) : all;
}

/**
 * The ROC curve of one class against the others.
 *
 * @param input one score for each sample, [n], higher for the positive class; only their order counts
 * @param target classes [n]: 0 and 1, -1 and 1, or any with `posLabel`
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * const { fpr, tpr } = metrics.rocCurve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]);
 */
export function rocCurve(input: Values, target: Values, options?: CurveOptions & SampleWeight): Roc {
  return once('rocCurve', RocCurve, input, target, options);
}

/**
 * Precision and recall for each threshold. Input: one score for each sample, [n]. Target: classes [n]. Without positives
 * recall is 1.
 */
export class PrecisionRecallCurve extends Curve<PrecisionRecall> {
  constructor(options: CurveOptions = {}) {
    super('PrecisionRecallCurve', options, false);
  }

  /** @internal */
  protected _curve({ scores, positives, negatives }: Ranking, drops: boolean): PrecisionRecall {
    const [tps, fps] = [cumulated(positives), cumulated(negatives)];
    const kept = placesOf(scores, drops, (i) => tps[i] !== tps[i - 1] || tps[i + 1] !== tps[i]).reverse();
    const all = tps.at(-1) as number;
    const precision = kept.map((i) => (tps[i] as number) / ((tps[i] as number) + (fps[i] as number)));
    const recall = kept.map((i) => (all === 0 ? 1 : (tps[i] as number) / all));
    return { precision: [...precision, 1], recall: [...recall, 0], thresholds: kept.map((i) => scores[i] as number) };
  }
}

/**
 * Precision and recall of one class for each threshold, from the lowest on.
 *
 * @param input one score for each sample, [n], higher for the positive class; only their order counts
 * @param target classes [n]: 0 and 1, -1 and 1, or any with `posLabel`
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * const { precision, recall } = metrics.precisionRecallCurve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]);
 */
export function precisionRecallCurve(
  input: Values,
  target: Values,
  options?: CurveOptions & SampleWeight,
): PrecisionRecall {
  return once('precisionRecallCurve', PrecisionRecallCurve, input, target, options);
}
