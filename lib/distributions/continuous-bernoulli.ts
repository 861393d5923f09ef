import { ArgumentError, describe } from '../errors.js';
import type { Operand } from '../ops/broadcast.js';
import { logicalOr, where } from '../ops/elementwise-compare.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, unitInterval } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { inner } from './limits.js';
import { Odds, type ProbsOrLogits } from './odds.js';
import { uniformInside } from './samplers.js';

/** Options of `ContinuousBernoulli`. */
export interface ContinuousBernoulliOptions extends Validation {
  /** Between which probabilities Taylor's series take the place of formulas that lose their digits there; default [0.499, 0.501]. */
  lims?: readonly [number, number];
}
/** Arguments of `ContinuousBernoulli`. */
export type ContinuousBernoulliArguments =
  | [probs: Operand, options?: ContinuousBernoulliOptions]
  | [options: ProbsOrLogits & ContinuousBernoulliOptions];

/**
 * The continuous Bernoulli distribution on [0, 1]: density C p^x (1 - p)^(1 - x). Loaiza-Ganem, Cunningham, "The continuous
 * Bernoulli: fixing a pervasive error in variational autoencoders", 2019, https://arxiv.org/abs/1907.06845
 *
 * @param args probs, or { logits }; options: lims ([0.499, 0.501]), validateArgs
 * @throws ArgumentError for a probability outside of [0, 1]
 * @example
 * const pixel = new distributions.ContinuousBernoulli(0.3).rsample(); // in [0, 1]
 */
export class ContinuousBernoulli extends Odds {
  private readonly lims: readonly [number, number];

  constructor(...args: ContinuousBernoulliArguments) {
    super(args, { others: ['lims'] });
    const given = this.options.lims ?? [0.499, 0.501];
    const [low, high] = Array.isArray(given) ? (given as unknown[]) : [];
    if (typeof low !== 'number' || typeof high !== 'number' || !(low >= 0 && low < 0.5 && high > 0.5 && high <= 1)) {
      throw new ArgumentError(
        `${this.operation}: lims must be a number below and one above 0.5, got ${describe(given)}`,
      );
    }
    this.lims = [low, high];
  }
  override get probs(): Tensor {
    return inner(super.probs);
  }
  get support(): Constraint {
    return unitInterval;
  }
  override get hasRsample(): boolean {
    return true;
  }
  // Whether the formulas hold, and probabilities for which they do.
  private get stable(): { mask: Tensor; p: Tensor } {
    const [low, high] = this.lims;
    const mask = logicalOr(this.probs.le(low), this.probs.gt(high));
    return { mask, p: where(mask, this.probs, low) };
  }
  /** @internal log C */
  get logNorm(): Tensor {
    const { mask, p } = this.stable;
    const isLow = p.le(0.5);
    const below = where(isLow, p, 0).mul(-2).log1p();
    const above = where(isLow, 1, p).mul(2).sub(1).log();
    const norm = p
      .neg()
      .log1p()
      .sub(p.log())
      .abs()
      .log()
      .sub(where(isLow, below, above));
    const x = this.probs.sub(0.5).square();
    return where(
      mask,
      norm,
      x
        .mul(104 / 45)
        .add(4 / 3)
        .mul(x)
        .add(Math.LN2),
    );
  }
  override get mean(): Tensor {
    const { mask, p } = this.stable;
    const x = this.probs.sub(0.5);
    const formula = p.div(p.mul(2).sub(1)).add(p.neg().log1p().sub(p.log()).reciprocal());
    return where(
      mask,
      formula,
      x
        .square()
        .mul(16 / 45)
        .add(1 / 3)
        .mul(x)
        .add(0.5),
    );
  }
  override get variance(): Tensor {
    const { mask, p } = this.stable;
    const x = this.probs.sub(0.5).square();
    const squares = p.neg().log1p().sub(p.log()).square().reciprocal();
    const formula = p.mul(p.sub(1)).div(p.mul(-2).add(1).square()).add(squares);
    return where(
      mask,
      formula,
      x
        .mul(128 / 945)
        .sub(1 / 15)
        .mul(x)
        .add(1 / 12),
    );
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return this.quantile(uniformInside(shape, this, source));
  }
  protected override logDensity(value: Tensor): Tensor {
    return value.mul(this.logits).sub(this.logits.softplus(1, 40)).add(this.logNorm);
  }
  protected override cumulative(value: Tensor): Tensor {
    const { mask, p } = this.stable;
    const powers = p.pow(value).mul(p.neg().add(1).pow(value.neg().add(1)));
    const formula = powers.add(p).sub(1).div(p.mul(2).sub(1));
    return where(value.le(0), 0, where(value.ge(1), 1, where(mask, formula, value)));
  }
  protected override quantile(value: Tensor): Tensor {
    const { mask, p } = this.stable;
    const rest = p.neg().log1p();
    const formula = value.mul(p.mul(2).sub(1)).sub(p).log1p().sub(rest).div(p.log().sub(rest));
    return where(mask, formula, value);
  }
  override entropy(): Tensor {
    const rest = this.probs.neg().log1p();
    return this.mean.mul(rest.sub(this.probs.log())).sub(this.logNorm).sub(rest);
  }
}
