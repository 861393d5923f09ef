// What TensorBoard shows of values: how often which occur.
import { dtypeOfArray } from '../arrays.js';
import type { TypedArray } from '../dtype.js';
import { ArgumentError, checkInteger, checkNumber, describe } from '../errors.js';
import { checkTensor, Tensor } from '../tensor.js';
import type { HistogramParts } from './tensorboard-proto.js';

/** How a histogram is cut. */
export interface HistogramOptions {
  /** The number of equal bins between the least and the greatest value; default bins that grow by 10 %, from 1e-12 to 1e20. */
  bins?: number;
}

/** Numbers of a tensor, a typed array or an array. */
export function numbersOf(operation: string, name: string, values: unknown): ArrayLike<number> {
  if (values instanceof Tensor) return checkTensor(operation, name, values).toTypedArray();
  if (dtypeOfArray(values) !== undefined) return values as TypedArray;
  if (!Array.isArray(values)) {
    throw new ArgumentError(
      `${operation}: ${name} must be a tensor, a typed array or an array of numbers, got ${describe(values)}`,
    );
  }
  return Array.from(values, (v: unknown, i) => {
    if (typeof v === 'number') return v;
    throw new ArgumentError(`${operation}: ${name}[${i}] must be a number, got ${describe(v)}`);
  });
}

/** The limits of TensorFlow's bins, as PyTorch has them: 0 lies in a bin of its own width. */
function growingLimits(): number[] {
  const positive: number[] = [];
  for (let v = 1e-12; v < 1e20; v *= 1.1) positive.push(v);
  return [...positive.map((v) => -v).reverse(), 0, ...positive];
}

let growing: number[] | undefined;

/** Counts values. A bin has its lower limit and not its upper one; the last one has both. */
export function histogramOf(operation: string, values: ArrayLike<number>, options: HistogramOptions): HistogramParts {
  if (options.bins !== undefined) checkInteger(operation, 'bins', options.bins, 1, 10_000);
  if (values.length === 0) throw new ArgumentError(`${operation}: values must be at least one number, got none`);
  const parts = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0, sumSquares: 0 };
  for (let i = 0; i < values.length; i++) {
    const v = checkNumber(operation, `values[${i}]`, values[i]);
    parts.min = Math.min(parts.min, v);
    parts.max = Math.max(parts.max, v);
    parts.sum += v;
    parts.sumSquares += v * v;
  }
  growing ??= growingLimits();
  const limits = options.bins === undefined ? growing : equalLimits(parts.min, parts.max, options.bins);
  const counts = new Array<number>(limits.length - 1).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = binOf(limits, values[i] as number);
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { ...parts, count: values.length, ...trimmed(limits, counts) };
}

function equalLimits(min: number, max: number, bins: number): number[] {
  const [low, high] = min < max ? [min, max] : [min - 0.5, max + 0.5];
  return Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + ((high - low) / bins) * i));
}

/** The bin of a value; those beyond the limits are in the first or the last one. */
function binOf(limits: readonly number[], value: number): number {
  let [low, high] = [0, limits.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((limits[middle] as number) <= value) low = middle;
    else high = middle;
  }
  return low;
}

// TensorBoard takes upper limits only: an empty bin before the first one says where that begins. Empty bins beside each other are one.
function trimmed(limits: readonly number[], counts: readonly number[]): { limits: number[]; counts: number[] } {
  const last = counts.findLastIndex((n) => n > 0);
  const places = [...counts.keys()].filter((i) => i <= last && (counts[i] !== 0 || counts[i + 1] !== 0));
  const shown = counts[0] === 0 ? [] : [0]; // the lower limit of the first bin
  return {
    limits: [...shown, ...places.map((i) => i + 1)].map((i) => limits[i] as number),
    counts: [...shown, ...places.map((i) => counts[i] as number)],
  };
}
