// Errors of predicted numbers.
import { checkChoice, checkNumber } from '../errors.js';
import { sumOf } from './labels.js';
import { MeanMetric } from './mean.js';
import { once, type SampleWeight } from './metric.js';
import { type Block, checkRows, type Values } from './values.js';

/** One number, the mean over the columns, or one for each column. */
export type Outputs<M extends string> = M extends 'rawValues' ? number[] : number;

/** What is made of several columns. */
export type Multioutput = 'uniformAverage' | 'rawValues';

/** Options of the mean errors. */
export interface RegressionOptions<M extends string = Multioutput> {
  /** Of input [n, columns]: the mean over the columns (default), or one value for each. */
  multioutput?: M;
}

/** A mean over the samples of an error. Input and target: numbers [n] or [n, columns]. */
export abstract class ErrorMetric<M extends Multioutput> extends MeanMetric<Outputs<M>> {
  readonly #multioutput: Multioutput;

  /** @internal */
  constructor(name: string, options: RegressionOptions<M>, known: readonly string[] = []) {
    super(name, options, ['multioutput', ...known]);
    const choices: Multioutput[] = ['uniformAverage', 'rawValues'];
    this.#multioutput = checkChoice<Multioutput>(name, 'multioutput', options.multioutput, choices, 'uniformAverage');
  }

  /** @internal The error of one number. */
  protected abstract _error(predicted: number, truth: number): number;
  /** @internal The value of a column with this mean error. */
  protected _ofMean(mean: number): number {
    return mean;
  }

  /** @internal */
  protected override _check(input: Block, target: Block): void {
    checkRows(this._name, 'target', target, input.rows, input.columns);
    this._checkColumns(input.columns);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const errors = Float64Array.from(input.data, (v, i) => this._error(v, target.data[i] as number));
    this._addValues(errors, input.columns, weights);
  }

  /** @internal */
  protected _value(): Outputs<M> {
    const values = this._means().map((mean) => this._ofMean(mean));
    return (this.#multioutput === 'rawValues' ? values : sumOf(values) / values.length) as Outputs<M>;
  }
}

/** The mean of |input - target|. Input and target: numbers [n] or [n, columns]. */
export class MeanAbsoluteError<M extends Multioutput = 'uniformAverage'> extends ErrorMetric<M> {
  constructor(options: RegressionOptions<M> = {}) {
    super('MeanAbsoluteError', options);
  }

  /** @internal */
  protected _error(predicted: number, truth: number): number {
    return Math.abs(predicted - truth);
  }
}

/**
 * The mean of |input - target|.
 *
 * @param input predicted numbers [n] or [n, columns]
 * @param target what is right, of the same shape
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.meanAbsoluteError([1, 2], [2, 4]); // 1.5
 */
export function meanAbsoluteError<M extends Multioutput = 'uniformAverage'>(
  input: Values,
  target: Values,
  options?: RegressionOptions<M> & SampleWeight,
): Outputs<M> {
  return once<Outputs<M>>('meanAbsoluteError', MeanAbsoluteError<M>, input, target, options);
}

/** The mean of (input - target)². Input and target: numbers [n] or [n, columns]. */
export class MeanSquaredError<M extends Multioutput = 'uniformAverage'> extends ErrorMetric<M> {
  constructor(options: RegressionOptions<M> = {}) {
    super('MeanSquaredError', options);
  }

  /** @internal */
  protected _error(predicted: number, truth: number): number {
    return (predicted - truth) ** 2;
  }
}

/**
 * The mean of (input - target)².
 *
 * @param input predicted numbers [n] or [n, columns]
 * @param target what is right, of the same shape
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.meanSquaredError([1, 2], [2, 4]); // 2.5
 */
export function meanSquaredError<M extends Multioutput = 'uniformAverage'>(
  input: Values,
  target: Values,
  options?: RegressionOptions<M> & SampleWeight,
): Outputs<M> {
  return once<Outputs<M>>('meanSquaredError', MeanSquaredError<M>, input, target, options);
}

/** The square root of the mean of (input - target)², of each column. Input and target: numbers [n] or [n, columns]. */
export class RootMeanSquaredError<M extends Multioutput = 'uniformAverage'> extends ErrorMetric<M> {
  constructor(options: RegressionOptions<M> = {}) {
    super('RootMeanSquaredError', options);
  }

  /** @internal */
  protected _error(predicted: number, truth: number): number {
    return (predicted - truth) ** 2;
  }

  /** @internal */
  protected override _ofMean(mean: number): number {
    return Math.sqrt(mean);
  }
}

/**
 * The square root of the mean of (input - target)²; of several columns, the mean of their roots.
 *
 * @param input predicted numbers [n] or [n, columns]
 * @param target what is right, of the same shape
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.rootMeanSquaredError([1, 2], [2, 3]); // 1
 */
export function rootMeanSquaredError<M extends Multioutput = 'uniformAverage'>(
  input: Values,
  target: Values,
  options?: RegressionOptions<M> & SampleWeight,
): Outputs<M> {
  return once<Outputs<M>>('rootMeanSquaredError', RootMeanSquaredError<M>, input, target, options);
}

/** The mean of |input - target| / |target|; a target of 0 counts as 2⁻⁵². Input and target: numbers [n] or [n, columns]. */
export class MeanAbsolutePercentageError<M extends Multioutput = 'uniformAverage'> extends ErrorMetric<M> {
  constructor(options: RegressionOptions<M> = {}) {
    super('MeanAbsolutePercentageError', options);
  }

  /** @internal */
  protected _error(predicted: number, truth: number): number {
    return Math.abs(predicted - truth) / Math.max(Math.abs(truth), 2 ** -52);
  }
}

/**
 * The mean of |input - target| / |target|, a share and not per cent; a target of 0 counts as 2⁻⁵², as in scikit-learn.
 *
 * @param input predicted numbers [n] or [n, columns]
 * @param target what is right, of the same shape
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.meanAbsolutePercentageError([1, 2], [2, 4]); // 0.5
 */
export function meanAbsolutePercentageError<M extends Multioutput = 'uniformAverage'>(
  input: Values,
  target: Values,
  options?: RegressionOptions<M> & SampleWeight,
): Outputs<M> {
  return once<Outputs<M>>('meanAbsolutePercentageError', MeanAbsolutePercentageError<M>, input, target, options);
}

/** Options of {@link meanPinballLoss}. */
export interface PinballOptions<M extends Multioutput = Multioutput> extends RegressionOptions<M> {
  /** The quantile that input predicts, from 0 to 1; default 0.5. */
  alpha?: number;
}

/** The mean of max(alpha · e, (alpha - 1) · e), where e = target - input. Input and target: numbers [n] or [n, columns]. */
export class MeanPinballLoss<M extends Multioutput = 'uniformAverage'> extends ErrorMetric<M> {
  readonly #alpha: number;

  constructor(options: PinballOptions<M> = {}) {
    super('MeanPinballLoss', options, ['alpha']);
    this.#alpha = checkNumber('MeanPinballLoss', 'alpha', options.alpha ?? 0.5, { min: 0, max: 1 });
  }

  /** @internal */
  protected _error(predicted: number, truth: number): number {
    const error = truth - predicted;
    return Math.max(this.#alpha * error, (this.#alpha - 1) * error);
  }
}

/**
 * How good a predicted quantile is: the mean of max(alpha · e, (alpha - 1) · e), where e = target - input.
 *
 * @param input predicted quantiles [n] or [n, columns]
 * @param target what came, of the same shape
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.meanPinballLoss([1, 1], [2, 0], { alpha: 0.75 }); // 0.5
 */
export function meanPinballLoss<M extends Multioutput = 'uniformAverage'>(
  input: Values,
  target: Values,
  options?: PinballOptions<M> & SampleWeight,
): Outputs<M> {
  return once<Outputs<M>>('meanPinballLoss', MeanPinballLoss<M>, input, target, options);
}
