import { describe, expect, it } from 'vitest';
import { zeros } from '../../lib/index.js';

// The elements of equal indices, one by one; with `wrap` each step of one row and one column, over the rows of a flat matrix.
function filled(shape: number[], wrap: boolean): number[] {
  const data = new Array<number>(shape.reduce((a, n) => a * n, 1)).fill(0);
  for (let i = 0; i < Math.min(...shape); i++) data[shape.reduce((place, n) => place * n + i, 0)] = 7;
  const [rows, columns] = shape as [number, number];
  if (wrap && shape.length === 2 && rows > columns) {
    for (let i = 0; i < rows; i++) if (i % (columns + 1) < columns) data[i * columns + (i % (columns + 1))] = 7;
  }
  return data;
}

describe('fillDiagonal_', () => {
  it.each(
    [
      [2, 2],
      [3, 5],
      [1, 4],
      [7, 3],
      [8, 2],
      [4, 1],
      [3, 3, 3],
      [0, 2],
      [2, 0],
    ].map((shape) => [shape]),
  )('fills %j', (shape) => {
    for (const wrap of [false, true]) {
      const x = zeros(shape);
      expect(x.fillDiagonal_(7, wrap)).toBe(x);
      expect(Array.from(x.toTypedArray())).toEqual(filled(shape, wrap));
    }
  });

  it('refuses other shapes and values', () => {
    expect(() => zeros(3).fillDiagonal_(1)).toThrow('fillDiagonal_: x must be a matrix or have equal sizes, got x [3]');
    expect(() => zeros(3, 2, 3).fillDiagonal_(1)).toThrow('must be a matrix or have equal sizes');
    expect(() => zeros([2, 2], { dtype: 'uint8' }).fillDiagonal_(300)).toThrow('fillDiagonal_');
  });
});
