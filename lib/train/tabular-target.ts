// What a model predicts: classes or a number.
import type { Column } from '../data/column.js';
import type { Table } from '../data/table.js';
import { ArgumentError, describe } from '../errors.js';
import { tensor } from '../ops/creation.js';
import type { Tensor } from '../tensor.js';

/** Two classes, more of them, or a number. */
export type TabularTask = 'binary' | 'multiclass' | 'regression';

/** The value of a class, as the table has it. */
export type Label = string | number | boolean;

/** What a model predicts. */
export interface Target {
  readonly name: string;
  readonly task: TabularTask;
  /** The classes, sorted; none of a number. */
  readonly classes: readonly Label[];
  /** Of a number: the network predicts (value - mean) / deviation, and predictions stay between low and high. */
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

/** Numbers that are classes unless the caller says otherwise: few, all of them whole, each in ten rows on average. */
const fewNumbers = 10;

/** The values of a target: labels or numbers, undefined where there is none. */
export function labelsOf(column: Column): (Label | undefined)[] {
  if (column.type === 'category') return Array.from(column.values, (code) => column.categories[code]);
  if (column.type === 'text') return column.values.map((text) => text ?? undefined);
  const isFlag = column.type === 'boolean';
  return Array.from(column.values, (v) => (Number.isNaN(v) ? undefined : isFlag ? v === 1 : v));
}

/** What to predict, and the rows that have a target. */
export function targetOf(
  operation: string,
  table: Table,
  name: string,
  given: TabularTask | undefined,
): { target: Target; rows: Int32Array } {
  const column = table.column(name);
  const what = `${operation}: target ${JSON.stringify(name)}`;
  if (column.type === 'date') throw new ArgumentError(`${what} must hold numbers, categories or booleans, got dates`);
  const values = labelsOf(column);
  const rows = Int32Array.from(values.keys()).filter((i) => values[i] !== undefined);
  if (rows.length < 8) {
    const got = rows.length === table.length ? `${rows.length}` : `${rows.length} with a target of ${table.length}`;
    throw new ArgumentError(`${what} must have at least 8 rows, got ${got}`);
  }
  const distinct = new Set(rows.length === 0 ? [] : Array.from(rows, (i) => values[i] as Label));
  if (distinct.size === 1) {
    throw new ArgumentError(`${what} must have at least two values, got only ${describe([...distinct][0])}`);
  }
  const isNumber = column.type === 'number';
  const fewWhole =
    isNumber && distinct.size <= Math.min(fewNumbers, rows.length / 10) && [...distinct].every(Number.isInteger);
  const task = given ?? (isNumber && !fewWhole ? 'regression' : distinct.size === 2 ? 'binary' : 'multiclass');
  if (task === 'regression') {
    if (!isNumber)
      throw new ArgumentError(`${what} must hold numbers for the task regression, got a column of ${column.type}`);
    return { target: numberTarget(what, name, values as (number | undefined)[], rows), rows };
  }
  if (task === 'binary' && distinct.size > 2) {
    throw new ArgumentError(`${what} must have two values for the task binary, got ${distinct.size}`);
  }
  checkClasses(what, values, rows, distinct.size);
  const classes = [...distinct].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { target: { name, task, classes, mean: 0, deviation: 1, low: 0, high: 0 }, rows };
}

const mostClasses = 10_000;

function checkClasses(what: string, values: readonly (Label | undefined)[], rows: Int32Array, classes: number): void {
  if (classes > mostClasses || classes > rows.length / 2) {
    const hint = "give task: 'regression' if it is a number, or another target";
    throw new ArgumentError(
      `${what} must have at least two rows a class, got ${classes} classes in ${rows.length} rows; ${hint}`,
    );
  }
  const counts = new Map<Label, number>();
  for (const row of rows) counts.set(values[row] as Label, (counts.get(values[row] as Label) ?? 0) + 1);
  const [lone] = [...counts].find(([, count]) => count < 2) ?? [];
  if (lone === undefined) return;
  const row = [...rows].find((row) => values[row] === lone);
  throw new ArgumentError(
    `${what} must have at least two rows of each class, got one of ${describe(lone)}, row ${row}`,
  );
}

function numberTarget(what: string, name: string, values: readonly (number | undefined)[], rows: Int32Array): Target {
  let [sum, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    const value = values[row] as number;
    if (!Number.isFinite(value)) throw new ArgumentError(`${what} must be finite, got ${value} in row ${row}`);
    sum += value;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const mean = sum / rows.length;
  let squares = 0;
  for (const row of rows) squares += ((values[row] as number) - mean) ** 2;
  const deviation = Math.sqrt(squares / rows.length);
  if (!(deviation > 0 && Number.isFinite(deviation))) {
    throw new ArgumentError(`${what} must have a finite deviation above 0, got ${deviation}`);
  }
  return { name, task: 'regression', classes: [], mean, deviation, low, high };
}

/** Positions of the classes, or the numbers, of some rows. */
export function targetValues(target: Target, column: Column, rows: Int32Array): Int32Array | Float64Array {
  const values = labelsOf(column);
  if (target.task === 'regression') return Float64Array.from(rows, (row) => values[row] as number);
  const positions = new Map(target.classes.map((label, i) => [label, i]));
  return Int32Array.from(rows, (row) => positions.get(values[row] as Label) ?? -1);
}

/** What the network learns to predict, from the values of {@link targetValues}. */
export function targetTensor({ mean, deviation }: Target, values: Int32Array | Float64Array): Tensor {
  if (values instanceof Int32Array) return tensor(values);
  return tensor(
    Float32Array.from(values, (value) => (value - mean) / deviation),
    { shape: [values.length, 1] },
  );
}
