import { isArrayOf } from './arrays.js';
import type { Node } from './autograd/tape.js';
import { arrayTypes, type DType, dtypeCode, dtypes, isFloat, type TypedArray } from './dtype.js';
import { ArgumentError, AutogradError, DTypeError, describe, formatShape, ShapeError, StateError } from './errors.js';
import { formatTensor } from './format.js';
import { allocationError, currentScope, type Scope, Token } from './memory.js';
import { native } from './native.js';
import { type NestedArray, nest } from './nest.js';
import { currentRecording, recordedGradient, refuseReading, structureChanged } from './program/recording.js';
import { type Shape, sizeOf } from './shape.js';

/** What tensors over one storage share: how often it was changed in place, and its memory as JavaScript sees it. */
export interface Base {
  version: number;
  buffer: ArrayBuffer | null;
}

let created = 0;

/** The creation number of the newest tensor. */
export function newestTensor(): number {
  return created;
}

// An own property that structuredClone and postMessage refuse, so that their error says what to do instead.
const refuseClone = function aTensorCannotBePosted_sendToTypedArrayInstead() {};

/**
 * An n-dimensional array in native memory: contiguous, row-major, of one element type. Made by `tensor`, `zeros`, `randn`,
 * … and by operations; garbage-collected like any object.
 */
export class Tensor {
  /** Sizes of the dimensions; `[]` is a scalar. */
  readonly shape: Shape;
  /** Number of elements. */
  readonly size: number;
  readonly dtype: DType;
  /** @internal 0: disposed */
  _handle = 0;
  /** @internal creation number */
  readonly _id: number = ++created;
  /** @internal the operation that made it, while gradients are recorded */
  _node: Node | null = null;
  /** @internal */
  _requiresGrad = false;
  /** @internal */
  _grad: Tensor | null = null;
  /** @internal somebody outside the library has seen `grad` */
  _gradSeen = false;
  /** @internal */
  _base: Base | null = null;
  /** @internal the scope that frees it */
  _scope: Scope | null = null;
  /** @internal how many places of a running backward pass hold it */
  _uses = 0;
  /** @internal */
  _data: TypedArray | null = null;
  /** @internal null while a scope owns the tensor */
  _token: Token | null = null;
  /** @internal */
  readonly _clone = refuseClone;

  /** @internal */
  constructor(shape: Shape, size: number, dtype: DType) {
    this.shape = shape;
    this.size = size;
    this.dtype = dtype;
  }

  /** @internal The native handle. Read at the kernel call, never earlier. */
  get handle(): number {
    if (this._handle === 0 || this._scope?.ended) throw disposedError(this);
    return this._handle;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }

  /** Whether the memory has been given back; using such a tensor is an error. */
  get disposed(): boolean {
    return this._handle === 0 || this._scope?.ended === true;
  }

  /** Whether operations on this tensor are recorded for `backward`. May be set on tensors that no operation made. */
  get requiresGrad(): boolean {
    return this._requiresGrad;
  }

  set requiresGrad(value: boolean) {
    if (typeof value !== 'boolean') throw new ArgumentError(`requiresGrad: must be a boolean, got ${describe(value)}`);
    if (value && !isFloat(this.dtype)) {
      throw new DTypeError(`requiresGrad: only float32 and float64 tensors have gradients, got ${this.dtype}`);
    }
    if (!value && this._node !== null) {
      throw new AutogradError('requiresGrad: cannot be cleared on the result of an operation; use detach()');
    }
    if (value !== this._requiresGrad) structureChanged();
    this._requiresGrad = value;
  }

  /** Whether no recorded operation made it: `backward` leaves gradients in the `grad` of such tensors. */
  get isLeaf(): boolean {
    return this._node === null;
  }

  /** The gradient that `backward` accumulated, of the same shape and dtype, or null. */
  get grad(): Tensor | null {
    if (this._grad !== null) this._gradSeen = true;
    return recordedGradient('grad', this);
  }

  set grad(value: Tensor | null) {
    if (value !== null) {
      if (!(value instanceof Tensor)) throw new ArgumentError(`grad: must be a tensor or null, got ${describe(value)}`);
      if (value.dtype !== this.dtype || value.shape.join() !== this.shape.join()) {
        throw new ShapeError(
          `grad: must have the tensor's shape and dtype ${formatShape(this.shape)} ${this.dtype}, got ${formatShape(value.shape)} ${value.dtype}`,
        );
      }
    }
    if (value === null) currentRecording()?.cleared.add(this);
    this._grad = value;
    this._gradSeen = value !== null;
  }

  /** The value of a tensor with one element. */
  item(): number {
    if (this.size !== 1)
      throw new ShapeError(`item: needs a tensor with one element, got ${formatShape(this.shape)}; use toArray()`);
    refuseReading('item');
    return native.readNumber(this.handle, 0);
  }

  /** A copy of the elements, in row-major order. */
  toTypedArray(): TypedArray {
    refuseReading('toTypedArray');
    const array = new arrayTypes[this.dtype](this.size);
    native.read(this.handle, array);
    return array;
  }

  /** Copies the elements into `target`, a typed array of the tensor's element type and size. */
  copyTo(target: TypedArray): void {
    if (!isArrayOf(this.dtype, target) || target.length !== this.size) {
      throw new ArgumentError(
        `copyTo: needs a ${arrayTypes[this.dtype].name} of ${this.size} elements, got ${describe(target)}`,
      );
    }
    refuseReading('copyTo');
    native.read(this.handle, target);
  }

  /** A copy of the elements as nested arrays; a number for a scalar. */
  toArray(): NestedArray {
    refuseReading('toArray');
    return nest(this.toTypedArray(), this.shape, 0, 0);
  }

  /**
   * The elements without a copy, for reading: a typed array over the tensor's own memory, which stays alive as long as the
   * array does. A copy where the runtime forbids external buffers. Loops that take many views should use `copyTo`: views
   * are freed only when the event loop turns.
   */
  get data(): TypedArray {
    refuseReading('data');
    if (this._data !== null && !this.disposed) return this._data;
    const base = baseOf(this);
    base.buffer ??= native.memory(this.handle);
    if (base.buffer === null) return this.toTypedArray();
    this._data = new arrayTypes[this.dtype](base.buffer, native.byteOffset(this.handle), this.size);
    return this._data;
  }

  /** Gives the memory back now instead of when the object is collected. Using the tensor afterwards is a StateError. */
  dispose(): void {
    if (this._handle === 0) return;
    if (!this._scope?.ended) native.release(this._handle);
    this._handle = 0;
    this._data = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return formatTensor(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return formatTensor(this);
  }
}

function disposedError(t: Tensor): StateError {
  if (t._scope?.ended && t._scope.tensors === null) {
    return new StateError(
      `ended tensor: ${t.dtype} ${formatShape(t.shape)} was made while a step was recorded; return it from the compiled function and use the result`,
    );
  }
  return new StateError(
    `disposed tensor: ${t.dtype} ${formatShape(t.shape)} was disposed or left its scope; return it from the scope or keep a clone()`,
  );
}

/** @internal What tensors over the same storage share. */
export function baseOf(t: Tensor): Base {
  t._base ??= { version: 0, buffer: null };
  return t._base;
}

/** @internal Notes that a tensor's memory was changed in place. */
export function changed(t: Tensor): void {
  baseOf(t).version++;
  currentRecording()?.changed.add(t);
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
  return place(t, native.allocate(owned(t), t, dtypeCode[dtype], size));
}

/** @internal A tensor over the elements [offset, offset + size of shape) of another one's storage. */
export function view(x: Tensor, offset: number, shape: Shape): Tensor {
  const size = sizeOf(shape);
  const t = new Tensor(shape, size, x.dtype);
  t._base = baseOf(x);
  return place(t, native.view(owned(t), t, x.handle, offset, size));
}

/** @internal Forgets a gradient, and frees it when nobody has seen it. */
export function clearGrad(p: Tensor): void {
  currentRecording()?.cleared.add(p);
  if (p._grad !== null && !p._gradSeen) p._grad.dispose();
  p._grad = null;
  p._gradSeen = false;
}

/** @internal Refuses what is not a live tensor. */
export function checkTensor(operation: string, name: string, value: unknown): Tensor {
  if (!(value instanceof Tensor)) {
    const got = describe(value) === 'a tensor' ? 'one of another copy of adjoint' : describe(value);
    throw new ArgumentError(`${operation}: ${name} must be a tensor, got ${got}`);
  }
  if (value.disposed) throw disposedError(value);
  return value;
}

/** @internal */
export function checkDType(operation: string, dtype: unknown, fallback: DType): DType {
  if (dtype === undefined) return fallback;
  if (!dtypes.includes(dtype as DType)) {
    throw new ArgumentError(`${operation}: dtype must be one of ${dtypes.join(', ')}, got ${describe(dtype)}`);
  }
  return dtype as DType;
}

/** @internal Refuses integers where the operation needs real numbers. */
export function checkFloat(operation: string, name: string, x: Tensor): void {
  if (!isFloat(x.dtype)) {
    throw new DTypeError(
      `${operation}: ${name} must be float32 or float64, got ${x.dtype}; convert it by ${name}.to('float32')`,
    );
  }
}

/** @internal Refuses tensors of different element types. */
export function checkSameDType(operation: string, names: readonly string[], tensors: readonly Tensor[]): void {
  const dtype = tensors[0]?.dtype;
  for (let i = 1; i < tensors.length; i++) {
    if (tensors[i]?.dtype !== dtype) {
      const list = tensors.map((t, k) => `${names[k]} ${t.dtype}`).join(' and ');
      throw new DTypeError(`${operation}: dtypes must match, got ${list}; convert one by to(dtype)`);
    }
  }
}
