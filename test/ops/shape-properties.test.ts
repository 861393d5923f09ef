// Properties of operations on random shapes, against references that look up every element by its index.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../lib/errors.js';
import { expandTo } from '../../lib/ops/broadcast.js';
import { fill_ } from '../../lib/ops/copy.js';
import { tensor } from '../../lib/ops/creation.js';
import { gather, indexSelect, scatterAdd } from '../../lib/ops/indexing.js';
import { pad } from '../../lib/ops/padding.js';
import { expand, flip, permute, reshape, tile, transpose, tril, triu } from '../../lib/ops/shape.js';
import { cat, slice, split, stack } from '../../lib/ops/shape-slice.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import type { Plain } from '../support/harness.js';
import { at, byIndex } from '../support/lookup.js';
import { check, dtypes, expectSame, make, shapes } from '../support/properties.js';

const shapeWithDim = shapes().chain((shape) =>
  fc.tuple(fc.constant<number[]>([2, ...shape]), fc.integer({ min: 0, max: shape.length })),
);

describe('shapes', () => {
  it('permute looks elements up, and its inverse undoes it', () => {
    check(
      fc.property(
        shapes(5).chain((shape) =>
          fc.tuple(
            fc.constant(shape),
            fc.shuffledSubarray(
              shape.map((_, i) => i),
              { minLength: shape.length },
            ),
          ),
        ),
        fc.constantFrom(...dtypes),
        ([shape, dims], dtype) => {
          const { x, plain } = make(shape, dtype);
          const y = permute(x, dims);
          expectSame(
            y,
            byIndex(
              dims.map((d) => shape[d] as number),
              (index) =>
                at(
                  plain,
                  shape.map((_, d) => index[dims.indexOf(d)] as number),
                ),
            ),
          );
          expectSame(
            permute(
              y,
              dims.map((_, d) => dims.indexOf(d)),
            ),
            plain,
          );
        },
      ) as never,
    );
  });

  it('transposes matrices of any size', () => {
    check(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(...dtypes),
        (m, n, batch, dtype) => {
          const { x, plain } = make([batch, m, n], dtype);
          expectSame(
            transpose(x, 1, 2),
            byIndex([batch, n, m], ([b, j, i]) => at(plain, [b, i, j] as number[])),
          );
        },
      ) as never,
    );
  });

  it('reshape keeps the order, in the same memory', () => {
    check(
      fc.property(shapes(), shapes(), (from, to) => {
        const { x, plain } = make(from);
        if (sizeOf(to) !== sizeOf(from)) {
          expect(() => reshape(x, to)).toThrow(ShapeError);
          return;
        }
        const y = reshape(x, to);
        expectSame(y, { shape: to, data: plain.data });
        fill_(x, 9);
        expect(Array.from(y.toTypedArray())).toEqual(plain.data.map(() => 9));
      }) as never,
    );
  });

  it('slice is JavaScript’s slice along a dimension', () => {
    check(
      fc.property(
        shapeWithDim,
        fc.integer({ min: -8, max: 8 }),
        fc.integer({ min: -8, max: 8 }),
        fc.integer({ min: 1, max: 3 }),
        ([shape, dim], start, end, step) => {
          const { x, plain } = make(shape);
          const kept = Array.from({ length: shape[dim] as number }, (_, i) => i)
            .slice(start, end)
            .filter((_, i) => i % step === 0);
          const result = shape.map((n, d) => (d === dim ? kept.length : n));
          expectSame(
            slice(x, { dim, start, end, step }),
            byIndex(result, (index) =>
              at(
                plain,
                index.map((i, d) => (d === dim ? (kept[i] as number) : i)),
              ),
            ),
          );
        },
      ) as never,
    );
  });

  it('concat of the parts of a split is the whole', () => {
    check(
      fc.property(
        shapeWithDim,
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(...dtypes),
        ([shape, dim], size, dtype) => {
          const { x, plain } = make(shape, dtype);
          const parts = split(x, size, { dim });
          expect(parts.every((p) => (p.shape[dim] as number) <= size)).toBe(true);
          expectSame(cat(parts, { dim }), plain);
        },
      ) as never,
    );
  });

  it('stack puts tensors side by side, in every dimension', () => {
    check(
      fc.property(shapes(3), fc.integer({ min: 1, max: 4 }), fc.nat(3), (shape, count, where) => {
        const dim = Math.min(where, shape.length);
        const all = Array.from({ length: count }, () => make(shape));
        const result = [...shape.slice(0, dim), count, ...shape.slice(dim)];
        expectSame(
          stack(
            all.map((m) => m.x),
            { dim },
          ),
          byIndex(result, (index) =>
            at(
              all[index[dim] as number]?.plain as Plain,
              index.filter((_, d) => d !== dim),
            ),
          ),
        );
      }) as never,
    );
  });

  it('slice takes back what pad added', () => {
    check(
      fc.property(shapes(3), fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }), (shape, numbers) => {
        const { x, plain } = make(shape);
        const y = pad(x, numbers.slice(0, 2 * shape.length), { value: -1 });
        expect(Array.from(y.toTypedArray()).filter((v) => v === -1).length).toBe(y.size - x.size);
        const inner = shape.reduce((t, n, d) => {
          const before = numbers[2 * (shape.length - 1 - d)] as number;
          return slice(t, { dim: d, start: before, end: before + n });
        }, y);
        expectSame(inner, plain);
      }) as never,
    );
  });

  it('tile, expand, flip and triangles look elements up', () => {
    check(
      fc.property(
        shapeWithDim,
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: -4, max: 4 }),
        ([shape, dim], times, diagonal) => {
          const { x, plain } = make(shape);
          const repeats = shape.map((_, d) => (d === dim ? times : 1));
          expectSame(
            tile(x, repeats),
            byIndex(
              shape.map((n, d) => n * (repeats[d] as number)),
              (index) =>
                at(
                  plain,
                  index.map((i, d) => i % (shape[d] as number)),
                ),
            ),
          );
          expectSame(
            expand(x, [times, ...shape]),
            byIndex([times, ...shape], (index) => at(plain, index.slice(1))),
          );
          expectSame(
            flip(x, dim),
            byIndex(shape, (index) =>
              at(
                plain,
                index.map((i, d) => (d === dim ? (shape[d] as number) - 1 - i : i)),
              ),
            ),
          );
          if (shape.length < 2) return;
          const offset = (index: number[]): number => (index.at(-1) as number) - (index.at(-2) as number);
          expectSame(
            tril(x, { diagonal }),
            byIndex(shape, (index) => (offset(index) <= diagonal ? at(plain, index) : 0)),
          );
          expectSame(
            triu(x, { diagonal }),
            byIndex(shape, (index) => (offset(index) >= diagonal ? at(plain, index) : 0)),
          );
        },
      ) as never,
    );
  });

  it('indexSelect is gather with an expanded index, scatterAdd its adjoint', () => {
    check(
      fc.property(shapeWithDim, fc.array(fc.nat(9), { maxLength: 6 }), ([shape, dim], numbers) => {
        const n = shape[dim] as number;
        if (n === 0) return;
        const { x, plain } = make(shape);
        const index = tensor(Int32Array.from(numbers, (k) => k % n));
        const result = shape.map((size, d) => (d === dim ? numbers.length : size));
        const y = indexSelect(x, dim, index);
        expectSame(
          y,
          byIndex(result, (place) =>
            at(
              plain,
              place.map((i, d) => (d === dim ? (numbers[i] as number) % n : i)),
            ),
          ),
        );
        const wide = expandTo(
          reshape(
            index,
            shape.map((_, d) => (d === dim ? numbers.length : 1)),
          ),
          result,
        );
        expectSame(gather(x, dim, wide), { shape: result, data: Array.from(y.toTypedArray()) });
        const total = (t: Tensor): number => Array.from(t.toTypedArray()).reduce((sum, v) => sum + v, 0);
        expect(total(scatterAdd(x, dim, wide, y))).toBe(total(x) + total(y));
      }) as never,
    );
  });
});
