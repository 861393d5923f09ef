// Samplers by rejection without reading values, so that compiled steps can hold them: all rounds are drawn at once, and each
// element takes its first accepted one. The rounds are so many that one in 10¹⁰ elements or fewer accepts none of them; it
// takes the fallback, a value near the mode.
import { noGrad, record } from '../autograd/tape.js';
import type { DType } from '../dtype.js';
import { expandTo } from '../ops/broadcast.js';
import { to } from '../ops/copy.js';
import { logicalAnd, logicalNot, logicalOr, where } from '../ops/elementwise-compare.js';
import { lgamma } from '../ops/elementwise-special.js';
import { acos } from '../ops/elementwise-trigonometry.js';
import { rand, randn } from '../ops/random.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Source } from './distribution.js';
import { logGammaSlope } from './incomplete-gamma.js';
import { epsilonOf } from './limits.js';

const float64 = { dtype: 'float64' } as const;

/** Uniform float64 numbers in (0, 1]. */
const uniforms = (shape: Shape, source: Source): Tensor =>
  rand(shape, { ...float64, ...source })
    .neg()
    .add(1);

// The first accepted value along the first dimension.
function firstAccepted(accepted: Tensor, values: Tensor, fallback: Tensor): Tensor {
  let y = fallback;
  for (let i = (values.dims[0] as number) - 1; i >= 0; i--) {
    const part = { dim: 0, start: i, end: i + 1 };
    y = where(accepted.slice(part).squeeze(0), values.slice(part).squeeze(0), y);
  }
  return y;
}

/**
 * Logarithms of standard gamma variables, differentiable in alpha. Sampled by Marsaglia and Tsang, "A simple method for
 * generating gamma variables" (2000); the derivative is that of the quantile, -∂F/∂alpha / density, implicitly: Figurnov,
 * Mohamed, Mnih, "Implicit reparameterization gradients" (2018).
 *
 * @param alpha broadcasts to `shape`
 * @returns `shape`, in alpha's dtype
 */
export function logGammas(alpha: Tensor, shape: Shape, source: Source): Tensor {
  const a = expandTo(to(alpha, 'float64'), shape);
  const y = noGrad(() => {
    const boosted = a.lt(1);
    const d = where(boosted, a.add(1), a).sub(1 / 3);
    const rounds = [8, ...shape]; // each is accepted with probability 0.95 or more
    const x = randn(rounds, { ...float64, ...source });
    const root = x.div(d.sqrt().mul(3)).add(1);
    const valid = root.gt(0);
    const logV = where(valid, root, 1).log().mul(3);
    const bound = x
      .square()
      .mul(0.5)
      .add(d.mul(logV.sub(logV.expm1())));
    const accepted = logicalAnd(valid, uniforms(rounds, source).log().lt(bound));
    const chosen = firstAccepted(accepted, logV, d.mul(0)).add(d.log());
    return chosen.add(where(boosted, uniforms(shape, source).log().div(a), 0));
  });
  return to(
    record('logGamma', y, [a], (dy) => [dy.mul(logGammaSlope(a, y))], [a, y]),
    alpha.dtype,
  );
}

const few = 48; // more events than 10 are expected to be has probability 10⁻¹⁷

// The number of terms, of the last dimension, whose running sum is below the bound.
const countBelow = (terms: Tensor, isBelow: (sums: Tensor) => Tensor): Tensor =>
  to(isBelow(terms.cumsum(-1)), 'float64').sum(-1);

// The transformed rejection of Hörmann, for both distributions below: proposals, and which are accepted outright or refused.
function proposals(shape: Shape, source: Source, a: Tensor, b: Tensor, center: Tensor, vr: Tensor) {
  const rounds = [20, ...shape]; // each is accepted with probability 0.7 or more
  const u = uniforms(rounds, source).sub(0.5);
  const v = uniforms(rounds, source);
  const us = u.abs().neg().add(0.5);
  const inner = us.clamp({ min: 1e-12 });
  const k = a.mul(2).div(inner).add(b).mul(u).add(center).floor();
  const outright = logicalAnd(us.ge(0.07), v.le(vr));
  const refused = logicalAnd(us.lt(0.013), v.gt(us));
  return { k, outright, refused, logV: v.log().sub(a.div(inner.square()).add(b).log()) };
}

/**
 * Poisson counts, in rate's dtype: below a rate of 10 by waiting times, above by PTRS of Hörmann, "The transformed rejection
 * method for generating Poisson random variables" (1993).
 */
export function poissons(rate: Tensor, shape: Shape, source: Source): Tensor {
  const mean = expandTo(to(rate, 'float64'), shape);
  const waits = uniforms([...shape, few], source)
    .log()
    .neg();
  const small = countBelow(waits, (sums) => sums.lt(mean.unsqueeze(-1)));
  const large = mean.clamp({ min: 10 });
  const b = large.sqrt().mul(2.53).add(0.931);
  const a = b.mul(0.02483).sub(0.059);
  const vr = b.sub(2).reciprocal().mul(-3.6224).add(0.9277);
  const { k, outright, refused, logV } = proposals(shape, source, a, b, large.add(0.43), vr);
  const inverseAlpha = b.sub(3.4).reciprocal().mul(1.1328).add(1.1239).log();
  const safe = k.clamp({ min: 0 });
  const density = safe
    .mul(large.log())
    .sub(large)
    .sub(lgamma(safe.add(1)));
  const likely = logicalAnd(k.ge(0), logV.add(inverseAlpha).le(density));
  const accepted = logicalOr(outright, logicalAnd(logicalNot(refused), likely));
  return to(where(mean.lt(10), small, firstAccepted(accepted, k, large.floor())), rate.dtype);
}

/**
 * Binomial counts, in the dtype of p: where fewer than 10 are expected by waiting times, else by BTRS of Hörmann, "The
 * generation of binomial random variates" (1993).
 */
export function binomials(count: Tensor, p: Tensor, shape: Shape, source: Source): Tensor {
  const n = expandTo(to(count, 'float64'), shape);
  const probability = expandTo(to(p, 'float64'), shape);
  const flipped = probability.gt(0.5);
  const q = where(flipped, probability.neg().add(1), probability);
  const mean = n.mul(q);
  const logs = uniforms([...shape, few], source).log();
  const waits = logs.div(q.neg().log1p().unsqueeze(-1)).ceil().clamp({ min: 1 });
  const small = where(
    q.gt(0),
    countBelow(waits, (sums) => sums.le(n.unsqueeze(-1))),
    0,
  );
  const isSmall = mean.lt(10);
  const r = where(isSmall, 0.5, q);
  const m = where(isSmall, 40, n);
  const spread = m.mul(r).mul(r.neg().add(1)).sqrt();
  const b = spread.mul(2.53).add(1.15);
  const a = b.mul(0.0248).sub(0.0873).add(r.mul(0.01));
  const vr = b.reciprocal().mul(-4.2).add(0.92);
  const { k, outright, refused, logV } = proposals(shape, source, a, b, m.mul(r).add(0.5), vr);
  const alpha = b.reciprocal().mul(5.1).add(2.83).mul(spread).log();
  const inside = logicalAnd(k.ge(0), k.le(m));
  const safe = where(inside, k, 0);
  const weight = (x: Tensor): Tensor => lgamma(x.add(1)).add(lgamma(m.sub(x).add(1)));
  const mode = m.add(1).mul(r).floor();
  const odds = r.log().sub(r.neg().log1p());
  const bound = weight(mode).sub(weight(safe)).add(safe.sub(mode).mul(odds));
  const accepted = logicalAnd(inside, logicalOr(outright, logicalAnd(logicalNot(refused), logV.add(alpha).le(bound))));
  const y = where(isSmall, small, firstAccepted(accepted, k, mode));
  return to(where(flipped, n.sub(y), y), p.dtype);
}

/**
 * Angles in [-π, π) of a von Mises distribution around 0: Best and Fisher, "Efficient simulation of the von Mises distribution"
 * (1979).
 */
export function vonMises(concentration: Tensor, shape: Shape, source: Source): Tensor {
  const kappa = expandTo(to(concentration, 'float64'), shape);
  const tau = kappa.square().mul(4).add(1).sqrt().add(1);
  const rho = tau.sub(tau.mul(2).sqrt()).div(kappa.mul(2));
  const proposal = rho.square().add(1).div(rho.mul(2));
  const r = where(kappa.lt(1e-5), kappa.reciprocal().add(kappa), proposal);
  const rounds = [24, ...shape]; // each is accepted with probability 0.65 or more
  const z = uniforms(rounds, source).mul(Math.PI).cos();
  const f = r.mul(z).add(1).div(r.add(z));
  const c = r.sub(f).mul(kappa);
  const u = uniforms(rounds, source);
  const accepted = logicalOr(c.mul(c.neg().add(2)).sub(u).gt(0), c.div(u).log().add(1).sub(c).ge(0));
  const angle = acos(firstAccepted(accepted, f, kappa.mul(0).add(1)).clamp(-1, 1));
  return to(where(uniforms(shape, source).gt(0.5), angle, angle.neg()), concentration.dtype);
}

/** @internal Uniform numbers in (0, 1): those that `rand` makes, moved by half of their distance. */
export function uniformInside(shape: Shape, like: { dtype: DType }, source: Source): Tensor {
  const step = epsilonOf(like) / 2;
  // The largest, 1 - step, would round to 1.
  return rand(shape, { dtype: like.dtype, ...source })
    .mul(1 - step)
    .add(step / 2);
}
