// Tensors where they lie in files: what every format comes down to.
import { noGrad } from '../autograd/tape.js';
import { dtypeTraits, type TypedArray } from '../dtype.js';
import { AllocationError, describe, type FileError } from '../errors.js';
import { native } from '../native.js';
import { reshape } from '../ops/shape.js';
import { slice } from '../ops/shape-slice.js';
import { empty, fileDTypes, type Tensor } from '../tensor.js';
import { decodeElements, type FileDType, fileTypes } from './element-types.js';
import { noMemory } from './files.js';
import { bytesAt, memoryFor, type Reading } from './reading.js';
import { damaged } from './safetensors-header.js';

/** @internal One tensor of a file. */
export interface Stored {
  fileDType: FileDType;
  shape: readonly number[];
  /** The number of elements. */
  count: number;
  path: string;
  /** Where its first element lies in the file or, where `unpack` is, in what that gives. */
  begin: number;
  /** Steps from one element to the next in each dimension, in elements; without it the last dimension runs fastest. */
  strides?: readonly number[] | undefined;
  /** Whether the elements have the most significant byte first. */
  isSwapped?: boolean;
  /** The bytes, where they are packed in the file. */
  unpack?: () => Reading<Uint8Array>;
}

/** @internal What a file holds: tensors by name, and texts. */
export interface Listing {
  tensors: Map<string, Stored>;
  metadata: Record<string, string>;
}

/** Elements that are read at one time. */
const pieceLength = 2 ** 20;

/** @internal Reads a tensor, in pieces. */
export function* readStored(name: string, stored: Stored): Reading<Tensor> {
  const { path, shape, fileDType } = stored;
  const { dtype, name: typeName } = fileTypes[fileDType];
  let t: Tensor;
  try {
    t = empty(shape, dtype); // first: without memory for it, its elements need not be read
  } catch (cause) {
    throw cause instanceof AllocationError ? noMemory('load', path, cause) : cause;
  }
  try {
    if (stored.strides !== undefined) native.write(t.handle, yield* gather(name, stored, stored.strides));
    else yield* fill(name, stored, t);
  } catch (error) {
    t.dispose();
    throw error;
  }
  if (typeName !== dtype) fileDTypes.set(t, fileDType);
  return t;
}

function misfitOf(name: string, { path }: Stored, first = 0) {
  return (rule: string, at: number, got: unknown): FileError =>
    damaged(path, `tensor ${describe(name)} ${rule}, got ${got} at position ${first + at}`);
}

function* fill(name: string, stored: Stored, t: Tensor): Reading<void> {
  const { path, count, fileDType, isSwapped } = stored;
  const { size } = fileTypes[fileDType];
  const whole = stored.unpack && (yield* stored.unpack());
  // The pieces share their memory, so that a tensor takes little more than itself.
  const piece = whole === undefined ? memoryFor(path, Math.min(pieceLength, count) * size) : undefined;
  for (let first = 0; first < count; first += pieceLength) {
    const length = Math.min(pieceLength, count - first);
    const begin = stored.begin + first * size;
    const target = length * size === piece?.length ? piece : piece?.subarray(0, length * size);
    const bytes = whole?.slice(begin, begin + length * size) ?? (yield* bytesAt(path, begin, length * size, target));
    if (isSwapped) swap(bytes, size);
    const data = decodeElements(fileDType, bytes, misfitOf(name, stored, first));
    if (length === count) native.write(t.handle, data);
    else writePart(t, first, data);
  }
}

function writePart(t: Tensor, start: number, data: TypedArray): void {
  noGrad(() => {
    const flat = reshape(t, [-1]);
    const part = slice(flat, { start, end: start + data.length });
    native.write(part.handle, data);
    part.dispose();
    if (flat !== t) flat.dispose();
  });
}

/** The elements of a view, in the order of its shape. */
function* gather(name: string, stored: Stored, strides: readonly number[]): Reading<TypedArray> {
  const { path, shape, count, fileDType, begin, isSwapped } = stored;
  const { size } = fileTypes[fileDType];
  const whole = stored.unpack && (yield* stored.unpack());
  const last = count === 0 ? -1 : shape.reduce((sum, n, d) => sum + (n - 1) * (strides[d] as number), 0);
  const length = (last + 1) * size;
  const bytes = whole?.slice(begin, begin + length) ?? (yield* bytesAt(path, begin, length));
  if (isSwapped) swap(bytes, size);
  const from = decodeElements(fileDType, bytes, misfitOf(name, stored));
  const to: TypedArray = new dtypeTraits[fileTypes[fileDType].dtype].array(count);
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    to[i] = from[at] as number;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d] as number;
      index[d] = (index[d] as number) + 1;
      if ((index[d] as number) < (shape[d] as number)) break;
      at -= (shape[d] as number) * (strides[d] as number);
      index[d] = 0;
    }
  }
  return to;
}

function swap(bytes: Uint8Array, size: number): void {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (size === 2) view.swap16();
  if (size === 4) view.swap32();
  if (size === 8) view.swap64();
}
