import { describe, expect, it } from 'vitest';
import { tensor } from '../../lib/index.js';
import * as methods from '../../lib/ops/in-place-compare.js';
import { testInPlace } from '../support/in-place.js';

describe('comparisons and logic in place', () => {
  testInPlace(methods, 9);

  it('bits', () => {
    const x = () => tensor([6, -1], { dtype: 'int32' });
    expect(x().bitwiseAnd_(3).toArray()).toEqual([2, 3]);
    expect(x().bitwiseOr_(3).toArray()).toEqual([7, -1]);
    expect(x().bitwiseXor_(3).toArray()).toEqual([5, -4]);
    expect(x().bitwiseNot_().toArray()).toEqual([-7, 0]);
  });
});
