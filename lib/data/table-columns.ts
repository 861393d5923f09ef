// Columns that grow value by value.
import type { Column, ColumnType, NumericColumn } from './column.js';
import type { CsvFields } from './csv-fields.js';
import { booleanOf, dateOf, isMissing, numberOf, plainNumber, textOf, type ValueRules } from './table-values.js';

/** A column that grows. */
export interface GrowingColumn {
  readonly type: ColumnType;
  /** Adds a value; says no, and adds nothing, if it is not of the type. */
  add(value: unknown): boolean;
  /** Adds field `j` of rows from `first` to `end`; gives the first row whose value is not of the type, or `end`. */
  addFields(fields: CsvFields, j: number, first: number, end: number): number;
  /** Takes out the first `count` values that are there. */
  take(count: number): Column;
}

const largestPiece = 65_536;

/** Numbers in pieces, joined at the end: doubling one long array would hold three times its size for a moment. */
class Pieces<A extends Float64Array | Int32Array> {
  #full: A[] = [];
  #current: A;
  #used = 0;
  readonly #make: new (
    length: number,
  ) => A;

  constructor(make: new (length: number) => A) {
    this.#make = make;
    this.#current = new make(0);
  }

  get length(): number {
    return this.#full.reduce((sum, { length }) => sum + length, this.#used);
  }

  push(value: number): void {
    if (this.#used === this.#current.length) {
      if (this.#used > 0) this.#full.push(this.#current);
      this.#current = new this.#make(Math.min(2 * this.#used || 1, largestPiece));
      this.#used = 0;
    }
    this.#current[this.#used++] = value;
  }

  /** Takes out the first `count` values. The last piece stays, and is filled again: that saves a stream most of them. */
  take(count: number): A {
    if (count < this.#full.reduce((sum, { length }) => sum + length, 0)) this.#join();
    const last = this.#current;
    if (this.#full.length === 0 && count === last.length) {
      this.#current = new this.#make(0);
      this.#used = 0;
      return last; // a single row, as services have
    }
    const taken = new this.#make(count);
    let place = 0;
    for (const piece of this.#full) {
      taken.set(piece, place);
      place += piece.length;
    }
    taken.set(last.subarray(0, count - place), place);
    last.copyWithin(0, count - place, this.#used);
    this.#full = [];
    this.#used -= count - place;
    return taken;
  }

  /** Makes one piece of all. */
  #join(): void {
    const pieces = [...this.#full, this.#current.subarray(0, this.#used)];
    const all = new this.#make(pieces.reduce((sum, { length }) => sum + length, 0));
    let place = 0;
    for (const piece of pieces) {
      all.set(piece, place);
      place += piece.length;
    }
    this.#full = [];
    this.#current = all;
    this.#used = all.length;
  }
}

/** Adds fields as texts, one by one. */
function addTexts(column: GrowingColumn, fields: CsvFields, j: number, first: number, end: number): number {
  for (let row = first; row < end; row++) if (!column.add(fields.text(row, j))) return row;
  return end;
}

class GrowingNumbers implements GrowingColumn {
  readonly #pieces = new Pieces(Float64Array);
  constructor(
    readonly type: NumericColumn['type'],
    private readonly parse: (value: unknown, rules: ValueRules) => number | undefined,
    private readonly rules: ValueRules,
  ) {}

  add(value: unknown): boolean {
    const number = this.parse(value, this.rules);
    if (number === undefined) return false;
    this.#pieces.push(number);
    return true;
  }

  addFields(fields: CsvFields, j: number, first: number, end: number): number {
    const { decimal, hasNumericMissing } = this.rules;
    if (this.type !== 'number' || hasNumericMissing) return addTexts(this, fields, j, first, end);
    const { bytes, places, stride } = fields;
    const sign = decimal.charCodeAt(0);
    for (let row = first, at = first * stride + j + 1; row < end; row++, at += stride) {
      const number = plainNumber(bytes, (places[at] as number) + 1, places[at + 1] as number, sign);
      if (!Number.isNaN(number)) this.#pieces.push(number);
      else if (!this.add(fields.text(row, j))) return row;
    }
    return end;
  }

  take(count: number): NumericColumn {
    return { type: this.type, values: this.#pieces.take(count) };
  }
}

/** Texts with few different values. More than `maxCategories` turn it into a column of texts, unless it must stay as it is. */
class GrowingCategories implements GrowingColumn {
  readonly #codes = new Map<string, number>();
  readonly #pieces = new Pieces(Int32Array);
  #texts: GrowingTexts | null = null;

  constructor(
    private readonly rules: ValueRules,
    private readonly isFixed: boolean,
  ) {}

  get type(): ColumnType {
    return this.#texts === null ? 'category' : 'text';
  }

  add(value: unknown): boolean {
    if (this.#texts !== null) return this.#texts.add(value);
    let code = this.#codes.get(value as string);
    if (code === undefined) {
      const text = textOf(value, this.rules);
      if (text === undefined) return false;
      if (text === null) code = -1;
      else code = this.#codes.get(text) ?? this.#codes.size;
      if (code === this.#codes.size) {
        if (code === this.rules.maxCategories) {
          if (this.isFixed) return false;
          this.#texts = this.#widen();
          return this.#texts.add(value);
        }
        this.#codes.set(text as string, code);
      }
    }
    this.#pieces.push(code);
    return true;
  }

  addFields(fields: CsvFields, j: number, first: number, end: number): number {
    return addTexts(this, fields, j, first, end);
  }

  take(count: number): Column {
    if (this.#texts !== null) return this.#texts.take(count);
    return { type: 'category', values: this.#pieces.take(count), categories: [...this.#codes.keys()] };
  }

  #widen(): GrowingTexts {
    const texts = [...this.#codes.keys()];
    const wide = new GrowingTexts(this.rules);
    for (const code of this.#pieces.take(this.#pieces.length)) wide.add(code < 0 ? null : texts[code]);
    this.#codes.clear();
    return wide;
  }
}

class GrowingTexts implements GrowingColumn {
  readonly type = 'text';
  #values: (string | null)[] = [];

  constructor(private readonly rules: ValueRules) {}

  add(value: unknown): boolean {
    const text = textOf(value, this.rules);
    if (text === undefined) return false;
    this.#values.push(text);
    return true;
  }

  addFields(fields: CsvFields, j: number, first: number, end: number): number {
    return addTexts(this, fields, j, first, end);
  }

  take(count: number): Column {
    const values = this.#values;
    this.#values = values.splice(count);
    return { type: 'text', values };
  }
}

/** A column whose type shows at its first value that is not missing; without one it holds numbers. */
class GrowingUnknown implements GrowingColumn {
  #missing = 0;
  #column: GrowingColumn | null = null;

  constructor(
    private readonly infer: (value: unknown) => ColumnType | undefined,
    private readonly rules: ValueRules,
    private readonly isFixed: boolean,
  ) {}

  get type(): ColumnType {
    return this.#column?.type ?? 'number';
  }

  add(value: unknown): boolean {
    if (this.#column === null) {
      if (isMissing(value, this.rules)) {
        this.#missing++;
        return true;
      }
      const type = this.infer(value);
      if (type === undefined) return false;
      this.#column = this.#fill(type);
    }
    return this.#column.add(value);
  }

  addFields(fields: CsvFields, j: number, first: number, end: number): number {
    return addTexts(this, fields, j, first, end);
  }

  take(count: number): Column {
    const column = this.#column ?? this.#fill('number');
    if (this.isFixed) this.#column = column;
    this.#missing = this.#column === null ? this.#missing - count : 0;
    return column.take(count);
  }

  #fill(type: ColumnType): GrowingColumn {
    const column = growingColumn(type, this.rules, this.isFixed);
    for (let i = 0; i < this.#missing; i++) column.add(null);
    return column;
  }
}

/** A column of a type. `isFixed`: it must not turn into texts, because others of the same stream came before. */
export function growingColumn(type: ColumnType, rules: ValueRules, isFixed: boolean): GrowingColumn {
  if (type === 'category') return new GrowingCategories(rules, isFixed);
  if (type === 'text') return new GrowingTexts(rules);
  const parse = { number: numberOf, boolean: booleanOf, date: dateOf }[type];
  return new GrowingNumbers(type, parse, rules);
}

/** A column whose type nothing is known of yet; `infer` gives it by one value. */
export function unknownColumnOf(
  infer: (value: unknown) => ColumnType | undefined,
  rules: ValueRules,
  isFixed: boolean,
): GrowingColumn {
  return new GrowingUnknown(infer, rules, isFixed);
}
