import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import { Generator } from '../../lib/ops/generator.js';
import * as ops from '../../lib/ops/random-dropout.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import type { ErrorRow, OpRow, Plain } from '../support/harness.js';
import { bernoulliOf, wordsOf } from '../support/philox.js';

// Each call draws from a generator of its own, so that dropout is a function that can be differentiated.
const dropout = (p: number, shape: number[]): OpRow => ({
  name: `dropout ${p} [${shape}]`,
  run: (x) => ops.dropout(x, p, { generator: new Generator(77) }),
  inputs: [{ shape }],
  reference: (x: Plain) => {
    const dropped = bernoulliOf(wordsOf(77, 0, x.data.length), p);
    return { shape: x.shape, data: x.data.map((v, i) => (dropped[i] ? 0 : v / (1 - p))) };
  },
});

// Dropout of whole parts: element i is in part `part(i)` of `parts`.
const partsDropout = (
  name: string,
  run: (x: Tensor, generator: Generator) => Tensor,
  shape: number[],
  p: number,
  parts: number,
  part: (i: number) => number,
): OpRow => ({
  name: `${name} ${p} [${shape}]`,
  run: (x) => run(x as Tensor, new Generator(77)),
  inputs: [{ shape }],
  reference: (x: Plain) => {
    const dropped = bernoulliOf(wordsOf(77, 0, parts), p);
    return { shape: x.shape, data: x.data.map((v, i) => (dropped[part(i)] ? 0 : v / (1 - p))) };
  },
});

// Klambauer et al., 2017: a (x or α') + b keeps mean 0 and variance 1.
const alphaDropout = (p: number, run = ops.alphaDropout, part = 1): OpRow => ({
  name: `${run.name} ${p}`,
  run: (x) => run(x as Tensor, p, true, { generator: new Generator(77) }),
  inputs: [{ shape: part === 1 ? [5, 7] : [5, 7, part / 2, 2] }],
  reference: (x: Plain) => {
    const lowest = -1.0507009873554805 * 1.6732632423543772;
    const parts = bernoulliOf(wordsOf(77, 0, x.data.length / part), 1 - p);
    const kept = x.data.map((_, i) => parts[Math.floor(i / part)]);
    const a = 1 / Math.sqrt(1 - p + lowest ** 2 * p * (1 - p));
    const b = -a * p * lowest;
    const data = x.data.map((v, i) => (p === 1 ? 0 : a * (kept[i] ? v : lowest) + b));
    return { shape: x.shape, data, magnitude: data.map((v) => Math.abs(v) + 4 * (p === 1 ? 0 : a)) };
  },
});

const rows: OpRow[] = [
  partsDropout(
    'dropout1d',
    (x, generator) => ops.dropout1d(x, { p: 0.4, generator }),
    [4, 3, 5],
    0.4,
    12,
    (i) => Math.floor(i / 5),
  ),
  partsDropout(
    'dropout1d',
    (x, generator) => ops.dropout1d(x, { generator }),
    [6, 5],
    0.5,
    6,
    (i) => Math.floor(i / 5),
  ),
  partsDropout(
    'dropout2d',
    (x, generator) => ops.dropout2d(x, { p: 0.3, generator }),
    [4, 3, 2, 2],
    0.3,
    12,
    (i) => Math.floor(i / 4),
  ),
  partsDropout(
    'stochasticDepth',
    (x, generator) => ops.stochasticDepth(x, { p: 0.4, generator }),
    [9, 2, 2],
    0.4,
    9,
    (i) => Math.floor(i / 4),
  ),
  partsDropout(
    'stochasticDepth of the batch',
    (x, generator) => ops.stochasticDepth(x, { p: 0.4, generator, mode: 'batch' }),
    [9, 2],
    0.4,
    1,
    () => 0,
  ),
  alphaDropout(0.2),
  alphaDropout(0.5),
  alphaDropout(1),
  alphaDropout(0.3, ops.featureAlphaDropout, 6),
  alphaDropout(1, ops.featureAlphaDropout, 4),
  dropout(0.5, [3, 5]),
  dropout(0.1, [7]),
  dropout(0, [4]),
  dropout(1, [4]),
  dropout(0.3, [0]),
  { ...dropout(0.3, [40_003]), gradient: false },
  {
    name: 'dropout in use',
    run: (x) => ops.dropout(x, { training: false }),
    inputs: [{ shape: [4] }],
    reference: (x: Plain) => x,
    gradient: false,
  },
];

const errors: ErrorRow[] = [
  {
    name: 'dropout integers',
    call: () => ops.dropout(zeros([2], { dtype: 'int32' })),
    error: DTypeError,
    message: "dropout: x must be float32 or float64, got int32; convert it by x.to('float32')",
  },
  {
    name: 'dropout training',
    call: () => ops.dropout(ones([2]), { training: 1 as never }),
    error: ArgumentError,
    message: 'dropout: training must be a boolean, got 1',
  },
  {
    name: 'featureAlphaDropout rank',
    call: () => ops.featureAlphaDropout(ones([2])),
    error: ShapeError,
    message: 'featureAlphaDropout: x must have at least two dimensions, got x [2]',
  },
  {
    name: 'dropout1d rank',
    call: () => ops.dropout1d(ones([2])),
    error: ShapeError,
    message: 'dropout1d: x must have 2 or 3 dimensions, got x [2]',
  },
  {
    name: 'dropout2d rank',
    call: () => ops.dropout2d(ones([2, 3, 4])),
    error: ShapeError,
    message: 'dropout2d: x must have 4 dimensions, got x [2, 3, 4]; dropout1d takes [batch, channels, length]',
  },
  {
    name: 'alphaDropout p',
    call: () => ops.alphaDropout(ones([2]), { p: 2 }),
    error: ArgumentError,
    message: 'alphaDropout: p must be a finite number of at least 0 and at most 1, got 2',
  },
  {
    name: 'stochasticDepth mode',
    call: () => ops.stochasticDepth(ones([2]), { p: 0.5, mode: 'rows' as never }),
    error: ArgumentError,
    message: 'stochasticDepth: mode must be row or batch, got "rows"',
  },
];

testFamily('dropout', { rows, errors, refused: /^(?!dropout in use)/ });
