// Sums and products of int32 and uint8 are exact or a typed error, never a wrapped number: compared with BigInt.
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  add_,
  arange,
  compile,
  linspace,
  noGrad,
  scatterAdd,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { errorOf } from '../support/refusals.js';

type Kind = 'sum' | 'prod' | 'cumsum';
const limit = { int32: [-(2n ** 31n), 2n ** 31n - 1n], uint8: [0n, 255n] } as const;
const fits = (v: bigint, dtype: 'int32' | 'uint8' = 'int32') => v >= limit[dtype][0] && v <= limit[dtype][1];

// Small numbers, and some that leave the range after a few.
const generators: Record<string, (i: number) => number> = {
  small: (i) => ((i * 7) % 5) - 2,
  halves: (i) => (i % 2 ? -1 : 1) * (2 ** 30 + (i % 3)),
  ends: (i) => (i % 2 ? 2 ** 31 - 1 : -(2 ** 31)),
  high: () => 2 ** 31 - 1,
  low: () => -(2 ** 31),
  powers: (i) => (i % 4 === 3 ? -1 : 2),
  zeroAtTheEnd: (i) => (i % 40 === 39 ? 0 : 3 ** (i % 7)),
  bytes: (i) => (i * 37) % 256,
};

// [outer, n, inner] folded along n: the exact results and where they stand.
function exact(kind: Kind, values: number[], [outer, n, inner]: [number, number, number]): bigint[] {
  const running: bigint[] = new Array(outer * n * inner);
  const last: bigint[] = [];
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < inner; j++) {
      let total = kind === 'prod' ? 1n : 0n;
      for (let i = 0; i < n; i++) {
        const at = (o * n + i) * inner + j;
        total = kind === 'prod' ? total * BigInt(values[at] as number) : total + BigInt(values[at] as number);
        running[at] = total;
      }
      last[o * inner + j] = total;
    }
  }
  return kind === 'cumsum' ? running : last;
}

const shapes: [number, number, number][] = [
  [1, 40, 1],
  [3, 5, 7],
  [2, 80, 3],
  [1, 70, 600],
  [1, 40_000, 4],
  [5, 1, 2],
  [2, 0, 3],
];

describe.each(['sum', 'prod', 'cumsum'] as const)('%s', (kind) => {
  for (const [outer, n, inner] of shapes) {
    for (const [name, value] of Object.entries(generators)) {
      for (const dtype of name === 'bytes' ? (['uint8', 'int32'] as const) : (['int32'] as const)) {
        if (kind === 'prod' && n > 1000) continue;
        it(`${name} ${dtype} [${outer}, ${n}, ${inner}]`, () => {
          const values = Array.from({ length: outer * n * inner }, (_, i) => value(i));
          const x = tensor(values, { dtype, shape: [outer, n, inner] });
          const want = exact(kind, values, [outer, n, inner]);
          const wrong = want.findIndex((v) => !fits(v));
          if (wrong < 0) {
            const y = x[kind]({ dim: 1 });
            expect(y.dtype).toBe('int32');
            expect(Array.from(y.toTypedArray())).toEqual(want.map(Number));
            return;
          }
          const error = errorOf(() => x[kind]({ dim: 1 })) as Error;
          expect(error).toBeInstanceOf(ArgumentError);
          const got = /^(\w+): a result of integers must fit in int32, got (\S+) \(element (\d+)\); convert it first: /;
          const found = got.exec(error.message) as RegExpExecArray;
          expect(found[1]).toBe(kind);
          expect(Number(found[3])).toBe(wrong);
          expect(Number(found[2])).toBeCloseTo(Number(want[wrong]), -Math.log10(Math.abs(Number(want[wrong])) * 1e-12));
        });
      }
    }
  }
});

describe('sums of integers', () => {
  it('over dimensions apart, whose partial sums leave the range', () => {
    const x = tensor([2 ** 31 - 1, 1, 5, 6, -9, -3, 7, 8], { dtype: 'int32', shape: [2, 2, 2] });
    expect(x.sum({ dim: [0, 2] }).toArray()).toEqual([2 ** 31 - 12, 26]);
  });

  it('of more bytes than int32 counts', () => {
    const x = tensor(new Uint8Array(8_500_000).fill(255));
    expect(() => x.sum()).toThrow('sum: a result of integers must fit in int32, got 2167500000 (element 0)');
    expect(x.to('float64').sum().item()).toBe(2_167_500_000);
  });

  it('in a compiled function', async () => {
    const total = compile((x: Tensor) => noGrad(() => x.sum({ dim: 0 })));
    const x = (a: number) =>
      tensor(
        [
          [1, a],
          [2, 1],
        ],
        { dtype: 'int32' },
      );
    expect((await total(x(7))).toArray()).toEqual([3, 8]);
    await expect(total(x(2 ** 31 - 1))).rejects.toThrow(
      'sum: a result of integers must fit in int32, got 2147483648 (element 1)',
    );
    expect((await total(x(8))).toArray()).toEqual([3, 9]);
  });

  it('scattered', () => {
    const [index, zeros] = [tensor([1, 0, 1], { dtype: 'int32' }), tensor([0, 0], { dtype: 'uint8' })];
    const source = (...values: number[]) => tensor(values, { dtype: 'uint8' });
    expect(scatterAdd(zeros, 0, index, source(200, 9, 55)).toArray()).toEqual([9, 255]);
    expect(() => scatterAdd(zeros, 0, index, source(200, 9, 56))).toThrow(
      'scatterAdd: sums of integers must fit in uint8, got one that 56 (element 2 of src) takes beyond it; convert x and src to a wider dtype',
    );
    const least = tensor([0, -(2 ** 31)], { dtype: 'int32' });
    expect(() => scatterAdd(least, 0, index, tensor([1, 1, -2], { dtype: 'int32' }))).toThrow(
      'got one that -2 (element 2 of src) takes beyond it',
    );
  });
});

describe('integers that are made', () => {
  it('fit, or are refused', () => {
    expect(arange(250, 256, { dtype: 'uint8' }).toArray()).toEqual([250, 251, 252, 253, 254, 255]);
    expect(() => arange(250, 257, { dtype: 'uint8' })).toThrow(
      'arange: value must be an integer that uint8 holds, got 256',
    );
    expect(() => arange(2 ** 31 - 1, 2 ** 31 + 1, { dtype: 'int32' })).toThrow(
      'arange: value must be an integer that int32',
    );
    expect(() => linspace(-1, 3, 3, { dtype: 'uint8' })).toThrow(
      'linspace: value must be an integer that uint8 holds, got -1',
    );
  });

  it('add_ takes a whole alpha', () => {
    const x = tensor([1, 2], { dtype: 'int32' });
    expect(() => add_(x, x, { alpha: 0.5 })).toThrow('add_: alpha must be an integer');
    expect(add_(x, tensor([3, 4], { dtype: 'int32' }), { alpha: -2 }).toArray()).toEqual([-5, -6]);
  });
});
