// Features as JSON, which may come from anywhere: each value is checked.
import { describe, FileError } from '../errors.js';
import { columnTypes } from './column.js';
import { categoryTransforms, dateParts, type Encoder, numberTransforms } from './features-encoders.js';

const mostEncoders = 100_000;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isFlag: Check = (value) => typeof value === 'boolean';
const oneOf =
  (choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value);
const listOf =
  (check: Check, isRightPair: (a: never, b: never) => boolean): Check =>
  (value) =>
    Array.isArray(value) &&
    value.every((v, i) => check(v) && (i === 0 || isRightPair(value[i - 1] as never, v as never)));

const fields: Readonly<Record<Encoder['kind'], Readonly<Record<string, Check>>>> = {
  number: {
    kind: isText,
    column: isText,
    type: oneOf(['number', 'boolean', 'date']),
    part: (value) => value === null || dateParts.includes(value as 'year'),
    transform: oneOf(numberTransforms),
    shift: isNumber,
    scale: (value) => isNumber(value) && (value as number) > 0,
    quantiles: listOf(isNumber, (a: number, b: number) => a <= b),
    fill: isNumber,
    indicator: isFlag,
  },
  category: {
    kind: isText,
    column: isText,
    type: oneOf(columnTypes),
    transform: oneOf(categoryTransforms),
    categories: listOf(isText, (a: string, b: string) => a < b),
  },
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The encoders of saved features. @throws FileError that names what is wrong */
export function readEncoders(operation: string, json: unknown): Encoder[] {
  const fail = (what: string) => new FileError(`${operation}: json must be what toJSON gives, got ${what}`);
  if (!isObject(json)) throw fail('no object');
  if (json.format !== 'adjoint.features') throw fail('another format');
  if (json.version !== 1) throw fail(`version ${describe(json.version)}; this library reads version 1`);
  const { columns } = json;
  if (!Array.isArray(columns) || columns.length === 0 || columns.length > mostEncoders)
    throw fail('no list of columns');
  return Array.from(columns, (value: unknown, i) => {
    const known =
      isObject(value) && typeof value.kind === 'string' && Object.hasOwn(fields, value.kind)
        ? fields[value.kind as 'number']
        : undefined;
    if (known === undefined) throw fail(`an unknown kind in column ${i}`);
    const given = value as Record<string, unknown>;
    const wrong = Object.entries(known).find(([name, check]) => !Object.hasOwn(given, name) || !check(given[name]));
    if (wrong !== undefined) throw fail(`a wrong ${wrong[0]} in column ${i}`);
    if ((given.transform === 'quantile') !== (given.kind === 'number' && (given.quantiles as unknown[]).length > 0)) {
      throw fail(`quantiles without their transform in column ${i}`);
    }
    if ((given.type === 'date') < (given.kind === 'number' && given.part !== null))
      throw fail(`a part of no date in column ${i}`);
    return Object.fromEntries(Object.keys(known).map((name) => [name, copied(given[name])])) as unknown as Encoder;
  });
}

const copied = (value: unknown): unknown => (Array.isArray(value) ? [...value] : value);
