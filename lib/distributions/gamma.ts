// The gamma distribution, and that of the inverse.
import type { Positional } from '../arguments.js';
import { expandTo, type Operand } from '../ops/broadcast.js';
import { where } from '../ops/elementwise-compare.js';
import { digamma, lgamma, xlogy } from '../ops/elementwise-special.js';
import { broadcastShapes, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, nonnegative, positive } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { incompleteGamma } from './incomplete-gamma.js';
import { atLeastTiny } from './limits.js';
import { type Plan, Reparameterized } from './parametric.js';
import { logGammas } from './samplers.js';

/** Arguments of the gamma distributions. */
export type GammaArguments = Positional<
  { concentration: Operand; rate: Operand } & Validation,
  [concentration: 'concentration', rate: 'rate']
>;

// The shares of the standard gamma distribution below and above z.
function shares(alpha: Tensor, z: Tensor): { lower: Tensor; upper: Tensor } {
  const wide = broadcastShapes('cdf', ['concentration', 'value'], [alpha.dims, z.dims]);
  return incompleteGamma(expandTo(alpha, wide).to('float64'), expandTo(z, wide).to('float64'));
}

/**
 * The gamma distribution: density rate^a x^(a - 1) e^(-rate x) / Γ(a), a = concentration. `rsample` is differentiable in both
 * parameters: Figurnov, Mohamed, Mnih, "Implicit reparameterization gradients", 2018.
 *
 * @param args concentration, rate; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const x = new distributions.Gamma(2, 1).rsample([3]); // [3]
 */
export class Gamma extends Reparameterized<'concentration' | 'rate' | 'df'> {
  /** @internal */
  static readonly plan: Plan<'concentration' | 'rate' | 'df'> = {
    rules: { concentration: positive, rate: positive } as Plan<'concentration' | 'rate' | 'df'>['rules'],
  };
  constructor(...args: GammaArguments) {
    super(args, new.target.plan);
  }
  /** The shape, greater than 0. */
  get concentration(): Tensor {
    return this.parameters.concentration;
  }
  /** The inverse of the scale, greater than 0. */
  get rate(): Tensor {
    return this.parameters.rate;
  }
  get support(): Constraint {
    return nonnegative;
  }
  override get mean(): Tensor {
    return this.concentration.div(this.rate);
  }
  override get mode(): Tensor {
    return this.concentration.sub(1).div(this.rate).clamp({ min: 0 });
  }
  override get variance(): Tensor {
    return this.concentration.div(this.rate.square());
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return atLeastTiny(logGammas(this.concentration, shape, source).exp().div(this.rate));
  }
  protected override logDensity(value: Tensor): Tensor {
    const [a, rate] = [this.concentration, this.rate];
    return xlogy(a, rate)
      .add(xlogy(a.sub(1), value))
      .sub(rate.mul(value))
      .sub(lgamma(a));
  }
  protected override cumulative(value: Tensor): Tensor {
    return shares(this.concentration, this.rate.mul(value)).lower.to(this.dtype);
  }
  override entropy(): Tensor {
    const a = this.concentration;
    return a
      .sub(this.rate.log())
      .add(lgamma(a))
      .add(a.neg().add(1).mul(digamma(a)));
  }
}

/**
 * The distribution of the sum of squares of df standard normal numbers: a gamma distribution with concentration df / 2 and
 * rate 1/2.
 *
 * @param args df: the degrees of freedom; option: validateArgs
 * @throws ArgumentError for a df that is not greater than 0
 * @example
 * const variance = new distributions.Chi2(3).variance; // 6
 */
export class Chi2 extends Gamma {
  /** @internal */
  static override readonly plan = { rules: { df: positive } } as unknown as Plan<'concentration' | 'rate' | 'df'>;
  constructor(...args: Positional<{ df: Operand } & Validation, [df: 'df']>) {
    super(...(args as unknown as GammaArguments));
  }
  /** The degrees of freedom. */
  get df(): Tensor {
    return this.parameters.df;
  }
  override get concentration(): Tensor {
    return this.df.mul(0.5);
  }
  override get rate(): Tensor {
    return this.constant(0.5);
  }
}

/**
 * The distribution of 1 / x, where x has a gamma distribution.
 *
 * @param args concentration and rate of x; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const mean = new distributions.InverseGamma(3, 1).mean; // 0.5
 */
export class InverseGamma extends Reparameterized<'concentration' | 'rate'> {
  constructor(...args: GammaArguments) {
    super(args, { rules: { concentration: positive, rate: positive } });
  }
  /** The shape, greater than 0. */
  get concentration(): Tensor {
    return this.parameters.concentration;
  }
  /** The scale of the values, greater than 0. */
  get rate(): Tensor {
    return this.parameters.rate;
  }
  get support(): Constraint {
    return positive;
  }
  override get mean(): Tensor {
    const a = this.concentration;
    return where(a.gt(1), this.rate.div(where(a.gt(1), a.sub(1), 1)), Number.POSITIVE_INFINITY);
  }
  override get mode(): Tensor {
    return this.rate.div(this.concentration.add(1));
  }
  override get variance(): Tensor {
    const finite = this.concentration.gt(2);
    const a = where(finite, this.concentration, 3);
    return where(finite, this.rate.square().div(a.sub(1).square().mul(a.sub(2))), Number.POSITIVE_INFINITY);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return logGammas(this.concentration, shape, source).neg().exp().mul(this.rate);
  }
  protected override logDensity(value: Tensor): Tensor {
    const [a, rate] = [this.concentration, this.rate];
    return a.mul(rate.log()).sub(a.add(1).mul(value.log())).sub(rate.div(value)).sub(lgamma(a));
  }
  protected override cumulative(value: Tensor): Tensor {
    return shares(this.concentration, this.rate.div(value)).upper.to(this.dtype);
  }
  override entropy(): Tensor {
    const a = this.concentration;
    return a
      .add(this.rate.log())
      .add(lgamma(a))
      .sub(a.add(1).mul(digamma(a)));
  }
}
