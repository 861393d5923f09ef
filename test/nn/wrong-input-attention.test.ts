// Argument checks of attention and transformers, including caches.
import { describe, expect, it } from 'vitest';
import * as adjoint from '../../lib/index.js';
import {
  type Call,
  type Construction,
  errorOf,
  expectError,
  int32,
  mask,
  refusedByForward,
  refusedWhenMade,
} from '../support/refusals.js';

const { ArgumentError, DTypeError, nn, noGrad, ShapeError, zeros } = adjoint;

const constructions: Construction[] = [
  [
    () => new nn.MultiheadAttention(8, 3),
    ArgumentError,
    'MultiheadAttention: numHeads must divide embedDim, got numHeads 3, embedDim 8',
  ],
  [
    () => new nn.TransformerEncoderLayer(8, 3),
    ArgumentError,
    'TransformerEncoderLayer: nhead must divide dModel, got nhead 3, dModel 8',
  ],
  [
    () => new nn.TransformerDecoderLayer(8, 3),
    ArgumentError,
    'TransformerDecoderLayer: nhead must divide dModel, got nhead 3, dModel 8',
  ],
  [
    () => new nn.MultiheadAttention(8, 2, { batchFirst: 1 as unknown as boolean }),
    ArgumentError,
    'MultiheadAttention: batchFirst must be a boolean, got 1',
  ],
  [
    () => new nn.SinusoidalPositions(8, { batchFirst: 1 as unknown as boolean }),
    ArgumentError,
    'SinusoidalPositions: batchFirst must be a boolean, got 1',
  ],
  [
    () => new nn.MultiheadAttention(8, 2, { bias: 0 as unknown as boolean }),
    ArgumentError,
    'MultiheadAttention: bias must be a boolean, got 0',
  ],
];

const q = () => zeros([3, 4, 8]);
const memory = () => zeros([3, 6, 8]);
const attention = () => new nn.MultiheadAttention(8, 2, { batchFirst: true, dropout: 0.5 });
const attentions: Call[] = [
  [
    attention,
    () => [q(), memory(), memory(), { attnMask: mask(3, 4, 6) }],
    ShapeError,
    'MultiheadAttention: attnMask must be [4, 6] or [6, 4, 6], got [3, 4, 6]',
  ],
  [
    attention,
    () => [q(), memory(), memory(), { keyPaddingMask: mask(3, 4) }],
    ShapeError,
    'MultiheadAttention: keyPaddingMask must be [3, 6], got [3, 4]',
  ],
  [
    attention,
    () => [zeros([4, 8]), undefined, undefined, { keyPaddingMask: mask(1, 4) }],
    ShapeError,
    'MultiheadAttention: keyPaddingMask must be [4], got [1, 4]',
  ],
  [
    attention,
    () => [q(), memory(), memory(), { keyPaddingMask: int32([[1]]).expand([3, 6]) }],
    DTypeError,
    'MultiheadAttention: keyPaddingMask must be uint8 or float32, got int32; convert it by to(dtype)',
  ],
  [
    attention,
    () => [q(), zeros([2, 6, 8])],
    ShapeError,
    'MultiheadAttention: batches must be the same, got query [3, 4, 8], key [2, 6, 8], value [2, 6, 8]',
  ],
  [
    attention,
    () => [q(), q(), q(), { isCausal: 'yes' }],
    ArgumentError,
    'MultiheadAttention: isCausal must be a boolean, got "yes"',
  ],
  [
    attention,
    () => [q(), q(), q(), { cache: {} }],
    ArgumentError,
    'MultiheadAttention: cache must be a KeyValueCache, got an object of class Object',
  ],
];

const options = { dimFeedforward: 4, batchFirst: true, normFirst: true };
const encoderLayer = () => new nn.TransformerEncoderLayer(8, 2, options);
const encoder = () => new nn.TransformerEncoder(encoderLayer(), 2);
const decoderLayer = () => new nn.TransformerDecoderLayer(8, 2, options);
const decoder = () => new nn.TransformerDecoder(decoderLayer(), 2);
const transformers: Call[] = [
  [
    encoderLayer,
    () => [zeros([3, 4, 7])],
    ShapeError,
    'TransformerEncoderLayer: x must be [batch, rows, 8] or [rows, 8], got x [3, 4, 7]',
  ],
  [
    encoderLayer,
    () => [zeros([3, 4, 8], { dtype: 'float64' })],
    DTypeError,
    'TransformerEncoderLayer: dtypes must match, got x float64 and the weights float32; convert one by to(dtype)',
  ],
  [
    encoderLayer,
    () => [q(), { srcMask: mask(3, 4) }],
    ShapeError,
    'TransformerEncoderLayer: srcMask must be [4, 4] or [6, 4, 4], got [3, 4]',
  ],
  [
    encoder,
    () => [q(), { srcKeyPaddingMask: mask(4, 3) }],
    ShapeError,
    'TransformerEncoder: srcKeyPaddingMask must be [3, 4], got [4, 3]',
  ],
  [
    encoder,
    () => [q(), { caches: [new nn.KeyValueCache()] }],
    ArgumentError,
    'TransformerEncoder: caches must be one a layer, 2, got 1',
  ],
  [decoderLayer, () => [q()], ArgumentError, 'TransformerDecoderLayer: memory must be a tensor, got undefined'],
  [
    decoderLayer,
    () => [q(), zeros([2, 6, 8])],
    ShapeError,
    'TransformerDecoderLayer: batches must be the same, got x [3, 4, 8], memory [2, 6, 8]',
  ],
  [
    decoderLayer,
    () => [q(), memory(), { tgtMask: mask(4, 6) }],
    ShapeError,
    'TransformerDecoderLayer: tgtMask must be [4, 4] or [6, 4, 4], got [4, 6]',
  ],
  [
    decoder,
    () => [q(), memory(), { memoryMask: mask(4, 4) }],
    ShapeError,
    'TransformerDecoder: memoryMask must be [4, 6] or [6, 4, 6], got [4, 4]',
  ],
  [
    decoder,
    () => [q(), memory(), { tgtKeyPaddingMask: mask(3, 6) }],
    ShapeError,
    'TransformerDecoder: tgtKeyPaddingMask must be [3, 4], got [3, 6]',
  ],
  [
    decoder,
    () => [q(), memory(), { memoryKeyPaddingMask: mask(3, 4) }],
    ShapeError,
    'TransformerDecoder: memoryKeyPaddingMask must be [3, 6], got [3, 4]',
  ],
];

describe('refused when it is made', () => refusedWhenMade(constructions));

describe.each([
  ['attention', attentions],
  ['transformers', transformers],
] as const)('refused by forward, and nothing is changed: %s', (_, calls) => refusedByForward(calls));

describe('caches', () => {
  const cacheOf = (layer: adjoint.nn.MultiheadAttention, x: adjoint.Tensor, key = x) => {
    const cache = new nn.KeyValueCache();
    noGrad(() => layer.forward(x, key, key, { cache }));
    return cache;
  };

  it('a failed call leaves the cache as it was', () => {
    const layer = attention();
    const cache = cacheOf(layer, q());
    const x = q();
    expectError(
      errorOf(() => noGrad(() => layer.forward(x, x, x, { cache, attnMask: mask(4, 5) }))),
      ShapeError,
      'MultiheadAttention: attnMask must be [4, 8] or [6, 4, 8], got [4, 5]',
    );
    expect(cache.length).toBe(4);
  });

  it('a cache of another batch is refused, of the memory too', () => {
    const layer = attention();
    const cache = cacheOf(layer, q(), memory());
    const other = zeros([2, 6, 8]);
    expectError(
      errorOf(() => noGrad(() => layer.forward(zeros([2, 4, 8]), other, other, { cache }))),
      ShapeError,
      'MultiheadAttention: cache must hold rows of [2, 8] float32, got rows of [3, 8] float32; use another cache',
    );
  });

  it('a decoder that refuses the memory has not kept the row', () => {
    const layer = decoder();
    const caches = [0, 1].map(() => ({ self: new nn.KeyValueCache(), memory: new nn.KeyValueCache() }));
    expectError(
      errorOf(() => noGrad(() => layer.forward(q(), zeros([3, 6, 7]), { caches }))),
      ShapeError,
      'TransformerDecoder: memory must be [batch, rows, 8] or [rows, 8], got memory [3, 6, 7]',
    );
    expect(caches.map((c) => [c.self.length, c.memory.length])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('an encoder whose second cache does not fit has not kept rows in the first', () => {
    const layer = encoder();
    const caches = [new nn.KeyValueCache(), cacheOf(attention(), zeros([2, 4, 8]))];
    expectError(
      errorOf(() => noGrad(() => layer.forward(q(), { caches }))),
      ShapeError,
      'TransformerEncoder: cache must hold rows of [3, 8] float32, got rows of [2, 8] float32; use another cache',
    );
    expect(caches.map((c) => c.length)).toEqual([0, 4]);
  });
});
