import { describe, expect, it } from 'vitest';
import { tensor } from '../../lib/index.js';
import * as methods from '../../lib/ops/in-place-write.js';
import { testInPlace } from '../support/in-place.js';

const { baddbmm_, ...ofMatrices } = methods;

describe('writing at positions and adding products in place', () => {
  testInPlace(ofMatrices, 10);

  it('baddbmm_, of batches', () => {
    const [x, a, b] = [tensor([[[1]], [[2]]]), tensor([[[3]], [[4]]]), tensor([[[5]], [[6]]])];
    expect(baddbmm_(x, a, b, { alpha: 2 })).toBe(x);
    expect(x.toArray()).toEqual([[[1 + 2 * 15]], [[2 + 2 * 24]]]);
  });
});
