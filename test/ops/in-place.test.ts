import { describe, expect, it } from 'vitest';
import { AutogradError, ShapeError, tensor, zeros } from '../../lib/index.js';
import * as methods from '../../lib/ops/in-place.js';
import { testInPlace } from '../support/in-place.js';

describe('operations that write their result into their first argument', () => {
  testInPlace(methods, 25);

  it('also an operand that wants gradients', () => {
    const weight = tensor([1, 2, 3], { requiresGrad: true });
    expect(() => tensor([1, 2, 3]).mul_(weight)).toThrow(AutogradError);
  });

  it('read views of x before they write', () => {
    const x = tensor([1, 2, 3, 4]);
    x.slice({ start: 1 }).mul_(x.slice({ end: 3 }));
    expect(x.toArray()).toEqual([1, 2, 6, 12]);
    x.sub_(x);
    expect(x.toArray()).toEqual([0, 0, 0, 0]);
  });

  it('keep shape and dtype', () => {
    expect(() => tensor([1, 2]).mul_(zeros(3, 2))).toThrow(ShapeError);
    expect(() => tensor([1, 2]).mul_(zeros(3, 2))).toThrow(
      "mul_: the result must have x's shape, got x [2] and a result [3, 2]; use the operation without _",
    );
    expect(tensor([1, 2], { dtype: 'int32' }).gt_(1)).toEqual(tensor([0, 1], { dtype: 'int32' }));
    expect(tensor([7, 2], { dtype: 'uint8' }).sub_(3)).toEqual(tensor([4, 255], { dtype: 'uint8' }));
    expect(
      tensor([1, 2])
        .sub_(tensor([1, 1]), { alpha: 3 })
        .toArray(),
    ).toEqual([-2, -1]);
  });

  it('are noticed by a backward pass that needs the old values', () => {
    const w = tensor([2, 3], { requiresGrad: true });
    const x = tensor([1, 2]);
    const y = w.mul(x).sum();
    x.mul_(2);
    expect(() => y.backward()).toThrow(/changed in place/);
  });
});
