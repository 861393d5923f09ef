// A training step of an imported network is that of the same network in `models`.
import { expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';

const { io, manualSeed, models, randint, randn } = adjoint;
const ids = () => randint(1, 20, [4, 6], { dtype: 'int32' });
const bert = { vocabSize: 20, maxPositionEmbeddings: 16, hiddenSize: 8, numHiddenLayers: 2, numAttentionHeads: 2 };
const llama = { ...bert, numAttentionHeads: 4, numKeyValueHeads: 2, intermediateSize: 16 };
const none = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };

/** Name, network, input, and what has another name or is a constant in the file. */
const rows: [string, () => adjoint.nn.Module, () => adjoint.Tensor, RegExp?][] = [
  [
    'ResNet',
    () => new models.ResNet('Bottleneck', [1, 1, 1, 1], { numClasses: 5, widthPerGroup: 8 }),
    () => randn([4, 3, 32, 32]),
  ],
  ['BERT', () => new models.BertForSequenceClassification({ ...bert, ...none }), ids, /position_emb|token_type_emb/],
  ['Llama', () => new models.LlamaForCausalLM(llama), ids],
];

it.each(rows.flatMap((row) => (row[0] === 'ResNet' ? [17] : [17, 23]).map((opset) => ({ name: row[0], opset, row }))))(
  '$name, opset $opset',
  ({ opset, row: [, make, input, others] }) => {
    manualSeed(1);
    const net = make().eval();
    const x = input();
    const imported = io.onnx.load(io.onnx.export(net, x, { opset }));
    for (const model of [net, imported]) {
      const result = model.train().forward(x) as adjoint.Tensor | { logits: adjoint.Tensor };
      ('logits' in result ? result.logits : result).square().sum().backward();
    }
    let compared = 0;
    for (const [key, p] of net.namedParameters()) {
      if (others?.test(key)) continue;
      const [wanted, got] = [p, imported.getParameter(key)].map((q) => q.grad?.toTypedArray() as Float32Array);
      const size = Math.max(
        1,
        wanted!.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
      );
      const worst = wanted!.reduce((most, v, i) => Math.max(most, Math.abs(v - got![i]!)), 0);
      expect(worst / size, key).toBeLessThan(1e-5);
      compared++;
    }
    expect(compared).toBeGreaterThan(20);
    for (const [key, buffer] of imported.namedBuffers()) {
      expect(Math.abs(buffer.sub(net.getBuffer(key)).abs().max().item()), key).toBeLessThan(1e-5);
    }
  },
);
