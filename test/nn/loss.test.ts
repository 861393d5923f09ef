// Every loss, with its options, against values and gradients of PyTorch.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { grad } from '../../lib/backward/engine.js';
import type { DType } from '../../lib/dtype.js';
import { compile, manualSeed, optim, randn } from '../../lib/index.js';
import * as nn from '../../lib/nn/index.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectClose } from '../support/harness.js';
import { errorOf } from '../support/refusals.js';

interface GoldenTensor {
  dtype: DType;
  shape: number[];
  data: (number | string)[];
}

interface GoldenCase {
  loss: string;
  input: GoldenTensor;
  target: GoldenTensor;
  options: Record<string, unknown>;
  output: GoldenTensor;
  upstream: GoldenTensor | null;
  gradient: GoldenTensor;
}

const golden: { cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL('../golden/losses.json', import.meta.url), 'utf8'),
);

const numbers = (g: GoldenTensor): number[] => g.data.map(Number);
const load = (g: GoldenTensor): Tensor =>
  tensor(g.dtype === 'float64' ? Float64Array.from(numbers(g)) : numbers(g), { shape: g.shape, dtype: g.dtype });

type Loss = (input: Tensor, target: Tensor, options: object) => Tensor;
const losses = nn.functional as unknown as Record<string, Loss>;

// The class of each loss.
const classes: Record<string, new (options: object) => nn.Loss> = {
  binaryCrossEntropy: nn.BCELoss,
  binaryCrossEntropyWithLogits: nn.BCEWithLogitsLoss,
  crossEntropy: nn.CrossEntropyLoss,
  huberLoss: nn.HuberLoss,
  l1Loss: nn.L1Loss,
  mseLoss: nn.MSELoss,
  nllLoss: nn.NLLLoss,
  smoothL1Loss: nn.SmoothL1Loss,
};

function optionsOf(c: GoldenCase): object {
  return Object.fromEntries(
    Object.entries(c.options).map(([key, value]) => [
      key,
      value !== null && typeof value === 'object' ? load(value as GoldenTensor) : value,
    ]),
  );
}

const composedLosses = [
  nn.AdaptiveLogSoftmaxWithLoss,
  nn.LinearCrossEntropyLoss,
  nn.CTCLoss,
  nn.CosineEmbeddingLoss,
  nn.GaussianNLLLoss,
  nn.HingeEmbeddingLoss,
  nn.KLDivLoss,
  nn.MarginRankingLoss,
  nn.MultiLabelMarginLoss,
  nn.MultiLabelSoftMarginLoss,
  nn.MultiMarginLoss,
  nn.PoissonNLLLoss,
  nn.SoftMarginLoss,
  nn.TripletMarginLoss,
  nn.TripletMarginWithDistanceLoss,
];

describe('losses against PyTorch', () => {
  golden.cases.forEach((c, i) => {
    const name = `${i} ${c.loss} ${c.input.dtype} [${c.input.shape}] ${Object.keys(c.options).join(' ')}`;
    const rtol = c.input.dtype === 'float64' ? 1e-12 : 1e-5;
    const plain = (g: GoldenTensor) => ({
      shape: g.shape,
      data: numbers(g),
      magnitude: numbers(g).map((v) => Math.abs(v) + 0.1),
    });
    const asFunction = (x: Tensor) => (losses[c.loss] as Loss)(x, load(c.target), optionsOf(c));
    const asModule = (x: Tensor) =>
      new (classes[c.loss] as (typeof classes)[string])(optionsOf(c)).forward(x, load(c.target));
    // PyTorch's classes of these have no weight for each element.
    const ways = [['function', asFunction] as const, ['module', asModule] as const];
    it.each(/^(mse|l1|huber)Loss$/.test(c.loss) && 'weight' in c.options ? ways.slice(0, 1) : ways)(
      `${name} as %s`,
      (_, run) => {
        const x = load(c.input);
        x.requiresGrad = true;
        const y = run(x);
        expectClose(y, plain(c.output), rtol);
        const gradOutputs = c.upstream === null ? undefined : [load(c.upstream)];
        const [dx] = grad([y], [x], { gradOutputs });
        expectClose(dx as Tensor, plain(c.gradient), rtol);
      },
    );
  });
  it('knows every loss', () => {
    expect([...new Set(golden.cases.map((c) => c.loss))].sort()).toEqual(Object.keys(classes).sort());
    // The others are composed of operations: loss-composed.test.ts.
    const names = [...Object.values(classes), ...composedLosses].map(({ name }) => name);
    expect(names.sort()).toEqual(
      Object.keys(nn)
        .filter((name) => name.endsWith('Loss'))
        .sort(),
    );
  });
});

describe('losses as modules', () => {
  const text = (run: () => unknown) => (errorOf(run) as Error).message;

  it('their weights are buffers, saved under PyTorch names and converted', () => {
    const loss = new nn.BCEWithLogitsLoss({ weight: ones([2]), posWeight: tensor([2, 3]) });
    expect([...loss.stateDict().keys()]).toEqual(['weight', 'pos_weight']);
    const x = zeros([2], { dtype: 'float64' });
    expect(
      loss
        .to('float64')
        .forward(x, ones([2], { dtype: 'float64' }))
        .item(),
    ).toBeCloseTo(2.5 * Math.log(2), 12);
    expect([...new nn.MSELoss().stateDict().keys()]).toEqual([]);
  });

  it('take the weight by position, as the functions do', () => {
    const [x, y, weight] = [tensor([[0, 1, 2]]), tensor([2], { dtype: 'int32' }), tensor([1, 2, 4])];
    const reduction = 'sum';
    const want = 4 * Math.log(1 + Math.exp(-1) + Math.exp(-2));
    expect(new nn.CrossEntropyLoss(weight, { reduction }).forward(x, y).item()).toBeCloseTo(want, 5);
    expect(nn.functional.crossEntropy(x, y, weight, { reduction }).item()).toBeCloseTo(want, 5);
    expect(nn.functional.nllLoss(x, y, weight, { reduction }).item()).toBe(-8);
    expect(new nn.NLLLoss(weight, { reduction }).forward(x, y).item()).toBe(-8);
    const [p, t] = [tensor([[0.5, 0.5, 0.5]]), ones([1, 3])];
    expect(new nn.BCELoss(weight, { reduction }).forward(p, t).item()).toBeCloseTo(7 * Math.log(2), 5);
    expect(nn.functional.binaryCrossEntropy(p, t, weight, { reduction }).item()).toBeCloseTo(7 * Math.log(2), 5);
  });

  it('train the same compiled', async () => {
    const runs = [false, true].map(async (compiled) => {
      manualSeed(3);
      const model = new nn.Linear(3, 2);
      const criterion = new nn.CrossEntropyLoss({ weight: tensor([1, 3]), labelSmoothing: 0.1 });
      const x = randn([4, 3]);
      const y = tensor([0, 1, 1, 0], { dtype: 'int32' });
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      const step = () => {
        optimizer.zeroGrad();
        const loss = criterion.forward(model.forward(x), y);
        loss.backward();
        optimizer.step();
        return loss;
      };
      const call = compiled ? compile(step) : step;
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push((await call()).item());
      return losses;
    });
    const [eager, compiled] = await Promise.all(runs);
    expect(compiled).toEqual(eager);
    expect(eager?.[2]).toBeLessThan(eager?.[0] as number);
  });

  it('refuse wrong options when they are made', () => {
    expect(text(() => new nn.MSELoss({ reduction: 'avg' as never }))).toBe(
      'MSELoss: reduction must be mean, sum or none, got "avg"',
    );
    expect(text(() => new nn.HuberLoss({ beta: 1 } as never))).toBe(
      'HuberLoss: unknown option "beta"; known are delta, reduction',
    );
    expect(text(() => new nn.SmoothL1Loss({ beta: -1 }))).toBe(
      'SmoothL1Loss: beta must be a finite number of at least 0, got -1',
    );
    expect(text(() => new nn.CrossEntropyLoss([1, 2] as never))).toBe(
      'CrossEntropyLoss: weight must be a tensor, got [1, 2]',
    );
    expect(text(() => new nn.NLLLoss({ labelSmoothing: 0.1 } as never))).toBe(
      'NLLLoss: unknown option "labelSmoothing"; known are weight, ignoreIndex, reduction',
    );
    const net = new nn.Sequential(new nn.MSELoss());
    expect(text(() => (net.forward as (x: Tensor) => Tensor)(ones([1])))).toBe(
      '0 (MSELoss): mseLoss: target must be a tensor, got undefined',
    );
  });
});

describe('losses of edge cases', () => {
  it('has a mean of nothing', () => {
    expect(nn.functional.mseLoss(zeros([0]), zeros([0])).item()).toBeNaN();
    expect(nn.functional.mseLoss(zeros([0]), zeros([0]), { reduction: 'sum' }).item()).toBe(0);
    expect(nn.functional.crossEntropy(zeros([0, 3]), zeros([0], { dtype: 'int32' })).item()).toBeNaN();
    const ignored = nn.functional.crossEntropy(ones([2, 3]), tensor([-100, -100], { dtype: 'int32' }));
    expect(ignored.item()).toBeNaN();
  });

  it('gives ignored rows the gradient 0, whatever they hold', () => {
    const x = tensor([[Number.NaN, 1], [0, 0]], { requiresGrad: true }); // biome-ignore format: a matrix
    nn.functional.crossEntropy(x, tensor([-100, 1], { dtype: 'int32' })).backward();
    expect(Array.from((x.grad as Tensor).toTypedArray())).toEqual([0, 0, 0.5, -0.5]);
  });

  it('works without a tape', () => {
    const x = ones([2, 3], { requiresGrad: true });
    const loss = noGrad(() => nn.functional.crossEntropy(x, tensor([0, 1], { dtype: 'int32' })));
    expect(loss.requiresGrad).toBe(false);
    expect(loss.item()).toBeCloseTo(Math.log(3), 6);
  });
});
