import { type ConvertedDimArguments, optionsOf } from '../arguments.js';
import { fusedGradients } from '../autograd/fused.js';
import { record } from '../autograd/tape.js';
import { checkFault } from '../context.js';
import { type DType, isFloat } from '../dtype.js';
import { ArgumentError, checkFlag, describe } from '../errors.js';
import { type Fault, type Kernel, kernel } from '../native.js';
import { checkDim, dimsOf, type Shape, sizeOf, sizesAround } from '../shape.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import { expandTo, sumTo } from './broadcast.js';
import { convertedTo } from './copy.js';
import { ones } from './creation.js';
import { mul } from './elementwise.js';
import { permute, reshape } from './shape.js';
import { cat, slice } from './shape-slice.js';

/** The dimensions to reduce. */
export interface ReduceOptions {
  /** One dimension or several, negative ones counted from the end; default: all. */
  dim?: number | readonly number[];
  /** Whether reduced dimensions are kept, with size 1; default false. */
  keepDim?: boolean;
}

/** The dimensions to reduce and `keepDim`, by position or in options. */
export type ReduceArguments =
  | [options?: ReduceOptions]
  | [dim: number | readonly number[], options?: { keepDim?: boolean }]
  | [dim: number | readonly number[], keepDim: boolean];

/** The same, and the dtype that elements get before they are added or multiplied. */
export interface TotalOptions extends ReduceOptions {
  /** What x is converted to first; default: x's dtype. */
  dtype?: DType;
}

/** The dimensions of a sum, a mean or a product: by position and then the other options, or all in options. */
export type TotalArguments =
  | [options?: TotalOptions]
  | [dim: number | readonly number[], options?: Omit<TotalOptions, 'dim'>]
  | [dim: number | readonly number[], keepDim: boolean, options?: { dtype?: DType }];

/** @internal x as the options of a sum, a mean or a product want it, and these options. */
export function converted(name: string, x: Tensor, args: readonly unknown[]): { x: Tensor; options: ReduceOptions } {
  checkTensor(name, 'x', x);
  const options = optionsOf<TotalOptions>(name, args, ['dim', 'keepDim'], ['dtype']);
  return { x: convertedTo(name, x, options.dtype), options };
}

/** The same where the dimensions must be given. */
export type RequiredReduceArguments =
  | Exclude<ReduceArguments, [options?: ReduceOptions]>
  | [options: ReduceOptions & { dim: number | readonly number[] }];

/** @internal A reduction as the kernels see it: x [outer][n][inner] along n. */
export interface Layout {
  x: Tensor;
  outer: number;
  n: number;
  inner: number;
  /** The result's shape. */
  shape: Shape;
  /** The result's shape with the reduced dimensions as 1: it broadcasts to x. */
  kept: Shape;
  /** The order of dimensions that moves the reduced ones to the end; null if they are adjacent already. */
  order: readonly number[] | null;
}

function checkDims(operation: string, dim: number | readonly number[], rank: number): number[] {
  const dims = dimsOf(operation, dim, rank).sort((a, b) => a - b);
  if (dims.length === 0) throw new ArgumentError(`${operation}: dim must name at least one dimension, got []`);
  if (new Set(dims).size !== dims.length) {
    throw new ArgumentError(`${operation}: dim must name each dimension once, got ${describe(dim)}`);
  }
  return rank === 0 ? [] : dims;
}

function plan(operation: string, x: Tensor, args: readonly unknown[]): Layout {
  checkTensor(operation, 'x', x);
  return planned(operation, x, optionsOf<ReduceOptions>(operation, args, ['dim', 'keepDim']));
}

function planned(operation: string, x: Tensor, options: ReduceOptions): Layout {
  const keepDim = checkFlag(operation, 'keepDim', options.keepDim, false);
  if (options.dim === undefined) {
    const kept = x.dims.map(() => 1);
    return { x, outer: 1, n: x.size, inner: 1, shape: keepDim ? kept : [], kept, order: null };
  }
  const dims = checkDims(operation, options.dim, x.rank);
  const reduced = (d: number): boolean => dims.includes(d);
  const kept = x.dims.map((n, d) => (reduced(d) ? 1 : n));
  const others = x.dims.filter((_, d) => !reduced(d));
  const shape = keepDim ? kept : others;
  const first = dims[0] ?? 0;
  const last = first + dims.length;
  if (dims.every((d, i) => d === first + i)) {
    const outer = sizeOf(x.dims.slice(0, first));
    const inner = sizeOf(x.dims.slice(last));
    return { x, outer, n: sizeOf(x.dims.slice(first, last)), inner, shape, kept, order: null };
  }
  const order = [...x.dims.keys()].filter((d) => !reduced(d)).concat(dims);
  return { x, outer: sizeOf(others), n: sizeOf(dims.map((d) => x.dims[d] as number)), inner: 1, shape, kept, order };
}

/** @internal The layout for kernels that reduce one run of dimensions; x and `kept` are permuted if necessary. */
export function layout(operation: string, x: Tensor, options: ReduceOptions): Layout {
  return neighbours(planned(operation, x, options));
}

function neighbours(l: Layout): Layout {
  if (l.order === null) return l;
  return { ...l, x: permute(l.x, l.order), kept: l.order.map((d) => l.kept[d] as number), order: null };
}

/** @internal Runs a kernel `(y, x, outer, n, inner)`. */
export function reduceWith(run: Kernel, { x, outer, n, inner, shape }: Layout, dtype: DType = x.dtype): Tensor {
  const y = empty(shape, dtype);
  run(y.handle, x.handle, outer, n, inner);
  return y;
}

/** @internal A result, or its gradient, stretched back over the reduced dimensions. */
export function stretch(dy: Tensor, kept: Shape, xShape: Shape): Tensor {
  return expandTo(reshape(dy, kept), xShape);
}

// Sums and products of integers are int32: wider than uint8, and never wrapped.
function checkInt32(operation: string, fault: Fault | undefined): void {
  checkFault(fault, ({ value, position }) => {
    const rule = 'a result of integers must fit in int32';
    return new ArgumentError(
      `${operation}: ${rule}, got ${value} (element ${position}); convert it first: x.to('float64')`,
    );
  });
}

function total(operation: string, run: Kernel, l: Layout): Tensor {
  if (isFloat(l.x.dtype)) return reduceWith(run, l);
  const y = empty(l.shape, 'int32');
  checkInt32(operation, run(y.handle, l.x.handle, l.outer, l.n, l.inner));
  return y;
}

const sumKernel = kernel('sum', 'y x outer n inner');

/**
 * Sum of the elements: y = Σ x. An empty sum is 0. float32 is added in blocks, and the blocks in double; integers give int32
 * (PyTorch: int64, which this library does not have).
 *
 * @param args dim (default all), keepDim (default false); option: dtype (x's)
 * @throws ArgumentError when a sum of integers does not fit in int32: it never wraps
 * @example
 * tensor([[1, 2], [3, 4]]).sum(0); // [4, 6]
 */
export function sum(given: Tensor, ...args: TotalArguments): Tensor {
  const { x, options } = converted('sum', given, args);
  const l = planned('sum', x, options);
  if (!isFloat(x.dtype)) return total('sum', sumKernel, neighbours(l));
  const { kept } = l;
  if (l.order !== null) return reshape(sumTo(x, kept), l.shape);
  const xShape = x.dims;
  return record('sum', reduceWith(sumKernel, l), [x], (dy) => [stretch(dy, kept, xShape)]);
}

const meanKernel = kernel('mean', 'y x outer n inner');

/**
 * Arithmetic mean: y = Σ x / n. The mean of no elements is NaN.
 *
 * @param args dim (default all), keepDim (default false); option: dtype (x's)
 */
export function mean(given: Tensor, ...args: TotalArguments): Tensor {
  const { x, options } = converted('mean', given, args);
  checkFloat('mean', 'x', x);
  const l = planned('mean', x, options);
  const { n, kept, shape } = l;
  if (l.order !== null) return mul(reshape(sumTo(x, kept), shape), 1 / n);
  const xShape = x.dims;
  return record('mean', reduceWith(meanKernel, l), [x], (dy) => [stretch(mul(dy, 1 / n), kept, xShape)]);
}

const prodKernel = kernel('prod', 'y x outer n inner');
const prodBackwardKernel = kernel('prodBackward', 'dx dy x outer n inner');

/**
 * Product of the elements: y = Π x. An empty product is 1; integers give int32. The gradient, the product of all other
 * elements, is right for zeros too.
 *
 * @param args dim (default all), keepDim (default false); option: dtype (x's)
 * @throws ArgumentError when a product of integers does not fit in int32: it never wraps around
 */
export function prod(given: Tensor, ...args: TotalArguments): Tensor {
  const { x, options } = converted('prod', given, args);
  const l = neighbours(planned('prod', x, options));
  const { outer, n, inner, kept } = l;
  const values = l.x;
  const backward = (dy: Tensor) => {
    const gradient = () => {
      const dx = empty(values.dims, values.dtype);
      prodBackwardKernel(dx.handle, dy.handle, values.handle, outer, n, inner);
      return [dx];
    };
    return fusedGradients('prod', [dy, values], gradient, (dy, values) => [
      mul(reshape(dy, kept), otherProducts(values, outer, n, inner)),
    ]);
  };
  return record('prod', total('prod', prodKernel, l), [values], backward, [values]);
}

// For each element the product of all before it times that of all after it, without a division: log n multiplications each.
function otherProducts(x: Tensor, outer: number, n: number, inner: number): Tensor {
  const table = reshape(x, [outer, n, inner]);
  const shift = (t: Tensor, by: number): Tensor => {
    const filler = ones([outer, Math.abs(by), inner], { dtype: x.dtype });
    const parts = by > 0 ? [filler, slice(t, { dim: 1, end: n - by })] : [slice(t, { dim: 1, start: -by }), filler];
    return cat(parts, { dim: 1 });
  };
  const running = (sign: number): Tensor => {
    let product = n > 0 ? shift(table, sign) : table;
    for (let by = 1; by < n; by *= 2) product = mul(product, shift(product, sign * by));
    return product;
  };
  return reshape(mul(running(1), running(-1)), x.dims);
}

const anyKernel = kernel('any', 'y x outer n inner');
const allKernel = kernel('all', 'y x outer n inner');

/** Whether any element is not 0 (NaN counts as not 0), as uint8; false without elements. */
export function any(x: Tensor, ...args: ReduceArguments): Tensor {
  return reduceWith(anyKernel, neighbours(plan('any', x, args)), 'uint8');
}

/** Whether all elements are not 0 (NaN counts as not 0), as uint8; true without elements. */
export function all(x: Tensor, ...args: ReduceArguments): Tensor {
  return reduceWith(allKernel, neighbours(plan('all', x, args)), 'uint8');
}

const cumsumKernel = kernel('cumsum', 'y x outer n inner reverse');

/** @internal The dimension of a call that may convert x first, and x converted. */
export function convertedAlong(name: string, x: Tensor, args: readonly unknown[]): { x: Tensor; dim: number } {
  checkTensor(name, 'x', x);
  const { dim, dtype } = optionsOf<{ dim: number; dtype: DType }>(name, args, ['dim'], ['dtype']);
  const d = checkDim(name, dim, x.rank);
  return { x: convertedTo(name, x, dtype), dim: d };
}

/**
 * Running sum along a dimension: yᵢ = x₀ + … + xᵢ, of x's shape. Integers give int32.
 *
 * @param args dim, which must be given; then { dtype }: what x is converted to first
 * @throws ArgumentError when a sum of integers does not fit in int32: it never wraps around
 * @example
 * tensor([1, 2, 3]).cumsum(0); // [1, 3, 6]
 */
export function cumsum(given: Tensor, ...args: ConvertedDimArguments): Tensor {
  const { x, dim } = convertedAlong('cumsum', given, args);
  return running(x, dim, false);
}

// From the front or, for its gradient, from the end.
function running(x: Tensor, dim: number, reverse: boolean): Tensor {
  const { outer, n, inner } = sizesAround(x.dims, dim);
  const isReal = isFloat(x.dtype);
  const y = empty(x.dims, isReal ? x.dtype : 'int32');
  const fault = cumsumKernel(y.handle, x.handle, outer, n, inner, reverse ? 1 : 0);
  if (!isReal) checkInt32('cumsum', fault);
  return record('cumsum', y, [x], (dy) => [running(dy, dim, !reverse)]);
}
