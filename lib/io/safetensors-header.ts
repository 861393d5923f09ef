import { isUtf8 } from 'node:buffer';
import { describe, FileError, formatShape } from '../errors.js';
import { maxDimensions } from '../shape.js';
import { type FileDType, fileTypes } from './element-types.js';
import { JsonScanner } from './json-scanner.js';

/** One tensor in the data part of a file: `count` elements in the bytes `begin` to `end`. */
export interface TensorSpan {
  name: string;
  fileDType: FileDType;
  shape: number[];
  count: number;
  begin: number;
  end: number;
}

/** A checked header. */
export interface Header {
  spans: TensorSpan[];
  metadata: Record<string, string>;
}

/** The cap of the reference implementation; a longer header is damage, not a model. */
export const maxHeaderLength = 100_000_000;

// Our own limits, far above any model: a hostile header costs a second at most.
export const maxTensors = 100_000;
export const maxTexts = 100_000;

/** `load: "model.safetensors" …`: every message names the file, then the tensor if there is one. */
export function damaged(source: string, rule: string, options?: ErrorOptions): FileError {
  return new FileError(`load: ${JSON.stringify(source)} ${rule}`, options);
}

/** The header length in the first 8 bytes, checked against the size of the file. */
export function readHeaderLength(source: string, prefix: Uint8Array, fileSize: number): number {
  if (fileSize < 8) throw damaged(source, `must begin with an 8-byte header length, got a file of ${fileSize} bytes`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maxHeaderLength)) {
    throw damaged(
      source,
      `must have a header of at most ${maxHeaderLength} bytes, got ${length}; is it a safetensors file?`,
    );
  }
  if (Number(length) > fileSize - 8) {
    const rest = fileSize - 8;
    throw damaged(
      source,
      `must hold its header of ${length} bytes, got ${rest} bytes after the length; it is truncated`,
    );
  }
  return Number(length);
}

/** Reads and checks a header, whose bytes are overwritten; the spans must cover the `dataSize` bytes after it without a hole or an overlap. */
export function parseHeader(source: string, bytes: Uint8Array, dataSize: number): Header {
  if (!isUtf8(bytes)) throw damaged(source, 'must have a header in UTF-8');
  const scanner = new JsonScanner(bytes, (rule) => damaged(source, rule));
  if (!scanner.startsWith('{')) throw damaged(source, `must have a JSON object as header, got ${scanner.found()}`);
  const spans = new Map<string, TensorSpan>();
  let metadata: Record<string, string> | undefined;
  scanner.object((name) => {
    if (spans.has(name) || (name === '__metadata__' && metadata !== undefined)) throw twice(source, name);
    if (name === '__metadata__') metadata = readMetadata(source, scanner);
    else spans.set(name, readSpan(source, scanner, name));
    if (spans.size > maxTensors) throw damaged(source, `must hold at most ${maxTensors} tensors, got more`);
  });
  scanner.end();
  const list = [...spans.values()];
  checkCoverage(source, list, dataSize);
  return { spans: list, metadata: metadata ?? Object.create(null) };
}

function twice(source: string, key: string): FileError {
  return damaged(source, `must name each tensor and field once, got ${describe(key)} twice`);
}

function readMetadata(source: string, scanner: JsonScanner): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (scanner.acceptNull()) return metadata; // the reference implementation treats it as none
  if (!scanner.startsWith('{')) throw damaged(source, `must have an object as __metadata__, got ${scanner.found()}`);
  let count = 0;
  scanner.object((key) => {
    if (key in metadata) throw twice(source, key);
    if (++count > maxTexts) throw damaged(source, `must have at most ${maxTexts} texts in __metadata__, got more`);
    if (!scanner.startsWith('"')) {
      throw damaged(source, `must have strings in __metadata__, got ${scanner.found()} for ${describe(key)}`);
    }
    metadata[key] = scanner.string();
  });
  return metadata;
}

function readSpan(source: string, scanner: JsonScanner, name: string): TensorSpan {
  const fail = (rule: string) => damaged(source, `tensor ${describe(name)} ${rule}`);
  if (!scanner.startsWith('{')) throw fail(`must be described by an object, got ${scanner.found()}`);
  let fileDType: FileDType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((field) => {
    if (field === 'dtype') {
      if (fileDType !== undefined) throw twice(source, field);
      fileDType = readFileDType(scanner, fail);
    } else if (field === 'shape') {
      if (shape !== undefined) throw twice(source, field);
      const rule = `must have a shape of at most ${maxDimensions} integers from 0 to 2^53 - 1`;
      shape = readNaturals(scanner, maxDimensions, (got) => fail(`${rule}, got ${got}`));
    } else if (field === 'data_offsets') {
      if (offsets !== undefined) throw twice(source, field);
      offsets = readNaturals(scanner, 2, (got) => fail(`must have data_offsets of two integers, got ${got}`));
    } else throw fail(`must have dtype, shape and data_offsets only, got ${describe(field)}`);
  });
  const missing = fileDType === undefined ? 'dtype' : shape === undefined ? 'shape' : 'data_offsets';
  if (fileDType === undefined || shape === undefined || offsets === undefined) {
    throw fail(`must have dtype, shape and data_offsets, got no ${missing}`);
  }
  return checkSpan(fail, name, fileDType, shape, offsets);
}

type Fail = (rule: string) => FileError;

function readFileDType(scanner: JsonScanner, fail: Fail): FileDType {
  const rule = 'must have a dtype of';
  if (!scanner.startsWith('"')) throw fail(`${rule} ${Object.keys(fileTypes).join(', ')}, got ${scanner.found()}`);
  const dtype = scanner.string();
  if (Object.hasOwn(fileTypes, dtype)) return dtype as FileDType;
  throw fail(`${rule} ${Object.keys(fileTypes).join(', ')}, got ${describe(dtype)}`);
}

function readNaturals(scanner: JsonScanner, max: number, fail: (got: string) => FileError): number[] {
  if (!scanner.startsWith('[')) throw fail(scanner.found());
  const list: number[] = [];
  scanner.list(() => {
    const value = scanner.natural();
    if (value === undefined) throw fail(scanner.found());
    if (list.length === max) throw fail('more');
    list.push(value);
  });
  return list;
}

function checkSpan(fail: Fail, name: string, fileDType: FileDType, shape: number[], offsets: number[]): TensorSpan {
  const count = countElements(shape);
  if (count === undefined) throw fail(`must have a countable number of elements, got shape ${formatShape(shape)}`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || begin > end) {
    throw fail(`must have data_offsets [begin, end] with 0 ≤ begin ≤ end, got ${formatShape(offsets)}`);
  }
  const needed = count * fileTypes[fileDType].size;
  if (end - begin !== needed) {
    const what = `${fileDType} of shape ${formatShape(shape)}`;
    throw fail(`must span ${needed} bytes (${what}), got data_offsets [${begin}, ${end}] (${end - begin} bytes)`);
  }
  if (shape.reduce((extent, size) => extent * Math.max(1, size), 1) > Number.MAX_SAFE_INTEGER) {
    throw fail(`must have a shape whose sizes other than 0 multiply to at most 2^53 - 1, got ${formatShape(shape)}`);
  }
  return { name, fileDType, shape, count, begin, end };
}

/** The product of the sizes; undefined if it exceeds 64 bits on the way, which the reference implementation rejects. */
export function countElements(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count >= 2 ** 64) return undefined;
  }
  return count;
}

/** @internal The number of elements of a shape that a tensor can have; undefined for anything else. */
export function countOf(shape: unknown): number | undefined {
  if (!Array.isArray(shape) || shape.length > maxDimensions) return undefined;
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined;
  const extent = shape.reduce((product, n) => product * Math.max(1, n), 1); // of views, also where there are no elements
  return extent > Number.MAX_SAFE_INTEGER ? undefined : countElements(shape);
}

/** The format allows no holes: each byte after the header belongs to one tensor. */
function checkCoverage(source: string, spans: readonly TensorSpan[], dataSize: number): void {
  let position = 0;
  for (const { name, begin, end } of [...spans].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      const clash = begin > position ? 'a hole' : 'an overlap';
      throw damaged(
        source,
        `tensor ${describe(name)} must begin at byte ${position} of the data, got ${begin} (${clash})`,
      );
    }
    position = end;
  }
  if (position !== dataSize) {
    const clash = position > dataSize ? 'it is truncated' : 'bytes follow the last tensor';
    throw damaged(source, `must have ${position} bytes of data after its header, got ${dataSize}; ${clash}`);
  }
}
