// What operations over images share: options for each spatial dimension, and the resulting sizes.
import type { DType } from '../dtype.js';
import { ArgumentError, checkFlag, checkInteger, describe, formatShape, ShapeError } from '../errors.js';
import { native } from '../native.js';
import { copyOf, type Shape, sizeOf } from '../shape.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import { generate } from './creation.js';
import { indexSelect } from './indexing.js';

/** One number for all spatial dimensions, or one for each. */
export type PerDimension = number | readonly number[];

/** One spatial dimension: output i reads the elements i · stride + tap · dilation - pad of the input. */
export interface Axis {
  in: number;
  out: number;
  taps: number;
  stride: number;
  pad: number;
  dilation: number;
}

/** The dimension of height 1 that a sequence has as an image. */
export const flatAxis: Axis = { in: 1, out: 1, taps: 1, stride: 1, pad: 0, dilation: 1 };

const dimensionNames: Record<number, readonly string[]> = {
  1: ['length'],
  2: ['height', 'width'],
  3: ['depth', 'height', 'width'],
};

/** @internal The names of spatial dimensions in a shape, each after a word. */
export function spatialNames(rank: number, word = ''): string {
  return (dimensionNames[rank] as readonly string[]).map((name) => `${word}${name}`).join(', ');
}

/** 'depth', 'height' or 'width', or 'length' for sequences. */
export function dimensionName(rank: number, i: number): string {
  return dimensionNames[rank]?.[i] as string;
}

const perDimensionRules: Record<number, string> = {
  1: 'a number or an array of 1',
  2: 'a number or a pair, one for each of height and width',
  3: 'a number or an array of 3, one for each of depth, height and width',
};

/** Checks an option and gives its value for each of `rank` dimensions. */
export function perDimension(operation: string, name: string, value: unknown, rank: number, min: number): number[] {
  if (!Array.isArray(value)) {
    checkInteger(operation, name, value, min);
    return Array.from({ length: rank }, () => value as number);
  }
  const copy = copyOf(value);
  if (copy?.length !== rank) {
    const rule = perDimensionRules[rank] as string;
    throw new ArgumentError(`${operation}: ${name} must be ${rule}, got ${describe(value)}`);
  }
  for (const n of copy) checkInteger(operation, `each ${name}`, n, min);
  return copy as number[];
}

/** The checks of window options that a layer can make without an input. */
export function checkWindowOptions(operation: string, options: object | undefined, rank: number): void {
  const o = (options ?? {}) as Record<string, unknown>;
  for (const [name, min] of [
    ['stride', 1],
    ['padding', 0],
    ['dilation', 1],
  ] as const) {
    if (o[name] !== undefined) perDimension(operation, name, o[name], rank, min);
  }
  for (const name of ['ceilMode', 'countIncludePad']) if (o[name] !== undefined) checkFlag(operation, name, o[name]);
  if (o.divisorOverride !== undefined) checkInteger(operation, 'divisorOverride', o.divisorOverride, 1);
}

/** Checks that x is a batch of images or sequences with channels, or a single one, and returns its spatial sizes. */
export function checkImages(operation: string, x: Tensor, rank: number): number[] {
  checkTensor(operation, 'x', x);
  checkFloat(operation, 'x', x);
  if (x.rank !== rank + 2 && x.rank !== rank + 1) {
    const sizes = `channels, ${spatialNames(rank)}`;
    throw new ShapeError(`${operation}: x must be [batch, ${sizes}] or [${sizes}], got x ${formatShape(x.dims)}`);
  }
  return x.dims.slice(-rank);
}

/** The elements of the padded input that a kernel spans. */
export function span(axis: Pick<Axis, 'taps' | 'dilation'>): number {
  return (axis.taps - 1) * axis.dilation + 1;
}

/** @internal A limit as a text: `2^31`, or `2^29 - 1`. */
export function asPower(limit: number): string {
  const bits = Math.ceil(Math.log2(limit));
  return 2 ** bits === limit ? `2^${bits}` : `2^${bits} - ${2 ** bits - limit}`;
}

/** @internal An axis without needless steps; throws for sizes that the kernels cannot count with. */
export function checkAxis(operation: string, name: string, axis: Axis): Axis {
  const { out, taps } = axis;
  const checked = { ...axis, stride: out === 1 ? 1 : axis.stride, dilation: taps === 1 ? 1 : axis.dilation };
  const most = native.limits.axis;
  for (const [what, value, limit] of [
    [name, Math.max(axis.in, out), most],
    ['kernelSize', taps, most],
    ['stride', checked.stride, most],
    ['padding', axis.pad, most],
    ['dilation', checked.dilation, most],
    [`padded ${name}`, axis.in + 2 * axis.pad, native.limits.padded],
  ] as const) {
    if (value >= limit) throw new ShapeError(`${operation}: ${what} must be below ${asPower(limit)}, got ${value}`);
  }
  return checked;
}

/** @internal Throws for a result beyond the memory limit, before JavaScript makes arrays of its size. */
export function checkRoom(shape: Shape, dtype: DType): void {
  if (sizeOf(shape) > 2 ** 20) empty(shape, dtype).dispose();
}

/** @internal `length` elements of x along a dimension: element i is x's element at(i). */
export function pick(x: Tensor, dim: number, length: number, at: (i: number) => number): Tensor {
  checkRoom(
    x.dims.map((n, i) => (i === dim ? length : n)),
    x.dtype,
  );
  return indexSelect(x, dim, generate([length], 'int32', at));
}

/** An axis for height and one for width; a sequence has height 1. */
export function asImage(axes: readonly Axis[]): [Axis, Axis] {
  return axes.length === 1 ? [flatAxis, axes[0] as Axis] : [axes[0] as Axis, axes[1] as Axis];
}
