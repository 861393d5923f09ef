// Models in several files and an index of them, as Hugging Face saves them: reading.
import { dirname, isAbsolute, join } from 'node:path';
import { describe, isPlain } from '../errors.js';
import { longestName } from './files.js';
import { bytesAt, type Reading, sizeOf } from './reading.js';
import { damaged, maxTensors } from './safetensors-header.js';
import type { Listing } from './stored.js';

/** The longest text of JSON that is read, in bytes: 100,000 names fit in. */
const maxText = 2 ** 24;

/** @internal A file of JSON. */
export function* readJson(path: string): Reading<unknown> {
  const size = yield* sizeOf(path);
  if (size > maxText) throw damaged(path, `must have at most ${maxText} bytes of JSON, got ${size}`);
  const bytes = yield* bytesAt(path, 0, size);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged(path, `must hold JSON (${(error as Error).message})`);
  }
}

/** @internal A file beside another one: by its name or in a folder below, never elsewhere. */
export function beside(path: string, name: unknown): string {
  const isInside =
    typeof name === 'string' &&
    name !== '' &&
    name.length <= longestName &&
    !isAbsolute(name) &&
    !/[\\:\0]/.test(name) &&
    !name.split('/').includes('..');
  if (!isInside) throw damaged(path, `must name files of its own folder, got ${describe(name)}`);
  return join(dirname(path), name);
}

/** @internal What the files hold that an index names; `listShard` says what is in one. */
export function* listShards(
  path: string,
  json: unknown,
  listShard: (path: string) => Reading<Listing>,
): Reading<Listing> {
  const { weight_map: map, metadata } = json as { weight_map: unknown; metadata?: unknown };
  if (!isPlain(map)) throw damaged(path, `must have an object as weight_map, got ${describe(map)}`);
  const entries = Object.entries(map);
  if (entries.length > maxTensors)
    throw damaged(path, `must hold at most ${maxTensors} tensors, got ${entries.length}`);
  const shards = new Map<string, Listing>(); // by whole paths: a file has many names, each of which would cost a reading
  const listing: Listing = { tensors: new Map(), metadata: textsOf(metadata) };
  for (const [name, file] of entries) {
    const shardPath = beside(path, file);
    const shard = shards.get(shardPath) ?? (yield* listShard(shardPath));
    shards.set(shardPath, shard);
    const stored = shard.tensors.get(name);
    if (stored === undefined) {
      throw damaged(
        path,
        `must name the file of each tensor, got ${describe(file)} for ${describe(name)}, which is not in it`,
      );
    }
    listing.tensors.set(name, stored);
  }
  return listing;
}

function textsOf(metadata: unknown): Record<string, string> {
  const texts = Object.entries(isPlain(metadata) ? metadata : {}).filter(([, text]) => typeof text === 'string');
  return Object.assign(Object.create(null), Object.fromEntries(texts));
}
