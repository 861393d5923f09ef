// Explanations against captum's, and against what must hold of them.
import { describe, expect, it } from 'vitest';
import { explain, Generator, manualSeed, nn, ones, rand, randn, type Tensor, tensor, zeros } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

const golden = readGolden<{
  state: Record<string, Golden>;
  x: Golden;
  target: number[];
  base: Golden;
  saliency: Golden;
  signed: Golden;
  integrated: Golden;
  occlusion: Golden;
  cam: Golden;
  tableState: Record<string, Golden>;
  rows: Golden;
  means: Golden;
  shapley: Golden;
}>('explain');

const dtype = 'float64';
const convolution = new nn.Conv2d(3, 4, 3, { dtype });
const net = nn
  .sequential(
    new nn.Conv2d(1, 3, 3, { dtype }),
    new nn.ReLU(),
    convolution,
    new nn.Tanh(),
    new nn.Flatten(),
    new nn.Linear(64, 3, { dtype }),
  )
  .eval();
const table = nn.sequential(new nn.Linear(4, 6, { dtype }), new nn.Tanh(), new nn.Linear(6, 2, { dtype })).eval();
const load = (model: nn.Module, state: Record<string, Golden>) =>
  model.loadStateDict(Object.fromEntries(Object.entries(state).map(([key, t]) => [key, fromGolden(t)])));
load(net, golden.state);
load(table, golden.tableState);

const x = fromGolden(golden.x);
const { target } = golden;
const numbers = (t: Tensor) => Array.from(t.toTypedArray());

/** captum holds steps and baselines that are numbers in float32. */
function expectRounded(got: Tensor, { data }: Golden): void {
  const most = Math.max(...data.map((value) => Math.abs(Number(value))));
  for (const [i, value] of numbers(got).entries()) {
    expect(Math.abs(value - Number(data[i])), `element ${i}`).toBeLessThan(1e-7 * most);
  }
}

describe('as captum says', () => {
  it('saliency', () => {
    expectNear(explain.saliency(net, x, { target }), golden.saliency.data);
    expectNear(explain.saliency(net, x, { target, absolute: false }), golden.signed.data);
  });

  it('integrated gradients', () => {
    const baseline = fromGolden(golden.base);
    const given = { target: tensor(Int32Array.from(target)), baseline, steps: 20 };
    expectRounded(explain.integratedGradients(net, x, given).attributions, golden.integrated);
  });

  it('occlusion', () => {
    const options = { target, window: [1, 3, 3], stride: [1, 2, 2], baseline: 0.2 };
    expectRounded(explain.occlusion(net, x, options), golden.occlusion);
  });

  it('Grad-CAM', () => {
    const cam = explain.gradCam(net, convolution, x, { target });
    expect(cam.shape).toEqual([2, 8, 8]);
    expectNear(cam, golden.cam.data);
  });

  it('Shapley values, but for the error of drawing orders', () => {
    const options = { target: 1, baseline: fromGolden(golden.means), permutations: 400, generator: new Generator(1) };
    const got = numbers(explain.shapleyValues(table, fromGolden(golden.rows), options));
    for (const [i, value] of got.entries()) expect(Math.abs(value - Number(golden.shapley.data[i]))).toBeLessThan(0.02);
  });

  it('Shapley values, as the mean over all orders', () => {
    const [rows, baseline] = [fromGolden(golden.rows), fromGolden(golden.means)];
    const ofOrders = new Map<string, number[]>(); // each order of four features adds other amounts
    for (let seed = 0; seed < 1000; seed++) {
      const options = { target: 1, baseline, permutations: 1, generator: new Generator(seed) };
      const got = numbers(explain.shapleyValues(table, rows, options));
      ofOrders.set(got.map((value) => value.toFixed(9)).join(), got);
    }
    expect(ofOrders.size).toBe(24);
    const all = [...ofOrders.values()];
    const means = rows.toTypedArray().map((_, i) => all.reduce((sum, one) => sum + (one[i] as number) / 24, 0));
    // captum sums in float32.
    for (const [i, value] of means.entries())
      expect(Math.abs(value - Number(golden.shapley.data[i]))).toBeLessThan(1e-6);
  });
});

describe('what must hold', () => {
  it('integrated gradients and Shapley values sum to the difference of the scores', () => {
    const { attributions, delta } = explain.integratedGradients(net, x, { target, steps: 200 });
    const score = (given: Tensor) =>
      numbers(net.forward(given).detach()).filter((_, i) => i % 3 === target[Math.floor(i / 3)]);
    const [at, from] = [score(x), score(zeros([2, 1, 8, 8], { dtype }))];
    numbers(attributions.reshape([2, 64]).sum(1)).forEach((total, i) => {
      const difference = (at[i] as number) - (from[i] as number);
      expect(Math.abs(total - difference)).toBeLessThan(1e-3);
      expect(delta[i]).toBeCloseTo(total - difference, 10);
    });
    const rows = fromGolden(golden.rows);
    const shares = numbers(explain.shapleyValues(table, rows, { target: 0, permutations: 2 }).sum(1));
    const wanted = numbers(
      table
        .forward(rows)
        .detach()
        .sub(table.forward(zeros([3, 4], { dtype })).detach()),
    );
    for (const [i, share] of shares.entries()) expect(share).toBeCloseTo(wanted[2 * i] as number, 10);
  });

  it('integrated gradients sum to it within 0.001 by default, also of a network with kinks', () => {
    for (let seed = 1; seed < 5; seed++) {
      manualSeed(seed);
      const kinked = nn.sequential(new nn.Linear(20, 64), new nn.ReLU(), new nn.Linear(64, 64), new nn.ReLU(), new nn.Linear(64, 3)).eval(); // biome-ignore format: one line
      const given = randn([16, 20]).mul(3);
      const { attributions } = explain.integratedGradients(kinked, given, { target: 1 });
      const score = (at: Tensor) => kinked.forward(at).select(1, 1).detach();
      const misses = attributions.sum(1).sub(score(given).sub(score(zeros([16, 20]))));
      expect(Math.max(...numbers(misses.abs()))).toBeLessThan(1e-3);
    }
  });

  it('of no samples all are empty', () => {
    const layer = new nn.Linear(3, 2).eval();
    const none = zeros([0, 3]);
    const options = { target: 1 };
    expect(explain.integratedGradients(layer, none, options).attributions.shape).toEqual([0, 3]);
    expect(explain.integratedGradients(layer, none, options).delta.length).toBe(0);
    for (const got of [
      explain.saliency(layer, none, options),
      explain.smoothGrad(layer, none, options),
      explain.deepLift(layer, none, options),
      explain.shapleyValues(layer, none, options),
      explain.occlusion(layer, none, { ...options, window: [1] }),
    ])
      expect(got.shape).toEqual([0, 3]);
  });

  it('of a linear model all gradients are its weights', () => {
    const layer = new nn.Linear(5, 3).eval();
    const row = numbers(layer.weight.detach()).slice(5, 10);
    const [given, options] = [randn([2, 5]), { target: 1 }];
    const near = (t: Tensor, wanted: number[]) => {
      for (const [i, value] of numbers(t).entries()) expect(value).toBeCloseTo(wanted[i] as number, 5);
    };
    near(explain.saliency(layer, given, { ...options, absolute: false }), [...row, ...row]);
    near(explain.smoothGrad(layer, given, { ...options, absolute: false, samples: 3 }), [...row, ...row]);
    near(explain.integratedGradients(layer, given, { ...options, steps: 1 }).attributions, numbers(given).map((v, i) => v * (row[i % 5] as number))); // biome-ignore format: one line
    near(explain.occlusion(layer, given, { ...options, window: [1] }), numbers(given).map((v, i) => v * (row[i % 5] as number))); // biome-ignore format: one line
  });

  it('SmoothGrad takes the mean over noise: of x³ it is 3 x² + 3 σ²', () => {
    manualSeed(1);
    const given = tensor([[0], [2]], { dtype });
    const options = { samples: 4000, noise: 0.25, absolute: false }; // of a range of 2
    const got = numbers(explain.smoothGrad((t: Tensor) => t.pow(3).reshape([2]), given, options));
    expect(Math.abs((got[0] as number) - 0.75)).toBeLessThan(0.1);
    expect(Math.abs((got[1] as number) - 12.75)).toBeLessThan(0.4);
  });

  it('attention rollout is the product of what passes and what is attended to', () => {
    const a = tensor(
      [
        [
          [
            [1, 0],
            [0.5, 0.5],
          ],
          [
            [0, 1],
            [0.5, 0.5],
          ],
        ],
      ],
      { dtype },
    ); // the mean of both heads: halves
    const once = [
      [0.75, 0.25],
      [0.25, 0.75],
    ];
    expectNear(explain.attentionRollout([a]), once.flat());
    expectNear(explain.attentionRollout([a, a]), [0.625, 0.375, 0.375, 0.625]);
  });

  it('leaves gradients of parameters and the mode alone', () => {
    explain.saliency(net, x, { target });
    explain.gradCam(net, convolution, x, { target });
    expect(net.parameters().every((p) => p.grad === null)).toBe(true);
    expect(numbers(explain.saliency(net, x, { target }))).toEqual(numbers(explain.saliency(net, x, { target })));
  });
});

describe('wrong input to explanations', () => {
  const layer = new nn.Linear(5, 3).eval();
  const given = ones([2, 5]);
  it.each([
    [
      () => explain.saliency(new nn.Linear(5, 3), given, { target: 0 }),
      'saliency: model must be in eval mode, in which samples do not change each other; call model.eval()',
    ],
    [() => explain.saliency(layer, given), 'saliency: target must name one of the 3 outputs, got undefined'],
    [
      () => explain.saliency(layer, given, { target: 3 }),
      'saliency: target must be an integer from 0 to 2, or one for each of 2 samples, got 3',
    ],
    [
      () => explain.saliency(layer, given, { target: [0] }),
      'saliency: target must be an integer from 0 to 2, or one for each of 2 samples, got 1 of them',
    ],
    [
      () => explain.saliency((t: Tensor) => t.detach().sum(1), given),
      'saliency: the output must depend on x by operations that have gradients, got one that does not',
    ],
    [
      () => explain.saliency(() => rand([2]), given),
      'saliency: the output must depend on x by operations that have gradients, got one that does not',
    ],
    [() => explain.saliency((t: Tensor) => t.sum(), given), 'saliency: the output must be [2] or [2, classes], got []'],
    [
      () => explain.gradCam(layer, new nn.ReLU(), given, { target: 0 }),
      'gradCam: layer must be a module in the model, got ReLU(), which is no part of it',
    ],
    [
      () => explain.gradCam((t: Tensor) => t.sum(1), layer, given),
      'gradCam: layer must be one whose output the model uses, got Linear(5, 3), which was not called',
    ],
    [
      () => explain.gradCam((t: Tensor) => layer.forward(t).detach().add(t.sum()), layer, given, { target: 0 }),
      'gradCam: the output must depend on the layer by operations that have gradients, got one that does not',
    ],
    [
      () => explain.gradCam(layer, layer, given, { target: 0 }),
      "gradCam: x and the layer's output must be [n, channels, height, width], got layer's output [2, 3] of x [2, 5]",
    ],
    [
      () => explain.integratedGradients(layer, given, { target: 0, baseline: ones([4]) }),
      'integratedGradients: baseline must be a number or float32 [2, 5] or [5], got float32 [4]',
    ],
    [
      () => explain.occlusion(layer, given, { target: 0, window: [6] }),
      'occlusion: window[0] must be an integer of at least 1 and at most 5, got 6',
    ],
    [
      () => explain.occlusion(layer, given, { target: 0, window: [1, 1] }),
      'occlusion: window must have 1 numbers, got 2',
    ],
    [() => explain.shapleyValues(net, x, { target: 0 }), 'shapleyValues: x must be [n, features], got [2, 1, 8, 8]'],
    [
      () => explain.attentionRollout([]),
      'attentionRollout: attentions must be a list of tensors [n, heads, tokens, tokens], all alike, got',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});
