// Metrics that are means over the samples.
import { checkNumber, ShapeError } from '../errors.js';
import { badState, Metric, type Sums } from './metric.js';

/** A metric made of weighted sums, one for each column, and the sum of the weights. */
export abstract class MeanMetric<Result> extends Metric<Result> {
  #totals: number[] = [];
  #weight = 0;

  /** @internal Adds the values of samples, row by row. */
  protected _addValues(values: ArrayLike<number>, columns: number, weights: ArrayLike<number> | undefined): void {
    if (this.#totals.length > 0) this._checkColumns(columns);
    else this.#totals = new Array<number>(columns).fill(0);
    for (let i = 0; i < values.length; i++) {
      const row = Math.floor(i / columns);
      const weight = weights === undefined ? 1 : (weights[row] as number);
      const column = i - row * columns;
      this.#totals[column] = (this.#totals[column] as number) + weight * (values[i] as number);
      if (column === 0) this.#weight += weight;
    }
  }

  /** @internal */
  protected _checkColumns(columns: number): void {
    if (this.#totals.length !== 0 && columns !== this.#totals.length) {
      const rule = `input must have ${this.#totals.length} columns as before`;
      throw new ShapeError(`${this._name}: ${rule}, got ${columns}`);
    }
  }

  /** @internal The mean of each column. */
  protected _means(): number[] {
    return this.#totals.map((total) => total / this.#weight);
  }

  /** @internal The sum of each column. */
  protected _totals(): readonly number[] {
    return this.#totals;
  }

  /** @internal */
  protected _weight(): number {
    return this.#totals.length === 0 ? 0 : this.#weight;
  }

  /** @internal */
  protected _clear(): void {
    this.#totals = [];
    this.#weight = 0;
  }

  /** @internal */
  protected _sums(): Sums {
    return { totals: this.#totals, weight: [this.#weight] };
  }

  /** @internal */
  protected _absorb({ totals, weight }: Record<'totals' | 'weight', readonly number[]>): void {
    if (weight.length !== 1) throw badState(this._name, 'weight must be one number');
    checkNumber(this._name, 'weight', weight[0], { min: 0 });
    if (totals.some(Number.isNaN)) throw badState(this._name, 'totals must not be NaN');
    if (totals.length === 0) return;
    this._checkColumns(totals.length);
    this.#totals = totals.map((total, i) => total + (this.#totals[i] ?? 0));
    this.#weight += weight[0] as number;
  }
}
