// PyTorch's files: zip archives of a pickle and storages, the older run of pickles, TorchScript and torch.export archives.
import { describe, type FileError } from '../errors.js';
import { stridesOf } from '../shape.js';
import { type FileDType, fileTypes } from './element-types.js';
import { Global, Instance, unpickle } from './pickle.js';
import { bytesAt, type Reading } from './reading.js';
import { damaged, maxTensors } from './safetensors-header.js';
import type { Listing, Stored } from './stored.js';
import { type Storage, TensorRef, TorchResolver } from './torch-globals.js';
import { contentOf, startOf, type ZipEntry } from './zip.js';

const maxPickle = 2 ** 25;

/** @internal What a file of PyTorch's holds: its value, and where the tensors in it lie. */
export interface TorchContent {
  value: unknown;
  stored: Map<TensorRef, Stored>;
}

/** @internal The bytes with which older files begin: a pickle of a number, by protocol 2. */
export const legacyMagic = '\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.';

/** @internal `a/data.pkl`: what stands before `data.pkl`; undefined in other archives. */
export function rootOf(entries: ReadonlyMap<string, ZipEntry>): string | undefined {
  for (const name of entries.keys()) if (/^([^/]*\/)?data\.pkl$/.test(name)) return name.slice(0, -'data.pkl'.length);
  return undefined;
}

/** @internal */
export function* readTorchZip(
  path: string,
  size: number,
  entries: ReadonlyMap<string, ZipEntry>,
): Reading<TorchContent> {
  const root = rootOf(entries) as string;
  const fail = (rule: string) => damaged(path, `(a PyTorch zip file) ${rule}`);
  const resolver = new TorchResolver(fail, entries.has(`${root}constants.pkl`));
  const pickle = yield* contentOf(entries.get(`${root}data.pkl`) as ZipEntry, maxPickle);
  const { value } = unpickle(pickle, 0, resolver);
  const order = entries.get(`${root}byteorder`);
  const isSwapped = order !== undefined && (yield* contentOf(order, 16)).toString().trim() === 'big';
  const starts = new Map<string, number>();
  const placer = new Placer(path, size, fail, isSwapped);
  for (const t of placer.tensorsIn(value)) {
    const { key } = t.storage;
    const entry = entries.get(`${root}data/${key}`);
    if (entry === undefined || entry.isDeflated || entry.size < bytesOf(t.storage)) {
      throw fail(`must hold the storage ${describe(key)} of ${bytesOf(t.storage)} bytes`);
    }
    const start = starts.get(key) ?? (yield* startOf(entry));
    starts.set(key, start);
    placer.place(t, start);
  }
  return { value, stored: placer.stored };
}

/** @internal Files of PyTorch before 1.6: pickles one after the other, then the storages. */
export function* readTorchLegacy(path: string, size: number): Reading<TorchContent> {
  const fail = (rule: string) => damaged(path, `(a PyTorch file) ${rule}`);
  const bytes = yield* bytesAt(path, 0, Math.min(size, maxPickle));
  const resolver = new TorchResolver(fail, false);
  const values: unknown[] = [];
  let at = 0;
  for (let i = 0; i < 5; i++) {
    const { value, end } = unpickle(bytes, at, resolver);
    values.push(value);
    at = end;
  }
  const [, version, system, value, keys] = values;
  if (version !== 1001) throw fail(`must have version 1001 of its format, got ${describe(version)}`);
  const isSwapped = system instanceof Map && system.get('little_endian') === false;
  const placer = new Placer(path, size, fail, isSwapped);
  const tensors = placer.tensorsIn(value);
  const storages = new Map(tensors.map((t) => [t.storage.key, t.storage]));
  const starts = new Map<string, number>();
  if (!Array.isArray(keys)) throw fail('must have a list of its storages');
  for (const key of keys as unknown[]) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) throw fail(`must have storages of its tensors, got ${describe(key)}`);
    if (at + 8 > size) throw fail('must hold its storages whole; it is truncated');
    const count = Number((yield* bytesAt(path, at, 8)).readBigUInt64LE());
    if (count !== storage.count && storage.type !== undefined)
      throw fail(`must have ${storage.count} elements in a storage, got ${count}`);
    starts.set(storage.key, at + 8);
    at += 8 + bytesOf(storage);
    if (at > size) throw fail('must hold its storages whole; it is truncated');
  }
  for (const t of tensors) {
    const start = starts.get(t.storage.key);
    if (start === undefined) throw fail(`must hold the storage ${describe(t.storage.key)}`);
    placer.place(t, start);
  }
  return { value, stored: placer.stored };
}

const bytesOf = ({ type, count }: Storage) => count * (type === undefined ? 1 : fileTypes[type].size);

/** Finds tensors in values and says where they lie. Views that are the same are one tensor. */
class Placer {
  readonly stored = new Map<TensorRef, Stored>();
  readonly #views = new Map<string, Stored>();
  readonly #budget: Budget;

  constructor(
    private readonly path: string,
    size: number,
    private readonly fail: (rule: string) => FileError,
    private readonly isSwapped: boolean,
  ) {
    this.#budget = new Budget(size, fail);
  }

  /** @throws FileError for what is too deep, or holds itself */
  tensorsIn(value: unknown): TensorRef[] {
    const found = new Set<TensorRef>();
    const done = new Set<object>();
    const walk = (value: unknown, depth: number): void => {
      if (depth > 64) throw this.fail('must hold data of at most 64 levels');
      if (value instanceof TensorRef) found.add(value);
      if (typeof value !== 'object' || value === null || done.has(value) || value instanceof TensorRef) return;
      const children = Array.isArray(value)
        ? value
        : value instanceof Map
          ? value.values()
          : value instanceof Instance
            ? [value.state]
            : [];
      for (const child of children) walk(child, depth + 1);
      done.add(value);
    };
    walk(value, 0);
    if (found.size > maxTensors) throw this.fail(`must hold at most ${maxTensors} tensors, got ${found.size}`);
    return [...found];
  }

  place(t: TensorRef, start: number): void {
    const { type, offset, shape, strides, count } = t;
    const id = `${start} ${type} ${offset} ${shape.join()} ${strides.join()}`;
    const known = this.#views.get(id);
    const stored = known ?? viewOf(this.path, type, shape, strides, count, start + offset * fileTypes[type].size);
    if (known === undefined) this.#budget.spend(type, shape, strides, count);
    this.#views.set(id, stored);
    this.stored.set(t, this.isSwapped ? Object.assign(stored, { isSwapped: true }) : stored);
  }
}

/** @internal What the tensors of a file of this size may take in all: views of the same memory could ask for any amount. */
export class Budget {
  #cost = 0;

  constructor(
    private readonly size: number,
    private readonly fail: (rule: string) => FileError,
  ) {}

  spend(type: FileDType, shape: readonly number[], strides: readonly number[], count: number): void {
    if (count === 0) return;
    const extent = shape.reduce((sum, n, d) => sum + (n - 1) * (strides[d] as number), 1);
    this.#cost += Math.max(count, extent) * fileTypes[type].size;
    const most = 16 * this.size + 2 ** 26;
    if (this.#cost > most) throw this.fail(`must hold tensors of at most ${most} bytes in all, got more`);
  }
}

/** @internal A view of elements in a file; contiguous ones have no strides. */
export function viewOf(
  path: string,
  fileDType: FileDType,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
  begin: number,
): Stored {
  const own = stridesOf(shape);
  const isContiguous = count === 0 || shape.every((n, d) => n === 1 || strides[d] === own[d]);
  return { fileDType, shape, count, path, begin, strides: isContiguous ? undefined : strides };
}

/** @internal A state dict, or the weights of a TorchScript module, as a list of tensors. */
export function listTorch(path: string, { value, stored }: TorchContent): Listing {
  const tensors = new Map<string, Stored>();
  if (value instanceof Instance) {
    const fail = (rule: string) => damaged(path, `(a TorchScript archive) ${rule}`);
    addModule(value, { tensors, metadata: {}, stored, count: 0, fail });
    return { tensors, metadata: Object.create(null) };
  }
  const isState =
    value instanceof Map && [...value].every(([key, t]) => typeof key === 'string' && t instanceof TensorRef);
  if (!isState) {
    const got =
      value instanceof Map
        ? `the keys ${[...value.keys()].slice(0, 20).map(String).join(', ').slice(0, 500)}`
        : describeValue(value);
    throw damaged(path, `must hold a state dict alone, got ${got}; read it with io.loadTorch`);
  }
  for (const [name, t] of value as Map<string, TensorRef>) tensors.set(name, stored.get(t) as Stored);
  return { tensors, metadata: Object.create(null) };
}

const describeValue = (value: unknown) => (value instanceof TensorRef ? 'a tensor' : describe(value));

/** A walk over modules: what it found, and how many attributes it has seen. */
interface ModuleWalk extends Listing {
  stored: Map<TensorRef, Stored>;
  count: number;
  fail: (rule: string) => FileError;
}

/** Tensors in attributes of a module, by path. Modules that are in each other twice have many more paths than there are of them. */
function addModule(module: Instance, walk: ModuleWalk, prefix = '', depth = 0): void {
  if (!(module.state instanceof Map)) return;
  if (depth > 64 || prefix.length > 4096) throw walk.fail('must hold modules of at most 64 levels and 4096 characters');
  for (const [name, value] of module.state) {
    if (++walk.count > 10 * maxTensors) throw walk.fail(`must hold at most ${10 * maxTensors} attributes`);
    if (value instanceof TensorRef) walk.tensors.set(`${prefix}${name}`, walk.stored.get(value) as Stored);
    if (value instanceof Instance) addModule(value, walk, `${prefix}${name}.`, depth + 1);
  }
}

/** @internal Plain JavaScript out of a pickle's value; `tensorOf` gives the tensors. */
export function plainOf(value: unknown, tensorOf: (t: TensorRef) => unknown): unknown {
  const made = new Map<unknown, unknown>();
  const convert = (value: unknown): unknown => {
    if (value instanceof TensorRef) return tensorOf(value);
    if (value instanceof Global) return value.value ?? value.name;
    if (value instanceof Instance) return convert(value.state);
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    if (made.has(value)) return made.get(value);
    const plain = Array.isArray(value)
      ? value.map(convert)
      : Object.fromEntries([...(value instanceof Map ? value : [])].map(([key, v]) => [String(key), convert(v)]));
    made.set(value, plain);
    return plain;
  };
  return convert(value);
}
