// A batch norm fused into the layer before it, against PyTorch.
import { describe, expect, it } from 'vitest';
import { nn, ones, rand, type Tensor, zeros } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';

const { fuseConvBnEval, fuseConvBnWeights, fuseLinearBnEval, fuseLinearBnWeights } = nn.utils;

interface Case {
  layer: 'Conv2d' | 'Linear';
  args: [number, number, number];
  bn: 'BatchNorm2d';
  bnArgs: [number];
  transpose: boolean;
  state: Record<string, Golden>;
  bnState: Record<string, Golden>;
  input: Golden;
  weight: Golden;
  bias: Golden;
  output: Golden;
}

const load = <M extends nn.Module>(module: M, state: Record<string, Golden>, dtype: Golden['dtype']): M => {
  module.to(dtype).loadStateDict(Object.fromEntries(Object.entries(state).map(([k, v]) => [k, fromGolden(v)])));
  return module.eval() as M;
};

describe('a batch norm fused into the layer before it', () => {
  it.each(
    readGolden<{ fuse: Case[] }>('nn_utils').fuse.map(
      (c) => [`${c.layer}(${c.args}), ${c.bn}(${c.bnArgs})`, c] as const,
    ),
  )('%s', (_, c) => {
    const { dtype } = c.input;
    const layer = load(new nn[c.layer](...c.args), c.state, dtype);
    const bn = load(new nn[c.bn](...c.bnArgs), c.bnState, dtype);
    const before = [...layer.parameters()].map((p) => p.toArray());
    const isLinear = layer instanceof nn.Linear;
    const one = isLinear ? fuseLinearBnEval(layer, bn) : fuseConvBnEval(layer, bn, c.transpose);
    expectNear(one.weight, c.weight.data);
    expectNear(one.bias as Tensor, c.bias.data);
    expectNear(one.forward(fromGolden(c.input)), c.output.data);
    expect(one).toBeInstanceOf(nn[c.layer]);
    expect(layer.parameters().map((p) => p.toArray())).toEqual(before);
    expect(one.parameters()).toEqual([one.weight, one.bias]);
    const { weight, bias, running_mean: mean, running_var: variance, eps } = bn;
    const numbers = [layer.bias, mean as Tensor, variance as Tensor, eps, weight, bias] as const;
    const pair = isLinear
      ? fuseLinearBnWeights(layer.weight, ...numbers)
      : fuseConvBnWeights(layer.weight, ...numbers, { transpose: c.transpose });
    expect(pair.map((t) => t.toArray())).toEqual([one.weight.toArray(), one.bias?.toArray()]);
  });

  it('needs gradients where the layer did', () => {
    const [mean, variance] = [zeros([4]), ones([4])];
    const [w, b] = fuseLinearBnWeights(rand([4, 3], { requiresGrad: true }), null, mean, variance, 0, null, null);
    expect([w, b].map((p) => [p instanceof nn.Parameter, p.requiresGrad])).toEqual([
      [true, true],
      [true, false],
    ]);
  });

  it('refuses what cannot be fused', () => {
    const conv = () => new nn.Conv1d(2, 3, 1).eval();
    const bn = () => new nn.BatchNorm1d(3).eval();
    const refused: [() => unknown, string][] = [
      [
        () => fuseConvBnEval(new nn.Conv1d(2, 3, 1), bn()),
        'fuseConvBnEval: layers must be in evaluation mode, got Conv1d(2, 3, kernelSize [1]) in training',
      ],
      [
        () => fuseConvBnEval(conv(), new nn.BatchNorm1d(3)),
        'fuseConvBnEval: layers must be in evaluation mode, got BatchNorm1d(3) in training',
      ],
      [
        () => fuseConvBnEval(conv(), new nn.BatchNorm1d(3, { trackRunningStats: false }).eval()),
        'fuseConvBnEval: bn must have running statistics, got BatchNorm1d(3) without; set trackRunningStats',
      ],
      [() => fuseConvBnEval(conv(), new nn.BatchNorm1d(2).eval()), 'fuseConvBnEval: bnRm must be [3], got bnRm [2]'],
      [
        () => fuseConvBnEval(conv(), bn().double()),
        'fuseConvBnEval: dtypes must match, got bnRm float64 and weight float32',
      ],
      [
        () => fuseConvBnEval(conv(), bn(), true),
        'fuseConvBnEval: transpose must be false for Conv1d(2, 3, kernelSize [1]), got true',
      ],
      [
        () => fuseConvBnEval(new nn.ConvTranspose1d(2, 4, 1, { groups: 2 }).eval(), bn(), true),
        'fuseConvBnEval: a transposed convolution must have one group, got groups 2',
      ],
      [
        () => fuseConvBnEval(new nn.Linear(2, 3) as never, bn()),
        'fuseConvBnEval: conv must be a convolution, got an object of class Linear',
      ],
      [
        () => fuseLinearBnEval(new nn.Linear(2, 3).eval(), new nn.LayerNorm(3) as never),
        'fuseLinearBnEval: bn must be a batch norm, got an object of class LayerNorm',
      ],
      [() => fuseLinearBnEval(new nn.Linear(2, 4).eval(), bn()), 'fuseLinearBnEval: bnRm must be [4], got bnRm [3]'],
      [
        () => fuseLinearBnWeights(ones([2]), null, ones([2]), ones([2]), 0, null, null),
        'fuseLinearBnWeights: linearW must be [outFeatures, inFeatures], got linearW [2]',
      ],
      [
        () => fuseConvBnWeights(ones([2]), null, ones([2]), ones([2]), 0, null, null),
        'fuseConvBnWeights: convW must have channels, got convW [2]',
      ],
      [
        () => fuseConvBnWeights(ones([2, 1]), null, ones([2]), ones([2]), -1, null, null),
        'fuseConvBnWeights: bnEps must be a finite number of at least 0, got -1',
      ],
    ];
    for (const [call, text] of refused) expect(call).toThrow(text);
  });
});
