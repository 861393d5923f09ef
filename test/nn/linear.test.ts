import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import * as nn from '../../lib/nn/index.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { Adam, SGD } from '../../lib/optim/index.js';
import { empty, type Tensor } from '../../lib/tensor.js';
import { expectNear, fromGolden, type Golden } from '../support/golden.js';
import { layers } from '../support/layers.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('Linear against PyTorch', () => {
  layers.linear.forEach((c, i) => {
    it(`${c.input.dtype} [${c.input.shape}] ${c.bias ? 'with' : 'without'} bias (${i})`, () => {
      const [outFeatures, inFeatures] = c.weight.shape as [number, number];
      const layer = new nn.Linear(inFeatures, outFeatures, { bias: c.bias !== null, dtype: c.input.dtype });
      layer.loadStateDict({ weight: fromGolden(c.weight), ...(c.bias ? { bias: fromGolden(c.bias) } : {}) });
      const x = fromGolden(c.input, { requiresGrad: true });
      const y = layer.forward(x);
      expect(y.shape).toEqual(c.output.shape);
      expectNear(y, c.output.data);
      backward(y, fromGolden(c.upstream));
      expectNear(x.grad as Tensor, c.inputGradient.data);
      expectNear(layer.weight.grad as Tensor, c.weightGradient.data);
      if (c.biasGradient) expectNear(layer.bias?.grad as Tensor, c.biasGradient.data);
    });
  });

  it.each(layers.linearDefaults)('starts in ±$weightBound with $inFeatures features', (c) => {
    manualSeed(7);
    const layer = new nn.Linear(c.inFeatures, 3, { dtype: 'float64' });
    const generator = new Generator(7);
    const dtype = 'float64';
    const weight = nn.init.uniform_(empty([3, c.inFeatures], dtype), -c.weightBound, c.weightBound, { generator });
    const bias = nn.init.uniform_(empty([3], dtype), -c.biasBound, c.biasBound, { generator });
    expectNear(layer.weight, numbers(weight));
    expectNear(layer.bias as Tensor, numbers(bias));
  });
});

describe('training against PyTorch', () => {
  for (const c of layers.training) {
    it(`${c.optimizer} ${c.input.dtype}: ten losses and the weights`, () => {
      const dtype = c.input.dtype;
      const model = nn.sequential(new nn.Linear(5, 4, { dtype }), nn.functional.relu, new nn.Linear(4, 3, { dtype }));
      model.loadStateDict(Object.fromEntries(Object.entries(c.initial).map(([k, v]) => [k, fromGolden(v)])));
      const optimizer = new { SGD, Adam }[c.optimizer](model.parameters(), c.options);
      const [x, labels] = [fromGolden(c.input), fromGolden(c.labels)];
      for (const want of c.losses) {
        const loss = nn.functional.crossEntropy(model.forward(x), labels);
        expectNear(loss, [want]);
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
      }
      for (const [name, t] of model.stateDict()) expectNear(t, (c.final[name] as Golden).data);
    });
  }
});
