// Distributions of parameters that are tensors.
import { optionsOf } from '../arguments.js';
import { currentRecording } from '../context.js';
import { type DType, isFloat } from '../dtype.js';
import { ArgumentError, DTypeError, describe, formatShape, ShapeError } from '../errors.js';
import { expandTo } from '../ops/broadcast.js';
import { to } from '../ops/copy.js';
import { full } from '../ops/creation.js';
import { broadcastShapes, type Shape } from '../shape.js';
import { checkFloat, checkTensor, Tensor } from '../tensor.js';
import { type Constraint, checkSatisfied } from './constraints.js';
import { Distribution, type Source } from './distribution.js';
import { uniformInside } from './samplers.js';

/** A float parameter: a tensor, or a number of the dtype of the others. */
function parameterOf(operation: string, name: string, value: unknown, dtype: DType): Tensor {
  if (typeof value === 'number') return full([], value, { dtype });
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`${operation}: ${name} must be a number or a tensor, got ${describe(value)}`);
  }
  checkTensor(operation, name, value);
  checkFloat(operation, name, value);
  if (value.dtype !== dtype) {
    throw new DTypeError(
      `${operation}: parameters must have one dtype, got ${dtype} and ${name} ${value.dtype}; convert one by to(dtype)`,
    );
  }
  return value;
}

/** The dtype of the first tensor among parameters; float32 if all are numbers. */
function dtypeOf(values: readonly unknown[]): DType {
  for (const value of values) if (value instanceof Tensor && isFloat(value.dtype)) return value.dtype;
  return 'float32';
}

/** @internal What a distribution takes. */
export interface Plan<P extends string, E extends string = never> {
  /** Names by position, each with its constraint. */
  rules: Record<P | E, Constraint>;
  /** Names of which exactly one must be given. */
  either?: readonly E[];
  /** What numbers those have that may be left out. */
  defaults?: Partial<Record<P, number>>;
  /** Names before these by position, whose values are not parameters. */
  leading?: readonly string[];
  /** Further options. */
  others?: readonly string[];
}

/** Parameters by name: those of `E` are there only if they were given. */
type Given<P extends string, E extends string> = Readonly<Record<P, Tensor> & Partial<Record<E, Tensor>>>;

/**
 * A distribution of parameters that are tensors: numbers, vectors or matrices for each element of the batch. `P` are their names,
 * `E` those of which exactly one is given.
 */
export abstract class Parametric<P extends string, E extends string = never> extends Distribution {
  /** @internal Stretched to batchShape. */
  readonly parameters: Given<P, E>;
  /** @internal As they were given. */
  readonly options: Readonly<Record<string, unknown>>;
  private readonly ranks: Readonly<Record<string, number>>;

  /** @internal */
  constructor(
    args: readonly unknown[],
    { rules, either = [], defaults = {}, leading = [], others = [] }: Plan<P, E>,
    eventShape?: (given: Given<P, E>, options: Readonly<Record<string, unknown>>) => Shape,
  ) {
    const operation = `distributions.${new.target.name}`;
    const all = Object.entries<Constraint>(rules);
    const places = [...leading, ...all.map(([name]) => name)];
    const options = {
      ...defaults,
      ...optionsOf<Record<string, unknown>>(operation, args, places, [...others, 'validateArgs']),
    };
    checkEither(operation, either, options);
    const given = all.filter(([name]) => options[name] !== undefined || !(either as readonly string[]).includes(name));
    const dtype = dtypeOf(given.map(([name]) => options[name]));
    const list = given.map(([name, rule]) => {
      const value = options[name];
      const isCount = value instanceof Tensor && rule.isDiscrete && !isFloat(value.dtype);
      return { name, rule, t: parameterOf(operation, name, isCount ? to(value, dtype) : value, dtype) };
    });
    for (const { name, rule, t } of list) {
      if (t.rank >= rule.eventDim) continue;
      throw new ShapeError(
        `${operation}: ${name} must have at least ${rule.eventDim} dimensions, got ${name} ${formatShape(t.dims)}`,
      );
    }
    const names = list.map(({ name }) => name);
    const batches = list.map(({ rule, t }) => t.dims.slice(0, t.rank - rule.eventDim));
    const batch = broadcastShapes(operation, names, batches);
    const parameters = Object.fromEntries(list.map(({ name, t }) => [name, t])) as Given<P, E>;
    const flag = options.validateArgs as boolean | undefined;
    super(
      batch,
      eventShape === undefined ? [] : eventShape(parameters, options),
      flag === undefined ? {} : { validateArgs: flag },
    );
    if (this.validated) for (const { name, rule, t } of list) checkSatisfied(operation, name, t, () => rule);
    this.ranks = Object.fromEntries(list.map(({ name, rule }) => [name, rule.eventDim]));
    this.parameters = parameters;
    this.options = options;
    this.widen(batch);
  }

  get dtype(): DType {
    return (Object.values(this.parameters)[0] as Tensor).dtype;
  }

  protected override widen(batchShape: Shape): void {
    const wide = Object.entries<Tensor>(this.parameters).map(([name, t]) => {
      const event = t.dims.slice(t.rank - (this.ranks[name] as number));
      return [name, expandTo(t, [...batchShape, ...event])];
    });
    (this as { parameters: Given<P, E> }).parameters = Object.fromEntries(wide) as Given<P, E>;
  }

  protected override details(): string[] {
    return Object.entries<Tensor>(this.parameters).map(
      ([name, t]) => `${name}: ${t.size === 1 && currentRecording() === null ? t.item() : formatShape(t.dims)}`,
    );
  }

  /** `value` for each element of the batch. */
  protected constant(value: number): Tensor {
    return full(this.batchShape, value, { dtype: this.dtype });
  }

  /** x stretched to the batch. */
  protected wide(x: Tensor): Tensor {
    return expandTo(x, this.batchShape);
  }
}

/** Base of those whose samples can be differentiated in the parameters. */
export abstract class Reparameterized<P extends string, E extends string = never> extends Parametric<P, E> {
  override get hasRsample(): boolean {
    return true;
  }
}

/** Base of the distributions that are sampled by their quantiles. */
export abstract class ByQuantile<P extends string> extends Reparameterized<P> {
  protected override draw(shape: Shape, source: Source): Tensor {
    return this.quantile(uniformInside(shape, this, source));
  }
}

function checkEither(operation: string, either: readonly string[], options: Record<string, unknown>): void {
  if (either.length === 0) return;
  const given = either.filter((name) => options[name] !== undefined);
  if (given.length === 1) return;
  const list = `${either.slice(0, -1).join(', ')} or ${either.at(-1)}`;
  throw new ArgumentError(
    `${operation}: ${list} must be given, and only one of them, got ${given.length === 0 ? 'none' : given.join(' and ')}`,
  );
}
