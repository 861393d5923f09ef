import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { type AttentionOptions, scaledDotProductAttention } from '../../lib/ops/attention.js';
import { ones } from '../../lib/ops/creation.js';
import { Generator } from '../../lib/ops/generator.js';
import { broadcastStrides, sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { withGradient } from '../support/fused.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';
import { bernoulliOf, wordsOf } from '../support/philox.js';

type Options = Omit<AttentionOptions, 'attnMask' | 'generator'>;
const seed = 5;

// Each head of x, in the last dimension but two, once for each of the heads of q that it serves.
function repeated(x: Plain, heads: number): Plain {
  const [own, rows, columns] = x.shape.slice(-3) as [number, number, number];
  const shape = [...x.shape.slice(0, -3), heads, rows, columns];
  const matrix = rows * columns;
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => {
    const [batch, head] = [Math.floor(i / (heads * matrix)), Math.floor(i / matrix) % heads];
    return x.data[(batch * own + Math.floor(head / (heads / own))) * matrix + (i % matrix)] as number;
  });
  return { shape, data };
}

// Row by row, as the formula says. Each operand as rows of heads: at(lead, row, column).
function reference(o: Options): (q: Plain, k: Plain, v: Plain, mask?: Plain) => Plain {
  return (q, given, values, mask) => {
    const ofQuery = q.shape.at(-3) as number;
    const [k, v] = o.enableGqa ? [repeated(given, ofQuery), repeated(values, ofQuery)] : [given, values];
    const heads = o.heads ?? 1;
    const lead = q.shape.slice(0, -2);
    const size = (p: Plain, back: number): number => p.shape[p.shape.length - back] as number;
    const [queries, keys, width, valueWidth] = [size(q, 2), size(k, 2), size(q, 1) / heads, size(v, 1) / heads];
    const at = (p: Plain, outer: number, row: number, head: number, share: number, c: number): number =>
      p.data[(outer * size(p, 2) + row) * heads * share + head * share + c] as number;
    const scoresShape = o.heads === undefined ? [...lead, queries, keys] : [...lead, heads, queries, keys];
    const strides = mask && broadcastStrides(mask.shape, scoresShape);
    const maskAt = (position: number): number => {
      let offset = 0;
      let rest = position;
      for (let d = scoresShape.length - 1; d >= 0; d--) {
        offset += (rest % scoresShape[d]!) * strides![d]!;
        rest = Math.floor(rest / scoresShape[d]!);
      }
      return mask!.data[offset] as number;
    };
    const perRow = Math.ceil(keys / 4) * 4;
    const rows = sizeOf(lead) * heads * queries;
    const p = o.dropoutP ?? 0;
    const dropped = p > 0 ? bernoulliOf(wordsOf(seed, 0, rows * perRow), p) : [];
    const data = new Array<number>(rows * valueWidth).fill(0);
    const magnitude = data.slice();
    const boolean = mask?.data.every((m) => m === 0 || m === 1);
    for (let unit = 0; unit < sizeOf(lead) * heads; unit++) {
      const [outer, head] = [Math.floor(unit / heads), unit % heads];
      for (let i = 0; i < queries; i++) {
        const row = unit * queries + i;
        const scores = Array.from({ length: keys }, (_, j) => {
          let sum = 0;
          for (let c = 0; c < width; c++) sum += at(q, outer, i, head, width, c) * at(k, outer, j, head, width, c);
          sum *= o.scale ?? 1 / Math.sqrt(Math.max(width, 1));
          if (mask) {
            const m = maskAt(row * keys + j);
            if (!boolean) sum += m;
            else if (m === 0) sum = -Infinity;
          }
          return o.isCausal && j > i + (o.causalOffset ?? 0) ? -Infinity : sum;
        });
        const most = Math.max(...scores);
        const weights = scores.map((s) => (most === -Infinity ? 0 : Math.exp(s - most)));
        const total = weights.reduce((a, b) => a + b, 0) || 1;
        weights.forEach((w, j) => {
          const weight = p > 0 ? (dropped[row * perRow + j] ? 0 : w / (1 - p)) : w;
          for (let c = 0; c < valueWidth; c++) {
            const term = (weight / total) * at(v, outer, j, head, valueWidth, c);
            const to = (outer * queries + i) * heads * valueWidth + head * valueWidth + c;
            data[to] = data[to]! + term;
            magnitude[to] = magnitude[to]! + Math.abs(term) * 10; // scores of size 10 bring their own rounding
          }
        });
      }
    }
    return { shape: [...q.shape.slice(0, -1), heads * valueWidth], data, magnitude };
  };
}

interface Case {
  q: number[];
  k: number[];
  v?: number[];
  mask?: InputSpec;
  options?: Options;
  gradient?: boolean;
}

const open = (i: number): number => (irregular(i) > -0.3 ? 1 : 0);
const firstBlind = (i: number): number => (i < 5 ? 0 : open(i));
const closing = (i: number): number => (i % 3 === 1 ? -Infinity : irregular(i));
const uint8 = (shape: number[], values = open): InputSpec => ({ shape, values, dtype: 'uint8' });
const float = (shape: number[], values = irregular): InputSpec => ({ shape, values, requiresGrad: false });

const cases: Case[] = [
  { q: [2, 3, 4, 5], k: [2, 3, 6, 5], v: [2, 3, 6, 7] },
  { q: [3, 4], k: [5, 4], v: [5, 2] },
  { q: [2, 4, 4], k: [2, 4, 4], options: { isCausal: true } },
  { q: [2, 3, 4], k: [2, 7, 4], options: { isCausal: true, causalOffset: 4 } },
  { q: [2, 4, 3], k: [2, 2, 3], options: { isCausal: true, scale: 0.3 } },
  { q: [2, 2, 3, 4], k: [2, 2, 5, 4], mask: uint8([2, 1, 1, 5]) },
  { q: [2, 2, 3, 4], k: [2, 2, 5, 4], mask: uint8([3, 5], firstBlind) },
  { q: [2, 2, 3, 4], k: [2, 2, 5, 4], mask: float([2, 3, 5], closing), options: { isCausal: true } },
  { q: [2, 2, 3, 4], k: [2, 2, 5, 4], mask: float([2, 2, 3, 1]) },
  { q: [2, 2, 3, 4], k: [2, 2, 5, 4], mask: { shape: [2, 3, 5] } },
  { q: [2, 3, 2, 2, 4], k: [2, 3, 2, 3, 4], mask: uint8([2, 1, 2, 2, 3]) },
  { q: [2, 3, 8], k: [2, 5, 8], v: [2, 5, 4], options: { heads: 2, isCausal: true } },
  { q: [3, 6], k: [4, 6], options: { heads: 3 }, mask: float([3, 1, 4]) },
  { q: [2, 2, 3, 4], k: [2, 2, 6, 4], options: { dropoutP: 0.4 } },
  { q: [2, 3, 4], k: [2, 5, 4], options: { dropoutP: 0.3, heads: 2, isCausal: true } },
  { q: [2, 3, 4], k: [2, 5, 4], options: { dropoutP: 1 } },
  { q: [2, 4, 3, 4], k: [2, 2, 5, 4], options: { enableGqa: true } },
  { q: [3, 2, 4], k: [1, 4, 4], v: [3, 4, 2], options: { enableGqa: true, isCausal: true } },
  { q: [2, 3, 0], k: [2, 5, 0], v: [2, 5, 3] },
  { q: [2, 3, 4], k: [2, 0, 4], gradient: false },
  { q: [2, 0, 4], k: [2, 3, 4], gradient: false },
  { q: [0, 3, 4], k: [0, 3, 4], gradient: false },
  // Several blocks of queries and keys, whole vectors and rests, widths beyond one panel.
  { q: [1, 2, 70, 33], k: [1, 2, 99, 33], v: [1, 2, 99, 17], gradient: false },
  { q: [2, 130, 64], k: [2, 130, 64], options: { heads: 2, isCausal: true }, gradient: false },
  { q: [1, 40, 150], k: [1, 67, 150], v: [1, 67, 70], mask: uint8([40, 67]), gradient: false },
  { q: [1, 66, 16], k: [1, 90, 16], options: { isCausal: true, causalOffset: 24, dropoutP: 0.2 }, gradient: false },
];

// With dropout, every run draws the same numbers.
const run =
  (o: Options): OpRow['run'] =>
  (q, k, v, mask) => {
    const random = o.dropoutP === undefined ? {} : { generator: new Generator(seed) };
    const given = { ...o, ...random, ...(mask && { attnMask: mask }) };
    return scaledDotProductAttention(q as Tensor, k as Tensor, v as Tensor, given);
  };

const rows: OpRow[] = cases.map(({ q, k, v = k, mask, options = {}, gradient = true }) => ({
  name: `${options.dropoutP === undefined ? 'scaledDotProductAttention' : 'dropout in attention'} of [${q}], [${k}], [${v}] ${JSON.stringify(options)} ${mask ? `mask ${mask.dtype ?? 'float'} [${mask.shape}]` : ''}`,
  run: run(options),
  inputs: [
    { shape: q },
    { shape: k, values: (i) => irregular(i + 31) },
    { shape: v, values: (i) => irregular(i + 57) },
    ...(mask ? [mask] : []),
  ],
  reference: reference(options) as OpRow['reference'],
  gradient,
}));

const attend = (q: number[], k: number[], v: number[], options?: object) => () =>
  scaledDotProductAttention(ones(q), ones(k), ones(v), options);
const name = 'scaledDotProductAttention';

const errors: ErrorRow[] = [
  {
    name: 'a vector',
    call: attend([4], [3, 4], [3, 4]),
    error: ShapeError,
    message: `${name}: q, k and v must have at least 2 dimensions, got q [4], k [3, 4] and v [3, 4]`,
  },
  {
    name: 'batches',
    call: attend([2, 3, 4], [3, 3, 4], [3, 3, 4]),
    error: ShapeError,
    message: `${name}: leading dimensions must be the same, got q [2, 3, 4], k [3, 3, 4] and v [3, 3, 4]`,
  },
  {
    name: 'widths',
    call: attend([3, 4], [3, 5], [3, 5]),
    error: ShapeError,
    message: `${name}: last dimensions of q and k must be the same, got q [3, 4], k [3, 5] and v [3, 5] (4 ≠ 5)`,
  },
  {
    name: 'rows',
    call: attend([3, 4], [3, 4], [2, 4]),
    error: ShapeError,
    message: `${name}: k and v must have the same number of rows, got q [3, 4], k [3, 4] and v [2, 4] (3 ≠ 2)`,
  },
  {
    name: 'heads',
    call: attend([3, 4], [3, 4], [3, 4], { heads: 3 }),
    error: ArgumentError,
    message: `${name}: heads must divide the width, got 3 heads and width 4`,
  },
  {
    name: 'mask shape',
    call: attend([3, 4], [5, 4], [5, 4], { attnMask: ones([5, 3]) }),
    error: ShapeError,
    message: `${name}: attnMask must broadcast to the scores [3, 5], got attnMask [5, 3]`,
  },
  {
    name: 'mask dtype',
    call: attend([3, 4], [5, 4], [5, 4], { attnMask: ones([3, 5], { dtype: 'int32' }) }),
    error: DTypeError,
    message: `${name}: attnMask must be uint8 or float32 as q is, got int32; convert it by to(dtype)`,
  },
  {
    name: 'dtypes',
    call: () => scaledDotProductAttention(ones([2, 2]), ones([2, 2], { dtype: 'float64' }), ones([2, 2])),
    error: DTypeError,
    message: `${name}: dtypes must match, got q float32 and k float64 and v float32; convert one by to(dtype)`,
  },
  {
    name: 'option',
    call: attend([3, 4], [5, 4], [5, 4], { enable_gqa: true }),
    error: ArgumentError,
    message: `${name}: unknown option "enable_gqa"; use enableGqa`,
  },
  {
    name: 'heads of keys',
    call: attend([3, 3, 4], [2, 5, 4], [2, 5, 4], { enableGqa: true }),
    error: ShapeError,
    message: `${name}: heads of k must divide those of q, got q [3, 3, 4] and k [2, 5, 4]`,
  },
  {
    name: 'isCausal',
    call: attend([3, 4], [5, 4], [5, 4], { isCausal: 1 }),
    error: ArgumentError,
    message: `${name}: isCausal must be a boolean, got 1`,
  },
];

testFamily('attention', { rows, errors, fused: withGradient('scaledDotProductAttention'), refused: /^dropout/ });
