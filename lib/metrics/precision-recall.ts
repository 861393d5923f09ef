// Precision, recall and what is made of both, for one class or over several.
import { ArgumentError, checkChoice, checkInteger, checkNumber, describe } from '../errors.js';
import { checkLabels, LabelMetric, type LabelOptions, sumOf } from './labels.js';
import { once, type SampleWeight } from './metric.js';
import type { Values } from './values.js';

/**
 * Over which classes: the positive one (`binary`), all samples together (`micro`), the mean over the classes (`macro`), that
 * weighted by how often each is a target (`weighted`), or each class by itself (`none`).
 */
export type Average = 'binary' | 'micro' | 'macro' | 'weighted' | 'none';

/** One number, or one for each class. */
export type Scores<A extends Average> = A extends 'none' ? number[] : number;

/** Options of {@link precisionScore} and {@link recallScore}. */
export interface PrecisionOptions<A extends Average = Average> extends LabelOptions {
  /** Default `binary`. */
  average?: A;
  /** The classes to look at, in order; default those that occur, sorted. Not for `binary`. */
  labels?: readonly number[];
  /** The positive class of `binary`; default 1. */
  posLabel?: number;
  /** The score of what cannot be computed, such as the precision of a class never predicted; default 0. NaN leaves it out of means. */
  zeroDivision?: number;
}

/** Options of {@link fbetaScore}. */
export interface FbetaOptions<A extends Average = Average> extends PrecisionOptions<A> {
  /** How often recall counts as much as precision: 0 is precision alone, Infinity recall. */
  beta: number;
}

interface Parts {
  correct: number;
  predicted: number;
  truth: number;
}

/** Metrics of how many of a class were predicted and found. Input and target as in {@link LabelMetric}. */
export abstract class FoundMetric<A extends Average> extends LabelMetric<Scores<A>> {
  readonly #average: Average;
  readonly #labels: readonly number[] | undefined;
  readonly #posLabel: number;
  readonly #zeroDivision: number;

  /** @internal */
  constructor(name: string, options: PrecisionOptions<A>, known: readonly string[] = []) {
    super(name, options, ['average', 'labels', 'posLabel', 'zeroDivision', ...known]);
    const averages: Average[] = ['binary', 'micro', 'macro', 'weighted', 'none'];
    this.#average = checkChoice<Average>(name, 'average', options.average, averages, 'binary');
    this.#labels = checkLabels(name, options.labels);
    if (this.#labels !== undefined && this.#average === 'binary') {
      throw new ArgumentError(`${name}: labels must be left out with average binary; give average or posLabel`);
    }
    this.#posLabel = checkInteger(name, 'posLabel', options.posLabel ?? 1, Number.MIN_SAFE_INTEGER);
    const { zeroDivision = 0 } = options;
    if (!Number.isNaN(zeroDivision)) checkNumber(name, 'zeroDivision', zeroDivision, { min: 0, max: 1 });
    this.#zeroDivision = zeroDivision;
  }

  /** @internal The numerator and the denominator. */
  protected abstract _ratio(parts: Parts): [number, number];

  /** @internal */
  protected _value(): Scores<A> {
    const { truth, predicted, correct } = this._tally(this.#average === 'binary' ? this.#positive() : this.#labels);
    const score = (parts: Parts): number => {
      const [numerator, denominator] = this._ratio(parts);
      return denominator === 0 ? this.#zeroDivision : numerator / denominator;
    };
    if (this.#average === 'micro') {
      const parts = { correct: sumOf(correct), predicted: sumOf(predicted), truth: sumOf(truth) };
      return score(parts) as Scores<A>;
    }
    const scores = truth.map((weight, i) =>
      score({ correct: correct[i] as number, predicted: predicted[i] as number, truth: weight }),
    );
    if (this.#average === 'none') return scores as Scores<A>;
    return meanOf(scores, this.#average === 'weighted' ? truth : undefined) as Scores<A>;
  }

  #positive(): number[] {
    const present = this._present();
    if (present.length > 2) {
      const hint = "give average: 'macro', 'micro', 'weighted' or 'none'";
      throw new ArgumentError(`${this._name}: average binary is for two classes, got ${describe(present)}; ${hint}`);
    }
    if (present.length === 2 && !present.includes(this.#posLabel)) {
      const rule = `posLabel ${this.#posLabel} must be one of the classes`;
      throw new ArgumentError(`${this._name}: ${rule}, got ${describe(present)}`);
    }
    return [this.#posLabel];
  }
}

// The mean of those that are not NaN; weights that sum to 0 count equally.
function meanOf(scores: readonly number[], weights: readonly number[] | undefined): number {
  const known = scores.flatMap((score, i) => (Number.isNaN(score) ? [] : [[score, weights?.[i] ?? 1] as const]));
  const all = sumOf(known.map(([, weight]) => weight));
  if (all === 0) return sumOf(known.map(([score]) => score)) / known.length;
  return sumOf(known.map(([score, weight]) => score * weight)) / all;
}

/**
 * The share of those predicted to be of a class that are of it: right positives / all positives. Input and target as in
 * {@link LabelMetric}.
 */
export class Precision<A extends Average = 'binary'> extends FoundMetric<A> {
  constructor(options: PrecisionOptions<A> = {}) {
    super('Precision', options);
  }

  /** @internal */
  protected _ratio({ correct, predicted }: Parts): [number, number] {
    return [correct, predicted];
  }
}

/**
 * The share of those predicted to be of a class that are of it.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, and for more than two classes without an `average`;
 *   StateError without samples
 * @example
 * metrics.precisionScore([0, 1, 1, 0], [0, 1, 0, 1]); // 0.5
 * metrics.precisionScore([0, 2, 1], [0, 1, 1], { average: 'none' }); // 1, 1 and 0
 */
export function precisionScore<A extends Average = 'binary'>(
  input: Values,
  target: Values,
  options?: PrecisionOptions<A> & SampleWeight,
): Scores<A> {
  return once<Scores<A>>('precisionScore', Precision<A>, input, target, options);
}

/** The share of a class that was found: right positives / all that are of the class. Input and target as in {@link LabelMetric}. */
export class Recall<A extends Average = 'binary'> extends FoundMetric<A> {
  constructor(options: PrecisionOptions<A> = {}) {
    super('Recall', options);
  }

  /** @internal */
  protected _ratio({ correct, truth }: Parts): [number, number] {
    return [correct, truth];
  }
}

/**
 * The share of a class that was found.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, and for more than two classes without an `average`;
 *   StateError without samples
 * @example
 * metrics.recallScore([0, 2, 1], [0, 1, 1], { average: 'macro' }); // 0.5
 */
export function recallScore<A extends Average = 'binary'>(
  input: Values,
  target: Values,
  options?: PrecisionOptions<A> & SampleWeight,
): Scores<A> {
  return once<Scores<A>>('recallScore', Recall<A>, input, target, options);
}

/**
 * The weighted harmonic mean of precision and recall, (1 + β²) right / (β² targets + predicted). Input and target as in
 * {@link LabelMetric}.
 */
export class Fbeta<A extends Average = 'binary'> extends FoundMetric<A> {
  readonly #beta: number;

  constructor(options: FbetaOptions<A>) {
    super('Fbeta', options ?? {}, ['beta']);
    const beta = options?.beta;
    this.#beta = beta === Number.POSITIVE_INFINITY ? beta : checkNumber('Fbeta', 'beta', beta, { min: 0 });
  }

  /** @internal */
  protected _ratio(parts: Parts): [number, number] {
    return fbetaRatio(parts, this.#beta);
  }
}

function fbetaRatio({ correct, predicted, truth }: Parts, beta: number): [number, number] {
  if (beta === Number.POSITIVE_INFINITY) return [correct, truth];
  return [(1 + beta ** 2) * correct, beta ** 2 * truth + predicted];
}

/**
 * The weighted harmonic mean of precision and recall.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, and for more than two classes without an `average`;
 *   StateError without samples
 * @example
 * metrics.fbetaScore([0, 1, 1, 0], [0, 1, 0, 1], { beta: 0.5 }); // 0.5
 */
export function fbetaScore<A extends Average = 'binary'>(
  input: Values,
  target: Values,
  options: FbetaOptions<A> & SampleWeight,
): Scores<A> {
  return once<Scores<A>>('fbetaScore', Fbeta<A>, input, target, options);
}

/** The harmonic mean of precision and recall, 2 right / (targets + predicted). Input and target as in {@link LabelMetric}. */
export class F1<A extends Average = 'binary'> extends FoundMetric<A> {
  constructor(options: PrecisionOptions<A> = {}) {
    super('F1', options);
  }

  /** @internal */
  protected _ratio(parts: Parts): [number, number] {
    return fbetaRatio(parts, 1);
  }
}

/**
 * The harmonic mean of precision and recall.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, and for more than two classes without an `average`;
 *   StateError without samples
 * @example
 * metrics.f1Score([0, 1, 1, 0], [0, 1, 0, 1]); // 0.5
 * metrics.f1Score([0.1, 0.7, 0.6, 0.2], [0, 1, 0, 1], { threshold: 0.5 }); // 0.5
 */
export function f1Score<A extends Average = 'binary'>(
  input: Values,
  target: Values,
  options?: PrecisionOptions<A> & SampleWeight,
): Scores<A> {
  return once<Scores<A>>('f1Score', F1<A>, input, target, options);
}
