// Language models against transformers', with seeded weights: outputs, gradients, keys, texts.
import { describe, expect, it } from 'vitest';
import { grad } from '../../lib/backward/engine.js';
import { models, type nn, noGrad, type Tensor, tensor } from '../../lib/index.js';
import { expectNear, fromGolden, type Golden, readGolden } from '../support/golden.js';
import { seed, uniform } from '../support/seeded.js';

interface Case {
  name: 'BertModel';
  config: Record<string, unknown>;
  keys: string[];
  inputs: Record<string, Golden>;
  y: Golden;
  pooled?: Golden;
  gradients: Record<string, Golden>;
  greedy?: number[];
  penalised?: number[];
}

const golden = readGolden<{ ids: Golden; mask: Golden; cases: Case[] }>('language_models');
const ids = fromGolden(golden.ids);
const attentionMask = fromGolden(golden.mask);

type Model = nn.Module & { forward(ids: Tensor, inputs: object): Tensor };

const make = ({ name, config }: Case): Model => seed(new models[name](config)).eval() as Model;

// Padded positions are nobody's: transformers lets their queries see something.
const atTokens = (y: Tensor): Tensor => (y.rank === 3 ? y.mul(attentionMask.to('float32').unsqueeze(2)) : y);

describe.each(golden.cases.map((row, i) => [`${row.name} ${i}`, row] as const))('%s', (_, row) => {
  const inputs = Object.fromEntries(Object.entries(row.inputs).map(([key, value]) => [key, fromGolden(value)]));
  const model = make(row);

  it("has transformers' keys", () => {
    expect([...model.stateDict().keys()].sort()).toEqual([...row.keys].sort());
  });

  it('gives the same outputs and gradients', () => {
    const y = atTokens(model.forward(ids, { attentionMask, ...inputs }));
    expectNear(y, Array.from(atTokens(fromGolden(row.y)).toTypedArray()));
    const names = Object.keys(row.gradients);
    const upstream = tensor(
      uniform('upstream', y.size).map((u) => u - 0.5),
      { dtype: 'float32', shape: y.shape },
    );
    const found = grad(
      [y.mul(upstream).sum()],
      names.map((name) => model.getParameter(name)),
    );
    for (const [i, name] of names.entries()) expectNear(found[i] as Tensor, (row.gradients[name] as Golden).data);
    if (row.pooled !== undefined && model instanceof models.BertModel) {
      expectNear(model.pooler.forward(model.forward(ids, { attentionMask, ...inputs })), row.pooled.data);
    }
  });

  it('takes a uint8 mask and no mask, by position too', () => {
    const [first] = ids.split(1) as [Tensor];
    const y = noGrad(() => model.forward(first, inputsOfFirst(inputs)));
    const whole = noGrad(() => model.forward(ids, { attentionMask: attentionMask.ne(0), ...inputs }));
    expectNear(y, Array.from(whole.slice({ end: 1 }).toTypedArray()));
  });

  if (row.greedy !== undefined && row.penalised !== undefined) {
    it('writes what transformers writes, with its caches and without', async () => {
      const lm = model as unknown as models.CausalLM;
      const beginning = Array.from(ids.slice({ end: 1 }).toTypedArray());
      expect(await models.generate(lm, beginning, { maxNewTokens: 14 })).toEqual(row.greedy);
      const written: number[] = [];
      const options = { maxNewTokens: 14, repetitionPenalty: 1.7 };
      for await (const id of models.generateStream(lm, Int32Array.from(beginning), options)) written.push(id);
      expect(written).toEqual(row.penalised);
      const slow: number[] = [];
      while (slow.length < 14) {
        const all = tensor([[...beginning, ...slow]], { dtype: 'int32' });
        slow.push(
          noGrad(() => lm.forward(all, { logitsToKeep: 1 }))
            .argmax()
            .item(),
        );
      }
      expect(slow).toEqual(row.greedy);
    });
  }
});

const inputsOfFirst = (inputs: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, value.slice({ end: 1 })]));

describe('batches with caches', () => {
  const causal = golden.cases.filter(({ greedy }) => greedy !== undefined);
  it.each(causal.map((row, i) => [`${row.name} ${i}`, row] as const))('%s: in two parts as in one', (_, row) => {
    const model = make(row) as unknown as models.CausalLM;
    const whole = noGrad(() => model.forward(ids));
    const caches = model.newCaches();
    const [a, b] = ids.split([4, 2], { dim: 1 }) as [Tensor, Tensor];
    const parts = noGrad(() => [model.forward(a, { caches }), model.forward(b, { caches })]);
    const joined = parts.flatMap((part) => Array.from(part.split(1)[1]?.toTypedArray() ?? []));
    expectNear(whole.slice({ start: 1 }), joined);
  });
});
