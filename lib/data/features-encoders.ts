// How one column becomes numbers: what fitting finds out, and its use. It is plain data, which is saved as JSON.
import { type Column, type ColumnType, cellOf, isMissingAt } from './column.js';
import { normalQuantile } from './normal-quantile.js';

/** Parts of a date, in UTC. */
export const dateParts = ['time', 'year', 'month', 'day', 'weekday', 'hour'] as const;
export type DatePart = (typeof dateParts)[number];

export const numberTransforms = ['keep', 'standardise', 'robust', 'minMax', 'log', 'quantile'] as const;
export const categoryTransforms = ['oneHot', 'embedding'] as const;

/** A column of numbers, booleans or a part of dates: y = (f(x) - shift) / scale, which `robust` bends to within ±3. */
export interface NumberEncoder {
  readonly kind: 'number';
  readonly column: string;
  readonly type: ColumnType;
  readonly part: DatePart | null;
  readonly transform: (typeof numberTransforms)[number];
  readonly shift: number;
  readonly scale: number;
  /** Those of the values, evenly spaced, for `quantile`; otherwise empty. */
  readonly quantiles: readonly number[];
  /** What stands for a missing value, before f. */
  readonly fill: number;
  /** Whether a second feature says where a value is missing. */
  readonly indicator: boolean;
}

/** A column of categories: position 0 is for unknown and missing ones, position i + 1 for categories[i]. */
export interface CategoryEncoder {
  readonly kind: 'category';
  readonly column: string;
  readonly type: ColumnType;
  readonly transform: (typeof categoryTransforms)[number];
  readonly categories: readonly string[];
}

export type Encoder = NumberEncoder | CategoryEncoder;

/** The names of the features that an encoder makes among the numbers. */
export function numberNames(encoder: Encoder): string[] {
  const { column } = encoder;
  if (encoder.kind === 'category') {
    if (encoder.transform === 'embedding') return [];
    return [`${column} unknown`, ...encoder.categories.map((category) => `${column}=${category}`)];
  }
  const name = encoder.part === null ? column : `${column} ${encoder.part}`;
  return encoder.indicator ? [name, `${name} missing`] : [name];
}

/** How many there are. */
export function numberCount(encoder: Encoder): number {
  if (encoder.kind === 'number') return encoder.indicator ? 2 : 1;
  return encoder.transform === 'embedding' ? 0 : encoder.categories.length + 1;
}

const partOf: Readonly<Record<DatePart, (date: Date) => number>> = {
  time: (date) => date.getTime(),
  year: (date) => date.getUTCFullYear(),
  month: (date) => date.getUTCMonth() + 1,
  day: (date) => date.getUTCDate(),
  weekday: (date) => date.getUTCDay(),
  hour: (date) => date.getUTCHours(),
};

/** The numbers of a column before any transform: NaN where they are missing. */
export function rawNumbers(column: Column, part: DatePart | null): Float64Array {
  const values = column.values as Float64Array;
  return part === null ? values : values.map((time) => partOf[part](new Date(time)));
}

/** f of the transform, for a number that is there. */
export function mapNumber(encoder: Pick<NumberEncoder, 'transform' | 'quantiles'>, x: number): number {
  if (encoder.transform === 'log') return Math.sign(x) * Math.log1p(Math.abs(x));
  return encoder.transform === 'quantile' ? normalQuantile(rankOf(encoder.quantiles, x)) : x;
}

/** x / √(1 + (x/3)²), in a form that is right at infinity. */
const bend = (x: number): number => Math.sign(x) / Math.sqrt(1 / (x * x) + 1 / 9);

/** Writes the features of a column of numbers into rows of `width` numbers, from position `offset` on. */
export function writeNumbers(
  encoder: NumberEncoder,
  column: Column,
  out: Float32Array,
  width: number,
  offset: number,
): void {
  const numbers = rawNumbers(column, encoder.part);
  const { fill, shift, scale, indicator } = encoder;
  const isRobust = encoder.transform === 'robust';
  const isMapped = encoder.transform === 'log' || encoder.transform === 'quantile';
  for (let i = 0, place = offset; i < numbers.length; i++, place += width) {
    const x = numbers[i] as number;
    const isMissing = Number.isNaN(x);
    const given = isMissing ? fill : x;
    const y = ((isMapped ? mapNumber(encoder, given) : given) - shift) / scale;
    out[place] = isRobust ? bend(y) : y;
    if (indicator) out[place + 1] = isMissing ? 1 : 0;
  }
}

const placesOf = new WeakMap<CategoryEncoder, ReadonlyMap<string, number>>();

/** The position of each value of a column among the categories, 0 for unknown ones. */
export function categoryPositions(encoder: CategoryEncoder, column: Column): Int32Array {
  const places = placesOf.get(encoder) ?? new Map(encoder.categories.map((category, i) => [category, i + 1]));
  placesOf.set(encoder, places);
  const placeOf = (text: string | null): number => (text === null ? 0 : (places.get(text) ?? 0));
  if (column.type === 'category') {
    const known = column.categories.map(placeOf);
    return column.values.map((code) => known[code] ?? 0);
  }
  return Int32Array.from({ length: column.values.length }, (_, i) => placeOf(textAt(column, i)));
}

/** A value as a category. */
export function textAt(column: Column, i: number): string | null {
  if (isMissingAt(column, i)) return null;
  const value = cellOf(column, i);
  return value instanceof Date ? value.toJSON() : String(value);
}

/**
 * Where x lies among quantiles, from 0 to 1: the mean of its lowest and its highest rank, between which it lies where several
 * quantiles are equal.
 */
function rankOf(quantiles: readonly number[], x: number): number {
  const last = quantiles.length - 1;
  if (last === 0 || x <= (quantiles[0] as number)) return last === 0 ? 0.5 : 0;
  if (x >= (quantiles[last] as number)) return 1;
  const low = boundary(quantiles, (q) => q < x); // the first that is at least x
  const high = boundary(quantiles, (q) => q <= x); // the first above x
  const between = (below: number) => {
    const [a, b] = [quantiles[below] as number, quantiles[below + 1] as number];
    return below + (x - a) / (b - a);
  };
  return high > low ? (low + high - 1) / 2 / last : between(low - 1) / last;
}

/** The first position whose quantile `isBelow` denies. */
function boundary(quantiles: readonly number[], isBelow: (q: number) => boolean): number {
  let [low, high] = [0, quantiles.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(quantiles[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}
