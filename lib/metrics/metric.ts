// What all metrics share: counting samples, merging, and their state as JSON.
import { AdjointError, ArgumentError, checkInteger, describe, isPlain, reword, StateError } from '../errors.js';
import { checkOptions } from '../options.js';
import { type Block, checkRows, readValues, readWeights, type Values } from './values.js';

/** What `toJSON` of a metric gives. Infinities and NaN, which JSON has not, are texts. */
export interface MetricState {
  metric: string;
  version: 1;
  options: Record<string, unknown>;
  samples: number;
  state: Record<string, (number | string)[]>;
}

/** Numbers that say all that a metric has seen. */
export type Sums = Record<string, readonly number[]>;

/** Option of the functions that compute a metric at once. */
export interface SampleWeight {
  /** A weight of at least 0 for each sample; default 1 each. */
  sampleWeight?: Values;
}

/**
 * A metric of a stream: `update` adds a batch, `compute` gives the value over all of them, which is that of one batch with
 * all samples, but for rounding. Parts of the data may be counted apart, and merged.
 *
 * Input comes before targets, as in losses. [n] and [n, 1] mean the same.
 *
 * @example
 * const accuracy = new metrics.Accuracy();
 * accuracy.update(tensor([0, 1, 1]), tensor([0, 1, 0]));
 * accuracy.update(tensor([2]), tensor([2]));
 * accuracy.compute(); // 0.75
 */
export abstract class Metric<Result> {
  readonly #name: string;
  readonly #options: Readonly<Record<string, unknown>>;
  #samples = 0;

  /** @internal */
  constructor(name: string, options: object, known: readonly string[]) {
    checkOptions(name, options, known);
    this.#name = name;
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.#options = Object.freeze(Object.fromEntries(given));
  }

  /** How many samples it has seen. */
  get samples(): number {
    return this.#samples;
  }

  /** @internal For error texts. */
  protected get _name(): string {
    return this.#name;
  }

  /** @internal Adds samples to the sums. What it throws, it throws before it changes anything. */
  protected abstract _add(input: Block, target: Block, weights: ArrayLike<number> | undefined): void;
  /** @internal The sum of the weights of all samples. */
  protected abstract _weight(): number;
  /** @internal The value; there is at least one sample with a weight. */
  protected abstract _value(): Result;
  /** @internal */
  protected abstract _clear(): void;
  /** @internal The sums, for JSON and for another metric. */
  protected abstract _sums(): Sums;
  /** @internal Adds sums of the same kind. */
  protected abstract _absorb(sums: Sums): void;

  /**
   * Adds samples.
   *
   * @param input what the model says, in the form that the class tells
   * @param target what is right
   * @param weights a weight of at least 0 for each sample; default 1 each
   * @returns the metric itself
   * @throws ShapeError, DTypeError or ArgumentError for values that the metric does not take; it is then as it was
   */
  update(input: Values, target: Values, weights?: Values): this {
    const x = readValues(this.#name, 'input', input);
    const y = readValues(this.#name, 'target', target);
    const w = weights === undefined ? undefined : readWeights(this.#name, weights, x.rows);
    this._check(x, y);
    this._add(x, y, w?.data);
    this.#samples += x.rows;
    return this;
  }

  /** @internal */
  protected _check(input: Block, target: Block): void {
    checkRows(this.#name, 'target', target, input.rows);
  }

  /**
   * The value over all samples.
   *
   * @throws StateError when there was no sample, or none with a weight
   */
  compute(): Result {
    if (!(this._weight() > 0)) {
      const got = this.#samples === 0 ? 'none' : `${this.#samples} with a weight of 0`;
      throw new StateError(`${this.#name}: compute needs at least one sample with a weight, got ${got}`);
    }
    return this._value();
  }

  /** Forgets all samples, and returns the metric itself. */
  reset(): this {
    this.#samples = 0;
    this._clear();
    return this;
  }

  /**
   * Adds the samples of another metric of the same class and options, which stays as it is.
   *
   * @returns the metric itself
   * @throws ArgumentError for another class or other options
   */
  merge(other: Metric<Result>): this {
    if (!(other instanceof Metric) || other.#name !== this.#name) {
      throw new ArgumentError(`${this.#name}.merge: other must be a ${this.#name}, got ${describe(other)}`);
    }
    const [mine, theirs] = [this, other].map((metric) => JSON.stringify(encoded(metric.#options)));
    if (mine !== theirs) {
      throw new ArgumentError(`${this.#name}.merge: other must have the options ${mine}, got ${theirs}`);
    }
    this._absorb(other._sums());
    this.#samples += other.#samples;
    return this;
  }

  /** All that the metric knows, for `JSON.stringify`: `fromJSON` makes the same metric of it, bit for bit. */
  toJSON(): MetricState {
    const state = Object.fromEntries(Object.entries(this._sums()).map(([key, list]) => [key, list.map(encode)]));
    const options = encoded(this.#options);
    return { metric: this.#name, version: 1, options, samples: this.#samples, state };
  }

  /**
   * The metric that `toJSON` describes.
   *
   * @throws ArgumentError when it describes none, or one of another class
   * @example
   * const before = new metrics.MeanSquaredError().update([1, 2], [1, 4]);
   * const text = JSON.stringify(before);
   * metrics.MeanSquaredError.fromJSON(JSON.parse(text)).compute(); // 2
   */
  static fromJSON<M extends Metric<unknown>>(this: new (options: never) => M, json: unknown): M {
    const { metric, version, options, samples, state } = recordOf('fromJSON', 'json', json);
    const made = new this((isPlain(options) ? decoded(options as Record<string, unknown>) : options) as never);
    const operation = `${made.#name}.fromJSON`;
    if (metric !== made.#name || version !== 1) {
      const got = `${describe(metric)} of version ${describe(version)}`;
      throw new ArgumentError(`${operation}: json must describe a ${made.#name} of version 1, got ${got}`);
    }
    const lists = Object.entries(recordOf(operation, 'state', state));
    const known = Object.keys(made._sums());
    const sums = Object.fromEntries(lists.map(([key, list]) => [key, numbersOf(operation, key, list)]));
    if (known.length !== lists.length || known.some((key) => sums[key] === undefined)) {
      throw new ArgumentError(`${operation}: state must have ${known.join(', ')}, got ${lists.map(([key]) => key)}`);
    }
    made._absorb(sums);
    made.#samples = checkInteger(operation, 'samples', samples);
    return made;
  }
}

/** @internal The error of a state whose lists do not belong together. */
export function badState(name: string, rule: string): ArgumentError {
  return new ArgumentError(`${name}.fromJSON: ${rule}`);
}

const special = ['Infinity', '-Infinity', 'NaN'];
const encode = (value: number): number | string => (Number.isFinite(value) ? value : String(value));
const decode = (value: unknown): unknown => (special.includes(value as string) ? Number(value) : value);
const mapped = (record: object, fn: (value: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fn(value)]));
const encoded = (options: object) => mapped(options, (v) => (typeof v === 'number' ? encode(v) : v));
const decoded = (options: object) => mapped(options, decode);

function recordOf(operation: string, name: string, value: unknown): Record<string, unknown> {
  if (isPlain(value)) return value as Record<string, unknown>;
  throw new ArgumentError(`${operation}: ${name} must be an object that toJSON gave, got ${describe(value)}`);
}

function numbersOf(operation: string, name: string, list: unknown): number[] {
  if (!Array.isArray(list)) throw new ArgumentError(`${operation}: ${name} must be an array, got ${describe(list)}`);
  return Array.from(list, (entry: unknown, i) => {
    const value = decode(entry);
    if (typeof value === 'number' && (typeof entry === 'string' || Number.isFinite(entry))) return value;
    throw new ArgumentError(`${operation}: ${name}[${i}] must be a number, got ${describe(entry)}`);
  });
}

/** @internal The value of a metric for all samples at once, and errors under the function's name. */
export function once<Result>(
  operation: string,
  Class: new (options: never) => Metric<Result>,
  input: Values,
  target: Values,
  options: SampleWeight | undefined,
): Result {
  let name = Class.name;
  try {
    const { sampleWeight, ...rest }: SampleWeight = isPlain(options) ? options : {};
    const metric = new Class((isPlain(options) ? rest : options) as never);
    name = metric.toJSON().metric;
    return metric.update(input, target, sampleWeight).compute();
  } catch (error) {
    if (error instanceof AdjointError && error.message.startsWith(`${name}: `)) {
      reword(error, operation + error.message.slice(name.length));
    }
    throw error;
  }
}
