import { describe, expect, it } from 'vitest';
import { models, nn, optim } from '../../lib/index.js';

const model = () =>
  new models.BertForSequenceClassification({
    ...{ vocabSize: 9, hiddenSize: 4, numHiddenLayers: 3, numAttentionHeads: 2, intermediateSize: 6 },
    maxPositionEmbeddings: 8,
  });
const trained = (m: nn.Module) => m.namedParameters().flatMap(([name, p]) => (p.requiresGrad ? [name] : []));

describe('freeze and unfreeze', () => {
  it('by an expression, by a part of the name, by several, all', () => {
    const m = model();
    const frozen = nn.utils.freeze(m, /^bert\./);
    expect(frozen.every((name) => name.startsWith('bert.'))).toBe(true);
    expect(trained(m)).toEqual(['classifier.weight', 'classifier.bias']);
    expect(nn.utils.unfreeze(m, ['pooler', 'layer.2.output.dense'])).toEqual([
      'bert.encoder.layer.2.output.dense.weight',
      'bert.encoder.layer.2.output.dense.bias',
      'bert.pooler.dense.weight',
      'bert.pooler.dense.bias',
    ]);
    expect(nn.utils.freeze(m).length).toBe(m.parameters().length);
    expect(trained(m)).toEqual([]);
    nn.utils.unfreeze(m);
    expect(trained(m).length).toBe(m.parameters().length);
    nn.utils.freeze(m, /bias$/g); // a flag that keeps a position
    expect(trained(m).some((name) => name.endsWith('bias'))).toBe(false);
  });

  it('a name that nothing has is an error that lists names', () => {
    expect(() => nn.utils.freeze(model(), 'encode')).toThrow(
      /^freeze: pattern must match a parameter's name, got "encode"; names are bert.embeddings.word_embeddings.weight, /,
    );
  });
});

it('layer-wise rates fall from the head to the embeddings', () => {
  const m = model();
  nn.utils.freeze(m, 'token_type_embeddings');
  const groups = optim.paramGroupsLayerDecay(m, { lr: 1, layerDecay: 0.5, weightDecay: 0.1 });
  const of = new Map(groups.flatMap(({ params, lr, weightDecay }) => params.map((p) => [p, [lr, weightDecay]])));
  const rates = Object.fromEntries(m.namedParameters().map(([name, p]) => [name, of.get(p)]));
  expect(rates['bert.embeddings.word_embeddings.weight']).toEqual([0.5 ** 4, 0.1]);
  expect(rates['bert.embeddings.LayerNorm.bias']).toEqual([0.5 ** 4, 0]);
  expect(rates['bert.embeddings.token_type_embeddings.weight']).toBe(undefined);
  expect(rates['bert.encoder.layer.0.attention.self.query.weight']).toEqual([0.5 ** 3, 0.1]);
  expect(rates['bert.encoder.layer.2.output.dense.bias']).toEqual([0.5, 0]);
  expect(rates['bert.pooler.dense.weight']).toEqual([1, 0.1]);
  expect(rates['classifier.weight']).toEqual([1, 0.1]);
  new optim.AdamW(groups, { lr: 1 });
});
