// Metrics of predicted probabilities and scores.
import { checkFlag, checkInteger, formatShape, ShapeError } from '../errors.js';
import { MeanMetric } from './mean.js';
import { once, type SampleWeight } from './metric.js';
import { type Block, readClasses, readProbabilities, type Values } from './values.js';

/** Options of {@link logLoss}. */
export interface LogLossOptions {
  /** Whether input holds logits, to which softmax or, for [n], sigmoid is applied; default false: probabilities. */
  logits?: boolean;
  /** Whether to give the mean; default true. Otherwise the sum. */
  normalize?: boolean;
}

/**
 * The mean of -log p of the class that is right (cross entropy). Input: probabilities [n, classes] that sum to 1, or of class 1
 * [n]; logits with `logits`. Target: classes [n] from 0 on. Probabilities are clipped to [eps, 1 - eps], eps being 2⁻²³ for
 * float32 and 2⁻⁵² else; of logits the exact value is taken.
 */
export class LogLoss extends MeanMetric<number> {
  readonly #logits: boolean;
  readonly #normalize: boolean;

  constructor(options: LogLossOptions = {}) {
    super('LogLoss', options, ['logits', 'normalize']);
    this.#logits = checkFlag('LogLoss', 'logits', options.logits, false);
    this.#normalize = checkFlag('LogLoss', 'normalize', options.normalize, true);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const { data, rows, columns, eps } = this.#logits ? input : readProbabilities('LogLoss', input, false);
    const labels = readClasses('LogLoss', target, Math.max(columns, 2));
    const losses = new Float64Array(rows);
    for (let i = 0; i < rows; i++) {
      const label = labels[i] as number;
      if (this.#logits) losses[i] = lossOfLogits(data, i, columns, label);
      else {
        const p = data[i * columns + (columns === 1 ? 0 : label)] as number;
        losses[i] = -Math.log(Math.min(Math.max(columns === 1 && label === 0 ? 1 - p : p, eps), 1 - eps));
      }
    }
    this._addValues(losses, 1, weights);
  }

  /** @internal */
  protected _value(): number {
    return (this.#normalize ? this._means() : this._totals())[0] as number;
  }
}

// log Σ exp(z) - z of the label; of one logit z, of 0 and z.
function lossOfLogits(data: ArrayLike<number>, row: number, columns: number, label: number): number {
  const at = (c: number): number =>
    columns === 1 ? (c === 0 ? 0 : (data[row] as number)) : (data[row * columns + c] as number);
  const classes = Math.max(columns, 2);
  let largest = at(0);
  for (let c = 1; c < classes; c++) largest = Math.max(largest, at(c));
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp(at(c) - largest);
  return Math.log(sum) + largest - at(label);
}

/**
 * The mean of -log p of the class that is right (cross entropy).
 *
 * @param input probabilities [n, classes], or of class 1 [n]; logits with `logits`
 * @param target classes [n] from 0 on
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.logLoss([0.25, 0.5], [0, 1]); // 0.4904…
 */
export function logLoss(input: Values, target: Values, options?: LogLossOptions & SampleWeight): number {
  return once('logLoss', LogLoss, input, target, options);
}

/** Options of {@link brierScoreLoss}. */
export interface BrierOptions {
  /** Whether input holds logits, to which softmax or, for [n], sigmoid is applied; default false: probabilities. */
  logits?: boolean;
  /** Whether to halve the sum over classes, so that the score is at most 1; default for two classes only. */
  scaleByHalf?: boolean;
}

/**
 * Brier's score (1950): the mean squared distance of the probabilities from the truth, (p - y)² summed over the classes, for two
 * classes halved. Input: probabilities [n, classes] that sum to 1, or of class 1 [n]; logits with `logits`. Target: classes [n]
 * from 0 on.
 */
export class BrierScoreLoss extends MeanMetric<number> {
  readonly #logits: boolean;
  readonly #half: boolean | undefined;

  constructor(options: BrierOptions = {}) {
    super('BrierScoreLoss', options, ['logits', 'scaleByHalf']);
    this.#logits = checkFlag('BrierScoreLoss', 'logits', options.logits, false);
    const { scaleByHalf } = options;
    this.#half = scaleByHalf === undefined ? undefined : checkFlag('BrierScoreLoss', 'scaleByHalf', scaleByHalf);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const { data, rows, columns } = readProbabilities('BrierScoreLoss', input, this.#logits);
    const labels = readClasses('BrierScoreLoss', target, Math.max(columns, 2));
    const isHalved = this.#half ?? columns < 3;
    const scores = new Float64Array(rows);
    for (let i = 0; i < rows; i++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) {
        const truth = labels[i] === (columns === 1 ? 1 : c) ? 1 : 0;
        sum += ((data[i * columns + c] as number) - truth) ** 2;
      }
      if (columns === 1) sum *= 2; // the other class is as far off
      scores[i] = isHalved ? sum / 2 : sum;
    }
    this._addValues(scores, 1, weights);
  }

  /** @internal */
  protected _value(): number {
    return this._means()[0] as number;
  }
}

/**
 * Brier's score: the mean squared distance of the probabilities from the truth.
 *
 * @param input probabilities [n, classes], or of class 1 [n]; logits with `logits`
 * @param target classes [n] from 0 on
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.brierScoreLoss([0.25, 0.5], [0, 1]); // 0.15625
 */
export function brierScoreLoss(input: Values, target: Values, options?: BrierOptions & SampleWeight): number {
  return once('brierScoreLoss', BrierScoreLoss, input, target, options);
}

/** Options of {@link topKAccuracyScore}. */
export interface TopKOptions {
  /** How many guesses a sample has; default 2. */
  k?: number;
  /** Whether to give the share; default true. Otherwise the number, or the sum of the weights. */
  normalize?: boolean;
}

/**
 * The share of samples whose class is among the k with the highest scores; of equal scores, the last class counts as the higher,
 * as in scikit-learn. Input: scores [n, classes], probabilities or logits. Target: classes [n] from 0 on.
 */
export class TopKAccuracy extends MeanMetric<number> {
  readonly #k: number;
  readonly #normalize: boolean;

  constructor(options: TopKOptions = {}) {
    super('TopKAccuracy', options, ['k', 'normalize']);
    this.#k = checkInteger('TopKAccuracy', 'k', options.k ?? 2, 1);
    this.#normalize = checkFlag('TopKAccuracy', 'normalize', options.normalize, true);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const { data, rows, columns } = input;
    if (columns === 1) {
      const hint = 'a score for each class';
      throw new ShapeError(`TopKAccuracy: input must be [n, classes], got ${formatShape([rows])}; it needs ${hint}`);
    }
    const labels = readClasses('TopKAccuracy', target, columns);
    const hits = new Uint8Array(rows);
    for (let i = 0; i < rows; i++) {
      const label = labels[i] as number;
      const own = data[i * columns + label] as number;
      let above = 0;
      for (let c = 0; c < columns; c++) {
        const score = data[i * columns + c] as number;
        if (score > own || (score === own && c > label)) above++;
      }
      hits[i] = above < this.#k ? 1 : 0;
    }
    this._addValues(hits, 1, weights);
  }

  /** @internal */
  protected _value(): number {
    return (this.#normalize ? this._means() : this._totals())[0] as number;
  }
}

/**
 * The share of samples whose class is among the k with the highest scores.
 *
 * @param input scores [n, classes], probabilities or logits
 * @param target classes [n] from 0 on
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.topKAccuracyScore([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [1, 0], { k: 2 }); // 0.5
 */
export function topKAccuracyScore(input: Values, target: Values, options?: TopKOptions & SampleWeight): number {
  return once('topKAccuracyScore', TopKAccuracy, input, target, options);
}
