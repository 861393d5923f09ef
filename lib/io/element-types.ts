// The element types of files: what each becomes in memory, and how its bytes are read and written.
import { type DType, dtypes, dtypeTraits, type TypedArray } from '../dtype.js';
import { decodeSmall, encodeSmall, type SmallFloat } from './small-floats.js';

/** Element types of files that the library reads and writes, by their names in safetensors files. */
export type FileDType =
  | (typeof dtypeTraits)[DType]['safetensors']
  | SmallFloat
  | 'I64'
  | 'U64'
  | 'U32'
  | 'I16'
  | 'U16'
  | 'I8'
  | 'BOOL';

/** The error of the first element that does not fit. */
export type Misfit = (rule: string, position: number, got: unknown) => Error;

/** An element type: the dtype that it has in memory, its size in bytes, PyTorch's name. */
interface Traits {
  dtype: DType;
  size: number;
  name: string;
  /** The elements in these bytes, which begin at a multiple of 8; without it they are those of the dtype. */
  decode?: (bytes: Uint8Array, misfit: Misfit) => TypedArray;
  encode?: (data: TypedArray, misfit: Misfit) => ArrayBufferView;
}

const part = <T>(make: new (buffer: ArrayBufferLike, offset: number, length: number) => T, size: number) => {
  return (bytes: Uint8Array): T => new make(bytes.buffer, bytes.byteOffset, bytes.length / size);
};
const words = part(Int32Array, 4);
const shorts = part(Uint16Array, 2);

/** Integers of at most 16 bits, which int32 holds all. */
function short(
  name: string,
  make: typeof Int8Array | typeof Int16Array | typeof Uint16Array,
  [least, greatest]: readonly [number, number],
): Traits {
  const size = make.BYTES_PER_ELEMENT;
  const view = part<Int8Array | Int16Array | Uint16Array>(make, size);
  return {
    ...{ dtype: 'int32', size, name },
    decode: (bytes) => Int32Array.from(view(bytes)),
    encode: (data, misfit) => make.from(within(name, data, least, greatest, misfit)),
  };
}

function within(name: string, data: TypedArray, least: number, greatest: number, misfit: Misfit): TypedArray {
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value < least || value > greatest) throw misfit(`must have values in the range of ${name}`, i, value);
  }
  return data;
}

function small(type: SmallFloat, name: string, size: 1 | 2): Traits {
  return {
    ...{ dtype: 'float32', size, name },
    decode: (bytes) => decodeSmall(type, size === 1 ? bytes : shorts(bytes)),
    encode: (data) => encodeSmall(type, data),
  };
}

/** 64 bits as pairs of words: ten times faster than through BigInt. */
function long(name: string, isSigned: boolean): Traits {
  return {
    ...{ dtype: 'int32', size: 8, name },
    decode(bytes, misfit) {
      const pairs = words(bytes);
      const data = new Int32Array(pairs.length / 2);
      for (let i = 0; i < data.length; i++) {
        const low = pairs[2 * i] as number;
        const fits = pairs[2 * i + 1] === low >> 31 && (isSigned || low >= 0);
        if (!fits) throw misfit('must have values in the range of int32', i, longAt(bytes, i, isSigned));
        data[i] = low;
      }
      return data;
    },
    encode(data, misfit) {
      if (!isSigned) within(name, data, 0, 2 ** 31, misfit);
      const pairs = new Int32Array(2 * data.length);
      for (let i = 0; i < data.length; i++) {
        pairs[2 * i] = data[i] as number;
        pairs[2 * i + 1] = (data[i] as number) >> 31;
      }
      return pairs;
    },
  };
}

function longAt(bytes: Uint8Array, position: number, isSigned: boolean): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return isSigned ? view.getBigInt64(8 * position, true) : view.getBigUint64(8 * position, true);
}

function zerosAndOnes<T extends TypedArray>(data: T, misfit: Misfit): T {
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== 0 && data[i] !== 1) throw misfit('must have values of 0 and 1 (BOOL)', i, data[i]);
  }
  return data;
}

function inDType(dtype: DType, data: TypedArray, misfit: Misfit): TypedArray {
  const { array, range, isFloat } = dtypeTraits[dtype];
  if (data instanceof array) return data;
  return array.from(isFloat ? data : within(dtype, data, range[0], range[1], misfit));
}

const plain = dtypes.map((dtype) => {
  const { safetensors, array } = dtypeTraits[dtype];
  return [safetensors, { dtype, size: array.BYTES_PER_ELEMENT, name: dtype }] as const;
});

const converted: readonly (readonly [FileDType, Traits])[] = [
  ['I64', long('int64', true)],
  ['U64', long('uint64', false)],
  [
    'U32',
    {
      ...{ dtype: 'int32', size: 4, name: 'uint32' },
      decode: (bytes, misfit) => {
        const data = words(bytes);
        const wrong = data.findIndex((value) => value < 0);
        if (wrong >= 0) throw misfit('must have values in the range of int32', wrong, (data[wrong] as number) >>> 0);
        return data;
      },
      encode: (data, misfit) => within('uint32', data, 0, 2 ** 31, misfit),
    },
  ],
  ['F16', small('F16', 'float16', 2)],
  ['BF16', small('BF16', 'bfloat16', 2)],
  ['I16', short('int16', Int16Array, [-(2 ** 15), 2 ** 15 - 1])],
  ['U16', short('uint16', Uint16Array, [0, 2 ** 16 - 1])],
  ['F8_E4M3', small('F8_E4M3', 'float8_e4m3fn', 1)],
  ['F8_E5M2', small('F8_E5M2', 'float8_e5m2', 1)],
  ['I8', short('int8', Int8Array, [-128, 127])],
  [
    'BOOL',
    {
      dtype: 'uint8',
      size: 1,
      name: 'bool',
      decode: zerosAndOnes,
      encode: (data, misfit) => Uint8Array.from(zerosAndOnes(data, misfit)),
    },
  ],
];

/** @internal Each element type; the largest first, which is the order of the data in files that are written. */
export const fileTypes = Object.fromEntries(
  [...plain, ...converted].sort(([, a], [, b]) => b.size - a.size),
) as Readonly<Record<FileDType, Traits>>;

/** @internal Element types by PyTorch's names. */
export const fileTypeOf: ReadonlyMap<string, FileDType> = new Map(
  Object.entries(fileTypes).map(([type, { name }]) => [name, type as FileDType]),
);

/** @internal The elements in bytes of a type, which begin at a multiple of 8; they may be the same memory. */
export function decodeElements(type: FileDType, bytes: Uint8Array, misfit: Misfit): TypedArray {
  const { dtype, decode } = fileTypes[type];
  if (decode !== undefined) return decode(bytes, misfit);
  const { array } = dtypeTraits[dtype];
  return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / array.BYTES_PER_ELEMENT);
}

/** @internal The bytes of elements, whose dtype is that of the type or, for floats, the other one. */
export function encodeElements(type: FileDType, data: TypedArray, misfit: Misfit): Uint8Array {
  const { dtype, encode } = fileTypes[type];
  const view = encode !== undefined ? encode(data, misfit) : inDType(dtype, data, misfit);
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** @internal Whether elements of the dtype of a type come back as they are when they are written as that type. */
export function isExact(type: FileDType, data: TypedArray): boolean {
  const isMisfit = new Error();
  try {
    const again = decodeElements(
      type,
      encodeElements(type, data, () => isMisfit),
      () => isMisfit,
    );
    return data.every((value, i) => value === again[i] || (Number.isNaN(value) && Number.isNaN(again[i])));
  } catch (error) {
    if (error === isMisfit) return false;
    throw error;
  }
}
