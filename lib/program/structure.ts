import { ArgumentError, describe, isPlain, StateError } from '../errors.js';
import { maxTensors } from '../memory.js';
import { Tensor } from '../tensor.js';

/** Where the tensors are in an argument list or a result, which is the same from call to call. */
export type Structure =
  | { kind: 'tensor' }
  | { kind: 'number' }
  | { kind: 'array'; items: Structure[] }
  | { kind: 'object'; keys: string[]; items: Structure[] }
  | { kind: 'constant'; value: unknown };

const deepest = 32;

/**
 * The structure of a value.
 *
 * @param numbers whether numbers may replace tensors
 */
export function structureOf(path: string, value: unknown, numbers: boolean, depth = 0): Structure {
  if (value instanceof Tensor) return { kind: 'tensor' };
  if (typeof value === 'number' && numbers) return { kind: 'number' };
  if (value === undefined || value === null) return { kind: 'constant', value };
  if (numbers && (typeof value === 'boolean' || typeof value === 'string')) return { kind: 'constant', value };
  if (depth < deepest && Array.isArray(value)) {
    if (value.length > maxTensors) {
      throw new ArgumentError(`compile: ${path} must have at most ${maxTensors} elements, got ${value.length}`);
    }
    return { kind: 'array', items: Array.from(value, (v, i) => structureOf(`${path}[${i}]`, v, numbers, depth + 1)) };
  }
  if (depth < deepest && isPlain(value)) {
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
export function collect(structure: Structure, value: unknown, leaves: (Tensor | number)[]): void {
  const mismatch = gather(structure, value, leaves);
  if (mismatch === null) return;
  throw new StateError(
    `compile: arguments${mismatch.path} must be ${name(mismatch.structure)} as in the first call, got ${describe(mismatch.value)}; compile another function for it`,
  );
}

interface Mismatch {
  path: string;
  structure: Structure;
  value: unknown;
}

// The first place that does not fit; its path is assembled on the way back.
function gather(structure: Structure, value: unknown, leaves: (Tensor | number)[]): Mismatch | null {
  switch (structure.kind) {
    case 'tensor':
    case 'number':
      if (structure.kind === 'tensor' ? !(value instanceof Tensor) : typeof value !== 'number') break;
      leaves.push(value as Tensor | number);
      return null;
    case 'constant':
      if (!Object.is(value, structure.value)) break;
      return null;
    case 'array':
      if (!Array.isArray(value) || value.length !== structure.items.length) break;
      for (let i = 0; i < value.length; i++) {
        const mismatch = gather(structure.items[i] as Structure, value[i], leaves);
        if (mismatch !== null) return { ...mismatch, path: `[${i}]${mismatch.path}` };
      }
      return null;
    case 'object': {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) break;
      const { keys, items } = structure;
      if (Object.keys(value).length !== keys.length || keys.some((key) => !Object.hasOwn(value, key))) break;
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i] as string;
        const mismatch = gather(items[i] as Structure, (value as Record<string, unknown>)[key], leaves);
        if (mismatch !== null) return { ...mismatch, path: `.${key}${mismatch.path}` };
      }
      return null;
    }
  }
  return { path: '', structure, value };
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

/** A value of this structure with these leaves, in order. */
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
