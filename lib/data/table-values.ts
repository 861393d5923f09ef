// What values of tables are written like, and the types that columns of them have.
import { types as nodeTypes } from 'node:util';
import type { ColumnType } from './column.js';

/** How texts are read. */
export interface ValueRules {
  /** Texts that stand for no value. */
  readonly missing: ReadonlySet<string>;
  /** Whether one of these is also a number. */
  readonly hasNumericMissing: boolean;
  /** The decimal sign. */
  readonly decimal: '.' | ',';
  /** Distinct texts that a column of categories may have. */
  readonly maxCategories: number;
}

/** Whether a value stands for none. */
export function isMissing(value: unknown, { missing }: ValueRules): boolean {
  if (typeof value === 'string') return missing.has(value) || (value.trim() !== value && missing.has(value.trim()));
  return value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value));
}

const infinities: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
};

/** A number, NaN if it is missing, undefined if it is neither. */
export function numberOf(value: unknown, rules: ValueRules): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') {
    if (rules.hasNumericMissing && rules.missing.has(value)) return Number.NaN;
    const number = textNumber(value, rules.decimal);
    if (number !== undefined) return number;
  }
  return isMissing(value, rules) ? Number.NaN : undefined;
}

function textNumber(text: string, decimal: '.' | ','): number | undefined {
  let plain = text;
  if (decimal === ',') {
    if (text.includes('.')) return undefined;
    plain = text.replace(',', '.');
  }
  const number = Number(plain);
  if (Number.isNaN(number)) {
    const sign = /^\s*([+-]?)(inf|infinity)\s*$/i.exec(text);
    if (sign === null) return undefined;
    return (infinities[(sign[2] as string).toLowerCase()] as number) * (sign[1] === '-' ? -1 : 1);
  }
  // `Number` also takes blanks for 0, and other bases, in which the second character is a letter.
  if (number === 0 && plain.trim() === '') return undefined;
  return plain.charCodeAt(1) > 57 && /^\s*0[box]/i.test(plain) ? undefined : number;
}

/** What powers of ten float64 has exactly. */
const powers = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const [space, plus, minus, zero] = [32, 43, 45, 48];

/**
 * The number that bytes from `from` to `to` are written like, if it has a sign at most, digits and a decimal sign, and so few digits
 * that a single rounding gives it: the same as that of its text. NaN for all others, which need not be wrong.
 */
export function plainNumber(bytes: Uint8Array, from: number, to: number, decimal: number): number {
  let start = from;
  let end = to;
  while (start < end && bytes[start] === space) start++;
  while (end > start && bytes[end - 1] === space) end--;
  const first = bytes[start];
  if (first === minus || first === plus) start++;
  let digits = 0;
  let point = -1;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - zero;
    if (digit >= 0 && digit <= 9) digits = 10 * digits + digit;
    else if (bytes[i] === decimal && point < 0) point = i;
    else return Number.NaN;
  }
  const decimals = point < 0 ? 0 : end - point - 1;
  const hasDigits = end - start > (point < 0 ? 0 : 1);
  if (!hasDigits || digits >= 2 ** 53 || decimals >= powers.length) return Number.NaN;
  const number = digits / (powers[decimals] as number);
  return first === minus ? -number : number;
}

const truths: ReadonlyMap<string, number> = new Map(Object.entries({ true: 1, yes: 1, false: 0, no: 0 }));
const abbreviations: ReadonlyMap<string, number> = new Map(Object.entries({ t: 1, y: 1, 1: 1, f: 0, n: 0, 0: 0 }));

/** 1 or 0, NaN if it is missing, undefined if it is neither. */
export function booleanOf(value: unknown, rules: ValueRules): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (value === 0 || value === 1) return value;
  if (typeof value === 'string') {
    const truth = truths.get(value);
    if (truth !== undefined) return truth;
    const word = value.trim().toLowerCase();
    const other = truths.get(word) ?? abbreviations.get(word);
    if (other !== undefined) return other;
  }
  return isMissing(value, rules) ? Number.NaN : undefined;
}

const isoDate =
  /^\s*(\d{4})([-/])(\d{2})\2(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?\s*$/i;

/** Milliseconds since 1970, NaN if it is missing, undefined if it is neither. */
export function dateOf(value: unknown, rules: ValueRules): number | undefined {
  if (nodeTypes.isDate(value)) return value.getTime();
  if (typeof value === 'number' && Math.abs(value) <= 8.64e15) return value;
  const time = typeof value === 'string' ? textDate(value) : undefined;
  return time ?? (isMissing(value, rules) ? Number.NaN : undefined);
}

function textDate(text: string): number | undefined {
  const match = isoDate.exec(text);
  if (match === null) return undefined;
  const [, year, , month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] = match;
  const [m, d, h, min, s] = [month, day, hour, minute, second].map(Number) as [number, number, number, number, number];
  if (h > 23 || min > 59 || s > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), m - 1, d);
  if (date.getUTCMonth() !== m - 1 || date.getUTCDate() !== d) return undefined; // 30 February
  const time = date.setUTCHours(h, min, s, Math.floor(Number(`0.${fraction}`) * 1000));
  if (zone.toUpperCase() === 'Z') return time;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  return time - (zone[0] === '-' ? -1 : 1) * (60 * hours + minutes) * 60_000;
}

/** A text, null if it is missing, undefined if it is neither: numbers and booleans become texts. */
export function textOf(value: unknown, rules: ValueRules): string | null | undefined {
  if (isMissing(value, rules)) return null;
  if (typeof value === 'string') return value;
  if (nodeTypes.isDate(value)) return value.toISOString();
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/**
 * The type of a column by some of its values; undefined where all are missing or the first is of no type. Texts of a file may
 * stand for anything (`isText`), those among JavaScript's values for dates at most.
 */
export function inferType(values: readonly unknown[], rules: ValueRules, isText: boolean): ColumnType | undefined {
  const present = values.filter((value) => !isMissing(value, rules));
  const [first] = present;
  if (typeof first === 'number' || typeof first === 'bigint') return 'number';
  if (typeof first === 'boolean') return 'boolean';
  if (nodeTypes.isDate(first)) return 'date';
  if (typeof first !== 'string') return undefined;
  const texts = present.filter((value) => typeof value === 'string');
  if (isText && texts.every((text) => numberOf(text, rules) !== undefined) && !texts.every(isCode)) return 'number';
  if (isText && texts.every((text) => truths.has(text.trim().toLowerCase()))) return 'boolean';
  if (texts.every((text) => textDate(text) !== undefined)) return 'date';
  const distinct = new Set(texts).size;
  return distinct <= Math.min(rules.maxCategories, Math.max(20, texts.length / 2)) ? 'category' : 'text';
}

// Numbers that begin with 0 are codes: 01234 is a postcode, not 1234.
const isCode = (text: string): boolean => /^0\d/.test(text);

/** A comma where numbers of these rows have one and none has a point. */
export function guessDecimal(rows: readonly (readonly unknown[])[]): '.' | ',' {
  const some = (pattern: RegExp) =>
    rows.some((row) => row.some((text) => typeof text === 'string' && pattern.test(text)));
  return some(/^\s*[+-]?\d+,\d+\s*$/) && !some(/^\s*[+-]?\d+\.\d+\s*$/) ? ',' : '.';
}
