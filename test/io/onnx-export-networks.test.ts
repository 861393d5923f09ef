// Whole networks: each model of `models`, in small, and what is refused or kept.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as a from '../../lib/index.js';
import { io, manualSeed, models, nn, randn } from '../../lib/index.js';
import { checkExport, runOnnx } from '../support/onnx.js';

beforeAll(() => {
  manualSeed(1);
});

const images = (size: number) => (n: number) => randn([n, 3, size, size]);

function stateOf(model: nn.Module): string {
  const hash = createHash('sha1');
  for (const [key, t] of model.stateDict()) hash.update(key).update(new Uint8Array(t.toTypedArray().buffer));
  return hash.digest('hex');
}

const small = { vocabSize: 20, maxPositionEmbeddings: 16 };
const tokens = (n: number) => a.randint(1, 20, [n, 6], { dtype: 'int32' });

const networks: [string, () => nn.Module, (n: number) => unknown][] = [
  ['MLP', () => new models.MLP(8, [16, 3]), (n) => randn([n, 8])],
  ['resnet18', () => models.resnet18({ numClasses: 5 }), images(32)],
  ['resnet50', () => models.resnet50({ numClasses: 5 }), images(32)],
  ['mobilenetV2', () => models.mobilenetV2({ numClasses: 5 }), images(32)],
  ['mobilenetV3Small', () => models.mobilenetV3Small({ numClasses: 5 }), images(32)],
  ['mobilenetV3Large', () => models.mobilenetV3Large({ numClasses: 5 }), images(32)],
  ['efficientnetB0', () => models.efficientnetB0({ numClasses: 5 }), images(32)],
  ['VisionTransformer', () => new models.VisionTransformer(16, 8, 2, 2, 8, 16, { numClasses: 5 }), images(16)],
  ['UNet', () => new models.UNet(1, 2, { features: 4, depth: 2 }), (n) => randn([n, 1, 18, 20])],
  ['VAE', () => new models.VAE(12, 8, 2), (n) => randn([n, 12]).sigmoid()],
  ['TCN', () => new models.TCN(2, 1, [4, 4], { kernelSize: 3 }), (n) => randn([n, 2, 12])],
  [
    'LSTMClassifier',
    () => new models.LSTMClassifier(4, 6, 2, { numEmbeddings: 9, bidirectional: true }),
    (n) => [a.randint(0, 9, [n, 5], { dtype: 'int32' }), a.randint(1, 6, [n], { dtype: 'int32' })],
  ],
  [
    'FTTransformer',
    () =>
      new models.FTTransformer({ nContFeatures: 3, catCardinalities: [4, 2], dOut: 1, dBlock: 16, attentionNHeads: 4 }),
    (n) => [randn([n, 3]), a.randint(0, 2, [n, 2], { dtype: 'int32' })],
  ],
  [
    'BertModel',
    () =>
      new models.BertModel({ ...small, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 }),
    tokens,
  ],
  [
    'GPT2LMHeadModel',
    () => new models.GPT2LMHeadModel({ vocabSize: 20, nEmbd: 8, nLayer: 1, nHead: 2, nPositions: 16 }),
    tokens,
  ],
  [
    'DistilBertModel',
    () => new models.DistilBertModel({ ...small, dim: 8, nLayers: 1, nHeads: 2, hiddenDim: 16 }),
    tokens,
  ],
];

it.each(networks)('%s computes in ONNX Runtime what it computes here', async (_, make, example) => {
  const model = make();
  const modes = model.modules().map((layer) => layer.training);
  const before = stateOf(model);
  const bytes = await checkExport(model, [example(7), example(1)], { dynamicBatch: true });
  expect(model.modules().map((layer) => layer.training)).toEqual(modes);
  expect(stateOf(model) === before).toBe(true);
  expect(bytes.length).toBeGreaterThan(0);
});

class Random extends nn.Module {
  forward(x: a.Tensor): a.Tensor {
    return nn.functional.dropout(x, 0.5);
  }
}

class Net extends nn.Module {
  readonly first = new nn.Linear(3, 3);
  readonly last: nn.Module;

  constructor(readonly then: (x: a.Tensor) => a.Tensor) {
    super();
    this.last = new Random();
  }

  forward(x: a.Tensor): a.Tensor {
    return this.then(this.first.forward(x));
  }
}

describe('what cannot be exported is named', () => {
  it.each<[string, (x: a.Tensor) => a.Tensor, RegExp]>([
    [
      'linear algebra',
      (x) => a.linalg.inv(x.reshape(3, 3).add(a.eye(3))),
      /io\.onnx\.export: \(Net\): .*no operator in ONNX/,
    ],
    ['values', (x) => x.mul(x.sum().item()), /item reads or writes values in JavaScript/],
  ])('%s', (_, then, message) => {
    expect(() => io.onnx.export(new Net(then), randn([3, 3]))).toThrow(message);
  });

  it('with the layer that does it', () => {
    class Outer extends nn.Module {
      readonly noise = new Random();
      forward(x: a.Tensor): a.Tensor {
        return this.noise.forward(x);
      }
    }
    expect(() => io.onnx.export(new Outer(), randn([2, 3]))).toThrow(
      /^io\.onnx\.export: noise \(Random\): dropout: .*no operator/,
    );
  });

  it('a network that does something else at another batch size', () => {
    const model = new Net((x) => (x.shape[0] === 2 ? x.mul(2) : x));
    expect(() => io.onnx.export(model, randn([2, 3]), { dynamicBatch: true })).toThrow(/at each batch size/);
  });

  it('wrong arguments', () => {
    const model = new nn.Linear(3, 2);
    expect(() => io.onnx.export({} as never, randn([2, 3]))).toThrow('model must be a module');
    expect(() => io.onnx.export(model, 3)).toThrow('example must hold a tensor');
    expect(() => io.onnx.export(model, randn([2, 3]), { opset: 12 })).toThrow('opset');
    expect(() => io.onnx.export(model, randn([2, 3]), { dynamicBatch: { y: 0 } })).toThrow('must name inputs (input)');
    expect(() => io.onnx.export(model, randn([2, 3]), { inputNames: [] })).toThrow('1 different names');
  });
});

it('a file is written whole, with the names that were asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-onnx-'));
  try {
    const path = join(folder, 'model.onnx');
    const model = new nn.Linear(3, 2);
    io.onnx.export(model, randn([2, 3]), { path, inputNames: ['x'], outputNames: ['logits'] });
    expect(readdirSync(folder)).toEqual(['model.onnx']);
    const x = randn([2, 3]);
    const [y] = await runOnnx(readFileSync(path), x);
    const wanted = model.forward(x).toTypedArray();
    ((y as NonNullable<typeof y>).data as Float32Array).forEach((v, i) => {
      expect(v).toBeCloseTo(wanted[i] as number, 5);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
