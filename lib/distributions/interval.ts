// Distributions over an interval.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { logicalAnd, where } from '../ops/elementwise-compare.js';
import { digamma, lgamma } from '../ops/elementwise-special.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, checkSatisfied, greaterThan, interval, positive, real, unitInterval } from './constraints.js';
import { eulerGamma, type Validation } from './distribution.js';
import { ByQuantile } from './parametric.js';

/**
 * The uniform distribution on [low, high).
 *
 * @param args low; high: above low; option: validateArgs
 * @throws ArgumentError for a high that is not greater than low
 * @example
 * const x = new distributions.Uniform(-1, 1).sample([2, 2]); // [2, 2]
 */
export class Uniform extends ByQuantile<'low' | 'high'> {
  constructor(...args: Positional<{ low: Operand; high: Operand } & Validation, [low: 'low', high: 'high']>) {
    super(args, { rules: { low: real, high: real } });
    if (this.validated)
      checkSatisfied(this.operation, 'high', this.high, () => ({ ...greaterThan(this.low), text: 'greater than low' }));
  }
  /** The least value. */
  get low(): Tensor {
    return this.parameters.low;
  }
  /** The bound that values do not reach. */
  get high(): Tensor {
    return this.parameters.high;
  }
  get support(): Constraint {
    return interval(this.low, this.high);
  }
  private get width(): Tensor {
    return this.high.sub(this.low);
  }
  override get mean(): Tensor {
    return this.high.add(this.low).mul(0.5);
  }
  override get mode(): Tensor {
    return this.constant(Number.NaN);
  }
  override get variance(): Tensor {
    return this.width.square().mul(1 / 12);
  }
  protected override logDensity(value: Tensor): Tensor {
    const inside = logicalAnd(value.ge(this.low), value.lt(this.high));
    return where(inside, 0, this.constant(Number.NEGATIVE_INFINITY)).sub(this.width.log());
  }
  protected override cumulative(value: Tensor): Tensor {
    return value.sub(this.low).div(this.width).clamp(0, 1);
  }
  protected override quantile(value: Tensor): Tensor {
    return value.mul(this.width).add(this.low);
  }
  override entropy(): Tensor {
    return this.width.log();
  }
}

/**
 * Kumaraswamy's distribution on (0, 1), like the beta distribution, but with a simple cdf:
 * 1 - (1 - x^concentration1)^concentration0.
 *
 * @param args concentration1, concentration0; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const x = new distributions.Kumaraswamy(2, 2).rsample([3]); // [3]
 */
export class Kumaraswamy extends ByQuantile<'concentration1' | 'concentration0'> {
  constructor(
    ...args: Positional<
      { concentration1: Operand; concentration0: Operand } & Validation,
      [concentration1: 'concentration1', concentration0: 'concentration0']
    >
  ) {
    super(args, { rules: { concentration1: positive, concentration0: positive } });
  }
  /** The exponent of x. */
  get concentration1(): Tensor {
    return this.parameters.concentration1;
  }
  /** The exponent of 1 - x^concentration1. */
  get concentration0(): Tensor {
    return this.parameters.concentration0;
  }
  get support(): Constraint {
    return unitInterval;
  }
  private moment(n: number): Tensor {
    const b = this.concentration0;
    const power = this.concentration1.reciprocal().mul(n).add(1);
    return b
      .log()
      .add(lgamma(power))
      .add(lgamma(b))
      .sub(lgamma(power.add(b)))
      .exp();
  }
  override get mean(): Tensor {
    return this.moment(1);
  }
  override get mode(): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const y = a.sub(1).div(a.mul(b).sub(1)).pow(a.reciprocal());
    return where(logicalAnd(a.ge(1), b.ge(1)), y, Number.NaN);
  }
  override get variance(): Tensor {
    return this.moment(2).sub(this.moment(1).square());
  }
  protected override logDensity(value: Tensor): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const rest = b.sub(1).mul(value.pow(a).neg().log1p());
    return a.log().add(b.log()).add(a.sub(1).mul(value.log())).add(rest);
  }
  protected override cumulative(value: Tensor): Tensor {
    return value.pow(this.concentration1).neg().log1p().mul(this.concentration0).expm1().neg();
  }
  protected override quantile(value: Tensor): Tensor {
    return value.neg().log1p().div(this.concentration0).expm1().neg().pow(this.concentration1.reciprocal());
  }
  override entropy(): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const harmonic = digamma(b.add(1)).add(eulerGamma);
    const shares = a.reciprocal().neg().add(1).mul(harmonic).sub(b.reciprocal()).add(1);
    return shares.sub(a.log()).sub(b.log());
  }
}
