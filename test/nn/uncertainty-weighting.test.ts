// One loss out of several, against its formula and where it is least.
import { expect, it } from 'vitest';
import { compile, grad, nn, optim, type Tensor, tensor } from '../../lib/index.js';

it('uncertainty weighting is its formula, and learns the variances', () => {
  const weighting = new nn.UncertaintyWeighting(['classification', 'regression', 'regression']);
  weighting.loadStateDict({ log_variances: tensor([Math.log(2), Math.log(4), 0]) });
  const losses = [3, 8, 0.5].map((v) => tensor(v, { requiresGrad: true }));
  const y = weighting.forward(losses);
  expect(y.item()).toBeCloseTo(3 / 2 + 8 / 8 + 0.25 + Math.log(8) / 2, 5);
  const close = (list: number[]) => list.map((v) => expect.closeTo(v, 6));
  const [variances, ...rest] = grad([y], [weighting.log_variances, ...losses]).map((g) => [...g.toTypedArray()]);
  expect(rest.flat()).toEqual(close([0.5, 0.125, 0.5]));
  expect(variances).toEqual(close([0.5 - 1.5, 0.5 - 1, 0.5 - 0.25]));
  // Least where σ² is the squared error, and twice the cross entropy.
  const optimizer = new optim.Adam(weighting.parameters(), { lr: 0.1 });
  const step = compile((a: Tensor, b: Tensor, c: Tensor) => {
    optimizer.zeroGrad();
    const loss = weighting.forward([a, b, c]);
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (let i = 0; i < 300; i++) step.sync(tensor(3), tensor(8), tensor(0.5));
  const learned = [...weighting.log_variances.exp().toTypedArray()];
  expect(learned).toEqual([6, 8, 0.5].map((v) => expect.closeTo(v, 1)));
});

it('wrong input', () => {
  const weighting = new nn.UncertaintyWeighting(['regression']);
  const name = 'UncertaintyWeighting';
  expect(() => weighting.forward([tensor(1), tensor(2)])).toThrow(
    `${name}: losses must be 1, one for each task, got 2`,
  );
  expect(() => weighting.forward([tensor([1])])).toThrow(`${name}: losses must be scalars, got [1]; take its mean()`);
  expect(() => weighting.forward([tensor(1, { dtype: 'float64' })])).toThrow(`${name}: `);
  expect(() => new nn.UncertaintyWeighting([])).toThrow(`${name}: kinds must be at least one, got none`);
  expect(() => new nn.UncertaintyWeighting(['both' as 'regression'])).toThrow(`${name}: kinds must be`);
  expect(() => new nn.UncertaintyWeighting(new Array(1))).toThrow(`${name}: kinds must be`);
});
