// A group's options in the form its steps read: numbers from a buffer, so that compiled steps see changes, the rest as given.
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkNumber, describe } from '../errors.js';
import { keep } from '../memory.js';
import { native } from '../native.js';
import { clone, to } from '../ops/copy.js';
import { tensor } from '../ops/creation.js';
import { type Tensor, view } from '../tensor.js';

/** Parameters that share options. Options may be changed between steps: `group.lr = 0.001`. */
export type ParameterGroup<Options> = Options & {
  params: Tensor[];
  /** The learning rate before any scheduler changed it. Set by the first scheduler; schedules count from it. */
  initialLr?: number;
};

/** The arguments of an optimizer after its parameters: options, or `lr` and the others. */
export type OptimizerArguments<Options> =
  | [options?: Partial<Options>]
  | [lr: number, options?: Partial<Omit<Options, 'lr'>>];

/** The form of an option for `apply`: a scalar tensor for a number, a list of them for a list of numbers. */
export type OptionTensor<T> = T extends number
  ? Tensor
  : T extends readonly number[]
    ? { readonly [I in keyof T]: Tensor }
    : T;

/** The form of options for `apply`: numbers as scalar tensors of the parameter's dtype, the others as given. */
export type OptionTensors<Options> = { readonly [K in keyof Options]: OptionTensor<Options[K]> };

/** @internal */
export function checkRate(operation: string, name: string, value: unknown): void {
  checkNumber(operation, name, value, { min: 0 });
}

/** @internal Options that are numbers of at least 0. */
export function checkRates<O extends object>(
  operation: string,
  options: O,
  names: readonly (keyof O & string)[],
): void {
  for (const name of names) checkRate(operation, name, options[name]);
}

/** @internal Decays of averages. */
export function checkBetas(operation: string, betas: unknown): void {
  const fits = Array.isArray(betas) && betas.length === 2 && isNumbers(betas) && betas.every((b) => b >= 0 && b < 1);
  if (!fits) throw new ArgumentError(`${operation}: betas must be two numbers in [0, 1), got ${describe(betas)}`);
}

/** @internal Each option must be of its default's kind, numbers finite, and `lr` at least 0. */
export function checkKinds(operation: string, defaults: object, options: object): void {
  for (const [name, like] of Object.entries(defaults)) {
    const value = (options as Record<string, unknown>)[name];
    if (name === 'lr') checkRate(operation, name, value);
    else if (typeof like === 'number') checkNumber(operation, name, value);
    else if (typeof like === 'boolean') checkFlag(operation, name, value);
    else if (isNumbers(like) && !(isNumbers(value) && value.length === like.length && value.every(Number.isFinite))) {
      throw new ArgumentError(`${operation}: ${name} must be ${like.length} finite numbers, got ${describe(value)}`);
    }
  }
}

function isNumbers(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  for (let i = 0; i < value.length; i++) if (typeof value[i] !== 'number') return false;
  return true;
}

/** The numbers among the options, in order. */
function numbersOf(options: object, names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name];
    if (typeof value === 'number') numbers.push(value);
    else if (isNumbers(value)) for (const one of value) numbers.push(one);
  }
  return numbers;
}

function equal(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

const number = Symbol('a number'); // stands for any number: steps do not branch on its value

/** @internal What a step branches on: the options that are not numbers, and `flags`. */
export class Branch {
  private readonly values: readonly unknown[];

  constructor(
    options: object,
    private readonly names: readonly string[],
    private readonly flags: readonly unknown[],
  ) {
    this.values = names.map((name) => kindOf((options as Record<string, unknown>)[name]));
  }

  /** Whether it would be the same now. */
  holds(options: object, flags: readonly unknown[]): boolean {
    const { names, values } = this;
    for (let i = 0; i < names.length; i++) {
      if (kindOf((options as Record<string, unknown>)[names[i] as string]) !== values[i]) return false;
    }
    return equal(flags, this.flags);
  }
}

// A list of numbers counts by its length.
function kindOf(value: unknown): unknown {
  if (typeof value === 'number') return number;
  return typeof value === 'object' && isNumbers(value) ? value.length : value;
}

/** @internal A group's options as its steps keep them. */
export class GroupOptions<Options extends object> {
  /** The numbers as kernels read them: float64, copied to a compiled step at each submission. */
  tensor: Tensor;
  /** The names of each parameter's state, as `init` gave them under the present flags. */
  readonly stateNames = new Map<Tensor, readonly string[]>();
  private values: readonly number[];
  private branch: Branch | null = null;

  /** @param names of the options, in the order in which kernels take the numbers */
  constructor(
    private readonly options: Options,
    private readonly names: readonly string[],
  ) {
    this.values = numbersOf(options, names);
    this.tensor = hostTensor(this.values);
  }

  /** Whether a number has changed since the last step. */
  get isDue(): boolean {
    const { options, names, values } = this;
    let next = 0;
    for (let i = 0; i < names.length; i++) {
      const value = (options as Record<string, unknown>)[names[i] as string];
      if (typeof value === 'number') {
        if (value !== values[next++]) return true;
      } else if (typeof value === 'object' && isNumbers(value)) {
        for (let k = 0; k < value.length; k++) if (value[k] !== values[next++]) return true;
      }
    }
    return next !== values.length;
  }

  /** Writes the present numbers; returns how to restore the former ones. */
  advance(): () => void {
    const { values } = this;
    if (this.isDue) this.write(numbersOf(this.options, this.names));
    return () => this.write(values);
  }

  private write(values: readonly number[]): void {
    if (equal(values, this.values)) return;
    if (values.length === this.values.length) native.write(this.tensor.handle, Float64Array.from(values));
    else this.tensor = hostTensor(values);
    this.values = values;
  }

  /** What a step branches on now: the same object until it changes, and then `init` may give other state. */
  branchOf(flags: readonly unknown[]): Branch {
    if (this.branch?.holds(this.options, flags)) return this.branch;
    this.branch = new Branch(this.options, this.names, flags);
    this.stateNames.clear();
    return this.branch;
  }

  /** The options with numbers as tensors. They are copies: what `apply` does to them has no effect on the group. */
  asTensors(dtype: DType): OptionTensors<Options> {
    const numbers = copyAs(this.tensor, dtype);
    let next = 0;
    const take = (): Tensor => view(numbers, next++, []);
    const entries = this.names.map((name) => {
      const value = (this.options as Record<string, unknown>)[name];
      if (typeof value === 'number') return [name, take()];
      return [name, isNumbers(value) ? value.map(take) : value];
    });
    return Object.fromEntries(entries) as OptionTensors<Options>;
  }
}

/** @internal A copy of that dtype. */
export function copyAs(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? clone(x) : to(x, dtype);
}

function hostTensor(values: readonly number[]): Tensor {
  const t = keep(tensor(Float64Array.from(values)));
  native.markHost(t.handle, false);
  return t;
}
