// Rows become a table: types by the first of them, then value by value into columns.
import { types as nodeTypes } from 'node:util';
import {
  ArgumentError,
  checkChoice,
  checkEach,
  checkInteger,
  checkText,
  describe,
  isPlain,
  StateError,
} from '../errors.js';
import { type Column, type ColumnType, columnTypes, unknownColumn } from './column.js';
import type { CsvFields } from './csv-fields.js';
import { type GrowingColumn, growingColumn, unknownColumnOf } from './table-columns.js';
import { guessDecimal, inferType, type ValueRules } from './table-values.js';

/** How the columns of a table are read; the options that all sources of tables have. */
export interface TableOptions {
  /** Types of columns that are not to be inferred from the first rows. */
  types?: Readonly<Record<string, ColumnType>>;
  /** Texts that stand for no value; default `''`, `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL` and `?`. */
  missing?: readonly string[];
  /** How many rows the types are inferred from; default 1000. */
  inferRows?: number;
  /** Different texts that a column of categories may have, default 10,000; with more it is a column of texts. */
  maxCategories?: number;
  /** Rows beyond which reading ends with an error; default 2³¹ - 1. */
  maxRows?: number;
  /** Columns beyond which reading ends with an error; default 10,000. */
  maxColumns?: number;
}

/** @internal */
export const tableOptions = ['types', 'missing', 'inferRows', 'maxCategories', 'maxRows', 'maxColumns'];

const missingTexts = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', '?'];
const mostRows = 2 ** 31 - 1;
const sampleBytes = 2 ** 24;

/** @internal Checked {@link TableOptions}, and where the rows come from. */
export interface TableRules {
  readonly operation: string;
  readonly types: ReadonlyMap<string, ColumnType>;
  readonly values: ValueRules;
  readonly inferRows: number;
  readonly maxRows: number;
  readonly maxColumns: number;
  /** Whether values are texts that may stand for anything. */
  readonly isText: boolean;
  /** Whether the decimal sign is to be found out. */
  readonly mayGuessDecimal?: boolean;
  /** Whether tables are taken one after the other, so that types cannot change. */
  readonly isStream: boolean;
  /** Where no caller gave the types: what an error adds to its rule to say why, and what to do about a value of another type. */
  readonly why?: readonly [reason: string, hint: string];
  /** The class of errors about values. */
  readonly error: new (
    message: string,
  ) => Error;
}

/** @internal */
export function tableRules(
  options: TableOptions,
  source: Pick<TableRules, 'operation' | 'isText' | 'isStream' | 'error' | 'why'>,
): TableRules {
  const { operation } = source;
  const { types = {}, missing = missingTexts } = options;
  if (!isPlain(types)) throw new ArgumentError(`${operation}: types must be an object, got ${describe(types)}`);
  const typed = Object.entries(types).map(([name, type]): [string, ColumnType] => [
    name,
    checkChoice(operation, `the type of ${describe(name)}`, type, columnTypes),
  ]);
  const words = checkEach(operation, 'missing', 'must be texts', missing, (text) =>
    checkText(operation, 'missing', text),
  );
  const integer = (name: 'inferRows' | 'maxCategories' | 'maxRows' | 'maxColumns', fallback: number) =>
    checkInteger(operation, name, options[name] ?? fallback, 1, mostRows);
  const values: ValueRules = {
    missing: new Set(words),
    hasNumericMissing: words.some((word) => word.trim() !== '' && !Number.isNaN(Number(word))),
    decimal: '.',
    maxCategories: integer('maxCategories', 10_000),
  };
  const limits = { maxRows: integer('maxRows', mostRows), maxColumns: integer('maxColumns', 10_000) };
  return { ...source, types: new Map(typed), values, inferRows: integer('inferRows', 1000), ...limits };
}

const isScalar = (value: unknown): boolean =>
  ['number', 'bigint', 'string', 'boolean'].includes(typeof value) || nodeTypes.isDate(value);

const nouns: Readonly<Record<ColumnType, string>> = {
  ...{ number: 'numbers', boolean: 'booleans', date: 'dates' },
  ...{ category: 'texts', text: 'texts' },
};

/** @internal Throws for more columns than there may be. */
export function checkColumnCount(count: number, { operation, maxColumns, error: Kind }: TableRules): void {
  if (count <= maxColumns) return;
  throw new Kind(`${operation}: there must be at most maxColumns ${maxColumns} columns, got ${count}`);
}

/** @internal */
export class TableBuilder {
  readonly names: readonly string[];
  /** Rows that have not been taken. */
  length = 0;
  #rows = 0;
  #sample: { values: readonly unknown[]; line: number | undefined }[] = [];
  #sampled = 0;
  #columns: GrowingColumn[] | null = null;

  constructor(
    names: readonly string[],
    private readonly rules: TableRules,
  ) {
    this.names = names;
    const { operation, error: Kind } = rules;
    checkColumnCount(names.length, rules);
    if (names.length === 0) throw new Kind(`${operation}: rows must have columns, got none`);
    for (const name of rules.types.keys()) {
      if (!names.includes(name)) throw unknownColumn(operation, name, names);
    }
  }

  /** Whether there has been no row at all. */
  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  /** Whether it knows the types of all columns. */
  get isTyped(): boolean {
    return this.#columns !== null;
  }

  /** Adds a row: as many values as there are names. */
  add(values: readonly unknown[], line?: number): void {
    if (this.#rows === this.rules.maxRows) throw this.#tooMany();
    if (this.#columns !== null) {
      this.#append(this.#columns, values, this.#rows, line);
    } else {
      this.#sample.push({ values, line });
      for (const value of values) if (typeof value === 'string') this.#sampled += value.length;
      if (this.#sample.length === this.rules.inferRows || this.#sampled > sampleBytes) this.#infer();
    }
    this.#rows++;
    this.length++;
  }

  /** Adds the rows of a file from `first` on, after the types have become known. */
  addFields(fields: CsvFields, first: number): void {
    const end = Math.min(fields.rows, first + this.rules.maxRows - this.#rows);
    let [wrong, at] = [-1, end];
    // Column by column; the first row with a wrong value counts.
    for (const [j, column] of (this.#columns as GrowingColumn[]).entries()) {
      const row = column.addFields(fields, j, first, at);
      if (row < at) [wrong, at] = [j, row];
    }
    if (wrong >= 0) {
      const place = `row ${this.#rows + at - first} (line ${fields.lineOf(at)})`;
      throw this.#wrong(this.#columns?.[wrong] as GrowingColumn, wrong, fields.text(at, wrong), place);
    }
    if (end < fields.rows) throw this.#tooMany();
    this.#rows += end - first;
    this.length += end - first;
  }

  /** Takes out the first rows, all unless `count` is given, as the columns of a table. */
  take(count = this.length): Map<string, Column> {
    if (this.#rows === 0) throw new StateError(`${this.rules.operation}: there must be rows, got none`);
    const columns = this.#columns ?? this.#infer();
    this.length -= count;
    return new Map(columns.map((column, i) => [this.names[i] as string, column.take(count)]));
  }

  #infer(): GrowingColumn[] {
    const { types, isText, isStream, mayGuessDecimal } = this.rules;
    const decimal = mayGuessDecimal ? guessDecimal(this.#sample.map((row) => row.values)) : this.rules.values.decimal;
    const rules = { ...this.rules.values, decimal };
    const columns = this.names.map((name, j) => {
      const values = this.#sample.map((row) => row.values[j]);
      const type = types.get(name) ?? inferType(values, rules, isText);
      if (type !== undefined) return growingColumn(type, rules, isStream || types.has(name));
      return unknownColumnOf((value) => inferType([value], rules, isText), rules, isStream);
    });
    this.#sample.forEach(({ values, line }, row) => {
      this.#append(columns, values, row, line);
    });
    this.#sample = [];
    this.#columns = columns;
    return columns;
  }

  #append(columns: readonly GrowingColumn[], values: readonly unknown[], row: number, line: number | undefined): void {
    for (let j = 0; j < columns.length; j++) {
      const column = columns[j] as GrowingColumn;
      if (column.add(values[j])) continue;
      throw this.#wrong(column, j, values[j], `row ${row}${line === undefined ? '' : ` (line ${line})`}`);
    }
  }

  #tooMany(): Error {
    const { operation, maxRows, error: Kind } = this.rules;
    return new Kind(`${operation}: there must be at most maxRows ${maxRows} rows, got more`);
  }

  #wrong(column: GrowingColumn, j: number, value: unknown, place: string): Error {
    const { operation, types, values, inferRows, error: Kind } = this.rules;
    const name = this.names[j] as string;
    const what = `${operation}: column ${describe(name)}`;
    if (column.type === 'category' && typeof value === 'string') {
      const hint = `give types: { ${JSON.stringify(name)}: 'text' } or a larger maxCategories`;
      return new Kind(`${what} must have at most ${values.maxCategories} categories, got more in ${place}; ${hint}`);
    }
    if (!isScalar(value)) {
      return new Kind(`${what} must hold numbers, texts, booleans or dates, got ${describe(value)} in ${place}`);
    }
    const missing = 'add it to missing if it stands for no value';
    const inferred = [
      `, as in the first rows (inferRows ${inferRows})`,
      `give types: { ${JSON.stringify(name)}: … }, or ${missing}`,
    ] as const;
    const [why, hint] = this.rules.why ?? (types.has(name) ? ['', missing] : inferred);
    return new Kind(`${what} must hold ${nouns[column.type]}${why}, got ${describe(value)} in ${place}; ${hint}`);
  }
}
