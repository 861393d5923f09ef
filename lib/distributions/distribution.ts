import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { type DType, isFloat } from '../dtype.js';
import { ArgumentError, checkFlag, DTypeError, describe, formatShape, ShapeError, StateError } from '../errors.js';
import { expandTo, type Operand } from '../ops/broadcast.js';
import { to } from '../ops/copy.js';
import { full } from '../ops/creation.js';
import { exp, sqrt } from '../ops/elementwise.js';
import { Generator } from '../ops/generator.js';
import { sum } from '../ops/reduce.js';
import { reshaped } from '../ops/shape.js';
import { broadcastShapes, checkShape, type Shape } from '../shape.js';
import { checkTensor, Tensor } from '../tensor.js';
import { type Constraint, checkSatisfied } from './constraints.js';

/** The option of every distribution. */
export interface Validation {
  /**
   * Whether parameters and values are checked against their constraints; default true. The check reads values, so that it is
   * left out while a step is compiled.
   */
  validateArgs?: boolean;
}

/** Options of `sample` and `rsample`. */
export interface SampleOptions {
  /** The dimensions of independent samples, before those of the batch; default []. */
  sampleShape?: Shape;
  /** Where the numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
}

/** Arguments of `sample` and `rsample`. */
export type SampleArguments = Positional<SampleOptions, [sampleShape: 'sampleShape']>;

/** Where samples take their random numbers from. */
export interface Source {
  generator?: Generator;
}

/** @internal Euler's constant. */
export const eulerGamma = 0.5772156649015329;

let validating = true;

/** Base of the distributions: independent ones for each element of `batchShape`, each with values of `eventShape`. */
export abstract class Distribution {
  /** The dimensions of independent, differently parameterised distributions. */
  readonly batchShape: Shape;
  /** The dimensions of one value. */
  readonly eventShape: Shape;
  /** @internal */
  readonly validated: boolean;

  /** Sets whether distributions that are made without `validateArgs` check their arguments; at first they do. */
  static setDefaultValidateArgs(value: boolean): void {
    validating = checkFlag('distributions.Distribution.setDefaultValidateArgs', 'value', value);
  }

  /** @param options validateArgs: default true */
  constructor(batchShape: Shape = [], eventShape: Shape = [], options: Validation = {}) {
    const name = `distributions.${new.target.name}`;
    this.batchShape = Object.freeze(checkShape(name, batchShape));
    this.eventShape = Object.freeze(checkShape(name, eventShape));
    const { validateArgs } = optionsOf<Validation>(name, [options], [], ['validateArgs']);
    this.validated = checkFlag(name, 'validateArgs', validateArgs, validating);
  }

  /** What values must satisfy. */
  abstract get support(): Constraint;
  /** The dtype of the parameters. */
  abstract get dtype(): DType;
  /** Whether `rsample` gives samples that can be differentiated in the parameters. */
  get hasRsample(): boolean {
    return false;
  }
  /** Whether `enumerateSupport` lists all values. */
  get hasEnumerateSupport(): boolean {
    return false;
  }

  /** The expectation. */
  get mean(): Tensor {
    throw this.lacks('mean', 'it has no formula here');
  }
  /** The most probable value. */
  get mode(): Tensor {
    throw this.lacks('mode', 'it has no formula here');
  }
  /** The expected squared distance from the mean, elementwise. */
  get variance(): Tensor {
    throw this.lacks('variance', 'it has no formula here');
  }
  /** The square root of the variance. */
  get stddev(): Tensor {
    return sqrt(this.variance);
  }

  /**
   * Random values, without a gradient.
   *
   * @param args sampleShape ([]); option: generator
   * @returns sampleShape + batchShape + eventShape
   */
  sample(...args: SampleArguments): Tensor {
    const { shape, source } = this.sampling('sample', args);
    return allOrNothing(() => noGrad(() => this.draw(shape, source)));
  }

  /**
   * Random values that can be differentiated in the parameters: the same noise, moved as they move.
   *
   * @param args sampleShape ([]); option: generator
   * @returns sampleShape + batchShape + eventShape
   * @throws StateError where `hasRsample` is false
   */
  rsample(...args: SampleArguments): Tensor {
    const { shape, source } = this.sampling('rsample', args);
    if (!this.hasRsample) throw this.lacks('rsample', 'its samples have no derivative; use sample');
    return allOrNothing(() => this.draw(shape, source));
  }

  /**
   * The logarithm of the density, or of the probability of a discrete value.
   *
   * @param value broadcasts with batchShape + eventShape
   * @returns one number for each value of eventShape
   */
  logProb(value: Operand): Tensor {
    return this.logDensity(this.checked('logProb', value));
  }

  /** The probability of values up to `value`. */
  cdf(value: Operand): Tensor {
    return this.cumulative(this.checked('cdf', value));
  }

  /** The value of which `cdf` is `value`. */
  icdf(value: Operand): Tensor {
    return this.quantile(this.converted('icdf', value));
  }

  /** The expected -logProb, for each distribution of the batch. */
  entropy(): Tensor {
    throw this.lacks('entropy', 'it has no formula here');
  }

  /** exp(entropy()). */
  perplexity(): Tensor {
    return exp(this.entropy());
  }

  /**
   * All values of a discrete distribution, along a new first dimension.
   *
   * @param expand whether the result has the dimensions of the batch, or of size 1 instead
   */
  enumerateSupport(expand = true): Tensor {
    checkFlag(`${this.operation}.enumerateSupport`, 'expand', expand);
    throw this.lacks('enumerateSupport', 'its values cannot be listed');
  }

  /** The same distributions for a larger batch, to which `batchShape` broadcasts. */
  expand(batchShape: Shape): this {
    const shape = checkShape(`${this.operation}.expand`, batchShape);
    const wide = broadcastShapes(`${this.operation}.expand`, ['batchShape', 'shape'], [this.batchShape, shape]);
    if (formatShape(wide) !== formatShape(shape)) {
      const got = `got ${formatShape(shape)} for ${formatShape(this.batchShape)}`;
      throw new ShapeError(`${this.operation}.expand: shape must be one that batchShape broadcasts to, ${got}`);
    }
    const copy = Object.assign(Object.create(Object.getPrototypeOf(this) as object), this) as this;
    (copy as { batchShape: Shape }).batchShape = Object.freeze(shape);
    copy.widen(shape);
    return copy;
  }

  toString(): string {
    return `${this.constructor.name}(${this.details().join(', ')})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  protected details(): string[] {
    return [`batchShape: ${formatShape(this.batchShape)}`, `eventShape: ${formatShape(this.eventShape)}`];
  }

  /** `distributions.Normal`, for error texts. */
  protected get operation(): string {
    return `distributions.${this.constructor.name}`;
  }

  /** Values of `shape`, which ends with batchShape + eventShape. */
  protected draw(_shape: Shape, _source: Source): Tensor {
    throw this.lacks('sample', 'it has no sampler here');
  }
  protected logDensity(_value: Tensor): Tensor {
    throw this.lacks('logProb', 'it has no formula here');
  }
  protected cumulative(_value: Tensor): Tensor {
    throw this.lacks('cdf', 'it has no formula here');
  }
  protected quantile(_value: Tensor): Tensor {
    throw this.lacks('icdf', 'it has no formula here');
  }
  /** Stretches what it holds to a larger batch; `expand` calls it on the copy. */
  protected widen(_batchShape: Shape): void {
    throw this.lacks('expand', 'the class must have a method widen');
  }

  /** Values as `enumerateSupport` returns them: 0 … count - 1 along the first dimension. */
  protected enumerated(count: number, expand: boolean, dtype: DType = this.dtype): Tensor {
    checkFlag(`${this.operation}.enumerateSupport`, 'expand', expand);
    const ones = this.batchShape.map(() => 1);
    const list = reshaped('reshape', to(positions(count), dtype), [count, ...ones]);
    return expand ? expandTo(list, [count, ...this.batchShape]) : list;
  }

  protected lacks(method: string, reason: string): StateError {
    return new StateError(`${this.operation}.${method}: ${reason}`);
  }

  private sampling(method: string, args: readonly unknown[]): { shape: Shape; source: Source } {
    const name = `${this.operation}.${method}`;
    const { sampleShape = [], generator } = optionsOf<SampleOptions>(name, args, ['sampleShape'], ['generator']);
    if (generator !== undefined && !(generator instanceof Generator)) {
      throw new ArgumentError(`${name}: generator must be a Generator, got ${describe(generator)}`);
    }
    const shape = [...checkShape(name, sampleShape), ...this.batchShape, ...this.eventShape];
    return { shape, source: generator === undefined ? {} : { generator } };
  }

  // The value as a tensor of the dtype of the parameters.
  protected converted(method: string, value: unknown): Tensor {
    const name = `${this.operation}.${method}`;
    if (typeof value === 'number') return full([], value, { dtype: this.dtype });
    const x = checkTensor(name, 'value', value);
    if (!isFloat(x.dtype)) return to(x, this.dtype);
    if (x.dtype !== this.dtype) {
      throw new DTypeError(
        `${name}: value must have the dtype of the parameters, ${this.dtype}, got ${x.dtype}; convert it by to('${this.dtype}')`,
      );
    }
    return x;
  }

  /** The value, checked for shape and support. */
  protected checked(method: string, value: unknown): Tensor {
    const x = this.converted(method, value);
    const name = `${this.operation}.${method}`;
    const events = this.eventShape.length;
    const own = x.dims.slice(Math.max(0, x.rank - events));
    if (own.length < events || own.some((size, i) => size !== this.eventShape[i])) {
      throw new ShapeError(
        `${name}: value must end with eventShape ${formatShape(this.eventShape)}, got value ${formatShape(x.dims)}`,
      );
    }
    broadcastShapes(name, ['value', 'batchShape'], [x.dims.slice(0, x.rank - events), this.batchShape]);
    if (this.validated) checkSatisfied(name, 'value', x, () => this.support);
    return x;
  }
}

/** 0 … count - 1, int32. */
export function positions(count: number): Tensor {
  return Tensor.prototype.cumsum.call(full([count], 1, { dtype: 'int32' }), 0).sub(1);
}

/** @internal x summed over its last `count` dimensions. */
export function sumLast(x: Tensor, count: number): Tensor {
  return count === 0 ? x : sum(x, { dim: Array.from({ length: count }, (_, i) => -1 - i) });
}

/** @internal */
export function distributionOf(operation: string, name: string, value: unknown): Distribution {
  if (value instanceof Distribution) return value;
  throw new ArgumentError(`${operation}: ${name} must be a distribution, got ${describe(value)}`);
}
