// Rows to predict, brought into the columns that a model was trained on.
import type { Column } from '../../data/column.js';
import { Table } from '../../data/table.js';
import { ArgumentError, checkEach, describe } from '../../errors.js';
import type { TabularColumn } from './encoder.js';

/** Rows that a model predicts: a table, or objects with a property for each of its columns, null where a value is missing. */
export type TabularRows = Table | Iterable<object>;

/** The columns of a model, in their types. */
export function alignRows(operation: string, columns: readonly TabularColumn[], rows: unknown): Table {
  return rows instanceof Table ? alignTable(operation, columns, rows) : alignObjects(operation, columns, rows);
}

function alignTable(operation: string, columns: readonly TabularColumn[], table: Table): Table {
  const aligned = columns.map(({ name, type }): [string, Column] => {
    const column = table.columns.get(name);
    if (column === undefined) throw missing(operation, name, table.names);
    return [name, convert(operation, name, type, column)];
  });
  return new Table(new Map(aligned));
}

const missing = (operation: string, name: string, names: readonly string[]): ArgumentError => {
  const list = names.slice(0, 20).map((known) => JSON.stringify(known));
  const got = names.length > 20 ? `${list.join(', ')}, … (${names.length} in all)` : list.join(', ');
  return new ArgumentError(`${operation}: rows must have the column ${JSON.stringify(name)}, got ${got || 'none'}`);
};

const isNumeric = (type: Column['type']): boolean => type === 'number' || type === 'boolean';

function convert(operation: string, name: string, type: Column['type'], column: Column): Column {
  if (column.type === type) return column;
  if (isNumeric(type) && isNumeric(column.type)) return { type, values: column.values } as Column;
  if (column.type === 'number' && column.values.every(Number.isNaN)) return empty(type, column.values.length);
  if (type === 'category' && column.type !== 'date') return categoriesOf(column);
  const what = `${operation}: column ${JSON.stringify(name)}`;
  throw new ArgumentError(`${what} must be of the type ${type}, as in training, got one of ${column.type}`);
}

/** A column without values has no type of its own. */
function empty(type: Column['type'], length: number): Column {
  if (type === 'text') return { type, values: new Array<null>(length).fill(null) };
  if (type === 'category') return { type, values: new Int32Array(length).fill(-1), categories: [] };
  return { type, values: new Float64Array(length).fill(Number.NaN) };
}

function categoriesOf(column: Column): Column {
  const codes = new Map<string, number>();
  const values = Int32Array.from(column.values as ArrayLike<number | string | null>, (value) => {
    if (value === null || Number.isNaN(value)) return -1;
    const text = column.type === 'boolean' ? String(value === 1) : String(value);
    const code = codes.get(text) ?? codes.size;
    codes.set(text, code);
    return code;
  });
  return { type: 'category', values, categories: [...codes.keys()] };
}

function alignObjects(operation: string, columns: readonly TabularColumn[], rows: unknown): Table {
  const picked = checkEach(operation, 'rows', 'must be a table or objects', rows, (row, i) => {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw new ArgumentError(`${operation}: each row must be an object, got ${describe(row)} in row ${i}`);
    }
    return Object.fromEntries(
      columns.map(({ name }) => {
        const value = Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined;
        if (value !== undefined) return [name, value];
        const hint = 'give null where a value is missing';
        throw new ArgumentError(`${operation}: row ${i} must have the column ${JSON.stringify(name)}; ${hint}`);
      }),
    );
  });
  if (picked.length === 0) throw new ArgumentError(`${operation}: rows must be at least one, got none`);
  const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
  try {
    return Table.fromRows(picked, { types });
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(error.message.replace(/^Table\.fromRows/, operation), { cause: error });
  }
}
