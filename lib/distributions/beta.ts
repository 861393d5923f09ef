// Distributions of probabilities that are made of gamma variables.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { eye } from '../ops/creation.js';
import { where } from '../ops/elementwise-compare.js';
import { digamma, lgamma, xlogy } from '../ops/elementwise-special.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, positive, positiveVector, simplex, unitInterval } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { atLeastTiny, epsilonOf, tinyOf } from './limits.js';
import { Reparameterized } from './parametric.js';
import { logGammas } from './samplers.js';

/**
 * The beta distribution, of a probability: density x^(a - 1) (1 - x)^(b - 1) / B(a, b), a = concentration1, b = concentration0.
 * Samples are made of two gamma variables, so that `rsample` is differentiable in both parameters.
 *
 * @param args concentration1: of successes; concentration0: of failures; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const mean = new distributions.Beta(3, 1).mean; // 0.75
 */
export class Beta extends Reparameterized<'concentration1' | 'concentration0'> {
  constructor(
    ...args: Positional<
      { concentration1: Operand; concentration0: Operand } & Validation,
      [concentration1: 'concentration1', concentration0: 'concentration0']
    >
  ) {
    super(args, { rules: { concentration1: positive, concentration0: positive } });
  }
  /** Of values near 1. */
  get concentration1(): Tensor {
    return this.parameters.concentration1;
  }
  /** Of values near 0. */
  get concentration0(): Tensor {
    return this.parameters.concentration0;
  }
  get support(): Constraint {
    return unitInterval;
  }
  override get mean(): Tensor {
    return this.concentration1.div(this.concentration1.add(this.concentration0));
  }
  override get mode(): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const [m, n] = [a.sub(1).clamp({ min: 0 }), b.sub(1).clamp({ min: 0 })];
    // Where both ends are peaks, the first of the Dirichlet distribution's, as in PyTorch.
    return where(a.lt(1).logicalAnd(b.lt(1)), 1, m.div(m.add(n)));
  }
  override get variance(): Tensor {
    const total = this.concentration1.add(this.concentration0);
    return this.concentration1.mul(this.concentration0).div(total.square().mul(total.add(1)));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const one = logGammas(this.concentration1, shape, source);
    const y = one.sub(logGammas(this.concentration0, shape, source)).sigmoid();
    return y.clamp(tinyOf(y), 1 - epsilonOf(y) / 2);
  }
  protected override logDensity(value: Tensor): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const powers = xlogy(a.sub(1), value).add(xlogy(b.sub(1), value.neg().add(1)));
    return powers
      .add(lgamma(a.add(b)))
      .sub(lgamma(a))
      .sub(lgamma(b));
  }
  override entropy(): Tensor {
    const [a, b] = [this.concentration1, this.concentration0];
    const total = a.add(b);
    const logBeta = lgamma(a).add(lgamma(b)).sub(lgamma(total));
    const peaks = a
      .sub(1)
      .mul(digamma(a))
      .add(b.sub(1).mul(digamma(b)));
    return logBeta.sub(peaks).add(total.sub(2).mul(digamma(total)));
  }
}

/**
 * The Dirichlet distribution, of vectors of probabilities: density ∏ xᵢ^(aᵢ - 1) · Γ(Σ aᵢ) / ∏ Γ(aᵢ). Samples are made of gamma
 * variables, so that `rsample` is differentiable.
 *
 * @param args concentration: […, n]; option: validateArgs
 * @throws ArgumentError for a concentration with elements that are not greater than 0
 * @example
 * const p = new distributions.Dirichlet(tensor([0.5, 0.5, 2])).sample(); // [3], its sum is 1
 */
export class Dirichlet extends Reparameterized<'concentration'> {
  constructor(...args: Positional<{ concentration: Tensor } & Validation, [concentration: 'concentration']>) {
    super(args, { rules: { concentration: positiveVector } }, ({ concentration }) => concentration.dims.slice(-1));
  }
  /** […, n], greater than 0. */
  get concentration(): Tensor {
    return this.parameters.concentration;
  }
  get support(): Constraint {
    return simplex;
  }
  override get mean(): Tensor {
    return this.concentration.div(this.concentration.sum(-1, { keepDim: true }));
  }
  override get mode(): Tensor {
    const above = this.concentration.sub(1).clamp({ min: 0 });
    const total = above.sum(-1, { keepDim: true });
    // Where all corners are peaks, the first, as in PyTorch.
    const corner = eye(1, this.eventShape[0] as number, { dtype: this.dtype }).squeeze(0);
    return where(this.concentration.lt(1).all(-1, { keepDim: true }), corner, above.div(total));
  }
  override get variance(): Tensor {
    const total = this.concentration.sum(-1, { keepDim: true });
    return this.concentration.mul(total.sub(this.concentration)).div(total.square().mul(total.add(1)));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return atLeastTiny(logGammas(this.concentration, shape, source).softmax(-1));
  }
  protected override logDensity(value: Tensor): Tensor {
    const a = this.concentration;
    return xlogy(a.sub(1), value)
      .sum(-1)
      .add(lgamma(a.sum(-1)))
      .sub(lgamma(a).sum(-1));
  }
  override entropy(): Tensor {
    const a = this.concentration;
    const total = a.sum(-1);
    const surplus = total.sub(this.eventShape[0] as number).mul(digamma(total));
    return lgamma(a)
      .sum(-1)
      .sub(lgamma(total))
      .add(surplus)
      .sub(a.sub(1).mul(digamma(a)).sum(-1));
  }
}
