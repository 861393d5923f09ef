import { record } from '../autograd/tape.js';
import { unrecorded } from '../context.js';
import type { DType } from '../dtype.js';
import { checkFlag, checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { keep } from '../memory.js';
import { kernel } from '../native.js';
import { checkOptions } from '../options.js';
import { checkFloat, checkTensor, empty, type Tensor } from '../tensor.js';
import { generate } from './creation.js';

const rotaryKernel = kernel('rotary', 'y x cosine sine outer rows heads half first inverse interleaved');

/** Options of `rotaryEmbedding`. */
export interface RotaryOptions {
  /** The position of the first row (the length of the cache, say); default 0. */
  offset?: number;
  /** Heads side by side in the last dimension, each rotated by itself; default 1. */
  heads?: number;
  /** Angles fall from 1 to 1 / base; default 10,000. */
  base?: number;
  /** Whether pairs are (2i, 2i + 1) as in the paper, instead of (i, i + width / 2) as in LLaMA; default false. */
  interleaved?: boolean;
}

/** The cosines and sines of each position's angles, [positions, half] each. */
interface Angles {
  positions: number;
  cosine: Tensor;
  sine: Tensor;
}

const tables = new Map<string, Angles>();

// Tables grow by doubling and are kept. A compiled step goes on using the one it was recorded with.
function anglesOf(half: number, base: number, dtype: DType, positions: number): Angles {
  const key = `${half} ${base} ${dtype}`;
  const known = tables.get(key);
  if (known !== undefined && known.positions >= positions) return known;
  const rows = Math.max(positions, 2 * (known?.positions ?? 128));
  const angle = (i: number): number => Math.floor(i / half) * base ** (-(i % half) / half);
  const table = (f: (angle: number) => number): Tensor =>
    unrecorded(() => keep(generate([rows, half], dtype, (i) => f(angle(i)))));
  const made = { positions: rows, cosine: table(Math.cos), sine: table(Math.sin) };
  tables.set(key, made);
  return made;
}

/**
 * Rotary positions: rotates each pair of features (a, b) of row t by the angle θ = (offset + t) · base^(-2i / width), to
 * (a cos θ - b sin θ, b cos θ + a sin θ). Applied to queries and keys, it makes their products depend only on distances.
 *
 * x […, rows, width] or, with `heads`, […, rows, heads · width]; y like x. The backward pass rotates back. `offset` is a constant of a
 * compiled step. Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021,
 * https://arxiv.org/abs/2104.09864
 *
 * @throws ShapeError when the width of a head is not even
 * @example
 * const q = rotaryEmbedding(randn([2, 4, 16, 8])); // [2, 4, 16, 8]
 */
export function rotaryEmbedding(x: Tensor, options: RotaryOptions = {}): Tensor {
  const name = 'rotaryEmbedding';
  checkTensor(name, 'x', x);
  checkFloat(name, 'x', x);
  checkOptions(name, options, ['offset', 'heads', 'base', 'interleaved']);
  const offset = checkInteger(name, 'offset', options.offset ?? 0, 0, 2 ** 31);
  const heads = checkInteger(name, 'heads', options.heads ?? 1, 1);
  const base = checkNumber(name, 'base', options.base ?? 10_000, { min: 0, open: true });
  const interleaved = checkFlag(name, 'interleaved', options.interleaved, false);
  const width = x.dims[x.rank - 1] ?? 0;
  if (x.rank < 2 || width % (2 * heads) !== 0) {
    const rule =
      heads === 1 ? 'x must be […, rows, width], width even' : `x must be […, rows, ${heads} · width], width even`;
    throw new ShapeError(`${name}: ${rule}, got x ${formatShape(x.dims)}`);
  }
  const rows = x.dims[x.rank - 2] as number;
  const angles = anglesOf(width / heads / 2, base, x.dtype, offset + rows);
  return rotate(x, angles, { rows, heads, offset, interleaved }, false);
}

interface Turn {
  rows: number;
  heads: number;
  offset: number;
  interleaved: boolean;
}

function rotate(x: Tensor, angles: Angles, turn: Turn, inverse: boolean): Tensor {
  const { rows, heads, offset, interleaved } = turn;
  const width = x.dims[x.rank - 1] as number;
  const y = empty(x.dims, x.dtype);
  const outer = x.size === 0 ? 0 : x.size / (rows * width);
  const flags = [inverse ? 1 : 0, interleaved ? 1 : 0];
  const sizes = [outer, rows, heads, width / heads / 2, offset, ...flags];
  rotaryKernel(y.handle, x.handle, angles.cosine.handle, angles.sine.handle, ...sizes);
  return record('rotaryEmbedding', y, [x], (dy) => [rotate(dy, angles, turn, !inverse)]);
}
