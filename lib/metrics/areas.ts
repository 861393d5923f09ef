// Areas below curves.
import { checkChoice } from '../errors.js';
import { sumOf } from './labels.js';
import { once, type SampleWeight } from './metric.js';
import type { Scores } from './precision-recall.js';
import { type Ranking, RankingMetric, type RankingOptions } from './ranking.js';
import type { Values } from './values.js';

/** The mean over the classes (`macro`), that weighted by how often each is a target (`weighted`), or each by itself (`none`). */
export type ClassAverage = 'macro' | 'weighted' | 'none';

/** Options of {@link rocAucScore} and {@link averagePrecisionScore}. */
export interface AreaOptions<A extends ClassAverage = ClassAverage> extends RankingOptions {
  /** For input [n, classes]; default `macro`. */
  average?: A;
}

/** An area, and how far from it the exact one may lie. */
interface Area {
  value: number;
  bound: number;
  weight: number;
}

/** An area below a curve of each class against the others. Input and target as in {@link RankingMetric}. */
export abstract class AreaMetric<A extends ClassAverage> extends RankingMetric<Scores<A>> {
  readonly #average: ClassAverage;

  /** @internal */
  constructor(name: string, options: AreaOptions<A>) {
    super(name, options, ['average']);
    this.#average = checkChoice<ClassAverage>(name, 'average', options.average, ['macro', 'weighted', 'none'], 'macro');
  }

  /** @internal */
  protected abstract _area(ranking: Ranking): Area;

  /** @internal */
  protected _value(): Scores<A> {
    return this.#averaged(({ value }) => value);
  }

  /** How far `compute()` is from the exact value at most: 0, or with `bins` what the order within the bins may change. */
  errorBound(): Scores<A> {
    this.compute(); // throws without samples
    return this.#averaged(({ bound }) => (this._isBinned ? bound : 0));
  }

  #averaged(number: (area: Area) => number): Scores<A> {
    const areas = this._rankings().map((ranking) => this._area(ranking));
    const list = areas.map(number);
    if (areas.length === 1) return (this.#average === 'none' ? list : list[0]) as Scores<A>;
    if (this.#average === 'none') return list as Scores<A>;
    if (this.#average === 'macro') return (sumOf(list) / list.length) as Scores<A>;
    const seen = areas.map(({ weight }, c) => (weight === 0 ? 0 : weight * (list[c] as number)));
    return (sumOf(seen) / sumOf(areas.map(({ weight }) => weight))) as Scores<A>;
  }
}

/**
 * The area below the ROC curve: how probable it is that a positive sample has a higher score than a negative one, ties counting
 * one half. Of [n, classes], each class against the others. NaN where positives or negatives are missing, also as a mean;
 * only `weighted` leaves out classes that are no target. Input and target
 * as in {@link RankingMetric}.
 *
 * With `bins` the error is at most half the share of the pairs of positives and negatives that fall into the same bin, which
 * `errorBound()` gives.
 */
export class RocAuc<A extends ClassAverage = 'macro'> extends AreaMetric<A> {
  constructor(options: AreaOptions<A> = {}) {
    super('RocAuc', options);
  }

  /** @internal */
  protected _area({ positives, negatives }: Ranking): Area {
    let [above, won, tied] = [0, 0, 0];
    for (const [i, negative] of negatives.entries()) {
      const positive = positives[i] as number;
      won += negative * above;
      tied += negative * positive;
      above += positive;
    }
    const pairs = above * sumOf(negatives);
    return { value: (won + tied / 2) / pairs, bound: tied / 2 / pairs, weight: above };
  }
}

/**
 * The area below the ROC curve.
 *
 * @param input scores [n], higher for the positive class, or probabilities [n, classes] (logits with `logits`)
 * @param target classes [n]: 0 and 1, -1 and 1, or any with `posLabel`; for [n, classes] from 0 on
 * @returns NaN where positives or negatives of a class are missing
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.rocAucScore([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]); // 0.75
 */
export function rocAucScore<A extends ClassAverage = 'macro'>(
  input: Values,
  target: Values,
  options?: AreaOptions<A> & SampleWeight,
): Scores<A> {
  return once<Scores<A>>('rocAucScore', RocAuc<A>, input, target, options);
}

/**
 * Average precision, the area below the curve of precision over recall as a sum of rectangles: Σ (Rₖ - Rₖ₋₁) Pₖ. Of
 * [n, classes], each class against the others; 0 for a class without positives. Input and target as in {@link RankingMetric}.
 *
 * With `bins`, `errorBound()` says how far the exact value may be: precision within a bin lies between that of its negatives
 * first and that of its positives first.
 */
export class AveragePrecision<A extends ClassAverage = 'macro'> extends AreaMetric<A> {
  constructor(options: AreaOptions<A> = {}) {
    super('AveragePrecision', options);
  }

  /** @internal */
  protected _area({ positives, negatives }: Ranking): Area {
    const all = sumOf(positives);
    if (all === 0) return { value: 0, bound: 0, weight: 0 };
    let [right, wrong, value, least, most] = [0, 0, 0, 0, 0];
    for (const [i, positive] of positives.entries()) {
      const negative = negatives[i] as number;
      if (positive > 0) {
        least += (positive * right) / (right + wrong + negative || 1);
        most += (positive * (right + positive)) / (right + positive + wrong);
        value += (positive * (right + positive)) / (right + positive + wrong + negative);
      }
      right += positive;
      wrong += negative;
    }
    return { value: value / all, bound: Math.max(most - value, value - least) / all, weight: all };
  }
}

/**
 * Average precision: the area below the curve of precision over recall, as a sum of rectangles.
 *
 * @param input scores [n], higher for the positive class, or probabilities [n, classes] (logits with `logits`)
 * @param target classes [n]: 0 and 1, -1 and 1, or any with `posLabel`; for [n, classes] from 0 on
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.averagePrecisionScore([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]); // 0.8333…
 */
export function averagePrecisionScore<A extends ClassAverage = 'macro'>(
  input: Values,
  target: Values,
  options?: AreaOptions<A> & SampleWeight,
): Scores<A> {
  return once<Scores<A>>('averagePrecisionScore', AveragePrecision<A>, input, target, options);
}
