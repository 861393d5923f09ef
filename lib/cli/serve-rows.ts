// Rows in requests, checked against the columns of a model.
import type { train } from '../index.js';

/** A request that cannot be answered, with its HTTP status. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What a request asks for: rows, and whether they came in a list. */
export interface Asked {
  readonly rows: Record<string, unknown>[];
  readonly isList: boolean;
}

const isoDate = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** The rule for a value of each type; null is always a missing value. */
const rules: Readonly<Record<string, readonly [rule: string, holds: (value: unknown) => boolean]>> = {
  number: ['a finite number', (value) => typeof value === 'number' && Number.isFinite(value)],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  category: ['a text', (value) => typeof value === 'string'],
  date: [
    'a date as 2024-02-29T12:00:00Z',
    (value) => typeof value === 'string' && isoDate.test(value) && !Number.isNaN(Date.parse(value)),
  ],
};

/** The rows of a request's body: one object, or a list of at most `most`. */
export function rowsOf(body: string, fields: readonly train.TabularField[], most: number): Asked {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new RequestError(
      400,
      'the body must be JSON: an object with a property for each column, or a list of such objects',
    );
  }
  const isList = Array.isArray(parsed);
  const rows: unknown[] = isList ? (parsed as unknown[]) : [parsed];
  if (rows.length === 0) throw new RequestError(400, 'the list must have a row, got none');
  if (rows.length > most) throw new RequestError(413, `the list must have at most ${most} rows, got ${rows.length}`);
  const names = new Set(fields.map(({ name }) => name));
  return { rows: rows.map((row, i) => checkRow(row, isList ? `row ${i}` : 'the row', fields, names)), isList };
}

function checkRow(
  row: unknown,
  what: string,
  fields: readonly train.TabularField[],
  names: ReadonlySet<string>,
): Record<string, unknown> {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new RequestError(400, `${what} must be an object with a property for each column`);
  }
  for (const { name, type } of fields) {
    const value = Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined;
    if (value === undefined)
      throw new RequestError(400, `${what} must have ${JSON.stringify(name)}; null is a missing value`);
    const [rule, holds] = rules[type] as (typeof rules)[string];
    if (value !== null && !holds(value)) {
      throw new RequestError(400, `${JSON.stringify(name)} of ${what} must be ${rule} or null, got ${shown(value)}`);
    }
  }
  const strange = Object.keys(row).find((name) => !names.has(name));
  if (strange !== undefined)
    throw new RequestError(400, `${what} has ${shown(strange)}, which is no column of the model`);
  return row as Record<string, unknown>;
}

function shown(value: unknown): string {
  const text = typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'an object') : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The model's columns as JSON Schema (2020-12) of a row. */
export function schemaOf(model: train.TabularModel): object {
  const types: Record<string, object> = {
    number: { type: ['number', 'null'] },
    boolean: { type: ['boolean', 'null'] },
    category: { type: ['string', 'null'] },
    date: { type: ['string', 'null'], format: 'date-time' },
  };
  const { schema, target, task, classes, metrics } = model;
  const properties = schema.map(({ name, type, categories }) => [
    name,
    categories === undefined ? types[type] : { ...types[type], examples: categories.slice(0, 100) },
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...{ title: `a row to predict ${target} of`, type: 'object', additionalProperties: false },
    required: schema.map(({ name }) => name),
    properties: Object.fromEntries(properties),
    'x-model': { target, task, classes, metrics },
  };
}
