// What is split: tables, datasets, tensors and arrays, all by the numbers of their rows.
import { dtypeOfArray } from '../arrays.js';
import { dtypeTraits, type TypedArray } from '../dtype.js';
import { ArgumentError, describe } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { indexSelect } from '../ops/indexing.js';
import { checkTensor, Tensor } from '../tensor.js';
import { type Column, cellOf, unknownColumn } from './column.js';
import { Subset } from './combined.js';
import { checkDataset, type Dataset } from './dataset.js';
import { Table } from './table.js';

/** What can be split by rows: a tensor by its first dimension. */
export type Splittable = Table | Tensor | TypedArray | readonly unknown[] | Dataset<unknown>;

/** A part of it: that of a dataset is a {@link Subset}. */
export type Part<T> = T extends Table
  ? Table
  : T extends Tensor
    ? Tensor
    : T extends TypedArray
      ? T
      : T extends readonly (infer Item)[]
        ? Item[]
        : T extends Dataset<infer Sample>
          ? Subset<Sample>
          : never;

/** One value for each row: an array, a tensor, a column, or the name of a column of the table that is split. */
export type RowValues = ArrayLike<unknown> | Tensor | Column | string;

/** @internal How many rows there are. */
export function rowsOf(operation: string, data: unknown): number {
  if (data instanceof Tensor) {
    const [rows] = checkTensor(operation, 'data', data).shape;
    if (rows !== undefined) return rows;
    throw new ArgumentError(`${operation}: data must have rows, got a scalar`);
  }
  if (data instanceof Table || isArray(data)) return data.length;
  checkDataset(operation, data);
  return (data as Dataset<unknown>).length;
}

/** @internal The rows of these numbers. */
export function partOf<T>(data: T, rows: Int32Array): Part<T> {
  const take = (): unknown => {
    if (data instanceof Table) return data.select(rows);
    if (data instanceof Tensor) {
      const index = tensor(rows);
      const part = indexSelect(data, 0, index);
      index.dispose();
      return part;
    }
    const dtype = dtypeOfArray(data);
    const list = data as ArrayLike<unknown>;
    if (dtype !== undefined) {
      const part = new dtypeTraits[dtype].array(rows.length);
      for (let i = 0; i < rows.length; i++) part[i] = list[rows[i] as number] as number;
      return part;
    }
    if (Array.isArray(data)) return Array.from(rows, (row) => list[row]);
    return new Subset(data as Dataset<unknown>, [...rows]);
  };
  return take() as Part<T>;
}

/** @internal One value for each row, as numbers or texts that can be compared; null where it is missing. */
export function rowValues(operation: string, name: string, given: unknown, data: unknown, rows: number): unknown[] {
  const check = (count: unknown): void => {
    if (count === rows) return;
    throw new ArgumentError(`${operation}: ${name} must have a value for each of ${rows} rows, got ${count}`);
  };
  // Before it is read: an array may claim any length.
  if (isArray(given)) check(given.length);
  const list = listOf(operation, name, given, data);
  check(list.length);
  return list;
}

const isArray = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || dtypeOfArray(value) !== undefined;

function listOf(operation: string, name: string, given: unknown, data: unknown): unknown[] {
  if (typeof given === 'string') {
    if (!(data instanceof Table)) {
      throw new ArgumentError(`${operation}: ${name} must be an array, as there is no table, got ${describe(given)}`);
    }
    const column = data.columns.get(given);
    if (column === undefined) throw unknownColumn(`${operation}: ${name}`, given, data.names);
    return cellsOf(column);
  }
  if (given instanceof Tensor) return [...given.toTypedArray()];
  if (isArray(given)) return Array.from(given);
  const { type, values } = Object(given) as Partial<Column>;
  if (typeof type === 'string' && typeof values === 'object') return cellsOf(given as Column);
  const rule = 'must be an array, a tensor, a column or the name of a column';
  throw new ArgumentError(`${operation}: ${name} ${rule}, got ${describe(given)}`);
}

const cellsOf = (column: Column): unknown[] => {
  const cells = Array.from({ length: column.values.length }, (_, i) => cellOf(column, i));
  return column.type === 'date' ? cells.map((cell) => (cell === null ? null : Number(cell))) : cells;
};

/** @internal The rows of each value, in the order in which the values come first. */
export function rowsByValue(values: readonly unknown[]): Int32Array[] {
  const rows = new Map<unknown, number[]>();
  values.forEach((value, row) => {
    const list = rows.get(value);
    if (list === undefined) rows.set(value, [row]);
    else list.push(row);
  });
  return Array.from(rows.values(), (list) => Int32Array.from(list));
}
