// Distributions of absolute values.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { where } from '../ops/elementwise-compare.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { sampled } from './composite.js';
import { type Constraint, nonnegative, positive } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { Cauchy, type LocScale, Normal } from './normal.js';
import { Reparameterized } from './parametric.js';

/** Arguments of a distribution with a scale. */
export type ScaleArguments = Positional<{ scale: Operand } & Validation, [scale: 'scale']>;

/** Base of the distributions of |x|, where x is distributed around 0. */
export abstract class Folded extends Reparameterized<'scale'> {
  constructor(...args: ScaleArguments) {
    super(args, { rules: { scale: positive } });
  }
  /** The distribution of x. */
  protected abstract get whole(): LocScale;
  /** The scale of x, greater than 0. */
  get scale(): Tensor {
    return this.parameters.scale;
  }
  get support(): Constraint {
    return nonnegative;
  }
  override get mode(): Tensor {
    return this.constant(0);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return sampled(this.whole, shape, source).abs();
  }
  protected override logDensity(value: Tensor): Tensor {
    return where(value.ge(0), this.whole.logProb(value).add(Math.LN2), Number.NEGATIVE_INFINITY);
  }
  protected override cumulative(value: Tensor): Tensor {
    return this.whole.cdf(value).mul(2).sub(1);
  }
  protected override quantile(value: Tensor): Tensor {
    return this.whole.icdf(value.add(1).mul(0.5));
  }
  override entropy(): Tensor {
    return this.whole.entropy().sub(Math.LN2);
  }
}

/**
 * The distribution of |x|, where x is normal with mean 0.
 *
 * @param args scale: the standard deviation of x; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const mean = new distributions.HalfNormal(1).mean; // √(2/π)
 */
export class HalfNormal extends Folded {
  protected get whole(): LocScale {
    return new Normal(0, this.scale, { validateArgs: false });
  }
  override get mean(): Tensor {
    return this.scale.mul(Math.sqrt(2 / Math.PI));
  }
  override get variance(): Tensor {
    return this.scale.square().mul(1 - 2 / Math.PI);
  }
}

/**
 * The distribution of |x|, where x has a Cauchy distribution around 0. Its mean is infinite.
 *
 * @param args scale: that of x; option: validateArgs
 * @throws ArgumentError for a scale that is not greater than 0
 * @example
 * const median = new distributions.HalfCauchy(2).icdf(0.5); // 2
 */
export class HalfCauchy extends Folded {
  protected get whole(): LocScale {
    return new Cauchy(0, this.scale, { validateArgs: false });
  }
  override get mean(): Tensor {
    return this.constant(Number.POSITIVE_INFINITY);
  }
  override get variance(): Tensor {
    return this.constant(Number.POSITIVE_INFINITY);
  }
}
