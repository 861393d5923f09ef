// Properties of broadcasting on random shapes, against references that look up every element by its index.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../lib/errors.js';
import { expandTo, sumTo } from '../../lib/ops/broadcast.js';
import { add } from '../../lib/ops/elementwise.js';
import { loopDims, sizeOf, stridesOf } from '../../lib/shape.js';
import { broadcastReference } from '../support/harness.js';
import { at, byIndex } from '../support/lookup.js';
import { check, expectSame, make, shapes } from '../support/properties.js';

describe('broadcasting', () => {
  it('gives the reference, or refuses what the reference cannot', () => {
    const stretch = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean(), fc.boolean()), { maxLength: 4 });
    check(
      fc.property(stretch, fc.nat(4), fc.nat(4), fc.boolean(), (dims, cutA, cutB, spoil) => {
        const a = dims.map(([n, one]) => (one ? 1 : n)).slice(cutA);
        const b = dims.map(([n, , one]) => (one ? 1 : n)).slice(cutB);
        if (spoil) b.push(7);
        const rank = Math.max(a.length, b.length);
        const size = (s: number[], d: number): number => s[d - rank + s.length] ?? 1;
        const fits = Array.from({ length: rank }, (_, d) => [size(a, d), size(b, d)]).every(
          ([m, n]) => m === 1 || n === 1 || m === n,
        );
        const left = make(a);
        const right = make(b);
        if (fits) expectSame(add(left.x, right.x), broadcastReference((p, q) => p + q)(left.plain, right.plain));
        else expect(() => add(left.x, right.x)).toThrow(ShapeError);
      }) as never,
    );
  });

  it('sumTo undoes expandTo, times the number of copies', () => {
    const dims = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()), { maxLength: 5 });
    check(
      fc.property(dims, fc.nat(4), (list, cut) => {
        const target = list.map(([n]) => n);
        const shape = list.map(([n, one]) => (one ? 1 : n)).slice(cut);
        const { x, plain } = make(shape);
        const wide = expandTo(x, target);
        const copies = sizeOf(target) / sizeOf(shape);
        expectSame(
          wide,
          byIndex(target, (index) =>
            at(
              plain,
              shape.map((n, d) => (n === 1 ? 0 : (index[d + target.length - shape.length] as number))),
            ),
          ),
        );
        expectSame(sumTo(wide, shape), { shape, data: plain.data.map((v) => v * copies) });
      }) as never,
    );
  });

  it('loopDims names the same elements in the same order', () => {
    check(
      fc.property(shapes(), (shape) => {
        const dims = loopDims(shape, [stridesOf(shape)]);
        expect(dims.length <= 2 || shape.includes(0)).toBe(true);
        expect(dims.filter((_, i) => i % 2 === 0).reduce((p, n) => p * n, 1)).toBe(sizeOf(shape));
      }) as never,
    );
  });
});
