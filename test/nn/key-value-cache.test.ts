// Key-value caches: rows one by one give the same results as all at once.
import { describe, expect, it } from 'vitest';
import { noGrad } from '../../lib/autograd/tape.js';
import { StateError } from '../../lib/errors.js';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { ones } from '../../lib/ops/creation.js';
import { manualSeed } from '../../lib/ops/generator.js';
import { randn } from '../../lib/ops/random.js';
import { cat, slice } from '../../lib/ops/shape-slice.js';
import type { Tensor } from '../../lib/tensor.js';
import { expectNear } from '../support/golden.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('KeyValueCache', () => {
  const rowsOf = (x: Tensor, start: number, end: number): Tensor => slice(x, { dim: 1, start, end });

  it.each([true, false])('a decoder gives row by row what it gives at once (normFirst %s)', (normFirst) => {
    manualSeed(3);
    const options = { dimFeedforward: 16, batchFirst: true, normFirst, dtype: 'float64' as const };
    const decoder = new nn.TransformerDecoder(new nn.TransformerDecoderLayer(8, 2, options), 2).eval();
    const [x, memory] = [randn([3, 70, 8], { dtype: 'float64' }), randn([3, 5, 8], { dtype: 'float64' })];
    noGrad(() => {
      const whole = decoder.forward(x, memory, { tgtIsCausal: true });
      const caches = [0, 1].map(() => ({
        self: new nn.KeyValueCache({ capacity: 4 }),
        memory: new nn.KeyValueCache(),
      }));
      const parts = [rowsOf(x, 0, 6), ...Array.from({ length: 64 }, (_, i) => rowsOf(x, 6 + i, 7 + i))];
      const y = cat(
        parts.map((part) => decoder.forward(part, memory, { tgtIsCausal: true, caches })),
        { dim: 1 },
      );
      expectNear(y, numbers(whole));
      expect(caches[0]?.self.length).toBe(70);
      caches[0]?.self.truncate(3);
      expect(caches[0]?.self.keys.shape).toEqual([3, 3, 8]);
    });
  });

  it('an encoder as a language model, and a sequence without a batch', () => {
    const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, dtype: 'float64' });
    const encoder = new nn.TransformerEncoder(layer, 2).eval();
    const x = randn([9, 8], { dtype: 'float64' });
    noGrad(() => {
      const whole = encoder.forward(x, { isCausal: true });
      const caches = [new nn.KeyValueCache(), new nn.KeyValueCache()];
      const part = (start: number, end: number): Tensor =>
        encoder.forward(slice(x, { start, end }), { isCausal: true, caches });
      expectNear(cat([part(0, 4), part(4, 5), part(5, 9)]), numbers(whole));
    });
  });

  it('refuses gradients and other shapes', () => {
    const layer = new nn.MultiheadAttention(4, 2);
    const cache = new nn.KeyValueCache();
    const x = ones([1, 2, 4]);
    expect(() => layer.forward(x, x, x, { cache })).toThrow(StateError);
    noGrad(() => layer.forward(x, x, x, { cache }));
    expect(() => cache.append(ones([1, 3, 4]), ones([1, 3, 4]))).toThrow(
      'KeyValueCache: keys must be rows of [2, 4] float32 as before, got keys [1, 3, 4] float32',
    );
    expect(() => cache.truncate(2)).toThrow('KeyValueCache: length must be at most the 1 rows held, got 2');
    expect(() => new nn.KeyValueCache().keys).toThrow('KeyValueCache: is empty; append keys and values first');
  });
});
