// Bytes from wherever they are: files, streams, arrays.
import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { AdjointError, ArgumentError, describe, FileError } from '../errors.js';
import { checkPath, systemError } from '../io/files.js';

/**
 * Where the bytes of a file come from: a path or file URL (one that ends in `.gz` is decompressed), the bytes themselves, a
 * stream of Node.js or of the web, or any iterable of bytes or texts.
 */
export type ByteSource =
  | string
  | { readonly href: string; readonly protocol: string }
  | Uint8Array
  | { getReader(): unknown }
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

const pieceBytes = 65_536;

/** @internal The name of a source in error texts. */
export const nameOf = (source: unknown): string => (isPath(source) ? JSON.stringify(String(source)) : 'the source');

/** @internal An operation in errors about what a source holds, which name the file where there is one. */
export const placeOf = (operation: string, source: unknown): string =>
  isPath(source) ? `${operation}: ${nameOf(source)}` : operation;

const isPath = (source: unknown): source is string | URL => typeof source === 'string' || source instanceof URL;

/** @internal Checks a source, without reading it. */
export function checkSource(operation: string, source: unknown): void {
  if (typeof source === 'string') checkPath(operation, source);
  else if (!(source instanceof URL) && !isIterable(source)) {
    const rule = 'source must be a path, bytes, a stream or an iterable of bytes';
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(source)}`);
  } else if (source instanceof URL && source.protocol !== 'file:') {
    throw new ArgumentError(`${operation}: a URL must be that of a file, got ${describe(String(source))}`);
  }
}

function isIterable(source: unknown): source is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof source !== 'object' || source === null) return false;
  return Symbol.asyncIterator in source || (Symbol.iterator in source && !('rank' in source));
}

/** @internal The bytes of a source in pieces of at most 64 KB, and no more of them than `maxBytes`. */
export async function* bytesOf(operation: string, source: ByteSource, maxBytes: number): AsyncGenerator<Buffer> {
  let total = 0;
  try {
    for await (const chunk of open(operation, source)) {
      const bytes = toBytes(operation, chunk);
      total += bytes.length;
      if (total > maxBytes) {
        const rule = `must have at most maxBytes ${maxBytes} bytes, got more`;
        throw new FileError(`${operation}: ${nameOf(source)} ${rule}`);
      }
      for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
    }
  } catch (cause) {
    if (cause instanceof AdjointError) throw cause;
    throw systemError(operation, 'read', isPath(source) ? String(source) : 'the source', cause);
  }
}

async function* open(operation: string, source: ByteSource): AsyncGenerator<unknown> {
  if (typeof source === 'string' || source instanceof URL) {
    const path = typeof source === 'string' ? source : fileURLToPath(source);
    checkStats(operation, path, await stat(path)); // opening a device may already have an effect
    const file = createReadStream(path, { highWaterMark: 4 * pieceBytes });
    if (!path.endsWith('.gz')) return yield* file;
    const plain = file.pipe(createGunzip());
    file.on('error', (error) => plain.destroy(error));
    try {
      yield* plain;
    } finally {
      file.destroy();
    }
  } else if (source instanceof Uint8Array) {
    yield source;
  } else {
    yield* source as AsyncIterable<unknown>;
  }
}

function checkStats(operation: string, path: string, stats: Stats): void {
  if (stats.isFile()) return;
  const kind = stats.isDirectory() ? 'a folder' : stats.isFIFO() ? 'a pipe' : 'a device or socket';
  throw new FileError(`${operation}: ${JSON.stringify(path)} must be a regular file, got ${kind}`);
}

function toBytes(operation: string, chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new ArgumentError(`${operation}: source must give bytes or texts, got ${describe(chunk)}`);
}
