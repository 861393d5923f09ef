// Images read at places that a tensor tells, and the grids of places that affine maps make: spatial transformers.
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkChoice, checkFlag, formatShape, ShapeError } from '../errors.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import { checkFloat, checkSameDType, checkTensor, type Tensor } from '../tensor.js';
import { to } from './copy.js';
import { linspace, ones, zeros } from './creation.js';
import { abs, add, floor, minimum, mul, round, sub } from './elementwise.js';
import { clamp, ge, gt, le, logicalAnd, lt, where } from './elementwise-compare.js';
import { nanToNum } from './elementwise-pairs.js';
import { trunc } from './elementwise-rounding.js';
import { gather } from './indexing.js';
import { matmul } from './matmul.js';
import { expand, reshape, transpose } from './shape.js';
import { select } from './shape-parts.js';
import { cat, stack } from './shape-slice.js';
import { checkRoom } from './windows.js';

/** Options of `affineGrid` and `gridSample`. */
export interface GridOptions {
  /** Whether -1 and 1 are the centres of the first and the last element, in place of their outer edges; default false. */
  alignCorners?: boolean;
}

/** Options of `gridSample`. */
export interface GridSampleOptions extends GridOptions {
  /** Between 2ⁿ elements (default), the nearest one, or for images between 4 · 4. */
  mode?: 'bilinear' | 'nearest' | 'bicubic';
  /** What is outside of x: zeros (default), the nearest element, or x mirrored. */
  paddingMode?: 'zeros' | 'border' | 'reflection';
}

/** size and alignCorners, by position or in options. */
export type AffineGridArguments = Positional<
  GridOptions & { size: Shape },
  [size: 'size', alignCorners: 'alignCorners']
>;

/** mode, paddingMode and alignCorners, by position or in options. */
export type GridSampleArguments = Positional<
  GridSampleOptions,
  [mode: 'mode', paddingMode: 'paddingMode', alignCorners: 'alignCorners']
>;

/**
 * The places where `gridSample` must read, so that its result is x seen through an affine map: grid[n, i, j] = theta[n] ·
 * (x, y, 1), with x and y from -1 to 1 over the result's columns and rows. Jaderberg et al., "Spatial transformer networks",
 * 2015, https://arxiv.org/abs/1506.02025
 *
 * @param theta float [batch, 2, 3], or [batch, 3, 4] for volumes
 * @param args size: of the result, [batch, channels, height, width] or [batch, channels, depth, height, width]; alignCorners
 *   (default false)
 * @returns [batch, height, width, 2] or [batch, depth, height, width, 3]
 * @throws ShapeError when theta and size do not fit each other
 * @example
 * const flip = tensor([[[-1, 0, 0], [0, 1, 0]]]);
 * const grid = nn.functional.affineGrid(flip, [1, 1, 1, 2]); // [[[[0.5, 0], [-0.5, 0]]]]
 */
export function affineGrid(theta: Tensor, ...args: AffineGridArguments): Tensor {
  const name = 'affineGrid';
  checkTensor(name, 'theta', theta);
  checkFloat(name, 'theta', theta);
  const options = optionsOf<GridOptions & { size: Shape }>(name, args, ['size', 'alignCorners']);
  const size = checkShape(name, options.size);
  const align = checkFlag(name, 'alignCorners', options.alignCorners, false);
  const [batch = 0, , ...spatial] = size;
  const rank = spatial.length;
  if ((rank !== 2 && rank !== 3) || size.includes(0)) {
    const rule = 'size must be [batch, channels, height, width] or with depth before them, each at least 1';
    throw new ShapeError(`${name}: ${rule}, got ${formatShape(size)}`);
  }
  if (theta.dims.join() !== [batch, rank, rank + 1].join()) {
    const wanted = `theta must be ${formatShape([batch, rank, rank + 1])} for size ${formatShape(size)}`;
    throw new ShapeError(`${name}: ${wanted}, got theta ${formatShape(theta.dims)}`);
  }
  checkRoom([...spatial, rank + 1], theta.dtype);
  const lines = spatial.map((n, i) => {
    const edge = align ? 1 : (n - 1) / n;
    const line = n === 1 ? zeros([1], { dtype: theta.dtype }) : linspace(-edge, edge, n, { dtype: theta.dtype });
    const shape = spatial.map((m, k) => (k === i ? m : 1));
    return expand(reshape(line, shape), spatial);
  });
  const points = stack([...lines.reverse(), ones(spatial, { dtype: theta.dtype })], -1);
  const grid = matmul(reshape(points, [sizeOf(spatial), rank + 1]), transpose(theta, 1, 2));
  return reshape(grid, [batch, ...spatial, rank]);
}

/**
 * x read at the places in `grid`: y[n, c, i, j] is x[n, c] at column grid[n, i, j, 0] and row grid[n, i, j, 1], where -1 and 1
 * are its edges. The gradient goes to x, and but for mode nearest to grid. Jaderberg et al., "Spatial transformer networks",
 * 2015, https://arxiv.org/abs/1506.02025
 *
 * @param x float [batch, channels, height, width] or [batch, channels, depth, height, width]
 * @param grid of x's dtype, [batch, …the result's sizes, 2], or 3 for volumes
 * @param args mode ('bilinear', or 'nearest', 'bicubic'), paddingMode ('zeros', or 'border', 'reflection'), alignCorners
 *   (default false)
 * @returns [batch, channels, …the result's sizes]
 * @throws ShapeError when x and grid do not fit each other, ArgumentError for bicubic volumes
 * @example
 * const x = tensor([[[[1, 2], [3, 4]]]]);
 * nn.functional.gridSample(x, tensor([[[[0, 0], [0.5, -0.5]]]])); // [[[[2.5, 2]]]]
 */
export function gridSample(x: Tensor, grid: Tensor, ...args: GridSampleArguments): Tensor {
  const name = 'gridSample';
  const options = optionsOf<GridSampleOptions>(name, args, ['mode', 'paddingMode', 'alignCorners']);
  const mode = checkChoice(name, 'mode', options.mode, ['bilinear', 'nearest', 'bicubic'], 'bilinear');
  const padding = checkChoice(name, 'paddingMode', options.paddingMode, ['zeros', 'border', 'reflection'], 'zeros');
  const align = checkFlag(name, 'alignCorners', options.alignCorners, false);
  checkSampled(name, x, grid);
  const [batch, channels, ...sizes] = x.dims as [number, number, ...number[]];
  const rank = sizes.length;
  if (mode === 'bicubic' && rank === 3) {
    throw new ArgumentError(`${name}: mode bicubic needs x of 4 dimensions, got x ${formatShape(x.dims)}`);
  }
  const outs = grid.dims.slice(1, -1);
  const shape = [batch, channels, ...outs];
  const count = sizeOf(outs);
  const points = reshape(grid, [batch, count, rank]);
  const planes = reshape(x, [batch, channels, sizeOf(sizes)]);
  // Taps outside read a zero behind the plane.
  const source = padding === 'zeros' ? cat([planes, zeros([batch, channels, 1], { dtype: x.dtype })], 2) : planes;
  let y: Tensor | null = null;
  for (const { at, inside, weight } of tapsOf(points, sizes, { mode, padding, align })) {
    const index = inside === null ? at : where(inside, at, sizeOf(sizes));
    const values = gather(source, 2, expand(reshape(index, [batch, 1, count]), [batch, channels, count]));
    const part = weight === null ? values : mul(values, reshape(weight, [batch, 1, count]));
    y = y === null ? part : add(y, part);
  }
  return reshape(y as Tensor, shape);
}

function checkSampled(name: string, x: Tensor, grid: Tensor): void {
  checkTensor(name, 'x', x);
  checkTensor(name, 'grid', grid);
  checkFloat(name, 'x', x);
  checkSameDType(name, ['x', 'grid'], [x, grid]);
  const rank = x.rank - 2;
  if (rank !== 2 && rank !== 3) {
    throw new ShapeError(
      `${name}: x must be [batch, channels, height, width] or with depth before them, got x ${formatShape(x.dims)}`,
    );
  }
  if (x.dims.slice(2).includes(0)) throw new ShapeError(`${name}: x must not be empty, got x ${formatShape(x.dims)}`);
  if (grid.rank !== x.rank || grid.dims[0] !== x.dims[0] || grid.dims.at(-1) !== rank) {
    const rule = `grid must be [${x.dims[0]}, ${rank === 2 ? 'height, width, 2' : 'depth, height, width, 3'}]`;
    throw new ShapeError(`${name}: ${rule} for x ${formatShape(x.dims)}, got grid ${formatShape(grid.dims)}`);
  }
}

// How places become elements.
interface Reading {
  mode: 'bilinear' | 'nearest' | 'bicubic';
  padding: 'zeros' | 'border' | 'reflection';
  align: boolean;
}

// One of the elements that each place reads, all [batch, count].
interface Tap {
  /** int32, in the flattened plane; within it even for places outside. */
  at: Tensor;
  /** Whether it is; null where padding makes sure of it. */
  inside: Tensor | null;
  /** Its share; null for 1. */
  weight: Tensor | null;
}

// The taps of all dimensions: each of one with each of the others.
function tapsOf(points: Tensor, sizes: readonly number[], reading: Reading): Tap[] {
  const both = (a: Tensor | null, b: Tensor | null, join: (a: Tensor, b: Tensor) => Tensor): Tensor | null =>
    a === null || b === null ? (a ?? b) : join(a, b);
  return sizes
    .map((n, i) => lineTaps(place(select(points, -1, sizes.length - 1 - i), n, reading.align), n, reading))
    .reduce((all, line, i) =>
      all.flatMap((outer) =>
        line.map((inner) => ({
          at: add(mul(outer.at, sizes[i] as number), inner.at),
          inside: both(outer.inside, inner.inside, logicalAnd),
          weight: both(outer.weight, inner.weight, mul),
        })),
      ),
    );
}

// From [-1, 1] to elements.
function place(c: Tensor, n: number, align: boolean): Tensor {
  return align ? mul(add(c, 1), (n - 1) / 2) : sub(mul(add(c, 1), n / 2), 0.5);
}

function lineTaps(given: Tensor, n: number, { mode, padding, align }: Reading): Tap[] {
  const kept = (c: Tensor): Tensor => {
    if (padding === 'zeros') return c;
    return clipped(padding === 'reflection' ? reflected(c, n, align) : c, n);
  };
  const tap = (c: Tensor, weight: Tensor | null): Tap => {
    const inside = padding === 'zeros' ? logicalAnd(ge(c, 0), le(c, n - 1)) : null;
    return { at: to(clamp(c, 0, n - 1), 'int32'), inside, weight };
  };
  if (mode === 'nearest')
    return [
      tap(
        noGrad(() => round(kept(given))),
        null,
      ),
    ];
  if (mode === 'bilinear') {
    const c = kept(given);
    const low = noGrad(() => floor(c));
    const share = sub(c, low);
    return [
      tap(low, sub(1, share)),
      tap(
        noGrad(() => add(low, 1)),
        share,
      ),
    ];
  }
  const low = noGrad(() => floor(given));
  const share = sub(given, low);
  return cubicShares(share).map((weight, i) =>
    tap(
      noGrad(() => kept(add(low, i - 1))),
      weight,
    ),
  );
}

// Into [0, n - 1]. Nothing beyond depends on where it is, the ends included, as in PyTorch; NaN becomes 0.
function clipped(c: Tensor, n: number): Tensor {
  const held = noGrad(() => clamp(nanToNum(c), 0, n - 1));
  return where(logicalAnd(gt(c, 0), lt(c, n - 1)), c, held);
}

// Mirrored at the first and the last element, or at their outer edges, as often as it takes.
function reflected(c: Tensor, n: number, align: boolean): Tensor {
  const [low, span] = align ? [0, n - 1] : [-0.5, n];
  if (span === 0) return c;
  const away = abs(sub(c, low));
  const turns = noGrad(() => trunc(mul(away, 1 / (2 * span))));
  const rest = sub(away, mul(turns, 2 * span));
  return add(minimum(rest, sub(2 * span, rest)), low);
}

// The shares of four elements in a row, for a place between the second and the third: Keys, "Cubic convolution interpolation
// for digital image processing", 1981, with a = -3/4.
function cubicShares(t: Tensor): [Tensor, Tensor, Tensor, Tensor] {
  const near = (d: Tensor): Tensor => add(mul(sub(mul(d, 1.25), 2.25), mul(d, d)), 1);
  const far = (d: Tensor): Tensor => add(mul(sub(mul(add(mul(d, -0.75), 3.75), d), 6), d), 3);
  return [far(add(t, 1)), near(t), near(sub(1, t)), far(sub(2, t))];
}
