// Writing tensors by name.
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { types } from 'node:util';
import { dtypeTraits } from '../dtype.js';
import { ArgumentError, checkInteger, describe, isPlain } from '../errors.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { writeFileAtomic, writeFileAtomicAsync } from './atomic.js';
import { fileTypes } from './element-types.js';
import { checkPath } from './files.js';
import { isNumPyType, npyFile, npzFile } from './npy-write.js';
import { layOut, type TensorPart } from './safetensors-write.js';
import { checkWanted, ownFileDType, type SavedDType } from './save-options.js';
import { torchFile } from './torch-write.js';

/** Tensors by name: a module's `stateDict()`, or an object. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** Options of {@link save} and {@link saveAsync}. */
export interface SaveOptions {
  /** Texts to keep with the tensors: an epoch, a configuration as JSON. */
  metadata?: Record<string, string>;
  /**
   * The element type in the file: of all tensors of floats, or of the tensors that an object names. Floats are rounded to
   * the nearest, ties to even; integers must fit. By default each tensor has its dtype or, as long as its values fit exactly,
   * the type of the file that it was loaded from.
   */
  dtype?: SavedDType | Readonly<Record<string, SavedDType>>;
  /** The largest number of bytes of tensors in one file, also as a text: '5GB'. More go to several files and an index. */
  maxShardSize?: number | string;
}

/** A file to write. */
interface Output {
  path: string;
  parts: Iterable<Uint8Array>;
}

/**
 * Writes tensors to a safetensors file, which PyTorch and others can read; to a `.pt` or `.pth` file as `torch.save` writes a
 * state dict; to a `.npy` file, which holds one tensor, or `.npz` as NumPy does. A crash leaves the old file or the whole new
 * one. The new file has the permissions of the old one. Tensors that `load` converted from another type, such as int64 or
 * bfloat16, are written as such again as long as their values fit exactly.
 *
 * With `maxShardSize`, what exceeds it goes to several files as Hugging Face's do: `model-00001-of-00002.safetensors` and
 * the index `model.safetensors.index.json`, which is written last.
 *
 * @param options metadata, dtype, maxShardSize
 * @throws FileError when the file cannot be written, ArgumentError for what is not a tensor or a text or does not fit its
 *   type in the file
 * @example
 * io.save('digits.safetensors', model.stateDict(), { metadata: { epoch: '5' }, dtype: 'bfloat16' });
 */
export function save(path: string, stateDict: StateDict, options?: SaveOptions): void {
  const { outputs, isSharded } = plan('save', path, stateDict, options, (t) => () => t.toTypedArray());
  for (const { path, parts } of outputs) writeFileAtomic('save', path, parts);
  if (isSharded) removeShards(path, outputs);
}

/**
 * Like {@link save}, but converts and writes piece by piece, so that the event loop goes on meanwhile. What is written is
 * what the tensors hold when it is called: they are copied first.
 *
 * @throws FileError and ArgumentError like `save`
 * @example
 * await io.saveAsync('digits.safetensors', model.stateDict());
 */
export async function saveAsync(path: string, stateDict: StateDict, options?: SaveOptions): Promise<void> {
  const { outputs, isSharded } = plan('saveAsync', path, stateDict, options, (t) => {
    const copy = t.toTypedArray();
    return () => copy;
  });
  for (const { path, parts } of outputs) await writeFileAtomicAsync('saveAsync', path, parts);
  if (isSharded) removeShards(path, outputs);
}

const torch = (operation: string, path: string, parts: readonly TensorPart[]) =>
  torchFile(operation, basename(path, extname(path)) || 'archive', parts);

/** What is written to files of these names; to others, safetensors. */
const otherFormats: Readonly<
  Record<string, (operation: string, path: string, parts: readonly TensorPart[]) => Iterable<Uint8Array>>
> = {
  '.pt': torch,
  '.pth': torch,
  '.npy': (operation, _, parts) => npyFile(operation, parts),
  '.npz': (operation, _, parts) => npzFile(operation, parts),
};

/** What to write, all of it checked but the values. */
function plan(
  operation: string,
  path: string,
  stateDict: StateDict,
  options: SaveOptions | undefined,
  dataOf: (t: Tensor) => TensorPart['data'],
): { outputs: Output[]; isSharded: boolean } {
  checkPath(operation, path);
  checkOptions(operation, options, ['metadata', 'dtype', 'maxShardSize']);
  const tensors = checkState(operation, stateDict);
  const wanted = checkWanted(operation, options?.dtype, tensors);
  const isNumPy = /\.np[yz]$/i.test(path);
  const parts = [...tensors].map(([name, t]): TensorPart => {
    const own = ownFileDType(t);
    const fileDType = wanted.get(name) ?? (isNumPy && !isNumPyType(own) ? dtypeTraits[t.dtype].safetensors : own);
    return { name, fileDType, shape: t.shape, count: t.size, data: dataOf(t) };
  });
  const other = otherFormats[extname(path).toLowerCase()];
  if (other !== undefined) {
    for (const name of ['metadata', 'maxShardSize'] as const) {
      if (options?.[name] === undefined) continue;
      throw new ArgumentError(`${operation}: ${name} must be left out for a ${extname(path)} file; use .safetensors`);
    }
    return { outputs: [{ path, parts: other(operation, path, parts) }], isSharded: false };
  }
  const limit = checkSize(operation, options?.maxShardSize);
  const shards = limit === undefined ? [parts] : split(parts, limit);
  const one = (path: string, list: TensorPart[]) => ({ path, parts: layOut(operation, list, options?.metadata) });
  if (shards.length === 1) return { outputs: [one(path, parts)], isSharded: limit !== undefined };
  const stem = path.replace(/\.safetensors$/, '');
  const number = (i: number) => String(i).padStart(5, '0');
  const names = shards.map((_, i) => `${stem}-${number(i + 1)}-of-${number(shards.length)}.safetensors`);
  const map = Object.fromEntries(
    shards.flatMap((list, i) => list.map(({ name }) => [name, basename(names[i] as string)])),
  );
  const metadata = { ...options?.metadata, total_size: parts.reduce((sum, part) => sum + sizeOf(part), 0) };
  const index = Buffer.from(`${JSON.stringify({ metadata, weight_map: map }, null, 2)}\n`);
  const files = shards.map((list, i) => one(names[i] as string, list));
  return { outputs: [...files, { path: `${stem}.safetensors.index.json`, parts: [index] }], isSharded: true };
}

function checkState(operation: string, stateDict: StateDict): Map<string, Tensor> {
  // Instances of classes, promises and arrays have no names of tensors.
  if (!types.isMap(stateDict) && !isPlain(stateDict)) {
    const rule = 'stateDict must be a Map or an object of tensors';
    const hint = `${operation}({ name: tensor }) or model.stateDict()`;
    throw new ArgumentError(`${operation}: ${rule}, got ${describe(stateDict)}; ${hint}`);
  }
  const entries: [unknown, unknown][] = types.isMap(stateDict) ? [...stateDict] : Object.entries(stateDict);
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of entries) {
    if (typeof name !== 'string') throw new ArgumentError(`${operation}: names must be strings, got ${describe(name)}`);
    if (tensors.has(name)) throw new ArgumentError(`${operation}: names must differ, got ${describe(name)} twice`);
    tensors.set(name, checkTensor(operation, describe(name), value));
  }
  return tensors;
}

const units: Readonly<Record<string, number>> = {
  ...{ B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30, TIB: 2 ** 40 },
};

function checkSize(operation: string, size: number | string | undefined): number | undefined {
  if (size === undefined) return undefined;
  if (typeof size !== 'string') return checkInteger(operation, 'maxShardSize', size, 1);
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([KMGT]?I?B)$/.exec(size.toUpperCase()) ?? [];
  const bytes = Math.floor(Number(digits) * (units[unit ?? ''] ?? Number.NaN));
  if (bytes >= 1) return bytes;
  throw new ArgumentError(
    `${operation}: maxShardSize must be a number of bytes or a text like '5GB', got ${describe(size)}`,
  );
}

const sizeOf = ({ count, fileDType }: TensorPart) => count * fileTypes[fileDType].size;

/** Tensors in their order, as many to a file as fit in; at least one. */
function split(parts: readonly TensorPart[], limit: number): TensorPart[][] {
  const shards: TensorPart[][] = [[]];
  let size = 0;
  for (const part of parts) {
    if (size + sizeOf(part) > limit && (shards.at(-1) as TensorPart[]).length > 0) {
      shards.push([]);
      size = 0;
    }
    (shards.at(-1) as TensorPart[]).push(part);
    size += sizeOf(part);
  }
  return shards;
}

/** Removes shards of an earlier save to the same path, and its index, where these are not among the new files. */
function removeShards(path: string, outputs: readonly Output[]): void {
  const folder = dirname(path);
  const stem = basename(path).replace(/\.safetensors$/, '');
  const kept = new Set(outputs.map((output) => basename(output.path)));
  for (const name of readdirSync(folder)) {
    const rest = name.startsWith(stem) ? name.slice(stem.length) : '';
    const isOld = /^(-\d{5}-of-\d{5})?\.safetensors$|^\.safetensors\.index\.json$/.test(rest);
    if (isOld && !kept.has(name)) rmSync(join(folder, name), { force: true });
  }
}
