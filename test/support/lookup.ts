import { sizeOf } from '../../lib/shape.js';
import type { Plain } from './harness.js';

/** The elements of `shape`, each found by its index: f gives the element of x or, null, zero. */
export function byIndex(shape: number[], f: (index: number[]) => number): Plain {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) =>
    f(shape.map((n, d) => Math.floor(i / sizeOf(shape.slice(d + 1))) % n)),
  );
  return { shape, data };
}

/** The element of x at an index. */
export function at(x: Plain, index: number[]): number {
  return x.data[index.reduce((offset, i, d) => offset * (x.shape[d] as number) + i, 0)] as number;
}
