// The tensors in a model: their values from the message itself or from files beside the model.
import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import type { DType, TypedArray } from '../../dtype.js';
import { describe, FileError, formatShape } from '../../errors.js';
import { longestName, systemError, withFile } from '../files.js';
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType as Type } from './messages.js';

/** A tensor as plain data. */
export interface Weights {
  dtype: DType;
  shape: number[];
  data: TypedArray;
}

/** Where a model came from: its name in error texts, and the path beside which its other files are, if it has one. */
export interface Source {
  operation: string;
  name: string;
  path: string | undefined;
}

/** How a type's elements lie in bytes, and what they become here. */
interface Elements {
  dtype: DType;
  bytes: number;
  read(view: DataView, offset: number): number;
}

const float32 = (read: Elements['read'], bytes: number): Elements => ({ dtype: 'float32', bytes, read });
const int32 = (read: Elements['read'], bytes: number): Elements => ({ dtype: 'int32', bytes, read });

const elements: ReadonlyMap<Type, Elements> = new Map([
  [Type.FLOAT, float32((v, i) => v.getFloat32(i, true), 4)],
  [Type.DOUBLE, { dtype: 'float64' as const, bytes: 8, read: (v: DataView, i: number) => v.getFloat64(i, true) }],
  [Type.FLOAT16, float32((v, i) => fromHalf(v.getUint16(i, true)), 2)],
  [Type.BFLOAT16, float32((v, i) => fromBfloat16(v.getUint16(i, true)), 2)],
  [Type.UINT8, { dtype: 'uint8' as const, bytes: 1, read: (v: DataView, i: number) => v.getUint8(i) }],
  [Type.BOOL, { dtype: 'uint8' as const, bytes: 1, read: (v: DataView, i: number) => (v.getUint8(i) === 0 ? 0 : 1) }],
  [Type.INT8, int32((v, i) => v.getInt8(i), 1)],
  [Type.INT16, int32((v, i) => v.getInt16(i, true), 2)],
  [Type.UINT16, int32((v, i) => v.getUint16(i, true), 2)],
  [Type.INT32, int32((v, i) => v.getInt32(i, true), 4)],
  [Type.UINT32, int32((v, i) => v.getUint32(i, true), 4)],
  [Type.INT64, int32((v, i) => fromInt64(v.getBigInt64(i, true)), 8)],
  [Type.UINT64, int32((v, i) => fromInt64(v.getBigUint64(i, true)), 8)],
]);

/** The element type that a type of ONNX has here; undefined for those that have none, such as texts. */
export function dtypeOf(type: number): DType | undefined {
  return elements.get(type)?.dtype;
}

/** `INT64` of 7. */
export function nameOfType(type: number): string {
  return Type[type] ?? `type ${type}`;
}

/** @throws FileError, naming the tensor, when anything is damaged, missing or of a type that has no counterpart. */
export function readWeights(proto: TensorProto, source: Source): Weights {
  const fail = (rule: string): never => {
    throw new FileError(`${source.operation}: ${source.name}: tensor ${JSON.stringify(proto.name)} ${rule}`);
  };
  const kind = elements.get(proto.dataType) ?? fail(`must be of numbers, got ${nameOfType(proto.dataType)}`);
  const shape = proto.dims.map((n) => (n >= 0n && n < 2n ** 53n ? Number(n) : fail(`must have sizes, got ${n}`)));
  const count = shape.reduce((a, b) => a * b, 1);
  if (shape.length > 64) fail(`must have at most 64 dimensions, got ${shape.length}`);
  const bytesOf = (raw: Uint8Array): TypedArray => {
    if (raw.length !== count * kind.bytes) {
      fail(`must have ${count * kind.bytes} bytes for ${formatShape(shape)}, got ${raw.length}`);
    }
    return fromBytes(raw, count, kind);
  };
  let data: TypedArray;
  try {
    if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
      data = bytesOf(externalBytes(proto, source, count * kind.bytes, fail));
    } else if (proto.rawData.length > 0) data = bytesOf(proto.rawData);
    else data = fromLists(proto, count, kind.dtype, (got) => fail(`must have ${count} elements, got ${got}`));
  } catch (error) {
    if (error instanceof RangeError) fail(error.message);
    throw error;
  }
  return { dtype: kind.dtype, shape, data };
}

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

function fromBytes(raw: Uint8Array, count: number, { dtype, bytes, read }: Elements): TypedArray {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = new arrays[dtype](count);
  for (let i = 0; i < count; i++) data[i] = checked(read(view, i * bytes), dtype);
  return data;
}

function fromLists(proto: TensorProto, count: number, dtype: DType, wrong: (got: number) => never): TypedArray {
  const { dataType } = proto;
  const lists = [proto.floatData, proto.doubleData, proto.int32Data, proto.int64Data, proto.uint64Data];
  const list = lists.find(({ length }) => length > 0) ?? [];
  if (list.length !== count) wrong(list.length);
  const data = new arrays[dtype](count);
  const bits = dataType === Type.FLOAT16 ? fromHalf : dataType === Type.BFLOAT16 ? fromBfloat16 : null;
  for (let i = 0; i < count; i++) {
    const value = list[i] as number | bigint;
    const number = typeof value === 'bigint' ? fromInt64(value) : bits === null ? value : bits(value);
    data[i] = checked(number, dtype);
  }
  return data;
}

function externalBytes(proto: TensorProto, source: Source, bytes: number, fail: (rule: string) => never): Uint8Array {
  const entry = (key: string) => proto.externalData.find((e) => e.key === key)?.value;
  const number = (key: string, fallback: number) => {
    const value = Number(entry(key) ?? fallback);
    return Number.isSafeInteger(value) && value >= 0 ? value : fail(`must have a whole ${key}, got ${entry(key)}`);
  };
  if (source.path === undefined) return fail('is in another file; load the model by its path');
  const location = entry('location') ?? fail('must say in which file it is, got no location');
  const offset = number('offset', 0);
  const length = number('length', bytes);
  if (length !== bytes) fail(`must have ${bytes} bytes, got ${length}`);
  const path = besides(source, location, fail);
  return withFile(source.operation, path, (file) => {
    if (offset + length > file.size) {
      fail(`must be in ${JSON.stringify(location)}, which has ${file.size} bytes, got ${offset} to ${offset + length}`);
    }
    const target = new Uint8Array(length);
    file.read(offset, target);
    return target;
  });
}

// A file in the model's folder or below it, also where there are symbolic links.
function besides(source: Source, location: string, fail: (rule: string) => never): string {
  const outside = () => fail(`must be in the folder of the model, got ${describe(location)}`);
  if (isAbsolute(location) || location.includes('\0') || location === '' || location.length > longestName) outside();
  const real = (path: string) => {
    try {
      return realpathSync(path);
    } catch (cause) {
      throw systemError(source.operation, 'read', path, cause);
    }
  };
  const folder = resolve(dirname(source.path as string));
  const path = resolve(folder, location);
  if (!path.startsWith(folder + sep) || !real(path).startsWith(real(folder) + sep)) outside();
  return path;
}

// Exporters write the least and the greatest int64 for "to the end": they become the ends of int32.
function fromInt64(value: bigint): number {
  return Number(value > 2n ** 62n ? 2n ** 31n - 1n : value < -(2n ** 62n) ? -(2n ** 31n) : value);
}

function checked(value: number, dtype: DType): number {
  if (dtype === 'int32' && value !== (value | 0)) throw new RangeError(`must fit in int32, got ${value}`);
  return value;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const word = new DataView(new ArrayBuffer(4));

function fromBfloat16(bits: number): number {
  word.setUint32(0, (bits << 16) >>> 0);
  return word.getFloat32(0);
}
