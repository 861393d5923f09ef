import { describe, expect, it } from 'vitest';
import { ArgumentError, compile, DTypeError, noGrad, tensor, zeros } from '../../lib/index.js';

describe('in place', () => {
  it('copy_ from a tensor of another dtype, broadcast, an array, a typed array, a number', () => {
    const x = zeros([2, 2]);
    expect(
      x
        .copy_(
          tensor(
            [
              [1, 2],
              [3, 4],
            ],
            { dtype: 'float64' },
          ),
        )
        .toArray(),
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(x.copy_(tensor([5, 6])).toArray()).toEqual([
      [5, 6],
      [5, 6],
    ]);
    expect(
      x
        .copy_([
          [1, 1],
          [2, 2],
        ])
        .toArray(),
    ).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(x.copy_(new Float32Array([4, 3, 2, 1])).toArray()).toEqual([
      [4, 3],
      [2, 1],
    ]);
    expect(x.copy_(new Int32Array([1, 2, 3, 4])).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(x.copy_(9).toArray()).toEqual([
      [9, 9],
      [9, 9],
    ]);
    expect(() => x.copy_([1, 2, 3])).toThrow('copy_: source must broadcast to x, got x [2, 2] and source [3]');
    expect(() => x.copy_(new Float32Array(3))).toThrow('copy_: needs 4 elements for [2, 2], got 3');
    expect(x.toArray()).toEqual([
      [9, 9],
      [9, 9],
    ]);
  });

  it('add_ with a tensor, broadcast, a number, and alpha', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(x.add_(tensor([10, 20])).toArray()).toEqual([
      [11, 22],
      [13, 24],
    ]);
    expect(x.add_(1, { alpha: -1 }).toArray()).toEqual([
      [10, 21],
      [12, 23],
    ]);
    expect(x.add_(x).toArray()).toEqual([
      [20, 42],
      [24, 46],
    ]);
    expect(() => x.add_(tensor([1], { dtype: 'int32' }))).toThrow(DTypeError);
  });

  it('to converts as documented, and is the tensor itself for its own dtype', () => {
    const x = tensor([1.9, -1.9, 300, NaN, 1e20]);
    expect(Array.from(x.to('int32').toTypedArray())).toEqual([1, -1, 300, 0, 2147483647]);
    expect(Array.from(x.to('uint8').toTypedArray())).toEqual([1, 0, 255, 0, 255]);
    expect(x.to('float32')).toBe(x);
    expect(() => x.to('int64' as never)).toThrow(ArgumentError);
  });
});

describe('views of the memory that is written are read before', () => {
  const n = 100_003; // several threads, and no whole vectors
  const [low, high] = [
    { start: 0, end: n - 3 },
    { start: 3, end: n },
  ];
  const numbers = () => Array.from({ length: n }, (_, i) => (i * 7) % 1009);
  const shifted = (to: typeof low, from: typeof low, change: (old: number, read: number) => number) => {
    const before = numbers();
    const after = numbers();
    for (let i = 0; i < n - 3; i++) {
      after[to.start + i] = change(before[to.start + i] as number, before[from.start + i] as number);
    }
    return after;
  };

  for (const [name, to, from] of [
    ['upwards', high, low],
    ['downwards', low, high],
  ] as const) {
    it(`copy_ ${name}, eager and compiled`, () => {
      const wanted = shifted(to, from, (_, read) => read);
      for (const way of ['eager', 'compiled']) {
        const x = tensor(numbers());
        const move = () => noGrad(() => x.slice(to).copy_(x.slice(from)));
        if (way === 'eager') move();
        else compile(move).sync();
        expect(x.toArray(), way).toEqual(wanted);
      }
    });

    it(`add_ ${name}`, () => {
      const x = tensor(numbers(), { dtype: 'int32' });
      x.slice(to).add_(x.slice(from), { alpha: 2 });
      expect(x.toArray()).toEqual(shifted(to, from, (old, read) => old + 2 * read));
    });
  }

  it('copy_ of a row into all rows, itself among them', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    x.copy_(x.slice({ start: 1, end: 2 }));
    expect(x.toArray()).toEqual([
      [3, 4],
      [3, 4],
      [3, 4],
    ]);
  });

  it('add_ of the tensor itself', () => {
    expect(
      tensor([1, 2])
        .add_(tensor([1, 2]))
        .toArray(),
    ).toEqual([2, 4]);
    const x = tensor([1, 2]);
    expect(x.add_(x).toArray()).toEqual([2, 4]);
    expect(x.add_(x.detach()).toArray()).toEqual([4, 8]);
  });
});
