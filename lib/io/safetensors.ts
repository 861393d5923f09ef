import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { arrayTypes, type DType, type TypedArray } from '../dtype.js';
import { AdjointError, ArgumentError, DTypeError, describe, formatShape, isPlain, ShapeError } from '../errors.js';
import { systemError, writeFileAtomic } from './files.js';
import {
  damaged,
  type FileDType,
  fileTypes,
  maxHeaderLength,
  parseHeader,
  plainFileType,
  readHeaderLength,
  type TensorSpan,
} from './safetensors-header.js';

/** One tensor of a file as plain data. `fileDType` says what it was in the file, and is what it is written as again. */
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
 * The bytes of a safetensors file: 8 bytes little-endian header length, a JSON header, the data. Names stand in the
 * header in the order given; the data is ordered by falling element size, so that each tensor is aligned.
 * `float32`, `float64`, `int32` and `uint8` become `F32`, `F64`, `I32` and `U8`; an entry's `fileDType` may ask for
 * `I64` (from int32) or `BOOL` (from uint8 of 0 and 1) instead.
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
 * Writes a safetensors file; a crash in between leaves the old file or the whole new one.
 * @throws ArgumentError, DTypeError or ShapeError when an entry contradicts itself, FileError when writing fails.
 */
export function writeSafetensors(
  path: string,
  entries: SafetensorsEntries,
  metadata?: Readonly<Record<string, string>>,
): void {
  writeParts('save', path, toParts('save', entries), metadata);
}

/** @internal Writes parts whose data is fetched one by one, so that it never lies in memory twice. */
export function writeParts(
  operation: string,
  path: string,
  parts: readonly TensorPart[],
  metadata?: Readonly<Record<string, string>>,
): void {
  writeFileAtomic(operation, path, layOut(operation, parts, metadata));
}

/**
 * The tensors in the bytes of a safetensors file, copied. `I64` becomes int32 and `BOOL` uint8; a value outside is an error.
 * @param source what error texts call the bytes.
 * @throws FileError, naming source and tensor, when anything is damaged.
 */
export function decodeSafetensors(bytes: Uint8Array, source = 'bytes'): SafetensorsContent {
  const tensors = new Map<string, SafetensorsEntry>();
  const readAt: ReadAt = (begin, target) => target.set(bytes.subarray(begin, begin + target.length));
  const metadata = decode(source, bytes.length, readAt, (name, entry) => tensors.set(name, entry));
  return { tensors, metadata };
}

/**
 * Reads a safetensors file; each tensor is read straight into its own memory.
 * @throws FileError, naming file and tensor, when it cannot be read or anything in it is damaged.
 */
export function readSafetensors(path: string): SafetensorsContent {
  const tensors = new Map<string, SafetensorsEntry>();
  const metadata = visitSafetensors(path, (name, entry) => tensors.set(name, entry));
  return { tensors, metadata };
}

/** @internal Hands out the tensors of a file one by one, or none without `visit`; returns its metadata. */
export function visitSafetensors(
  path: string,
  visit?: (name: string, entry: SafetensorsEntry) => void,
): Record<string, string> {
  let descriptor: number | undefined;
  try {
    const file = openSync(path, 'r');
    descriptor = file;
    return decode(path, fstatSync(file).size, (begin, target) => readAll(path, file, begin, target), visit);
  } catch (cause) {
    if (cause instanceof AdjointError) throw cause;
    throw systemError('load', 'read', path, cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

type ReadAt = (begin: number, target: Uint8Array) => void;

function readAll(source: string, file: number, begin: number, target: Uint8Array): void {
  const most = 2 ** 30; // Linux reads at most 2 GiB in one call
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, Math.min(target.length - done, most), begin + done);
    if (count === 0) throw damaged(source, `must not shrink while it is read, got its end at byte ${begin + done}`);
    done += count;
  }
}

function decode(
  source: string,
  size: number,
  readAt: ReadAt,
  visit?: (name: string, entry: SafetensorsEntry) => void,
): Record<string, string> {
  const prefix = new Uint8Array(8);
  if (size >= 8) readAt(0, prefix);
  const header = new Uint8Array(readHeaderLength(source, prefix, size));
  readAt(8, header);
  const dataStart = 8 + header.length;
  const { spans, metadata } = parseHeader(source, header, size - dataStart);
  if (visit === undefined) return metadata;
  for (const span of spans) {
    const { name, fileDType, shape } = span;
    const data = readTensor(source, span, (target) => readAt(dataStart + span.begin, target));
    visit(name, { dtype: fileTypes[fileDType].dtype, shape, data, fileDType });
  }
  return metadata;
}

/** Typed arrays have the byte order of the machine: little-endian, like the file, on every platform we build for. */
function readTensor(source: string, span: TensorSpan, read: (target: Uint8Array) => void): TypedArray {
  const fail = (rule: string, at: number, got: unknown) =>
    damaged(source, `tensor ${describe(span.name)} ${rule}, got ${got} at position ${at}`);
  if (span.fileDType === 'I64') {
    const words = new Int32Array(2 * span.count);
    read(new Uint8Array(words.buffer));
    const data = new Int32Array(span.count);
    for (let i = 0; i < data.length; i++) {
      const low = words[2 * i]!;
      if (words[2 * i + 1] !== low >> 31) {
        throw fail('must have values in the range of int32', i, new BigInt64Array(words.buffer)[i]);
      }
      data[i] = low;
    }
    return data;
  }
  const data = new arrayTypes[fileTypes[span.fileDType].dtype](span.count);
  read(new Uint8Array(data.buffer));
  if (span.fileDType === 'BOOL') {
    const wrong = data.findIndex((value: number) => value > 1);
    if (wrong >= 0) throw fail('must have values of 0 and 1 (BOOL)', wrong, data[wrong]);
  }
  return data;
}

/** @internal A tensor to write: what the header says of it, and its bytes when they are wanted. */
export interface TensorPart {
  name: string;
  fileDType: FileDType;
  shape: readonly number[];
  /** Elements. */
  count: number;
  /** The elements, in the memory dtype of `fileDType`. */
  data: () => TypedArray;
}

function toParts(operation: string, entries: SafetensorsEntries): TensorPart[] {
  const list = entries instanceof Map ? [...entries] : Object.entries(entries as Record<string, SafetensorsEntry>);
  return list.map(([name, entry]) => checkEntry(operation, name, entry));
}

/** The bytes of a file in order: the header, then the data of each tensor. Everything is checked before the first. */
function layOut(
  operation: string,
  parts: readonly TensorPart[],
  metadata: Readonly<Record<string, string>> | undefined,
): Iterable<Uint8Array> {
  const ordered = [...parts].sort((a, b) => fileTypes[b.fileDType].size - fileTypes[a.fileDType].size);
  const offsets = new Map<string, [number, number]>();
  let position = 0;
  for (const { name, fileDType, count } of ordered) {
    const end = position + count * fileTypes[fileDType].size;
    offsets.set(name, [position, end]);
    position = end;
  }
  const fields = parts.map(({ name, fileDType, shape }) => {
    if (name === '__metadata__') {
      const rule = 'has a name that the format keeps for itself; rename it';
      throw new ArgumentError(`${operation}: tensor ${describe(name)} ${rule}`);
    }
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: fileDType, shape, data_offsets: offsets.get(name) })}`;
  });
  if (metadata !== undefined) fields.unshift(`"__metadata__":${encodeMetadata(operation, metadata)}`);
  return inOrder(encodeHeader(operation, `{${fields.join(',')}}`), ordered);
}

function* inOrder(header: Uint8Array, ordered: readonly TensorPart[]): Iterable<Uint8Array> {
  yield header;
  for (const { fileDType, data } of ordered) {
    const stored = fileDType === 'I64' ? widen(data() as Int32Array) : data();
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

function encodeHeader(operation: string, json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8; // spaces up to here keep the data aligned
  if (length > maxHeaderLength) {
    throw new ArgumentError(`${operation}: names and metadata must fit ${maxHeaderLength} bytes, got ${length}`);
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return header;
}

function encodeMetadata(operation: string, metadata: Readonly<Record<string, string>>): string {
  if (!isPlain(metadata)) {
    throw new ArgumentError(`${operation}: metadata must be an object of strings, got ${describe(metadata)}`);
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'string') continue;
    throw new ArgumentError(
      `${operation}: metadata must hold strings, got ${describe(value)} for ${describe(key)}; use JSON.stringify`,
    );
  }
  return JSON.stringify(metadata);
}

function checkEntry(operation: string, name: string, entry: SafetensorsEntry): TensorPart {
  const what = `${operation}: tensor ${describe(name)}`;
  const { dtype, shape, data } = entry;
  const fileDType = entry.fileDType ?? plainFileType[dtype];
  if (!Object.hasOwn(arrayTypes, dtype) || !(data instanceof arrayTypes[dtype])) {
    throw new DTypeError(`${what} must have data of its dtype ${describe(dtype)}, got ${describe(data)}`);
  }
  if (!Object.hasOwn(fileTypes, fileDType) || fileTypes[fileDType].dtype !== dtype) {
    throw new DTypeError(`${what} must have a fileDType that ${dtype} can be written as, got ${describe(fileDType)}`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || count !== data.length) {
    const got = `${formatShape(shape)} and ${data.length}`;
    throw new ShapeError(`${what} must have as many elements as its shape, got ${got}`);
  }
  const wrong = fileDType === 'BOOL' ? data.findIndex((value: number) => value > 1) : -1;
  if (wrong >= 0) {
    throw new ArgumentError(`${what} must hold 0 and 1 to be written as BOOL, got ${data[wrong]} at position ${wrong}`);
  }
  return { name, fileDType, shape, count, data: () => data };
}

/** int32 to int64 as pairs of words: ten times faster than through BigInt. */
function widen(data: Int32Array): Int32Array {
  const words = new Int32Array(2 * data.length);
  for (let i = 0; i < data.length; i++) {
    words[2 * i] = data[i]!;
    words[2 * i + 1] = data[i]! >> 31;
  }
  return words;
}
