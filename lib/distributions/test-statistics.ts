// The distributions of statistics of normal samples: Student's t and Fisher's F.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { where } from '../ops/elementwise-compare.js';
import { digamma, lgamma } from '../ops/elementwise-special.js';
import { randn } from '../ops/random.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, positive, real } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { atLeastTiny } from './limits.js';
import { Reparameterized } from './parametric.js';
import { logGammas } from './samplers.js';

/**
 * Student's t-distribution: that of the mean of few normal numbers over its estimated error.
 *
 * @param args df: the degrees of freedom; loc (0), scale (1); option: validateArgs
 * @throws ArgumentError for a df or a scale that is not greater than 0
 * @example
 * const x = new distributions.StudentT(5).rsample([3]); // [3]
 */
export class StudentT extends Reparameterized<'df' | 'loc' | 'scale'> {
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
export class FisherSnedecor extends Reparameterized<'df1' | 'df2'> {
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
