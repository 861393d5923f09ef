// The incomplete gamma function and the derivative of gamma variables, as integrals. With t = z eˢ,
// Γ(alpha) P(alpha, z) = z^alpha e⁻ᶻ ∫ g(s) ds over s < 0, and Γ(alpha) (1 - P) is the same over s > 0, where
// g(s) = exp(alpha s - z (eˢ - 1)). The integral over the side where g falls is taken by a Gauss-Legendre rule, up to where g is
// negligible, to the accuracy of float64.
import { noGrad } from '../autograd/tape.js';
import { tensor } from '../ops/creation.js';
import { logicalAnd, where } from '../ops/elementwise-compare.js';
import { digamma, lgamma } from '../ops/elementwise-special.js';
import type { Tensor } from '../tensor.js';

// Nodes and weights of the Gauss-Legendre rule on [0, 1], by Newton's method.
function gaussLegendre(n: number): { nodes: Float64Array; weights: Float64Array } {
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 8; step++) {
      let [before, p] = [1, x];
      for (let k = 2; k <= n; k++) [before, p] = [p, ((2 * k - 1) * x * p - (k - 1) * before) / k];
      slope = (n * (x * p - before)) / (x * x - 1);
      x -= p / slope;
    }
    nodes[i] = (1 + x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}

type Rule = ReturnType<typeof gaussLegendre>;
let made: Rule | null = null;

// Made at first use, because it takes milliseconds.
function rule(): Rule {
  made ??= gaussLegendre(48);
  return made;
}
const cut = 36; // e⁻³⁶ is below the rounding error

/**
 * The side of the integral, -1 or 1, how far it goes, its points s and g there, along a new last dimension. For z of at most 1,
 * `isNear`, g decays slowly, like e^z exp(alpha s), whose integral is known: it is left out of g.
 */
function integrand(alpha: Tensor, z: Tensor) {
  const { isNear, side, length } = noGrad(() => {
    const isNear = z.le(1);
    const above = logicalAnd(z.gt(alpha), z.gt(1));
    const ratio = z.clamp({ min: 1 }).reciprocal().mul(cut);
    const left = z
      .add(cut)
      .div(alpha)
      .minimum(where(ratio.lt(1 / 3), ratio.mul(3).sqrt(), Number.POSITIVE_INFINITY));
    const right = ratio.mul(2).sqrt().minimum(ratio.log1p().add(0.7));
    const far = where(above, right, left);
    const length = where(isNear, alpha.add(1).reciprocal().mul(cut), far);
    return { isNear, side: where(above, 1, far.mul(0).sub(1)), length };
  });
  const s = side.mul(length).unsqueeze(-1).mul(tensor(rule().nodes));
  const [a, near] = [alpha.unsqueeze(-1), isNear.unsqueeze(-1)];
  const low = where(isNear, z, 0).unsqueeze(-1);
  const rest = where(near, s, 0);
  const g = where(
    near,
    rest.mul(a).add(low).exp().mul(low.mul(rest.exp()).neg().expm1()),
    s
      .mul(a)
      .sub(s.expm1().mul(z.unsqueeze(-1)))
      .exp(),
  );
  // ∫ e^z exp(alpha s) ds over s < 0
  const known = where(isNear, z, 0).exp().div(alpha);
  return { side, length, s, g, known: where(isNear, known, 0) };
}

/**
 * ∂(log z)/∂alpha of a gamma variable z = e^y with constant P(alpha, z), that is, -∂P/∂alpha over the density, over z:
 * ∫ g(s) (s + y - ψ(alpha)) ds over s > 0, or the negative of that over s < 0. alpha and y are float64.
 */
export function logGammaSlope(alpha: Tensor, y: Tensor): Tensor {
  const { side, length, s, g, known } = integrand(alpha, y.exp());
  const distance = y.sub(digamma(alpha));
  const terms = g.mul(s.add(distance.unsqueeze(-1)));
  const integral = terms.mul(tensor(rule().weights)).sum(-1).mul(side.mul(length));
  return integral.sub(known.mul(distance.sub(alpha.reciprocal())));
}

/** P(alpha, z), the share of the gamma distribution below z, and 1 - P; both float64 and differentiable. */
export function incompleteGamma(alpha: Tensor, x: Tensor): { lower: Tensor; upper: Tensor } {
  const z = x.clamp({ max: 1e300 });
  const { side, length, g, known } = integrand(alpha, z);
  const area = g.mul(tensor(rule().weights)).sum(-1).mul(length).add(known);
  const share = alpha.mul(z.log()).sub(z).sub(lgamma(alpha)).exp().mul(area);
  const rest = share.neg().add(1);
  const isUpper = side.gt(0);
  return { lower: where(isUpper, rest, share), upper: where(isUpper, share, rest) };
}
