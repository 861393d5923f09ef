// A distribution over angles, and the modified Bessel functions that it needs.
import type { Positional } from '../arguments.js';
import type { Operand } from '../ops/broadcast.js';
import { where } from '../ops/elementwise-compare.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Constraint, positive, real } from './constraints.js';
import type { Source, Validation } from './distribution.js';
import { Parametric } from './parametric.js';
import { vonMises } from './samplers.js';

// Polynomials of Abramowitz and Stegun, 9.8.1 to 9.8.4, as in PyTorch: in (x / 3.75)² below 3.75, in 3.75 / x above.
const small = [
  [1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813],
  [0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411],
];
const large = [
  [0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377],
  [0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059],
];
const horner = (x: Tensor, terms: readonly number[]): Tensor =>
  terms.slice(0, -1).reduceRight((y: Tensor, c) => y.mul(x).add(c), x.mul(0).add(terms.at(-1) as number));

/** log I₀(x) or log I₁(x) for x above 0, to about 10⁻⁷. */
function logBessel(x: Tensor, order: 0 | 1): Tensor {
  const isSmall = x.lt(3.75);
  const low = where(isSmall, x, 1);
  const high = where(isSmall, 3.75, x);
  const near = horner(low.mul(1 / 3.75).square(), small[order] as number[]).log();
  const far = horner(high.reciprocal().mul(3.75), large[order] as number[]).log();
  return where(isSmall, order === 0 ? near : near.add(low.log()), high.sub(high.log().mul(0.5)).add(far));
}

/**
 * The von Mises distribution, a normal distribution of angles: density e^(concentration cos(x - loc)) / (2π I₀(concentration)).
 * `mean` and `variance` are circular.
 *
 * @param args loc: an angle in radians; concentration; option: validateArgs
 * @throws ArgumentError for a concentration that is not greater than 0
 * @example
 * const angle = new distributions.VonMises(0, 4).sample(); // in [-π, π)
 */
export class VonMises extends Parametric<'loc' | 'concentration'> {
  constructor(
    ...args: Positional<
      { loc: Operand; concentration: Operand } & Validation,
      [loc: 'loc', concentration: 'concentration']
    >
  ) {
    super(args, { rules: { loc: real, concentration: positive } });
  }
  /** The mean angle. */
  get loc(): Tensor {
    return this.parameters.loc;
  }
  /** How narrow it is. */
  get concentration(): Tensor {
    return this.parameters.concentration;
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
  override get variance(): Tensor {
    const k = this.concentration;
    return logBessel(k, 1).sub(logBessel(k, 0)).exp().neg().add(1);
  }
  protected override draw(shape: Shape, source: Source): Tensor {
    const turned = vonMises(this.concentration, shape, source).add(this.loc).add(Math.PI);
    const turns = turned.mul(0.5 / Math.PI).floor();
    return turned.sub(turns.mul(2 * Math.PI)).sub(Math.PI);
  }
  protected override logDensity(value: Tensor): Tensor {
    const k = this.concentration;
    return k
      .mul(value.sub(this.loc).cos())
      .sub(Math.log(2 * Math.PI))
      .sub(logBessel(k, 0));
  }
}
