// Rows to transform or predict, brought into the columns and types that there were in training.
import { ArgumentError, checkEach, describe } from '../errors.js';
import { type Column, type ColumnType, countMissing, unknownColumn } from './column.js';
import { Table } from './table.js';
import { TableBuilder, tableRules } from './table-builder.js';

/** Rows to transform or predict: a table, or objects with a property for each column, null where a value is missing. */
export type FeatureRows = Table | Iterable<object>;

/** @internal A table that has columns of these names; one of categories may also hold texts, numbers or booleans. */
export function alignRows(operation: string, types: ReadonlyMap<string, ColumnType>, rows: unknown): Table {
  return rows instanceof Table ? alignTable(operation, types, rows) : alignObjects(operation, types, rows);
}

function alignTable(operation: string, types: ReadonlyMap<string, ColumnType>, table: Table): Table {
  const changed = new Map<string, Column>();
  for (const [name, type] of types) {
    const column = table.columns.get(name);
    if (column === undefined) throw unknownColumn(operation, name, table.names);
    const converted = convert(operation, name, type, column);
    if (converted !== column) changed.set(name, converted);
  }
  return changed.size === 0 ? table : new Table(new Map([...table.columns, ...changed]));
}

const isText = (type: ColumnType): boolean => type === 'category' || type === 'text';

function convert(operation: string, name: string, type: ColumnType, column: Column): Column {
  if (column.type === type) return column;
  const { length } = column.values;
  if (countMissing(column) === length) return withoutValues(type, length);
  if (isText(type) && column.type !== 'date') return column;
  const what = `${operation}: column ${describe(name)}`;
  if (type === 'number' && column.type === 'boolean') return { type, values: column.values };
  if (type === 'boolean' && column.type === 'number') {
    const { values } = column;
    const wrong = values.findIndex((x) => x !== 0 && x !== 1 && !Number.isNaN(x));
    if (wrong < 0) return { type, values };
    throw new ArgumentError(`${what} must hold booleans, as in training, got ${values[wrong]} in row ${wrong}`);
  }
  const hint = `give types: { ${JSON.stringify(name)}: '${type}' } to what reads the table`;
  throw new ArgumentError(`${what} must be of type ${type}, as in training, got ${column.type}; ${hint}`);
}

/** A column without values has no type of its own. */
function withoutValues(type: ColumnType, length: number): Column {
  if (type === 'text') return { type, values: new Array<null>(length).fill(null) };
  if (type === 'category') return { type, values: new Int32Array(length).fill(-1), categories: [] };
  return { type, values: new Float64Array(length).fill(Number.NaN) };
}

const most = 2 ** 31 - 1;

function alignObjects(operation: string, types: ReadonlyMap<string, ColumnType>, rows: unknown): Table {
  const names = [...types.keys()];
  const rules = tableRules(
    { maxCategories: most, maxColumns: most },
    {
      ...{ operation, isText: false, isStream: false, error: ArgumentError },
      why: [', as in training', 'give null where a value is missing'],
    },
  );
  const builder = new TableBuilder(names, { ...rules, types });
  checkEach(operation, 'rows', 'must be a table or a list of objects, [row] for one', rows, (row, i) => {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw new ArgumentError(`${operation}: each row must be an object, got ${describe(row)} in row ${i}`);
    }
    const values = names.map((name) => {
      const value = Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined;
      if (value !== undefined) return value;
      const hint = 'give null where a value is missing';
      throw new ArgumentError(`${operation}: row ${i} must have column ${describe(name)}, got none; ${hint}`);
    });
    builder.add(values);
  });
  if (builder.isEmpty) throw new ArgumentError(`${operation}: rows must be at least one, got none`);
  return new Table(builder.take());
}
