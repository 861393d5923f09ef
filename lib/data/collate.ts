import { dtypeOfArray, isArrayOf } from '../arrays.js';
import { type DType, dtypeTraits, type TypedArray } from '../dtype.js';
import { ArgumentError, DTypeError, describe, formatShape, ShapeError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import { stack } from '../ops/shape-slice.js';
import { Tensor } from '../tensor.js';

/** The type of batch that {@link defaultCollate} makes of samples. */
export type Collated<Sample> = Sample extends Tensor | TypedArray | number | boolean
  ? Tensor
  : Sample extends string
    ? string[]
    : Sample extends object
      ? { -readonly [K in keyof Sample]: Collated<Sample[K]> }
      : never;

/**
 * Makes one batch of samples. Tensors are stacked along a new first dimension; typed arrays too, in their element type;
 * numbers become a float32 tensor and booleans a uint8 one; strings an array. Tuples and plain objects are collated field
 * by field. Class labels must be int32: give them as `tensor(3, { dtype: 'int32' })`, or use a collateFn.
 *
 * @throws ShapeError or DTypeError when samples differ, naming the first that does
 */
export function defaultCollate<Sample>(samples: readonly Sample[]): Collated<Sample> {
  if (!Array.isArray(samples) || samples.length === 0) {
    throw new ArgumentError(
      `defaultCollate: samples must be an array of at least one sample, got ${describe(samples)}`,
    );
  }
  return collateField(samples, '') as Collated<Sample>;
}

function collateField(samples: readonly unknown[], field: string): unknown {
  const first = samples[0];
  const where = field === '' ? 'sample' : `field ${field} of sample`;
  if (first instanceof Tensor) {
    checkAlike(samples, where, (s) => s instanceof Tensor && { dtype: s.dtype, shape: s.shape });
    return stack(samples as Tensor[]);
  }
  if (typeof first === 'number' || typeof first === 'boolean' || typeof first === 'string') {
    const type = typeof first;
    checkAlike(samples, where, (s) => typeof s === type && { dtype: type, shape: [] });
    return type === 'string' ? [...samples] : tensor(samples as number[]);
  }
  const dtype = dtypeOfArray(first);
  if (dtype !== undefined) {
    const arrayType = dtypeTraits[dtype].array;
    checkAlike(samples, where, (s) => isArrayOf(dtype, s) && { dtype: arrayType.name, shape: [s.length] });
    return joinArrays(samples as TypedArray[], arrayType);
  }
  if (!isRecord(first)) {
    const rule = 'must be a tensor, typed array, number, boolean, string, or an array or plain object of them';
    throw new ArgumentError(`defaultCollate: ${where} 0 ${rule}, got ${describe(first)}; use a collateFn`);
  }
  const keys = Object.keys(first);
  samples.forEach((sample, i) => {
    if (!isRecord(sample) || Object.keys(sample).join() !== keys.join()) {
      const got = isRecord(sample) ? `(${Object.keys(sample).join(', ')})` : describe(sample);
      throw new ArgumentError(
        `defaultCollate: ${where} ${i} must have the fields of sample 0 (${keys.join(', ')}), got ${got}`,
      );
    }
  });
  const column = (key: string) => samples.map((sample) => (sample as Record<string, unknown>)[key]);
  const path = (key: string) => (field === '' ? key : `${field}.${key}`);
  if (Array.isArray(first)) return keys.map((key) => collateField(column(key), path(key)));
  return Object.fromEntries(keys.map((key) => [key, collateField(column(key), path(key))]));
}

/** An array or a plain object; instances of classes are not collated by field. */
function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}

type Kind = { dtype: string; shape: readonly number[] };

function checkAlike(samples: readonly unknown[], where: string, kindOf: (sample: unknown) => Kind | false): void {
  const first = kindOf(samples[0]) as Kind;
  for (let i = 1; i < samples.length; i++) {
    const kind = kindOf(samples[i]);
    if (kind === false || kind.dtype !== first.dtype) {
      const got = kind === false ? describe(samples[i]) : kind.dtype;
      throw new DTypeError(`defaultCollate: ${where} ${i} must be ${first.dtype} as in sample 0, got ${got}`);
    }
    if (kind.shape.join() !== first.shape.join()) {
      const got = `${formatShape(kind.shape)}; pad them or use a collateFn`;
      throw new ShapeError(
        `defaultCollate: ${where} ${i} must have the shape ${formatShape(first.shape)} of sample 0, got ${got}`,
      );
    }
  }
}

function joinArrays(samples: readonly TypedArray[], type: (typeof dtypeTraits)[DType]['array']): Tensor {
  const length = samples[0]?.length ?? 0;
  const all = new type(samples.length * length);
  samples.forEach((sample, i) => {
    all.set(sample, i * length);
  });
  return tensor(all, { shape: [samples.length, length] });
}
