// Entropy and divergence of a user's family from its log-normaliser, against those of the built-in distributions.
import { expect, it } from 'vitest';
import { type DType, distributions as d, grad, noGrad, type Tensor, tensor } from '../../lib/index.js';

class Gamma extends d.ExponentialFamily {
  constructor(
    readonly concentration: Tensor,
    readonly rate: Tensor,
  ) {
    super(concentration.shape);
  }
  get support() {
    return new d.Exponential(1).support;
  }
  get dtype(): DType {
    return this.rate.dtype;
  }
  get naturalParams(): Tensor[] {
    return [this.concentration.sub(1), this.rate.neg()];
  }
  logNormalizer(a: Tensor, b: Tensor): Tensor {
    return a.add(1).lgamma().sub(a.add(1).mul(b.neg().log()));
  }
  get meanCarrierMeasure(): number {
    return 0;
  }
}

// Of vectors: natural parameters have the dimension of the event.
class Dirichlet extends d.ExponentialFamily {
  constructor(readonly concentration: Tensor) {
    super(concentration.shape.slice(0, -1), concentration.shape.slice(-1));
  }
  get support() {
    return new d.Dirichlet(this.concentration).support;
  }
  get dtype(): DType {
    return this.concentration.dtype;
  }
  get naturalParams(): Tensor[] {
    return [this.concentration];
  }
  // Of the measure Π dx / x.
  logNormalizer(a: Tensor): Tensor {
    return a.lgamma().sum(-1).sub(a.sum(-1).lgamma());
  }
  get meanCarrierMeasure(): Tensor {
    const a = this.concentration;
    return a
      .digamma()
      .sub(a.sum(-1, { keepDim: true }).digamma())
      .sum(-1)
      .neg();
  }
}

class Other extends Dirichlet {}

const leaf = (values: number[] | number[][]): Tensor => tensor(values, { dtype: 'float64', requiresGrad: true });
const near = (x: Tensor, y: Tensor): void => {
  expect(x.shape).toEqual(y.shape);
  expect(x.allclose(y, 1e-10, 1e-12)).toBe(true);
};
const same = (run: () => Tensor, want: () => Tensor, leaves: Tensor[]): void => {
  near(run(), want());
  const gradients = grad(run().sum(), leaves);
  grad(want().sum(), leaves).forEach((g, i) => {
    near(gradients[i] as Tensor, g);
  });
  const bare = noGrad(run);
  expect(bare.requiresGrad).toBe(false);
  near(bare, want());
};

it('Gamma', () => {
  const [a, b, c, e] = [leaf([2, 3.5]), leaf([1, 0.25]), leaf([1.5, 3]), leaf([2, 1])];
  same(
    () => new Gamma(a, b).entropy(),
    () => new d.Gamma(a, b).entropy(),
    [a, b],
  );
  same(
    () => d.klDivergence(new Gamma(a, b), new Gamma(c, e)),
    () => d.klDivergence(new d.Gamma(a, b), new d.Gamma(c, e)),
    [a, b, c, e],
  );
});

it('Dirichlet', () => {
  const a = leaf([
    [1, 2, 0.5],
    [3, 1.5, 4],
  ]);
  const b = leaf([2, 1, 3]);
  same(
    () => new Dirichlet(a).entropy(),
    () => new d.Dirichlet(a).entropy(),
    [a],
  );
  same(
    () => d.klDivergence(new Dirichlet(a), new Dirichlet(b)),
    () => d.klDivergence(new d.Dirichlet(a), new d.Dirichlet(b)),
    [a, b],
  );
});

it('parameters without a gradient', () => {
  const [a, b] = [tensor([2, 3]), tensor([1, 4])];
  const y = new Gamma(a, b).entropy();
  expect(y.requiresGrad).toBe(false);
  expect(a.requiresGrad).toBe(false);
  expect(y.allclose(new d.Gamma(a, b).entropy(), 1e-5)).toBe(true);
});

it('two classes have no common formula', () => {
  const run = () => d.klDivergence(new Other(tensor([1, 2])), new Dirichlet(tensor([1, 2])));
  expect(run).toThrow('distributions.klDivergence: there is no formula for Other and Dirichlet; add one by registerKl');
});
