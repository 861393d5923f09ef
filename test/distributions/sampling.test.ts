// Samples: their distribution against cdf, logProb and moments, and the derivatives of rsample.
import { beforeEach, describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { incompleteGamma, logGammaSlope } from '../../lib/distributions/incomplete-gamma.js';
import { compile, distributions as d, Generator, gradcheck, manualSeed, tensor } from '../../lib/index.js';
import type { Tensor } from '../../lib/tensor.js';
import { slopes } from '../support/distributions.js';

const t = (...values: number[]): Tensor => tensor(Float64Array.from(values));
const covariance = (): Tensor => t(2, 0.5, 0.5, 1).reshape(2, 2);
const leaf = (x: Tensor): Tensor => Object.assign(x.detach(), { requiresGrad: true });
beforeEach(() => {
  manualSeed(13);
});

const continuous: [string, d.Distribution][] = [
  ['Normal', new d.Normal(t(1), 2)],
  ['LogNormal', new d.LogNormal(t(0.5), 0.5)],
  ['Laplace', new d.Laplace(t(1), 2)],
  ['Cauchy', new d.Cauchy(t(1), 2)],
  ['Gumbel', new d.Gumbel(t(1), 2)],
  ['HalfNormal', new d.HalfNormal(t(2))],
  ['HalfCauchy', new d.HalfCauchy(t(2))],
  ['Exponential', new d.Exponential(t(3))],
  ['Pareto', new d.Pareto(t(1), 2)],
  ['Weibull', new d.Weibull(t(1), 2)],
  ['GeneralizedPareto', new d.GeneralizedPareto(t(1), 2, 0.3)],
  ['Uniform', new d.Uniform(t(1), 2)],
  ['Kumaraswamy', new d.Kumaraswamy(t(2), 0.5)],
  ['ContinuousBernoulli', new d.ContinuousBernoulli(t(0.8))],
  ['Gamma, small', new d.Gamma(t(0.2), 3)],
  ['Gamma', new d.Gamma(t(1.5), 3)],
  ['Gamma, large', new d.Gamma(t(300), 3)],
  ['Chi2', new d.Chi2(t(3))],
  ['InverseGamma', new d.InverseGamma(t(3), 2)],
  ['MixtureSameFamily', new d.MixtureSameFamily(new d.Categorical(t(0.25, 0.75)), new d.Normal(t(-2, 1), t(1, 0.5)))],
  ['TransformedDistribution', new d.TransformedDistribution(new d.Normal(t(0), 1), new d.SigmoidTransform())],
];

describe('samples have their cdf (Kolmogorov and Smirnov, p = 0.001)', () => {
  it.each(continuous)('%s', (_, from) => {
    const n = 4000;
    const x = from.sample([n]);
    const p = from.cdf(x).toTypedArray().sort();
    let most = 0;
    p.forEach((v, i) => {
      most = Math.max(most, v - i / p.length, (i + 1) / p.length - v);
    });
    expect(most).toBeLessThan(1.95 / Math.sqrt(p.length));
  });
});

const discrete: [string, d.Distribution][] = [
  ['Bernoulli', new d.Bernoulli(t(0.3))],
  ['Geometric', new d.Geometric(t(0.3))],
  ['Poisson, small', new d.Poisson(t(2.5))],
  ['Poisson, large', new d.Poisson(t(30))],
  ['Binomial, few', new d.Binomial(8, t(0.3))],
  ['Binomial, many', new d.Binomial(60, t(0.3))],
  ['Binomial, likely', new d.Binomial(60, t(0.8))],
  ['NegativeBinomial', new d.NegativeBinomial(4, t(0.4))],
  ['Categorical', new d.Categorical(t(1, 2, 3, 4))],
];

describe('samples have their probabilities (χ², p = 0.001)', () => {
  it.each(discrete)('%s', (name, from) => {
    const n = 4000;
    const x = Array.from(from.sample([n]).toTypedArray());
    const most = name === 'Categorical' ? 3 : name.startsWith('B') ? 60 : 100;
    const top = name === 'Bernoulli' ? 1 : name === 'Binomial, few' ? 8 : most;
    let [statistic, cells, rest, restSeen] = [0, 0, 0, 0];
    for (let k = 0; k <= top; k++) {
      const expected = Math.exp(from.logProb(k).sum().item()) * n;
      const seen = x.filter((v) => v === k).length;
      if (expected < 5) {
        rest += expected;
        restSeen += seen;
        continue;
      }
      statistic += (seen - expected) ** 2 / expected;
      cells++;
    }
    if (rest > 5) {
      statistic += (restSeen - rest) ** 2 / rest;
      cells++;
    } else expect(restSeen).toBeLessThan(25);
    // Wilson and Hilferty's approximation of the quantile
    const f = cells - 1;
    expect(statistic).toBeLessThan(f * (1 - 2 / (9 * f) + 3.09 * Math.sqrt(2 / (9 * f))) ** 3);
  });
});

describe('samples have their mean and variance', () => {
  it.each([
    ['Beta', new d.Beta(t(2), 3)],
    ['Beta, small', new d.Beta(t(0.3), 0.5)],
    ['Dirichlet', new d.Dirichlet(t(0.5, 1, 3))],
    ['StudentT', new d.StudentT(t(9), 1, 2)],
    ['FisherSnedecor', new d.FisherSnedecor(t(5), 30)],
    ['Multinomial', new d.Multinomial(5, t(1, 2, 3))],
    ['OneHotCategorical', new d.OneHotCategorical(t(1, 2, 3))],
    ['MultivariateNormal', new d.MultivariateNormal(t(1, 2), covariance())],
    ['LowRankMultivariateNormal', new d.LowRankMultivariateNormal(t(1, 2), t(1, -1).unsqueeze(-1), t(0.5, 2))],
    ['Wishart', new d.Wishart(t(5).sum(), covariance())],
    ...discrete.slice(0, -1),
    ...continuous.filter(([name]) => !/Cauchy|Pareto|Transformed/.test(name)),
  ] as [string, d.Distribution][])('%s', (_, from) => {
    const n = 20_000;
    const x = from.sample([n]);
    const off = x.mean(0).sub(from.mean).div(from.stddev).abs().max().item();
    expect(off).toBeLessThan(4 / Math.sqrt(n));
    expect(x.var(0).div(from.variance).sub(1).abs().max().item()).toBeLessThan(0.15);
  });

  it('covariances of MultivariateNormal', () => {
    const x = new d.MultivariateNormal(t(1, 2), covariance()).sample([20_000]).sub(t(1, 2));
    const product = x.slice({ dim: 1, end: 1 }).mul(x.slice({ dim: 1, start: 1 }));
    expect(product.mean().item()).toBeCloseTo(0.5, 1);
  });

  it('correlations of LKJCholesky', () => {
    const L = new d.LKJCholesky(4, t(1.5).sum()).sample([20_000]);
    const C = L.matmul(L.transpose(-2, -1));
    const variance = C.square().mean(0).toArray() as number[][];
    // (r + 1) / 2 has a symmetric beta distribution of concentration + n / 2 - 1.
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) expect(variance[i]?.[j]).toBeCloseTo(i === j ? 1 : 1 / (2 * 1.5 + 4 - 1), 2);
    }
  });

  it('logarithms of ratios of LogisticNormal', () => {
    const x = new d.LogisticNormal(t(0.5), t(2)).sample([20_000]).log();
    const ratio = x.slice({ dim: 1, end: 1 }).sub(x.slice({ dim: 1, start: 1 }));
    expect(ratio.mean().item()).toBeCloseTo(0.5, 1);
    expect(ratio.std().item()).toBeCloseTo(2, 1);
  });

  it('relaxed ones round to what they stand for', () => {
    const soft = new d.RelaxedOneHotCategorical(0.1, t(1, 2, 3)).rsample([20_000]);
    const shares = soft.argmax(-1).oneHot(3, { dtype: 'float64' }).mean(0).toArray() as number[];
    shares.forEach((share, i) => {
      expect(share).toBeCloseTo((i + 1) / 6, 1.5);
    });
    const gate = new d.RelaxedBernoulli(0.1, t(0.3)).rsample([20_000]);
    expect(gate.gt(0.5).to('float64').mean().item()).toBeCloseTo(0.3, 1.5);
  });

  it('angles of VonMises', () => {
    const from = new d.VonMises(t(1), 2);
    const x = from.sample([20_000]);
    const [c, s] = [x.cos().mean().item(), x.sin().mean().item()];
    expect(Math.atan2(s, c)).toBeCloseTo(1, 1);
    expect(1 - Math.hypot(c, s)).toBeCloseTo(from.variance.sum().item(), 2);
    expect(Math.max(...x.toTypedArray().map(Math.abs))).toBeLessThanOrEqual(Math.PI);
  });
});

describe('gamma variables', () => {
  it('have the derivative of the quantile, and the incomplete gamma function', () => {
    const alpha = t(...slopes.map((row) => row[0]));
    const y = t(...slopes.map((row) => row[1]));
    const slope = logGammaSlope(alpha, y).toTypedArray();
    const { lower } = incompleteGamma(alpha, y.exp());
    slopes.forEach(([a, , want, share], i) => {
      expect(Math.abs((slope[i] as number) / want - 1), `alpha ${a}`).toBeLessThan(1e-11);
      expect(Math.abs((lower.data[i] as number) - share), `alpha ${a}`).toBeLessThan(1e-10);
    });
  });

  it('can be differentiated again', () => {
    const alpha = leaf(t(0.3, 2, 20));
    const y = leaf(t(-2, 0.5, 3.1));
    expect(gradcheck((a, z) => logGammaSlope(a as Tensor, z as Tensor), [alpha, y])).toBe(true);
  });

  it('of small alpha neither vanish in the logarithm nor give NaN', () => {
    const a = tensor([0.001, 0.01], { requiresGrad: true });
    const x = new d.Gamma(a, 1).rsample([100]);
    const [g] = grad(x.sum(), [a]);
    expect(x.gt(0).all().item()).toBe(1);
    expect((g as Tensor).isfinite().all().item()).toBe(1);
  });
});

describe('the derivative of rsample', () => {
  // The share below a sample stays what it is when the parameters move.
  it.each(continuous.filter(([, from]) => from.hasRsample && 'parameters' in from))('%s', (_, from) => {
    const given = Object.entries((from as unknown as { parameters: Record<string, Tensor> }).parameters);
    const leaves = given.map(([, p]) => leaf(p));
    const Class = from.constructor as new (options: object) => d.Distribution;
    const moved = new Class(Object.fromEntries(given.map(([name], i) => [name, leaves[i]])));
    const x = moved.rsample([50]);
    for (const g of grad(moved.cdf(x).sum(), leaves)) expect(Math.abs((g as Tensor).sum().item())).toBeLessThan(1e-9);
  });

  it.each([
    ['Beta', (a: Tensor, b: Tensor) => new d.Beta(a, b)],
    ['FisherSnedecor', (a: Tensor, b: Tensor) => new d.FisherSnedecor(a, b.add(5))],
    ['StudentT', (a: Tensor, b: Tensor) => new d.StudentT(a.add(5), b, 1)],
  ])('%s moves the mean', (_, make) => {
    const leaves = [leaf(t(2)), leaf(t(3))];
    const from = make(...(leaves as [Tensor, Tensor]));
    const got = grad(from.rsample([20_000]).mean(), leaves, { retainGraph: true });
    const want = grad(from.mean.sum().add(leaves[0]!.sum().mul(0)), leaves);
    got.forEach((g, i) => {
      expect((g as Tensor).sum().item()).toBeCloseTo((want[i] as Tensor).sum().item(), 1);
    });
  });

  it('is refused where there is none', () => {
    expect(() => new d.Poisson(1).rsample()).toThrow(
      'distributions.Poisson.rsample: its samples have no derivative; use sample',
    );
  });
});

describe('a compiled step draws what the eager one draws', () => {
  it.each([
    ...continuous,
    ...discrete,
    ['VonMises', new d.VonMises(t(1), 2)],
    ['Dirichlet', new d.Dirichlet(t(0.5, 1, 3))],
  ] as [string, d.Distribution][])('%s', (_, from) => {
    const generator = new Generator(5);
    const step = compile(() => from.sample([3], { generator }));
    const got = [0, 1].map(() => step.sync().toArray());
    generator.seed(5);
    expect([0, 1].map(() => from.sample([3], { generator }).toArray())).toEqual(got);
  });
});
