// Layers that rearrange or combine elements, and losses with weights of their own, against PyTorch.
import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../lib/errors.js';
import { grad, nn, ones, type Tensor, tensor } from '../../lib/index.js';
import { testFamily } from '../support/family.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import type { ErrorRow, OpRow } from '../support/harness.js';

interface Case {
  layer: string;
  args: unknown[];
  inputs: Golden[];
  state: Record<string, Golden>;
  output: Golden;
  gradients: Golden[];
}

const { cases } = readGolden<{ cases: Case[] }>('rearranged');
type Layer = nn.Module & { forward(...inputs: Tensor[]): Tensor };

function made(c: Case, dtype: 'float32' | 'float64'): Layer {
  const Class = nn[c.layer as 'Bilinear'] as unknown as new (...args: unknown[]) => Layer;
  const layer = new Class(...c.args).to(dtype) as Layer;
  layer.loadStateDict(new Map(Object.entries(c.state).map(([name, value]) => [name, fromGolden(value).to(dtype)])));
  return layer;
}

/** The output of a layer; an adaptive softmax has a loss beside it. */
const outputOf = (y: Tensor | { output: Tensor }): Tensor => ('output' in y ? y.output : y);

const title = (c: Case): string => `${c.layer} ${JSON.stringify(c.args)}`;

const rows = cases.map((c): OpRow => {
  const layers = { float32: made(c, 'float32'), float64: made(c, 'float64') };
  return {
    name: title(c),
    run: (...inputs) => outputOf(layers[(inputs[0] as Tensor).dtype as 'float32'].forward(...inputs)),
    inputs: c.inputs.map(({ shape, data, dtype }) => ({
      shape,
      values: (i) => Number(data[i]),
      ...(dtype === 'int32' ? { dtype: 'int32' } : {}),
    })),
    reference: () => ({ shape: c.output.shape, data: c.output.data.map(Number) }),
  };
});

const f = nn.functional;
const errors: ErrorRow[] = [
  {
    name: 'pixelUnshuffle',
    call: () => f.pixelUnshuffle(ones([1, 3, 5]), 2),
    error: ShapeError,
    message:
      'pixelUnshuffle: x must be [..., channels, height, width] with sizes that downscaleFactor divides, got 2 and x [1, 3, 5]',
  },
  {
    name: 'channelShuffle',
    call: () => f.channelShuffle(ones([1, 3, 5]), 2),
    error: ShapeError,
    message:
      'channelShuffle: x must be [batch, channels, …] with channels that groups divide, got 2 groups and x [1, 3, 5]',
  },
  {
    name: 'bilinear',
    call: () => f.bilinear(ones([2, 3]), ones([2, 4]), ones([5, 3, 3])),
    error: ShapeError,
    message:
      'bilinear: must be input1 [..., in1], input2 [..., in2], weight [out, in1, in2] and bias [out], got input1 [2, 3], input2 [2, 4], weight [5, 3, 3]',
  },
  {
    name: 'localResponseNorm',
    call: () => f.localResponseNorm(ones([2, 3]), 2),
    error: ShapeError,
    message: 'localResponseNorm: x must be [batch, channels, …], got [2, 3]',
  },
  {
    name: 'cutoffs',
    call: () => new nn.AdaptiveLogSoftmaxWithLoss(8, 10, [4, 4]),
    error: ArgumentError,
    message: 'AdaptiveLogSoftmaxWithLoss: cutoffs[1] must be an integer of at least 5 and at most 9, got 4',
  },
  {
    name: 'target of an adaptive softmax',
    call: () => new nn.AdaptiveLogSoftmaxWithLoss(8, 10, [4]).forward(ones([1, 8]), tensor([10], { dtype: 'int32' })),
    error: ArgumentError,
    message: 'AdaptiveLogSoftmaxWithLoss: indices must be at least 0 and below 10, got 10 (element 0)',
  },
];

testFamily('rearranging layers', { rows, errors });

describe('rearranging layers against PyTorch', () => {
  it.each(cases.map((c) => [title(c), c] as const))('gradients of %s', (_, c) => {
    const layer = made(c, 'float64');
    const inputs = c.inputs.map((input) => fromGolden(input, { requiresGrad: input.dtype !== 'int32' }));
    const y = outputOf(layer.forward(...inputs));
    expectNear(y, c.output.data);
    const wanted = [...inputs.filter((x) => x.requiresGrad), ...layer.parameters()];
    grad([y.square().sum()], wanted).forEach((g, i) => {
      expectNear(g as Tensor, (c.gradients[i] as Golden).data);
    });
  });

  it('an adaptive softmax gives probabilities, its loss and the best class', () => {
    const layer = new nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], { divValue: 2 });
    const x = ones([2, 8]);
    expect(layer.logProb(x).exp().sum().item()).toBeCloseTo(2, 5);
    expect(layer.predict(x).toArray()).toEqual(layer.logProb(x).argmax(1).toArray());
    const { output, loss } = layer.forward(x, tensor([1, 9], { dtype: 'int32' }));
    expect(loss.item()).toBeCloseTo(-output.mean().item(), 6);
  });
});
