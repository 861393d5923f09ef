// Counts in classes, composed of searching.
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import {
  ArgumentError,
  checkEach,
  checkFlag,
  checkInteger,
  checkNumber,
  describe,
  formatShape,
  ShapeError,
} from '../errors.js';
import { native } from '../native.js';
import { type Shape, sameShape, stridesOf } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, Tensor } from '../tensor.js';
import { linspace, ones, zeros } from './creation.js';
import { add, div, mul, sub } from './elementwise.js';
import { eq, ge, logicalAnd, lt, where } from './elementwise-compare.js';
import { scatterAdd } from './indexing.js';
import { sum } from './reduce.js';
import { flatten, reshape } from './shape.js';
import { narrow, select, unbind } from './shape-parts.js';
import { searchsorted } from './sort-search.js';

/** Options of `histogram`. */
export interface HistogramClassOptions {
  /** The ends of the equal classes; default the least and the largest element. Not with a tensor of edges. */
  range?: readonly number[];
  /** What each element counts: of x's shape and dtype; default 1. */
  weight?: Tensor;
  /** Whether the counts are divided by their sum and the widths of the classes; default false. */
  density?: boolean;
}

/** What `histogram` gives. */
export interface Histogram {
  /** For each class, of x's dtype. */
  hist: Tensor;
  /** One more than there are classes. */
  binEdges: Tensor;
}

/** What `histogramdd` gives. */
export interface HistogramOfPoints {
  /** For each class, of x's dtype: one dimension for each coordinate. */
  hist: Tensor;
  /** For each coordinate, one more than there are classes. */
  binEdges: Tensor[];
}

const options = ['range', 'weight', 'density'];

function edgesOf(name: string, x: Tensor, bins: number | Tensor, range: readonly number[] | undefined): Tensor {
  if (bins instanceof Tensor) {
    checkTensor(name, 'bins', bins);
    checkSameDType(name, ['x', 'bins'], [x, bins]);
    if (bins.rank !== 1 || bins.size < 2) {
      throw new ShapeError(`${name}: bins must be a vector of at least two edges, got ${formatShape(bins.dims)}`);
    }
    if (range !== undefined) throw new ArgumentError(`${name}: range must be left out where bins are edges`);
    return bins;
  }
  const n = checkInteger(name, 'bins', bins, 1, 2 ** 24);
  const [min, max] = (range ?? leastAndMost(name, x)) as [number, number];
  const [low, high] = min === max ? [min - 0.5, max + 0.5] : [min, max];
  return linspace(low, high, n + 1, { dtype: x.dtype });
}

// Two ends for each coordinate, or undefined where the elements tell them.
function rangesOf(name: string, range: unknown, coordinates: number): number[] | undefined {
  if (range === undefined) return undefined;
  const many = coordinates === 1 ? 'two finite numbers' : `${2 * coordinates} finite numbers, two for each coordinate`;
  const ends = checkEach(name, 'range', `must be ${many}`, range, (v) => checkNumber(name, 'range', v));
  if (ends.length !== 2 * coordinates || ends.some((end, i) => i % 2 === 1 && end < (ends[i - 1] as number))) {
    throw new ArgumentError(`${name}: range must be ${many}, each two in ascending order, got [${ends.join(', ')}]`);
  }
  return ends;
}

function leastAndMost(name: string, x: Tensor): [number, number] {
  refuseReading(name, 'give range');
  if (x.size === 0) return [0, 0];
  let [min, max] = [Infinity, -Infinity];
  for (const v of x.toTypedArray()) {
    if (Number.isNaN(v)) throw new ArgumentError(`${name}: x must not have NaN unless range is given`);
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return [checkNumber(name, 'the least element', min), checkNumber(name, 'the largest element', max)];
}

function checkWeight(name: string, x: Tensor, weight: Tensor | undefined, shape: Shape): Tensor {
  if (weight === undefined) return ones(shape, { dtype: x.dtype });
  checkTensor(name, 'weight', weight);
  checkSameDType(name, ['x', 'weight'], [x, weight]);
  if (sameShape(weight.dims, shape)) return weight;
  const rule = shape.length === x.rank ? "x's shape" : `the shape ${formatShape(shape)}, one number for each point`;
  const got = `got x ${formatShape(x.dims)} and weight ${formatShape(weight.dims)}`;
  throw new ShapeError(`${name}: weight must have ${rule}, ${got}`);
}

// Which class each value is in: below 0 before the first, at least n behind the last, which includes its end.
function classOf(values: Tensor, edges: Tensor): Tensor {
  const n = edges.size - 1;
  const place = sub(searchsorted(edges, values, { right: true }), 1);
  return where(eq(values, select(edges, 0, n)), n - 1, place);
}

const widthsOf = (edges: Tensor): Tensor =>
  sub(narrow(edges, 0, 1, edges.size - 1), narrow(edges, 0, 0, edges.size - 1));

// The weights of points summed in the class of their coordinates, which are [count] each.
function counted(coordinates: readonly Tensor[], edges: readonly Tensor[], weight: Tensor, density: boolean): Tensor {
  const sizes = edges.map((e) => e.size - 1);
  const total = sizes.reduce((a, n) => a * n, 1);
  if (total >= native.limits.positions) {
    throw new ArgumentError(`histogramdd: there must be fewer than ${native.limits.positions} classes, got ${total}`);
  }
  const strides = stridesOf(sizes);
  let inside: Tensor | undefined;
  let at: Tensor | undefined;
  coordinates.forEach((values, d) => {
    const place = classOf(values, edges[d] as Tensor);
    const isIn = logicalAnd(ge(place, 0), lt(place, sizes[d] as number));
    const step = mul(place, strides[d] as number);
    inside = inside === undefined ? isIn : logicalAnd(inside, isIn);
    at = at === undefined ? step : add(at, step);
  });
  // One more class takes what is outside.
  const index = where(inside as Tensor, at as Tensor, total);
  const all = scatterAdd(zeros([total + 1], { dtype: weight.dtype }), 0, index, flatten(weight));
  const hist = reshape(narrow(all, 0, 0, total), sizes);
  if (!density) return hist;
  const along = (e: Tensor, d: number) => reshape(widthsOf(e), [-1, ...sizes.slice(d + 1).map(() => 1)]);
  return edges.reduce((y, e, d) => div(y, along(e, d)), div(hist, sum(hist)));
}

/**
 * How many elements are in each class; the last class includes its end. It has no gradient.
 *
 * @param bins the number of equal classes, or their edges in ascending order
 * @param args range (default the least and the largest element), weight (default 1), density (default false)
 * @throws StateError without `range` or edges while a step is recorded: it reads values
 * @example
 * histogram(tensor([1, 2, 1]), 2).hist; // [2, 1]
 */
export function histogram(x: Tensor, bins: number | Tensor, ...args: [options?: HistogramClassOptions]): Histogram {
  checkTensor('histogram', 'x', x);
  checkFloat('histogram', 'x', x);
  const o = optionsOf<HistogramClassOptions>('histogram', args, [], options);
  const density = checkFlag('histogram', 'density', o.density, false);
  const range = rangesOf('histogram', o.range, 1);
  return noGrad(() => {
    const weight = checkWeight('histogram', x, o.weight, x.dims);
    const binEdges = edgesOf('histogram', x, bins, range);
    return { hist: counted([flatten(x)], [binEdges], weight, density), binEdges };
  });
}

/** Options of `histogramdd`. */
export interface HistogramddOptions {
  /** The ends of the equal classes, two for each coordinate; default the least and the largest. Not with tensors of edges. */
  range?: readonly number[];
  /** What each point counts: x's shape without the last dimension; default 1. */
  weight?: Tensor;
  /** Whether the counts are divided by their sum and the volumes of the classes; default false. */
  density?: boolean;
}

/**
 * How many points are in each class of a grid; the last class along each coordinate includes its end. It has no gradient.
 *
 * @param x […, n], float: points of n coordinates
 * @param bins the number of equal classes along each coordinate, one for all or a list; or a list of their edges in ascending
 *   order
 * @param args range (default the least and the largest of each coordinate), weight (default 1), density (default false)
 * @returns hist with n dimensions, and binEdges, n vectors
 * @throws StateError without `range` or edges while a step is recorded: it reads values
 * @example
 * histogramdd(tensor([[0, 0], [1, 1], [1, 0]]), 2).hist; // [[1, 0], [1, 1]]
 */
export function histogramdd(
  x: Tensor,
  bins: number | readonly (number | Tensor)[],
  ...args: [options?: HistogramddOptions]
): HistogramOfPoints {
  const name = 'histogramdd';
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  const o = optionsOf<HistogramddOptions>(name, args, [], options);
  const density = checkFlag(name, 'density', o.density, false);
  const n = x.rank < 2 ? 0 : (x.dims.at(-1) as number);
  if (n === 0)
    throw new ShapeError(`${name}: x must have points of at least one coordinate, got x ${formatShape(x.dims)}`);
  const list = typeof bins === 'number' ? new Array<number>(n).fill(bins) : bins;
  if (!Array.isArray(list) || list.length !== n) {
    const got = Array.isArray(list) ? `${list.length}` : describe(list);
    throw new ArgumentError(`${name}: bins must be a number or a list of one for each of ${n} coordinates, got ${got}`);
  }
  const range = rangesOf(name, o.range, n);
  return noGrad(() => {
    const weight = checkWeight(name, x, o.weight, x.dims.slice(0, -1));
    const columns = unbind(reshape(x, [x.size / n, n]), 1);
    const binEdges = columns.map((v, d) =>
      edgesOf(name, v, list[d] as number | Tensor, range?.slice(2 * d, 2 * d + 2)),
    );
    return { hist: counted(columns, binEdges, weight, density), binEdges };
  });
}
