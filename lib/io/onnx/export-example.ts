// The tensors in examples of inputs, and in results: single ones, or in arrays and plain objects.
import { ArgumentError, describe, isPlain } from '../../errors.js';
import { clone } from '../../ops/copy.js';
import { tensor } from '../../ops/creation.js';
import { indexSelect } from '../../ops/indexing.js';
import { Tensor } from '../../tensor.js';

/** A tensor and where it is. */
export interface Leaf {
  path: readonly string[];
  value: Tensor;
}

/** The tensors in a value, in its order. */
export function leavesOf(value: unknown, path: readonly string[] = []): Leaf[] {
  if (value instanceof Tensor) return [{ path, value }];
  if (Array.isArray(value)) return value.flatMap((item, i) => leavesOf(item, [...path, String(i)]));
  if (value !== null && typeof value === 'object' && isPlain(value)) {
    return Object.entries(value).flatMap(([key, item]) => leavesOf(item, [...path, key]));
  }
  return [];
}

/** The same value with other tensors, in order. */
export function replaced(value: unknown, tensors: Iterator<Tensor>): unknown {
  if (value instanceof Tensor) return tensors.next().value;
  if (Array.isArray(value)) return value.map((item) => replaced(item, tensors));
  if (value !== null && typeof value === 'object' && isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, tensors)]));
  }
  return value;
}

/** The names of leaves: given ones, or those of their places; numbers follow `word`. */
export function namesOf(option: string, leaves: readonly Leaf[], given: unknown, word: string): string[] {
  if (given !== undefined) {
    const isList = Array.isArray(given) && given.every((name) => typeof name === 'string' && name !== '');
    if (!isList || given.length !== leaves.length || new Set(given).size !== given.length) {
      throw new ArgumentError(
        `io.onnx.export: ${option} must be ${leaves.length} different names, one for each tensor, got ${describe(given)}`,
      );
    }
    return [...given];
  }
  return leaves.map(({ path }) => {
    if (path.length === 0 || leaves.length === 1)
      return path.length === 1 && !/^\d+$/.test(path[0] as string) ? (path[0] as string) : word;
    const name = path.join('.');
    return /^\d/.test(name) ? `${word}${name}` : name;
  });
}

/** A copy of an example with so many elements of the batch. */
export function withBatch(t: Tensor, axis: number | null, size: number): Tensor {
  if (axis === null) return clone(t);
  const own = t.dims[axis] as number;
  const index = Int32Array.from({ length: size }, (_, i) => i % own);
  return indexSelect(t, axis, tensor(index));
}
