// Padding whose values come from the input itself.
import { ArgumentError, describe, formatShape, ShapeError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { dimensionName, pick } from './windows.js';

/** What surrounds an image: zeros, its mirror image without the edge, its edge, or its opposite side. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

const paddingModes: readonly PaddingMode[] = ['zeros', 'reflect', 'replicate', 'circular'];

/** @internal The option `paddingMode`. */
export function checkPaddingMode(operation: string, mode: PaddingMode = 'zeros'): PaddingMode {
  if (paddingModes.includes(mode)) return mode;
  const rule = `paddingMode must be one of ${paddingModes.join(', ')}`;
  throw new ArgumentError(`${operation}: ${rule}, got ${describe(mode)}`);
}

type SourceOf = (position: number, size: number) => number;

const sources: Record<Exclude<PaddingMode, 'zeros'>, { source: SourceOf; max: (size: number) => number }> = {
  reflect: {
    source: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
    max: (n) => n - 1,
  },
  replicate: {
    source: (i, n) => Math.min(Math.max(i, 0), n - 1),
    max: (n) => (n === 0 ? 0 : Number.MAX_SAFE_INTEGER),
  },
  circular: {
    source: (i, n) => (i + n) % n,
    max: (n) => n,
  },
};

/** @internal x with pads[i] = [before, after] elements added along each of its last dimensions. */
export function padAround(
  operation: string,
  x: Tensor,
  pads: readonly (readonly [number, number])[],
  mode: Exclude<PaddingMode, 'zeros'>,
): Tensor {
  const { source, max } = sources[mode];
  let y = x;
  pads.forEach(([before, after], i) => {
    const dim = x.rank - pads.length + i;
    const n = x.dims[dim] as number;
    const largest = Math.max(before, after);
    if (largest > max(n)) {
      const rule = `padding must be at most ${max(n)} for paddingMode ${mode}`;
      throw new ShapeError(
        `${operation}: ${rule}, got ${largest} and x ${formatShape(x.dims)} (${dimensionName(pads.length, i)} ${n})`,
      );
    }
    if (largest === 0) return;
    y = pick(y, dim, before + n + after, (i) => source(i - before, n));
  });
  return y;
}
