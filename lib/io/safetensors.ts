import { type DType, dtypeTraits, type TypedArray } from '../dtype.js';
import { DTypeError, describe, formatShape, ShapeError } from '../errors.js';
import { writeFileAtomic } from './atomic.js';
import { decodeElements, type FileDType, fileTypes } from './element-types.js';
import { withFile } from './files.js';
import { answered, bytesAt, type Reading, sizeOf } from './reading.js';
import { damaged, type Header, parseHeader, readHeaderLength, type TensorSpan } from './safetensors-header.js';
import { layOut, type TensorPart } from './safetensors-write.js';
import type { Listing, Stored } from './stored.js';

/** One tensor of a file as plain data. `fileDType` is its type in the file, in which it is also written back. */
export interface SafetensorsEntry {
  dtype: DType;
  shape: readonly number[];
  data: TypedArray;
  fileDType?: FileDType;
}

/** What a file holds: the tensors in the order of its header, and its `__metadata__` (an object without a prototype). */
export interface SafetensorsContent {
  tensors: Map<string, SafetensorsEntry>;
  metadata: Record<string, string>;
}

/** Entries by name, as a Map or as an object. */
export type SafetensorsEntries = ReadonlyMap<string, SafetensorsEntry> | Readonly<Record<string, SafetensorsEntry>>;

/**
 * The bytes of a safetensors file: 8 bytes little-endian header length, a JSON header, the data. The header lists names
 * in the given order; the data is ordered by decreasing element size, so that each tensor is aligned.
 * `float32`, `float64`, `int32` and `uint8` become `F32`, `F64`, `I32` and `U8`; an entry's `fileDType` may ask for
 * another type that is read as its dtype.
 * @throws ArgumentError, DTypeError or ShapeError when an entry contradicts itself.
 */
export function encodeSafetensors(
  entries: SafetensorsEntries,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const parts = toParts('encodeSafetensors', entries);
  return Buffer.concat([...layOut('encodeSafetensors', parts, metadata)]);
}

/**
 * Writes a safetensors file; a crash leaves the old file or the whole new one.
 * @throws ArgumentError, DTypeError or ShapeError when an entry contradicts itself, FileError when writing fails.
 */
export function writeSafetensors(
  path: string,
  entries: SafetensorsEntries,
  metadata?: Readonly<Record<string, string>>,
): void {
  writeParts('save', path, toParts('save', entries), metadata);
}

/** @internal Writes parts whose data is fetched one by one, so that it is never in memory twice. */
export function writeParts(
  operation: string,
  path: string,
  parts: readonly TensorPart[],
  metadata?: Readonly<Record<string, string>>,
): void {
  writeFileAtomic(operation, path, layOut(operation, parts, metadata));
}

/**
 * The tensors in the bytes of a safetensors file, copied, in the dtypes of `fileTypes`; a value outside is an error.
 * @param source the name of the bytes in error texts.
 * @throws FileError, naming source and tensor, when anything is damaged.
 */
export function decodeSafetensors(bytes: Uint8Array, source = 'bytes'): SafetensorsContent {
  const tensors = new Map<string, SafetensorsEntry>();
  const readAt: ReadAt = (begin, target) => target.set(bytes.subarray(begin, begin + target.length));
  const metadata = decode(source, bytes.length, readAt, (name, head, read) =>
    tensors.set(name, { ...head, data: read() }),
  );
  return { tensors, metadata };
}

/**
 * Reads a safetensors file; each tensor is read straight into its own memory.
 * @throws FileError, naming file and tensor, when it cannot be read or anything in it is damaged.
 */
export function readSafetensors(path: string): SafetensorsContent {
  const tensors = new Map<string, SafetensorsEntry>();
  const metadata = visitSafetensors(path, (name, head, read) => tensors.set(name, { ...head, data: read() }));
  return { tensors, metadata };
}

/** @internal Called with each tensor, whose elements it may read. */
export type Visit = (name: string, head: Omit<SafetensorsEntry, 'data'>, read: () => TypedArray) => void;

/** @internal Passes the tensors of a file to `visit` one by one, if it is given; returns the metadata. */
export function visitSafetensors(path: string, visit?: Visit): Record<string, string> {
  return withFile('load', path, ({ size, read }) => decode(path, size, read, visit));
}

type ReadAt = (begin: number, target: Uint8Array) => void;

function decode(source: string, size: number, readAt: ReadAt, visit?: Visit): Record<string, string> {
  const { spans, metadata, dataStart } = answered(readHeader(source), ({ begin, target }) => {
    readAt(begin, target);
    return size;
  });
  if (visit === undefined) return metadata;
  for (const span of spans) {
    const { name, fileDType, shape } = span;
    const read = () => readTensor(source, span, (target) => readAt(dataStart + span.begin, target));
    visit(name, { dtype: fileTypes[fileDType].dtype, shape, fileDType }, read);
  }
  return metadata;
}

function* readHeader(path: string): Reading<Header & { dataStart: number }> {
  const size = yield* sizeOf(path);
  const prefix = yield* bytesAt(path, 0, Math.min(size, 8));
  const bytes = yield* bytesAt(path, 8, readHeaderLength(path, prefix, size));
  const dataStart = 8 + bytes.length;
  return { ...parseHeader(path, bytes, size - dataStart), dataStart };
}

/** @internal What a file holds, and where. */
export function* listSafetensors(path: string): Reading<Listing> {
  const { spans, metadata, dataStart } = yield* readHeader(path);
  const tensors = spans.map(({ name, fileDType, shape, count, begin }): [string, Stored] => [
    name,
    { fileDType, shape, count, path, begin: dataStart + begin },
  ]);
  return { tensors: new Map(tensors), metadata };
}

/** Typed arrays have the byte order of the machine: little-endian, like the file, on every platform we build for. */
function readTensor(source: string, span: TensorSpan, read: (target: Uint8Array) => void): TypedArray {
  const bytes = new Uint8Array(span.end - span.begin);
  read(bytes);
  const fail = (rule: string, at: number, got: unknown) =>
    damaged(source, `tensor ${describe(span.name)} ${rule}, got ${got} at position ${at}`);
  return decodeElements(span.fileDType, bytes, fail);
}

function toParts(operation: string, entries: SafetensorsEntries): TensorPart[] {
  const list = entries instanceof Map ? [...entries] : Object.entries(entries as Record<string, SafetensorsEntry>);
  return list.map(([name, entry]) => checkEntry(operation, name, entry));
}

function checkEntry(operation: string, name: string, entry: SafetensorsEntry): TensorPart {
  const what = `${operation}: tensor ${describe(name)}`;
  const { dtype, shape, data } = entry;
  if (!Object.hasOwn(dtypeTraits, dtype) || !(data instanceof dtypeTraits[dtype].array)) {
    throw new DTypeError(`${what} must have data of its dtype ${describe(dtype)}, got ${describe(data)}`);
  }
  const fileDType = entry.fileDType ?? dtypeTraits[dtype].safetensors;
  if (!Object.hasOwn(fileTypes, fileDType) || fileTypes[fileDType].dtype !== dtype) {
    throw new DTypeError(`${what} must have a fileDType that ${dtype} can be written as, got ${describe(fileDType)}`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || count !== data.length) {
    const got = `${formatShape(shape)} and ${data.length}`;
    throw new ShapeError(`${what} must have as many elements as its shape, got ${got}`);
  }
  return { name, fileDType, shape, count, data: () => data };
}
