// How well predicted numbers follow the targets: R², Pearson's and Spearman's correlation.
import { ArgumentError, checkChoice, checkFlag, checkNumber, ShapeError } from '../errors.js';
import { sumOf } from './labels.js';
import { badState, Metric, once, type SampleWeight, type Sums } from './metric.js';
import type { Outputs } from './regression.js';
import { type Block, checkRows, type Values } from './values.js';

/** Sums about the means of two lists, input x and target y. */
interface Moments {
  weight: number;
  meanX: number;
  meanY: number;
  xx: number;
  yy: number;
  xy: number;
  /** Σ w (x - y)² */
  residual: number;
}

const keys = ['weight', 'meanX', 'meanY', 'xx', 'yy', 'xy', 'residual'] as const;
const none: Moments = { weight: 0, meanX: 0, meanY: 0, xx: 0, yy: 0, xy: 0, residual: 0 };

/** Of one column. Values are taken from the first one, so that equal values have exactly no spread. */
function momentsOf(input: Block, target: Block, column: number, weights: ArrayLike<number> | undefined): Moments {
  const { rows, columns } = input;
  const at = ({ data }: Block, i: number) => data[i * columns + column] as number;
  const weightOf = (i: number) => (weights === undefined ? 1 : (weights[i] as number));
  if (rows === 0) return none;
  const [x0, y0] = [at(input, 0), at(target, 0)];
  let [weight, sumX, sumY] = [0, 0, 0];
  for (let i = 0; i < rows; i++) {
    weight += weightOf(i);
    sumX += weightOf(i) * (at(input, i) - x0);
    sumY += weightOf(i) * (at(target, i) - y0);
  }
  if (weight === 0) return none;
  const m = { ...none, weight, meanX: x0 + sumX / weight, meanY: y0 + sumY / weight };
  for (let i = 0; i < rows; i++) {
    const [dx, dy] = [at(input, i) - x0 - sumX / weight, at(target, i) - y0 - sumY / weight];
    m.xx += weightOf(i) * dx * dx;
    m.yy += weightOf(i) * dy * dy;
    m.xy += weightOf(i) * dx * dy;
    m.residual += weightOf(i) * (at(input, i) - at(target, i)) ** 2;
  }
  return m;
}

/** Of two parts together (Chan et al. 1979). */
function joined(a: Moments, b: Moments): Moments {
  if (a.weight === 0) return b;
  if (b.weight === 0) return a;
  const weight = a.weight + b.weight;
  const [dx, dy] = [b.meanX - a.meanX, b.meanY - a.meanY];
  const share = b.weight / weight;
  const between = a.weight * share;
  return {
    weight,
    meanX: a.meanX + dx * share,
    meanY: a.meanY + dy * share,
    xx: a.xx + b.xx + dx * dx * between,
    yy: a.yy + b.yy + dy * dy * between,
    xy: a.xy + b.xy + dx * dy * between,
    residual: a.residual + b.residual,
  };
}

abstract class MomentMetric<Result> extends Metric<Result> {
  #columns: Moments[] = [];

  /** @internal */
  protected override _check(input: Block, target: Block): void {
    checkRows(this._name, 'target', target, input.rows, input.columns);
    this.#checkColumns(input.columns);
  }

  #checkColumns(columns: number): void {
    const before = this.#columns.length;
    if (before === 0 || columns === before) return;
    throw new ShapeError(`${this._name}: input must have ${before} columns as before, got ${columns}`);
  }

  /** @internal */
  protected _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    this.#join(Array.from({ length: input.columns }, (_, column) => momentsOf(input, target, column, weights)));
  }

  #join(parts: readonly Moments[]): void {
    this.#columns = parts.map((part, column) => joined(this.#columns[column] ?? none, part));
  }

  /** @internal */
  protected _moments(): readonly Moments[] {
    return this.#columns;
  }

  /** @internal */
  protected _weight(): number {
    return this.#columns[0]?.weight ?? 0;
  }

  /** @internal */
  protected _clear(): void {
    this.#columns = [];
  }

  /** @internal */
  protected _sums(): Sums {
    return Object.fromEntries(keys.map((key) => [key, this.#columns.map((column) => column[key])]));
  }

  /** @internal */
  protected _absorb(sums: Sums): void {
    const { weight = [] } = sums;
    if (keys.some((key) => sums[key]?.length !== weight.length)) {
      throw badState(this._name, `${keys.join(', ')} must be equally long`);
    }
    for (const [i, w] of weight.entries()) checkNumber(this._name, `weight[${i}]`, w, { min: 0 });
    if (weight.length === 0) return;
    this.#checkColumns(weight.length);
    this.#join(
      weight.map((_, i) => Object.fromEntries(keys.map((key) => [key, sums[key]?.[i]])) as unknown as Moments),
    );
  }
}

/** What is made of several columns by {@link r2Score}. */
export type R2Multioutput = 'uniformAverage' | 'varianceWeighted' | 'rawValues';

/** Options of {@link r2Score}. */
export interface R2Options<M extends string = R2Multioutput> {
  /** Of input [n, columns]: the mean (default), that weighted by the variances of the targets, or one value for each. */
  multioutput?: M;
  /** Whether constant targets give 1 for a perfect prediction and else 0, default true; otherwise NaN and -Infinity. */
  forceFinite?: boolean;
}

/**
 * The coefficient of determination, 1 - Σ (target - input)² / Σ (target - mean)²: 1 is perfect, 0 as good as the mean, NaN for
 * fewer than two samples. Input and target: numbers [n] or [n, columns].
 */
export class R2<M extends R2Multioutput = 'uniformAverage'> extends MomentMetric<Outputs<M>> {
  readonly #multioutput: R2Multioutput;
  readonly #finite: boolean;

  constructor(options: R2Options<M> = {}) {
    super('R2', options, ['multioutput', 'forceFinite']);
    const choices: R2Multioutput[] = ['uniformAverage', 'varianceWeighted', 'rawValues'];
    this.#multioutput = checkChoice<R2Multioutput>('R2', 'multioutput', options.multioutput, choices, 'uniformAverage');
    this.#finite = checkFlag('R2', 'forceFinite', options.forceFinite, true);
  }

  /** @internal */
  protected _value(): Outputs<M> {
    if (this.samples < 2) return Number.NaN as Outputs<M>;
    const columns = this._moments();
    const scores = columns.map(({ yy, residual }) => {
      if (yy !== 0 || !this.#finite) return residual === 0 && yy === 0 ? Number.NaN : 1 - residual / yy;
      return residual === 0 ? 1 : 0;
    });
    if (this.#multioutput === 'rawValues') return scores as Outputs<M>;
    const spread = sumOf(columns.map(({ yy }) => yy));
    if (this.#multioutput === 'uniformAverage' || spread === 0) return (sumOf(scores) / scores.length) as Outputs<M>;
    return (sumOf(scores.map((score, i) => score * (columns[i] as Moments).yy)) / spread) as Outputs<M>;
  }
}

/**
 * The coefficient of determination R².
 *
 * @param input predicted numbers [n] or [n, columns]
 * @param target what is right, of the same shape
 * @returns NaN for fewer than two samples
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.r2Score([1, 2, 3.5], [1, 2, 3]); // 0.875
 */
export function r2Score<M extends R2Multioutput = 'uniformAverage'>(
  input: Values,
  target: Values,
  options?: R2Options<M> & SampleWeight,
): Outputs<M> {
  return once<Outputs<M>>('r2Score', R2<M>, input, target, options);
}

function checkColumn(name: string, { columns }: Block): void {
  if (columns !== 1) throw new ShapeError(`${name}: input must be [n], got ${columns} columns`);
}

const correlation = ({ xx, yy, xy }: Moments): number => Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));

/** Pearson's correlation, from -1 to 1; NaN for constant input or target. Input and target: numbers [n]. */
export class PearsonCorrcoef extends MomentMetric<number> {
  constructor(options: Record<string, never> = {}) {
    super('PearsonCorrcoef', options, []);
  }

  /** @internal */
  protected override _check(input: Block, target: Block): void {
    checkColumn('PearsonCorrcoef', input);
    super._check(input, target);
  }

  /** @internal */
  protected _value(): number {
    return correlation(this._moments()[0] as Moments);
  }
}

/**
 * Pearson's correlation of input and target; NaN where one of them is constant.
 *
 * @param input predicted numbers [n]
 * @param target what is right, [n]
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.pearsonCorrcoef([1, 2, 3], [2, 4, 6]); // 1
 */
export function pearsonCorrcoef(input: Values, target: Values, options?: SampleWeight): number {
  return once('pearsonCorrcoef', PearsonCorrcoef, input, target, options);
}

/**
 * Spearman's rank correlation (1904): Pearson's of the ranks, ties having their mean rank; NaN for constant input or target. It
 * keeps all samples, since ranks change with each. It takes no weights. Input and target: numbers [n].
 */
export class SpearmanCorrcoef extends Metric<number> {
  #input: number[] = [];
  #target: number[] = [];

  constructor(options: Record<string, never> = {}) {
    super('SpearmanCorrcoef', options, []);
  }

  /** @internal */
  protected _add({ data, rows, columns }: Block, target: Block, weights: ArrayLike<number> | undefined): void {
    checkColumn('SpearmanCorrcoef', { data, rows, columns, eps: 0 });
    if (weights !== undefined) throw new ArgumentError('SpearmanCorrcoef: weights must be left out: ranks have none');
    for (let i = 0; i < rows; i++) {
      this.#input.push(data[i] as number);
      this.#target.push(target.data[i] as number);
    }
  }

  /** @internal */
  protected _value(): number {
    const ranked = (list: readonly number[]): Block => ({ data: ranks(list), rows: list.length, columns: 1, eps: 0 });
    return correlation(momentsOf(ranked(this.#input), ranked(this.#target), 0, undefined));
  }

  /** @internal */
  protected _weight(): number {
    return this.#input.length;
  }

  /** @internal */
  protected _clear(): void {
    this.#input = [];
    this.#target = [];
  }

  /** @internal */
  protected _sums(): Sums {
    return { input: [...this.#input], target: [...this.#target] };
  }

  /** @internal */
  protected _absorb({ input, target }: Record<'input' | 'target', readonly number[]>): void {
    if (input.length !== target.length) throw badState('SpearmanCorrcoef', 'input and target must be equally long');
    if (![input, target].every((list) => list.every((v) => Number.isFinite(v))))
      throw badState('SpearmanCorrcoef', 'values must be finite');
    for (const v of input) this.#input.push(v);
    for (const v of target) this.#target.push(v);
  }
}

/** The rank of each value from 1 on; equal values have the mean of their ranks. */
function ranks(list: readonly number[]): Float64Array {
  const sorted = Float64Array.from(list).sort();
  const rank = new Map<number, number>();
  for (let i = 0, end = 0; i < sorted.length; i = end) {
    while (end < sorted.length && sorted[end] === sorted[i]) end++;
    rank.set(sorted[i] as number, (i + 1 + end) / 2);
  }
  return Float64Array.from(list, (v) => rank.get(v) as number);
}

/**
 * Spearman's rank correlation of input and target; NaN where one of them is constant.
 *
 * @param input predicted numbers [n]
 * @param target what is right, [n]
 * @throws ArgumentError or ShapeError for other values, StateError without samples
 * @example
 * metrics.spearmanCorrcoef([1, 2, 3], [1, 4, 9]); // 1
 */
export function spearmanCorrcoef(input: Values, target: Values, options?: Record<string, never>): number {
  return once('spearmanCorrcoef', SpearmanCorrcoef, input, target, options);
}
