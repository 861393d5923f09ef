import { ArgumentError, describe, hasIterator } from '../errors.js';
import { Table } from './table.js';
import type { TableOptions } from './table-builder.js';
import { rowsBuilder } from './table-rows.js';

/**
 * Reads objects into a table, which come one after the other: the rows of a database, say, through `better-sqlite3`'s or
 * `node:sqlite`'s `statement.iterate()` or a cursor of `pg`. Types are inferred from the first 1000 as by `Table.fromRows`.
 *
 * @param source an iterable or asynchronous iterable of objects
 * @throws ArgumentError for values of several types in a column, naming row and column, or without rows
 * @example
 * const table = await data.rows([{ age: 31, job: 'nurse' }, { age: 52, job: 'cook' }]);
 */
export async function rows(
  source: AsyncIterable<object> | Iterable<object>,
  options: TableOptions = {},
): Promise<Table> {
  const builder = rowsBuilder('rows', options, { isStream: false, error: ArgumentError });
  if (typeof source !== 'object' || source === null || !(Symbol.asyncIterator in source || hasIterator(source))) {
    throw new ArgumentError(`rows: source must be an iterable of objects, got ${describe(source)}`);
  }
  for await (const row of source as AsyncIterable<object>) builder.add(row);
  return new Table(builder.take());
}
