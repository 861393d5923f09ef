import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import * as nn from '../../lib/nn/index.js';
import { ones } from '../../lib/ops/creation.js';
import { cosineSimilarity, pairwiseDistance } from '../../lib/ops/distance.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, irregular, type OpRow, type Plain } from '../support/harness.js';

const inputs = [{ shape: [3, 4] }, { shape: [3, 4], values: (i: number) => irregular(i + 7) }];

/** What `measure` gives for each row of two matrices. */
function ofRows(a: Plain, b: Plain, measure: (u: number[], v: number[]) => number): Plain {
  const [rows = 0, n = 0] = a.shape;
  const row = (x: Plain, i: number) => x.data.slice(i * n, (i + 1) * n);
  const data = Array.from({ length: rows }, (_, i) => measure(row(a, i), row(b, i)));
  return { shape: [rows], data, magnitude: data.map((v) => Math.abs(v) + 1) };
}

const dot = (u: number[], v: number[]): number => u.reduce((s, x, i) => s + x * (v[i] as number), 0);
const distance = (p: number, eps: number) => (u: number[], v: number[]) =>
  u.reduce((s, x, i) => s + Math.abs(x - (v[i] as number) + eps) ** p, 0) ** (1 / p);

const rows: OpRow[] = [
  {
    name: 'cosineSimilarity',
    run: (a, b) => cosineSimilarity(a as Tensor, b as Tensor),
    inputs,
    reference: (a, b) => ofRows(a as Plain, b as Plain, (u, v) => dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v))),
  },
  {
    name: 'cosineSimilarity of short vectors',
    run: (a, b) => cosineSimilarity(a as Tensor, b as Tensor, -1, 100),
    inputs,
    reference: (a, b) => ofRows(a as Plain, b as Plain, (u, v) => dot(u, v) / 1e4),
  },
  ...[1, 2, 3].map(
    (p): OpRow => ({
      name: `pairwiseDistance with p ${p}`,
      run: (a, b) => pairwiseDistance(a as Tensor, b as Tensor, p, 1e-3),
      inputs,
      reference: (a, b) => ofRows(a as Plain, b as Plain, distance(p, 1e-3)),
    }),
  ),
  {
    name: 'CosineSimilarity',
    run: (a, b) => new nn.CosineSimilarity(-1, 100).forward(a as Tensor, b as Tensor),
    inputs,
    reference: (a, b) => ofRows(a as Plain, b as Plain, (u, v) => dot(u, v) / 1e4),
  },
  {
    name: 'PairwiseDistance',
    run: (a, b) => new nn.PairwiseDistance(3, { eps: 1e-3 }).forward(a as Tensor, b as Tensor),
    inputs,
    reference: (a, b) => ofRows(a as Plain, b as Plain, distance(3, 1e-3)),
  },
  {
    name: 'pairwiseDistance to one vector',
    run: (a, b) => pairwiseDistance(a as Tensor, b as Tensor, { keepDim: true }),
    inputs: [{ shape: [1, 4] }, { shape: [4], values: (i) => irregular(i + 7) }],
    reference: (a, b) => ({ ...ofRows(a as Plain, b as Plain, distance(2, 1e-6)), shape: [1, 1] }),
  },
];

const errors: ErrorRow[] = [
  {
    name: 'shapes',
    call: () => cosineSimilarity(ones([2, 3]), ones([2, 4])),
    error: ShapeError,
    message: 'cosineSimilarity: shapes must broadcast, got x1 [2, 3] and x2 [2, 4] (3 ≠ 4 in dimension 1)',
  },
  {
    name: 'dtypes',
    call: () => pairwiseDistance(ones([2, 3]), ones([2, 3], { dtype: 'float64' })),
    error: DTypeError,
    message: 'pairwiseDistance: dtypes must match, got x1 float32 and x2 float64; convert one by to(dtype)',
  },
  {
    name: 'no dimension 1',
    call: () => cosineSimilarity(ones([2]), ones([2])),
    error: ArgumentError,
    message: 'cosineSimilarity: dim must be an integer in [-1, 0] for a tensor of rank 1, got 1',
  },
  {
    name: 'eps',
    call: () => cosineSimilarity(ones([1, 2]), ones([1, 2]), { eps: -1 }),
    error: ArgumentError,
    message: 'cosineSimilarity: eps must be a finite number of at least 0, got -1',
  },
];

testFamily('distance', { rows, errors });
