// What fitting finds out about a column.
import { ArgumentError, describe } from '../errors.js';
import type { Column, ColumnType } from './column.js';
import {
  type CategoryEncoder,
  categoryTransforms,
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
  /** The transform of parts of dates. */
  readonly parts: 'standardise' | 'robust';
}

const mostQuantiles = 1000;
const isCategorical = (transform: FeatureTransform): transform is CategoryEncoder['transform'] =>
  categoryTransforms.includes(transform as 'oneHot');

/** The encoders of a column: none where it is dropped, several for a date. */
export function fitColumn(name: string, column: Column, transform: FeatureTransform, rules: FitRules): Encoder[] {
  if (transform === 'drop') return [];
  const fail = (rule: string, got: string, hint: string) =>
    new ArgumentError(`Features: column ${JSON.stringify(name)} ${rule}, got ${got}; ${hint}`);
  if (isCategorical(transform)) {
    const encoder = fitCategories(name, column, transform, rules, fail);
    if (encoder.categories.length > 0) return [encoder];
    const { minCount } = rules;
    return tellsNothing(
      rules,
      fail,
      `must have a category${minCount > 1 ? ` that minCount ${minCount} rows have` : ''}`,
      'none',
    );
  }
  if (column.type === 'category' || column.type === 'text' || (transform === 'dateParts' && column.type !== 'date')) {
    const fitting =
      column.type === 'category' || column.type === 'text' ? 'oneHot, embedding or drop' : 'that of a number';
    throw fail(`cannot be transformed by ${transform}`, `type ${column.type}`, `choose ${fitting}`);
  }
  if (transform === 'dateParts') {
    const parts = dateParts.flatMap((part) => fitNumbers(name, column, rules.parts, part, rules, fail) ?? []);
    // One feature that says where the date is missing is enough.
    const [first, ...rest] = parts;
    return first === undefined ? tellsNothing(rules, fail) : [first, ...rest.map((e) => ({ ...e, indicator: false }))];
  }
  const encoder = fitNumbers(name, column, transform as NumberEncoder['transform'], null, rules, fail);
  return encoder === null ? tellsNothing(rules, fail) : [encoder];
}

type Fail = (rule: string, got: string, hint: string) => ArgumentError;

function tellsNothing(rules: FitRules, fail: Fail, rule = 'must have different values', got = 'one or none'): [] {
  if (rules.constant === 'drop') return [];
  throw fail(rule, got, "drop it, or give constant: 'drop'");
}

/** null for a column of one value, unless a further feature says where it is missing. */
function fitNumbers(
  name: string,
  column: Column,
  transform: NumberEncoder['transform'],
  part: DatePart | null,
  rules: FitRules,
  fail: Fail,
): NumberEncoder | null {
  if (transform !== 'robust') checkFinite(column, fail);
  const raw = rawNumbers(column, part);
  const present = sortedFinite(raw);
  const [least, most] = [present[0], present.at(-1)];
  if (least === undefined || most === undefined) return null;
  const indicator = rules.indicators && raw.some(Number.isNaN);
  const known = { kind: 'number', column: name, type: column.type, part } as const;
  if (least === most) {
    if (!indicator || part !== null) return null;
    const kept = transform === 'robust' ? 'robust' : 'keep';
    return { ...known, transform: kept, shift: least + 0, scale: 1, quantiles: [], fill: least + 0, indicator };
  }
  const quantiles = transform === 'quantile' ? quantilesOf(present) : [];
  const [shift, scale] = shiftAndScale({ transform, quantiles }, present);
  if (!(scale > 0 && Number.isFinite(scale) && Number.isFinite(shift))) return null;
  const fill = rules.fill === 'median' ? middleOf(present, 0.5) : meanOf(present);
  // Never -0, which JSON does not have.
  return { ...known, transform, shift: shift + 0, scale, quantiles, fill: fill + 0, indicator };
}

/** Those that are finite, sorted; a loop, because `filter` takes as long as sorting. */
function sortedFinite(raw: Float64Array): Float64Array {
  const finite = new Float64Array(raw.length);
  let count = 0;
  for (const x of raw) if (Number.isFinite(x)) finite[count++] = x;
  return finite.subarray(0, count).sort();
}

function shiftAndScale(known: Pick<NumberEncoder, 'transform' | 'quantiles'>, sorted: Float64Array): [number, number] {
  if (known.transform === 'keep' || known.transform === 'quantile') return [0, 1];
  const [least, most] = [sorted[0] as number, sorted.at(-1) as number];
  if (known.transform === 'minMax') return [least, most - least];
  if (known.transform === 'robust') {
    return [middleOf(sorted, 0.5), middleOf(sorted, 0.75) - middleOf(sorted, 0.25) || (most - least) / 2];
  }
  const mapped = sorted.map((x) => mapNumber(known, x));
  const mean = meanOf(mapped);
  return [mean, Math.sqrt(meanOf(mapped.map((x) => (x - mean) ** 2)))];
}

/** @internal Throws for infinite numbers. */
export function checkFinite(column: Column, fail: Fail): void {
  const values = column.values as Float64Array;
  // A loop: findIndex takes ten times as long.
  for (let row = 0; row < values.length; row++) {
    if (Math.abs(values[row] as number) < Number.POSITIVE_INFINITY || Number.isNaN(values[row])) continue;
    throw fail('must be finite', `${values[row]} in row ${row}`, 'replace it, or have it read as missing');
  }
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
  const categories = [...countsOf(column)].filter(([, count]) => count >= rules.minCount).map(([text]) => text);
  if (categories.length > rules.maxCategories) {
    const hint = 'drop it, or give a larger minCount or maxCategories';
    throw fail(`must have at most ${rules.maxCategories} categories`, describe(categories.length), hint);
  }
  return { kind: 'category', column: name, type: column.type, transform, categories: categories.sort() };
}

/** How often each category is there. */
function countsOf(column: Column): Map<string, number> {
  const counts = new Map<string, number>();
  if (column.type === 'category') {
    const byCode = new Uint32Array(column.categories.length);
    for (const code of column.values) if (code >= 0) byCode[code] = (byCode[code] as number) + 1;
    for (const [code, count] of byCode.entries()) if (count > 0) counts.set(column.categories[code] as string, count);
    return counts;
  }
  for (let i = 0; i < column.values.length; i++) {
    const text = textAt(column, i);
    if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
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
