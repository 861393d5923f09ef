// Continuous stand-ins for discrete distributions, whose samples can be differentiated.
import type { Operand } from '../ops/broadcast.js';
import { lgamma } from '../ops/elementwise-special.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Categories, type WeightsOrLogits } from './categorical.js';
import { type Constraint, positive, simplex, unitInterval } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { Odds, type ProbsOrLogits } from './odds.js';
import { uniformInside } from './samplers.js';

/** Arguments of `RelaxedBernoulli`. */
export type RelaxedBernoulliArguments =
  | [temperature: Operand, probs: Operand, options?: Validation]
  | [temperature: Operand, options: ProbsOrLogits & Validation]
  | [options: { temperature: Operand } & ProbsOrLogits & Validation];
/** Arguments of `RelaxedOneHotCategorical`. */
export type RelaxedOneHotCategoricalArguments =
  | [temperature: Operand, probs: Tensor, options?: Validation]
  | [temperature: Operand, options: WeightsOrLogits & Validation]
  | [options: { temperature: Operand } & WeightsOrLogits & Validation];

const plan = { rules: { temperature: positive } };

/**
 * A stand-in for the Bernoulli distribution on (0, 1), the closer to 0 and 1 the lower the temperature: Maddison, Mnih, Teh, "The
 * concrete distribution", 2016, https://arxiv.org/abs/1611.00712
 *
 * @param args temperature; probs, or { logits }; option: validateArgs
 * @throws ArgumentError for a temperature that is not greater than 0, and a probability outside of [0, 1]
 * @example
 * const gate = new distributions.RelaxedBernoulli(0.5, 0.3).rsample(); // in (0, 1)
 */
export class RelaxedBernoulli extends Odds<'temperature'> {
  constructor(...args: RelaxedBernoulliArguments) {
    super(args, plan);
  }
  /** How far samples are from 0 and 1. */
  get temperature(): Tensor {
    return this.parameters.temperature;
  }
  get support(): Constraint {
    return unitInterval;
  }
  override get hasRsample(): boolean {
    return true;
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const u = uniformInside(shape, this, source);
    return u.log().sub(u.neg().log1p()).add(this.logits).div(this.temperature).sigmoid();
  }
  protected override logDensity(value: Tensor): Tensor {
    const [log, rest] = [value.log(), value.neg().log1p()];
    const x = log.sub(rest);
    const off = this.logits.sub(x.mul(this.temperature));
    return this.temperature.log().add(off).sub(off.softplus(1, 40).mul(2)).sub(log).sub(rest);
  }
}

/**
 * A stand-in for OneHotCategorical, vectors of positive numbers with sum 1, also called the Gumbel-softmax distribution: Maddison,
 * Mnih, Teh, "The concrete distribution", 2016, https://arxiv.org/abs/1611.00712; Jang, Gu, Poole, "Categorical reparameterization
 * with Gumbel-softmax", 2016, https://arxiv.org/abs/1611.01144
 *
 * @param args temperature; probs: […, n], or { logits }; option: validateArgs
 * @throws ArgumentError for a temperature that is not greater than 0, negative probabilities and rows of zeros
 * @example
 * const y = new distributions.RelaxedOneHotCategorical(0.5, tensor([1, 1, 2])).rsample(); // [3], its sum is 1
 */
export class RelaxedOneHotCategorical extends Categories<'temperature'> {
  constructor(...args: RelaxedOneHotCategoricalArguments) {
    super(args, true, plan);
  }
  /** How far samples are from vectors of one 1. */
  get temperature(): Tensor {
    return this.parameters.temperature;
  }
  get support(): Constraint {
    return simplex;
  }
  override get hasRsample(): boolean {
    return true;
  }
  override entropy(): Tensor {
    throw this.lacks('entropy', 'it has no formula here');
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const gumbel = uniformInside(shape, this, source).log().neg().log().neg();
    return gumbel.add(this.logits).div(this.temperature.unsqueeze(-1)).softmax(-1);
  }
  protected override logDensity(value: Tensor): Tensor {
    const x = value.log();
    const scores = this.logits.sub(x.mul(this.temperature.unsqueeze(-1))).logSoftmax(-1);
    const scale = lgamma(this.constant(this.count)).add(this.temperature.log().mul(this.count - 1));
    return scores.sub(x).sum(-1).add(scale);
  }
}
