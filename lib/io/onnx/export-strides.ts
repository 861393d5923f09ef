// From strides back to dimensions: which slices, order and stretching of a tensor a kernel reads.

/** How a tensor is read: cut to parts of its axes, its axes in another order, in which `from` has -1 for a new axis. */
export interface Reading {
  /** The axes' sizes that the tensor is given first. */
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  readonly steps: readonly number[];
  /** The axis that each dimension of the result comes from; -1: none, it is stretched or of size 1. */
  readonly from: readonly number[];
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** The strides of a contiguous tensor. */
export const stridesOf = (dims: readonly number[]): number[] => dims.map((_, i) => product(dims.slice(i + 1)));

/** The stride of each dimension, from loops of (size, stride) into which neighbours were merged. */
export function unmerged(dims: readonly number[], loops: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(0);
  let at = loops.length - 2;
  let [left, stride] = [loops[at] ?? 1, loops[at + 1] ?? 0];
  for (let i = dims.length - 1; i >= 0; i--) {
    const n = dims[i] as number;
    if (n === 1) continue;
    strides[i] = stride;
    left /= n;
    stride *= n;
    if (left === 1 && at > 0) {
      at -= 2;
      [left, stride] = [loops[at] as number, loops[at + 1] as number];
    }
  }
  return strides;
}

/** How `dims` with these strides, from `offset` on, are read from a tensor with the given axes; null if not by slices of them. */
function readingOf(
  axes: readonly number[],
  dims: readonly number[],
  strides: readonly number[],
  offset: number,
): Reading | null {
  const own = stridesOf(axes);
  const from = dims.map(() => -1);
  const lengths = axes.map(() => 1);
  const steps = axes.map(() => 1);
  for (let exact = 1; exact >= 0; exact--) {
    for (const [i, n] of dims.entries()) {
      const stride = strides[i] as number;
      if (n === 1 || stride === 0 || from[i] !== -1) continue;
      const found = own.findIndex((s, d) => {
        if (axes[d] === 1 || from.includes(d) || stride % s !== 0) return false;
        const step = stride / s;
        return (exact === 0 || step === 1) && (n - 1) * step < (axes[d] as number);
      });
      if (found === -1) {
        if (exact === 0) return null;
        continue;
      }
      from[i] = found;
      lengths[found] = n;
      steps[found] = stride / (own[found] as number);
    }
  }
  let rest = offset;
  const starts = axes.map((size, d) => {
    if (size === 1) return 0;
    const start = Math.floor(rest / (own[d] as number));
    rest -= start * (own[d] as number);
    return start;
  });
  const fits = axes.every(
    (size, d) => (starts[d] as number) + ((lengths[d] as number) - 1) * (steps[d] as number) < size,
  );
  return fits && rest === 0 ? { axes, starts, lengths, steps, from } : null;
}

/** The same, where needed of other axes than the tensor's own, of which each stride is a whole number of the next. */
export function strideReading(
  own: readonly number[],
  dims: readonly number[],
  strides: readonly number[],
  offset: number,
): Reading | null {
  const direct = readingOf(own, dims, strides, offset);
  if (direct !== null) return direct;
  const levels = [...new Set(strides.filter((s, i) => s > 0 && dims[i] !== 1))].sort((a, b) => b - a);
  const axes = [product(own), ...levels].map((s, i) => s / (levels[i] ?? 1));
  if (axes.at(-1) === 1 && axes.length > 1) axes.pop();
  return axes.every(Number.isInteger) ? readingOf(axes, dims, strides, offset) : null;
}

/** Elements from `offset` on, as many as `size`, as slices of leading dimensions; null if they are not. */
export function rangeReading(dims: readonly number[], offset: number, size: number): Reading | null {
  const own = stridesOf(dims);
  for (let d = 0; d < dims.length; d++) {
    const inner = own[d] as number;
    const start = Math.floor(offset / inner) % (dims[d] as number);
    const length = size / inner;
    if (offset % inner !== 0 || !Number.isInteger(length) || length < 1 || start + length > (dims[d] as number))
      continue;
    const starts = dims.map((n, i) => (i < d ? Math.floor(offset / (own[i] as number)) % n : i === d ? start : 0));
    const lengths = dims.map((n, i) => (i < d ? 1 : i === d ? length : n));
    return { axes: dims, starts, lengths, steps: dims.map(() => 1), from: dims.map((_, i) => i) };
  }
  return null;
}
