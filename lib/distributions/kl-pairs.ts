// The divergences that PyTorch has, from the same class to itself and between classes.

import { ShapeError, StateError } from '../errors.js';
import { full } from '../ops/creation.js';
import { erf } from '../ops/elementwise.js';
import { logicalOr, where } from '../ops/elementwise-compare.js';
import { digamma, lgamma, xlogy } from '../ops/elementwise-special.js';
import { solveTriangular } from '../ops/linalg-triangular.js';
import { broadcastShapes } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Beta, Dirichlet } from './beta.js';
import { Categorical, OneHotCategorical } from './categorical.js';
import { Independent, TransformedDistribution } from './composite.js';
import { atLeast, checkSatisfied } from './constraints.js';
import { ContinuousBernoulli } from './continuous-bernoulli.js';
import { type Distribution, eulerGamma, sumLast } from './distribution.js';
import { bregman, ExponentialFamily } from './exponential-family.js';
import { HalfNormal } from './folded.js';
import { Gamma } from './gamma.js';
import { Uniform } from './interval.js';
import { klDivergence, registerKl } from './kl.js';
import { halfLogDet, LowRankMultivariateNormal, MultivariateNormal, mahalanobis } from './multivariate.js';
import { Cauchy, Gumbel, Laplace, LogNormal, Normal } from './normal.js';
import { Bernoulli, Binomial, Geometric, Poisson } from './odds.js';
import { Exponential, Pareto } from './positive.js';
import type { Transform } from './transform.js';

const infinite = (p: Distribution, q: Distribution): Tensor => {
  const shape = broadcastShapes('distributions.klDivergence', ['p', 'q'], [p.batchShape, q.batchShape]);
  return full(shape, Number.POSITIVE_INFINITY, { dtype: p.dtype });
};
const infiniteWhere = (mask: Tensor, y: Tensor): Tensor => where(mask, Number.POSITIVE_INFINITY, y);
const xLogX = (x: Tensor): Tensor => xlogy(x, x);

registerKl(ExponentialFamily, ExponentialFamily, bregman);
registerKl(Bernoulli, Bernoulli, (p, q) => {
  const [a, b] = [p.probs, q.probs];
  const ones = a.mul(q.logits.neg().softplus(1, 40).sub(p.logits.neg().softplus(1, 40)));
  const zeros = a
    .neg()
    .add(1)
    .mul(q.logits.softplus(1, 40).sub(p.logits.softplus(1, 40)));
  return where(a.eq(0), 0, infiniteWhere(b.eq(0), ones)).add(where(a.eq(1), 0, infiniteWhere(b.eq(1), zeros)));
});
registerKl(Beta, Beta, (p, q) => {
  const [a, b, c, d] = [p.concentration1, p.concentration0, q.concentration1, q.concentration0];
  const [s, r] = [a.add(b), c.add(d)];
  const norms = lgamma(c).add(lgamma(d)).add(lgamma(s)).sub(lgamma(a)).sub(lgamma(b)).sub(lgamma(r));
  const peaks = a
    .sub(c)
    .mul(digamma(a))
    .add(b.sub(d).mul(digamma(b)));
  return norms.add(peaks).add(r.sub(s).mul(digamma(s)));
});
registerKl(Binomial, Binomial, (p, q) => {
  const [n, m] = [p.totalCount, q.totalCount];
  // With fewer trials in p there is no formula; in a compiled step, which must not read values, the result is NaN then.
  const rule = { ...atLeast(m), text: 'at least that of q' };
  checkSatisfied('distributions.klDivergence', 'totalCount of p', n, () => rule);
  const each = p.probs.mul(p.logits.sub(q.logits)).add(p.probs.neg().log1p()).sub(q.probs.neg().log1p());
  return where(n.lt(m), Number.NaN, infiniteWhere(n.gt(m), n.mul(each)));
});
const categories = (p: Categorical | OneHotCategorical, q: Categorical | OneHotCategorical): Tensor => {
  const terms = p.probs.mul(p.logits.sub(q.logits));
  return where(p.probs.eq(0), 0, infiniteWhere(q.probs.eq(0), terms)).sum(-1);
};
registerKl(Categorical, Categorical, categories);
registerKl(OneHotCategorical, OneHotCategorical, categories);
registerKl(ContinuousBernoulli, ContinuousBernoulli, (p, q) => {
  const own = p.logNorm.add(p.probs.neg().log1p());
  return p.mean.mul(p.logits.sub(q.logits)).add(own).sub(q.logNorm).sub(q.probs.neg().log1p());
});
registerKl(Dirichlet, Dirichlet, (p, q) => {
  const [a, b] = [p.concentration, q.concentration];
  const [s, r] = [a.sum(-1), b.sum(-1)];
  const excess = a
    .sub(b)
    .mul(digamma(a).sub(digamma(s).unsqueeze(-1)))
    .sum(-1);
  return lgamma(s)
    .sub(lgamma(r))
    .sub(lgamma(a).sub(lgamma(b)).sum(-1))
    .add(excess);
});
registerKl(Exponential, Exponential, (p, q) => {
  const ratio = q.rate.div(p.rate);
  return ratio.sub(1).sub(ratio.log());
});
registerKl(Gamma, Gamma, (p, q) => {
  const [a, b] = [p.concentration, q.concentration];
  const norms = b.mul(p.rate.div(q.rate).log()).add(lgamma(b)).sub(lgamma(a));
  return norms.add(a.sub(b).mul(digamma(a))).add(q.rate.sub(p.rate).mul(a.div(p.rate)));
});
registerKl(Gumbel, Gumbel, (p, q) => {
  const ratio = p.scale.div(q.scale);
  const shift = q.loc.sub(p.loc).div(q.scale);
  const tail = shift.add(lgamma(ratio.add(1))).exp();
  return ratio
    .mul(eulerGamma)
    .sub(ratio.log())
    .sub(shift)
    .add(tail)
    .sub(1 + eulerGamma);
});
registerKl(Geometric, Geometric, (p, q) => p.entropy().neg().sub(q.probs.neg().log1p().div(p.probs)).sub(q.logits));
const normals = (p: { loc: Tensor; scale: Tensor }, q: { loc: Tensor; scale: Tensor }): Tensor => {
  const ratio = p.scale.div(q.scale).square();
  return ratio.add(p.loc.sub(q.loc).div(q.scale).square()).sub(1).sub(ratio.log()).mul(0.5);
};
registerKl(Normal, Normal, normals);
registerKl(LogNormal, LogNormal, normals);
registerKl(HalfNormal, HalfNormal, (p, q) => {
  const ratio = p.scale.div(q.scale).square();
  return ratio.sub(1).sub(ratio.log()).mul(0.5);
});
registerKl(Laplace, Laplace, (p, q) => {
  const ratio = p.scale.div(q.scale);
  const distance = p.loc.sub(q.loc).abs();
  const tail = ratio.mul(distance.div(p.scale).neg().exp());
  return distance.div(q.scale).add(tail).sub(ratio.log()).sub(1);
});
registerKl(Pareto, Pareto, (p, q) => {
  const ratio = q.alpha.div(p.alpha);
  const y = q.alpha.mul(p.scale.div(q.scale).log()).sub(ratio.log()).add(ratio).sub(1);
  return infiniteWhere(p.scale.lt(q.scale), y);
});
registerKl(Poisson, Poisson, (p, q) => p.rate.mul(p.rate.log().sub(q.rate.log())).sub(p.rate.sub(q.rate)));
registerKl(Uniform, Uniform, (p, q) => {
  const y = q.high.sub(q.low).div(p.high.sub(p.low)).log();
  return infiniteWhere(logicalOr(q.low.gt(p.low), q.high.lt(p.high)), y);
});
registerKl(Cauchy, Cauchy, (p, q) => {
  const sum = p.scale.add(q.scale).square().add(p.loc.sub(q.loc).square());
  return sum.log().sub(p.scale.mul(q.scale).mul(4).log());
});
// Transforms of one class with the same settings are the same.
const isSame = (a: Transform, b: Transform): boolean =>
  a === b || (a.constructor === b.constructor && Object.entries(a).every(([k, v]) => b[k as keyof Transform] === v));
registerKl(TransformedDistribution, TransformedDistribution, (p, q) => {
  if (
    p.transforms.length !== q.transforms.length ||
    !p.transforms.every((t, i) => isSame(t, q.transforms[i] as Transform))
  ) {
    throw new StateError('distributions.klDivergence: there is no formula for distributions with different transforms');
  }
  return klDivergence(p.baseDist, q.baseDist);
});
registerKl(Independent, Independent, (p, q) => {
  if (p.reinterpretedBatchNdims !== q.reinterpretedBatchNdims) {
    const got = `got ${p.reinterpretedBatchNdims} and ${q.reinterpretedBatchNdims}`;
    throw new ShapeError(`distributions.klDivergence: reinterpretedBatchNdims must be equal, ${got}`);
  }
  return sumLast(klDivergence(p.baseDist, q.baseDist), p.reinterpretedBatchNdims);
});

type Gaussian = MultivariateNormal | LowRankMultivariateNormal;
// ½ (log det Q / det P + tr(Q⁻¹ P) + the distance of the means - n)
const gaussians = (p: Gaussian, q: Gaussian): Tensor => {
  const n = p.eventShape[0] as number;
  if (n !== q.eventShape[0]) {
    throw new ShapeError(`distributions.klDivergence: eventShape must be equal, got [${n}] and [${q.eventShape}]`);
  }
  const [P, Q] = [p.scaleTril, q.scaleTril];
  const trace = solveTriangular(Q, P, { upper: false }).square().sum([-2, -1]);
  const distance = mahalanobis(Q, q.loc.sub(p.loc));
  return trace.add(distance).sub(n).mul(0.5).add(halfLogDet(Q)).sub(halfLogDet(P));
};
for (const P of [MultivariateNormal, LowRankMultivariateNormal]) {
  for (const Q of [MultivariateNormal, LowRankMultivariateNormal]) registerKl<Gaussian, Gaussian>(P, Q, gaussians);
}

// Where p has values that q excludes.
for (const P of [Exponential, Gamma, Gumbel, Laplace, Normal, Pareto]) {
  for (const Q of [Beta, ContinuousBernoulli, Uniform]) registerKl<Distribution, Distribution>(P, Q, infinite);
}
for (const P of [Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Normal]) {
  registerKl<Distribution, Distribution>(P, Pareto, infinite);
}
for (const P of [Gumbel, Laplace, Normal]) {
  for (const Q of [Exponential, Gamma]) registerKl<Distribution, Distribution>(P, Q, infinite);
}
for (const Q of [Bernoulli, Binomial]) registerKl<Distribution, Distribution>(Poisson, Q, infinite);

registerKl(Bernoulli, Poisson, (p, q) => q.rate.sub(p.probs.mul(q.rate.log())).sub(p.entropy()));
const toContinuous = (p: Distribution, q: ContinuousBernoulli): Tensor =>
  p.entropy().add(p.mean.mul(q.logits)).add(q.probs.neg().log1p()).add(q.logNorm).neg();
registerKl(Beta, ContinuousBernoulli, toContinuous);
registerKl(Uniform, ContinuousBernoulli, (p, q) =>
  infiniteWhere(logicalOr(p.high.gt(1), p.low.lt(0)), toContinuous(p, q)),
);
const toExponential = (p: Distribution, q: Exponential): Tensor =>
  q.rate.mul(p.mean).sub(q.rate.log()).sub(p.entropy());
registerKl(Beta, Exponential, toExponential);
registerKl(ContinuousBernoulli, Exponential, toExponential);
registerKl(Gamma, Exponential, toExponential);
registerKl(Pareto, Exponential, (p, q) => infiniteWhere(p.alpha.le(1), toExponential(p, q)));
registerKl(Uniform, Exponential, (p, q) => infiniteWhere(p.low.lt(0), toExponential(p, q)));
// E[log q] of a gamma distribution, given E[log x].
const toGamma = (p: Distribution, q: Gamma, meanLog: Tensor): Tensor => {
  const norm = lgamma(q.concentration).sub(q.concentration.mul(q.rate.log()));
  return norm.sub(q.concentration.sub(1).mul(meanLog)).add(q.rate.mul(p.mean)).sub(p.entropy());
};
registerKl(Beta, Gamma, (p, q) =>
  toGamma(p, q, digamma(p.concentration1).sub(digamma(p.concentration1.add(p.concentration0)))),
);
registerKl(Exponential, Gamma, (p, q) => toGamma(p, q, p.rate.log().add(eulerGamma).neg()));
registerKl(Pareto, Gamma, (p, q) =>
  infiniteWhere(p.alpha.le(1), toGamma(p, q, p.scale.log().add(p.alpha.reciprocal()))),
);
const uniformLog = (low: Tensor, high: Tensor): Tensor => {
  const width = high.sub(low);
  return xLogX(high).sub(xLogX(low)).sub(width).div(width);
};
registerKl(Uniform, Gamma, (p, q) => infiniteWhere(p.low.lt(0), toGamma(p, q, uniformLog(p.low, p.high))));
const toNormal = (p: Distribution, q: Normal): Tensor => {
  const square = p.variance.add(p.mean.sub(q.loc).square()).div(q.scale.square().mul(2));
  return square
    .add(q.scale.log())
    .add(0.5 * Math.log(2 * Math.PI))
    .sub(p.entropy());
};
for (const P of [Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform]) {
  registerKl<Distribution, Normal>(P, Normal, toNormal);
}
registerKl(Pareto, Normal, (p, q) => infiniteWhere(p.alpha.le(2), toNormal(p, q)));
registerKl(Beta, Uniform, (p, q) =>
  infiniteWhere(logicalOr(q.low.gt(0), q.high.lt(1)), q.high.sub(q.low).log().sub(p.entropy())),
);
registerKl(ContinuousBernoulli, Uniform, (p, q) =>
  infiniteWhere(logicalOr(q.low.gt(0), q.high.lt(1)), q.high.sub(q.low).log().sub(p.entropy())),
);
registerKl(Uniform, Beta, (p, q) => {
  const [a, b] = [q.concentration1, q.concentration0];
  const norm = lgamma(a)
    .add(lgamma(b))
    .sub(lgamma(a.add(b)));
  const below = a.sub(1).mul(uniformLog(p.low, p.high));
  const above = b.sub(1).mul(uniformLog(p.high.neg().add(1), p.low.neg().add(1)));
  const y = norm.sub(below).sub(above).sub(p.entropy());
  return infiniteWhere(logicalOr(p.high.gt(1), p.low.lt(0)), y);
});
registerKl(Uniform, Pareto, (p, q) => {
  const y = uniformLog(p.low, p.high).mul(q.alpha.add(1)).sub(q.alpha.log()).sub(q.alpha.mul(q.scale.log()));
  return infiniteWhere(p.low.lt(q.scale), y.sub(p.entropy()));
});
// E[(x - loc) / scale + exp(-(x - loc) / scale)] + log scale, given E[exp(-x / scale)]
const toGumbel = (p: Distribution, q: Gumbel, tail: Tensor): Tensor =>
  p.mean.sub(q.loc).div(q.scale).add(q.loc.div(q.scale).exp().mul(tail)).add(q.scale.log()).sub(p.entropy());
registerKl(Exponential, Gumbel, (p, q) => {
  const product = p.rate.mul(q.scale);
  return toGumbel(p, q, product.div(product.add(1)));
});
registerKl(Gamma, Gumbel, (p, q) => {
  const inverse = p.rate.mul(q.scale).reciprocal();
  return toGumbel(p, q, inverse.log1p().mul(p.concentration).neg().exp());
});
registerKl(Normal, Gumbel, (p, q) => {
  const ratio = p.scale.div(q.scale).square().mul(0.5);
  return toGumbel(p, q, ratio.sub(p.loc.div(q.scale)).exp());
});
registerKl(Uniform, Gumbel, (p, q) => {
  const ends = p.low.div(q.scale).neg().exp().sub(p.high.div(q.scale).neg().exp());
  return toGumbel(p, q, ends.mul(q.scale).div(p.high.sub(p.low)));
});
registerKl(Normal, Laplace, (p, q) => {
  const off = p.loc.sub(q.loc);
  const z = off.div(p.scale);
  const near = p.scale.mul(z.square().mul(-0.5).exp()).mul(Math.sqrt(2 / Math.PI));
  const distance = near.add(off.mul(erf(z.mul(Math.SQRT1_2)))).div(q.scale);
  return distance.add(q.scale.mul(2).log()).sub(p.entropy());
});
