// Rows that are objects.
import { describe } from '../errors.js';
import { checkOptions } from '../options.js';
import type { Column } from './column.js';
import {
  checkColumnCount,
  TableBuilder,
  type TableOptions,
  type TableRules,
  tableOptions,
  tableRules,
} from './table-builder.js';

/** Takes objects as the rows of a table. Its columns are the properties of the first of them, those that types are inferred from. */
export class RowsBuilder {
  #first: object[] = [];
  #builder: TableBuilder | null = null;
  #names = new Set<string>();
  #rows = 0;

  constructor(private readonly rules: TableRules) {}

  /** Rows that have not been taken. */
  get length(): number {
    return this.#builder?.length ?? this.#first.length;
  }

  /** Whether there has been no row at all. */
  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  add(row: unknown): void {
    const { operation, inferRows, error: Kind } = this.rules;
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw new Kind(`${operation}: each row must be an object, got ${describe(row)} in row ${this.#rows}`);
    }
    if (this.#builder === null) {
      this.#first.push(row);
      if (this.#first.length === inferRows) this.#begin();
    } else {
      this.#append(this.#builder, row);
    }
    this.#rows++;
  }

  /** Takes out the first rows, all unless `count` is given, as the columns of a table. */
  take(count?: number): Map<string, Column> {
    if (this.#rows === 0) throw new this.rules.error(`${this.rules.operation}: there must be rows, got none`);
    return (this.#builder ?? this.#begin()).take(count);
  }

  #begin(): TableBuilder {
    for (const row of this.#first) {
      for (const name of Object.keys(row)) this.#names.add(name);
      checkColumnCount(this.#names.size, this.rules);
    }
    const builder = new TableBuilder([...this.#names], this.rules);
    for (const row of this.#first) this.#append(builder, row);
    this.#first = [];
    this.#builder = builder;
    return builder;
  }

  #append(builder: TableBuilder, row: object): void {
    for (const name in row) {
      if (this.#names.has(name) || !Object.hasOwn(row, name)) continue;
      const { operation, inferRows, error: Kind } = this.rules;
      const rule = `names of columns must be among those of the first rows (inferRows ${inferRows})`;
      throw new Kind(`${operation}: ${rule}, got ${describe(name)} in row ${this.#rows}`);
    }
    const values = builder.names.map((name) =>
      Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : null,
    );
    builder.add(values);
  }
}

/** @internal */
export function rowsBuilder(
  operation: string,
  options: TableOptions,
  source: Pick<TableRules, 'isStream' | 'error'>,
): RowsBuilder {
  checkOptions(operation, options, tableOptions);
  return new RowsBuilder(tableRules(options, { operation, isText: false, ...source }));
}
