import { fromBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import * as a from '../../lib/index.js';
import { ModelProtoSchema } from '../../lib/io/onnx/messages.js';
import { checkExport } from '../support/onnx.js';

const { nn, randn, tensor, manualSeed } = a;
type Tensor = a.Tensor;

beforeAll(() => {
  manualSeed(1);
});

// biome-ignore lint/suspicious/noExplicitAny: layers of all kinds
type Any = any;

/** A module around a function. */
class Run extends nn.Module {
  constructor(readonly run: (...x: Any[]) => Any) {
    super();
  }

  forward(...x: Any[]): Any {
    return this.run(...x);
  }
}

const ids = (batch: number, ...rest: number[]): Tensor => a.randint(0, 5, [batch, ...rest], { dtype: 'int32' });

interface Row {
  name: string;
  make: () => a.nn.Module;
  /** Of a batch; default x of shape. */
  shape?: number[];
  example?: (batch: number) => unknown;
  /** The operators that the graph has, in order. */
  operators?: string;
  opset?: number;
  dynamicBatch?: Record<string, number>;
}

const layer = (name: string, make: () => a.nn.Module, shape: number[], more: Partial<Row> = {}): Row => ({
  name,
  make,
  shape,
  ...more,
});

const layers: Row[] = [
  layer('Linear', () => new nn.Linear(4, 3), [4]),
  layer('Linear of rows', () => new nn.Linear(4, 3), [5, 4]),
  layer('Linear without bias', () => new nn.Linear({ inFeatures: 4, outFeatures: 3, bias: false }), [4]),
  layer('Conv1d', () => new nn.Conv1d(2, 3, 3, { padding: 1, stride: 2 }), [2, 9]),
  layer('Conv2d', () => new nn.Conv2d(4, 6, 3, { stride: 2, padding: 1, groups: 2, dilation: 2 }), [4, 9, 8]),
  layer('Conv2d same', () => new nn.Conv2d(4, 6, 4, { padding: 'same' }), [4, 9, 8]),
  layer('Conv2d of one window', () => new nn.Conv2d(2, 3, 3, { stride: 4 }), [2, 5, 6]),
  layer('Conv2d reflect', () => new nn.Conv2d(2, 3, 3, { padding: 1, paddingMode: 'reflect' }), [2, 5, 6]),
  layer('Conv3d', () => new nn.Conv3d(2, 4, 2, { stride: 2, padding: 1 }), [2, 4, 5, 6]),
  layer('ConvTranspose1d', () => new nn.ConvTranspose1d(2, 3, 3, { stride: 2 }), [2, 5]),
  layer(
    'ConvTranspose2d',
    () => new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    [4, 5, 6],
  ),
  layer('ConvTranspose3d', () => new nn.ConvTranspose3d(2, 3, 2, { stride: 2 }), [2, 3, 2, 3]),
  layer('MaxPool1d', () => new nn.MaxPool1d(2), [3, 9]),
  layer('MaxPool2d', () => new nn.MaxPool2d(3, { stride: 2, padding: 1, dilation: 1 }), [3, 9, 8]),
  layer('MaxPool2d ceil', () => new nn.MaxPool2d(2, { ceilMode: true }), [3, 9, 7]),
  layer('MaxPool2d with indices', () => new nn.MaxPool2d(2, { returnIndices: true }), [3, 6, 4]),
  layer('MaxPool3d', () => new nn.MaxPool3d(2), [2, 4, 5, 6]),
  layer('AvgPool1d', () => new nn.AvgPool1d(2), [3, 9]),
  layer('AvgPool2d', () => new nn.AvgPool2d(3, { stride: 2, padding: 1 }), [3, 9, 8]),
  layer('AvgPool2d ceil', () => new nn.AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true }), [3, 8, 8]),
  layer(
    'AvgPool2d without padding',
    () => new nn.AvgPool2d(3, { stride: 2, padding: 1, countIncludePad: false }),
    [3, 9, 8],
  ),
  layer('AvgPool2d divisor', () => new nn.AvgPool2d(2, { divisorOverride: 3 }), [3, 8, 8]),
  layer('AvgPool3d', () => new nn.AvgPool3d(2), [2, 4, 5, 6]),
  layer('AdaptiveAvgPool2d 1', () => new nn.AdaptiveAvgPool2d(1), [3, 5, 7]),
  layer('AdaptiveAvgPool2d even', () => new nn.AdaptiveAvgPool2d(2), [3, 4, 6]),
  layer('AdaptiveAvgPool2d', () => new nn.AdaptiveAvgPool2d([2, 3]), [3, 5, 7]),
  layer('AdaptiveMaxPool2d', () => new nn.AdaptiveMaxPool2d([2, 3]), [3, 5, 7]),
  layer('AdaptiveAvgPool1d', () => new nn.AdaptiveAvgPool1d(1), [3, 5]),
  layer('LPPool2d', () => new nn.LPPool2d(2, 2), [3, 4, 6]),
  layer('Upsample nearest', () => new nn.Upsample({ scaleFactor: 2 }), [3, 4, 6]),
  layer('Upsample bilinear', () => new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }), [3, 4, 6]),
  layer('Upsample aligned', () => new nn.Upsample({ size: [7, 9], mode: 'bilinear', alignCorners: true }), [3, 4, 6]),
  layer('Upsample bicubic', () => new nn.Upsample({ size: [7, 9], mode: 'bicubic' }), [3, 4, 6]),
  layer('Upsample by a fraction', () => new nn.Upsample({ scaleFactor: 1.3, mode: 'bilinear' }), [3, 4, 6]),
  layer('Upsample nearest to a size', () => new nn.Upsample({ size: [7, 9] }), [3, 4, 6]),
  layer('Upsample trilinear', () => new nn.Upsample({ scaleFactor: 2, mode: 'trilinear' }), [3, 2, 3, 2]),
  layer('PixelShuffle', () => new nn.PixelShuffle(2), [8, 3, 4]),
  layer('PixelUnshuffle', () => new nn.PixelUnshuffle(2), [2, 4, 6]),
  layer('ChannelShuffle', () => new nn.ChannelShuffle(2), [4, 3, 3]),
  layer('ZeroPad2d', () => new nn.ZeroPad2d([1, 2, 0, 1]), [2, 3, 4]),
  layer('ConstantPad1d', () => new nn.ConstantPad1d(2, 3.5), [2, 3]),
  layer('ReflectionPad2d', () => new nn.ReflectionPad2d(1), [2, 3, 4]),
  layer('ReplicationPad2d', () => new nn.ReplicationPad2d(1), [2, 3, 4]),
  layer('CircularPad2d', () => new nn.CircularPad2d(1), [2, 3, 4]),
  layer('Unfold', () => new nn.Unfold(2), [2, 4, 5]),
  layer('Fold', () => new nn.Fold([4, 5], 2), [8, 12]),
  layer('BatchNorm1d', () => new nn.BatchNorm1d(4), [4]),
  layer('BatchNorm2d', () => new nn.BatchNorm2d(4), [4, 3, 2]),
  layer('BatchNorm2d plain', () => new nn.BatchNorm2d(4, { affine: false }), [4, 3, 2]),
  layer('LayerNorm', () => new nn.LayerNorm(4), [5, 4]),
  layer('LayerNorm of two', () => new nn.LayerNorm([5, 4]), [3, 5, 4]),
  layer('RMSNorm', () => new nn.RMSNorm(4), [5, 4]),
  layer('GroupNorm', () => new nn.GroupNorm(2, 4), [4, 3, 2]),
  layer('InstanceNorm2d', () => new nn.InstanceNorm2d(4, { affine: true }), [4, 3, 2]),
  layer('LocalResponseNorm', () => new nn.LocalResponseNorm(2), [4, 3, 2]),
  layer('Dropout', () => new nn.Dropout(0.5), [4]),
  layer('Flatten', () => new nn.Flatten(), [4, 3]),
  layer('Embedding', () => new nn.Embedding(5, 3), [], { example: (n) => ids(n, 4) }),
  layer('EmbeddingBag', () => new nn.EmbeddingBag(5, 3), [], { example: (n) => ids(n, 4) }),
  layer('EmbeddingBag max', () => new nn.EmbeddingBag(5, 3, { mode: 'max' }), [], { example: (n) => ids(n, 4) }),
  layer('Bilinear', () => new nn.Bilinear(3, 4, 2), [], { example: (n) => [randn([n, 3]), randn([n, 4])] }),
  layer('CosineSimilarity', () => new nn.CosineSimilarity(), [], { example: (n) => [randn([n, 3]), randn([n, 3])] }),
  layer('PairwiseDistance', () => new nn.PairwiseDistance(), [], { example: (n) => [randn([n, 3]), randn([n, 3])] }),
  ...(['LSTM', 'GRU', 'RNN'] as const).flatMap((kind) => [
    layer(kind, () => new (nn as Any)[kind](3, 4, { numLayers: 2, batchFirst: true }), [5, 3]),
    layer(`${kind} both ways`, () => new (nn as Any)[kind](3, 4, { bidirectional: true }), [], {
      example: (n) => randn([5, n, 3]),
      dynamicBatch: { input: 1 },
    }),
    layer(`${kind} without bias`, () => new (nn as Any)[kind](3, 4, { bias: false, batchFirst: true }), [5, 3]),
  ]),
  layer('LSTM with lengths', () => new nn.LSTM(3, 4, { batchFirst: true }), [], {
    example: (n) => [randn([n, 5, 3]), undefined, a.randint(1, 6, [n], { dtype: 'int32' })],
  }),
  layer('LSTM projected', () => new nn.LSTM(3, 4, { batchFirst: true, projSize: 2 }), [5, 3]),
  layer('RNN relu', () => new nn.RNN(3, 4, { nonlinearity: 'relu', batchFirst: true }), [5, 3]),
  layer('LSTMCell', () => new nn.LSTMCell(3, 4), [3]),
  layer('GRUCell', () => new nn.GRUCell(3, 4), [3]),
  layer('RNNCell', () => new nn.RNNCell(3, 4), [3]),
  layer('MultiheadAttention', () => new nn.MultiheadAttention(8, 2, { batchFirst: true }), [], {
    example: (n) => {
      const x = randn([n, 5, 8]);
      return [x, x, x];
    },
  }),
  layer(
    'TransformerEncoderLayer',
    () => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }),
    [5, 8],
  ),
  layer(
    'TransformerEncoder',
    () =>
      new nn.TransformerEncoder(
        new nn.TransformerEncoderLayer(8, 2, {
          dimFeedforward: 16,
          batchFirst: true,
          normFirst: true,
          activation: 'gelu',
        }),
        2,
      ),
    [5, 8],
  ),
  layer(
    'TransformerDecoderLayer',
    () => new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }),
    [],
    {
      example: (n) => [randn([n, 5, 8]), randn([n, 4, 8])],
    },
  ),
  layer(
    'Transformer',
    () => new nn.Transformer({ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 16 }),
    [],
    {
      example: (n) => [randn([4, n, 8]), randn([5, n, 8])],
      dynamicBatch: { input0: 1, input1: 1 },
    },
  ),
];

const activations = [
  'ReLU',
  'ReLU6',
  'LeakyReLU',
  'ELU',
  'SELU',
  'CELU',
  'GELU',
  'SiLU',
  'Mish',
  'Softplus',
  'Softsign',
  'Sigmoid',
  'Tanh',
  'Hardtanh',
  'Hardsigmoid',
  'Hardswish',
  'Hardshrink',
  'Softshrink',
  'Tanhshrink',
  'LogSigmoid',
  'PReLU',
  'RReLU',
  'Softmax',
  'LogSoftmax',
  'Softmin',
  'GLU',
  'Identity',
] as const;

for (const kind of activations) {
  layers.push(
    layer(
      kind,
      () =>
        new (nn as Any)[kind](
          ...(/Soft(max|min)|LogSoftmax|GLU$/.test(kind) && !/^[RE]|ReLU|SiLU|ELU/.test(kind) ? [1] : []),
        ),
      [6, 4],
    ),
  );
}

const run = (name: string, fn: (...x: Any[]) => Any, shape: number[], more: Partial<Row> = {}): Row =>
  layer(name, () => new Run(fn), shape, more);

const weight = (): Tensor =>
  tensor([
    [0.1, -0.2, 0.3],
    [0.4, 0.5, -0.6],
  ]);

const functions: Row[] = [
  run('arithmetic', (x) => x.mul(2).add(1).sub(x).div(3).pow(2).neg(), [3]),
  run('constants', (x) => x.add(weight().sum(0)).mul(a.arange(3, { dtype: 'float32' })), [3]),
  run('batch in arithmetic', (x) => x.sum(0, { keepDim: true }).div(x.shape[0]), [3]),
  run(
    'reshape and permute',
    (x) => x.reshape(x.shape[0], 2, 3, 2).permute(0, 2, 1, 3).reshape(x.shape[0], 3, -1),
    [12],
  ),
  run('batch times steps', (x) => x.reshape(-1, 3).mul(2).reshape(x.shape[0], 4, 3), [4, 3]),
  run('transpose with the batch', (x) => x.transpose(0, 1).mul(2).transpose(0, 1), [4, 3]),
  run(
    'slices',
    (x) => [
      x.slice({ dim: 1, start: 1, end: 3 }),
      x.slice({ dim: 1, start: 0, step: 2 }),
      x.select(1, 2),
      x.narrow(2, 1, 2),
    ],
    [5, 3],
  ),
  run('index', (x) => x.index(null, -1), [5, 3]),
  run('the first half of the features', (x) => a.cat(x.chunk(2, 1).reverse(), 1), [6, 2]),
  run('cat and stack', (x) => a.stack([a.cat([x, x.mul(2)], 1), a.cat([x, a.zeros([x.shape[0], 3])], 1)], 1), [3]),
  run('a token before', (x) => a.cat([a.ones([1, 1, 3]).expand(x.shape[0], -1, -1), x], 1), [4, 3]),
  run('split and unbind', (x) => [...x.split([1, 2], 1), ...x.unbind(1)], [3, 2]),
  run('matmul', (x) => x.matmul(x.transpose(1, 2)).softmax(-1).matmul(x), [4, 3]),
  run('matmul flags', (x) => a.matmul(x, weight(), { transposeB: true }), [4, 3]),
  run('einsum', (x) => a.einsum('bij,kj->bik', x, weight()), [4, 3]),
  run('residual', (x) => a.relu(x.mul(2)).add(x), [3]),
  run(
    'reductions',
    (x) => [
      x.sum(),
      x.sum(1),
      x.mean([1, 2]),
      x.mean(2, true),
      x.max(1).values,
      x.amax(2),
      x.argmax(2),
      x.std(2),
      x.var(1, { correction: 0 }),
      x.norm(),
      x.logsumexp(1),
      x.prod(1),
      x.cumsum(1),
      x.min(),
    ],
    [4, 3],
  ),
  run('reductions of others', (x) => [x.sum([0, 2]), x.mean(0), x.var(0), x.logsumexp(0)], [4, 3]),
  run(
    'comparisons',
    (x) => [
      x.gt(0),
      a.where(x.gt(0), x, x.mul(0.1)),
      x.maskedFill(x.lt(0), 0),
      a.logicalAnd(x.gt(-1), x.le(1)),
      x.eq(x).sum(1),
      x.gt(0).any(1),
      x.gt(0).all(1),
      x.gt(0).to('float32'),
    ],
    [3],
  ),
  run(
    'rounding',
    (x) => [x.floor(), x.ceil(), x.round(), x.trunc(), x.frac(), x.sign(), x.abs(), x.clamp(-0.5, 0.5)],
    [3],
  ),
  run(
    'functions',
    (x) => [
      x.exp(),
      x.abs().log(),
      x.sin(),
      x.cos(),
      x.tan(),
      x.sqrt(),
      x.abs().rsqrt(),
      x.erf(),
      x.expm1(),
      x.abs().log1p(),
      x.sigmoid(),
      x.atan(),
      x.sinh(),
    ],
    [3],
  ),
  run('minimum', (x) => [a.minimum(x, 0), a.maximum(x, x.neg()), x.isnan(), x.isfinite()], [3]),
  run(
    'orders',
    (x) => [x.sort(1).values, x.sort(1).indices, x.topk(2, 1).values, x.argsort(1, { descending: true })],
    [5],
  ),
  run('gather', (x, i) => x.gather(1, i), [], { example: (n) => [randn([n, 5]), ids(n, 2)] }),
  run('oneHot and cast', (i) => a.nn.functional.oneHot(i, 5).to('float32').matmul(a.eye(5)), [], {
    example: (n) => ids(n, 3),
  }),
  run('tokens', (i) => i.add(1).mul(2), [], { example: (n) => ids(n, 3) }),
  run('mask of tokens', (i) => i.ne(0).to('float32').sum(1), [], { example: (n) => ids(n, 3) }),
  run('uint8 images', (x) => x.to('float32').div(255), [], {
    example: (n) => a.randint(0, 256, [n, 3], { dtype: 'int32' }).to('uint8'),
  }),
  run('flip, roll, tile', (x) => [x.flip(1), x.roll(1, 1), x.tile(1, 2), x.repeatInterleave(2, { dim: 1 })], [3]),
  run('tril', (x) => [x.tril(), x.triu({ diagonal: 1 }), x.diagonal({ dim1: 1, dim2: 2 })], [3, 3]),
  run('mask by triangle', (x) => x.maskedFill(a.ones([3, 3], { dtype: 'uint8' }).triu(1), -1e9).softmax(-1), [3, 3]),
  run('in place', (x) => a.zeros([x.shape[0], 3]).add_(x).add_(x), [3]),
  run('attention', (x) => a.scaledDotProductAttention(x, x, x), [2, 4, 3]),
  run('attention as one node', (x) => a.scaledDotProductAttention(x, x, x), [2, 4, 3], {
    opset: 23,
    operators: 'Attention',
  }),
  run(
    'causal attention as one node',
    (x) => a.scaledDotProductAttention(x, x, x, { isCausal: true, scale: 2 }),
    [2, 4, 3],
    {
      opset: 23,
      operators: 'Attention',
    },
  ),
  run('packed attention before that', (x) => a.scaledDotProductAttention(x, x, x, { heads: 2 }), [4, 6], {
    operators: 'Reshape Transpose Mul Transpose MatMul Softmax MatMul Transpose Reshape',
  }),
  run('causal attention', (x) => a.scaledDotProductAttention(x, x, x, { isCausal: true }), [2, 4, 3]),
  run(
    'masked attention',
    (x, m) => a.scaledDotProductAttention(x, x, x, { attnMask: m.ne(0).reshape(m.shape[0], 1, 1, 4) }),
    [],
    { example: (n) => [randn([n, 2, 4, 3]), ids(n, 4)] },
  ),
  run(
    'biased attention',
    (x) => a.scaledDotProductAttention(x, x, x, { attnMask: a.arange(4, { dtype: 'float32' }) }),
    [2, 4, 3],
  ),
  run('packed attention', (x) => a.scaledDotProductAttention(x, x, x, { heads: 2 }), [4, 6]),
  run('rotary', (x) => [a.rotaryEmbedding(x), a.rotaryEmbedding(x, { interleaved: true, offset: 2 })], [2, 4, 6]),
  run('positions', (i) => i.add(a.arange(3, { dtype: 'int32' })), [], { example: (n) => ids(n, 3) }),
  run('object', ({ left, right }) => ({ sum: left.add(right), parts: [left, right.mul(2)] }), [], {
    example: (n) => ({ left: randn([n, 3]), right: randn([n, 3]) }),
  }),
  run('no operation', (x) => [x, x, tensor([1, 2])], [3]),
  run('scaleByBatch', (x) => x.mul(x.shape[0]), [3]),
];

const both = [...layers, ...functions];

describe('what is exported computes in ONNX Runtime what it computes here', () => {
  it.each(both)('$name', async ({ make, shape = [], example, dynamicBatch = true, opset = 17, operators }) => {
    const of = example ?? ((n: number) => randn([n, ...shape]));
    const bytes = await checkExport(make(), [of(7), of(1)], { dynamicBatch, opset });
    expect(bytes.length).toBeGreaterThan(0);
    if (operators === undefined) return;
    const nodes = fromBinary(ModelProtoSchema, bytes).graph?.node ?? [];
    expect(nodes.map(({ opType }) => opType).join(' ')).toBe(operators);
  });
});

// ONNX keeps attributes in float32, which holds none of these numbers; for float64 that would be errors of 1e-8.
describe('numbers that float32 does not hold are exact in float64', () => {
  it.each<[string, () => a.nn.Module, opset?: number]>([
    ['LeakyReLU', () => new nn.LeakyReLU(0.1)],
    ['RReLU', () => new nn.RReLU()],
    ['ELU', () => new nn.ELU(0.7)],
    ['SELU', () => new nn.SELU()],
    ['GELU by tanh', () => new nn.GELU('tanh'), 20],
    ['GroupNorm', () => new nn.GroupNorm(2, 4), 21],
    ['RMSNorm', () => new nn.RMSNorm(4), 23],
  ])('%s', async (_name, make, opset = 17) => {
    const of = (batch: number): Tensor => randn([batch, 4], { dtype: 'float64' }).mul(8);
    await checkExport(make().to('float64'), [of(7), of(1)], { opset, dynamicBatch: true, tolerance: 1e-12 });
  });
});
