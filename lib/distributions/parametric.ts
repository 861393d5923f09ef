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
import { Distribution } from './distribution.js';

/** @internal A float parameter: a tensor, or a number of the dtype of the others. */
export function parameterOf(operation: string, name: string, value: unknown, dtype: DType): Tensor {
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

/** @internal The dtype of the first tensor among parameters; float32 if all are numbers. */
export function dtypeOf(values: readonly unknown[]): DType {
  for (const value of values) if (value instanceof Tensor && isFloat(value.dtype)) return value.dtype;
  return 'float32';
}

/** @internal What a distribution takes. */
export interface Plan<P extends string> {
  /** Names by position, each with its constraint. */
  rules: Record<P, Constraint>;
  /** Names of which exactly one must be given. */
  either?: readonly P[];
  /** What numbers those have that may be left out. */
  defaults?: Partial<Record<P, number>>;
  /** Names before these by position, whose values are not parameters. */
  leading?: readonly string[];
  /** Further options. */
  others?: readonly string[];
}

/** A distribution of parameters that are tensors: numbers, vectors or matrices for each element of the batch. */
export abstract class Parametric<P extends string> extends Distribution {
  /** @internal Stretched to batchShape. */
  readonly parameters: Readonly<Record<P, Tensor>>;
  /** @internal As they were given. */
  readonly options: Readonly<Record<string, unknown>>;
  private readonly ranks: Readonly<Record<string, number>>;

  /** @internal */
  constructor(
    args: readonly unknown[],
    { rules, either = [], defaults = {}, leading = [], others = [] }: Plan<P>,
    eventShape?: (given: Record<P, Tensor>, options: Readonly<Record<string, unknown>>) => Shape,
  ) {
    const operation = `distributions.${new.target.name}`;
    const names = Object.keys(rules) as P[];
    const options = {
      ...defaults,
      ...optionsOf<Record<string, unknown>>(operation, args, [...leading, ...names], [...others, 'validateArgs']),
    };
    checkEither(operation, either, options);
    const given = names.filter((name) => !either.includes(name) || options[name] !== undefined);
    const dtype = dtypeOf(given.map((name) => options[name]));
    const tensors = given.map((name) => {
      const value = options[name];
      const isCount = value instanceof Tensor && rules[name].isDiscrete && !isFloat(value.dtype);
      return parameterOf(operation, name, isCount ? to(value, dtype) : value, dtype);
    });
    const ranks = given.map((name) => rules[name].eventDim);
    tensors.forEach((t, i) => {
      const rank = ranks[i] as number;
      if (t.rank >= rank) return;
      throw new ShapeError(
        `${operation}: ${given[i]} must have at least ${rank} dimensions, got ${given[i]} ${formatShape(t.dims)}`,
      );
    });
    const batches = tensors.map((t, i) => t.dims.slice(0, t.rank - (ranks[i] as number)));
    const batch = broadcastShapes(operation, given, batches);
    const entries = Object.fromEntries(given.map((name, i) => [name, tensors[i]])) as Record<P, Tensor>;
    const flag = options.validateArgs as boolean | undefined;
    super(
      batch,
      eventShape === undefined ? [] : eventShape(entries, options),
      flag === undefined ? {} : { validateArgs: flag },
    );
    if (this.validated) for (const name of given) checkSatisfied(operation, name, entries[name], () => rules[name]);
    this.ranks = Object.fromEntries(given.map((name, i) => [name, ranks[i] as number]));
    this.parameters = entries;
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
    (this as { parameters: Readonly<Record<P, Tensor>> }).parameters = Object.fromEntries(wide) as Record<P, Tensor>;
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

function checkEither(operation: string, either: readonly string[], options: Record<string, unknown>): void {
  if (either.length === 0) return;
  const given = either.filter((name) => options[name] !== undefined);
  if (given.length === 1) return;
  const list = `${either.slice(0, -1).join(', ')} or ${either.at(-1)}`;
  throw new ArgumentError(
    `${operation}: ${list} must be given, and only one of them, got ${given.length === 0 ? 'none' : given.join(' and ')}`,
  );
}
