// Whether predicted probabilities are as often right as they say.
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { sumOf } from './labels.js';
import { badState, Metric, once, type SampleWeight, type Sums } from './metric.js';
import { type Block, readClasses, readProbabilities, type Values } from './values.js';

/** Options of {@link expectedCalibrationError} and {@link calibrationCurve}. */
export interface CalibrationOptions {
  /** Equal bins of probability; default 15 for the error, 5 for the curve. A bin has its upper edge and not its lower one. */
  nBins?: number;
  /** Whether input holds logits, to which softmax or, for [n], sigmoid is applied; default false: probabilities. */
  logits?: boolean;
}

/** A calibration curve: of each bin with samples, the mean of the probabilities and the share that was true. */
export interface Calibration {
  probTrue: number[];
  probPred: number[];
  /** The sum of the weights of each bin; scikit-learn does not give it. */
  weights: number[];
}

const mostBins = 1_000_000;

abstract class Binned<Result> extends Metric<Result> {
  readonly #bins: number;
  readonly #logits: boolean;
  #weights: number[];
  #probabilities: number[];
  #truths: number[];

  /** @internal */
  constructor(name: string, options: CalibrationOptions, bins: number) {
    super(name, options, ['nBins', 'logits']);
    this.#bins = checkInteger(name, 'nBins', options.nBins ?? bins, 1, mostBins);
    this.#logits = checkFlag(name, 'logits', options.logits, false);
    [this.#weights, this.#probabilities, this.#truths] = this.#zeros();
  }

  #zeros(): [number[], number[], number[]] {
    const zeros = () => new Array<number>(this.#bins).fill(0);
    return [zeros(), zeros(), zeros()];
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const { data, rows, columns } = readProbabilities(this._name, input, this.#logits);
    const labels = readClasses(this._name, target, Math.max(columns, 2));
    for (let i = 0; i < rows; i++) {
      let guess = columns === 1 ? 1 : 0; // the class whose probability is judged
      for (let c = 1; c < columns; c++) {
        if ((data[i * columns + c] as number) > (data[i * columns + guess] as number)) guess = c;
      }
      const p = data[i * columns + (columns === 1 ? 0 : guess)] as number;
      const bin = this.#binOf(p);
      const weight = weights === undefined ? 1 : (weights[i] as number);
      this.#weights[bin] = (this.#weights[bin] as number) + weight;
      this.#probabilities[bin] = (this.#probabilities[bin] as number) + weight * p;
      if (labels[i] === guess) this.#truths[bin] = (this.#truths[bin] as number) + weight;
    }
  }

  // The edges are multiples of 1 / bins, rounded, as numpy.linspace has them.
  #binOf(p: number): number {
    const step = 1 / this.#bins;
    let bin = Math.min(this.#bins - 1, Math.floor(p * this.#bins));
    while (bin > 0 && p <= bin * step) bin--;
    while (bin < this.#bins - 1 && p > (bin + 1) * step) bin++;
    return bin;
  }

  /** @internal The bins that have samples. */
  protected _curve(): Calibration {
    const bins = [...this.#weights.keys()].filter((bin) => (this.#weights[bin] as number) > 0);
    const shares = (sums: readonly number[]) =>
      bins.map((bin) => (sums[bin] as number) / (this.#weights[bin] as number));
    return {
      probTrue: shares(this.#truths),
      probPred: shares(this.#probabilities),
      weights: bins.map((bin) => this.#weights[bin] as number),
    };
  }

  /** @internal */
  protected _weight(): number {
    return sumOf(this.#weights);
  }

  /** @internal */
  protected _clear(): void {
    [this.#weights, this.#probabilities, this.#truths] = this.#zeros();
  }

  /** @internal */
  protected _sums(): Sums {
    return { weights: this.#weights, probabilities: this.#probabilities, truths: this.#truths };
  }

  /** @internal */
  protected _absorb(sums: Record<'weights' | 'probabilities' | 'truths', readonly number[]>): void {
    const lists = [sums.weights, sums.probabilities, sums.truths];
    if (lists.some((list) => list.length !== this.#bins || list.some((v) => !(v >= 0)))) {
      throw badState(this._name, `weights, probabilities and truths must have ${this.#bins} numbers of at least 0`);
    }
    const added = (mine: readonly number[], list: readonly number[]) => mine.map((v, i) => v + (list[i] as number));
    this.#weights = added(this.#weights, sums.weights);
    this.#probabilities = added(this.#probabilities, sums.probabilities);
    this.#truths = added(this.#truths, sums.truths);
  }
}

/**
 * The expected calibration error (Naeini et al. 2015, Guo et al. 2017): how far, in equal bins of probability, its mean is from the
 * share that was true, weighted by the samples of the bins. Input: probabilities of class 1 [n], or [n, classes], of which the
 * largest is judged; logits with `logits`. Target: classes [n] from 0 on.
 */
export class ExpectedCalibrationError extends Binned<number> {
  constructor(options: CalibrationOptions = {}) {
    super('ExpectedCalibrationError', options, 15);
  }

  /** @internal */
  protected _value(): number {
    const { probTrue, probPred, weights } = this._curve();
    const gaps = weights.map((weight, bin) => weight * Math.abs((probTrue[bin] as number) - (probPred[bin] as number)));
    return sumOf(gaps) / sumOf(weights);
  }
}

/**
 * The expected calibration error: how far probabilities are from the share that was true, in equal bins.
 *
 * @param input probabilities of class 1 [n], or [n, classes], of which the largest is judged; logits with `logits`
 * @param target classes [n] from 0 on
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.expectedCalibrationError([0.2, 0.8, 0.8, 0.8], [0, 1, 1, 0]); // 0.15
 */
export function expectedCalibrationError(
  input: Values,
  target: Values,
  options?: CalibrationOptions & SampleWeight,
): number {
  return once('expectedCalibrationError', ExpectedCalibrationError, input, target, options);
}

/**
 * The calibration curve of class 1: in equal bins of its probability, the mean of it and the share that was true. Input:
 * probabilities [n]; logits with `logits`. Target: 0 and 1, [n].
 */
export class CalibrationCurve extends Binned<Calibration> {
  constructor(options: CalibrationOptions = {}) {
    super('CalibrationCurve', options, 5);
  }

  /** @internal */
  protected override _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    if (input.columns !== 1) {
      const got = `got ${formatShape([input.rows, input.columns])}`;
      throw new ShapeError(`CalibrationCurve: input must be [n], ${got}; pass the column of a class`);
    }
    super._add(input, target, weights);
  }

  /** @internal */
  protected _value(): Calibration {
    return this._curve();
  }
}

/**
 * The calibration curve of class 1; bins without samples are left out.
 *
 * @param input probabilities of class 1 [n]; logits with `logits`
 * @param target 0 and 1, [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * const { probTrue, probPred } = metrics.calibrationCurve([0.2, 0.8, 0.8, 0.8], [0, 1, 1, 0]);
 */
export function calibrationCurve(
  input: Values,
  target: Values,
  options?: CalibrationOptions & SampleWeight,
): Calibration {
  return once('calibrationCurve', CalibrationCurve, input, target, options);
}
