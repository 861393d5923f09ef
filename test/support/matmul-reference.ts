import type { MatmulOptions } from '../../lib/ops/matmul.js';
import { sizeOf } from '../../lib/shape.js';
import type { Plain } from './harness.js';

/** Matrix number `index` (one number a leading dimension, aligned at the end) of a batch, transposed or not. */
function matrixAt(x: Plain, index: number[], transpose: boolean): number[][] {
  const lead = x.shape.slice(0, -2);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const at = lead.map((size, d) => (size === 1 ? 0 : (index[index.length - lead.length + d] as number)));
  const start = at.reduce((offset, i, d) => offset * (lead[d] as number) + i, 0) * rows * columns;
  const get = (i: number, j: number): number => x.data[start + i * columns + j] as number;
  return transpose
    ? Array.from({ length: columns }, (_, j) => Array.from({ length: rows }, (_, i) => get(i, j)))
    : Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => get(i, j)));
}

/** Sums in the plainest way; the magnitudes are the sums of the terms' sizes. */
export function matmulReference(options: MatmulOptions = {}): (a: Plain, b: Plain) => Plain {
  const { transposeA = false, transposeB = false } = options;
  return (a0, b0) => {
    const a = a0.shape.length === 1 ? { ...a0, shape: [1, a0.data.length] } : a0;
    const b = b0.shape.length === 1 ? { ...b0, shape: [b0.data.length, 1] } : b0;
    const m = a.shape.at(transposeA ? -1 : -2) as number;
    const n = b.shape.at(transposeB ? -2 : -1) as number;
    const rank = Math.max(a.shape.length, b.shape.length) - 2;
    const lead = Array.from({ length: rank }, (_, d) => {
      const sizes = [a, b].map((x) => x.shape[d - rank + x.shape.length - 2] ?? 1);
      return (sizes[0] === 1 ? sizes[1] : sizes[0]) as number;
    });
    const data: number[] = [];
    const magnitude: number[] = [];
    for (let batch = 0; batch < sizeOf(lead); batch++) {
      const index = lead.map((size, d) => Math.floor(batch / sizeOf(lead.slice(d + 1))) % size);
      const columns = matrixAt(b, index, !transposeB);
      for (const row of matrixAt(a, index, transposeA)) {
        for (const column of columns) {
          let sum = 0;
          let size = 0;
          for (let q = 0; q < row.length; q++) {
            const term = (row[q] as number) * (column[q] as number);
            sum += term;
            size += Math.abs(term);
          }
          data.push(sum);
          magnitude.push(size);
        }
      }
    }
    const shape = [...lead];
    if (a0.shape.length > 1) shape.push(m);
    if (b0.shape.length > 1) shape.push(n);
    return { shape, data, magnitude };
  };
}
