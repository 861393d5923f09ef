import { ShapeError } from '../../lib/errors.js';
import { ones, zeros } from '../../lib/ops/creation.js';
import { argmax, argmin, max, min } from '../../lib/ops/reduce-extremes.js';
import { sizeOf } from '../../lib/shape.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import {
  byte,
  type Fold,
  fixed,
  folded,
  integer,
  label,
  large,
  largest,
  layouts,
  smallest,
  special,
} from '../support/folds.js';
import type { ErrorRow, OpRow } from '../support/harness.js';

// First of equals; NaN before all.
const whereBest =
  (best: Fold): Fold =>
  (v) => {
    const value = best(v);
    return v.findIndex((x) => Object.is(x, value));
  };
const tied = (i: number): number => [3, -1, 3, -1, 2][i % 5] as number;
const values = (run: typeof max) => (x: Tensor, options?: { dim: number }) =>
  options?.dim === undefined ? run(x) : run(x, options).values;
const indices = (run: typeof max) => (x: Tensor, options: { dim: number }) => run(x, options).indices;

function extremes(name: string, run: typeof max, locate: typeof argmax, best: Fold): OpRow[] {
  const along = [...layouts, ...large].filter(
    ([shape, options]) => shape.length > 0 && options !== undefined && !Array.isArray(options.dim),
  );
  const rows = along.flatMap(([shape, options]): OpRow[] => {
    const o = options as { dim: number };
    const row = (kind: string, call: OpRow['run'], f: Fold, gradient: boolean): OpRow => ({
      name: `${kind} of [${shape}]${label(o)}`,
      run: call,
      inputs: [{ shape }],
      reference: folded(f, o) as OpRow['reference'],
      gradient,
    });
    return [
      row(name, (x) => values(run)(x as Tensor, o), best, sizeOf(shape) < 100),
      row(`${name} indices`, (x) => indices(run)(x as Tensor, o), whereBest(best), false),
      row(`arg${name}`, (x) => locate(x as Tensor, o), whereBest(best), false),
    ];
  });
  const input = { shape: [3, 4] };
  return [
    ...rows,
    { name: `${name} of all`, run: (x) => run(x as Tensor), inputs: [input], reference: folded(best) as never },
    fixed(`arg${name} of all`, (x) => locate(x as Tensor), input, folded(whereBest(best))),
    ...[special, tied].flatMap((v) => [
      fixed(
        `${name} ${v.name} rows`,
        (x) => values(run)(x as Tensor, { dim: 1 }),
        { shape: [2, 23], values: v },
        folded(best, { dim: 1 }),
      ),
      fixed(
        `arg${name} ${v.name} rows`,
        (x) => locate(x as Tensor, { dim: 1 }),
        { shape: [2, 23], values: v },
        folded(whereBest(best), { dim: 1 }),
      ),
      fixed(
        `arg${name} ${v.name} columns`,
        (x) => locate(x as Tensor, { dim: 0 }),
        { shape: [5, 9], values: v },
        folded(whereBest(best), { dim: 0 }),
      ),
    ]),
    fixed(`${name} int32`, (x) => run(x as Tensor), { shape: [40], values: integer, dtype: 'int32' }, folded(best)),
    fixed(
      `arg${name} uint8`,
      (x) => locate(x as Tensor, { dim: 0 }),
      { shape: [40, 3], values: byte, dtype: 'uint8' },
      folded(whereBest(best), { dim: 0 }),
    ),
  ];
}

const rows: OpRow[] = [...extremes('max', max, argmax, largest), ...extremes('min', min as never, argmin, smallest)];

const errors: ErrorRow[] = [
  {
    name: 'max of nothing',
    call: () => max(zeros([0, 3])),
    error: ShapeError,
    message: 'max: needs at least one element to choose from, got x [0, 3]',
  },
  {
    name: 'argmin of nothing',
    call: () => argmin(zeros([0, 3]), { dim: 0 }),
    error: ShapeError,
    message: 'argmin: needs at least one element to choose from, got x [0, 3]',
  },
  {
    name: 'max over two dimensions',
    call: () => max(ones([2, 3]), { dim: [0, 1] as never }),
    error: ShapeError,
    message: 'max: dim must be one dimension, got [0, 1]',
  },
];

testFamily('extremes', { rows, errors, fused: ['maxBackward'] });
