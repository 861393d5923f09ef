// The losses that are composed of operations, as functions and as modules, against values and gradients of PyTorch.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { ArgumentError, AutogradError, DTypeError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { fromGolden, type Golden, readGolden } from '../support/golden.js';
import { type ErrorRow, expectClose, type OpRow } from '../support/harness.js';

interface Case {
  loss: string;
  inputs: Golden[];
  options: Record<string, unknown>;
  output: Golden;
  upstream: Golden;
  gradients: (Golden | null)[];
}

const { cases } = readGolden<{ cases: Case[] }>('composed_losses');
type Loss = (...args: unknown[]) => Tensor;
const losses = nn.functional as unknown as Record<string, Loss>;

/** The class of each loss; null: PyTorch has none, or one that holds the weights. */
const classes: Record<string, (new (options: object) => { forward(...inputs: Tensor[]): Tensor }) | null> = {
  cosineEmbeddingLoss: nn.CosineEmbeddingLoss,
  gaussianNllLoss: nn.GaussianNLLLoss,
  hingeEmbeddingLoss: nn.HingeEmbeddingLoss,
  klDiv: nn.KLDivLoss,
  linearCrossEntropy: null,
  marginRankingLoss: nn.MarginRankingLoss,
  multiMarginLoss: nn.MultiMarginLoss,
  multilabelMarginLoss: nn.MultiLabelMarginLoss,
  multilabelSoftMarginLoss: nn.MultiLabelSoftMarginLoss,
  ntXentLoss: null,
  poissonNllLoss: nn.PoissonNLLLoss,
  sigmoidFocalLoss: null,
  softMarginLoss: nn.SoftMarginLoss,
  tripletMarginLoss: nn.TripletMarginLoss,
  tripletMarginWithDistanceLoss: nn.TripletMarginWithDistanceLoss,
};

const isGolden = (value: unknown): value is Golden => typeof value === 'object' && value !== null && 'dtype' in value;

/** The options, with tensors of the inputs' type. */
function optionsOf(c: Case, like: Tensor): object {
  const converted = (value: unknown) =>
    isGolden(value) ? fromGolden(value).to(like.dtype) : value === 'Infinity' ? Infinity : value;
  return Object.fromEntries(Object.entries(c.options).map(([key, value]) => [key, converted(value)]));
}

const plain = (g: Golden) => {
  const data = g.data.map(Number);
  return { shape: g.shape, data, magnitude: data.map((v) => Math.abs(v) + 1) };
};

const titleOf = (c: Case, i: number): string =>
  `${c.loss} ${i} [${c.inputs[0]?.shape}] ${Object.entries(c.options)
    .flat()
    .filter((v) => typeof v !== 'object')}`;

const rows = cases.map(
  (c, i): OpRow => ({
    name: titleOf(c, i),
    run: (...inputs) => (losses[c.loss] as Loss)(...inputs, optionsOf(c, inputs[0] as Tensor)),
    inputs: c.inputs.map((input, k) => ({
      shape: input.shape,
      values: (at) => Number(input.data[at]),
      ...(input.dtype === 'int32' ? { dtype: 'int32' } : {}),
      requiresGrad: c.gradients[k] !== null,
    })),
    reference: () => plain(c.output),
  }),
);

const labels = () => tensor([0, 1], { dtype: 'int32' });
const f = nn.functional;
const errors: ErrorRow[] = [
  {
    name: 'klDiv reduction',
    call: () => f.klDiv(ones([2]), ones([2]), { reduction: 'avg' as never }),
    error: ArgumentError,
    message: 'klDiv: reduction must be mean, batchmean, sum or none, got "avg"',
  },
  {
    name: 'klDiv shapes',
    call: () => f.klDiv(ones([2, 3]), ones([3])),
    error: ShapeError,
    message: 'klDiv: shapes must be the same, got input [2, 3] and target [3]; reshape or expand one',
  },
  {
    name: 'gaussianNllLoss negative variance',
    call: () => f.gaussianNllLoss(ones([2]), ones([2]), tensor([1, -1])),
    error: ArgumentError,
    message: 'gaussianNllLoss: variances must be at least 0, got a negative one',
  },
  {
    name: 'gaussianNllLoss shape of variances',
    call: () => f.gaussianNllLoss(ones([2, 3]), ones([2, 3]), ones([3])),
    error: ShapeError,
    message:
      "gaussianNllLoss: var must have input's shape, one dimension of size 1 in it or no last one, got input [2, 3] and var [3]",
  },
  {
    name: 'marginRankingLoss shapes',
    call: () => f.marginRankingLoss(ones([2]), ones([2]), ones([3])),
    error: ShapeError,
    message: 'marginRankingLoss: shapes must be the same, got input1 [2] and target [3]; reshape or expand one',
  },
  {
    name: 'cosineEmbeddingLoss shapes',
    call: () => f.cosineEmbeddingLoss(ones([2, 3]), ones([2, 3]), ones([3])),
    error: ShapeError,
    message:
      'cosineEmbeddingLoss: input1 must be [batch, n] with target [batch], or [n] with a scalar, got input1 [2, 3] and target [3]',
  },
  {
    name: 'ntXentLoss shapes',
    call: () => f.ntXentLoss(ones([2, 3]), ones([3, 3])),
    error: ShapeError,
    message: 'ntXentLoss: inputs must both be [batch, features], got input1 [2, 3] and input2 [3, 3]',
  },
  {
    name: 'ntXentLoss temperature',
    call: () => f.ntXentLoss(ones([2, 3]), ones([2, 3]), 0),
    error: ArgumentError,
    message: 'ntXentLoss: temperature must be a finite number above 0, got 0',
  },
  {
    name: 'tripletMarginLoss margin',
    call: () => f.tripletMarginLoss(ones([2]), ones([2]), ones([2]), 0),
    error: ArgumentError,
    message: 'tripletMarginLoss: margin must be a finite number above 0, got 0',
  },
  {
    name: 'tripletMarginWithDistanceLoss distance',
    call: () =>
      f.tripletMarginWithDistanceLoss(ones([2]), ones([2]), ones([2]), { distanceFunction: (() => 1) as never }),
    error: ArgumentError,
    message: 'tripletMarginWithDistanceLoss: distanceFunction must return a tensor, got 1',
  },
  {
    name: 'multiMarginLoss exponent',
    call: () => f.multiMarginLoss(ones([2, 3]), labels(), 3 as never),
    error: ArgumentError,
    message: 'multiMarginLoss: p must be 1 or 2, got 3',
  },
  {
    name: 'multiMarginLoss dtype of labels',
    call: () => f.multiMarginLoss(ones([2, 3]), ones([2])),
    error: DTypeError,
    message: "multiMarginLoss: target must be class indices (int32), got float32; convert it by target.to('int32')",
  },
  {
    name: 'multiMarginLoss label',
    call: () => f.multiMarginLoss(ones([2, 3]), tensor([0, 3], { dtype: 'int32' })),
    error: ArgumentError,
    message: 'multiMarginLoss: indices must be at least 0 and below 3, got 3 (element 1)',
  },
  {
    name: 'multiMarginLoss weight',
    call: () => f.multiMarginLoss(ones([2, 3]), labels(), { weight: ones([3], { requiresGrad: true }) }),
    error: AutogradError,
    message: 'multiMarginLoss: weight is a constant, no gradient flows to it; pass weight.detach()',
  },
  {
    name: 'multilabelMarginLoss shape of labels',
    call: () => f.multilabelMarginLoss(ones([2, 3]), labels()),
    error: ShapeError,
    message: 'multilabelMarginLoss: target must be [2, 3] for input [2, 3], got [2]',
  },
  {
    name: 'multilabelMarginLoss label',
    call: () => f.multilabelMarginLoss(ones([3]), tensor([0, 3, -1], { dtype: 'int32' })),
    error: ArgumentError,
    message: 'multilabelMarginLoss: indices must be at least 0 and below 3, got 3 (element 1)',
  },
  {
    name: 'linearCrossEntropy shapes',
    call: () => f.linearCrossEntropy(ones([2, 3]), ones([4, 2]), labels()),
    error: ShapeError,
    message:
      "linearCrossEntropy: linearWeight must be [classes, …, inFeatures] for input's last size, got input [2, 3] and linearWeight [4, 2]",
  },
];

testFamily('composed losses', { rows, errors });

describe('composed losses against PyTorch', () => {
  it.each(cases.map((c, i) => [titleOf(c, i), c] as const))('gradients of %s', (_, c) => {
    const inputs = c.inputs.map((input, k) => fromGolden(input, { requiresGrad: c.gradients[k] !== null }));
    const wanted = inputs.filter((x) => x.requiresGrad);
    const like = inputs[0] as Tensor;
    const Class = classes[c.loss];
    const calls = [() => (losses[c.loss] as Loss)(...inputs, optionsOf(c, like))];
    if (Class) calls.push(() => new Class(optionsOf(c, like)).forward(...inputs));
    for (const call of calls) {
      const y = call();
      expectClose(y, plain(c.output), 1e-12);
      const gradients = grad([y], wanted, { gradOutputs: [fromGolden(c.upstream)] });
      const expected = c.gradients.filter((g) => g !== null);
      gradients.forEach((g, k) => {
        expectClose(g as Tensor, plain(expected[k] as Golden), 1e-12);
      });
    }
  });

  it('has every loss', () => {
    expect([...new Set(cases.map((c) => c.loss))].sort()).toEqual(Object.keys(classes).sort());
  });
});

describe('composed losses of edge cases', () => {
  const item = (loss: Tensor) => loss.item();

  it('have a mean of nothing', () => {
    const none = zeros([0, 3]);
    expect(item(f.klDiv(none, none))).toBeNaN();
    expect(item(f.klDiv(none, none, { reduction: 'sum' }))).toBe(0);
    expect(item(f.tripletMarginLoss(none, none, none))).toBeNaN();
    expect(item(f.multiMarginLoss(none, zeros([0], { dtype: 'int32' }), { reduction: 'sum' }))).toBe(0);
    expect(f.multilabelMarginLoss(none, zeros([0, 3], { dtype: 'int32' }), { reduction: 'none' }).shape).toEqual([0]);
  });

  it('take the margin by position', () => {
    const [x, y] = [tensor([2, 0.25]), tensor([1, -1])];
    expect(item(f.hingeEmbeddingLoss(x, y, 2, { reduction: 'sum' }))).toBe(3.75);
    expect(item(new nn.HingeEmbeddingLoss(2, { reduction: 'sum' }).forward(x, y))).toBe(3.75);
    expect(item(f.gaussianNllLoss(tensor([1, 2]), tensor([1, 4]), 1, { reduction: 'sum' }))).toBe(2);
  });

  it('do not overflow', () => {
    expect(item(f.softMarginLoss(tensor([-1000]), tensor([1])))).toBe(1000);
    expect(item(f.klDiv(tensor([-Infinity, 0]), tensor([0.5, 0.5]), { reduction: 'sum' }))).toBe(Infinity);
  });

  it('leave NaN as it is', () => {
    expect(item(f.gaussianNllLoss(tensor([1]), tensor([1]), tensor([Number.NaN])))).toBeNaN();
    expect(item(f.marginRankingLoss(tensor([Number.NaN]), tensor([1]), tensor([1])))).toBeNaN();
  });
});
