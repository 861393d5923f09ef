import { ShapeError } from '../../lib/errors.js';
import { ones } from '../../lib/ops/creation.js';
import { add, mul } from '../../lib/ops/elementwise.js';
import { broadcastReference, type ErrorRow, type OpRow } from './harness.js';

const shapes: [number[], number[]][] = [
  [[5], [5]],
  [[3, 7], [7]],
  [
    [3, 1],
    [1, 4],
  ],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[0, 3], [3]],
];

const binary: [string, (a: never, b: never) => never, (a: number, b: number) => number][] = [
  ['add', add as never, (a, b) => a + b],
  ['mul', mul as never, (a, b) => a * b],
];

export const rows: OpRow[] = binary.flatMap(([name, run, f]) =>
  shapes.map(([a, b]) => ({
    name: `${name} [${a}] [${b}]`,
    run: run as unknown as OpRow['run'],
    inputs: [{ shape: a }, { shape: b }],
    reference: broadcastReference(f) as OpRow['reference'],
  })),
);

export const errors: ErrorRow[] = [
  {
    name: 'add shapes',
    call: () => add(ones([2, 3]), ones([4])),
    error: ShapeError,
    message: 'add: shapes must broadcast, got a [2, 3] and b [4] (3 ≠ 4 in dimension 1)',
  },
];
