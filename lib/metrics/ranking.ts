// What curves over all thresholds are made of: for each score, in descending order, the weights of positives and negatives.
import { ArgumentError, checkFlag, checkInteger, DTypeError } from '../errors.js';
import { sumOf } from './labels.js';
import { badState, Metric, type Sums } from './metric.js';
import { type Block, readClasses, readLabels, readProbabilities } from './values.js';

/** The weights of positives and negatives with each score, from the highest score on. */
export interface Ranking {
  readonly scores: Float64Array;
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

/** Options of the metrics of rankings. */
export interface RankingOptions {
  /** The class of input [n]; without it, targets must be 0 and 1, or -1 and 1. All other targets are negative. */
  posLabel?: number;
  /**
   * Whether input holds logits; default false. Softmax makes probabilities of [n, classes], sigmoid those of [n], where `bins`
   * needs them.
   */
  logits?: boolean;
  /**
   * Counts the samples in so many equal bins of probability, in constant memory, instead of keeping all: samples of a bin count as
   * equal. Then input must hold probabilities, or logits with `logits`. Default: exact, in memory that grows with the samples.
   */
  bins?: number;
}

/** The samples of one class against the others: all that was seen, or counts in bins. */
class Against {
  scores: number[] = [];
  positives: number[] = [];
  negatives: number[] = [];

  constructor(readonly bins: number | undefined) {
    if (bins === undefined) return;
    this.scores = Array.from({ length: bins }, (_, i) => (i + 0.5) / bins);
    this.positives = new Array<number>(bins).fill(0);
    this.negatives = new Array<number>(bins).fill(0);
  }

  add(score: number, positive: number, negative: number): void {
    if (positive + negative === 0) return; // without weight, or in an empty bin
    if (this.bins === undefined) {
      this.scores.push(score);
      this.positives.push(positive);
      this.negatives.push(negative);
      return;
    }
    const bin = Math.min(this.bins - 1, Math.floor(score * this.bins));
    this.positives[bin] = (this.positives[bin] as number) + positive;
    this.negatives[bin] = (this.negatives[bin] as number) + negative;
  }

  ranking(): Ranking {
    const isSeen = (i: number) => (this.positives[i] as number) + (this.negatives[i] as number) > 0;
    const sorted = Float64Array.from(this.bins === undefined ? this.scores : this.scores.filter((_, i) => isSeen(i)));
    const scores = sorted.sort().filter((score, i) => i === 0 || score !== sorted[i - 1]);
    const last = scores.length - 1;
    const [positives, negatives] = [new Float64Array(last + 1), new Float64Array(last + 1)];
    for (let i = 0; i < this.scores.length; i++) {
      if (!isSeen(i)) continue; // an empty bin
      const k = last - placeOf(scores, this.scores[i] as number); // the highest score comes first
      positives[k] = (positives[k] as number) + (this.positives[i] as number);
      negatives[k] = (negatives[k] as number) + (this.negatives[i] as number);
    }
    return { scores: scores.reverse(), positives, negatives };
  }
}

/** Where a value is in a sorted list that has it. */
function placeOf(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const mostBins = 1_000_000;

/**
 * A metric of how scores rank samples. Input: one score for each sample [n], higher for the positive class, of which only the
 * order counts; or probabilities [n, classes] that sum to 1 (logits with `logits`), where each class is ranked against the
 * others. Target: classes [n], for [n, classes] from 0 on.
 */
export abstract class RankingMetric<Result> extends Metric<Result> {
  readonly #posLabel: number | undefined;
  readonly #logits: boolean;
  readonly #bins: number | undefined;
  #classes: Against[] = [];

  /** @internal */
  constructor(name: string, options: RankingOptions, known: readonly string[]) {
    super(name, options, ['posLabel', 'logits', 'bins', ...known]);
    const { posLabel, bins } = options;
    if (posLabel !== undefined) checkInteger(name, 'posLabel', posLabel, Number.MIN_SAFE_INTEGER);
    if (bins !== undefined) checkInteger(name, 'bins', bins, 1, mostBins);
    this.#posLabel = posLabel;
    this.#bins = bins;
    this.#logits = checkFlag(name, 'logits', options.logits, false);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const { columns } = input;
    const before = this.#classes.length;
    if (before > 0 && before !== columns) {
      throw new ArgumentError(`${this._name}: input must have ${before} columns as before, got ${columns}`);
    }
    const isRead = columns > 1 || this.#bins !== undefined;
    const { data, rows } = isRead ? readProbabilities(this._name, input, this.#logits) : input;
    const isPositive = columns === 1 ? this.#positive(target) : this.#ofClass(target, columns);
    if (before === 0) this.#classes = Array.from({ length: columns }, () => new Against(this.#bins));
    for (const [c, against] of this.#classes.entries()) {
      for (let i = 0; i < rows; i++) {
        const weight = weights === undefined ? 1 : (weights[i] as number);
        const positive = isPositive(i, c);
        against.add(data[i * columns + c] as number, positive ? weight : 0, positive ? 0 : weight);
      }
    }
  }

  #ofClass(target: Block, columns: number): (i: number, c: number) => boolean {
    if (this.#posLabel !== undefined) {
      const hint = 'pass the column of the class';
      throw new ArgumentError(`${this._name}: posLabel is for one score a sample, got ${columns} columns; ${hint}`);
    }
    const labels = readClasses(this._name, target, columns);
    return (i, c) => labels[i] === c;
  }

  #positive(target: Block): (i: number) => boolean {
    const labels = readLabels(this._name, 'target', target);
    const positive = this.#posLabel ?? 1;
    if (this.#posLabel !== undefined) return (i) => labels[i] === positive;
    const other = Array.prototype.includes.call(labels, -1) ? -1 : 0;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === 1 || labels[i] === other) continue;
      const hint = 'give posLabel, or a column of scores for each class';
      throw new DTypeError(
        `${this._name}: target must be 0 and 1 or -1 and 1, got ${labels[i]} in sample ${i}; ${hint}`,
      );
    }
    return (i) => labels[i] === 1;
  }

  /** @internal The ranking of each class against the others; of input [n], one. */
  protected _rankings(): Ranking[] {
    return this.#classes.map((against) => against.ranking());
  }

  /** @internal Whether it counts in bins. */
  protected get _isBinned(): boolean {
    return this.#bins !== undefined;
  }

  /** @internal */
  protected _weight(): number {
    const [first] = this.#classes;
    return first === undefined ? 0 : sumOf(first.positives) + sumOf(first.negatives);
  }

  /** @internal */
  protected _clear(): void {
    this.#classes = [];
  }

  /** @internal Scores, positives and negatives of all classes, one after the other. */
  protected _sums(): Sums {
    const lists = this.#classes;
    return {
      lengths: lists.map(({ scores }) => scores.length),
      scores: lists.flatMap(({ scores }) => scores),
      positives: lists.flatMap(({ positives }) => positives),
      negatives: lists.flatMap(({ negatives }) => negatives),
    };
  }

  /** @internal */
  protected _absorb(sums: Record<'lengths' | 'scores' | 'positives' | 'negatives', readonly number[]>): void {
    const { lengths, scores, positives, negatives } = sums;
    this.#checkSums(lengths, [scores, positives, negatives]);
    const mine = this.#classes.length;
    if (mine > 0 && lengths.length > 0 && mine !== lengths.length) {
      throw new ArgumentError(`${this._name}.merge: other must have ${mine} columns, got ${lengths.length}`);
    }
    if (mine === 0) this.#classes = lengths.map(() => new Against(this.#bins));
    let i = 0;
    for (const [c, length] of lengths.entries()) {
      const against = this.#classes[c] as Against;
      for (const end = i + length; i < end; i++) {
        against.add(scores[i] as number, positives[i] as number, negatives[i] as number);
      }
    }
  }

  #checkSums(lengths: readonly number[], lists: readonly (readonly number[])[]): void {
    const all = lengths.reduce((sum, length) => sum + checkInteger(this._name, 'lengths', length), 0);
    if (lists.some((list) => list.length !== all)) throw badState(this._name, 'lengths must sum to those of the lists');
    const [scores, ...weights] = lists as [readonly number[], ...(readonly number[])[]];
    const isScore = (v: number) => Number.isFinite(v) && (this.#bins === undefined || (v >= 0 && v <= 1));
    if (!scores.every(isScore)) throw badState(this._name, 'scores must be finite, and with bins from 0 to 1');
    if (!weights.every((list) => list.every((w) => w >= 0 && w < Number.POSITIVE_INFINITY))) {
      throw badState(this._name, 'positives and negatives must be finite and at least 0');
    }
  }
}

/** @internal Running sums, from the highest score on. */
export function cumulated(list: Float64Array): Float64Array {
  let sum = 0;
  return list.map((value) => {
    sum += value;
    return sum;
  });
}
