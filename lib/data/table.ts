// Tables: named columns of equal length, each in one array.
import { isArrayOf } from '../arrays.js';
import { ArgumentError, checkEach, checkInteger, describe, isPlain } from '../errors.js';
import {
  type Column,
  type ColumnSchema,
  cellOf,
  checkColumn,
  concatColumns,
  countMissing,
  type Row,
  unknownColumn,
} from './column.js';
import type { TableOptions } from './table-builder.js';
import { rowsBuilder } from './table-rows.js';

/**
 * Columns of equal length by name, each in one array: a million rows of twenty numbers take 160 MB. `csv`, `jsonl`, `rows` and
 * `parquet` make them. A table is never changed; the methods that select rows or columns make new ones.
 *
 * It is a dataset, too: sample i is row i, an object.
 *
 * @throws ArgumentError for a column that is not of its type, or for columns of different lengths
 * @example
 * const table = new data.Table({
 *   age: { type: 'number', values: Float64Array.of(31, NaN, 22) },
 *   sex: { type: 'category', values: Int32Array.of(1, 0, -1), categories: ['female', 'male'] },
 * });
 * table.get(1); // { age: null, sex: 'female' }
 */
export class Table {
  /** The columns by name, in their order. */
  readonly columns: ReadonlyMap<string, Column>;
  /** The number of rows. */
  readonly length: number;

  constructor(columns: ReadonlyMap<string, Column> | Readonly<Record<string, Column>>) {
    const isMap = columns instanceof Map;
    if (!isMap && !isPlain(columns)) {
      throw new ArgumentError(`Table: columns must be an object or a Map of columns, got ${describe(columns)}`);
    }
    const entries: [string, Column][] = isMap ? [...columns] : Object.entries(columns);
    if (entries.length === 0) throw new ArgumentError('Table: columns must have at least one column, got none');
    for (const [name, column] of entries) checkColumn(name, column);
    const [[first, { values }]] = entries as [[string, Column]];
    for (const [name, column] of entries) {
      if (column.values.length !== values.length) {
        const got = `${values.length} in ${JSON.stringify(first)} and ${column.values.length} in ${JSON.stringify(name)}`;
        throw new ArgumentError(`Table: columns must have equally many values, got ${got}`);
      }
    }
    this.columns = new Map(entries);
    this.length = values.length;
  }

  /**
   * A table of objects, such as a database gives: one column for each property. JavaScript's own types count: texts are
   * categories, other texts or, if all are written in ISO 8601, dates, but never numbers, unless `types` says so. Properties that
   * some objects do not have are missing values.
   *
   * @throws ArgumentError for values of several types in a column, naming row and column, or without rows
   * @example
   * const table = data.Table.fromRows([{ age: 31, sex: 'f' }, { age: null, sex: 'm' }]);
   * table.schema; // [{ name: 'age', type: 'number', missing: 1 }, …]
   */
  static fromRows(rows: Iterable<object>, options: TableOptions = {}): Table {
    const builder = rowsBuilder('Table.fromRows', options, { isStream: false, error: ArgumentError });
    checkEach('Table.fromRows', 'rows', 'must be objects', rows, (row) => builder.add(row));
    return new Table(builder.take());
  }

  /**
   * The rows of tables one after the other. Categories are joined.
   *
   * @throws ArgumentError for tables of which the columns differ in name, order or type
   */
  static concat(tables: readonly Table[]): Table {
    const list = checkEach('Table.concat', 'tables', 'must be tables', tables, (table) => {
      if (table instanceof Table) return table;
      throw new ArgumentError(`Table.concat: each of tables must be a Table, got ${describe(table)}`);
    });
    const [first] = list;
    if (first === undefined) throw new ArgumentError('Table.concat: tables must have a table, got none');
    const kinds = (table: Table) => JSON.stringify(Array.from(table.columns, ([name, { type }]) => [name, type]));
    const other = list.findIndex((table) => kinds(table) !== kinds(first));
    if (other >= 0) {
      const got = `other columns in table ${other} than in the first`;
      throw new ArgumentError(`Table.concat: tables must have the same columns and types, got ${got}`);
    }
    return first.#each((_, name) => concatColumns(list.map((table) => table.columns.get(name) as Column)));
  }

  /** The names of the columns, in their order. */
  get names(): string[] {
    return [...this.columns.keys()];
  }

  /** The type of each column, how many of its values are missing, and its categories. */
  get schema(): ColumnSchema[] {
    return Array.from(this.columns, ([name, column]) => {
      const known = { name, type: column.type, missing: countMissing(column) };
      return column.type === 'category' ? { ...known, categories: column.categories } : known;
    });
  }

  /**
   * The column of this name.
   *
   * @throws ArgumentError when there is none
   */
  column(name: string): Column {
    const column = this.columns.get(name);
    if (column === undefined) throw unknownColumn('Table.column', name, this.names);
    return column;
  }

  /** Row `index` as an object; missing values are null. */
  get(index: number): Row {
    checkInteger('Table', 'index', index, 0, this.length - 1);
    return this.#row(index);
  }

  /** The rows as objects, one after the other. */
  *rows(): IterableIterator<Row> {
    for (let i = 0; i < this.length; i++) yield this.#row(i);
  }

  /** Copies of the rows that `indices` names, in their order. */
  select(indices: ArrayLike<number>): Table {
    if (!Array.isArray(indices) && !isArrayOf('int32', indices)) {
      throw new ArgumentError(`Table: indices must be an array or an Int32Array, got ${describe(indices)}`);
    }
    for (let i = 0; i < indices.length; i++) checkInteger('Table', 'each index', indices[i], 0, this.length - 1);
    return this.#each((column) => {
      if (column.type === 'text') return { ...column, values: Array.from(indices, (i) => column.values[i] as string) };
      if (column.type === 'category') return { ...column, values: picked(column.values, indices, Int32Array) };
      return { ...column, values: picked(column.values, indices, Float64Array) };
    });
  }

  /** Rows start … end - 1; negative numbers count from the end. Numbers and categories are views of this table's. */
  slice(start = 0, end = this.length): Table {
    checkInteger('Table', 'start', start, Number.MIN_SAFE_INTEGER);
    checkInteger('Table', 'end', end, Number.MIN_SAFE_INTEGER);
    return this.#each((column) => {
      if (column.type === 'text') return { ...column, values: column.values.slice(start, end) };
      if (column.type === 'category') return { ...column, values: column.values.subarray(start, end) };
      return { ...column, values: column.values.subarray(start, end) };
    });
  }

  /** The table with the columns of these names alone, in this order. */
  pick(...names: string[]): Table {
    this.#check('Table.pick', names);
    return new Table(new Map(names.map((name) => [name, this.columns.get(name) as Column])));
  }

  /** The table without the columns of these names. */
  drop(...names: string[]): Table {
    this.#check('Table.drop', names);
    return new Table(new Map([...this.columns].filter(([name]) => !names.includes(name))));
  }

  #check(operation: string, names: readonly unknown[]): void {
    for (const name of names) if (!this.columns.has(name as string)) throw unknownColumn(operation, name, this.names);
  }

  #each(fn: (column: Column, name: string) => Column): Table {
    return new Table(new Map(Array.from(this.columns, ([name, column]) => [name, fn(column, name)])));
  }

  #row(index: number): Row {
    // Unlike an assignment, this makes a property of `__proto__`.
    return Object.fromEntries(Array.from(this.columns, ([name, column]) => [name, cellOf(column, index)]));
  }
}

/** As `from` of the array's class, which takes ten times as long. */
function picked<A extends Float64Array | Int32Array>(
  values: A,
  indices: ArrayLike<number>,
  Kind: new (length: number) => A,
): A {
  const some = new Kind(indices.length);
  for (let i = 0; i < indices.length; i++) some[i] = values[indices[i] as number] as number;
  return some;
}
