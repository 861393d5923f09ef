// Columns of a table as the numbers and codes that a network takes; fitted on the training part of a table alone.
import type { CategoryColumn, Column, NumericColumn } from '../../data/column.js';
import type { Table } from '../../data/table.js';
import { ArgumentError } from '../../errors.js';
import { tensor } from '../../ops/creation.js';
import type { TabularInputs } from './network.js';

/** A column that a model reads, of any type but texts. */
export interface TabularColumn {
  readonly name: string;
  readonly type: Column['type'];
}

/** One number that the network sees: (value - center) · scale, bent to within ±3, 0 where it is missing. */
interface NumberCode {
  readonly name: string;
  readonly part: DatePart | 'value' | 'missing';
  readonly center: number;
  readonly scale: number;
}

/** The categories of a column; code 0 is none of them. */
interface CategoryCode {
  readonly name: string;
  readonly categories: readonly string[];
}

/** What an encoder has learned. */
export interface EncoderState {
  readonly numbers: readonly NumberCode[];
  readonly categories: readonly CategoryCode[];
}

const dateParts = {
  time: (time: number) => time,
  month: (time: number) => new Date(time).getUTCMonth(),
  weekday: (time: number) => new Date(time).getUTCDay(),
  hour: (time: number) => new Date(time).getUTCHours(),
};
type DatePart = keyof typeof dateParts;
export const numberParts = [...Object.keys(dateParts), 'value', 'missing'] as readonly NumberCode['part'][];

const identity = (value: number): number => value;
const readerOf = (part: NumberCode['part']): ((value: number) => number) => {
  if (part === 'missing') return (value) => (Number.isNaN(value) ? 1 : 0);
  const read = part === 'value' ? identity : dateParts[part];
  return (value) => (Number.isNaN(value) ? value : read(value));
};

/** Numbers that quantiles are taken of: more would not change them. */
const enough = 100_000;
const farthest = 3;

const textColumn = (name: string): ArgumentError =>
  new ArgumentError(`encode: column ${JSON.stringify(name)} must not hold texts`);

/** Learned on the rows that `rows` names. */
export function fitEncoder(table: Table, columns: readonly TabularColumn[], rows: Int32Array): EncoderState {
  const numbers: NumberCode[] = [];
  const categories: CategoryCode[] = [];
  for (const { name } of columns) {
    const column = table.column(name);
    if (column.type === 'text') throw textColumn(name);
    if (column.type === 'category') categories.push({ name, categories: seenIn(column, rows) });
    else for (const code of numbersOf(name, column, rows)) numbers.push(code);
  }
  return { numbers, categories: categories.filter(({ categories }) => categories.length > 0) };
}

function seenIn({ values, categories }: CategoryColumn, rows: Int32Array): string[] {
  const seen = new Uint8Array(categories.length);
  for (const row of rows) {
    const code = values[row] as number;
    if (code >= 0) seen[code] = 1;
  }
  return categories.filter((_, code) => seen[code] === 1);
}

function numbersOf(name: string, { type, values }: NumericColumn, rows: Int32Array): NumberCode[] {
  let missing = 0;
  for (const row of rows) if (Number.isNaN(values[row])) missing++;
  const parts = type === 'date' ? (Object.keys(dateParts) as DatePart[]) : (['value'] as const);
  const codes = parts.map((part): NumberCode => ({ name, part, ...spreadOf(values, rows, readerOf(part)) }));
  if (missing > 0 && missing < rows.length) codes.push({ name, part: 'missing', center: 0, scale: 1 });
  return codes.filter(({ scale }) => scale > 0);
}

/** The median, and one over the distance of the quartiles or else over half the range; a scale of 0 for a constant. */
function spreadOf(values: Float64Array, rows: Int32Array, read: (value: number) => number) {
  const stride = Math.ceil(rows.length / enough);
  const sample = new Float64Array(Math.ceil(rows.length / stride));
  let count = 0;
  for (let i = 0; i < rows.length; i += stride) {
    const value = read(values[rows[i] as number] as number);
    if (Number.isFinite(value)) sample[count++] = value;
  }
  const sorted = sample.subarray(0, count).sort();
  if (count === 0) return { center: 0, scale: 0 };
  const at = (part: number): number => sorted[Math.round(part * (count - 1))] as number;
  const width = at(0.75) - at(0.25) || (at(1) - at(0)) / 2;
  const scale = 1 / width;
  return { center: at(0.5), scale: width > 0 && Number.isFinite(scale) && Number.isFinite(width) ? scale : 0 };
}

/** The rows of a table that has the columns; all of them unless `rows` names some. */
export function encode({ numbers, categories }: EncoderState, table: Table, rows?: Int32Array): TabularInputs {
  const length = rows?.length ?? table.length;
  const values = new Float32Array(length * numbers.length);
  for (const [j, code] of numbers.entries()) {
    fillNumbers(values, j, numbers.length, code, numericOf(table, code.name), rows);
  }
  const codes = new Int32Array(length * categories.length);
  for (const [j, { name, categories: known }] of categories.entries()) {
    const column = table.column(name);
    if (column.type !== 'category') continue; // a column without any value
    const positions = new Map(known.map((category, i) => [category, i + 1]));
    const translated = Int32Array.from(column.categories, (category) => positions.get(category) ?? 0);
    for (let i = 0; i < length; i++) {
      const value = column.values[rows === undefined ? i : (rows[i] as number)] as number;
      codes[i * categories.length + j] = value < 0 ? 0 : (translated[value] as number);
    }
  }
  return {
    length,
    numbers: numbers.length === 0 ? null : tensor(values, { shape: [length, numbers.length] }),
    codes: categories.length === 0 ? null : tensor(codes, { shape: [length, categories.length] }),
  };
}

function numericOf(table: Table, name: string): Float64Array {
  const column = table.column(name);
  if (column.type === 'category' || column.type === 'text') throw textColumn(name);
  return column.values;
}

function fillNumbers(
  to: Float32Array,
  place: number,
  width: number,
  { part, center, scale }: NumberCode,
  values: Float64Array,
  rows: Int32Array | undefined,
): void {
  const read = readerOf(part);
  const length = to.length / width;
  for (let i = 0; i < length; i++) {
    const value = read(values[rows === undefined ? i : (rows[i] as number)] as number);
    const x = Math.max(-1e6, Math.min(1e6, (value - center) * scale));
    to[i * width + place] = Number.isNaN(x) ? 0 : x / Math.sqrt(1 + (x / farthest) ** 2);
  }
}
