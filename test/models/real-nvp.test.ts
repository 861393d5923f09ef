// The flow against the change of variables with a numeric Jacobian, an integral over the plane, and its own inverse.
import { expect, it } from 'vitest';
import {
  cat,
  compile,
  Generator,
  linalg,
  manualSeed,
  models,
  noGrad,
  optim,
  randn,
  ShapeError,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { seed } from '../support/seeded.js';

const double = { dtype: 'float64' } as const;
const flowOf = (features: number) => seed(new models.RealNVP(features, { layers: 4, hiddenFeatures: 6 }).double());

it.each([2, 3, 5])("is invertible, with the logarithm of its Jacobian's determinant, for %i numbers", (features) => {
  const flow = flowOf(features);
  noGrad(() => {
    const x = randn([4, features], { ...double, generator: new Generator(1) });
    const [z, logDet] = flow.forward(x);
    expect(flow.inverse(z).sub(x).abs().max().item()).toBeLessThan(1e-12);
    const h = 1e-6;
    const columns = Array.from({ length: features }, (_, i) => {
      const step = tensor(
        Array.from({ length: features }, (_, k) => (k === i ? h : 0)),
        double,
      );
      return flow
        .forward(x.add(step))[0]
        .sub(flow.forward(x.sub(step))[0])
        .div(2 * h)
        .unsqueeze(2);
    });
    const jacobian = cat(columns, 2);
    const wanted = linalg.slogdet(jacobian).logabsdet;
    expect(logDet.sub(wanted).abs().max().item()).toBeLessThan(1e-8);
    expect(logDet.abs().min().item()).toBeGreaterThan(1e-3); // it says something
    const normal = z
      .square()
      .sum(1)
      .mul(-0.5)
      .sub((features * Math.log(2 * Math.PI)) / 2);
    expect(flow.logProb(x).sub(normal.add(wanted)).abs().max().item()).toBeLessThan(1e-8);
    expect(flow.loss(x).item()).toBeCloseTo(-flow.logProb(x).mean().item(), 12);
  });
});

it('has a density whose integral is 1', () => {
  const flow = flowOf(2);
  const n = 200;
  const edge = 9;
  const at = (i: number) => ((i + 0.5) / n) * 2 * edge - edge;
  const grid = Float64Array.from({ length: 2 * n * n }, (_, i) =>
    at(i % 2 === 0 ? Math.floor(i / 2 / n) : (i >> 1) % n),
  );
  const total = noGrad(() =>
    flow
      .logProb(tensor(grid, { shape: [n * n, 2] }))
      .exp()
      .sum()
      .item(),
  );
  expect(Math.abs(total * ((2 * edge) / n) ** 2 - 1)).toBeLessThan(1e-3);
});

it('begins as the identity, and draws what it learned in compiled steps', () => {
  manualSeed(2);
  const flow = new models.RealNVP(2, { layers: 4, hiddenFeatures: 16 });
  expect(noGrad(() => flow.logProb(tensor([[0, 0]]))).item()).toBeCloseTo(-Math.log(2 * Math.PI), 6);
  const optimizer = new optim.Adam(flow.parameters(), { lr: 0.01 });
  const step = compile(() => {
    const [u, v] = randn([128, 2]).chunk(2, 1) as [Tensor, Tensor];
    const loss = flow.loss(cat([u, u.square().add(v.mul(0.3))], 1)); // a parabola
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses = Array.from({ length: 300 }, () => (step.sync() as Tensor).item());
  const entropy = Math.log(2 * Math.PI * Math.E) + Math.log(0.3); // of u, and of v · 0.3 for each u
  // The Gaussian of the same covariance: variances 1 and 2.09, uncorrelated.
  const gaussian = Math.log(2 * Math.PI * Math.E) + Math.log(2.09) / 2;
  const reached = losses.slice(-30).reduce((sum, loss) => sum + loss / 30, 0);
  expect(reached).toBeLessThan(entropy + 0.25 * (gaussian - entropy));
  expect(reached).toBeGreaterThan(entropy - 0.15);
  const [x, y] = noGrad(() => flow.sample(1000, { generator: new Generator(1) })).chunk(2, 1) as [Tensor, Tensor];
  expect(y.sub(x.square()).abs().median().item()).toBeLessThan(0.4);
});

it('refuses other widths', () => {
  const flow = new models.RealNVP(3);
  expect(() => flow.forward(randn([2, 4]))).toThrow(
    new ShapeError('RealNVP.forward: x must be [batch, 3], got x [2, 4]'),
  );
  expect(() => flow.inverse(randn([3]))).toThrow(new ShapeError('RealNVP.inverse: z must be [batch, 3], got z [3]'));
  expect(() => new models.RealNVP(1)).toThrow('RealNVP: features must be an integer of at least 2, got 1');
});
