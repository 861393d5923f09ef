import { describe, expect, it } from 'vitest';
import '../../lib/methods.js';
import * as nn from '../../lib/nn/index.js';
import { zeros } from '../../lib/ops/creation.js';
import { mul } from '../../lib/ops/elementwise.js';
import { randn } from '../../lib/ops/random.js';
import { rotaryEmbedding } from '../../lib/ops/rotary.js';
import type { Tensor } from '../../lib/tensor.js';

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray());

describe('positions', () => {
  it('sinusoids as in the paper', () => {
    const positions = new nn.SinusoidalPositions(4, { batchFirst: true });
    const y = numbers(positions.forward(zeros([1, 2, 4], { dtype: 'float64' }), { offset: 3 }));
    const want = [3, 4].flatMap((t) => [Math.sin(t), Math.cos(t), Math.sin(t / 100), Math.cos(t / 100)]);
    y.forEach((v, i) => {
      expect(v).toBeCloseTo(want[i] as number, 12);
    });
    expect(numbers(new nn.SinusoidalPositions(4).forward(zeros([2, 1, 4]), { offset: 3 }))).toEqual(y.map(Math.fround));
  });

  it('rotary products depend on distances only', () => {
    const [q, k] = [randn([1, 6], { dtype: 'float64' }), randn([1, 6], { dtype: 'float64' })];
    const product = (i: number, j: number): number =>
      mul(rotaryEmbedding(q, { offset: i }), rotaryEmbedding(k, { offset: j }))
        .sum()
        .item();
    expect(product(3, 1)).toBeCloseTo(product(202, 200), 10);
  });
});
