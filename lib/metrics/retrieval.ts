// How well scores put first what is wanted: of each sample, a list of items.
import { ArgumentError, checkInteger } from '../errors.js';
import { MeanMetric } from './mean.js';
import { once, type SampleWeight } from './metric.js';
import { type Block, checkRows, type Values } from './values.js';

/** Options of {@link ndcgScore} and {@link recallAtK}. */
export interface RetrievalOptions {
  /** How many items at the top of each list count. */
  k?: number;
}

/** A mean over lists. Input: scores [n, items]; target: gains of at least 0 [n, items], 0 for what is not wanted. */
abstract class RetrievalMetric extends MeanMetric<number> {
  readonly #k: number;

  /** @internal */
  constructor(name: string, options: RetrievalOptions, k: number) {
    super(name, options, ['k']);
    this.#k = options.k === undefined ? k : checkInteger(name, 'k', options.k, 1);
  }

  /** @internal The score of a list, of the gains from the highest score on: groups of equal scores, which share their places. */
  protected abstract _ofList(groups: readonly Group[], gains: Float64Array, k: number): number;

  /** @internal */
  protected override _check(input: Block, target: Block): void {
    checkRows(this._name, 'target', target, input.rows, input.columns);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const { rows, columns } = input;
    for (let i = 0; i < target.data.length; i++) {
      if ((target.data[i] as number) >= 0) continue;
      const got = `got ${target.data[i]} in sample ${Math.floor(i / columns)}`;
      throw new ArgumentError(`${this._name}: target must hold gains of at least 0, ${got}`);
    }
    const values = new Float64Array(rows);
    const [scores, gains] = [new Float64Array(columns), new Float64Array(columns)];
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < columns; c++) {
        scores[c] = input.data[row * columns + c] as number;
        gains[c] = target.data[row * columns + c] as number;
      }
      values[row] = gains.some((gain) => gain > 0) ? this._ofList(grouped(scores, gains), gains, this.#k) : 0;
    }
    this._addValues(values, 1, weights);
  }

  /** @internal */
  protected _value(): number {
    return this._means()[0] as number;
  }
}

/** Items with one score: how many, the sum of their gains, and how many have one. */
interface Group {
  count: number;
  gain: number;
  wanted: number;
}

function grouped(scores: Float64Array, gains: Float64Array): Group[] {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const groups: Group[] = [];
  let last = Number.NaN;
  for (const item of order) {
    const [score, gain] = [scores[item] as number, gains[item] as number];
    if (score !== last) groups.push({ count: 0, gain: 0, wanted: 0 });
    last = score;
    const group = groups.at(-1) as Group;
    group.count++;
    group.gain += gain;
    if (gain > 0) group.wanted++;
  }
  return groups;
}

const discount = (place: number): number => 1 / Math.log2(place + 2);

/**
 * Normalised discounted cumulative gain: the sum of gain / log₂(place + 1) over the k places at the top, divided by that of the
 * best order; 0 for a sample without gains. Items of equal score share their places, as in scikit-learn. Input: scores [n, items].
 * Target: gains of at least 0 [n, items]. Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002,
 * https://doi.org/10.1145/582415.582418
 */
export class Ndcg extends RetrievalMetric {
  constructor(options: RetrievalOptions = {}) {
    super('Ndcg', options, Number.POSITIVE_INFINITY);
  }

  /** @internal */
  protected _ofList(groups: readonly Group[], gains: Float64Array, k: number): number {
    let [place, sum] = [0, 0];
    for (const { count, gain } of groups) {
      if (place >= k) break;
      let discounts = 0;
      for (let i = place; i < Math.min(place + count, k); i++) discounts += discount(i);
      sum += (gain / count) * discounts;
      place += count;
    }
    const best = gains.slice().sort().reverse();
    let most = 0;
    for (let i = 0; i < Math.min(k, best.length); i++) most += (best[i] as number) * discount(i);
    return sum / most;
  }
}

/**
 * Normalised discounted cumulative gain: whether what is wanted most has the highest scores, from 0 to 1.
 *
 * @param input scores [n, items]
 * @param target gains of at least 0 [n, items]: 1 for what is wanted and 0 for the rest, or grades
 * @param options k: how many places count, default all; `sampleWeight` 0 leaves a sample out
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.ndcgScore([[3, 2, 1]], [[0, 1, 0]], { k: 2 }); // 0.6309…: 1 / log₂ 3
 */
export function ndcgScore(input: Values, target: Values, options?: RetrievalOptions & SampleWeight): number {
  return once('ndcgScore', Ndcg, input, target, options);
}

/**
 * The share of the wanted items that are among the k with the highest scores; 0 for a sample that wants nothing. Of items with
 * equal scores, of which only some are among the k, so many count as a random order would give on average. Input: scores [n, items].
 * Target: [n, items], above 0 for what is wanted.
 */
export class RecallAtK extends RetrievalMetric {
  constructor(options: RetrievalOptions = {}) {
    super('RecallAtK', options, 10);
  }

  /** @internal */
  protected _ofList(groups: readonly Group[], _: Float64Array, k: number): number {
    let [place, found, all] = [0, 0, 0];
    for (const { count, wanted } of groups) {
      all += wanted;
      found += (wanted / count) * Math.max(0, Math.min(count, k - place));
      place += count;
    }
    return found / all;
  }
}

/**
 * The share of the wanted items that are among the k with the highest scores.
 *
 * @param input scores [n, items]
 * @param target [n, items], above 0 for what is wanted
 * @param options k: default 10; `sampleWeight` 0 leaves a sample out
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.recallAtK([[4, 3, 2, 1]], [[1, 0, 0, 1]], { k: 2 }); // 0.5
 */
export function recallAtK(input: Values, target: Values, options?: RetrievalOptions & SampleWeight): number {
  return once('recallAtK', RecallAtK, input, target, options);
}
