// torch.export's archives (.pt2): JSON that says where in the archive each weight is.
import { describe, type FileError, isPlain } from '../errors.js';
import { type FileDType, fileTypes } from './element-types.js';
import type { Reading } from './reading.js';
import { countOf, damaged, maxTensors } from './safetensors-header.js';
import type { Listing, Stored } from './stored.js';
import { Budget, viewOf } from './torch.js';
import { contentOf, type Stretch, startOf, type ZipEntry } from './zip.js';

/** The element types, by their numbers. */
const types = new Map<unknown, FileDType>(
  Object.entries({
    ...({
      1: 'U8',
      2: 'I8',
      3: 'I16',
      4: 'I32',
      5: 'I64',
      6: 'F16',
      7: 'F32',
      8: 'F64',
      12: 'BOOL',
      13: 'BF16',
    } as const),
    ...({ 28: 'U16', 29: 'F8_E4M3', 30: 'F8_E5M2', 34: 'U32', 35: 'U64' } as const),
  }).map(([number, type]) => [Number(number), type]),
);

type Fail = (rule: string) => FileError;

/** @internal The weights of a torch.export archive, which `config` describes. */
export function* listExported(
  { path, size }: Stretch,
  entries: ReadonlyMap<string, ZipEntry>,
  config: ZipEntry,
): Reading<Listing> {
  const fail = (rule: string) => damaged(path, `(a torch.export archive) ${rule}`);
  let json: unknown;
  try {
    json = JSON.parse((yield* contentOf(config, 2 ** 24)).toString());
  } catch (error) {
    if (error instanceof SyntaxError) throw fail(`must have its weights in JSON (${error.message})`);
    throw error;
  }
  const { config: list } = Object(json) as { config?: unknown };
  if (!isPlain(list)) throw fail('must have a list of its weights');
  const weights = Object.entries(list);
  if (weights.length > maxTensors) throw fail(`must hold at most ${maxTensors} tensors, got ${weights.length}`);
  const folder = config.name.slice(0, config.name.lastIndexOf('/') + 1);
  const tensors = new Map<string, Stored>();
  const budget = new Budget(size, fail);
  for (const [name, weight] of weights) {
    const { path_name: file } = Object(weight) as { path_name?: unknown };
    const entry = typeof file === 'string' ? entries.get(`${folder}${file}`) : undefined;
    tensors.set(name, yield* readWeight(path, entry, name, Object(weight), budget, fail));
  }
  return { tensors, metadata: Object.create(null) };
}

const intOf = (n: unknown) => (Object(n) as { as_int?: unknown }).as_int;
const intsOf = (list: unknown) => (Array.isArray(list) ? list.map(intOf) : undefined);
const isNatural = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

function* readWeight(
  path: string,
  entry: ZipEntry | undefined,
  name: string,
  weight: Record<string, unknown>,
  budget: Budget,
  fail: Fail,
): Reading<Stored> {
  const meta = Object(weight.tensor_meta) as Record<string, unknown>;
  const type = types.get(meta.dtype);
  if (type === undefined)
    throw fail(`must have weights of a known type, got number ${describe(meta.dtype)} for ${describe(name)}`);
  if (weight.use_pickle === true) throw fail(`must have weights as plain bytes, got a pickle for ${describe(name)}`);
  const [shape, strides, offset] = [intsOf(meta.sizes), intsOf(meta.strides), intOf(meta.storage_offset)];
  const count = countOf(shape);
  const isRight = count !== undefined && strides?.length === shape?.length && strides?.every(isNatural);
  if (!isRight || !isNatural(offset) || entry === undefined || entry.isDeflated)
    throw fail(`must hold the weight ${describe(name)}`);
  const [sizes, steps] = [shape as number[], strides as number[]];
  const last = sizes.reduce((sum, n, d) => sum + (n - 1) * (steps[d] as number), offset);
  const { size } = fileTypes[type];
  if (count > 0 && (last + 1) * size > entry.size) throw fail(`must hold the weight ${describe(name)} whole`);
  budget.spend(type, sizes, steps, count);
  return viewOf(path, type, sizes, steps, count, (yield* startOf(entry)) + offset * size);
}
