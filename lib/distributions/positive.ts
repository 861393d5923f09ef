// Distributions over numbers of at least 0, or above a bound, that need no gamma function to be sampled.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { where } from '../ops/elementwise-compare.js';
import { lgamma } from '../ops/elementwise-special.js';
import type { Tensor } from '../tensor.js';
import { atLeast, type Constraint, interval, nonnegative, positive, real } from './constraints.js';
import { eulerGamma, type Validation } from './distribution.js';
import { ByQuantile } from './parametric.js';

/**
 * The exponential distribution, of the time until the next event: density rate e^(-rate x).
 *
 * @param args rate: events in a unit of time; option: validateArgs
 * @throws ArgumentError for a rate that is not greater than 0
 * @example
 * const waiting = new distributions.Exponential(2).mean; // 0.5
 */
export class Exponential extends ByQuantile<'rate'> {
  constructor(...args: Positional<{ rate: Operand } & Validation, [rate: 'rate']>) {
    super(args, { rules: { rate: positive } });
  }
  /** Events in a unit of time. */
  get rate(): Tensor {
    return this.parameters.rate;
  }
  get support(): Constraint {
    return nonnegative;
  }
  override get mean(): Tensor {
    return this.rate.reciprocal();
  }
  override get mode(): Tensor {
    return this.constant(0);
  }
  override get variance(): Tensor {
    return this.rate.square().reciprocal();
  }
  override get stddev(): Tensor {
    return this.rate.reciprocal();
  }
  protected override logDensity(value: Tensor): Tensor {
    return this.rate.log().sub(this.rate.mul(value));
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.rate.mul(value).neg().expm1().neg();
  }
  protected override quantile(value: Tensor): Tensor {
    return value.neg().log1p().neg().div(this.rate);
  }
  override entropy(): Tensor {
    return this.rate.log().neg().add(1);
  }
}

/**
 * The Pareto distribution: density alpha scale^alpha / x^(alpha + 1) above scale.
 *
 * @param args scale: the least value; alpha: how fast the tail falls; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const mean = new distributions.Pareto(1, 3).mean; // 1.5
 */
export class Pareto extends ByQuantile<'scale' | 'alpha'> {
  constructor(...args: Positional<{ scale: Operand; alpha: Operand } & Validation, [scale: 'scale', alpha: 'alpha']>) {
    super(args, { rules: { scale: positive, alpha: positive } });
  }
  /** The least value. */
  get scale(): Tensor {
    return this.parameters.scale;
  }
  /** How fast the tail falls. */
  get alpha(): Tensor {
    return this.parameters.alpha;
  }
  get support(): Constraint {
    return atLeast(this.scale);
  }
  override get mean(): Tensor {
    const alpha = this.alpha.clamp({ min: 1 });
    return alpha.mul(this.scale).div(alpha.sub(1));
  }
  override get mode(): Tensor {
    return this.scale;
  }
  override get variance(): Tensor {
    const alpha = this.alpha.clamp({ min: 2 });
    return this.scale
      .square()
      .mul(alpha)
      .div(alpha.sub(1).square().mul(alpha.sub(2)));
  }
  protected override logDensity(value: Tensor): Tensor {
    return this.alpha.log().add(this.alpha.mul(this.scale.log())).sub(this.alpha.add(1).mul(value.log()));
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.scale.div(value).log().mul(this.alpha).expm1().neg();
  }
  protected override quantile(value: Tensor): Tensor {
    return value.neg().log1p().neg().div(this.alpha).exp().mul(this.scale);
  }
  override entropy(): Tensor {
    return this.scale.div(this.alpha).log().add(1).add(this.alpha.reciprocal());
  }
}

/**
 * The Weibull distribution: cdf 1 - exp(-(x / scale)^concentration).
 *
 * @param args scale; concentration: the shape, 1 for an exponential distribution; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const lifetime = new distributions.Weibull(1, 1.5).sample([4]); // [4]
 */
export class Weibull extends ByQuantile<'scale' | 'concentration'> {
  constructor(
    ...args: Positional<
      { scale: Operand; concentration: Operand } & Validation,
      [scale: 'scale', concentration: 'concentration']
    >
  ) {
    super(args, { rules: { scale: positive, concentration: positive } });
  }
  /** The scale, greater than 0. */
  get scale(): Tensor {
    return this.parameters.scale;
  }
  /** The shape, greater than 0. */
  get concentration(): Tensor {
    return this.parameters.concentration;
  }
  get support(): Constraint {
    return positive;
  }
  // log E[(x / scale)^n]
  private logMoment(n: number): Tensor {
    return lgamma(this.concentration.reciprocal().mul(n).add(1));
  }
  override get mean(): Tensor {
    return this.logMoment(1).exp().mul(this.scale);
  }
  override get mode(): Tensor {
    const k = this.concentration;
    return k.sub(1).div(k).pow(k.reciprocal()).mul(this.scale);
  }
  override get variance(): Tensor {
    return this.scale.square().mul(this.logMoment(2).exp().sub(this.logMoment(1).mul(2).exp()));
  }
  protected override logDensity(value: Tensor): Tensor {
    const log = value.div(this.scale).log();
    const k = this.concentration;
    return k.div(this.scale).log().add(k.sub(1).mul(log)).sub(k.mul(log).exp());
  }
  protected override cumulative(value: Tensor): Tensor {
    return value.div(this.scale).pow(this.concentration).neg().expm1().neg();
  }
  protected override quantile(value: Tensor): Tensor {
    return value.neg().log1p().neg().pow(this.concentration.reciprocal()).mul(this.scale);
  }
  override entropy(): Tensor {
    const k = this.concentration;
    return k
      .reciprocal()
      .mul(-eulerGamma)
      .add(this.scale.div(k).log())
      .add(1 + eulerGamma);
  }
}

/**
 * The generalised Pareto distribution, of what exceeds a high threshold: with z = (x - loc) / scale,
 * cdf 1 - (1 + concentration z)^(-1 / concentration), and 1 - e^(-z) for concentration 0.
 *
 * @param args loc: the threshold; scale; concentration: how heavy the tail is, below 0 for one that ends; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const p = new distributions.GeneralizedPareto(0, 1, 0).cdf(1); // 1 - 1/e
 */
export class GeneralizedPareto extends ByQuantile<'loc' | 'scale' | 'concentration'> {
  constructor(
    ...args: Positional<
      { loc: Operand; scale: Operand; concentration: Operand } & Validation,
      [loc: 'loc', scale: 'scale', concentration: 'concentration']
    >
  ) {
    super(args, { rules: { loc: real, scale: positive, concentration: real } });
  }
  /** The least value. */
  get loc(): Tensor {
    return this.parameters.loc;
  }
  /** The scale, greater than 0. */
  get scale(): Tensor {
    return this.parameters.scale;
  }
  /** How heavy the tail is. */
  get concentration(): Tensor {
    return this.parameters.concentration;
  }
  get support(): Constraint {
    const k = this.concentration;
    const high = where(k.lt(0), this.loc.sub(this.scale.div(where(k.lt(0), k, -1))), Number.POSITIVE_INFINITY);
    return interval(this.loc, high);
  }
  // Whether the concentration counts as 0, and the concentration with 1 in these places.
  private get shape(): { exponential: Tensor; k: Tensor } {
    const exponential = this.concentration.abs().le(1e-8);
    return { exponential, k: where(exponential, 1, this.concentration) };
  }
  private logSurvival(value: Tensor): Tensor {
    const z = value.sub(this.loc).div(this.scale);
    const { exponential, k } = this.shape;
    return where(exponential, z, k.mul(z).log1p().div(k)).neg();
  }
  override get mean(): Tensor {
    const k = this.concentration;
    const valid = k.lt(1);
    return where(valid, this.loc.add(this.scale.div(where(valid, k, 0.5).neg().add(1))), Number.NaN);
  }
  override get mode(): Tensor {
    return this.loc;
  }
  override get variance(): Tensor {
    const valid = this.concentration.lt(0.5);
    const k = where(valid, this.concentration, 0.25).neg();
    return where(valid, this.scale.square().div(k.add(1).square().mul(k.mul(2).add(1))), Number.NaN);
  }
  protected override logDensity(value: Tensor): Tensor {
    const { exponential } = this.shape;
    const k = where(exponential, 0, this.concentration);
    return this.logSurvival(value).mul(k.add(1)).sub(this.scale.log());
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.logSurvival(value).expm1().neg();
  }
  protected override quantile(value: Tensor): Tensor {
    const log = value.neg().log1p().neg();
    const { exponential, k } = this.shape;
    return where(exponential, log, k.mul(log).expm1().div(k)).mul(this.scale).add(this.loc);
  }
  override entropy(): Tensor {
    return this.scale.log().add(this.concentration).add(1);
  }
}
