// Transforms of vectors and matrices.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, formatShape, ShapeError } from '../errors.js';
import { arange, eye, tensor } from '../ops/creation.js';
import { cholesky } from '../ops/linalg-cholesky.js';
import { diagonalOf, mT } from '../ops/linalg-common.js';
import { pad } from '../ops/padding.js';
import { diagEmbed } from '../ops/shape-diagonal.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import {
  type Constraint,
  corrCholesky,
  independent,
  lowerCholesky,
  positiveDefinite,
  real,
  realVector,
  simplex,
  square,
} from './constraints.js';
import { sumLast } from './distribution.js';
import { tinyOf } from './limits.js';
import { Transform } from './transform.js';

const lastOf = (shape: Shape): number => shape.at(-1) as number;
const withLast = (shape: Shape, n: number): Shape => [...shape.slice(0, -1), n];

/**
 * Vectors of n numbers as vectors of n + 1 probabilities: each takes its share of what the ones before have left.
 *
 * @example
 * const p = new distributions.StickBreakingTransform().forward(zeros([2])); // [1/3, 1/3, 1/3]
 */
export class StickBreakingTransform extends Transform {
  get domain(): Constraint {
    return realVector;
  }
  get codomain(): Constraint {
    return simplex;
  }
  // Moves numbers so that 0 gives equal shares.
  private offset(n: number, like: Tensor): Tensor {
    return arange(n, 0, -1, { dtype: like.dtype }).log();
  }
  protected apply(x: Tensor): Tensor {
    const z = x.sub(this.offset(lastOf(x.dims), x));
    const left = z.softplus(1, 40).neg().cumsum(-1);
    const shares = z.neg().softplus(1, 40).neg();
    return pad(shares, [0, 1])
      .add(pad(left, [1, 0]))
      .exp();
  }
  protected revert(y: Tensor): Tensor {
    const n = lastOf(y.dims) - 1;
    const shares = y.slice({ dim: -1, start: 0, end: n });
    const left = shares
      .cumsum(-1)
      .neg()
      .add(1)
      .clamp({ min: tinyOf(y) });
    return shares.log().sub(left.log()).add(this.offset(n, y));
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    const n = lastOf(x.dims);
    const z = x.sub(this.offset(n, x));
    return y
      .slice({ dim: -1, start: 0, end: n })
      .log()
      .sub(z.add(z.neg().softplus(1, 40)))
      .sum(-1);
  }
  override forwardShape(shape: Shape): Shape {
    return withLast(shape, lastOf(shape) + 1);
  }
  override inverseShape(shape: Shape): Shape {
    return withLast(shape, lastOf(shape) - 1);
  }
}

/**
 * Vectors of n (n - 1) / 2 numbers as Cholesky factors of correlation matrices, [n, n].
 *
 * @example
 * const L = new distributions.CorrCholeskyTransform().forward(zeros([3])); // eye(3)
 */
export class CorrCholeskyTransform extends Transform {
  get domain(): Constraint {
    return realVector;
  }
  get codomain(): Constraint {
    return corrCholesky;
  }
  // The places of x in the matrix below the diagonal, n (n - 1) / 2 elsewhere.
  private places(n: number): Tensor {
    const index = new Int32Array(n * n);
    let next = 0;
    for (let i = 0; i < n * n; i++) index[i] = i % n < Math.floor(i / n) ? next++ : (n * (n - 1)) / 2;
    return tensor(index);
  }
  // The elements below a diagonal, row by row.
  private below(x: Tensor, diagonal: number): Tensor {
    const n = lastOf(x.dims);
    const index = Array.from({ length: n * n }, (_, i) => i).filter((i) => (i % n) - Math.floor(i / n) <= diagonal);
    return x.reshape([...x.dims.slice(0, -2), n * n]).indexSelect(-1, tensor(Int32Array.from(index)));
  }
  private sizeFor(shape: Shape): number {
    const n = (1 + Math.sqrt(1 + 8 * lastOf(shape))) / 2;
    if (Number.isInteger(n)) return n;
    throw new ShapeError(`${this.operation}: x must have n (n - 1) / 2 elements, got x ${formatShape(shape)}`);
  }
  protected apply(x: Tensor): Tensor {
    const n = this.sizeFor(x.dims);
    const eps = x.dtype === 'float64' ? 2 ** -52 : 2 ** -23;
    const corners = x.tanh().clamp(-1 + eps, 1 - eps);
    const r = pad(corners, [0, 1])
      .indexSelect(-1, this.places(n))
      .reshape([...x.dims.slice(0, -1), n, n]);
    const left = r.square().neg().log1p().mul(0.5).cumsum(-1).exp();
    const before = pad(left.slice({ dim: -1, start: 0, end: n - 1 }), [1, 0], { value: 1 });
    return r.add(eye(n, n, { dtype: x.dtype })).mul(before);
  }
  protected revert(y: Tensor): Tensor {
    const n = lastOf(y.dims);
    const left = y.square().cumsum(-1).neg().add(1);
    const before = pad(left.slice({ dim: -1, start: 0, end: n - 1 }), [1, 0], { value: 1 });
    const t = this.below(y, -1).div(this.below(before, -1).sqrt());
    return t.log1p().sub(t.neg().log1p()).mul(0.5);
  }
  protected override logSlope(x: Tensor, y: Tensor): Tensor {
    const left = y.square().cumsum(-1).neg().add(1);
    const sticks = this.below(left, -2).log().sum(-1).mul(0.5);
    const corners = x.add(x.mul(-2).softplus(1, 40)).sub(Math.LN2).sum(-1).mul(-2);
    return sticks.add(corners);
  }
  override forwardShape(shape: Shape): Shape {
    const n = this.sizeFor(shape);
    return [...shape.slice(0, -1), n, n];
  }
  override inverseShape(shape: Shape): Shape {
    const n = lastOf(shape);
    return [...shape.slice(0, -2), (n * (n - 1)) / 2];
  }
}

const below = (x: Tensor): Tensor => x.tril({ diagonal: -1 });

/**
 * Square matrices as lower triangular ones with a positive diagonal: e^x on it, and nothing above it.
 *
 * @example
 * const L = new distributions.LowerCholeskyTransform().forward(zeros([2, 2])); // eye(2)
 */
export class LowerCholeskyTransform extends Transform {
  get domain(): Constraint {
    return square;
  }
  get codomain(): Constraint {
    return lowerCholesky;
  }
  override get bijective(): boolean {
    return false;
  }
  protected apply(x: Tensor): Tensor {
    return below(x).add(diagEmbed(diagonalOf(x).exp()));
  }
  protected revert(y: Tensor): Tensor {
    return below(y).add(diagEmbed(diagonalOf(y).log()));
  }
}

/**
 * Square matrices as positive definite ones: L · Lᵀ, where L is what LowerCholeskyTransform gives.
 *
 * @example
 * const A = new distributions.PositiveDefiniteTransform().forward(zeros([2, 2])); // eye(2)
 */
export class PositiveDefiniteTransform extends LowerCholeskyTransform {
  override get codomain(): Constraint {
    return positiveDefinite;
  }
  protected override apply(x: Tensor): Tensor {
    const L = super.apply(x);
    return L.matmul(mT(L));
  }
  protected override revert(y: Tensor): Tensor {
    return super.revert(cholesky(y));
  }
}

/**
 * The same numbers in another shape, of the last dimensions.
 *
 * @param args inShape, outShape: of equal sizes
 * @throws ArgumentError for sizes that are not equal
 * @example
 * const y = new distributions.ReshapeTransform([6], [2, 3]).forward(zeros([4, 6])); // [4, 2, 3]
 */
export class ReshapeTransform extends Transform {
  readonly inShape: Shape;
  readonly outShape: Shape;

  constructor(...args: Positional<{ inShape: Shape; outShape: Shape }, [inShape: 'inShape', outShape: 'outShape']>) {
    super();
    const options = optionsOf<{ inShape: Shape; outShape: Shape }>(this.operation, args, ['inShape', 'outShape']);
    this.inShape = checkShape(this.operation, options.inShape);
    this.outShape = checkShape(this.operation, options.outShape);
    if (sizeOf(this.inShape) !== sizeOf(this.outShape)) {
      const got = `got ${formatShape(this.inShape)} and ${formatShape(this.outShape)}`;
      throw new ArgumentError(`${this.operation}: inShape and outShape must have the same number of elements, ${got}`);
    }
  }
  get domain(): Constraint {
    return independent(real, this.inShape.length);
  }
  get codomain(): Constraint {
    return independent(real, this.outShape.length);
  }
  private changed(shape: Shape, from: Shape, to: Shape): Shape {
    const cut = shape.length - from.length;
    if (cut < 0 || from.some((n, i) => n !== shape[cut + i])) {
      throw new ShapeError(
        `${this.operation}: the shape must end with ${formatShape(from)}, got ${formatShape(shape)}`,
      );
    }
    return [...shape.slice(0, cut), ...to];
  }
  protected apply(x: Tensor): Tensor {
    return x.reshape(this.forwardShape(x.dims));
  }
  protected revert(y: Tensor): Tensor {
    return y.reshape(this.inverseShape(y.dims));
  }
  protected override logSlope(x: Tensor): Tensor {
    return sumLast(x.mul(0), this.inShape.length);
  }
  override forwardShape(shape: Shape): Shape {
    return this.changed(shape, this.inShape, this.outShape);
  }
  override inverseShape(shape: Shape): Shape {
    return this.changed(shape, this.outShape, this.inShape);
  }
}

/**
 * y = softmax(x) over the last dimension; the inverse gives log(y). There is no Jacobian, because x may be moved freely.
 *
 * @example
 * const y = new distributions.SoftmaxTransform().forward(tensor([0, 0])); // [0.5, 0.5]
 */
export class SoftmaxTransform extends Transform {
  get domain(): Constraint {
    return realVector;
  }
  get codomain(): Constraint {
    return simplex;
  }
  override get bijective(): boolean {
    return false;
  }
  protected apply(x: Tensor): Tensor {
    return x.softmax(-1);
  }
  protected revert(y: Tensor): Tensor {
    return y.log();
  }
}
