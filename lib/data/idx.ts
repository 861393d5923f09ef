import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { isArrayOf } from '../arrays.js';
import { arrayTypes, bytesPerElement, type DType, type TypedArray } from '../dtype.js';
import { ArgumentError, checkInteger, checkOptions, describe, FileError, formatShape } from '../errors.js';
import { systemError } from '../io/files.js';

/** An array from an IDX file. */
export interface IdxArray {
  shape: number[];
  dtype: DType;
  data: TypedArray;
}

const elementTypes: Readonly<Record<number, DType>> = { 8: 'uint8', 12: 'int32', 13: 'float32', 14: 'float64' };

/**
 * Reads the IDX format of the MNIST files: two zero bytes, a byte for the element type (8 ubyte, 12 int32, 13 float32,
 * 14 float64), a byte for the rank, each size as a big-endian uint32, then the big-endian elements. Gzip is recognised
 * by its first bytes.
 * @param input a path or the bytes of a file; a `uint8` result from plain bytes is a view of them, all else is a copy.
 * @param options.maxBytes refuse files that unpack to more than this, default 1 GiB.
 * @throws FileError when the file cannot be read, is truncated, too long or damaged.
 */
export function readIdx(input: string | Uint8Array, options: { maxBytes?: number } = {}): IdxArray {
  checkOptions('readIdx', options, ['maxBytes']);
  const maxBytes = checkInteger('readIdx', 'maxBytes', options.maxBytes ?? 2 ** 30, 1);
  if (isArrayOf('uint8', input)) return decodeIdx(unpack(input as Uint8Array, 'bytes', maxBytes), 'bytes');
  if (typeof input !== 'string') {
    throw new ArgumentError(`readIdx: input must be a path or a Uint8Array, got ${describe(input)}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(input);
  } catch (cause) {
    throw systemError('readIdx', 'read', input, cause);
  }
  return decodeIdx(unpack(bytes, input, maxBytes), input);
}

function fail(source: string, rule: string, options?: ErrorOptions): FileError {
  return new FileError(`readIdx: ${JSON.stringify(source)} ${rule}`, options);
}

/** Undoes gzip where there is any; a small file that unpacks without end stops at `maxBytes`. */
function unpack(bytes: Uint8Array, source: string, maxBytes: number): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw fail(source, `must unpack to at most ${maxBytes} bytes, got more; raise maxBytes if it is genuine`, {
        cause,
      });
    }
    throw fail(source, `must be whole gzip data (${(cause as Error).message})`, { cause });
  }
}

function decodeIdx(bytes: Uint8Array, source: string): IdxArray {
  if (bytes.length < 4) throw fail(source, `must begin with 4 bytes of type and rank, got ${bytes.length} bytes`);
  const [zero0, zero1, type, rank] = bytes as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0) throw fail(source, `must begin with two zero bytes, got ${zero0} and ${zero1}`);
  const dtype = elementTypes[type];
  if (dtype === undefined) {
    throw fail(source, `must have element type 8 (ubyte), 12 (int32), 13 (float32) or 14 (float64), got ${type}`);
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw fail(source, `must have a header of ${header} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, header);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((product, size) => product * size, 1);
  const needed = header + count * bytesPerElement[dtype];
  if (needed !== bytes.length) {
    const what = `${dtype} of shape ${formatShape(shape)}`;
    const clash = bytes.length < needed ? 'it is truncated' : 'bytes follow the last element';
    throw fail(source, `must have ${needed} bytes (${what}), got ${bytes.length}; ${clash}`);
  }
  return { shape, dtype, data: toNativeOrder(bytes.subarray(header), dtype) };
}

function toNativeOrder(bytes: Uint8Array, dtype: DType): TypedArray {
  if (dtype === 'uint8') return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = new arrayTypes[dtype](bytes.length / bytesPerElement[dtype]);
  const target = Buffer.from(data.buffer);
  target.set(bytes);
  if (bytesPerElement[dtype] === 4) target.swap32();
  else target.swap64();
  return data;
}
