// Writing NumPy's arrays.
import { ArgumentError, describe } from '../errors.js';
import { type FileDType, fileTypes } from './element-types.js';
import { piecesOf, type TensorPart } from './safetensors-write.js';
import { zipOf } from './zip-write.js';

const descriptions: Partial<Record<FileDType, string>> = {
  ...{ F16: '<f2', F32: '<f4', F64: '<f8', I8: '|i1', I16: '<i2', I32: '<i4', I64: '<i8' },
  ...{ U8: '|u1', U16: '<u2', U32: '<u4', U64: '<u8', BOOL: '|b1' },
};

/** @internal Whether NumPy has this type. */
export const isNumPyType = (type: FileDType): boolean => descriptions[type] !== undefined;

function headerOf(operation: string, { name, fileDType, shape }: TensorPart): Buffer {
  const descr = descriptions[fileDType];
  if (descr === undefined) {
    const rule = `tensor ${describe(name)} must have a type of NumPy's`;
    throw new ArgumentError(`${operation}: ${rule}, got ${fileTypes[fileDType].name}; save it as safetensors`);
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`)]);
}

function* arrayOf(operation: string, header: Buffer, part: TensorPart): Iterable<Uint8Array> {
  yield header;
  yield* piecesOf(operation, part);
}

/** @internal The bytes of a file with one array. */
export function npyFile(operation: string, parts: readonly TensorPart[]): Iterable<Uint8Array> {
  const [part] = parts;
  if (part === undefined || parts.length > 1) {
    throw new ArgumentError(`${operation}: a .npy file must hold one tensor, got ${parts.length}; use .npz`);
  }
  return arrayOf(operation, headerOf(operation, part), part);
}

/** @internal The bytes of an archive of arrays. */
export function npzFile(operation: string, parts: readonly TensorPart[]): Iterable<Uint8Array> {
  const files = parts.map((part) => {
    const header = headerOf(operation, part);
    const size = header.length + part.count * fileTypes[part.fileDType].size;
    return { name: `${part.name}.npy`, size, pieces: () => arrayOf(operation, header, part) };
  });
  return zipOf(files);
}
