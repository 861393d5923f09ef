// Layers and their functions take the arguments of PyTorch's in their order, by position or by name, with its defaults:
// golden/make_signatures.py lists them.
import { describe, expect, it } from 'vitest';
import { ArgumentError, nn, ones, rand, Tensor, tensor } from '../../lib/index.js';
import { readGolden } from '../support/golden.js';

type Parameter = [name: string, initial?: unknown];
type Values = Record<string, unknown>;
type Make = new (...args: unknown[]) => nn.Module & Values;

const golden = readGolden<{ layers: Record<string, Parameter[]>; functions: Record<string, Parameter[]> }>(
  'signatures',
);

// No two arguments of a layer that could be taken for one another are the same.
const windows = { kernelSize: 4, stride: 3, padding: 2, dilation: 1 };
const channels = {
  inChannels: 4,
  outChannels: 6,
  kernelSize: 3,
  stride: 5,
  padding: 1,
  dilation: 7,
  groups: 2,
  bias: false,
};
const norm = { numFeatures: 3, eps: 0.25, momentum: 0.5, affine: true, trackRunningStats: false };
const recurrent = { inputSize: 2, hiddenSize: 3, numLayers: 4, bias: false, batchFirst: true, dropout: 0.5 };
const cell = { inputSize: 2, hiddenSize: 3, bias: false };
const transformer = { dModel: 4, nhead: 2, dimFeedforward: 6, dropout: 0.5, activation: 'gelu', layerNormEps: 0.25 };
const flags = { batchFirst: true, normFirst: false, bias: false };

const limits = { maxNorm: 2, normType: 1, scaleGradByFreq: true };
const layers: Record<string, Values> = {
  AdaptiveAvgPool1d: { outputSize: 2 },
  AdaptiveAvgPool2d: { outputSize: 2 },
  AdaptiveAvgPool3d: { outputSize: 2 },
  AdaptiveMaxPool1d: { outputSize: 2, returnIndices: true },
  AdaptiveMaxPool2d: { outputSize: 2, returnIndices: true },
  AdaptiveMaxPool3d: { outputSize: 2, returnIndices: true },
  AlphaDropout: { p: 0.25 },
  AvgPool1d: { kernelSize: 4, stride: 3, padding: 2, ceilMode: true, countIncludePad: false },
  AvgPool2d: { kernelSize: 4, stride: 3, padding: 2, ceilMode: true, countIncludePad: false, divisorOverride: 5 },
  AvgPool3d: { kernelSize: 4, stride: 3, padding: 2, ceilMode: true, countIncludePad: false, divisorOverride: 5 },
  BatchNorm1d: norm,
  BatchNorm2d: norm,
  BatchNorm3d: norm,
  CELU: { alpha: 2 },
  Bilinear: { in1Features: 2, in2Features: 3, outFeatures: 4, bias: false },
  ChannelShuffle: { groups: 2 },
  CircularPad1d: { padding: 2 },
  CircularPad2d: { padding: 2 },
  CircularPad3d: { padding: 2 },
  ConstantPad1d: { padding: 2, value: 3 },
  ConstantPad2d: { padding: 2, value: 3 },
  ConstantPad3d: { padding: 2, value: 3 },
  Conv1d: { ...channels, paddingMode: 'circular' },
  Conv2d: { ...channels, paddingMode: 'circular' },
  Conv3d: { ...channels, paddingMode: 'circular' },
  ConvTranspose1d: { ...channels, outputPadding: 4, paddingMode: 'zeros' },
  ConvTranspose2d: { ...channels, outputPadding: 4, paddingMode: 'zeros' },
  CosineSimilarity: { dim: 0, eps: 0.25 },
  ConvTranspose3d: { ...channels, outputPadding: 4, paddingMode: 'zeros' },
  Dropout: { p: 0.25 },
  Dropout1d: { p: 0.25 },
  Dropout2d: { p: 0.25 },
  Dropout3d: { p: 0.25 },
  ELU: { alpha: 2 },
  Embedding: { numEmbeddings: 5, embeddingDim: 4, paddingIdx: 1, ...limits },
  EmbeddingBag: { numEmbeddings: 5, embeddingDim: 4, ...limits, mode: 'sum' },
  FeatureAlphaDropout: { p: 0.25 },
  Flatten: { startDim: 2, endDim: 3 },
  Fold: { outputSize: 6, kernelSize: 4, dilation: 3, padding: 2, stride: 1 },
  GLU: { dim: 1 },
  GELU: { approximate: 'tanh' },
  GRU: { ...recurrent, bidirectional: true },
  GRUCell: cell,
  GroupNorm: { numGroups: 2, numChannels: 4, eps: 0.25, affine: false },
  Hardshrink: { lambd: 0.25 },
  Hardtanh: { minVal: -2, maxVal: 3 },
  InstanceNorm1d: norm,
  InstanceNorm2d: norm,
  InstanceNorm3d: norm,
  LPPool1d: { normType: 2, kernelSize: 4, stride: 3, ceilMode: true },
  FractionalMaxPool2d: { kernelSize: 2, outputSize: null, outputRatio: 0.5, returnIndices: true },
  FractionalMaxPool3d: { kernelSize: 2, outputSize: null, outputRatio: 0.5, returnIndices: true },
  LPPool2d: { normType: 2, kernelSize: 4, stride: 3, ceilMode: true },
  LPPool3d: { normType: 2, kernelSize: 4, stride: 3, ceilMode: true },
  LSTM: { ...recurrent, bidirectional: true, projSize: 1 },
  LSTMCell: cell,
  LayerNorm: { normalizedShape: 3, eps: 0.25, elementwiseAffine: true, bias: false },
  LeakyReLU: { negativeSlope: 0.25 },
  Linear: { inFeatures: 2, outFeatures: 3, bias: false },
  LocalResponseNorm: { size: 2, alpha: 0.5, beta: 0.25, k: 3 },
  LogSoftmax: { dim: 1 },
  MaxPool1d: { ...windows, returnIndices: true, ceilMode: true },
  MaxPool2d: { ...windows, returnIndices: true, ceilMode: true },
  MaxPool3d: { ...windows, returnIndices: true, ceilMode: true },
  MaxUnpool1d: { kernelSize: 4, stride: 3, padding: 2 },
  MaxUnpool2d: { kernelSize: 4, stride: 3, padding: 2 },
  MaxUnpool3d: { kernelSize: 4, stride: 3, padding: 2 },
  MultiheadAttention: {
    ...{ embedDim: 4, numHeads: 2, dropout: 0.25, bias: false, addBiasKv: true, addZeroAttn: true, kdim: 3, vdim: 5 },
    batchFirst: true,
  },
  PReLU: { numParameters: 2, init: 0.5 },
  PairwiseDistance: { p: 3, eps: 0.25 },
  PixelShuffle: { upscaleFactor: 2 },
  PixelUnshuffle: { downscaleFactor: 2 },
  RMSNorm: { normalizedShape: 3, eps: 0.25, elementwiseAffine: false },
  RNN: { ...recurrent, nonlinearity: 'relu', bidirectional: true },
  RNNCell: { ...cell, nonlinearity: 'relu' },
  RReLU: { lower: 0.25, upper: 0.5 },
  ReflectionPad1d: { padding: 2 },
  ReflectionPad2d: { padding: 2 },
  ReflectionPad3d: { padding: 2 },
  ReplicationPad1d: { padding: 2 },
  ReplicationPad2d: { padding: 2 },
  ReplicationPad3d: { padding: 2 },
  Softmax: { dim: 1 },
  Softmin: { dim: 1 },
  Softshrink: { lambd: 0.25 },
  Softplus: { beta: 2, threshold: 10 },
  SyncBatchNorm: { ...norm, processGroup: null },
  Threshold: { threshold: 1, value: 2 },
  TransformerDecoder: { decoderLayer: new nn.TransformerDecoderLayer(4, 2), numLayers: 3, norm: new nn.LayerNorm(4) },
  TransformerDecoderLayer: { ...transformer, ...flags },
  Transformer: {
    ...{ ...transformer, numEncoderLayers: 2, numDecoderLayers: 3, customEncoder: new nn.Identity() },
    ...{ ...flags, customDecoder: new nn.Identity() },
  },
  TransformerEncoder: { encoderLayer: new nn.TransformerEncoderLayer(4, 2), numLayers: 3, norm: new nn.LayerNorm(4) },
  TransformerEncoderLayer: { ...transformer, ...flags },
  Unflatten: { dim: 1, unflattenedSize: [3, 3] },
  Unfold: { kernelSize: 4, dilation: 3, padding: 2, stride: 1 },
  Upsample: { size: 6, scaleFactor: null, mode: 'linear', alignCorners: true, recomputeScaleFactor: false },
  UpsamplingBilinear2d: { size: 6, scaleFactor: null },
  UpsamplingNearest2d: { size: 6, scaleFactor: null },
  ZeroPad1d: { padding: 2 },
  ZeroPad2d: { padding: 2 },
  ZeroPad3d: { padding: 2 },
};

// What a layer or function takes no more by position, from the first that it lacks on.
const lacking: Record<string, string> = {
  Embedding: 'sparse',
  EmbeddingBag: 'sparse',
  FractionalMaxPool2d: 'RandomSamples', // private there; ours is randomSamples, in options
  FractionalMaxPool3d: 'RandomSamples',
  PairwiseDistance: 'keepdim', // ours is keepDim, as everywhere
  TransformerEncoder: 'enableNestedTensor',
  embedding: 'sparse',
  embeddingBag: 'sparse',
  logSoftmax: 'Stacklevel',
  softmax: 'Stacklevel',
};

// The arguments in order, as far as there are values; the rest must be what is known to be lacking.
function inOrder(name: string, parameters: Parameter[], values: Values): [string, unknown][] {
  const end = parameters.findIndex(([parameter]) => !(parameter in values));
  const taken = end < 0 ? parameters : parameters.slice(0, end);
  const next = parameters[taken.length]?.[0];
  expect(next === 'inplace' ? undefined : next, name).toBe(lacking[name]);
  expect(taken.length, name).toBe(Object.keys(values).length);
  return taken.map(([parameter]) => [parameter, values[parameter]]);
}

// A layer as plain values, tensors as their shapes.
function plain(value: unknown, depth = 0): unknown {
  if (value instanceof Tensor) return value.shape;
  if (Array.isArray(value)) return value.map((v) => plain(v, depth + 1));
  if (!(value instanceof nn.Module)) return typeof value === 'object' && depth > 0 ? String(value) : value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v, depth + 1)]));
}

const flat = (value: unknown): unknown[] => [value].flat();

describe.each(Object.keys(layers))('nn.%s', (name) => {
  const make = nn[name as 'Linear'] as unknown as Make;
  const parameters = golden.layers[name] as Parameter[];
  const given = inOrder(name, parameters, layers[name] as Values);
  const byPosition = new make(...given.map(([, value]) => value));

  it('takes its arguments by position, by name, and both', () => {
    expect(plain(new make(Object.fromEntries(given)))).toEqual(plain(byPosition));
    given.forEach((_, i) => {
      const [first, rest] = [given.slice(0, i), given.slice(i)];
      expect(plain(new make(...first.map(([, v]) => v), Object.fromEntries(rest)))).toEqual(plain(byPosition));
    });
  });

  it('has them as properties', () => {
    const without = (parameter: string) => name.startsWith('Transformer') || parameter === 'addBiasKv'; // what they are made of tells it
    for (const [parameter, value] of given) {
      const property = byPosition[parameter];
      if (parameter === 'bias' && property !== false) {
        if (property !== undefined) expect(property === null, 'bias').toBe(value === false);
      } else if (!without(parameter)) {
        for (const part of flat(property)) expect(part, parameter).toBe(flat(value)[0]);
      }
    }
  });

  it("has PyTorch's defaults", () => {
    const required = parameters.filter((p) => p.length === 1).map(([parameter]) => parameter);
    const least = given.filter(([parameter]) => required.includes(parameter));
    const needed = name.startsWith('Upsampl')
      ? [{ size: 2 }]
      : /Softm/.test(name)
        ? [0]
        : least.map(([, value]) => value);
    if (name.startsWith('Fractional')) needed.push(3); // outputSize, or outputRatio instead
    const layer = new make(...needed);
    for (const [parameter, initial] of parameters) {
      const property = layer[parameter];
      if (initial === undefined || initial === null || initial === 'other' || property === undefined) continue;
      if (property instanceof nn.Module) continue;
      if (parameter === 'bias' && typeof property !== 'boolean') expect(property === null, parameter).toBe(!initial);
      else for (const part of flat(property)) expect(part, parameter).toBe(initial);
    }
  });
});

const image = rand([1, 2, 6, 6]);
const line = rand([1, 2, 6]);
const two = rand([2]);
const window = { kernelSize: 3, stride: 2, padding: 1 };
const around = { stride: 3, padding: 2, dilation: 1, groups: 1 };
const ids = tensor([1, 2, 0], { dtype: 'int32' });

const functions: Record<string, [tensors: Tensor[], values: Values]> = {
  adaptiveAvgPool2d: [[image], { outputSize: 2 }],
  avgPool1d: [[line], { ...window, ceilMode: true, countIncludePad: false }],
  avgPool2d: [[image], { ...window, ceilMode: true, countIncludePad: false, divisorOverride: 5 }],
  batchNorm: [
    [image],
    {
      runningMean: two,
      runningVar: ones([2]),
      weight: rand([2]),
      bias: rand([2]),
      training: false,
      momentum: 0.5,
      eps: 0.25,
    },
  ],
  conv1d: [[line, rand([4, 2, 3])], { bias: rand([4]), ...around }],
  conv2d: [[image, rand([4, 2, 3, 3])], { bias: rand([4]), ...around }],
  convTranspose2d: [[image, rand([2, 4, 5, 5])], { bias: rand([4]), ...around, outputPadding: 1 }],
  dropout: [[line], { p: 0.5, training: false }],
  elu: [[line], { alpha: 2 }],
  embedding: [[ids, rand([3, 2])], { paddingIdx: 0, ...limits }],
  embeddingBag: [[ids, rand([3, 2])], { offsets: tensor([0, 1], { dtype: 'int32' }), ...limits, mode: 'sum' }],
  fold: [[rand([1, 4, 9])], { outputSize: 4, kernelSize: 2, dilation: 1, padding: 0, stride: 1 }],
  gelu: [[line], { approximate: 'tanh' }],
  groupNorm: [[image], { numGroups: 2, weight: rand([2]), bias: rand([2]), eps: 0.25 }],
  hardtanh: [[line], { minVal: 0.25, maxVal: 0.5 }],
  instanceNorm: [
    [image],
    {
      runningMean: two,
      runningVar: two,
      weight: rand([2]),
      bias: rand([2]),
      useInputStats: false,
      momentum: 0.5,
      eps: 1,
    },
  ],
  interpolate: [
    [line],
    { size: 4, scaleFactor: null, mode: 'linear', alignCorners: true, recomputeScaleFactor: false, antialias: false },
  ],
  layerNorm: [[line], { normalizedShape: [6], weight: rand([6]), bias: rand([6]), eps: 0.25 }],
  leakyRelu: [[line.neg()], { negativeSlope: 0.25 }],
  linear: [[line, rand([3, 6])], { bias: rand([3]) }],
  logSoftmax: [[line], { dim: 1 }],
  maxPool1d: [[line], { ...window, dilation: 2, ceilMode: true, returnIndices: false }],
  maxPool2d: [[image], { ...window, dilation: 2, ceilMode: true, returnIndices: false }],
  pad: [[line], { pad: [1, 2], mode: 'constant', value: 3 }],
  pixelShuffle: [[rand([1, 4, 2, 2])], { upscaleFactor: 2 }],
  rmsNorm: [[line], { normalizedShape: 6, weight: rand([6]), eps: 0.25 }],
  scaledDotProductAttention: [
    [line, line, line],
    { attnMask: rand([2, 2]), dropoutP: 0, isCausal: true, scale: 0.25, enableGqa: false },
  ],
  softmax: [[line], { dim: 1 }],
  softplus: [[line], { beta: 2, threshold: 0.5 }],
  unfold: [[image], { kernelSize: 3, dilation: 2, padding: 1, stride: 2 }],
};

describe.each(Object.keys(golden.functions))('nn.functional.%s', (name) => {
  it('takes its arguments by position and by name', () => {
    const run = nn.functional[name as 'conv2d'] as (...args: unknown[]) => Tensor;
    const [tensors, values] = functions[name] as [Tensor[], Values];
    const parameters = (golden.functions[name] as Parameter[]).slice(tensors.length);
    const given = inOrder(name, parameters, values);
    const y = run(...tensors, Object.fromEntries(given)).toArray();
    given.forEach((_, i) => {
      const first = given.slice(0, i + 1).map(([, value]) => value);
      const rest = Object.fromEntries(given.slice(i + 1));
      expect(run(...tensors, ...first, ...(i + 1 < given.length ? [rest] : [])).toArray()).toEqual(y);
    });
  });
});

it('every layer that PyTorch has, too, is tested', () => {
  const bare = Object.keys(golden.layers).filter((name) => name in nn && !(name in layers));
  for (const name of bare) {
    const parameters = (golden.layers[name] as Parameter[]).map(([parameter]) => parameter);
    expect(
      parameters.filter((p) => p !== 'inplace' && p !== 'modules' && p !== 'parameters'),
      name,
    ).toEqual([]);
  }
});

const { functional: F } = nn;
const kernel = ones([4, 2, 3, 3]);

// A comment above a call: it does not type-check either.
const refused: [call: () => unknown, message: string][] = [
  // @ts-expect-error: outFeatures
  [() => new nn.Linear(784), 'Linear: outFeatures must be an integer of at least 1, got undefined'],
  // @ts-expect-error: outFeatures
  [() => new nn.Linear({ inFeatures: 3 }), 'Linear: outFeatures must be an integer of at least 1, got undefined'],
  // @ts-expect-error: kernelSize
  [() => new nn.Conv2d(1, 2), 'Conv2d: kernelSize must be an integer of at least 1, got undefined'],
  // @ts-expect-error: the name
  [() => new nn.Conv2d(1, 2, { kernel_size: 3 }), 'Conv2d: unknown option "kernel_size"; use kernelSize'],
  // @ts-expect-error: the name
  [() => new nn.Conv2d(1, 2, 3, { strides: 2 }), 'Conv2d: unknown option "strides"; use stride'],
  [
    // @ts-expect-error: the stride twice
    () => new nn.Conv2d(1, 2, 3, 1, { stride: 2 }),
    'Conv2d: stride must be given once, got 1 by position and 2 in the options',
  ],
  // @ts-expect-error: something after the options
  [() => new nn.Conv2d(1, 2, 3, { stride: 2 }, 1), 'Conv2d: nothing may follow the options, got 1'],
  // @ts-expect-error: the name
  [() => new nn.Embedding(9, 2, { padding_idx: 0 }), 'Embedding: unknown option "padding_idx"; use paddingIdx'],
  // @ts-expect-error: the name
  [() => new nn.Linear(3, 2, { use_bias: true }), 'Linear: unknown option "use_bias"; use bias'],
  [
    // @ts-expect-error: the name
    () => new nn.Linear(3, 2, { device: 'cpu' }),
    'Linear: unknown option "device"; leave it out: tensors are in the memory of the CPU',
  ],
  // @ts-expect-error: the name
  [() => new nn.Dropout({ rate: 0.5 }), 'Dropout: unknown option "rate"; use p'],
  // @ts-expect-error: the kind
  [() => new nn.Dropout('0.5'), 'Dropout: p must be a finite number of at least 0 and at most 1, got "0.5"'],
  // @ts-expect-error: numChannels
  [() => new nn.GroupNorm(2), 'GroupNorm: numChannels must be an integer of at least 1, got undefined'],
  [
    // @ts-expect-error: normalizedShape
    () => new nn.LayerNorm(),
    'LayerNorm: normalizedShape must be an integer of at least 1 or an array of such, got undefined',
  ],
  // @ts-expect-error: kernelSize
  [() => new nn.MaxPool2d(), 'MaxPool2d: kernelSize must be an integer of at least 1, got undefined'],
  // @ts-expect-error: hiddenSize
  [() => new nn.LSTM(8), 'LSTM: hiddenSize must be an integer of at least 1, got undefined'],
  // @ts-expect-error: the name
  [() => new nn.LSTM(8, 2, { num_layers: 2 }), 'LSTM: unknown option "num_layers"; use numLayers'],
  // @ts-expect-error: kernelSize
  [() => F.maxPool2d(image), 'maxPool2d: kernelSize must be an integer of at least 1, got undefined'],
  [
    // @ts-expect-error: normalizedShape
    () => F.layerNorm(line),
    'layerNorm: normalizedShape must be an integer of at least 1 or an array of such, got undefined',
  ],
  // @ts-expect-error: runningMean
  [() => F.batchNorm(image), 'batchNorm: runningMean must be a tensor or null, got undefined'],
  // @ts-expect-error: the order of arguments
  [() => F.conv2d(image, kernel, 2), 'conv2d: bias must be a tensor, got 2'],
  // @ts-expect-error: the name
  [() => F.conv2d(image, kernel, { pad: 1 }), 'conv2d: unknown option "pad"; known are bias, stride, padding, '],
  // @ts-expect-error: the order of arguments
  [() => F.dropout(line, true), 'dropout: p must be a finite number of at least 0 and at most 1, got true'],
];

it.each(refused.map(([call, message]) => [message, call] as const))('%s', (message, call) => {
  expect(call).toThrow(ArgumentError);
  expect(call).toThrow(message);
});
