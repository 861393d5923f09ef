import { checkChoice, checkFlag } from '../errors.js';
import { checkLabels, checkPairs, LabelMetric, type LabelOptions, sumOf } from './labels.js';
import { once, type SampleWeight } from './metric.js';
import type { Values } from './values.js';

/** Options of {@link accuracyScore}. */
export interface AccuracyOptions extends LabelOptions {
  /** Whether to give the share of right predictions; default true. Otherwise their number, or the sum of their weights. */
  normalize?: boolean;
}

/**
 * The share of right predictions. Input and target as in {@link LabelMetric}.
 *
 * @example
 * new metrics.Accuracy({ threshold: 0 }).update([-2, 3, 1], [0, 1, 0]).compute(); // 0.6666…
 */
export class Accuracy extends LabelMetric<number> {
  readonly #normalize: boolean;

  constructor(options: AccuracyOptions = {}) {
    super('Accuracy', options, ['normalize']);
    this.#normalize = checkFlag('Accuracy', 'normalize', options.normalize, true);
  }

  /** @internal */
  protected _value(): number {
    const { truth, correct } = this._tally();
    return this.#normalize ? sumOf(correct) / sumOf(truth) : sumOf(correct);
  }
}

/**
 * The share of right predictions.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.accuracyScore([0, 1, 2, 1], [0, 1, 1, 1]); // 0.75
 */
export function accuracyScore(input: Values, target: Values, options?: AccuracyOptions & SampleWeight): number {
  return once('accuracyScore', Accuracy, input, target, options);
}

/** Options of {@link balancedAccuracyScore}. */
export interface BalancedAccuracyOptions extends LabelOptions {
  /** Whether to scale the score so that guessing gives 0; default false. */
  adjusted?: boolean;
}

/**
 * The mean over the classes of the targets of the share that was found of each (recall). Input and target as in
 * {@link LabelMetric}.
 */
export class BalancedAccuracy extends LabelMetric<number> {
  readonly #adjusted: boolean;

  constructor(options: BalancedAccuracyOptions = {}) {
    super('BalancedAccuracy', options, ['adjusted']);
    this.#adjusted = checkFlag('BalancedAccuracy', 'adjusted', options.adjusted, false);
  }

  /** @internal */
  protected _value(): number {
    const { truth, correct } = this._tally();
    const shares = truth.flatMap((weight, i) => (weight === 0 ? [] : [(correct[i] as number) / weight]));
    const mean = sumOf(shares) / shares.length;
    const chance = 1 / shares.length;
    return this.#adjusted ? (mean - chance) / (1 - chance) : mean;
  }
}

/**
 * The mean over the classes of the targets of the share that was found of each. With `adjusted` and one class it is NaN.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.balancedAccuracyScore([0, 0, 0, 1], [0, 0, 1, 1]); // 0.75
 */
export function balancedAccuracyScore(
  input: Values,
  target: Values,
  options?: BalancedAccuracyOptions & SampleWeight,
): number {
  return once('balancedAccuracyScore', BalancedAccuracy, input, target, options);
}

/** Options of {@link confusionMatrix}. */
export interface ConfusionMatrixOptions extends LabelOptions {
  /** The classes of rows and columns, in order; default those that occur, sorted. Pairs with other classes are left out. */
  labels?: readonly number[];
  /** Divides by the sum of the row (`true`), of the column (`pred`) or of all (`all`); a sum of 0 gives zeros. */
  normalize?: 'true' | 'pred' | 'all';
}

/**
 * How often each class (row) was taken for each class (column). Input and target as in {@link LabelMetric}.
 *
 * @throws ArgumentError from `compute` for more than 4096 classes
 */
export class ConfusionMatrix extends LabelMetric<number[][]> {
  readonly #labels: readonly number[] | undefined;
  readonly #normalize: 'true' | 'pred' | 'all' | undefined;

  constructor(options: ConfusionMatrixOptions = {}) {
    super('ConfusionMatrix', options, ['labels', 'normalize']);
    this.#labels = checkLabels('ConfusionMatrix', options.labels);
    if (options.normalize !== undefined) {
      this.#normalize = checkChoice('ConfusionMatrix', 'normalize', options.normalize, [
        'true',
        'pred',
        'all',
      ] as const);
    }
  }

  /** The classes of rows and columns, in order. */
  get labels(): readonly number[] {
    return this.#labels ?? this._present();
  }

  /** @internal */
  protected _value(): number[][] {
    const { labels } = this;
    checkPairs('ConfusionMatrix', labels);
    const place = new Map(labels.map((label, i) => [label, i]));
    const matrix = labels.map(() => new Array<number>(labels.length).fill(0));
    for (const [truth, predicted, weight] of this._cells()) {
      const row = matrix[place.get(truth) ?? -1];
      const column = place.get(predicted);
      if (row !== undefined && column !== undefined) row[column] = (row[column] as number) + weight;
    }
    return this.#normalize === undefined ? matrix : normalised(matrix, this.#normalize);
  }
}

function normalised(matrix: number[][], by: 'true' | 'pred' | 'all'): number[][] {
  const rows = matrix.map(sumOf);
  const columns = matrix.map((_, j) => sumOf(matrix.map((row) => row[j] as number)));
  const all = sumOf(rows);
  const divisor = (i: number, j: number) => (by === 'true' ? rows[i] : by === 'pred' ? columns[j] : all) as number;
  return matrix.map((row, i) => row.map((weight, j) => (weight === 0 ? 0 : weight / divisor(i, j))));
}

/**
 * How often each class (row, sorted) was taken for each class (column).
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.confusionMatrix([0, 1, 1, 0], [0, 1, 0, 1]); // rows [1, 1] and [1, 1]
 */
export function confusionMatrix(
  input: Values,
  target: Values,
  options?: ConfusionMatrixOptions & SampleWeight,
): number[][] {
  return once('confusionMatrix', ConfusionMatrix, input, target, options);
}
