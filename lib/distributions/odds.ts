// Distributions with one probability, given as such or by its logit.
import type { Positional } from '../arguments.js';
import { refuseReading } from '../context.js';
import type { Operand } from '../ops/broadcast.js';
import { where } from '../ops/elementwise-compare.js';
import { lgamma, xlogy } from '../ops/elementwise-special.js';
import { rand } from '../ops/random.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import {
  boolean,
  type Constraint,
  halfOpenUnit,
  integersTo,
  nonnegative,
  nonnegativeInteger,
  real,
  unitInterval,
} from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { inner } from './limits.js';
import { Parametric, type Plan } from './parametric.js';
import { binomials, logGammas, poissons } from './samplers.js';

/** Either a probability or its logit, log(p / (1 - p)). */
export type ProbsOrLogits = { probs: Operand; logits?: undefined } | { probs?: undefined; logits: Operand };
/** Arguments of a distribution with one probability. */
export type OddsArguments = [probs: Operand, options?: Validation] | [options: ProbsOrLogits & Validation];
/** Arguments of a distribution with a number of trials, too. */
export type CountedArguments =
  | [totalCount: Operand, probs: Operand, options?: Validation]
  | [totalCount: Operand, options: ProbsOrLogits & Validation]
  | [options: { totalCount: Operand } & ProbsOrLogits & Validation];

const binary = { probs: unitInterval, logits: real };
const either = ['probs', 'logits'] as const;

/** @internal What a distribution takes besides a probability, which has a rule only where [0, 1] is too wide. */
interface OddsPlan<P extends string> {
  rules?: Record<P, Constraint> & { probs?: Constraint };
  others?: readonly string[];
}

/** Base of the distributions with one probability. */
export abstract class Odds<P extends string = never> extends Parametric<P, 'probs' | 'logits'> {
  /** @internal */
  constructor(args: readonly unknown[], { rules, others = [] }: OddsPlan<P> = {}) {
    // The names in `rules` stand before these two by position.
    const all = { ...rules, ...binary, ...rules } as Plan<P, 'probs' | 'logits'>['rules'];
    super(args, { rules: all, either, others });
  }
  /** The probability. */
  get probs(): Tensor {
    const { probs, logits } = this.parameters;
    return probs ?? (logits as Tensor).sigmoid();
  }
  /** log(p / (1 - p)) */
  get logits(): Tensor {
    const { probs, logits } = this.parameters;
    if (logits !== undefined) return logits;
    const p = inner(probs as Tensor);
    return p.log().sub(p.neg().log1p());
  }
  /** The entropy of one trial. */
  protected get binaryEntropy(): Tensor {
    return this.logits.softplus(1, 40).sub(this.logits.mul(this.probs));
  }
}

/**
 * The Bernoulli distribution: 1 with probability p, else 0.
 *
 * @param args probs, or { logits }; option: validateArgs
 * @throws ArgumentError for a probability outside of [0, 1]
 * @example
 * const coin = new distributions.Bernoulli(0.3).sample([5]); // 5 numbers, 0 or 1
 */
export class Bernoulli extends Odds {
  constructor(...args: OddsArguments) {
    super(args);
  }
  get support(): Constraint {
    return boolean;
  }
  override get hasEnumerateSupport(): boolean {
    return true;
  }
  override get mean(): Tensor {
    return this.probs;
  }
  override get mode(): Tensor {
    return where(this.probs.eq(0.5), Number.NaN, this.probs.ge(0.5).to(this.dtype));
  }
  override get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return rand(shape, { dtype: this.dtype, ...source })
      .lt(this.probs)
      .to(this.dtype);
  }
  protected override logDensity(value: Tensor): Tensor {
    return value.mul(this.logits).sub(this.logits.softplus(1, 40));
  }
  override entropy(): Tensor {
    return this.binaryEntropy;
  }
  override enumerateSupport(expand = true): Tensor {
    return this.enumerated(2, expand);
  }
}

/**
 * The geometric distribution, of the number of failures before the first success.
 *
 * @param args probs: of a success, or { logits }; option: validateArgs
 * @throws ArgumentError for a probability that is not in (0, 1]
 * @example
 * const failures = new distributions.Geometric(0.25).mean; // 3
 */
export class Geometric extends Odds {
  constructor(...args: OddsArguments) {
    super(args, { rules: { probs: openAbove } });
  }
  get support(): Constraint {
    return nonnegativeInteger;
  }
  override get mean(): Tensor {
    return this.probs.reciprocal().sub(1);
  }
  override get mode(): Tensor {
    return this.constant(0);
  }
  override get variance(): Tensor {
    return this.probs.reciprocal().sub(1).div(this.probs);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const u = rand(shape, { dtype: this.dtype, ...source })
      .neg()
      .add(1);
    return u.log().div(this.probs.neg().log1p()).floor().abs();
  }
  protected override logDensity(value: Tensor): Tensor {
    const p = where(this.probs.eq(1).logicalAnd(value.eq(0)), 0, this.probs);
    return value.mul(p.neg().log1p()).add(this.probs.log());
  }
  override entropy(): Tensor {
    return this.binaryEntropy.div(this.probs);
  }
}
const openAbove: Constraint = { ...unitInterval, text: 'in (0, 1]', check: (x) => x.gt(0).logicalAnd(x.le(1)) };

/**
 * The binomial distribution, of the number of successes among totalCount trials.
 *
 * @param args totalCount; probs, or { logits }; option: validateArgs
 * @throws ArgumentError for a number of trials that is not a whole number, and a probability outside of [0, 1]
 * @example
 * const successes = new distributions.Binomial(10, 0.5).mean; // 5
 */
export class Binomial extends Odds<'totalCount'> {
  constructor(...args: CountedArguments) {
    super(args, { rules: { totalCount: nonnegativeInteger } });
  }
  /** The number of trials. */
  get totalCount(): Tensor {
    return this.parameters.totalCount;
  }
  get support(): Constraint {
    return integersTo(this.totalCount, 'totalCount');
  }
  override get hasEnumerateSupport(): boolean {
    return true;
  }
  override get mean(): Tensor {
    return this.totalCount.mul(this.probs);
  }
  override get mode(): Tensor {
    return this.totalCount.add(1).mul(this.probs).floor().minimum(this.totalCount);
  }
  override get variance(): Tensor {
    return this.mean.mul(this.probs.neg().add(1));
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return binomials(this.totalCount, this.probs, shape, source);
  }
  protected override logDensity(value: Tensor): Tensor {
    const n = this.totalCount;
    const ways = lgamma(n.add(1))
      .sub(lgamma(value.add(1)))
      .sub(lgamma(n.sub(value).add(1)));
    return ways.add(value.mul(this.logits)).sub(n.mul(this.logits.softplus(1, 40)));
  }
  override entropy(): Tensor {
    const values = this.enumerateSupport(false);
    const logs = this.logDensity(values);
    return logs.exp().mul(logs).sum(0).neg();
  }
  override enumerateSupport(expand = true): Tensor {
    refuseReading(`${this.operation}.enumerateSupport`);
    const [n] = this.totalCount.toTypedArray();
    if (this.totalCount.toTypedArray().some((other) => other !== n)) {
      throw this.lacks('enumerateSupport', 'all distributions of the batch must have the same totalCount');
    }
    return this.enumerated((n ?? 0) + 1, expand);
  }
}

/**
 * The negative binomial distribution, of the number of successes before totalCount failures.
 *
 * @param args totalCount: also a fraction; probs: of a success, in [0, 1), or { logits }; option: validateArgs
 * @throws ArgumentError for a negative number of failures, and a probability outside of [0, 1)
 * @example
 * const successes = new distributions.NegativeBinomial(2, 0.5).mean; // 2
 */
export class NegativeBinomial extends Odds<'totalCount'> {
  constructor(...args: CountedArguments) {
    super(args, { rules: { totalCount: nonnegative, probs: halfOpenUnit } });
  }
  /** The number of failures. */
  get totalCount(): Tensor {
    return this.parameters.totalCount;
  }
  get support(): Constraint {
    return nonnegativeInteger;
  }
  override get mean(): Tensor {
    return this.totalCount.mul(this.logits.exp());
  }
  override get mode(): Tensor {
    return this.totalCount.sub(1).mul(this.logits.exp()).floor().clamp({ min: 0 });
  }
  override get variance(): Tensor {
    return this.mean.div(this.logits.neg().sigmoid());
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const rate = logGammas(this.totalCount, shape, source).add(this.logits).exp();
    return poissons(rate, shape, source);
  }
  protected override logDensity(value: Tensor): Tensor {
    const n = this.totalCount;
    const [failure, success] = [this.logits.softplus(1, 40).neg(), this.logits.neg().softplus(1, 40).neg()];
    const ways = lgamma(n.add(value))
      .sub(lgamma(value.add(1)))
      .sub(lgamma(n));
    return n
      .mul(failure)
      .add(value.mul(success))
      .add(where(n.add(value).eq(0), 0, ways));
  }
}

/**
 * The Poisson distribution, of the number of events: rate^x e^(-rate) / x!.
 *
 * @param args rate: the expected number; option: validateArgs
 * @throws ArgumentError for a negative rate
 * @example
 * const events = new distributions.Poisson(4).sample([3]); // [3]
 */
export class Poisson extends Parametric<'rate'> {
  constructor(...args: Positional<{ rate: Operand } & Validation, [rate: 'rate']>) {
    super(args, { rules: { rate: nonnegative } });
  }
  /** The expected number. */
  get rate(): Tensor {
    return this.parameters.rate;
  }
  get support(): Constraint {
    return nonnegativeInteger;
  }
  override get mean(): Tensor {
    return this.rate;
  }
  override get mode(): Tensor {
    return this.rate.floor();
  }
  override get variance(): Tensor {
    return this.rate;
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    return poissons(this.rate, shape, source);
  }
  protected override logDensity(value: Tensor): Tensor {
    return xlogy(value, this.rate)
      .sub(this.rate)
      .sub(lgamma(value.add(1)));
  }
}
