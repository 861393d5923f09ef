// Resizing along one dimension where each element of the result is a weighted sum of several elements: cubic interpolation, and
// filters as wide as what they leave out (antialiasing).
import { ArgumentError } from '../errors.js';
import { native } from '../native.js';
import type { Tensor } from '../tensor.js';
import { generate } from './creation.js';
import { matmul } from './matmul.js';
import { transpose } from './shape.js';
import { checkRoom } from './windows.js';

/** How a dimension of n elements becomes one of `out`. */
export interface Resizing {
  n: number;
  out: number;
  /** The distance of the result's elements in elements of x. */
  step: number;
  align: boolean;
}

/** The weights of one element of the result are written to `row`, which is 0. */
type Fill = (i: number, row: Float64Array) => void;

// Keys' cubic convolution with the parameter a ("Cubic convolution interpolation for digital image processing", 1981).
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
}

const linear = (x: number): number => Math.max(0, 1 - Math.abs(x));
const stepOf = ({ n, out, step, align }: Resizing): number => (align ? (out > 1 ? (n - 1) / (out - 1) : 0) : step);

/** @internal Four elements around each place, those beyond an end being the last one; a is PyTorch's -0.75. */
export function cubicTaps(r: Resizing): Fill {
  const step = stepOf(r);
  return (i, row) => {
    const place = r.align ? i * step : (i + 0.5) * step - 0.5;
    const first = Math.floor(place) - 1;
    for (let tap = first; tap < first + 4; tap++) {
      const at = Math.min(Math.max(tap, 0), r.n - 1);
      row[at] = (row[at] as number) + cubic(place - tap, -0.75);
    }
  };
}

/** @internal All elements that a filter reaches which is as wide as the step, as Pillow has it; a is -0.5. */
export function smoothTaps(r: Resizing, isCubic: boolean): Fill {
  const step = stepOf(r);
  const width = Math.max(step, 1);
  const support = (isCubic ? 2 : 1) * width;
  return (i, row) => {
    const center = (i + 0.5) * step;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), r.n);
    let total = 0;
    for (let at = start; at < end; at++) {
      const x = (at - center + 0.5) / width;
      row[at] = isCubic ? cubic(x, -0.5) : linear(x);
      total += row[at] as number;
    }
    for (let at = start; at < end; at++) row[at] = (row[at] as number) / total;
  };
}

/** @internal The weighted sums along a dimension: a product with the matrix of all weights. */
export function weighed(operation: string, x: Tensor, dim: number, { n, out }: Resizing, fill: Fill): Tensor {
  if (out * n >= native.limits.positions) {
    const rule = `the sizes before and after must have a product below ${native.limits.positions}`;
    throw new ArgumentError(`${operation}: ${rule}, got ${n} and ${out}`);
  }
  checkRoom(
    x.dims.map((size, i) => (i === dim ? out : size)),
    x.dtype,
  );
  const row = new Float64Array(n);
  const weights = generate([out, n], x.dtype, (k) => {
    if (k % n === 0) fill(k / n, row.fill(0));
    return row[k % n] as number;
  });
  const last = x.rank - 1;
  if (dim === last) return matmul(x, weights, { transposeB: true });
  return transpose(matmul(transpose(x, dim, last), weights, { transposeB: true }), dim, last);
}
