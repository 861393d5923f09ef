// NumPy's arrays: .npy, and .npz archives of them.
import { basename } from 'node:path';
import { describe } from '../errors.js';
import { maxDimensions } from '../shape.js';
import { type FileDType, fileTypes } from './element-types.js';
import { bytesAt, type Reading } from './reading.js';
import { countOf, damaged } from './safetensors-header.js';
import type { Listing, Stored } from './stored.js';
import { contentOf, startOf, type ZipEntry } from './zip.js';

const types: Readonly<Record<string, FileDType>> = {
  ...{ f2: 'F16', f4: 'F32', f8: 'F64', i1: 'I8', i2: 'I16', i4: 'I32', i8: 'I64' },
  ...{ u1: 'U8', u2: 'U16', u4: 'U32', u8: 'U64', b1: 'BOOL' },
};

/** Bytes in which the header of an array must end. */
const maxHeader = 2 ** 16;

/** The array in `bytes`, the first ones of `size` bytes that begin at `begin`. */
function readHeader(path: string, what: string, bytes: Buffer, begin: number, size: number): Stored {
  const fail = (rule: string) => damaged(path, `${what}${rule}`);
  if (bytes.length < 12 || bytes.toString('latin1', 0, 6) !== '\x93NUMPY') throw fail('must be a NumPy array');
  const isLong = (bytes[6] as number) >= 2;
  const start = isLong ? 12 : 10;
  const length = isLong ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  if (start + length > bytes.length) throw fail(`must have a header of at most ${maxHeader} bytes, got ${length}`);
  const header = bytes.toString('latin1', start, start + length);
  const descr = /'descr': *('[^']*'|\[)/.exec(header)?.[1];
  const order = /'fortran_order': *(True|False)/.exec(header)?.[1];
  const sizes = /'shape': *\(([\d, L]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined)
    throw fail('must have descr, fortran_order and shape');
  const [, byteOrder, kind] = /^'([<>|=]?)(\w+)'$/.exec(descr) ?? [];
  const fileDType = Object.hasOwn(types, kind ?? '') ? types[kind as string] : undefined;
  if (fileDType === undefined) {
    const why = kind === 'O' ? '; arrays of objects are pickles, which could run code' : '';
    throw fail(`must be an array of real numbers or bool, got ${descr === '[' ? 'records' : descr.slice(0, 40)}${why}`);
  }
  const shape = [...sizes.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  const count = countOf(shape);
  if (count === undefined)
    throw fail(`must have a shape of at most ${maxDimensions} sizes and a countable number of elements`);
  const needed = start + length + count * fileTypes[fileDType].size;
  if (needed !== size)
    throw fail(`must have ${needed} bytes (${describe(kind)} of shape [${shape.join(', ')}]), got ${size}`);
  const strides =
    order === 'True' && shape.length > 1
      ? shape.map((_, d) => shape.slice(0, d).reduce((a, b) => a * b, 1))
      : undefined;
  return { fileDType, shape, count, path, begin: begin + start + length, strides, isSwapped: byteOrder === '>' };
}

/** @internal An array, named after its file. */
export function* listNpy(path: string, size: number): Reading<Listing> {
  const bytes = yield* bytesAt(path, 0, Math.min(size, maxHeader));
  const stored = readHeader(path, '(a NumPy file) ', bytes, 0, size);
  return { tensors: new Map([[basename(path).replace(/\.npy$/, ''), stored]]), metadata: Object.create(null) };
}

/** @internal Whether an archive holds arrays alone. */
export function isNpz(entries: ReadonlyMap<string, ZipEntry>): boolean {
  return [...entries.keys()].every((name) => name.endsWith('.npy'));
}

/** @internal The arrays of an archive, packed ones too. */
export function* listNpz(path: string, entries: ReadonlyMap<string, ZipEntry>): Reading<Listing> {
  const tensors = new Map<string, Stored>();
  let left = 2 ** 31;
  for (const entry of entries.values()) {
    const name = entry.name.replace(/\.npy$/, '');
    const what = `(a NumPy archive) array ${describe(name)} `;
    if (entry.isDeflated) {
      const bytes = yield* contentOf(entry, left);
      left -= bytes.length;
      const stored = readHeader(path, what, bytes, 0, bytes.length);
      tensors.set(name, { ...stored, unpack: () => contentOf(entry, entry.size) });
    } else {
      const begin = yield* startOf(entry);
      const bytes = yield* bytesAt(path, begin, Math.min(entry.size, maxHeader));
      tensors.set(name, readHeader(path, what, bytes, begin, entry.size));
    }
  }
  return { tensors, metadata: Object.create(null) };
}
