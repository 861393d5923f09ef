/**
 * Every error that the library raises on purpose has one of these classes and a stable `code`. Texts read
 * `operation: rule, got name [shape] …; hint`.
 */
export abstract class AdjointError extends Error {
  /** Stable, for programs: `ADJOINT_SHAPE`, `ADJOINT_DTYPE`, … */
  abstract readonly code: string;
  /** Where in a model it was thrown, such as `encoder.layers.2.linear1`; undefined outside of one. */
  declare modulePath?: string;
  /** Which batch of `step.run` it concerns, counted from 0; the first where it concerns several. */
  declare batch?: number;
  constructor(message: string, options?: ErrorOptions) {
    // Names come from files, too, which may have any length.
    super(
      message.replace(/\S{1001,}/g, (word) => `${word.slice(0, 200)}…`),
      options,
    );
    this.name = new.target.name;
  }
}

/** Shapes that do not fit each other or the operation. */
export class ShapeError extends AdjointError {
  readonly code = 'ADJOINT_SHAPE';
}

/** Element types that do not fit each other or the operation. */
export class DTypeError extends AdjointError {
  readonly code = 'ADJOINT_DTYPE';
}

/** An argument or option of the wrong type, out of its range, or unknown; also an index or label out of range. */
export class ArgumentError extends AdjointError {
  readonly code = 'ADJOINT_ARGUMENT';
}

/** A gradient that cannot be computed: no graph, a graph used twice, a saved tensor changed in place. */
export class AutogradError extends AdjointError {
  readonly code = 'ADJOINT_AUTOGRAD';
}

/** An object used in a state that forbids it: a disposed tensor, a closed loader. */
export class StateError extends AdjointError {
  readonly code = 'ADJOINT_STATE';
}

/** A file that is truncated, damaged or of another kind. */
export class FileError extends AdjointError {
  readonly code = 'ADJOINT_FILE';
}

/** Matrices that an operation of `linalg` cannot work with: singular, not positive definite, not finite. */
export class LinAlgError extends AdjointError {
  readonly code = 'ADJOINT_LINALG';
}

/** Processes that do not find each other, or have lost one of them, or do different things. */
export class DistributedError extends AdjointError {
  readonly code = 'ADJOINT_DISTRIBUTED';
  /** The rank of the process that caused it, where that is known. */
  declare rank?: number;
}

/** An allocation beyond the limit, or more live tensors than the handle table holds. */
export class AllocationError extends AdjointError {
  readonly code = 'ADJOINT_MEMORY';
}

/** @internal The error of a class of `nn` that is called without new. */
export function withoutNew(name: string): ArgumentError {
  return new ArgumentError(`${name}: a class must be called with new; write new nn.${name}(…)`);
}

/** @internal A class made by a function under a name, which its error tells, too, when it is called without new. */
export function nameClass<C extends { prototype: object }>(name: string, made: C): C {
  Object.defineProperty(made, 'name', { value: name });
  const named = new Proxy(made, {
    apply() {
      throw withoutNew(name);
    },
  });
  Object.defineProperty(made.prototype, 'constructor', { value: named, writable: true, configurable: true });
  return named;
}

/** Replaces the text of an error that has been thrown, also in its stack. */
export function reword(error: Error, message: string): void {
  const { message: before, stack } = error;
  error.message = message;
  if (stack !== undefined) error.stack = stack.replace(before, () => message);
}

/** `[2, 3]`, the form of shapes in error texts and printed tensors. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/**
 * @internal What this copy of the library gives its tensors to hold, because structuredClone and postMessage refuse it; their
 * error quotes the description.
 */
export const notCloneable = Symbol(
  'a tensor is native memory: send its toTypedArray(), shape and dtype, and call tensor(array, { shape, dtype }) there',
);

/** Describes a wrong argument, for `got …`: `a string "x"`, `NaN`, `null`, `an array of 3`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (isClass(value)) return `the class ${value.name}`.trimEnd();
  if (typeof value === 'function') return `a function ${value.name}`.trimEnd();
  if (Array.isArray(value))
    return value.length <= 8 && value.every((v) => typeof v === 'number')
      ? formatShape(value)
      : `an array of ${value.length}`;
  if (typeof value === 'object') {
    const name = classOf(value);
    if (name !== 'Tensor') return `an object of class ${name}`;
    return isOwn(value) ? 'a tensor' : 'a tensor of another copy of adjoint';
  }
  return `a ${typeof value}`;
}

function isOwn(value: object): boolean {
  try {
    return (value as { notCloneable?: unknown }).notCloneable === notCloneable;
  } catch {
    return false; // a getter that throws
  }
}

function classOf(value: object): string {
  try {
    const { name } = value.constructor;
    return typeof name === 'string' ? name : 'none';
  } catch {
    return 'none'; // without a prototype, or with a getter that throws
  }
}

/** An object without a class: `{ … }`, or one without a prototype. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A finite number in [min, max] or, with `open`, strictly above `min`. */
export function checkNumber(
  operation: string,
  name: string,
  value: unknown,
  range: { min?: number; max?: number; open?: boolean } = {},
): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, open = false } = range;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max || (open && value === min)) {
    const low = min === Number.NEGATIVE_INFINITY ? '' : open ? ` above ${min}` : ` of at least ${min}`;
    const high = max === Number.POSITIVE_INFINITY ? '' : `${low ? ' and' : ''} at most ${max}`;
    throw new ArgumentError(`${operation}: ${name} must be a finite number${low}${high}, got ${describe(value)}`);
  }
  return value;
}

/** An option that is true or false. */
export function checkFlag(operation: string, name: string, value: unknown, fallback?: boolean): boolean {
  if (value === undefined && fallback !== undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new ArgumentError(`${operation}: ${name} must be a boolean, got ${describe(value)}`);
}

/** @internal */
export function checkText(operation: string, name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new ArgumentError(`${operation}: ${name} must be a text, got ${describe(value)}`);
}

/** One of a few texts. */
export function checkChoice<T extends string>(
  operation: string,
  name: string,
  value: unknown,
  choices: readonly T[],
  fallback?: T,
): T {
  const chosen = value === undefined ? fallback : value;
  if (choices.includes(chosen as T)) return chosen as T;
  const list = [choices.slice(0, -1).join(', '), choices.at(-1)].filter(Boolean).join(' or ');
  throw new ArgumentError(`${operation}: ${name} must be ${list}, got ${describe(value)}`);
}

/** A function from the caller. */
export function checkFunction(operation: string, name: string, value: unknown): void {
  if (typeof value === 'function' && !isClass(value)) return;
  const { forward } = Object(value) as { forward?: unknown };
  const hint = typeof forward === 'function' ? '; pass a function that calls its forward' : '';
  throw new ArgumentError(`${operation}: ${name} must be a function, got ${describe(value)}${hint}`);
}

/** Whether a function can only be called by `new`. */
export function isClass(value: unknown): value is new (...args: never[]) => unknown {
  if (typeof value !== 'function' || value.prototype === undefined) return false;
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}

/** Whether an object is a list of other values. A tensor is one value, although its rows can be iterated over. */
export function hasIterator(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && classOf(value) !== 'Tensor';
}

/**
 * The results of `check` for each element of the caller's list, an array or another iterable except a string. Holes are
 * checked like undefined, one by one: an array may be sparse, and a long one must fail quickly.
 */
export function checkEach<T>(
  operation: string,
  name: string,
  rule: string,
  value: unknown,
  check: (element: unknown, index: number) => T,
): T[] {
  const list: T[] = [];
  if (typeof value !== 'object' || value === null || !hasIterator(value)) {
    throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(value)}`);
  }
  for (const element of value as Iterable<unknown>) list.push(check(element, list.length));
  return list;
}

/** An integer in [min, max]. */
export function checkInteger(
  operation: string,
  name: string,
  value: unknown,
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    const low = min === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${min}`;
    const high = max === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${max}`;
    throw new ArgumentError(`${operation}: ${name} must be an integer${low}${high}, got ${describe(value)}`);
  }
  return value;
}
