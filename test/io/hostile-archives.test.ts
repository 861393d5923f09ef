// Archives and lists of files that say too much, or what nothing should say.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { FileError } from '../../lib/errors.js';
import { io } from '../../lib/index.js';
import { answered } from '../../lib/io/reading.js';
import { listShards } from '../../lib/io/shards.js';
import { archive, filesIn } from '../support/archives.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-archives-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file');

/** What `io.load` says of a file, which must not be longer than a screen's line or a few. */
function refusal(bytes: Buffer): string {
  writeFileSync(path, bytes);
  let error: unknown;
  try {
    io.load(path);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(FileError);
  const { message } = error as FileError;
  expect(message.length).toBeLessThan(path.length + 300);
  return message;
}

describe('weights of torch.export', () => {
  const exported = fileURLToPath(new URL('../golden/weights/exported.pt2', import.meta.url));
  const config = 'exported/data/weights/model_weights_config.json';
  const files = filesIn(exported);
  // biome-ignore lint/suspicious/noExplicitAny: any JSON, which the tests change
  type Json = any;
  const weights = (): Json => JSON.parse(String(files[config])).config;
  const write = (list: Json, more: Record<string, Buffer> = {}): Buffer =>
    archive({ ...files, ...more, [config]: JSON.stringify({ config: list }) });
  const changed = (change: (weight: Json) => void): Buffer => {
    const list = weights();
    change(list['0.weight']);
    return write(list);
  };
  const ints = (...values: number[]) => values.map((n) => ({ as_int: n }));

  it.each(['constructor', '__proto__', 'toString', 0, 7.5, [7], null])('of the type %j are refused', (dtype) => {
    const bytes = changed((weight) => {
      weight.tensor_meta.dtype = dtype;
    });
    expect(refusal(bytes)).toMatch(/must have weights of a known type, got number .* for "0.weight"/);
  });

  it('in a file whose name is no text are refused, however deep it is', () => {
    const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const text = JSON.stringify({ config: weights() });
    for (const name of [nested, '["weight_0"]', '{"toString":1}', 'null', '"weight_99"', '"../weights/weight_0"']) {
      const bytes = archive({ ...files, [config]: text.replace('"weight_0"', name) });
      expect(refusal(bytes)).toContain('must hold the weight "0.weight"');
    }
  });

  it('that are views come in their order', () => {
    const turned = changed(({ tensor_meta: meta }) => {
      meta.sizes = ints(3, 2);
      meta.strides = ints(1, 3);
    });
    const whole = io.load(exported).get('0.weight')?.toArray() as number[][];
    writeFileSync(path, turned);
    expect(io.load(path).get('0.weight')?.toArray()).toEqual([0, 1, 2].map((j) => whole.map((row) => row[j])));
  });

  it('that are views beyond their file, or read it again and again, are refused', () => {
    const beyond = changed(({ tensor_meta: meta }) => {
      meta.strides = ints(4, 1); // the last is 4 + 2, of 6
    });
    expect(refusal(beyond)).toContain('must hold the weight "0.weight" whole');
    // Two numbers each, between which lies a megabyte.
    const one = weights()['0.weight'];
    Object.assign(one.tensor_meta, { sizes: ints(2), strides: ints(2 ** 18 - 1) });
    const list = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`w${i}`, one]));
    const large = { 'exported/data/weights/weight_0': Buffer.alloc(2 ** 20) };
    expect(refusal(write(list, large))).toMatch(/must hold tensors of at most \d+ bytes in all, got more/);
  });
});

it('a shard is read once, under whatever names an index has it', () => {
  const spellings = Array.from({ length: 64 }, (_, i) =>
    [...i.toString(2)].map((bit) => (bit === '1' ? './' : './/')).join(''),
  );
  const index = Object.fromEntries(spellings.map((spelling, i) => [`w${i}`, `${spelling}shard`]));
  const read: string[] = [];
  const stored = { fileDType: 'F32', shape: [], count: 1, path, begin: 0 } as const;
  const listing = listShards(path, { weight_map: index }, function* (shard) {
    yield* []; // asks for nothing
    read.push(shard);
    return { tensors: new Map(Object.keys(index).map((name) => [name, stored])), metadata: {} };
  });
  expect(answered(listing, () => 0).tensors.size).toBe(64);
  expect(read).toEqual([join(folder, 'shard')]);
});

it('a zip archive that says that it holds millions of files is refused before its directory is read', () => {
  const bytes = archive({ 'x.npy': '' });
  const end = bytes.lastIndexOf('PK\x06\x06', undefined, 'latin1');
  for (const at of [24, 32]) bytes.writeBigUInt64LE(5_000_000n, end + at);
  expect(refusal(bytes)).toContain('(a zip archive) must hold at most 200000 files, got 5000000');
});

describe('what a file says is not repeated at length', () => {
  const long = 'x'.repeat(60_000);
  const npy = (header: string): Buffer => {
    const head = Buffer.from('\x93NUMPY\x01\0\0\0', 'latin1');
    head.writeUInt16LE(header.length, 8);
    return Buffer.concat([head, Buffer.from(header, 'latin1')]);
  };
  const fields = (descr: string, shape = '(1,)') => `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`;

  it.each<[string, () => Buffer, RegExp]>([
    ['a type of NumPy', () => npy(fields(`'${long}'`)), /must be an array of real numbers or bool, got 'x+$/],
    ['a list of types', () => npy(fields(`[('${long}', '<f4')]`)), /got records$/],
    ['a shape', () => npy(fields("'<f4'", `(${'1, '.repeat(20_000)})`)), /must have a shape of at most 64 sizes/],
    ['a file in an archive', () => archive({ [`${long}.npy`]: npy(fields("'<c16'")) }), /got '<c16'$/],
    [
      'a tensor',
      () => {
        const json = JSON.stringify({ [long]: { dtype: long, shape: [], data_offsets: [0, 4] } });
        const size = Buffer.alloc(8);
        size.writeUInt32LE(json.length);
        return Buffer.concat([size, Buffer.from(json), Buffer.alloc(4)]);
      },
      /tensor "x+…" must have a dtype of/,
    ],
    ['a shard', () => Buffer.from(JSON.stringify({ weight_map: { a: long } })), /files of its own folder, got "x+…"$/],
    ['a global', () => archive({ 'a/data.pkl': `\x80\x02c${long}\n${long}\n.` }), /must not hold the global "x+…/],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes())).toMatch(message);
  });
});
