import { isArrayOf } from './arrays.js';
import type { Node } from './autograd/tape.js';
import {
  currentRecording,
  currentScope,
  recordedGradient,
  refuseReading,
  type Scope,
  structureChanged,
} from './context.js';
import { type DType, dtypes, dtypeTraits, isFloat, type TypedArray } from './dtype.js';
import {
  AllocationError,
  ArgumentError,
  AutogradError,
  checkEach,
  DTypeError,
  describe,
  formatShape,
  notCloneable,
  ShapeError,
  StateError,
} from './errors.js';
import { formatTensor } from './format.js';
import type { FileDType } from './io/element-types.js';
import { allocationError, moveTo, Token } from './memory.js';
import { native } from './native.js';
import { type NestedArray, nest } from './nest.js';
import { type Shape, sizeOf } from './shape.js';
import { tracing } from './tracing.js';

/** @internal The type that a tensor has in files, where it is another one in memory and its values fit exactly. */
export const fileDTypes = new WeakMap<Tensor, FileDType>();

/** What tensors over one storage share: the number of changes in place. */
export interface Base {
  version: number;
}

let created = 0;

/** The creation number of the newest tensor. */
export function newestTensor(): number {
  return created;
}

const hasPrototypeOf = Function.prototype[Symbol.hasInstance];

/** What users have requested of a tensor. Most tensors need neither. */
interface Copies {
  readonly shape: Shape;
  data: TypedArray | null;
  /** The number of writes to the tensor's memory when `data` was read. */
  writes: number;
}

/**
 * An n-dimensional array in native memory: contiguous, row-major, of one element type. Created by `tensor`, `zeros`, `randn`,
 * … and by operations; garbage-collected like any object.
 *
 * As a JavaScript value: a tensor of one element acts as its number (`loss * 2`, `total += loss`, `a > b`), others throw
 * there; `JSON.stringify` gives nested arrays; `assert.deepEqual` and the `toEqual` of Vitest and Jest compare
 * dtype, shape and elements.
 */
export class Tensor {
  /** @internal The sizes as the library reads them: `shape` is for users, and frozen. */
  readonly dims: Shape;
  /** Number of elements. */
  readonly size: number;
  readonly dtype: DType;
  protected readonly notCloneable = notCloneable;
  // Private, because comparisons and printing look at every other field; the rest of the library uses the accessors below.
  #handle = 0;
  #node: Node | null = null;
  #requiresGrad = false;
  #grad: Tensor | null = null;
  #gradSeen = false;
  #base: Base | null = null;
  #scope: Scope | null = null;
  #uses = 0;
  #copies: Copies | null = null;
  #token: Token | null = null;
  readonly #id: number = ++created;

  /** @internal */
  constructor(shape: Shape, size: number, dtype: DType) {
    this.dims = shape;
    this.size = size;
    this.dtype = dtype;
  }

  /** Sizes of the dimensions, frozen; `[]` is a scalar. */
  get shape(): Shape {
    return this.#shown().shape;
  }

  #shown(): Copies {
    this.#copies ??= { shape: Object.freeze([...this.dims]), data: null, writes: 0 };
    return this.#copies;
  }

  /** @internal The native handle. Read at the kernel call, never earlier. */
  get handle(): number {
    if (this.#handle === 0 || this.#scope?.ended) throw disposedError(this);
    tracing.current?.uses(this);
    return this.#handle;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.dims.length;
  }

  /** Number of dimensions: PyTorch's name of `rank`. */
  get ndim(): number {
    return this.dims.length;
  }

  /** Number of dimensions: PyTorch's method for `rank`. */
  dim(): number {
    return this.dims.length;
  }

  /** Number of elements: PyTorch's method for `size`. */
  numel(): number {
    return this.size;
  }

  /** Number of bytes of an element. */
  elementSize(): number {
    return dtypeTraits[this.dtype].array.BYTES_PER_ELEMENT;
  }

  /** Number of bytes of all elements. */
  get nbytes(): number {
    return this.size * this.elementSize();
  }

  /** Whether the elements are float32 or float64. */
  isFloatingPoint(): boolean {
    return isFloat(this.dtype);
  }

  /** The tensor itself: all tensors are contiguous. */
  contiguous(): this {
    return this;
  }

  /** True: all tensors are contiguous. */
  isContiguous(): boolean {
    return true;
  }

  /** Sets `requiresGrad`, and returns the tensor. */
  requiresGrad_(requiresGrad = true): this {
    this.requiresGrad = requiresGrad;
    return this;
  }

  /** Whether the memory has been freed; using such a tensor is an error. */
  get disposed(): boolean {
    return this.#handle === 0 || this.#scope?.ended === true;
  }

  /** Whether operations on this tensor are recorded for `backward`. May be set on tensors that no operation made. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    if (typeof value !== 'boolean') throw new ArgumentError(`requiresGrad: must be a boolean, got ${describe(value)}`);
    if (value && !isFloat(this.dtype)) {
      throw new DTypeError(`requiresGrad: only float32 and float64 tensors have gradients, got ${this.dtype}`);
    }
    if (!value && this.#node !== null) {
      throw new AutogradError('requiresGrad: cannot be cleared on the result of an operation; use detach()');
    }
    if (value !== this.#requiresGrad) {
      structureChanged(() => {
        this.#requiresGrad = !value;
      });
    }
    this.#requiresGrad = value;
  }

  /** Whether no recorded operation made it: `backward` leaves gradients in the `grad` of such tensors. */
  get isLeaf(): boolean {
    return this.#node === null;
  }

  /** The gradient that `backward` accumulated, of the same shape and dtype, or null. */
  get grad(): Tensor | null {
    if (this.#grad !== null) this.#gradSeen = true;
    return recordedGradient('grad', this);
  }

  set grad(value: Tensor | null) {
    if (value !== null) {
      checkTensor('grad', 'value', value);
      if (value.dtype !== this.dtype || value.dims.join() !== this.dims.join()) {
        throw new ShapeError(
          `grad: must have the tensor's shape and dtype ${formatShape(this.dims)} ${this.dtype}, got ${formatShape(value.dims)} ${value.dtype}`,
        );
      }
    }
    currentRecording()?.clears(this, value);
    this.#grad = value;
    this.#gradSeen = value !== null;
  }

  /** The value of a tensor with one element. */
  item(): number {
    if (this.size !== 1)
      throw new ShapeError(`item: needs a tensor with one element, got ${formatShape(this.dims)}; use toArray()`);
    refuseReading('item');
    return native.readNumber(this.handle, 0);
  }

  /** A copy of the elements, in row-major order. */
  toTypedArray(): TypedArray {
    refuseReading('toTypedArray');
    const array = newArray('toTypedArray', this);
    native.read(this.handle, array);
    return array;
  }

  /** Copies the elements into `target`, a typed array of the tensor's element type and size. */
  copyTo(target: TypedArray): void {
    if (!isArrayOf(this.dtype, target) || target.length !== this.size) {
      throw new ArgumentError(
        `copyTo: needs a ${dtypeTraits[this.dtype].array.name} of ${this.size} elements, got ${describe(target)}`,
      );
    }
    refuseReading('copyTo');
    native.read(this.handle, target);
  }

  /** A copy of the elements as nested arrays; a number for a scalar. */
  toArray(): NestedArray {
    refuseReading('toArray');
    return nest('toArray', () => this.toTypedArray(), this.dims);
  }

  /** A copy of the elements as nested arrays: PyTorch's name of `toArray`. */
  tolist(): NestedArray {
    return this.toArray();
  }

  /**
   * The elements, in row-major order, for reading: the same typed array at each access until the tensor is changed, then
   * another one. It is a copy, never the tensor's own memory: writing to it does not change the tensor (use `copy_`), and an
   * array from before a change keeps the old values. Read it once before a loop over elements, because each access checks
   * whether the tensor was changed. The tensor keeps it until it is changed, disposed or collected; `toTypedArray` makes a
   * copy of your own, `copyTo` makes none.
   */
  get data(): TypedArray {
    refuseReading('data');
    const writes = native.writes(this.handle);
    const copies = this.#shown();
    // An array whose buffer was transferred has no elements any more.
    if (copies.data === null || copies.data.length !== this.size || copies.writes !== writes) {
      copies.data = this.toTypedArray();
      copies.writes = writes;
    }
    return copies.data;
  }

  /** Frees the memory now instead of when the object is collected. Using the tensor afterwards is a StateError. */
  dispose(): void {
    if (this.#handle === 0) return;
    if (!this.#scope?.ended) native.release(this.#handle);
    this.#handle = 0;
    if (this.#copies !== null) this.#copies.data = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Shape, dtype and rounded values, as `console.log` shows them. */
  toString(): string {
    return formatTensor(this);
  }

  /** The elements as nested arrays, for `JSON.stringify`, which writes NaN and infinities as null. */
  toJSON(): NestedArray {
    return this.toArray();
  }

  /**
   * The number of a tensor with one element, for arithmetic, comparisons and templates. A larger tensor has no number: in
   * a template it gives its text, everywhere else it throws.
   *
   * @throws ShapeError unless the tensor has exactly one element; StateError while a step is recorded
   */
  [Symbol.toPrimitive](hint: string): number | string {
    if (this.size === 1) {
      refuseReading('a tensor as a number', 'use operations such as mul, gt and where instead');
      return native.readNumber(this.handle, 0);
    }
    if (hint === 'string') return formatTensor(this);
    throw new ShapeError(
      `a tensor as a number: needs one element, got ${formatShape(this.dims)}; use add, mul, gt, … on tensors and item() for a number`,
    );
  }

  // `assert.deepEqual`, `util.isDeepStrictEqual` and the `toEqual` of Vitest, Jest and Chai compare this tag first of all:
  // a tag that names the values is what makes them compare these.
  get [Symbol.toStringTag](): string {
    const head = `Tensor ${this.dtype} ${formatShape(this.dims)}`;
    if (this.disposed) return `${head} (disposed)`;
    if (currentRecording() !== null) return `${head} (being recorded, ${this.#id})`;
    return `${head} ${digest(this.toTypedArray())}`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return formatTensor(this);
  }

  /** @internal creation number */
  get _id(): number {
    return this.#id;
  }

  /** @internal 0: disposed */
  get _handle(): number {
    return this.#handle;
  }

  /** @internal */
  set _handle(value: number) {
    this.#handle = value;
  }

  /** @internal the operation that made it, while gradients are recorded */
  get _node(): Node | null {
    return this.#node;
  }

  /** @internal */
  set _node(value: Node | null) {
    this.#node = value;
  }

  /** @internal */
  get _requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  /** @internal */
  set _requiresGrad(value: boolean) {
    this.#requiresGrad = value;
  }

  /** @internal */
  get _grad(): Tensor | null {
    return this.#grad;
  }

  /** @internal */
  set _grad(value: Tensor | null) {
    this.#grad = value;
  }

  /** @internal somebody outside the library has seen `grad` */
  get _gradSeen(): boolean {
    return this.#gradSeen;
  }

  /** @internal */
  set _gradSeen(value: boolean) {
    this.#gradSeen = value;
  }

  /** @internal */
  get _base(): Base | null {
    return this.#base;
  }

  /** @internal */
  set _base(value: Base | null) {
    this.#base = value;
  }

  /** @internal the scope that frees it */
  get _scope(): Scope | null {
    return this.#scope;
  }

  /** @internal */
  set _scope(value: Scope | null) {
    this.#scope = value;
  }

  /** @internal how many places of a running backward pass hold it */
  get _uses(): number {
    return this.#uses;
  }

  /** @internal */
  set _uses(value: number) {
    this.#uses = value;
  }

  /** @internal null while a scope owns the tensor */
  get _token(): Token | null {
    return this.#token;
  }

  /** @internal */
  set _token(value: Token | null) {
    this.#token = value;
  }

  /**
   * @internal Takes the memory and the dtype of a new tensor of the same shape, to which nobody else refers and which is
   * then gone. Views of this one keep the old memory.
   */
  _takeOver(fresh: Tensor): void {
    moveTo(fresh, this.#scope);
    const old = this.handle;
    this.#handle = fresh.#handle;
    this.#token = fresh.#token;
    this.#base = { version: baseOf(this).version + 1 };
    if (this.#copies !== null) this.#copies.data = null;
    (this as { dtype: DType }).dtype = fresh.dtype;
    fresh.#handle = 0;
    native.release(old);
  }

  // An object that merely has this class as its prototype is not a tensor: it lacks the private fields.
  static [Symbol.hasInstance](value: unknown): boolean {
    // The prototype first: what is known of an object's class says it without a look at the object.
    return hasPrototypeOf.call(Tensor, value) && #handle in (value as object);
  }
}

// The same for equal elements: every NaN counts as one and -0 is not 0, as in `Object.is`.
function digest(values: TypedArray): string {
  if (values.length <= 64) return Array.from(values, (v) => (Object.is(v, -0) ? '-0' : v)).join(' ');
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) values[i] = Number.NaN;
  // An import would take 4 ms of each start.
  return process.getBuiltinModule('node:crypto').createHash('sha1').update(values).digest('hex');
}

// JavaScript has limits of its own.
function newArray(operation: string, t: Tensor): TypedArray {
  try {
    return new dtypeTraits[t.dtype].array(t.size);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new AllocationError(
      `${operation}: no memory for a copy of ${t.dtype} ${formatShape(t.dims)} (${reason}); read it in parts by slice`,
      { cause },
    );
  }
}

function disposedError(t: Tensor): StateError {
  if (t._scope?.ended && t._scope.tensors === null) {
    return new StateError(
      `ended tensor: ${t.dtype} ${formatShape(t.dims)} was made while a step was recorded; return it from the compiled function and use the result`,
    );
  }
  return new StateError(
    `disposed tensor: ${t.dtype} ${formatShape(t.dims)} was disposed or left its scope; return it from the scope or keep a clone()`,
  );
}

/** @internal What tensors over the same storage share. */
export function baseOf(t: Tensor): Base {
  t._base ??= { version: 0 };
  return t._base;
}

/** @internal Notes that a tensor's memory was changed in place. */
export function changed(t: Tensor): void {
  const base = baseOf(t);
  currentRecording()?.changes(t, base);
  base.version++;
}

function place(t: Tensor, handle: number): Tensor {
  if (handle <= 0) throw allocationError(t, handle < 0);
  t._handle = handle;
  return t;
}

// The tensor goes into the call beside its token, so that V8 makes it a real object, alive until its handle is last read.
function owned(t: Tensor): Token | undefined {
  const scope = currentScope();
  if (scope !== null) {
    t._scope = scope;
    if (scope.tensors !== null) {
      scope.tensors.push(t);
      return undefined;
    }
  }
  t._token = new Token();
  return t._token;
}

/** @internal A new tensor whose elements are undefined. `shape` is not copied. */
export function empty(shape: Shape, dtype: DType): Tensor {
  const size = sizeOf(shape);
  const t = new Tensor(shape, size, dtype);
  return place(t, native.allocate(owned(t), t, dtypeTraits[dtype].code, size));
}

/** @internal A tensor over the elements [offset, offset + size of shape) of another one's storage. */
export function view(x: Tensor, offset: number, shape: Shape): Tensor {
  const size = sizeOf(shape);
  const t = new Tensor(shape, size, x.dtype);
  t._base = baseOf(x);
  place(t, native.view(owned(t), t, x.handle, offset, size));
  tracing.current?.views(t, x, offset);
  return t;
}

/** @internal Forgets a gradient, and frees it if nobody has seen it. */
export function clearGrad(p: Tensor): void {
  currentRecording()?.clears(p);
  if (p._grad !== null && !p._gradSeen) p._grad.dispose();
  p._grad = null;
  p._gradSeen = false;
}

/** @internal Checks that a value is a live tensor. */
export function checkTensor(operation: string, name: string, value: unknown): Tensor {
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(`${operation}: ${name} must be a tensor, got ${describe(value)}`);
  }
  if (value.disposed) throw disposedError(value);
  return value;
}

/** @internal An array of live tensors. */
export function tensorsOf(operation: string, name: string, value: unknown): Tensor[] {
  return checkEach(operation, name, 'must be an array of tensors', value, (x, i) =>
    checkTensor(operation, `${name}[${i}]`, x),
  );
}

// What PyTorch's users write, and what to write here.
const otherDTypes: Readonly<Record<string, string>> = {
  ...{ bool: "use 'uint8'", float: "use 'float32'", double: "use 'float64'", half: "use 'float32'" },
  ...{
    float16: "use 'float32'",
    bfloat16: "use 'float32'",
    int: "use 'int32'",
    long: "use 'int32'",
    int64: "use 'int32'",
  },
  ...{ cpu: 'tensors are in the memory of the CPU', cuda: 'tensors are in the memory of the CPU' },
};

/** @internal */
export function checkDType(operation: string, dtype: unknown, fallback: DType): DType {
  if (dtype === undefined) return fallback;
  if (!dtypes.includes(dtype as DType)) {
    const hint = typeof dtype === 'string' && Object.hasOwn(otherDTypes, dtype) ? `; ${otherDTypes[dtype]}` : '';
    throw new ArgumentError(`${operation}: dtype must be one of ${dtypes.join(', ')}, got ${describe(dtype)}${hint}`);
  }
  return dtype as DType;
}

/** @internal Checks that x is a float tensor. */
export function checkFloat(operation: string, name: string, x: Tensor): void {
  if (!isFloat(x.dtype)) {
    throw new DTypeError(
      `${operation}: ${name} must be float32 or float64, got ${x.dtype}; convert it by ${name}.to('float32')`,
    );
  }
}

/** @internal A live tensor of positions, lengths and the like. */
export function checkInt32(operation: string, name: string, value: unknown): Tensor {
  const t = checkTensor(operation, name, value);
  if (t.dtype === 'int32') return t;
  throw new DTypeError(`${operation}: ${name} must be int32, got ${t.dtype}; convert it by ${name}.to('int32')`);
}

/** @internal Checks that tensors have the same element type. */
export function checkSameDType(operation: string, names: readonly string[], tensors: readonly Tensor[]): void {
  const dtype = tensors[0]?.dtype;
  for (let i = 1; i < tensors.length; i++) {
    if (tensors[i]?.dtype !== dtype) {
      const list = tensors.map((t, k) => `${names[k]} ${t.dtype}`).join(' and ');
      throw new DTypeError(`${operation}: dtypes must match, got ${list}; convert one by to(dtype)`);
    }
  }
}
