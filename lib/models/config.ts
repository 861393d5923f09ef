// Configurations: what a model is made from, with the names of Hugging Face's transformers in camelCase.
import { ArgumentError, checkChoice, checkFlag, checkInteger, checkNumber, describe, FileError } from '../errors.js';
import { checkOptions } from '../options.js';

/** @internal A field of a configuration: its default and its check. */
export interface Field<T> {
  readonly value: T;
  readonly check: (operation: string, name: string, value: unknown) => T;
}

/** @internal The fields of a configuration, by name. */
export type Fields<C> = { readonly [K in keyof C]-?: Field<C[K]> };

/** @internal A whole number of at least 1. */
export const count = (value: number): Field<number> => ({ value, check: (o, name, v) => checkInteger(o, name, v, 1) });

/** @internal A whole number of at least 1, or what another field makes it. */
export const countOrNull: Field<number | null> = {
  value: null,
  check: (o, name, v) => (v === null ? null : checkInteger(o, name, v, 1)),
};

/** @internal A number above 0. */
export const positive = (value: number): Field<number> => ({
  value,
  check: (o, name, v) => checkNumber(o, name, v, { min: 0, open: true }),
});

/** @internal A probability. */
export const chance = (value: number): Field<number> => ({
  value,
  check: (o, name, v) => checkNumber(o, name, v, { min: 0, max: 1 }),
});

/** @internal */
export const flag = (value: boolean): Field<boolean> => ({ value, check: (o, name, v) => checkFlag(o, name, v) });

/** @internal One of a few texts. */
export const choice = <T extends string>(value: T, choices: readonly T[]): Field<T> => ({
  value,
  check: (o, name, v) => checkChoice(o, name, v, choices),
});

/** @internal The number of a token, or none. */
export const token = (value: number | null): Field<number | null> => ({
  value,
  check: (o, name, v) => (v === null ? null : checkInteger(o, name, v)),
});

/** @internal Numbers of tokens: none, one or several. */
export const tokens = (value: TokenIds): Field<TokenIds> => ({
  value,
  check: (o, name, v) => {
    if (v === null) return null;
    return Array.isArray(v) ? v.map((one) => checkInteger(o, name, one)) : checkInteger(o, name, v);
  },
});

/** Numbers of tokens: none, one or several. */
export type TokenIds = number | readonly number[] | null;

/** @internal A whole configuration from what the caller gave, checked. */
export function configOf<C extends object>(operation: string, given: Partial<C> | undefined, fields: Fields<C>): C {
  const names = Object.keys(fields) as (keyof C & string)[];
  checkOptions(operation, given, names, names.filter(isNullable(fields)));
  const entries = names.map((name) => {
    const value = given?.[name];
    const { value: fallback, check } = fields[name] as Field<unknown>;
    return [name, value === undefined ? fallback : check(operation, name, value)];
  });
  return Object.fromEntries(entries) as C;
}

// Whether null is among the values of a field.
const isNullable =
  <C extends object>(fields: Fields<C>) =>
  (name: keyof C & string): boolean => {
    try {
      return fields[name].check('', name, null) === null;
    } catch {
      return false;
    }
  };

/** @internal `hiddenSize` of `hidden_size`. */
export const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** @internal What of a `config.json` the fields of a model know; null there is the default. */
export function configFromJson<C extends object>(
  json: Readonly<Record<string, unknown>>,
  fields: Fields<C>,
): Partial<C> {
  const known = Object.entries(json).map(([name, value]) => [camelCase(name), value] as const);
  return Object.fromEntries(
    known.filter(([name, value]) => Object.hasOwn(fields, name) && value !== null),
  ) as Partial<C>;
}

/** @internal Refuses what a `config.json` asks for and the model does not have. */
export function checkFixed(
  source: string,
  json: Readonly<Record<string, unknown>>,
  fixed: Readonly<Record<string, readonly unknown[]>>,
): void {
  for (const [name, values] of Object.entries(fixed)) {
    const value = json[name];
    if (value === undefined || value === null || values.includes(value)) continue;
    throw new FileError(`${source}: ${name} must be ${values.map(describe).join(' or ')} here, got ${describe(value)}`);
  }
}

/** @internal `heads` must divide `width`. */
export function checkHeads(
  operation: string,
  names: [width: string, heads: string],
  width: number,
  heads: number,
): void {
  if (width % heads === 0) return;
  const [w, h] = names;
  throw new ArgumentError(`${operation}: ${h} must divide ${w}, got ${h} ${heads} and ${w} ${width}`);
}
