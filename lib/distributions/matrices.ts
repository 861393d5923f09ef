// Distributions of matrices and of vectors of probabilities that are made of normal and gamma variables.
import { optionsOf, type Positional } from '../arguments.js';
import { checkInteger, formatShape, ShapeError } from '../errors.js';
import type { Operand } from '../ops/broadcast.js';
import { arange } from '../ops/creation.js';
import { where } from '../ops/elementwise-compare.js';
import { mvlgamma } from '../ops/elementwise-gamma.js';
import { digamma, lgamma } from '../ops/elementwise-special.js';
import { cholesky } from '../ops/linalg-cholesky.js';
import { diagonalOf, mT } from '../ops/linalg-common.js';
import { solveTriangular } from '../ops/linalg-triangular.js';
import { randn } from '../ops/random.js';
import { diagEmbed } from '../ops/shape-diagonal.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { flagOf, TransformedDistribution } from './composite.js';
import {
  type Constraint,
  checkSatisfied,
  corrCholesky,
  greaterThan,
  positive,
  positiveDefinite,
} from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { tinyOf } from './limits.js';
import {
  type Covariance,
  type CovarianceName,
  covarianceNames,
  covarianceOf,
  covarianceRules,
  halfLogDet,
  trilOf,
} from './multivariate.js';
import { Normal } from './normal.js';
import { Parametric, Reparameterized } from './parametric.js';
import { logGammas } from './samplers.js';
import { StickBreakingTransform } from './transforms-vectors.js';

/** Arguments of `Wishart`. */
export type WishartArguments =
  | [df: Operand, covarianceMatrix: Tensor, options?: Validation]
  | [df: Operand, options: Covariance & Validation]
  | [options: { df: Operand } & Covariance & Validation];

// Σ ψ(x - j / 2) over j < p, the derivative of mvlgamma.
const mvdigamma = (x: Tensor, p: number): Tensor =>
  digamma(x.unsqueeze(-1).sub(arange(0, p, { dtype: x.dtype }).mul(0.5))).sum(-1);

/**
 * The Wishart distribution, of the sum of x · xᵀ of df normal vectors x. `rsample` is differentiable.
 *
 * @param args df: more than n - 1; covarianceMatrix: […, n, n], or { precisionMatrix } or { scaleTril } instead; option: validateArgs
 * @throws ArgumentError for a df that is too small, or a covariance that is not positive definite
 * @example
 * const S = new distributions.Wishart(3, eye(2)).sample(); // [2, 2]
 */
export class Wishart extends Reparameterized<'df', CovarianceName> {
  constructor(...args: WishartArguments) {
    super(args, { rules: { df: positive, ...covarianceRules }, either: covarianceNames }, (given) => {
      const { name, matrix } = covarianceOf(given);
      const sizes = matrix.dims.slice(-2);
      if (sizes[0] === sizes[1] && sizes[0] !== 0) return sizes;
      throw new ShapeError(`distributions.Wishart: ${name} must be square matrices, got ${formatShape(matrix.dims)}`);
    });
    if (this.validated) checkSatisfied(this.operation, 'df', this.df, () => greaterThan(this.n - 1));
  }
  private get n(): number {
    return this.eventShape[0] as number;
  }
  /** The degrees of freedom. */
  get df(): Tensor {
    return this.parameters.df;
  }
  /** The lower Cholesky factor of the covariance of x. */
  get scaleTril(): Tensor {
    return trilOf(this.parameters);
  }
  /** The covariance of x. */
  get covarianceMatrix(): Tensor {
    const L = this.scaleTril;
    return L.matmul(mT(L));
  }
  get support(): Constraint {
    return positiveDefinite;
  }
  override get mean(): Tensor {
    return this.covarianceMatrix.mul(this.df.unsqueeze(-1).unsqueeze(-1));
  }
  override get mode(): Tensor {
    const factor = this.df.sub(this.n + 1);
    const valid = where(factor.gt(0), factor, Number.NaN);
    return this.covarianceMatrix.mul(valid.unsqueeze(-1).unsqueeze(-1));
  }
  override get variance(): Tensor {
    const V = this.covarianceMatrix;
    const d = diagonalOf(V);
    const products = d.unsqueeze(-1).mul(d.unsqueeze(-2));
    return V.square().add(products).mul(this.df.unsqueeze(-1).unsqueeze(-1));
  }
  // Bartlett's decomposition.
  protected override draw(shape: Shape, source: Source): Tensor {
    const degrees = this.df.unsqueeze(-1).sub(arange(0, this.n, { dtype: this.dtype }));
    const roots = logGammas(degrees.mul(0.5), shape.slice(0, -1), source).add(Math.LN2).mul(0.5).exp();
    const noise = randn(shape, { dtype: this.dtype, ...source }).tril({ diagonal: -1 });
    const factor = this.scaleTril.matmul(noise.add(diagEmbed(roots)));
    return factor.matmul(mT(factor));
  }
  protected override logDensity(value: Tensor): Tensor {
    const { n, df, scaleTril: L } = this;
    const X = cholesky(value);
    const norm = df.mul(halfLogDet(L).add(0.5 * n * Math.LN2)).add(mvlgamma(df.mul(0.5), n));
    const trace = solveTriangular(L, X, { upper: false }).square().sum([-2, -1]);
    return df
      .sub(n + 1)
      .mul(halfLogDet(X))
      .sub(norm)
      .sub(trace.mul(0.5));
  }
  override entropy(): Tensor {
    const { n, df, scaleTril: L } = this;
    const half = df.mul(0.5);
    const scale = halfLogDet(L)
      .add(0.5 * n * Math.LN2)
      .mul(n + 1);
    const spread = df
      .sub(n + 1)
      .mul(0.5)
      .mul(mvdigamma(half, n));
    return scale.add(mvlgamma(half, n)).sub(spread).add(half.mul(n));
  }
}

/**
 * Cholesky factors L of random correlation matrices C = L · Lᵀ with density proportional to det(C)^(concentration - 1): Lewandowski,
 * Kurowicka, Joe, "Generating random correlation matrices based on vines and extended onion method", 2009.
 *
 * @param args dim: the number of rows, at least 2; concentration (1); option: validateArgs
 * @throws ArgumentError for a concentration that is not greater than 0
 * @example
 * const L = new distributions.LKJCholesky(3, 0.5).sample(); // [3, 3]
 */
export class LKJCholesky extends Parametric<'concentration'> {
  /** The number of rows. */
  readonly dim: number;

  constructor(
    ...args: Positional<
      { dim: number; concentration?: Operand } & Validation,
      [dim: 'dim', concentration: 'concentration']
    >
  ) {
    const plan = { rules: { concentration: positive }, defaults: { concentration: 1 }, leading: ['dim'] };
    super(args, plan, (_, options) => {
      const n = checkInteger('distributions.LKJCholesky', 'dim', options.dim, 2, 2 ** 15);
      return [n, n];
    });
    this.dim = this.eventShape[0] as number;
  }
  /** How near the matrices are to the identity. */
  get concentration(): Tensor {
    return this.parameters.concentration;
  }
  get support(): Constraint {
    return corrCholesky;
  }
  // The onion method: each row is a direction and a length.
  protected override draw(shape: Shape, source: Source): Tensor {
    const n = this.dim;
    const order = arange(0, n, { dtype: this.dtype });
    const rows = shape.slice(0, -1);
    const inside = order.sub(1).clamp({ min: 0 });
    const one = logGammas(inside.add(1).mul(0.5), rows, source);
    const rest = this.concentration
      .add(0.5 * (n - 2))
      .unsqueeze(-1)
      .sub(inside.mul(0.5));
    const y = one.sub(logGammas(rest, rows, source)).sigmoid();
    const noise = randn(shape, { dtype: this.dtype, ...source }).tril({ diagonal: -1 });
    const length = noise.square().sum(-1, { keepDim: true }).sqrt();
    const direction = noise.div(where(length.gt(0), length, 1));
    const w = direction.mul(y.sqrt().unsqueeze(-1));
    const left = w
      .square()
      .sum(-1)
      .neg()
      .add(1)
      .clamp({ min: tinyOf(this) });
    return w.add(diagEmbed(left.sqrt()));
  }
  protected override logDensity(value: Tensor): Tensor {
    const n = this.dim;
    const logs = diagonalOf(value).slice({ dim: -1, start: 1 }).log();
    const rows = arange(2, n + 1, { dtype: this.dtype });
    const exponents = this.concentration.sub(1).mul(2).add(n).unsqueeze(-1).sub(rows);
    const alpha = this.concentration.add(0.5 * (n - 1));
    const norm = mvlgamma(alpha.sub(0.5), n - 1)
      .sub(lgamma(alpha).mul(n - 1))
      .add(0.5 * (n - 1) * Math.log(Math.PI));
    return exponents.mul(logs).sum(-1).sub(norm);
  }
}

/**
 * Vectors of n + 1 probabilities, made of n normal numbers by StickBreakingTransform.
 *
 * @param args loc, scale: […, n], of the normal numbers; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const p = new distributions.LogisticNormal(zeros([2]), ones([2])).rsample(); // [3], its sum is 1
 */
export class LogisticNormal extends TransformedDistribution {
  constructor(...args: Positional<{ loc: Tensor; scale: Tensor } & Validation, [loc: 'loc', scale: 'scale']>) {
    const name = 'distributions.LogisticNormal';
    const o = optionsOf<Record<string, unknown>>(name, args, ['loc', 'scale'], ['validateArgs']);
    const base = new Normal(...([o] as unknown as ConstructorParameters<typeof Normal>));
    super(base, [new StickBreakingTransform()], flagOf(o));
  }
}
