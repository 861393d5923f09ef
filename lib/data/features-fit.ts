// What fitting finds out about a column.
import { ArgumentError, describe } from '../errors.js';
import { type Column, type ColumnType, isMissingAt } from './column.js';
import {
  type CategoryEncoder,
  type DatePart,
  dateParts,
  type Encoder,
  mapNumber,
  type NumberEncoder,
  rawNumbers,
  textAt,
} from './features-encoders.js';

/** What is done with a column. */
export type FeatureTransform = NumberEncoder['transform'] | CategoryEncoder['transform'] | 'dateParts' | 'drop';

/** How columns are fitted. */
export interface FitRules {
  readonly fill: 'mean' | 'median';
  readonly indicators: boolean;
  readonly minCount: number;
  readonly maxCategories: number;
  readonly constant: 'error' | 'drop';
}

const mostQuantiles = 1000;
const isCategorical = (transform: FeatureTransform): boolean => transform === 'oneHot' || transform === 'embedding';

/** The encoders of a column: none where it is dropped, several for a date. */
export function fitColumn(name: string, column: Column, transform: FeatureTransform, rules: FitRules): Encoder[] {
  if (transform === 'drop') return [];
  const fail = (rule: string, got: string, hint: string) =>
    new ArgumentError(`Features: column ${JSON.stringify(name)} ${rule}, got ${got}; ${hint}`);
  if (isCategorical(transform)) return [fitCategories(name, column, transform as 'oneHot', rules, fail)];
  if (column.type === 'category' || column.type === 'text' || (transform === 'dateParts' && column.type !== 'date')) {
    const fitting =
      column.type === 'category' || column.type === 'text' ? 'oneHot, embedding or drop' : 'that of a number';
    throw fail(`cannot be transformed by ${transform}`, `type ${column.type}`, `choose ${fitting}`);
  }
  if (transform === 'dateParts') {
    const parts = dateParts.flatMap((part) => fitNumbers(name, column, 'standardise', part, rules, fail) ?? []);
    // One feature that says where the date is missing is enough.
    const [first, ...rest] = parts;
    return first === undefined
      ? constantColumn(rules, fail)
      : [first, ...rest.map((e) => ({ ...e, indicator: false }))];
  }
  const encoder = fitNumbers(name, column, transform as NumberEncoder['transform'], null, rules, fail);
  return encoder === null ? constantColumn(rules, fail) : [encoder];
}

type Fail = (rule: string, got: string, hint: string) => ArgumentError;

function constantColumn(rules: FitRules, fail: Fail): [] {
  if (rules.constant === 'drop') return [];
  throw fail('must have different values', 'one or none', "drop it, or give constant: 'drop'");
}

/** null for a column of one value. */
function fitNumbers(
  name: string,
  column: Column,
  transform: NumberEncoder['transform'],
  part: DatePart | null,
  rules: FitRules,
  fail: Fail,
): NumberEncoder | null {
  checkFinite(column, fail);
  const raw = rawNumbers(column, part);
  const present = raw.filter((x) => !Number.isNaN(x)).sort();
  const [least, most] = [present[0], present.at(-1)];
  if (least === undefined || most === undefined || least === most) return null;
  const quantiles = transform === 'quantile' ? quantilesOf(present) : [];
  const known = { transform, quantiles };
  const [shift, scale] = shiftAndScale(known, present);
  if (!(scale > 0 && Number.isFinite(scale) && Number.isFinite(shift))) return null;
  return {
    kind: 'number',
    column: name,
    type: column.type,
    part,
    transform,
    shift: shift + 0, // never -0, which JSON does not have
    scale,
    quantiles,
    fill: (rules.fill === 'median' ? middleOf(present, 0.5) : meanOf(present)) + 0,
    indicator: rules.indicators && present.length < raw.length,
  };
}

function shiftAndScale(known: Pick<NumberEncoder, 'transform' | 'quantiles'>, sorted: Float64Array): [number, number] {
  if (known.transform === 'keep' || known.transform === 'quantile') return [0, 1];
  if (known.transform === 'minMax') return [sorted[0] as number, (sorted.at(-1) as number) - (sorted[0] as number)];
  const mapped = sorted.map((x) => mapNumber(known, x));
  const mean = meanOf(mapped);
  return [mean, Math.sqrt(meanOf(mapped.map((x) => (x - mean) ** 2)))];
}

/** @internal Throws for infinite numbers. */
export function checkFinite(column: Column, fail: Fail): void {
  const values = column.values as Float64Array;
  const wrong = values.findIndex((x) => Math.abs(x) === Number.POSITIVE_INFINITY);
  if (wrong < 0) return;
  throw fail('must be finite', `${values[wrong]} in row ${wrong}`, 'replace it, or have it read as missing');
}

const meanOf = (values: Float64Array): number => values.reduce((sum, x) => sum + x / values.length, 0);

/** The value at a rank from 0 to 1 of sorted numbers, interpolated. */
function middleOf(sorted: Float64Array, rank: number): number {
  const place = rank * (sorted.length - 1);
  const below = Math.floor(place);
  const [a, b] = [sorted[below] as number, sorted[Math.min(below + 1, sorted.length - 1)] as number];
  return a + (b - a) * (place - below);
}

function quantilesOf(sorted: Float64Array): number[] {
  const count = Math.min(mostQuantiles, sorted.length);
  return Array.from({ length: count }, (_, i) => middleOf(sorted, i / (count - 1)) + 0);
}

function fitCategories(
  name: string,
  column: Column,
  transform: CategoryEncoder['transform'],
  rules: FitRules,
  fail: Fail,
): CategoryEncoder {
  const counts = new Map<string, number>();
  for (let i = 0; i < column.values.length; i++) {
    if (isMissingAt(column, i)) continue;
    const text = textAt(column, i) as string;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const categories = [...counts].filter(([, count]) => count >= rules.minCount).map(([text]) => text);
  if (categories.length > rules.maxCategories) {
    const hint = 'drop it, or give a larger minCount or maxCategories';
    throw fail(`must have at most ${rules.maxCategories} categories`, describe(categories.length), hint);
  }
  return { kind: 'category', column: name, type: column.type, transform, categories: categories.sort() };
}

/** The transform of a column for which none is given. */
export function defaultTransform(
  type: ColumnType,
  options: { number: NumberEncoder['transform']; category: CategoryEncoder['transform'] },
): FeatureTransform {
  if (type === 'text') return 'drop';
  return { number: options.number, category: options.category, boolean: 'keep', date: 'dateParts' }[
    type
  ] as FeatureTransform;
}
