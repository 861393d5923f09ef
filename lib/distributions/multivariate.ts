// Normal distributions of vectors.
import type { Positional } from '../arguments.js';
import { formatShape, ShapeError } from '../errors.js';
import { eye } from '../ops/creation.js';
import { cholesky } from '../ops/linalg-cholesky.js';
import { diagonalOf, mT } from '../ops/linalg-common.js';
import { solveTriangular } from '../ops/linalg-triangular.js';
import { randn } from '../ops/random.js';
import { diagEmbed } from '../ops/shape-diagonal.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, lowerCholesky, matrix, positiveDefinite, positiveVector, realVector } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { Reparameterized } from './parametric.js';

/** The names by which a covariance is given. */
export type CovarianceName = 'covarianceMatrix' | 'precisionMatrix' | 'scaleTril';
/** A covariance […, n, n], in one of three ways: itself, its inverse, or its lower Cholesky factor. */
export type Covariance =
  | { covarianceMatrix: Tensor; precisionMatrix?: undefined; scaleTril?: undefined }
  | { covarianceMatrix?: undefined; precisionMatrix: Tensor; scaleTril?: undefined }
  | { covarianceMatrix?: undefined; precisionMatrix?: undefined; scaleTril: Tensor };
/** Arguments of `MultivariateNormal`. */
export type MultivariateNormalArguments =
  | [loc: Tensor, covarianceMatrix: Tensor, options?: Validation]
  | [loc: Tensor, options: Covariance & Validation]
  | [options: { loc: Tensor } & Covariance & Validation];

/** @internal The names of a covariance, of which one is given. */
export const covarianceRules = {
  covarianceMatrix: positiveDefinite,
  precisionMatrix: positiveDefinite,
  scaleTril: lowerCholesky,
};
type GivenCovariance = { readonly [name in CovarianceName]?: Tensor };
/** @internal */
export const covarianceNames = Object.keys(covarianceRules) as CovarianceName[];
/** @internal The covariance as it was given, and by which name. */
export function covarianceOf(given: GivenCovariance): { name: CovarianceName; matrix: Tensor } {
  const name = covarianceNames.find((key) => given[key] !== undefined) as CovarianceName;
  return { name, matrix: given[name] as Tensor };
}
const log2Pi = Math.log(2 * Math.PI);
const flipped = (x: Tensor): Tensor => x.flip([-2, -1]);
const identity = (n: number, like: Tensor): Tensor => eye(n, n, { dtype: like.dtype });

/** @internal The lower Cholesky factor of the covariance. */
export function trilOf({ scaleTril, covarianceMatrix, precisionMatrix }: GivenCovariance): Tensor {
  if (scaleTril !== undefined) return scaleTril;
  if (covarianceMatrix !== undefined) return cholesky(covarianceMatrix);
  const precision = precisionMatrix as Tensor;
  const inverse = mT(flipped(cholesky(flipped(precision))));
  return solveTriangular(inverse, identity(precision.dims.at(-1) as number, precision), { upper: false });
}

/** @internal Σ log of the diagonal of each matrix. */
export const halfLogDet = (L: Tensor): Tensor => diagonalOf(L).log().sum(-1);

/** @internal |L⁻¹ x|² of vectors x, whose leading dimensions broadcast with those of L. */
export function mahalanobis(L: Tensor, x: Tensor): Tensor {
  if (L.rank > 2) return solveTriangular(L, x.unsqueeze(-1), { upper: false }).square().sum([-2, -1]);
  // One matrix for all: its vectors are the columns of one system.
  const n = L.dims[0] as number;
  const columns = mT(x.reshape([x.size / n, n]));
  return solveTriangular(L, columns, { upper: false })
    .square()
    .sum(0)
    .reshape([...x.dims.slice(0, -1)]);
}

function checkSizes(operation: string, loc: Tensor, name: string, other: Tensor, dim: number): Shape {
  const n = loc.dims.at(-1);
  if (n === 0 || n !== other.dims.at(dim)) {
    const got = `got loc ${formatShape(loc.dims)} and ${name} ${formatShape(other.dims)}`;
    throw new ShapeError(`${operation}: loc and ${name} must have the same size, at least 1, ${got}`);
  }
  return [n as number];
}

/**
 * The normal distribution of vectors.
 *
 * @param args loc: […, n]; covarianceMatrix: […, n, n], or { precisionMatrix } or { scaleTril } instead; option: validateArgs
 * @throws ArgumentError for a covariance that is not positive definite; ShapeError for sizes that do not fit
 * @example
 * const x = new distributions.MultivariateNormal(zeros([2]), eye(2)).rsample([5]); // [5, 2]
 */
export class MultivariateNormal extends Reparameterized<'loc', CovarianceName> {
  constructor(...args: MultivariateNormalArguments) {
    const plan = { rules: { loc: realVector, ...covarianceRules }, either: covarianceNames };
    super(args, plan, (given) => {
      const { name, matrix } = covarianceOf(given);
      checkSizes('distributions.MultivariateNormal', given.loc, name, matrix, -2);
      return checkSizes('distributions.MultivariateNormal', given.loc, name, matrix, -1);
    });
  }
  /** The mean. */
  get loc(): Tensor {
    return this.parameters.loc;
  }
  /** The lower Cholesky factor of the covariance. */
  get scaleTril(): Tensor {
    return trilOf(this.parameters);
  }
  /** The covariance. */
  get covarianceMatrix(): Tensor {
    const { covarianceMatrix } = this.parameters;
    if (covarianceMatrix !== undefined) return covarianceMatrix;
    const L = this.scaleTril;
    return L.matmul(mT(L));
  }
  /** The inverse of the covariance. */
  get precisionMatrix(): Tensor {
    const { precisionMatrix } = this.parameters;
    if (precisionMatrix !== undefined) return precisionMatrix;
    const L = this.scaleTril;
    const inverse = solveTriangular(L, identity(this.eventShape[0] as number, L), { upper: false });
    return mT(inverse).matmul(inverse);
  }
  get support(): Constraint {
    return realVector;
  }
  override get mean(): Tensor {
    return this.loc;
  }
  override get mode(): Tensor {
    return this.loc;
  }
  override get variance(): Tensor {
    return this.scaleTril.square().sum(-1);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const noise = randn(shape, { dtype: this.dtype, ...source }).unsqueeze(-1);
    return this.scaleTril.matmul(noise).squeeze(-1).add(this.loc);
  }
  protected override logDensity(value: Tensor): Tensor {
    const L = this.scaleTril;
    const squares = mahalanobis(L, value.sub(this.loc)).add((this.eventShape[0] as number) * log2Pi);
    return squares.mul(-0.5).sub(halfLogDet(L));
  }
  override entropy(): Tensor {
    return halfLogDet(this.scaleTril).add(0.5 * (this.eventShape[0] as number) * (1 + log2Pi));
  }
}

/**
 * The normal distribution of vectors with covariance W · Wᵀ + D, where W has few columns and D is diagonal: its work grows with n,
 * not with n³.
 *
 * @param args loc: […, n]; covFactor: W, […, n, rank]; covDiag: the diagonal of D, […, n]; option: validateArgs
 * @throws ArgumentError for a diagonal that is not greater than 0; ShapeError for sizes that do not fit
 * @example
 * const x = new distributions.LowRankMultivariateNormal(zeros([3]), ones([3, 1]), ones([3])).sample(); // [3]
 */
export class LowRankMultivariateNormal extends Reparameterized<'loc' | 'covFactor' | 'covDiag'> {
  constructor(
    ...args: Positional<
      { loc: Tensor; covFactor: Tensor; covDiag: Tensor } & Validation,
      [loc: 'loc', covFactor: 'covFactor', covDiag: 'covDiag']
    >
  ) {
    const name = 'distributions.LowRankMultivariateNormal';
    super(args, { rules: { loc: realVector, covFactor: matrix, covDiag: positiveVector } }, (given) => {
      checkSizes(name, given.loc, 'covFactor', given.covFactor, -2);
      return checkSizes(name, given.loc, 'covDiag', given.covDiag, -1);
    });
  }
  /** The mean. */
  get loc(): Tensor {
    return this.parameters.loc;
  }
  /** W, […, n, rank]. */
  get covFactor(): Tensor {
    return this.parameters.covFactor;
  }
  /** The diagonal of D, […, n]. */
  get covDiag(): Tensor {
    return this.parameters.covDiag;
  }
  /** The covariance, […, n, n]. */
  get covarianceMatrix(): Tensor {
    return this.covFactor.matmul(mT(this.covFactor)).add(diagEmbed(this.covDiag));
  }
  /** The lower Cholesky factor of the covariance. */
  get scaleTril(): Tensor {
    return cholesky(this.covarianceMatrix);
  }
  get support(): Constraint {
    return realVector;
  }
  override get mean(): Tensor {
    return this.loc;
  }
  override get mode(): Tensor {
    return this.loc;
  }
  override get variance(): Tensor {
    return this.covFactor.square().sum(-1).add(this.covDiag);
  }
  /** @internal Wᵀ · D⁻¹, and the Cholesky factor of I + Wᵀ · D⁻¹ · W. */
  get capacitance(): { weighted: Tensor; tril: Tensor } {
    const weighted = mT(this.covFactor).div(this.covDiag.unsqueeze(-2));
    const rank = this.covFactor.dims.at(-1) as number;
    return { weighted, tril: cholesky(weighted.matmul(this.covFactor).add(identity(rank, weighted))) };
  }
  /** @internal log det of the covariance. */
  get logDet(): Tensor {
    return halfLogDet(this.capacitance.tril).mul(2).add(this.covDiag.log().sum(-1));
  }
  /** @internal xᵀ · covariance⁻¹ · x */
  distance(x: Tensor): Tensor {
    const { weighted, tril } = this.capacitance;
    const inside = weighted.matmul(x.unsqueeze(-1)).squeeze(-1);
    return x.square().div(this.covDiag).sum(-1).sub(mahalanobis(tril, inside));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const rank = this.covFactor.dims.at(-1) as number;
    const few = randn([...shape.slice(0, -1), rank, 1], { dtype: this.dtype, ...source });
    const each = randn(shape, { dtype: this.dtype, ...source }).mul(this.covDiag.sqrt());
    return this.covFactor.matmul(few).squeeze(-1).add(each).add(this.loc);
  }
  protected override logDensity(value: Tensor): Tensor {
    const constant = (this.eventShape[0] as number) * log2Pi;
    return this.distance(value.sub(this.loc)).add(this.logDet).add(constant).mul(-0.5);
  }
  override entropy(): Tensor {
    return this.logDet.add((this.eventShape[0] as number) * (1 + log2Pi)).mul(0.5);
  }
}
