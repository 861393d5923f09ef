import { describe, expect, it } from 'vitest';
import { arange, eye, full, fullLike, linspace, ones, onesLike, tensor, zeros, zerosLike } from '../../lib/index.js';

describe('creation', () => {
  it('zeros, ones, full and their likes', () => {
    expect(zeros([2]).toArray()).toEqual([0, 0]);
    expect(ones([2], { dtype: 'uint8' }).toTypedArray()).toEqual(new Uint8Array([1, 1]));
    expect(full([1, 2], 2.5).toArray()).toEqual([[2.5, 2.5]]);
    const x = tensor([[1, 2]], { dtype: 'int32' });
    expect([zerosLike(x), onesLike(x), fullLike(x, 7)].map((t) => [t.dtype, t.toArray()])).toEqual([
      ['int32', [[0, 0]]],
      ['int32', [[1, 1]]],
      ['int32', [[7, 7]]],
    ]);
    expect(() => full([1], 1.5, { dtype: 'int32' })).toThrow(
      'full: value must be an integer that int32 holds, got 1.5',
    );
    expect(zeros(2, 1).toArray()).toEqual([[0], [0]]);
    expect(ones(2, { dtype: 'int32' }).toArray()).toEqual([1, 1]);
    expect(() => zeros('3' as never)).toThrow('zeros: shape must be an array of sizes, got "3"');
    expect(() => zeros({ dtype: 'int32' } as never)).toThrow('zeros: shape must be an array of sizes, got undefined');
  });

  it('arange, linspace, eye', () => {
    expect(arange(4).toArray()).toEqual([0, 1, 2, 3]);
    expect(arange(1, 7, 2, { dtype: 'int32' }).toArray()).toEqual([1, 3, 5]);
    expect(arange(1, 2, { step: 0.25 }).toArray()).toEqual([1, 1.25, 1.5, 1.75]);
    expect(arange(3, 0, { step: -2, dtype: 'int32' }).toArray()).toEqual([3, 1]);
    expect(() => arange(0, 3, { step: 0 })).toThrow('arange: step must lead from 0 to 3, got 0');
    expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(2, 3, 1).toArray()).toEqual([2]);
    expect(eye(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
  });
});
