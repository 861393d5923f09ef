// Reading zip archives, Zip64 among them: where each file lies, and its bytes.
import { inflateRawSync } from 'node:zlib';
import { describe, type FileError } from '../errors.js';
import { bytesAt, type Reading } from './reading.js';
import { damaged, maxTensors } from './safetensors-header.js';

/** @internal A stretch of a file that is an archive. */
export interface Stretch {
  path: string;
  begin: number;
  size: number;
}

/** @internal A file in an archive. */
export interface ZipEntry {
  name: string;
  path: string;
  /** Where its own header begins, in the whole file. */
  header: number;
  /** Before the directory. */
  limit: number;
  packed: number;
  size: number;
  isDeflated: boolean;
}

const maxDirectory = 2 ** 26;
/** Each tensor is one; a few more are about all of them. */
const maxFiles = 2 * maxTensors;
/** The largest file that is unpacked: deflate makes a thousand times as much out of little. */
const maxUnpacked = 2 ** 30;

/** @internal The files of an archive by name. */
export function* listZip({ path, begin, size }: Stretch): Reading<Map<string, ZipEntry>> {
  const fail = (rule: string) => damaged(path, `(a zip archive) ${rule}`);
  const tail = yield* bytesAt(path, begin + Math.max(0, size - 65_557), Math.min(size, 65_557));
  const at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (at < 0 || at + 22 > tail.length) throw fail('must end with its directory, got none; it is truncated');
  const end = begin + size - tail.length + at;
  let count = tail.readUInt16LE(at + 10);
  let length = tail.readUInt32LE(at + 12);
  let offset = tail.readUInt32LE(at + 16);
  if (count === 0xffff || length === 0xffffffff || offset === 0xffffffff) {
    [count, length, offset] = yield* endOf64(path, begin, end, fail);
  }
  if (length > maxDirectory || offset + length > end - begin) {
    throw fail(`must have a directory within the file, of at most ${maxDirectory} bytes, got ${length} at ${offset}`);
  }
  if (count > maxFiles) throw fail(`must hold at most ${maxFiles} files, got ${count}`);
  const directory = yield* bytesAt(path, begin + offset, length);
  return readDirectory(path, directory, begin, begin + offset, count, fail);
}

function* endOf64(path: string, begin: number, end: number, fail: Fail): Reading<[number, number, number]> {
  const locator = yield* bytesAt(path, Math.max(begin, end - 20), Math.min(20, end - begin));
  if (!locator.toString('latin1').startsWith('PK\x06\x07') || locator.length < 20)
    throw fail('must have its Zip64 directory');
  const at = begin + Number(locator.readBigUInt64LE(8));
  if (at + 56 > end) throw fail('must have its Zip64 directory within the file');
  const record = yield* bytesAt(path, at, 56);
  if (!record.toString('latin1').startsWith('PK\x06\x06')) throw fail('must have its Zip64 directory');
  return [32, 40, 48].map((field) => Number(record.readBigUInt64LE(field))) as [number, number, number];
}

type Fail = (rule: string) => FileError;

function readDirectory(
  path: string,
  bytes: Buffer,
  begin: number,
  limit: number,
  count: number,
  fail: Fail,
): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50) throw fail('must have a whole directory');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const next = at + 46 + nameLength! + extraLength! + commentLength!;
    if (next > bytes.length) throw fail('must have a whole directory');
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength!);
    const [method, flags] = [bytes.readUInt16LE(at + 10), bytes.readUInt16LE(at + 8)];
    const sizes = [24, 20, 42].map((field) => bytes.readUInt32LE(at + field));
    const [size, packed, offset] = widen(sizes, bytes.subarray(at + 46 + nameLength!, next - commentLength!), fail);
    if (entries.has(name)) throw fail(`must name each file once, got ${describe(name)} twice`);
    if ((flags & 1) !== 0) throw fail(`must not be encrypted, got ${describe(name)}`);
    if (method !== 0 && method !== 8)
      throw fail(`must be stored or deflated, got method ${method} for ${describe(name)}`);
    if (method === 0 && size !== packed)
      throw fail(`must have one size of ${describe(name)}, got ${size} and ${packed}`);
    entries.set(name, {
      name,
      path,
      header: begin + offset!,
      limit,
      packed: packed!,
      size: size!,
      isDeflated: method === 8,
    });
    at = next;
  }
  checkApart([...entries.values()], limit, fail);
  return entries;
}

/** Sizes of 64 bits stand in an extra field, those that do not fit 32 bits, in this order. */
function widen(sizes: number[], extra: Buffer, fail: Fail): number[] {
  if (!sizes.includes(0xffffffff)) return sizes;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let field = at + 4;
    return sizes.map((size) => {
      if (size !== 0xffffffff) return size;
      if (field + 8 > extra.length) throw fail('must have whole Zip64 fields');
      field += 8;
      return Number(extra.readBigUInt64LE(field - 8));
    });
  }
  return sizes;
}

/** No byte belongs to two files: what is small on disk could be endless otherwise. */
function checkApart(entries: ZipEntry[], limit: number, fail: Fail): void {
  let position = 0;
  for (const { name, header, packed } of entries.sort((a, b) => a.header - b.header)) {
    if (header < position) throw fail(`must hold files that do not overlap, got ${describe(name)} at byte ${header}`);
    position = header + 30 + packed;
    if (!(position <= limit)) throw fail(`must hold its files whole, got ${describe(name)} to byte ${position}`);
  }
}

/** @internal Where the bytes of a file begin. */
export function* startOf({ name, path, header, limit, packed }: ZipEntry): Reading<number> {
  const local = yield* bytesAt(path, header, 30);
  const begin = header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  if (local.readUInt32LE(0) === 0x04034b50 && begin + packed <= limit) return begin;
  throw damaged(path, `(a zip archive) must hold ${describe(name)} where its directory says`);
}

/** @internal The bytes of a file. */
export function* contentOf(entry: ZipEntry, most: number): Reading<Buffer> {
  const { name, path, packed, size, isDeflated } = entry;
  const fail = (rule: string) => damaged(path, `(a zip archive) must hold ${describe(name)} ${rule}`);
  if (size > Math.min(most, maxUnpacked)) throw fail(`of at most ${Math.min(most, maxUnpacked)} bytes, got ${size}`);
  if (size > 1032 * packed + 64) throw fail(`of at most ${1032 * packed} bytes, got ${size}`);
  const bytes = yield* bytesAt(path, yield* startOf(entry), packed);
  if (!isDeflated) return bytes;
  let unpacked: Buffer;
  try {
    unpacked = inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    throw fail(`deflated (${(error as Error).message})`);
  }
  if (unpacked.length !== size) throw fail(`of ${size} bytes, got ${unpacked.length}`);
  return unpacked;
}
