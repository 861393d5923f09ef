// DeepLIFT against captum's, and influence against gradients in closed form.

import { expect, it } from 'vitest';
import { explain, manualSeed, nn, randint, randn, type Tensor, tensor } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

const golden = readGolden<{
  state: Record<string, Golden>;
  x: Golden;
  target: number[];
  base: Golden;
  deepLift: Golden;
}>('explain');
const dtype = 'float64';
const net = nn
  .sequential(
    new nn.Conv2d(1, 3, 3, { dtype }),
    new nn.ReLU(),
    new nn.Conv2d(3, 4, 3, { dtype }),
    new nn.Tanh(),
    new nn.Flatten(),
    new nn.Linear(64, 3, { dtype }),
  )
  .eval();
net.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([key, t]) => [key, fromGolden(t)])));
const numbers = (t: Tensor) => Array.from(t.toTypedArray());

it('DeepLIFT gives what captum gives, and leaves no hooks', () => {
  const [x, baseline] = [fromGolden(golden.x), fromGolden(golden.base)];
  const before = numbers(net.forward(x));
  expectNear(explain.deepLift(net, x, { target: golden.target, baseline }), golden.deepLift.data);
  const targets = tensor(Int32Array.from(golden.target));
  expectNear(explain.deepLift(net, x, { target: targets, baseline }), golden.deepLift.data);
  expect(numbers(net.forward(x))).toEqual(before);
});

it('DeepLIFT of a saturated unit is what it adds, where its gradient is 0', () => {
  // 1 − relu(1 − x₁ − x₂) at [1, 1]: both gradients are 0, each number adds a half.
  const unit = nn.sequential(new nn.Linear(2, 1), new nn.ReLU(), new nn.Linear(1, 1)).eval();
  unit.loadStateDict({
    '0.weight': tensor([[-1, -1]]),
    '0.bias': tensor([1]),
    '2.weight': tensor([[-1]]),
    '2.bias': tensor([1]),
  });
  const x = tensor([[1, 1]]);
  expect(numbers(explain.saliency(unit, x))).toEqual([0, 0]);
  expect(numbers(explain.deepLift(unit, x))).toEqual([0.5, 0.5]);
  // The same input as the baseline adds nothing, and is no division by 0.
  expect(numbers(explain.deepLift(unit, x, { baseline: x }))).toEqual([0, 0]);
});

it('DeepLIFT says when it does not know the parts of a model', () => {
  manualSeed(1);
  const parts = nn.sequential(new nn.Linear(4, 6), nn.functional.relu, new nn.Linear(6, 2)).eval();
  expect(() => explain.deepLift(parts, randn([3, 4]).mul(3), { target: 0, baseline: -1 })).toThrow(
    /^deepLift: the shares of sample \d sum to .*, and its score differs by .*: the model must be non-linear in modules such as nn.ReLU alone/,
  );
});

it('influence is the product of gradients: of a linear model with squared errors, in closed form', () => {
  manualSeed(2);
  const model = new nn.Linear(3, 1, { dtype }).eval();
  const [x, y, u, v] = [
    randn([7, 3], { dtype }),
    randn([7], { dtype }),
    randn([2, 3], { dtype }),
    randn([2], { dtype }),
  ];
  const loss = (inputs: Tensor, targets: Tensor) => model.forward(inputs).flatten().sub(targets).square();
  const found = explain.influence(model, loss, [x, y], [u, v], { batchSize: 3 });
  expect(found.shape).toEqual([2, 7]);
  const errors = (inputs: Tensor, targets: Tensor) => numbers(model.forward(inputs).flatten().sub(targets));
  const [train, test] = [errors(x, y), errors(u, v)];
  const products = u.matmul(x.T).add(1); // 1 for the bias
  const wanted = test.flatMap((e, i) => train.map((r, j) => 4 * e * r * Number(products.at(i).at(j).item())));
  expectNear(found, wanted);
});

it('samples with wrong labels hurt, by their influence', () => {
  manualSeed(3);
  const model = nn.sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 2)).eval();
  const x = randn([60, 2]);
  const truth = numbers(x.select(1, 0)).map((value) => Number(value > 0));
  const labels = truth.map((label, i) => (i < 6 ? 1 - label : label));
  const loss = (inputs: Tensor, y: Tensor) =>
    nn.functional.crossEntropy(model.forward(inputs), y, { reduction: 'none' });
  const test = [x.slice({ start: 30 }), tensor(Int32Array.from(truth.slice(30)))];
  const found = explain.influence(model, loss, [x, tensor(Int32Array.from(labels))], test).sum(0);
  const order = numbers(found.argsort());
  expect(order.slice(0, 6).filter((i) => i < 6).length).toBeGreaterThanOrEqual(5);
});

it('influence says what is wrong with its inputs', () => {
  const model = new nn.Linear(3, 1).eval();
  const loss = (inputs: Tensor) => model.forward(inputs).flatten();
  const wrong = () => explain.influence(model, loss, [randn([4, 3]), randint(0, 2, [3])], [randn([2, 3])]);
  expect(wrong).toThrow('influence: train must be tensors [n, …] with the same n of at least 1, got [4, 3] and [3]');
  const given = [randn([4, 3])];
  const told = () => explain.influence(model, loss, given, given);
  for (const p of model.parameters()) p.requiresGrad = false;
  expect(told).toThrow('influence: model must have a parameter that needs a gradient, got none');
  model.train();
  expect(told).toThrow(
    'influence: model must be in eval mode, in which samples do not change each other; call model.eval()',
  );
});
