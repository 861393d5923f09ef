// What distributions say of wrong parameters, values and shapes.
import { afterEach, describe, expect, it } from 'vitest';
import { ArgumentError, compile, DTypeError, distributions as d, ShapeError, tensor } from '../../lib/index.js';

type Row = [run: () => unknown, kind: new (message: string) => Error, text: string];

const rows: Row[] = [
  [() => new d.Normal(0, -1), ArgumentError, 'distributions.Normal: scale must be greater than 0, got -1'],
  [
    () => new d.Normal(0, tensor([1, 0, 2])),
    ArgumentError,
    'distributions.Normal: scale must be greater than 0, got 0 (element 1)',
  ],
  [
    () => new d.Categorical({ logits: tensor([[0, -Infinity], [-Infinity, -Infinity]]) }), // biome-ignore format: a row a distribution
    ArgumentError,
    'distributions.Categorical: logits must be vectors of finite numbers and -Infinity, not of -Infinity alone, got logits [2, 2] (element 1)',
  ],
  [
    () => new d.OneHotCategorical({ logits: tensor([0, Infinity]) }),
    ArgumentError,
    'distributions.OneHotCategorical: logits must be vectors of finite numbers and -Infinity, not of -Infinity alone, got logits [2]',
  ],
  [
    () => new d.Multinomial(3, { logits: tensor([0, NaN]) }),
    ArgumentError,
    'distributions.Multinomial: logits must be vectors of finite numbers and -Infinity, not of -Infinity alone, got logits [2]',
  ],
  [
    () => new d.RelaxedOneHotCategorical(1, tensor([1, Infinity])),
    ArgumentError,
    'distributions.RelaxedOneHotCategorical: probs must be vectors of numbers of at least 0 with a finite sum greater than 0, got probs [2]',
  ],
  [
    () => new d.Categorical(tensor([0, 0])),
    ArgumentError,
    'distributions.Categorical: probs must be vectors of numbers of at least 0 with a finite sum greater than 0, got probs [2]',
  ],
  [() => new d.Bernoulli(1.5), ArgumentError, 'distributions.Bernoulli: probs must be in [0, 1], got 1.5'],
  [
    () => new d.Bernoulli({} as never),
    ArgumentError,
    'distributions.Bernoulli: probs or logits must be given, and only one of them, got none',
  ],
  [
    () => new d.Bernoulli({ probs: 0.5, logits: 0 } as never),
    ArgumentError,
    'distributions.Bernoulli: probs or logits must be given, and only one of them, got probs and logits',
  ],
  [
    () => new d.Normal({ loc: 0, scale: 1, validate_args: true } as never),
    ArgumentError,
    'distributions.Normal: unknown option "validate_args"; use validateArgs',
  ],
  [() => new d.Uniform(1, 1), ArgumentError, 'distributions.Uniform: high must be greater than low, got 1'],
  [
    () =>
      new d.MultivariateNormal(
        tensor([0, 0]),
        tensor([
          [1, 2],
          [2, 1],
        ]),
      ),
    ArgumentError,
    'distributions.MultivariateNormal: covarianceMatrix must be symmetric positive definite matrices, got covarianceMatrix [2, 2]',
  ],
  [
    () =>
      new d.MultivariateNormal(
        tensor([0, 0, 0]),
        tensor([
          [1, 0],
          [0, 1],
        ]),
      ),
    ShapeError,
    'distributions.MultivariateNormal: loc and covarianceMatrix must have the same size, at least 1, got loc [3] and covarianceMatrix [2, 2]',
  ],
  [
    () => new d.Normal(tensor([0]), tensor(new Float64Array(1).fill(1))),
    DTypeError,
    'distributions.Normal: parameters must have one dtype, got float32 and scale float64; convert one by to(dtype)',
  ],
  [
    () => new d.Poisson(1).logProb(0.5),
    ArgumentError,
    'distributions.Poisson.logProb: value must be an integer of at least 0, got 0.5',
  ],
  [
    () => new d.Exponential(1).logProb(-1),
    ArgumentError,
    'distributions.Exponential.logProb: value must be at least 0, got -1',
  ],
  [
    () => new d.Dirichlet(tensor([1, 1])).logProb(tensor([0.5, 0.25, 0.25])),
    ShapeError,
    'distributions.Dirichlet.logProb: value must end with eventShape [2], got value [3]',
  ],
  [
    () => d.klDivergence(new d.Binomial(3, tensor([0.5, 0.25])), new d.Binomial(tensor([3, 5]), 0.5)),
    ArgumentError,
    'distributions.klDivergence: totalCount of p must be at least that of q, got 3 (element 1)',
  ],
  [
    () => new d.Normal(tensor([0, 0]), 1).expand([3]),
    ShapeError,
    'distributions.Normal.expand: shapes must broadcast, got batchShape [2] and shape [3] (2 ≠ 3 in dimension 0)',
  ],
];

describe('wrong input', () => {
  it.each(rows)('%s', (run, kind, text) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(new kind(text));
  });
});

describe('validateArgs', () => {
  afterEach(() => d.Distribution.setDefaultValidateArgs(true));

  it('can be switched off, once and for all', () => {
    expect(new d.Normal(0, -1, { validateArgs: false }).scale.item()).toBe(-1);
    d.Distribution.setDefaultValidateArgs(false);
    expect(new d.Normal(0, -1).scale.item()).toBe(-1);
  });

  it('is off while a step is compiled', () => {
    const step = compile((x) => new d.Normal(0, x).logProb(1));
    expect(step.sync(tensor([2])).item()).toBeCloseTo(-0.125 - Math.log(2) - 0.5 * Math.log(2 * Math.PI), 5);
    expect(step.sync(tensor([-2])).item()).toBeNaN();
  });
});

it('expand keeps the distribution', () => {
  const wide = new d.Gamma(2, tensor([1, 2])).expand([3, 2]);
  expect(wide.sample([4]).shape).toEqual([4, 3, 2]);
  expect(wide.mean.toArray()).toEqual([
    [2, 1],
    [2, 1],
    [2, 1],
  ]);
});
