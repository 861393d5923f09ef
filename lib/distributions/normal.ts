// Distributions with a location and a scale over all numbers, and what is made of the normal one.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { erfinv } from '../ops/elementwise-special.js';
import { atan, tan } from '../ops/elementwise-trigonometry.js';
import { randn } from '../ops/random.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, positive, real } from './constraints.js';
import { eulerGamma, type Source, type Validation } from './distribution.js';
import { ByQuantile } from './parametric.js';

/** Arguments of a distribution with a location and a scale. */
export type LocScaleArguments = Positional<{ loc: Operand; scale: Operand } & Validation, [loc: 'loc', scale: 'scale']>;

const logRoot2Pi = 0.5 * Math.log(2 * Math.PI);

/** Base of the distributions with a location and a scale. */
export abstract class LocScale extends ByQuantile<'loc' | 'scale'> {
  constructor(...args: LocScaleArguments) {
    super(args, { rules: { loc: real, scale: positive } });
  }
  /** The location. */
  get loc(): Tensor {
    return this.parameters.loc;
  }
  /** The scale, greater than 0. */
  get scale(): Tensor {
    return this.parameters.scale;
  }
  get support(): Constraint {
    return real;
  }
  override get mean(): Tensor {
    return this.loc;
  }
  override get mode(): Tensor {
    return this.loc;
  }
  /** (value - loc) / scale */
  protected standard(value: Tensor): Tensor {
    return value.sub(this.loc).div(this.scale);
  }
  protected placed(standard: Tensor): Tensor {
    return standard.mul(this.scale).add(this.loc);
  }
}

/**
 * The normal distribution: density exp(-z² / 2) / (scale √(2π)), z = (x - loc) / scale.
 *
 * @param args loc: the mean; scale: the standard deviation; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const x = new distributions.Normal(0, 1).sample([3]); // [3]
 */
export class Normal extends LocScale {
  override get variance(): Tensor {
    return this.scale.square();
  }
  override get stddev(): Tensor {
    return this.scale;
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return this.placed(randn(shape, { dtype: this.dtype, ...source }));
  }
  protected override logDensity(value: Tensor): Tensor {
    return this.standard(value).square().mul(-0.5).sub(this.scale.log()).sub(logRoot2Pi);
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.standard(value).mul(Math.SQRT1_2).erf().add(1).mul(0.5);
  }
  protected override quantile(value: Tensor): Tensor {
    return this.placed(erfinv(value.mul(2).sub(1)).mul(Math.SQRT2));
  }
  override entropy(): Tensor {
    return this.scale.log().add(0.5 + logRoot2Pi);
  }
}

/**
 * The distribution of eˣ, where x is normal.
 *
 * @param args loc and scale: the mean and the standard deviation of x; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const mean = new distributions.LogNormal(0, 1).mean; // e^(1/2)
 */
export class LogNormal extends LocScale {
  private get whole(): Normal {
    return new Normal(this.loc, this.scale, { validateArgs: false });
  }
  override get support(): Constraint {
    return positive;
  }
  override get mean(): Tensor {
    return this.scale.square().mul(0.5).add(this.loc).exp();
  }
  override get mode(): Tensor {
    return this.loc.sub(this.scale.square()).exp();
  }
  override get variance(): Tensor {
    const squared = this.scale.square();
    return squared.expm1().mul(this.loc.mul(2).add(squared).exp());
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return this.placed(randn(shape, { dtype: this.dtype, ...source })).exp();
  }
  protected override logDensity(value: Tensor): Tensor {
    const x = value.log();
    return this.whole.logProb(x).sub(x);
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.whole.cdf(value.log());
  }
  protected override quantile(value: Tensor): Tensor {
    return this.whole.icdf(value).exp();
  }
  override entropy(): Tensor {
    return this.whole.entropy().add(this.loc);
  }
}

/**
 * The Laplace distribution: density exp(-|x - loc| / scale) / (2 scale).
 *
 * @param args loc: the mean; scale: the mean distance from it; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const penalty = new distributions.Laplace(0, 1).logProb(2); // -log 2 - 2
 */
export class Laplace extends LocScale {
  override get variance(): Tensor {
    return this.scale.square().mul(2);
  }
  protected override logDensity(value: Tensor): Tensor {
    return this.standard(value).abs().neg().sub(this.scale.mul(2).log());
  }
  protected override cumulative(value: Tensor): Tensor {
    const z = this.standard(value);
    return z.sign().mul(z.abs().neg().expm1()).mul(-0.5).add(0.5);
  }
  protected override quantile(value: Tensor): Tensor {
    const side = value.sub(0.5);
    return this.placed(side.sign().mul(side.abs().mul(-2).log1p()).neg());
  }
  override entropy(): Tensor {
    return this.scale.mul(2).log().add(1);
  }
}

/**
 * The Cauchy distribution: density 1 / (π scale (1 + z²)), z = (x - loc) / scale. Its mean is NaN, its variance infinite.
 *
 * @param args loc: the median; scale: half of the width at half of the height; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const half = new distributions.Cauchy(0, 1).cdf(0); // 0.5
 */
export class Cauchy extends LocScale {
  override get mean(): Tensor {
    return this.constant(Number.NaN);
  }
  override get variance(): Tensor {
    return this.constant(Number.POSITIVE_INFINITY);
  }
  protected override logDensity(value: Tensor): Tensor {
    return this.standard(value).square().log1p().neg().sub(this.scale.log()).sub(Math.log(Math.PI));
  }
  protected override cumulative(value: Tensor): Tensor {
    return atan(this.standard(value)).div(Math.PI).add(0.5);
  }
  protected override quantile(value: Tensor): Tensor {
    return this.placed(tan(value.sub(0.5).mul(Math.PI)));
  }
  override entropy(): Tensor {
    return this.scale.log().add(Math.log(4 * Math.PI));
  }
}

/**
 * The Gumbel distribution, that of the largest of many numbers: cdf exp(-exp(-(x - loc) / scale)).
 *
 * @param args loc: the mode; scale; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const noise = new distributions.Gumbel(0, 1).sample([10]); // [10]
 */
export class Gumbel extends LocScale {
  override get mean(): Tensor {
    return this.scale.mul(eulerGamma).add(this.loc);
  }
  override get variance(): Tensor {
    return this.scale.square().mul(Math.PI ** 2 / 6);
  }
  protected override logDensity(value: Tensor): Tensor {
    const y = this.standard(value).neg();
    return y.sub(y.exp()).sub(this.scale.log());
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.standard(value).neg().exp().neg().exp();
  }
  protected override quantile(value: Tensor): Tensor {
    return this.placed(value.log().neg().log().neg());
  }
  override entropy(): Tensor {
    return this.scale.log().add(1 + eulerGamma);
  }
}
