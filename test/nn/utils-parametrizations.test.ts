// Ready-made parametrizations against PyTorch.
import { describe, expect, it } from 'vitest';
import { eye, linalg, nn, noGrad, optim, rand } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

const { parametrizations, parametrize } = nn.utils;
const { isParametrized, removeParametrizations } = parametrize;

type State = Record<string, Golden>;
interface Case {
  layer: 'Linear';
  args: [number, number];
  function: 'weightNorm';
  name: 'weight';
  options: object;
  before: State;
  after: State;
  input: Golden;
  upstream: Golden;
  outputs: Golden[];
  end: State;
  evaluated: Golden;
  removed: State;
}

const load = (module: nn.Module, state: State) =>
  module.loadStateDict(Object.fromEntries(Object.entries(state).map(([k, v]) => [k, fromGolden(v)])));
const expectState = (module: nn.Module, state: State) => {
  expect([...module.stateDict().keys()]).toEqual(Object.keys(state));
  for (const [key, t] of module.stateDict()) expectNear(t, (state[key] as Golden).data);
};

describe('parametrizations', () => {
  const { cases } = readGolden<{ cases: Case[] }>('parametrizations');
  it.each(cases.map((c) => [`${c.function} of ${c.layer}(${c.args}) ${JSON.stringify(c.options)}`, c] as const))(
    '%s',
    (_, c) => {
      const layer = new nn[c.layer](...c.args).to(c.upstream.dtype);
      load(layer, c.before);
      const made = parametrizations[c.function](layer, { name: c.name, ...c.options });
      expect(made).toBe(layer);
      expect([...made.stateDict().keys()]).toEqual(Object.keys(c.after));
      const isDrawn = /_u|base/.test(Object.keys(c.after).join());
      if (!isDrawn) expectState(made, c.after);
      // The weight is as before where the parametrization has such a value.
      if (c.function === 'weightNorm') expectNear(made[c.name], (c.before[c.name] as Golden).data);
      load(made, c.after);
      const [x, upstream] = [fromGolden(c.input), fromGolden(c.upstream)];
      const optimizer = new optim.SGD(made.parameters(), 0.1);
      for (const output of c.outputs) {
        const y = made.forward(x);
        expectNear(y, output.data);
        optimizer.zeroGrad();
        y.mul(upstream).sum().backward();
        optimizer.step();
      }
      expectState(made, c.end);
      expectNear(made.eval().forward(x), c.evaluated.data);
      expectState(made, c.end);
      const plain = removeParametrizations(made, c.name);
      expectState(plain, c.removed);
      expectNear(plain.forward(x), c.evaluated.data);
      expect([isParametrized(plain), plain[c.name] instanceof nn.Parameter]).toEqual([false, true]);
    },
  );

  it('spectral norm makes the largest singular value 1', () => {
    const layer = parametrizations.spectralNorm(new nn.Linear(5, 4, { dtype: 'float64' }), { nPowerIterations: 200 });
    expect(linalg.matrixNorm(layer.weight, 2).item()).toBeCloseTo(1, 10);
  });

  it.each([
    [3, 3],
    [5, 2],
    [2, 5],
  ])('an orthogonal weight %i×%i is one, and takes one that is assigned', (n, k) => {
    for (const orthogonalMap of ['matrixExp', 'cayley', 'householder'] as const) {
      const layer = parametrizations.orthogonal(new nn.Linear(k, n, { dtype: 'float64' }), { orthogonalMap });
      const check = () => {
        const { weight: w } = layer;
        const product = n < k ? w.matmul(w.T) : w.T.matmul(w);
        expectNear(product, [...eye(Math.min(n, k)).toTypedArray()]);
      };
      check();
      const { original } = layer.parametrizations.get('weight');
      noGrad(() => original.add_(rand(original.shape, { dtype: 'float64' }).tril(-1)));
      check();
      const { Q } = linalg.qr(rand([Math.max(n, k), Math.min(n, k)], { dtype: 'float64' }));
      const wanted = n < k ? Q.T : Q;
      layer.weight = wanted;
      expectNear(layer.weight, [...wanted.toTypedArray()]);
    }
  });
});
