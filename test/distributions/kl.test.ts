// Kullback-Leibler divergences against PyTorch: test/golden/make_distributions.py says what a row holds.
import { describe, expect, it } from 'vitest';
import { ArgumentError, compile, distributions as d, StateError, type Tensor, tensor } from '../../lib/index.js';
import { build, expectNear, kl } from '../support/distributions.js';

describe.each(kl.map((row) => [row.p[0], row.q[0], row] as const))('%s and %s', (_p, _q, { p, q, result }) => {
  it.each(['float64', 'float32'] as const)('agrees with PyTorch in %s', (dtype) => {
    const run = () => d.klDivergence(build(p, dtype), build(q, dtype));
    if (result === null) expect(run).toThrow(ArgumentError);
    else expectNear('divergence', run(), result);
  });
});

it("there are at least PyTorch's pairs", () => expect(kl.length).toBeGreaterThan(75));

it('a compiled step gives NaN where it may not look at the numbers of trials', () => {
  const step = compile((n: Tensor) => d.klDivergence(new d.Binomial(n, 0.5), new d.Binomial(5, 0.25)));
  expect(step.sync(tensor([3])).toArray()).toEqual([Number.NaN]);
  expect(step.sync(tensor([6])).toArray()).toEqual([Number.POSITIVE_INFINITY]);
});

it('classes of users register theirs, the nearest is taken', () => {
  class Mine extends d.Normal {}
  d.registerKl(Mine, d.Normal, (p: Mine, q: d.Normal): Tensor => p.loc.sub(q.loc).mul(0).add(7));
  expect(d.klDivergence(new Mine(0, 1), new d.Normal(0, 1)).item()).toBe(7);
  expect(d.klDivergence(new d.Normal(0, 1), new Mine(0, 1)).item()).toBe(0);
});

it('a pair without a formula is named', () => {
  const run = () => d.klDivergence(new d.Weibull(1, 1), new d.Normal(0, 1));
  expect(run).toThrow(StateError);
  expect(run).toThrow('distributions.klDivergence: there is no formula for Weibull and Normal; add one by registerKl');
});
