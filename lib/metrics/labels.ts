// Metrics of predicted classes, all computed from the weights of the pairs (target, predicted).
import { ArgumentError, checkInteger, checkNumber, describe } from '../errors.js';
import { badState, Metric, type Sums } from './metric.js';
import { type Block, predictedLabels, readLabels } from './values.js';

/** Options of the metrics that compare classes. */
export interface LabelOptions {
  /** Above which a sample's one score means class 1: 0.5 for probabilities, 0 for logits. Without it, input [n] holds classes. */
  threshold?: number;
}

/** The weight of each class among targets, among predictions, and where both agree. */
export interface Tally {
  readonly labels: readonly number[];
  readonly truth: readonly number[];
  readonly predicted: readonly number[];
  readonly correct: readonly number[];
}

/**
 * A metric of predicted classes. Input: classes [n], integers; scores [n, classes], of which the largest counts,
 * probabilities or logits; or with `threshold` one score for each sample. Target: classes [n].
 */
export abstract class LabelMetric<Result> extends Metric<Result> {
  readonly #cells = new Map<number, Map<number, number>>();
  readonly #threshold: number | undefined;

  /** @internal */
  constructor(name: string, options: LabelOptions, known: readonly string[]) {
    super(name, options, [...known, 'threshold']);
    const { threshold } = options;
    if (threshold !== undefined) checkNumber(name, 'threshold', threshold);
    this.#threshold = threshold;
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    const predicted = predictedLabels(this._name, input, this.#threshold);
    const truth = readLabels(this._name, 'target', target);
    for (let i = 0; i < truth.length; i++) {
      this.#cell(truth[i] as number, predicted[i] as number, weights === undefined ? 1 : (weights[i] as number));
    }
  }

  #cell(truth: number, predicted: number, weight: number): void {
    let row = this.#cells.get(truth);
    if (row === undefined) {
      row = new Map();
      this.#cells.set(truth, row);
    }
    row.set(predicted, (row.get(predicted) ?? 0) + weight);
  }

  /** @internal */
  protected _weight(): number {
    let sum = 0;
    for (const [, , weight] of this._cells()) sum += weight;
    return sum;
  }

  /** @internal */
  protected _clear(): void {
    this.#cells.clear();
  }

  /** @internal */
  protected _sums(): Sums {
    const [target, input, weight]: [number[], number[], number[]] = [[], [], []];
    for (const [truth, predicted, w] of this._cells()) {
      target.push(truth);
      input.push(predicted);
      weight.push(w);
    }
    return { target, input, weight };
  }

  /** @internal */
  protected _absorb({ target, input, weight }: Record<'target' | 'input' | 'weight', readonly number[]>): void {
    if (target.length !== input.length || target.length !== weight.length) {
      throw badState(this._name, 'target, input and weight must be equally long');
    }
    for (const [i, w] of weight.entries()) {
      checkInteger(this._name, `target[${i}]`, target[i], Number.MIN_SAFE_INTEGER);
      checkInteger(this._name, `input[${i}]`, input[i], Number.MIN_SAFE_INTEGER);
      checkNumber(this._name, `weight[${i}]`, w, { min: 0 });
    }
    for (const [i, w] of weight.entries()) this.#cell(target[i] as number, input[i] as number, w);
  }

  /** @internal Each pair of target and predicted class that occurred, with its weight. */
  protected *_cells(): Generator<[truth: number, predicted: number, weight: number]> {
    for (const [truth, row] of this.#cells) for (const [predicted, weight] of row) yield [truth, predicted, weight];
  }

  /** @internal The classes that occurred, sorted. */
  protected _present(): number[] {
    const all = new Set<number>();
    for (const [truth, predicted] of this._cells()) all.add(truth).add(predicted);
    return [...all].sort((a, b) => a - b);
  }

  /** @internal Sums for the given classes; default all that occurred. */
  protected _tally(labels: readonly number[] = this._present()): Tally {
    const place = new Map(labels.map((label, i) => [label, i]));
    const [truth, predicted, correct] = [0, 0, 0].map(() => new Array<number>(labels.length).fill(0)) as [
      number[],
      number[],
      number[],
    ];
    const add = (sums: number[], label: number, weight: number): void => {
      const i = place.get(label);
      if (i !== undefined) sums[i] = (sums[i] as number) + weight;
    };
    for (const [t, p, weight] of this._cells()) {
      add(truth, t, weight);
      add(predicted, p, weight);
      if (t === p) add(correct, t, weight);
    }
    return { labels, truth, predicted, correct };
  }
}

/** @internal Different integers, at least one. */
export function checkLabels(operation: string, labels: unknown): readonly number[] | undefined {
  if (labels === undefined) return undefined;
  if (!Array.isArray(labels) || labels.length === 0) {
    throw new ArgumentError(`${operation}: labels must be an array of at least one class, got ${describe(labels)}`);
  }
  const list = Array.from(labels, (label, i) =>
    checkInteger(operation, `labels[${i}]`, label, Number.MIN_SAFE_INTEGER),
  );
  if (new Set(list).size < list.length) {
    throw new ArgumentError(`${operation}: labels must differ from each other, got ${describe(labels)}`);
  }
  return list;
}

const mostClasses = 4096;

/** @internal Throws for more classes than a matrix of all pairs should have. */
export function checkPairs(operation: string, labels: readonly number[]): void {
  if (labels.length <= mostClasses) return;
  const got = `got ${labels.length} different ones; give the labels that matter`;
  throw new ArgumentError(`${operation}: at most ${mostClasses} classes can be compared pair by pair, ${got}`);
}

/** @internal */
export function sumOf(list: readonly number[] | Float64Array): number {
  let sum = 0;
  for (const value of list) sum += value;
  return sum;
}
