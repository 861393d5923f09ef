// A checkpoint's state as JSON and tensors: tensors and typed arrays lie in the data part of the file, and the JSON names them.
import { dtypeOfArray } from '../arrays.js';
import { type DType, dtypeTraits, type TypedArray } from '../dtype.js';
import { ArgumentError, describe, type FileError, isPlain } from '../errors.js';
import { Tensor } from '../tensor.js';
import type { TensorPart } from './safetensors-write.js';

/** The largest text of JSON in a checkpoint, in characters: reading it costs little memory, whatever it holds. */
export const maxText = 2 ** 24;
const deepest = 64;

/** A value as the file has it. */
export interface Encoded {
  /** JSON, in which tensors are named. */
  text: string;
  parts: TensorPart[];
}

/** @throws ArgumentError that names the value which cannot be kept. */
export function encode(operation: string, state: Readonly<Record<string, unknown>>): Encoded {
  const encoder = new Encoder(operation);
  const entries = Object.entries(state).map(([name, value]) => [name, encoder.encode(name, value, 1)]);
  const text = JSON.stringify(Object.fromEntries(entries));
  if (text.length > maxText) {
    const hint = 'keep long lists as typed arrays or tensors';
    throw new ArgumentError(`${operation}: values must fit ${maxText} characters of JSON, got ${text.length}; ${hint}`);
  }
  return { text, parts: encoder.parts };
}

class Encoder {
  readonly parts: TensorPart[] = [];
  readonly #names = new Set<string>();

  constructor(private readonly operation: string) {}

  encode(path: string, value: unknown, depth: number): unknown {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') return encodeNumber(value);
    if (value instanceof Tensor) {
      return { $tensor: this.#add(path, value.dtype, value.shape, value.size, () => value.toTypedArray()) };
    }
    const dtype = dtypeOfArray(value);
    if (dtype !== undefined) {
      const array = value as TypedArray;
      return { $array: this.#add(path, dtype, [array.length], array.length, () => array) };
    }
    if (depth > deepest) throw this.#refused(path, `at most ${deepest} levels deep`, value);
    if (Array.isArray(value)) {
      return Array.from(value, (v, i) => this.encode(`${path}.${i}`, v === undefined ? null : v, depth + 1));
    }
    if (value instanceof Map) {
      const pairs = [...value].map(([key, v]) => {
        if (typeof key !== 'string') throw this.#refused(path, 'a Map with keys that are strings', key);
        return [key, this.encode(`${path}.${key}`, v, depth + 1)];
      });
      return { $map: pairs };
    }
    if (!isPlain(value)) {
      const rule = 'a tensor, a typed array of float32, float64, int32 or uint8, or JSON';
      throw this.#refused(path, rule, value);
    }
    const entries = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .map(([key, v]) => [key, this.encode(`${path}.${key}`, v, depth + 1)] as const);
    // A key with a dollar would be taken for one of ours.
    return entries.some(([key]) => key.startsWith('$')) ? { $object: entries } : Object.fromEntries(entries);
  }

  #refused(path: string, rule: string, value: unknown): ArgumentError {
    return new ArgumentError(`${this.operation}: ${path} must be ${rule}, got ${describe(value)}`);
  }

  // Two places may have the same path: `a.b` in an object, and `b` in another one.
  #add(path: string, dtype: DType, shape: readonly number[], count: number, data: () => TypedArray): string {
    let name = path;
    for (let i = 2; this.#names.has(name) || name === '__metadata__'; i++) name = `${path}#${i}`;
    this.#names.add(name);
    this.parts.push({ name, fileDType: dtypeTraits[dtype].safetensors, shape, count, data });
    return name;
  }
}

// JSON has neither infinities nor a negative zero.
function encodeNumber(value: number): unknown {
  return Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : { $number: Object.is(value, -0) ? '-0' : `${value}` };
}

/**
 * The state that `encode` was given; `tensorOf` has the tensors of the file.
 * @throws FileError for what `encode` does not write.
 */
export function decode(
  text: string,
  tensorOf: (name: string) => Tensor | undefined,
  fail: (rule: string) => FileError,
): Record<string, unknown> {
  if (text.length > maxText) throw fail(`must have at most ${maxText} characters of JSON, got ${text.length}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`must have its state in JSON (${(error as Error).message})`);
  }
  if (!isPlain(json)) throw fail(`must have an object as its state, got ${describe(json)}`);
  const named = (name: unknown): Tensor => {
    const t = typeof name === 'string' ? tensorOf(name) : undefined;
    if (t === undefined) throw fail(`must hold the tensor ${describe(name)} of its state`);
    return t;
  };
  const pairs = (list: unknown, depth: number): [string, unknown][] => {
    if (!Array.isArray(list)) throw fail(`must have a list of entries, got ${describe(list)}`);
    return list.map((pair: unknown) => {
      const [key, value] = Array.isArray(pair) ? pair : [];
      if (typeof key !== 'string') throw fail(`must have entries with names, got ${describe(pair)}`);
      return [key, read(value, depth + 1)];
    });
  };
  const special: Record<string, (value: unknown, depth: number) => unknown> = {
    $tensor: named,
    $array: (name) => named(name).toTypedArray(),
    $map: (list, depth) => new Map(pairs(list, depth)),
    $object: (list, depth) => Object.fromEntries(pairs(list, depth)),
    $number: (value) => Number(value),
  };
  const read = (value: unknown, depth: number): unknown => {
    if (depth > deepest + 2) throw fail(`must have a state of at most ${deepest} levels`);
    if (Array.isArray(value)) {
      for (const [i, v] of value.entries()) value[i] = read(v, depth + 1); // in place: a list may be most of the text
      return value;
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [first] = entries;
    if (first?.[0].startsWith('$')) {
      const make = entries.length === 1 && Object.hasOwn(special, first[0]) ? special[first[0]] : undefined;
      if (make === undefined) throw fail(`must have values of known kinds, got ${describe(first[0])}`);
      return make(first[1], depth);
    }
    return Object.fromEntries(entries.map(([key, v]) => [key, read(v, depth + 1)]));
  };
  return Object.fromEntries(Object.entries(json).map(([key, v]) => [key, read(v, 1)]));
}
