import { constants, gunzipSync, type ZlibOptions } from 'node:zlib';
import { isArrayOf } from '../arrays.js';
import { type DType, dtypes, dtypeTraits, type TypedArray } from '../dtype.js';
import { AllocationError, ArgumentError, checkInteger, describe, FileError, formatShape } from '../errors.js';
import { checkPath, withFile } from '../io/files.js';
import { checkOptions } from '../options.js';
import { maxDimensions } from '../shape.js';

/** An array from an IDX file. */
export interface IdxArray {
  shape: number[];
  dtype: DType;
  data: TypedArray;
}

const elementTypes: Readonly<Record<number, DType>> = Object.fromEntries(
  dtypes.map((dtype) => [dtypeTraits[dtype].idx, dtype]),
);

/**
 * Reads the IDX format of the MNIST files: two zero bytes, a byte for the element type (8 ubyte, 12 int32, 13 float32,
 * 14 float64), a byte for the rank, each size as a big-endian uint32, then the big-endian elements. Gzip is recognised
 * by its first bytes.
 * @param input the path of a regular file, or the bytes of one; a `uint8` result from plain bytes is a view of them, any
 *   other a copy.
 * @param options.maxBytes the limit of the file's length, also unpacked; default 600 MB.
 * @throws FileError when the file cannot be read, is truncated, too long or damaged; AllocationError without memory.
 */
export function readIdx(input: string | Uint8Array, options: { maxBytes?: number } = {}): IdxArray {
  checkOptions('readIdx', options, ['maxBytes']);
  const maxBytes = checkInteger('readIdx', 'maxBytes', options.maxBytes ?? defaultMaxBytes, 1);
  if (isArrayOf('uint8', input)) {
    const bytes = input as Uint8Array;
    return isPacked(bytes) ? unpack(bytes, 'bytes', maxBytes) : decodeIdx(bytes, 'bytes', false);
  }
  if (typeof input !== 'string') {
    throw new ArgumentError(`readIdx: input must be a path or a Uint8Array, got ${describe(input)}`);
  }
  return withFile('readIdx', checkPath('readIdx', input), ({ size, read }) => {
    const start = new Uint8Array(Math.min(size, 2));
    read(0, start);
    // Incompressible data grows when packed, by less than this.
    const max = isPacked(start) ? maxBytes + maxBytes / 1024 + 65536 : maxBytes;
    if (size > max) throw fail(input, `must have at most ${maxBytes} bytes, got ${size}; ${genuine}`);
    const bytes = new Uint8Array(size);
    read(0, bytes);
    return isPacked(bytes) ? unpack(bytes, input, maxBytes) : decodeIdx(bytes, input, true);
  });
}

/** The largest file in use, EMNIST's 697,932 images, has 547 MB; to unpack this much takes a second. */
const defaultMaxBytes = 600_000_000;

const genuine = 'raise maxBytes if it is genuine';

function fail(source: string, rule: string, options?: ErrorOptions): FileError {
  return new FileError(`readIdx: ${JSON.stringify(source)} ${rule}`, options);
}

/** Whether these are the first bytes of gzip data. */
const isPacked = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Unpacks gzip. The header, unpacked first, says how much data there may be, which stops small files that unpack endlessly. */
function unpack(packed: Uint8Array, source: string, maxBytes: number): IdxArray {
  const start = gunzip(packed.subarray(0, 4096), source, { finishFlush: constants.Z_SYNC_FLUSH });
  const isWhole = start.length >= 4 && start.length >= 4 + 4 * (start[3] as number);
  const needed = isWhole ? decodeHeader(start, source).needed : Number.POSITIVE_INFINITY;
  const tooLong = (options?: ErrorOptions) =>
    needed <= maxBytes
      ? fail(source, `must have ${needed} bytes, as its header says, got more`, options)
      : fail(source, `must unpack to at most ${maxBytes} bytes, got more; ${genuine}`, options);
  if (isWhole && needed > maxBytes) throw tooLong();
  const maxOutputLength = Math.min(needed, maxBytes);
  // One buffer of the right size (not from Node's pool): zlib would collect small ones and copy them together.
  const chunkSize = isWhole ? Math.min(Math.max(needed + 1, 8192), 2 ** 30) : 65536;
  return decodeIdx(gunzip(packed, source, { maxOutputLength, chunkSize }, tooLong), source, true);
}

function gunzip(
  packed: Uint8Array,
  source: string,
  options: ZlibOptions,
  tooLong?: (options: ErrorOptions) => FileError,
): Uint8Array {
  try {
    return gunzipSync(packed, options);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (tooLong !== undefined && code === 'ERR_BUFFER_TOO_LARGE') throw tooLong({ cause });
    if (cause instanceof RangeError) {
      throw new AllocationError(`readIdx: no memory to unpack ${JSON.stringify(source)} (${message})`, { cause });
    }
    throw fail(source, `must be whole gzip data (${message})`, { cause });
  }
}

interface IdxHeader {
  dtype: DType;
  shape: number[];
  /** Bytes of the header. */
  length: number;
  /** Bytes of the header and the elements. */
  needed: number;
}

function decodeHeader(bytes: Uint8Array, source: string): IdxHeader {
  if (bytes.length < 4) throw fail(source, `must begin with 4 bytes of type and rank, got ${bytes.length} bytes`);
  const [zero0, zero1, type, rank] = bytes as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0) throw fail(source, `must begin with two zero bytes, got ${zero0} and ${zero1}`);
  const dtype = elementTypes[type];
  if (dtype === undefined) {
    throw fail(source, `must have element type 8 (ubyte), 12 (int32), 13 (float32) or 14 (float64), got ${type}`);
  }
  if (rank > maxDimensions) throw fail(source, `must have at most ${maxDimensions} dimensions, got ${rank}`);
  const length = 4 + 4 * rank;
  if (bytes.length < length) throw fail(source, `must have a header of ${length} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  // Not zero times an infinite product of the others.
  const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  return { dtype, shape, length, needed: length + count * dtypeTraits[dtype].array.BYTES_PER_ELEMENT };
}

/** `owned`: nobody else has these bytes, so their byte order may be reversed in place. */
function decodeIdx(bytes: Uint8Array, source: string, owned: boolean): IdxArray {
  const { dtype, shape, length, needed } = decodeHeader(bytes, source);
  if (needed !== bytes.length) {
    const what = `${dtype} of shape ${formatShape(shape)}`;
    const clash = bytes.length < needed ? 'it is truncated' : 'bytes follow the last element';
    throw fail(source, `must have ${needed} bytes (${what}), got ${bytes.length}; ${clash}`);
  }
  return { shape, dtype, data: toNativeOrder(bytes.subarray(length), dtype, owned) };
}

function toNativeOrder(bytes: Uint8Array, dtype: DType, owned: boolean): TypedArray {
  if (dtype === 'uint8') return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = dtypeTraits[dtype].array.BYTES_PER_ELEMENT;
  const own = owned && bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const target = Buffer.from(own.buffer as ArrayBuffer, own.byteOffset, own.length);
  if (size === 4) target.swap32();
  else target.swap64();
  return new dtypeTraits[dtype].array(own.buffer as ArrayBuffer, own.byteOffset, own.length / size);
}
