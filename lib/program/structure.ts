import { ArgumentError, describe, StateError } from '../errors.js';
import { Tensor } from '../tensor.js';

/** Where the tensors stand in an argument list or a result: what stays the same from call to call. */
export type Structure =
  | { kind: 'tensor' }
  | { kind: 'number' }
  | { kind: 'array'; items: Structure[] }
  | { kind: 'object'; keys: string[]; items: Structure[] }
  | { kind: 'constant'; value: unknown };

const deepest = 32;

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The structure of a value.
 *
 * @param numbers whether numbers may stand where tensors do
 */
export function structureOf(path: string, value: unknown, numbers: boolean, depth = 0): Structure {
  if (value instanceof Tensor) return { kind: 'tensor' };
  if (typeof value === 'number' && numbers) return { kind: 'number' };
  if (value === undefined || value === null) return { kind: 'constant', value };
  if (numbers && (typeof value === 'boolean' || typeof value === 'string')) return { kind: 'constant', value };
  if (depth < deepest && Array.isArray(value)) {
    return { kind: 'array', items: value.map((v, i) => structureOf(`${path}[${i}]`, v, numbers, depth + 1)) };
  }
  if (depth < deepest && typeof value === 'object' && isPlain(value)) {
    const keys = Object.keys(value);
    const items = keys.map((key) =>
      structureOf(`${path}.${key}`, (value as Record<string, unknown>)[key], numbers, depth + 1),
    );
    return { kind: 'object', keys, items };
  }
  if (numbers) {
    throw new ArgumentError(
      `compile: ${path} must be a tensor, a number, or arrays and plain objects of these, got ${describe(value)}`,
    );
  }
  const hint = typeof value === 'number' ? '; it would be the same at every call: return a tensor' : '';
  throw new ArgumentError(
    `compile: ${path} must be a tensor, or arrays and plain objects of tensors, got ${describe(value)}${hint}`,
  );
}

/** Appends the tensors and numbers of a value of known structure to `leaves`. */
export function collect(structure: Structure, path: string, value: unknown, leaves: (Tensor | number)[]): void {
  switch (structure.kind) {
    case 'tensor':
      if (!(value instanceof Tensor)) break;
      leaves.push(value);
      return;
    case 'number':
      if (typeof value !== 'number') break;
      leaves.push(value);
      return;
    case 'constant':
      if (!Object.is(value, structure.value)) break;
      return;
    case 'array':
      if (!Array.isArray(value) || value.length !== structure.items.length) break;
      for (let i = 0; i < value.length; i++) {
        collect(structure.items[i] as Structure, `${path}[${i}]`, value[i], leaves);
      }
      return;
    case 'object': {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) break;
      const { keys, items } = structure;
      if (Object.keys(value).length !== keys.length || keys.some((key) => !Object.hasOwn(value, key))) break;
      keys.forEach((key, i) => {
        collect(items[i] as Structure, `${path}.${key}`, (value as Record<string, unknown>)[key], leaves);
      });
      return;
    }
  }
  throw new StateError(
    `compile: ${path} must be ${name(structure)} as in the first call, got ${describe(value)}; compile another function for it`,
  );
}

function name(structure: Structure): string {
  switch (structure.kind) {
    case 'tensor':
      return 'a tensor';
    case 'number':
      return 'a number';
    case 'array':
      return `an array of ${structure.items.length}`;
    case 'object':
      return `an object with ${structure.keys.join(', ')}`;
    default:
      return String(structure.value);
  }
}

/** A value of that structure with these leaves, in order. */
export function rebuild(structure: Structure, leaves: readonly unknown[]): unknown {
  if (structure.kind === 'tensor') return leaves[0];
  let next = 0;
  const build = (s: Structure): unknown => {
    switch (s.kind) {
      case 'array':
        return s.items.map(build);
      case 'object':
        return Object.fromEntries(s.items.map((item, i) => [s.keys[i], build(item)]));
      case 'constant':
        return s.value;
      default:
        return leaves[next++];
    }
  };
  return build(structure);
}
