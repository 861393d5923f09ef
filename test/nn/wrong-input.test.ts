// Argument checks of convolutions, pooling, embeddings, norms and recurrent layers; attention: wrong-input-attention.test.ts.
import { describe } from 'vitest';
import * as adjoint from '../../lib/index.js';
import { type Call, type Construction, int32, refusedByForward, refusedWhenMade } from '../support/refusals.js';

const { ArgumentError, DTypeError, nn, ones, ShapeError, zeros } = adjoint;

const constructions: Construction[] = [
  [
    () => new nn.Conv1d(4, 6, 3, { groups: 3 }),
    ShapeError,
    'Conv1d: groups must divide inChannels, got 3 groups and 4 inChannels',
  ],
  [
    () => new nn.Conv2d(4, 6, 3, { groups: 4 }),
    ShapeError,
    'Conv2d: groups must divide outChannels, got 4 groups and 6 outChannels',
  ],
  [
    () => new nn.ConvTranspose1d(4, 6, 3, { groups: 3 }),
    ShapeError,
    'ConvTranspose1d: groups must divide inChannels, got 3 groups and 4 inChannels',
  ],
  [
    () => new nn.ConvTranspose2d(4, 6, 3, { groups: 4 }),
    ShapeError,
    'ConvTranspose2d: groups must divide outChannels, got 4 groups and 6 outChannels',
  ],
  [() => new nn.GroupNorm(4, 6), ShapeError, 'GroupNorm: numGroups must divide numChannels, got 4 and 6'],
  [
    () => new nn.Embedding(5, 2, { paddingIdx: 5 }),
    ArgumentError,
    'Embedding: paddingIdx must be an integer of at least -5 and at most 4, got 5',
  ],
  [
    () => new nn.Linear(3, 4, { bias: 'no' as unknown as boolean }),
    ArgumentError,
    'Linear: bias must be a boolean, got "no"',
  ],
  [
    () => new nn.Conv2d(4, 6, 3, { padding: 'same', stride: 2 }),
    ArgumentError,
    "Conv2d: padding 'same' needs stride 1, got stride [2, 2]",
  ],
  [
    () => new nn.ConvTranspose2d(4, 6, 3, { outputPadding: -1 }),
    ArgumentError,
    'ConvTranspose2d: outputPadding must be an integer of at least 0, got -1',
  ],
  [
    () => new nn.ConvTranspose2d(4, 6, 3, { paddingMode: 'reflect' as never }),
    ArgumentError,
    'ConvTranspose2d: paddingMode must be zeros, got "reflect"',
  ],
  [
    () => new nn.GRUCell(4, 6, { bias: 0 as unknown as boolean }),
    ArgumentError,
    'GRUCell: bias must be a boolean, got 0',
  ],
];

const windows: Call[] = [
  [
    () => new nn.Conv1d(2, 3, 5),
    () => [zeros([1, 2, 3])],
    ShapeError,
    'Conv1d: the kernel must fit into the padded input, got x [1, 2, 3] and weight [3, 2, 5] (length 5 > 3)',
  ],
  [
    () => new nn.Conv2d(2, 3, 3, { dilation: 2, padding: 1 }),
    () => [zeros([1, 2, 8, 2])],
    ShapeError,
    'Conv2d: the kernel must fit into the padded input, got x [1, 2, 8, 2] and weight [3, 2, 3, 3] (width 5 > 4)',
  ],
  [
    () => new nn.Conv2d(2, 3, 9, { padding: 1, paddingMode: 'circular' }),
    () => [zeros([1, 2, 4, 9])],
    ShapeError,
    'Conv2d: the kernel must fit into the padded input, got x [1, 2, 4, 9] and weight [3, 2, 9, 9] (height 9 > 6)',
  ],
  [
    () => new nn.Conv2d(2, 3, 9, { padding: 4, paddingMode: 'reflect' }),
    () => [zeros([1, 2, 4, 9])],
    ShapeError,
    'Conv2d: padding must be at most 3 for paddingMode reflect, got 4 and x [1, 2, 4, 9] (height 4)',
  ],
  [
    () => new nn.Conv2d(2, 3, 3),
    () => [zeros([1, 3, 8, 8])],
    ShapeError,
    'Conv2d: x must have inChannels 2, got x [1, 3, 8, 8] (3 ≠ 2)',
  ],
  [
    () => new nn.ConvTranspose1d(4, 6, 3, { padding: 4 }),
    () => [zeros([1, 4, 2])],
    ShapeError,
    'ConvTranspose1d: the output must not be empty, got x [1, 4, 2] and padding 4 (length -4)',
  ],
  [
    () => new nn.ConvTranspose2d(4, 6, 3),
    () => [zeros([1, 4, 0, 2])],
    ShapeError,
    'ConvTranspose2d: x must not be empty, got x [1, 4, 0, 2]',
  ],
  [
    () => new nn.MaxPool1d(5),
    () => [zeros([1, 2, 3])],
    ShapeError,
    'MaxPool1d: the kernel must fit into the padded input, got x [1, 2, 3] (length 5 > 3)',
  ],
  [
    () => new nn.MaxPool2d(3, { dilation: 2 }),
    () => [zeros([1, 2, 4, 8])],
    ShapeError,
    'MaxPool2d: the kernel must fit into the padded input, got x [1, 2, 4, 8] (height 5 > 4)',
  ],
  [
    () => new nn.AvgPool1d(3, { padding: 2 }),
    () => [zeros([1, 2, 4])],
    ArgumentError,
    'AvgPool1d: padding must be at most half of kernelSize, got 2 and kernelSize 3',
  ],
  [
    () => new nn.AvgPool2d([2, 5]),
    () => [zeros([1, 2, 4, 4])],
    ShapeError,
    'AvgPool2d: the kernel must fit into the padded input, got x [1, 2, 4, 4] (width 5 > 4)',
  ],
  [
    () => new nn.AdaptiveAvgPool2d(2),
    () => [zeros([1, 2, 0, 4])],
    ShapeError,
    'AdaptiveAvgPool2d: x must not be empty, got x [1, 2, 0, 4]',
  ],
  [
    () => new nn.Unfold(5),
    () => [zeros([1, 2, 4, 4])],
    ShapeError,
    'Unfold: the kernel must fit into the padded input, got x [1, 2, 4, 4] (height 5 > 4)',
  ],
  [() => new nn.Upsample({ scaleFactor: 2 }), () => [[1]], ArgumentError, 'Upsample: x must be a tensor, got [1]'],
];

const tables: Call[] = [
  [
    () => new nn.Embedding(5, 2),
    () => [int32([1, 5])],
    ArgumentError,
    'Embedding: indices must be at least 0 and below 5, got 5 (element 1)',
  ],
  [
    () => new nn.Embedding(5, 2),
    () => [zeros([2])],
    DTypeError,
    "Embedding: index must be int32, got float32; convert it by index.to('int32')",
  ],
  [
    () => new nn.EmbeddingBag(5, 2),
    () => [int32([[1, -1]])],
    ArgumentError,
    'EmbeddingBag: indices must be at least 0 and below 5, got -1 (element 1)',
  ],
  [
    () => new nn.EmbeddingBag(5, 2, { mode: 'max' }),
    () => [int32([[1, 5]])],
    ArgumentError,
    'EmbeddingBag: indices must be at least 0 and below 5, got 5 (element 1)',
  ],
  [
    () => new nn.EmbeddingBag(5, 2),
    () => [int32([1, 4]), int32([0, 3])],
    ArgumentError,
    'EmbeddingBag: offsets must ascend from 0 to at most 2, got 3 (element 1)',
  ],
  [
    () => new nn.EmbeddingBag(5, 2),
    () => [int32([1, 4])],
    ShapeError,
    'EmbeddingBag: without offsets, index must be [bags, size], got index [2]',
  ],
  [
    () => new nn.EmbeddingBag(5, 2),
    () => [int32([[1, 4]]), null, ones([1, 2])],
    ArgumentError,
    'EmbeddingBag: perSampleWeights need mode sum, got mean',
  ],
];

const norms: Call[] = [
  [
    () => new nn.BatchNorm1d(3),
    () => [zeros([2, 4])],
    ShapeError,
    'BatchNorm1d: dimension 1 of x must be numFeatures 3, got x [2, 4]',
  ],
  [
    () => new nn.BatchNorm2d(3),
    () => [zeros([2, 3, 1, 1], { dtype: 'float64' })],
    DTypeError,
    'BatchNorm2d: dtypes must match, got x float64 and weight float32; convert one by to(dtype)',
  ],
  [
    () => new nn.LayerNorm(3),
    () => [zeros([2, 3], { dtype: 'int32' })],
    DTypeError,
    "LayerNorm: x must be float32 or float64, got int32; convert it by x.to('float32')",
  ],
  [
    () => new nn.RMSNorm([2, 3]),
    () => [zeros([3])],
    ShapeError,
    'RMSNorm: last dimensions of x must be normalizedShape [2, 3], got x [3]',
  ],
  [
    () => new nn.InstanceNorm1d(3, { affine: true, trackRunningStats: true }),
    () => [zeros([2, 3, 4], { dtype: 'float64' })],
    DTypeError,
    'InstanceNorm1d: dtypes must match, got x float64 and weight float32; convert one by to(dtype)',
  ],
];

const sequences = (['RNN', 'LSTM', 'GRU'] as const).flatMap((kind): Call[] => {
  const layer = (options: object) => () => new (nn[kind] as typeof nn.GRU)(3, 5, options);
  const x = () => zeros([2, 4, 3]);
  const state = (...shape: number[]) => (kind === 'LSTM' ? [zeros(shape), zeros(shape)] : zeros(shape));
  return [
    [
      layer({ batchFirst: true }),
      () => [x(), null, int32([4, 5])],
      ArgumentError,
      `${kind}: lengths must be at least 1 and at most the number of steps 4, got 5 (element 1)`,
    ],
    [
      layer({ batchFirst: true, numLayers: 2, bidirectional: true, dropout: 0.5 }),
      () => [x(), null, int32([4, 0])],
      ArgumentError,
      `${kind}: lengths must be at least 1 and at most the number of steps 4, got 0 (element 1)`,
    ],
    [
      layer({}),
      () => [x(), null, int32([2, 2])],
      ShapeError,
      `${kind}: lengths must have one element for each sequence [4], got [2]`,
    ],
    [
      layer({ batchFirst: true }),
      () => [x(), null, ones([2])],
      DTypeError,
      `${kind}: lengths must be int32, got float32; convert it by lengths.to('int32')`,
    ],
    [
      layer({ batchFirst: true, bidirectional: true }),
      () => [x(), state(1, 2, 5)],
      ShapeError,
      `${kind}: h0 must be [numLayers · 2, batch, hiddenSize] [2, 2, 5] for x [2, 4, 3], got [1, 2, 5]`,
    ],
    [
      layer({}),
      () => [zeros([2, 4, 2])],
      ShapeError,
      `${kind}: last dimension of x must be inputSize 3, got x [2, 4, 2]`,
    ],
  ];
});

describe('refused when it is made', () => refusedWhenMade(constructions));

describe.each([
  ['windows', windows],
  ['tables', tables],
  ['norms', norms],
  ['sequences', sequences],
] as const)('refused by forward, and nothing is changed: %s', (_, calls) => refusedByForward(calls));
