// The columns of tables.
import { isArrayOf } from '../arrays.js';
import { ArgumentError, checkChoice, checkEach, checkText, describe, isPlain } from '../errors.js';

/** What a column holds. */
export type ColumnType = 'number' | 'category' | 'boolean' | 'date' | 'text';

/** Numbers, booleans (0 and 1) or dates (milliseconds since 1970, UTC); NaN where a value is missing. */
export interface NumericColumn {
  readonly type: 'number' | 'boolean' | 'date';
  readonly values: Float64Array;
}

/** Texts of which there are few: each value is a position in `categories`, -1 where it is missing. */
export interface CategoryColumn {
  readonly type: 'category';
  readonly values: Int32Array;
  readonly categories: readonly string[];
}

/** Texts of any kind; null where one is missing. */
export interface TextColumn {
  readonly type: 'text';
  readonly values: readonly (string | null)[];
}

/** One column of a {@link Table}. */
export type Column = NumericColumn | CategoryColumn | TextColumn;

/** A value of a row: null where it is missing. */
export type Cell = number | boolean | string | Date | null;

/** One row of a {@link Table}, as an object. */
export type Row = Record<string, Cell>;

/** What is known of a column. */
export interface ColumnSchema {
  readonly name: string;
  readonly type: ColumnType;
  /** How many values are missing. */
  readonly missing: number;
  /** Those of a column of categories. */
  readonly categories?: readonly string[];
}

/** @internal */
export const columnTypes: readonly ColumnType[] = ['number', 'category', 'boolean', 'date', 'text'];

/** @internal The error for a name that no column has. */
export function unknownColumn(operation: string, name: unknown, names: readonly string[]): ArgumentError {
  const known = names.slice(0, 20).map((known) => JSON.stringify(known));
  const list = names.length > 20 ? `${known.join(', ')}, … (${names.length} in all)` : known.join(', ');
  return new ArgumentError(`${operation}: no column has the name ${describe(name)}; there are ${list}`);
}

/** @internal The value at a place of a column, null where it is missing. */
export function cellOf(column: Column, index: number): Cell {
  const value = column.values[index] as number | string | null;
  if (typeof value !== 'number') return value;
  if (column.type === 'category') return column.categories[value] ?? null;
  if (Number.isNaN(value)) return null;
  if (column.type === 'boolean') return value === 1;
  return column.type === 'date' ? new Date(value) : value;
}

/** @internal Whether a value is missing. */
export function isMissingAt(column: Column, index: number): boolean {
  const value = column.values[index];
  return column.type === 'category' ? value === -1 : value === null || Number.isNaN(value);
}

/** @internal How many values of a column are missing. */
export function countMissing(column: Column): number {
  let count = 0;
  for (let i = 0; i < column.values.length; i++) if (isMissingAt(column, i)) count++;
  return count;
}

/** @internal Checks that it is a column. */
export function checkColumn(name: unknown, column: unknown): void {
  if (typeof name !== 'string') throw new ArgumentError(`Table: names must be strings, got ${describe(name)}`);
  const what = `column ${describe(name)}`;
  if (!isPlain(column)) {
    const hint = "such as { type: 'number', values: Float64Array.of(1, 2) }";
    throw new ArgumentError(`Table: ${what} must be an object ${hint}, got ${describe(column)}`);
  }
  const { type, values, categories } = column as Record<keyof CategoryColumn, unknown>;
  const chosen: ColumnType = checkChoice('Table', `the type of ${what}`, type, columnTypes);
  if (chosen === 'category') {
    checkCategories(what, values, categories);
  } else if (chosen === 'text') {
    checkTexts(what, values);
  } else if (!isArrayOf('float64', values)) {
    throw new ArgumentError(`Table: values of ${what} must be a Float64Array, got ${describe(values)}`);
  }
}

function checkTexts(what: string, values: unknown): void {
  if (!Array.isArray(values)) {
    throw new ArgumentError(`Table: values of ${what} must be an array, got ${describe(values)}`);
  }
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null || typeof values[i] === 'string') continue;
    throw new ArgumentError(`Table: values of ${what} must be texts or null, got ${describe(values[i])} in row ${i}`);
  }
}

function checkCategories(what: string, values: unknown, categories: unknown): void {
  if (!isArrayOf('int32', values)) {
    throw new ArgumentError(`Table: values of ${what} must be an Int32Array, got ${describe(values)}`);
  }
  const texts = checkEach('Table', `categories of ${what}`, 'must be texts', categories, (text) =>
    checkText('Table', `each category of ${what}`, text),
  );
  if (new Set(texts).size < texts.length) throw new ArgumentError(`Table: categories of ${what} must be different`);
  const wrong = values.findIndex((value) => value < -1 || value >= texts.length);
  if (wrong >= 0) {
    const rule = `must be positions in its ${texts.length} categories, or -1`;
    throw new ArgumentError(`Table: values of ${what} ${rule}, got ${values[wrong]} in row ${wrong}`);
  }
}

/** @internal The values of columns of one type one after the other. */
export function concatColumns(columns: readonly Column[]): Column {
  const [first] = columns as readonly [Column];
  if (first.type === 'text') return { type: 'text', values: columns.flatMap(({ values }) => values as string[]) };
  const length = columns.reduce((sum, { values }) => sum + values.length, 0);
  let place = 0;
  if (first.type !== 'category') {
    const values = new Float64Array(length);
    for (const column of columns as readonly NumericColumn[]) {
      values.set(column.values, place);
      place += column.values.length;
    }
    return { type: first.type, values };
  }
  const values = new Int32Array(length);
  const codes = new Map<string, number>();
  for (const column of columns as readonly CategoryColumn[]) {
    const known = column.categories.map((category) => {
      const code = codes.get(category) ?? codes.size;
      codes.set(category, code);
      return code;
    });
    for (const value of column.values) values[place++] = known[value] ?? -1;
  }
  return { type: 'category', values, categories: [...codes.keys()] };
}
