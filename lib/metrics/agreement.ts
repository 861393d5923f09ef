// Agreement of predictions and targets beyond chance.
import { checkChoice } from '../errors.js';
import { checkLabels, checkPairs, LabelMetric, type LabelOptions, sumOf } from './labels.js';
import { once, type SampleWeight } from './metric.js';
import type { Values } from './values.js';

/** Options of {@link cohenKappaScore}. */
export interface CohenKappaOptions extends LabelOptions {
  /** The classes to look at, in order; default those that occur, sorted. */
  labels?: readonly number[];
  /** How much a disagreement counts: by the distance of the classes in the order, or its square; default all the same. */
  weights?: 'linear' | 'quadratic';
}

/**
 * Cohen's kappa (1960): 1 - observed / expected disagreement. 1 is full agreement, 0 that of chance, NaN where only one class
 * occurs. Input and target as in {@link LabelMetric}.
 *
 * @throws ArgumentError from `compute` for more than 4096 classes with `weights`
 */
export class CohenKappa extends LabelMetric<number> {
  readonly #labels: readonly number[] | undefined;
  readonly #weights: 'linear' | 'quadratic' | undefined;

  constructor(options: CohenKappaOptions = {}) {
    super('CohenKappa', options, ['labels', 'weights']);
    this.#labels = checkLabels('CohenKappa', options.labels);
    if (options.weights !== undefined) {
      this.#weights = checkChoice('CohenKappa', 'weights', options.weights, ['linear', 'quadratic'] as const);
    }
  }

  /** @internal */
  protected _value(): number {
    const labels = this.#labels ?? this._present();
    const place = new Map(labels.map((label, i) => [label, i]));
    const [truth, predicted] = [labels, labels].map((list) => new Array<number>(list.length).fill(0)) as [
      number[],
      number[],
    ];
    let observed = 0;
    for (const [t, p, weight] of this._cells()) {
      const [i, j] = [place.get(t), place.get(p)];
      if (i === undefined || j === undefined) continue;
      truth[i] = (truth[i] as number) + weight;
      predicted[j] = (predicted[j] as number) + weight;
      observed += this.#distance(i - j) * weight;
    }
    const expected = this.#expected(truth, predicted) / sumOf(truth);
    return expected === 0 ? Number.NaN : 1 - observed / expected;
  }

  #distance(steps: number): number {
    if (this.#weights === undefined) return steps === 0 ? 0 : 1;
    return this.#weights === 'linear' ? Math.abs(steps) : steps * steps;
  }

  // Σ distance(i - j) truth[i] predicted[j]
  #expected(truth: readonly number[], predicted: readonly number[]): number {
    let sum = 0;
    if (this.#weights === undefined) {
      const all = sumOf(predicted);
      for (const [i, weight] of truth.entries()) sum += weight * (all - (predicted[i] as number));
      return sum;
    }
    checkPairs('CohenKappa', truth);
    for (const [i, t] of truth.entries()) {
      if (t !== 0) for (const [j, p] of predicted.entries()) sum += this.#distance(i - j) * t * p;
    }
    return sum;
  }
}

/**
 * Cohen's kappa (1960): agreement of input and target beyond that of chance; NaN where only one class occurs.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.cohenKappaScore([0, 1, 1, 0], [0, 1, 0, 0]); // 0.5
 */
export function cohenKappaScore(input: Values, target: Values, options?: CohenKappaOptions & SampleWeight): number {
  return once('cohenKappaScore', CohenKappa, input, target, options);
}

/**
 * Matthews' correlation coefficient (1975), for several classes in the form of Gorodkin (2004): from -1 to 1, 0 for chance and
 * where input or target has one class only. Input and target as in {@link LabelMetric}.
 */
export class MatthewsCorrcoef extends LabelMetric<number> {
  constructor(options: LabelOptions = {}) {
    super('MatthewsCorrcoef', options, []);
  }

  /** @internal */
  protected _value(): number {
    const { truth, predicted, correct } = this._tally();
    const all = sumOf(truth);
    const dot = (a: readonly number[], b: readonly number[]) => sumOf(a.map((v, i) => v * (b[i] as number)));
    const spread = (all ** 2 - dot(truth, truth)) * (all ** 2 - dot(predicted, predicted));
    return spread <= 0 ? 0 : (sumOf(correct) * all - dot(truth, predicted)) / Math.sqrt(spread);
  }
}

/**
 * Matthews' correlation coefficient (1975) of input and target, 0 where one of them has one class only.
 *
 * @param input classes [n], scores [n, classes], or one score each with `threshold`
 * @param target classes [n]
 * @throws ArgumentError, DTypeError or ShapeError for other values, StateError without samples
 * @example
 * metrics.matthewsCorrcoef([0, 1, 1, 0], [0, 1, 0, 0]); // 0.57735…
 */
export function matthewsCorrcoef(input: Values, target: Values, options?: LabelOptions & SampleWeight): number {
  return once('matthewsCorrcoef', MatthewsCorrcoef, input, target, options);
}
