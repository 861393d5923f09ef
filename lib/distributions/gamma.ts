// The gamma distribution and those made of it.
import type { Positional } from '../arguments.js';
import { expandTo, type Operand } from '../ops/broadcast.js';
import { eye } from '../ops/creation.js';
import { where } from '../ops/elementwise-compare.js';
import { digamma, lgamma, xlogy } from '../ops/elementwise-special.js';
import { randn } from '../ops/random.js';
import { broadcastShapes, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, nonnegative, positive, positiveVector, real, simplex, unitInterval } from './constraints.js';
import { Parametric, type Plan, type Source, type Validation } from './distribution.js';
import { incompleteGamma } from './incomplete-gamma.js';
import { logGammas } from './samplers.js';

/** Arguments of the gamma distributions. */
export type GammaArguments = Positional<
  { concentration: Operand; rate: Operand } & Validation,
  [concentration: 'concentration', rate: 'rate']
>;

// The least positive number that is not denormal.
const tinyOf = (x: Tensor): number => (x.dtype === 'float64' ? 2 ** -1022 : 2 ** -126);
// The shares of the standard gamma distribution below and above z.
function shares(alpha: Tensor, z: Tensor): { lower: Tensor; upper: Tensor } {
  const wide = broadcastShapes('cdf', ['concentration', 'value'], [alpha.dims, z.dims]);
  return incompleteGamma(expandTo(alpha, wide).to('float64'), expandTo(z, wide).to('float64'));
}
const atLeastTiny = (x: Tensor): Tensor => x.clamp({ min: tinyOf(x) });

/**
 * The gamma distribution: density rate^a x^(a - 1) e^(-rate x) / Γ(a), a = concentration. `rsample` is differentiable in both
 * parameters: Figurnov, Mohamed, Mnih, "Implicit reparameterization gradients", 2018.
 *
 * @param args concentration, rate; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const x = new distributions.Gamma(2, 1).rsample([3]); // [3]
 */
export class Gamma extends Parametric<'concentration' | 'rate' | 'df'> {
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
  override get hasRsample(): boolean {
    return true;
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
export class InverseGamma extends Parametric<'concentration' | 'rate'> {
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
  override get hasRsample(): boolean {
    return true;
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

/**
 * Student's t-distribution: that of the mean of few normal numbers over its estimated error.
 *
 * @param args df: the degrees of freedom; loc (0), scale (1); option: validateArgs
 * @throws ArgumentError for a df or a scale that is not greater than 0
 * @example
 * const x = new distributions.StudentT(5).rsample([3]); // [3]
 */
export class StudentT extends Parametric<'df' | 'loc' | 'scale'> {
  constructor(
    ...args: Positional<
      { df: Operand; loc?: Operand; scale?: Operand } & Validation,
      [df: 'df', loc: 'loc', scale: 'scale']
    >
  ) {
    super(args, { rules: { df: positive, loc: real, scale: positive }, defaults: { loc: 0, scale: 1 } });
  }
  /** The degrees of freedom. */
  get df(): Tensor {
    return this.parameters.df;
  }
  /** The median. */
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
  override get hasRsample(): boolean {
    return true;
  }
  override get mean(): Tensor {
    return where(this.df.gt(1), this.loc, Number.NaN);
  }
  override get mode(): Tensor {
    return this.loc;
  }
  override get variance(): Tensor {
    const finite = this.df.gt(2);
    const df = where(finite, this.df, 3);
    const beyond = where(this.df.gt(1), Number.POSITIVE_INFINITY, this.constant(Number.NaN));
    return where(finite, this.scale.square().mul(df.div(df.sub(2))), beyond);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const x = randn(shape, { dtype: this.dtype, ...source });
    const half = this.df.mul(0.5);
    const root = half
      .log()
      .sub(logGammas(half, shape, source))
      .mul(0.5)
      .exp();
    return x.mul(root).mul(this.scale).add(this.loc);
  }
  protected override logDensity(value: Tensor): Tensor {
    const { df, scale } = this;
    const half = df.mul(0.5);
    const norm = scale
      .log()
      .add(df.log().add(Math.log(Math.PI)).mul(0.5))
      .add(lgamma(half))
      .sub(lgamma(half.add(0.5)));
    return value.sub(this.loc).div(scale).square().div(df).log1p().mul(half.add(0.5)).neg().sub(norm);
  }
  override entropy(): Tensor {
    const half = this.df.mul(0.5);
    const more = half.add(0.5);
    const logBeta = lgamma(half)
      .add(0.5 * Math.log(Math.PI))
      .sub(lgamma(more));
    const spread = more.mul(digamma(more).sub(digamma(half)));
    return this.scale.log().add(spread).add(this.df.log().mul(0.5)).add(logBeta);
  }
}

/**
 * The distribution of the ratio of two estimates of a variance: (x / df1) / (y / df2), where x and y have χ² distributions.
 *
 * @param args df1, df2: the degrees of freedom; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const mean = new distributions.FisherSnedecor(2, 4).mean; // 2
 */
export class FisherSnedecor extends Parametric<'df1' | 'df2'> {
  constructor(...args: Positional<{ df1: Operand; df2: Operand } & Validation, [df1: 'df1', df2: 'df2']>) {
    super(args, { rules: { df1: positive, df2: positive } });
  }
  /** The degrees of freedom of x. */
  get df1(): Tensor {
    return this.parameters.df1;
  }
  /** The degrees of freedom of y. */
  get df2(): Tensor {
    return this.parameters.df2;
  }
  get support(): Constraint {
    return positive;
  }
  override get hasRsample(): boolean {
    return true;
  }
  override get mean(): Tensor {
    const finite = this.df2.gt(2);
    const df2 = where(finite, this.df2, 3);
    return where(finite, df2.div(df2.sub(2)), Number.NaN);
  }
  override get mode(): Tensor {
    const { df1, df2 } = this;
    return where(df1.gt(2), df1.sub(2).div(df1).mul(df2).div(df2.add(2)), Number.NaN);
  }
  override get variance(): Tensor {
    const finite = this.df2.gt(4);
    const df2 = where(finite, this.df2, 5);
    const above = df2.square().mul(this.df1.add(df2).sub(2)).mul(2);
    return where(finite, above.div(this.df1.mul(df2.sub(2).square()).mul(df2.sub(4))), Number.NaN);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const { df1, df2 } = this;
    const difference = logGammas(df1.mul(0.5), shape, source).sub(logGammas(df2.mul(0.5), shape, source));
    return atLeastTiny(difference.exp().mul(df2.div(df1)));
  }
  protected override logDensity(value: Tensor): Tensor {
    const [a, b] = [this.df1.mul(0.5), this.df2.mul(0.5)];
    const ratio = this.df1.div(this.df2);
    const norm = lgamma(a.add(b)).sub(lgamma(a)).sub(lgamma(b));
    const powers = a.mul(ratio.log()).add(a.sub(1).mul(value.log()));
    return norm.add(powers).sub(a.add(b).mul(ratio.mul(value).log1p()));
  }
}

/**
 * The beta distribution, of a probability: density x^(a - 1) (1 - x)^(b - 1) / B(a, b), a = concentration1, b = concentration0.
 * Samples are made of two gamma variables, so that `rsample` is differentiable in both parameters.
 *
 * @param args concentration1: of successes; concentration0: of failures; option: validateArgs
 * @throws ArgumentError for parameters that are not greater than 0
 * @example
 * const mean = new distributions.Beta(3, 1).mean; // 0.75
 */
export class Beta extends Parametric<'concentration1' | 'concentration0'> {
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
  override get hasRsample(): boolean {
    return true;
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
    return y.clamp(tinyOf(y), 1 - (y.dtype === 'float64' ? 2 ** -53 : 2 ** -24));
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
export class Dirichlet extends Parametric<'concentration'> {
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
  override get hasRsample(): boolean {
    return true;
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
