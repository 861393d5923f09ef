// Transformers in compiled functions; their values: attention.test.ts.
import { describe, expect, it } from 'vitest';
import { backward } from '../../lib/backward/engine.js';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { scaledDotProductAttention } from '../../lib/ops/attention.js';
import { add, mul } from '../../lib/ops/elementwise.js';
import { Generator, manualSeed } from '../../lib/ops/generator.js';
import { randn } from '../../lib/ops/random.js';
import { mean } from '../../lib/ops/reduce.js';
import { rotaryEmbedding } from '../../lib/ops/rotary.js';
import { slice } from '../../lib/ops/shape-slice.js';
import { Adam } from '../../lib/optim/index.js';
import { compile } from '../../lib/program/compile.js';
import type { Tensor } from '../../lib/tensor.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('compiled', () => {
  const build = {
    encoder: () => {
      const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true, dropout: 0.2 });
      const model = new nn.TransformerEncoder(layer, 2);
      return { model, run: (x: Tensor) => model.forward(x, { isCausal: true }) };
    },
    decoder: () => {
      const options = {
        dimFeedforward: 16,
        batchFirst: true,
        dropout: 0.2,
        normFirst: true,
        activation: 'gelu' as const,
      };
      const model = new nn.TransformerDecoderLayer(8, 2, options);
      const positions = new nn.SinusoidalPositions(8, { batchFirst: true });
      return { model, run: (x: Tensor) => model.forward(positions.forward(x), add(x, 1), { tgtIsCausal: true }) };
    },
    rotary: () => {
      const model = new nn.Linear(8, 24);
      const part = (y: Tensor, i: number): Tensor => slice(y, { dim: -1, start: 8 * i, end: 8 * i + 8 });
      const run = (x: Tensor): Tensor => {
        const y = model.forward(x);
        const [q, k] = [0, 1].map((i) => rotaryEmbedding(part(y, i), { heads: 2 })) as [Tensor, Tensor];
        return scaledDotProductAttention(q, k, part(y, 2), { heads: 2, dropoutP: 0.1 });
      };
      return { model, run };
    },
  };

  it.each(Object.keys(build) as (keyof typeof build)[])('%s: eager and compiled give the same bits', async (kind) => {
    const train = async (compiled: boolean): Promise<number[][]> => {
      manualSeed(11);
      const { model, run } = build[kind]();
      const optimizer = new Adam(model.parameters(), { lr: 0.01 });
      const once = (x: Tensor): Tensor => {
        const loss = mean(mul(run(x), run(x)));
        optimizer.zeroGrad();
        backward(loss);
        optimizer.step();
        return loss;
      };
      const step = compiled ? compile(once) : once;
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) losses.push((await step(randn([3, 7, 8], { generator: new Generator(i) }))).item());
      return [losses, ...model.parameters().map(numbers)];
    };
    expect(await train(true)).toEqual(await train(false));
  });
});
