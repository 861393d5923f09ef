// Tables of a stream: of equal lengths, and mixed within a buffer.
import { checkInteger } from '../errors.js';
import type { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import type { Column } from './column.js';
import { IterableDataset, randomised } from './iterable.js';
import { chooseGenerator, type GeneratorOptions, numbersOf } from './sampler.js';
import { Table } from './table.js';

/** How a stream of tables is cut. */
export interface TableStreamOptions extends GeneratorOptions {
  /** Rows of each table, default 1024; the last one may have fewer. */
  batchSize?: number;
  /** How many rows are mixed at a time; default 0: they come in their order. */
  shuffleBuffer?: number;
}

/** @internal */
export const tableStreamOptions = ['batchSize', 'shuffleBuffer', 'seed', 'generator'];

/** @internal What a stream's rows are collected in. */
export interface Growing {
  readonly length: number;
  take(count?: number): Map<string, Column>;
}

/** @internal A dataset of tables; `open` begins to read, and gives what has the rows whenever some have come. */
export function tableStream(
  operation: string,
  options: TableStreamOptions,
  open: () => AsyncIterable<Growing>,
): IterableDataset<Table> {
  const batchSize = checkInteger(operation, 'batchSize', options.batchSize ?? 1024, 1);
  const buffer = checkInteger(operation, 'shuffleBuffer', options.shuffleBuffer ?? 0, 0, 2 ** 31 - 1);
  const generator = chooseGenerator(operation, options);
  if (buffer === 0) return new IterableDataset(() => cut(open(), batchSize));
  const rows = Math.max(1, Math.round(buffer / batchSize)) * batchSize;
  return randomised(generator, (own) => mixed(cut(open(), rows), batchSize, own));
}

/** @internal All rows in one table. There is at least one. */
export async function wholeTable(growing: AsyncIterable<Growing>): Promise<Table> {
  let last: Growing | null = null;
  for await (const rows of growing) last = rows;
  return new Table((last as Growing).take());
}

/** Tables of `size` rows. */
async function* cut(growing: AsyncIterable<Growing>, size: number): AsyncGenerator<Table> {
  let last: Growing | null = null;
  for await (const rows of growing) {
    last = rows;
    if (rows.length < size) continue;
    const table = new Table(rows.take(rows.length - (rows.length % size)));
    for (let from = 0; from < table.length; from += size) yield table.slice(from, from + size);
  }
  if (last !== null && last.length > 0) yield new Table(last.take());
}

/** Each table's rows in random order, in tables of `size`. */
async function* mixed(tables: AsyncIterable<Table>, size: number, generator: Generator): AsyncGenerator<Table> {
  for await (const table of tables) {
    const order = numbersOf(randperm(table.length, { generator }));
    for (let from = 0; from < order.length; from += size) yield table.select(order.slice(from, from + size));
  }
}
