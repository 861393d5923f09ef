import type { DType } from '../dtype.js';
import { describe, FileError, formatShape } from '../errors.js';

/** Element types of safetensors files that the library reads and writes. */
export type FileDType = 'F32' | 'F64' | 'I32' | 'U8' | 'I64' | 'BOOL';

/** What each file type becomes in memory, and its size in the file. `I64` and `BOOL` are read with a range check. */
export const fileTypes: Readonly<Record<FileDType, { dtype: DType; size: number }>> = {
  F64: { dtype: 'float64', size: 8 },
  I64: { dtype: 'int32', size: 8 },
  F32: { dtype: 'float32', size: 4 },
  I32: { dtype: 'int32', size: 4 },
  U8: { dtype: 'uint8', size: 1 },
  BOOL: { dtype: 'uint8', size: 1 },
};

/** The file type that a tensor is written as unless it was read from another one. */
export const plainFileType: Readonly<Record<DType, FileDType>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
};

/** Where one tensor lies in the data part of a file: bytes `begin` to `end`, holding `count` elements. */
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

/** Parses and checks a header; the spans must cover the `dataSize` bytes after it without a hole or an overlap. */
export function parseHeader(source: string, bytes: Uint8Array, dataSize: number): Header {
  const text = decodeText(source, bytes);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw damaged(source, `must have a header in JSON (${(cause as Error).message})`, { cause });
  }
  if (!isObject(parsed)) throw damaged(source, `must have a JSON object as header, got ${describe(parsed)}`);
  refuseDuplicateKeys(source, text);
  const spans: TensorSpan[] = [];
  let metadata: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') metadata = checkMetadata(source, value);
    else spans.push(checkSpan(source, name, value));
  }
  checkCoverage(source, spans, dataSize);
  return { spans, metadata };
}

function decodeText(source: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw damaged(source, 'must have a header in UTF-8', { cause });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `JSON.parse` keeps the last of two equal keys and says nothing; so the keys of valid JSON are walked once more. */
function refuseDuplicateKeys(source: string, text: string): void {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') open.push(new Set());
    else if (character === '}') open.pop();
    else if (character === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (' \t\n\r'.includes(text[next] ?? 'end')) next++;
      if (text[next] !== ':') continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      const keys = open[open.length - 1]!;
      if (keys.has(key)) throw damaged(source, `must name each tensor and field once, got ${describe(key)} twice`);
      keys.add(key);
    }
  }
}

function checkMetadata(source: string, value: unknown): Record<string, string> {
  if (!isObject(value)) throw damaged(source, `must have an object as __metadata__, got ${describe(value)}`);
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw damaged(source, `must have strings in __metadata__, got ${describe(text)} for ${describe(key)}`);
    }
    metadata[key] = text;
  }
  return metadata;
}

function checkSpan(source: string, name: string, value: unknown): TensorSpan {
  const fail = (rule: string) => damaged(source, `tensor ${describe(name)} ${rule}`);
  if (!isObject(value)) throw fail(`must be described by an object, got ${describe(value)}`);
  for (const key of Object.keys(value)) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') {
      throw fail(`must have dtype, shape and data_offsets only, got ${describe(key)}`);
    }
  }
  const fileDType = value.dtype;
  if (typeof fileDType !== 'string' || !Object.hasOwn(fileTypes, fileDType)) {
    throw fail(`must have a dtype of ${Object.keys(fileTypes).join(', ')}, got ${describe(fileDType)}`);
  }
  const shape = value.shape;
  if (!isNaturals(shape)) throw fail(`must have a shape of integers of at least 0, got ${describe(shape)}`);
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count))
      throw fail(`must have a countable number of elements, got shape ${describe(shape)}`);
  }
  const offsets = value.data_offsets;
  if (!isNaturals(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw fail(`must have data_offsets [begin, end] with 0 ≤ begin ≤ end, got ${describe(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const needed = count * fileTypes[fileDType as FileDType].size;
  if (end - begin !== needed) {
    const what = `${fileDType} of shape ${formatShape(shape)}`;
    throw fail(`must span ${needed} bytes (${what}), got data_offsets [${begin}, ${end}] (${end - begin} bytes)`);
  }
  return { name, fileDType: fileDType as FileDType, shape, count, begin, end };
}

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
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
