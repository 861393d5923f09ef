import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import type { CategoryColumn } from '../../lib/data/column.js';
import { csv, csvStream } from '../../lib/data/csv.js';
import { imageFolder } from '../../lib/data/image-folder.js';
import { jsonl, jsonlStream } from '../../lib/data/jsonl.js';
import { DataLoader } from '../../lib/data/loader.js';
import { optionalPackage } from '../../lib/data/optional-package.js';
import { parquet } from '../../lib/data/parquet.js';
import { rows } from '../../lib/data/rows.js';
import { Table } from '../../lib/data/table.js';

const folder = mkdtempSync(join(tmpdir(), 'adjoint-streams-'));
afterAll(() => rmSync(folder, { recursive: true }));

const tablesOf = async (stream: AsyncIterable<Table>) => {
  const tables: Table[] = [];
  for await (const table of stream) tables.push(table);
  return tables;
};
const records = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ n: i, c: `c${(i * 7) % 13}`, late: i > 90 ? 'x' : null }));
const text = (n: number) =>
  `n,c,late\n${records(n)
    .map(({ n, c, late }) => `${n},${c},${late ?? ''}`)
    .join('\n')}\n`;
const lines = (n: number) =>
  records(n)
    .map((row) => JSON.stringify(row))
    .join('\n');
const pieces = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

describe('csvStream and jsonlStream', () => {
  it('give the rows of the whole file in tables of one length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 5, max: 500 }),
        fc.integer({ min: 1, max: 200 }),
        async (n, batchSize, size, inferRows) => {
          const options = { batchSize, inferRows, types: { late: 'text' } as const };
          for (const stream of [
            csvStream(() => pieces(Buffer.from(text(n)), size), options),
            jsonlStream(() => pieces(Buffer.from(lines(n)), size), options),
          ]) {
            const tables = await tablesOf(stream);
            expect(tables.map(({ length }) => length)).toEqual(
              Array.from({ length: Math.ceil(n / batchSize) }, (_, i) => Math.min(batchSize, n - i * batchSize)),
            );
            expect(tables.flatMap((table) => [...table.rows()])).toEqual(records(n));
            const whole = Table.concat(tables);
            expect([...whole.rows()]).toEqual(records(n));
            const { categories } = tables.at(-1)!.column('c') as CategoryColumn;
            for (const table of tables) {
              const column = table.column('c') as CategoryColumn;
              expect(categories.slice(0, column.categories.length)).toEqual(column.categories);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('mix rows within a buffer, seeded, and go on where they were', async () => {
    const make = () => csvStream(() => Buffer.from(text(100)), { batchSize: 8, shuffleBuffer: 24, seed: 1 });
    const stream = make();
    const numbers = async (source: AsyncIterable<Table>) =>
      (await tablesOf(source)).map((table) => Array.from(table.rows(), (row) => row.n as number));
    const [first, second] = [await numbers(stream), await numbers(stream)];
    expect(first.flat().sort((a, b) => a - b)).toEqual(records(100).map(({ n }) => n));
    first.flat().forEach((n, place) => {
      expect(Math.floor(n / 24)).toBe(Math.floor(place / 24));
    });
    expect(first.flat()).not.toEqual([...first.flat()].sort((a, b) => a - b));
    expect(second).not.toEqual(first);
    expect(await numbers(make())).toEqual(first);
    const loader = () => new DataLoader<Table, Table>(make(), { batchSize: null });
    const begun = loader();
    let count = 0;
    for await (const _ of begun) if (++count === 3) break;
    const again = loader();
    again.loadStateDict(begun.stateDict());
    expect(await numbers(again)).toEqual(first.slice(3));
    expect(await numbers(again)).toEqual(second);
  });

  it('keep to the types of the first rows, and end with an error that says where', async () => {
    const stream = csvStream(Buffer.from(`a\n${'1\n'.repeat(30)}x\n`), { batchSize: 10, inferRows: 20 });
    await expect(tablesOf(stream)).rejects.toThrow(
      'csvStream: column "a" must hold numbers, as in the first rows (inferRows 20), got "x" in row 30 (line 32)',
    );
    const many = csvStream(Buffer.from(`a\n${Array.from({ length: 50 }, (_, i) => `t${i % 25}`).join('\n')}\n`), {
      maxCategories: 20,
      inferRows: 20,
    });
    await expect(tablesOf(many)).rejects.toThrow(
      'csvStream: column "a" must have at most 20 categories, got more in row 20 (line 22); give types',
    );
    expect(() => csvStream('x.csv', { batchSize: 0 })).toThrow(
      'csvStream: batchSize must be an integer of at least 1, got 0',
    );
    expect(() => csvStream('x.csv', { shuffle: true } as object)).toThrow('csvStream: unknown option "shuffle"');
  });
});

describe('jsonl', () => {
  it('reads objects, blank lines, a mark and what is cut anywhere', async () => {
    const bytes = Buffer.from('\ufeff{"a": 1, "b": "é"}\r\n\n{"b": "日", "c": true}\n');
    for (let size = 1; size < bytes.length; size += 3) {
      const table = await jsonl(pieces(bytes, size));
      expect([...table.rows()]).toEqual([
        { a: 1, b: 'é', c: null },
        { a: null, b: '日', c: true },
      ]);
    }
  });

  it.each<[string, string, object, string]>([
    ['broken JSON', '{"a": 1}\n{"a": }\n', {}, 'jsonl: the source must have JSON in line 2 ('],
    ['no object', '{"a": 1}\n[1]\n', {}, 'jsonl: each row must be an object, got [1] in row 1'],
    [
      'nested values',
      '{"a": {"b": 1}}',
      {},
      'jsonl: column "a" must hold numbers, texts, booleans or dates, got an object of class Object in row 0',
    ],
    [
      'mixed types',
      '{"a": 1}\n{"a": "x"}',
      {},
      'jsonl: column "a" must hold numbers, as in the first rows (inferRows 1000), got "x" in row 1',
    ],
    ['nothing', '\n\n', {}, 'jsonl: the source must have rows, got none'],
    [
      'a long line',
      `{"a": "${'x'.repeat(70_000)}"}`,
      { maxRecordSize: 1000 },
      'jsonl: the source must have lines of at most maxRecordSize 1000 bytes, got more',
    ],
  ])('refuses %s', async (_, content, options, message) => {
    const error = await jsonl(Buffer.from(content), options).catch((error) => error);
    expect([error.code, error.message]).toEqual(['ADJOINT_FILE', expect.stringContaining(message)]);
  });
});

interface Database {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: unknown[]): void; iterate(): Iterable<object> };
}

describe('rows', () => {
  it('reads iterables, streams of objects and a cursor', async () => {
    async function* cursor() {
      yield* records(5);
    }
    for (const source of [records(5), cursor(), Readable.from(records(5))]) {
      expect([...(await rows(source, { types: { late: 'text' } })).rows()]).toEqual(records(5));
    }
    await expect(rows(7 as never)).rejects.toThrow('rows: source must be an iterable of objects, got 7');
    await expect(rows([])).rejects.toThrow('rows: there must be rows, got none');
  });

  const sqlite = (() => {
    try {
      return createRequire(import.meta.url)('node:sqlite') as { DatabaseSync: new (path: string) => Database };
    } catch {
      return null; // Node.js 20
    }
  })();

  it.skipIf(sqlite === null)('reads a table of SQLite', async () => {
    const database = new sqlite!.DatabaseSync(':memory:');
    database.exec('create table people (age integer, job text, pay real)');
    const insert = database.prepare('insert into people values (?, ?, ?)');
    insert.run(31, 'nurse', 10.5);
    insert.run(null, 'cook', 8);
    const table = await rows(database.prepare('select * from people').iterate());
    expect(table.schema.map(({ name, type }) => [name, type])).toEqual([
      ['age', 'number'],
      ['job', 'category'],
      ['pay', 'number'],
    ]);
    expect([...table.rows()][1]).toEqual({ age: null, job: 'cook', pay: 8 });
  });
});

describe('packages that the user installs', () => {
  it('Parquet by hyparquet', async () => {
    const columnData = [
      { name: 'n', data: [1.5, null, -2], type: 'DOUBLE' as const },
      { name: 'big', data: [1n, 2n, 3n], type: 'INT64' as const },
      { name: 'word', data: ['a', 'b', 'a'], type: 'STRING' as const },
      { name: 'yes', data: [true, false, null], type: 'BOOLEAN' as const },
    ];
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 }));
    writeFileSync(join(folder, 'a.parquet'), bytes);
    for (const source of [bytes, join(folder, 'a.parquet')]) {
      const table = await parquet(source);
      expect(table.schema.map(({ type }) => type)).toEqual(['number', 'number', 'category', 'boolean']);
      expect([...table.rows()]).toEqual([
        { n: 1.5, big: 1, word: 'a', yes: true },
        { n: null, big: 2, word: 'b', yes: false },
        { n: -2, big: 3, word: 'a', yes: null },
      ]);
    }
    for (let length = 0; length < bytes.length; length += 7) {
      const error = await parquet(bytes.subarray(0, length)).catch((error) => error);
      expect(error.code).toBe('ADJOINT_FILE');
    }
    await expect(parquet(join(folder, 'none.parquet'))).rejects.toThrow('parquet: cannot read');
    await expect(parquet(7 as never)).rejects.toThrow('parquet: source must be a path, a file URL or bytes, got 7');
  });

  it('pictures by sharp', async () => {
    const root = join(folder, 'pictures');
    const colours = { blue: { r: 0, g: 0, b: 255 }, red: { r: 255, g: 0, b: 0 } };
    for (const [name, background] of Object.entries(colours)) {
      mkdirSync(join(root, name), { recursive: true });
      const picture = sharp({ create: { width: 4, height: 2, channels: 3, background } });
      await picture.png().toFile(join(root, name, '1.png'));
    }
    writeFileSync(join(root, 'red', 'notes.txt'), 'no picture');
    const pictures = await imageFolder(root);
    expect([pictures.length, pictures.classes]).toEqual([2, ['blue', 'red']]);
    const loader = new DataLoader(pictures, { batchSize: 2, prefetchFactor: 1 });
    for await (const [images, labels] of loader) {
      expect([images.shape, images.dtype, labels.toArray()]).toEqual([[2, 3, 2, 4], 'uint8', [0, 1]]);
      expect((images.toArray() as number[][][][]).map((image) => image.map((plane) => plane[0]![0]))).toEqual([
        [0, 0, 255],
        [255, 0, 0],
      ]);
    }
    const [small] = await (await imageFolder(root, { size: [1, 3], channels: 1 })).get(1);
    expect(small.shape).toEqual([1, 1, 3]);
    writeFileSync(join(root, 'red', '1.png'), 'damaged');
    await expect(pictures.get(1)).rejects.toThrow('imageFolder: cannot read');
    await expect(imageFolder(folder)).rejects.toThrow('must have folders of classes with pictures in them, got none');
    await expect(imageFolder(join(folder, 'none'))).rejects.toThrow('imageFolder: cannot read');
    await expect(imageFolder(root, { size: 0 })).rejects.toThrow('imageFolder: size must be an integer of at least 1');
  });

  it('are named when they are not installed', async () => {
    await expect(optionalPackage('parquet', 'not-installed-anywhere')).rejects.toThrow(
      'parquet: needs the package not-installed-anywhere, got none installed; npm install not-installed-anywhere',
    );
  });
});

it('Table.concat joins categories, and refuses what differs', async () => {
  const a = Table.fromRows([
    { c: 'x', n: 1 },
    { c: 'y', n: 2 },
  ]);
  const b = Table.fromRows([
    { c: 'z', n: 3 },
    { c: 'x', n: null },
  ]);
  expect([...Table.concat([a, b]).rows()]).toEqual([...a.rows(), ...b.rows()]);
  expect(() => Table.concat([a, b.pick('n', 'c')])).toThrow(
    'Table.concat: tables must have the same columns and types, got other columns in table 1',
  );
  expect(() => Table.concat([])).toThrow('Table.concat: tables must have a table, got none');
  expect((await csv(Buffer.from(text(20)))).length).toBe(20);
});
