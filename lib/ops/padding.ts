// Padding with a value, or with values that come from the input itself.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkChoice, describe, formatShape, ShapeError } from '../errors.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { checkElement } from './creation.js';
import { checkPads, surround } from './shape-slice.js';
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
  option = 'paddingMode',
): Tensor {
  const { source, max } = sources[mode];
  let y = x;
  pads.forEach(([before, after], i) => {
    const dim = x.rank - pads.length + i;
    const n = x.dims[dim] as number;
    const largest = Math.max(before, after);
    if (largest > max(n)) {
      const rule = `padding must be at most ${max(n)} for ${option} ${mode}`;
      const where = option === 'mode' ? `dimension ${dim}` : dimensionName(pads.length, i);
      throw new ShapeError(`${operation}: ${rule}, got ${largest} and x ${formatShape(x.dims)} (${where} ${n})`);
    }
    if (before === 0 && after === 0) return;
    if (before + n + after < 0) {
      const rule = 'pad must not cut off more than there is';
      throw new ShapeError(`${operation}: ${rule}, got x ${formatShape(x.dims)} and [${before}, ${after}]`);
    }
    y = pick(y, dim, before + n + after, (i) => source(i - before, n));
  });
  return y;
}

/** How `pad` fills. */
export type PadMode = 'constant' | Exclude<PaddingMode, 'zeros'>;

/** Options of `pad`. */
export interface PadOptions {
  /**
   * Pairs of numbers of elements before and after, the last dimension's pair first: [left, right, top, bottom] pads the last
   * two. Dimensions without a pair are unchanged; negative numbers cut elements off.
   */
  pad: readonly number[];
  /** `constant` (default) for a value, or its mirror image without the edge, its edge, or its opposite side. */
  mode?: PadMode;
  /** For mode constant; default 0. */
  value?: number | null;
}

type PadArguments = Positional<PadOptions, [pad: 'pad', mode: 'mode', value: 'value']>;

/** @internal */
export const padModes: readonly PadMode[] = ['constant', 'reflect', 'replicate', 'circular'];

/**
 * x surrounded by a value, or by elements of its own.
 *
 * @param args pad: pairs of numbers of elements before and after, the last dimension's first, negative ones cut elements off;
 *   mode ('constant', or 'reflect', 'replicate', 'circular'); value: for mode constant (0)
 * @throws ArgumentError when pad is not pairs for dimensions of x; ShapeError when x has too few elements for the mode
 * @example
 * ones([1, 2]).pad([1, 0]); // [[0, 1, 1]]
 * tensor([1, 2, 3]).pad([2, 1], 'reflect'); // [3, 2, 1, 2, 3, 2]
 */
export function pad(x: Tensor, ...args: PadArguments): Tensor {
  checkTensor('pad', 'x', x);
  const { pad: given, mode, value } = optionsOf<PadOptions>('pad', args, ['pad', 'mode', 'value'], [], ['value']);
  return padded(
    'pad',
    x,
    checkPads('pad', 'pad', given, x.rank),
    checkChoice('pad', 'mode', mode, padModes, 'constant'),
    value,
  );
}

/** @internal */
export function padded(
  operation: string,
  x: Tensor,
  pads: readonly number[],
  mode: PadMode,
  value: number | null | undefined,
): Tensor {
  if (mode === 'constant') return surround(x, pads, checkElement(operation, value ?? 0, x.dtype));
  if (value !== undefined && value !== null) {
    throw new ArgumentError(`${operation}: value is for mode constant, got ${describe(value)} and mode ${mode}`);
  }
  const count = pads.length / 2;
  const pairs = Array.from({ length: count }, (_, i): [number, number] => {
    const at = 2 * (count - 1 - i);
    return [pads[at] as number, pads[at + 1] as number];
  });
  return padAround(operation, x, pairs, mode, 'mode');
}
