import { ArgumentError, DTypeError, ShapeError } from '../../lib/errors.js';
import { ones, tensor, zeros } from '../../lib/ops/creation.js';
import { type MatmulOptions, matmul } from '../../lib/ops/matmul.js';
import { type LinearOptions, linear } from '../../lib/ops/matmul-linear.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';
import { matmulReference } from '../support/matmul-reference.js';

function matmulRow(a: number[], b: number[], options?: MatmulOptions, row?: Partial<OpRow>): OpRow {
  const flags = `${options?.transposeA ? ' transposeA' : ''}${options?.transposeB ? ' transposeB' : ''}`;
  return {
    name: `matmul [${a}] [${b}]${flags}`,
    run: (x, y) => matmul(x as Tensor, y as Tensor, options),
    inputs: [{ shape: a }, { shape: b }],
    reference: matmulReference(options) as OpRow['reference'],
    ...row,
  };
}

const flags = [false, true];
const transposed = (shape: number[], yes: boolean): number[] =>
  yes ? [...shape.slice(0, -2), shape.at(-1) as number, shape.at(-2) as number] : shape;

// Every combination of flags on matrices, batches, and batches that broadcast either way or both.
const batches: [number[], number[]][] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 3, 4],
    [4, 2],
  ],
  [
    [3, 4],
    [2, 4, 2],
  ],
  [
    [2, 1, 2, 3],
    [3, 3, 2],
  ],
  [
    [1, 2, 3],
    [2, 3, 2],
  ],
  [
    [2, 2, 1, 3],
    [1, 3, 2],
  ],
];
const flagRows = batches.flatMap(([a, b]) =>
  flags.flatMap((transposeA) =>
    flags.map((transposeB) =>
      matmulRow(transposed(a, transposeA), transposed(b, transposeB), { transposeA, transposeB }),
    ),
  ),
);

const vectors = [
  matmulRow([5], [5]),
  matmulRow([3, 5], [5]),
  matmulRow([5], [5, 3]),
  matmulRow([2, 3, 5], [5]),
  matmulRow([5], [2, 5, 3]),
  matmulRow([5], [2, 3, 5], { transposeB: true }),
  matmulRow([5, 3], [5], { transposeA: true }),
  matmulRow([1], [1]),
];

// A product over no elements is 0.
const empty = [
  matmulRow([0], [0]),
  matmulRow([2, 0], [0, 3]),
  matmulRow([0, 2], [2, 3]),
  matmulRow([2, 3], [3, 0]),
  matmulRow([0, 2, 3], [0, 3, 2]),
  matmulRow([2, 2, 0], [0, 3]),
  matmulRow([0, 1, 2, 3], [4, 3, 2]),
  matmulRow([0, 3, 2], [2, 4]),
];

// The shapes of training (W2, W3, attention), with the forward pass only: numerical gradients would take minutes.
const forwardOnly = { gradient: false };
const large = [
  matmulRow([64, 784], [128, 784], { transposeB: true }, forwardOnly),
  matmulRow([64, 128], [64, 784], { transposeA: true }, forwardOnly),
  matmulRow([128, 512], [512, 784], undefined, forwardOnly),
  matmulRow([17, 33], [33, 65], undefined, forwardOnly),
  matmulRow([1, 784], [128, 784], { transposeB: true }, forwardOnly),
  matmulRow([300, 7], [7], undefined, forwardOnly),
  matmulRow([6, 40, 32], [6, 40, 32], { transposeB: true }, forwardOnly),
  matmulRow([64, 3, 5], [64, 5, 3], undefined, forwardOnly),
];

const special: InputSpec[] = [
  { shape: [4, 1], values: (i) => [Number.NaN, Number.POSITIVE_INFINITY, 1e-30, 1e30][i] as number },
  { shape: [1, 3], values: (i) => [1, -2, 1e-5][i] as number },
];

const f = {
  none: (z: number) => z,
  relu: (z: number) => Math.max(z, 0),
  tanh: Math.tanh,
  sigmoid: (z: number) => 1 / (1 + Math.exp(-z)),
};

function linearReference(activation: keyof typeof f): OpRow['reference'] {
  return (x, weight, bias) => {
    const wide = x.shape.length === 1 ? { ...x, shape: [1, ...x.shape] } : x;
    const z = matmulReference({ transposeB: true })(wide, weight as Plain);
    const n = (weight as Plain).shape[0] as number;
    const shape = [...x.shape.slice(0, -1), n];
    const terms = z.data.map((v, i) => [v, bias?.data[i % n] ?? 0] as const);
    return {
      shape,
      data: terms.map(([v, b]) => f[activation](v + b)),
      magnitude: terms.map(([, b], i) => (z.magnitude?.[i] as number) + Math.abs(b) + 1),
    };
  };
}

function linearRow(
  x: number[],
  outFeatures: number,
  options?: Pick<LinearOptions, 'activation'> & { bias?: boolean },
  row?: Partial<OpRow>,
): OpRow {
  const { bias = true, activation } = options ?? {};
  const shapes = [x, [outFeatures, x.at(-1) as number], ...(bias ? [[outFeatures]] : [])];
  return {
    name: `linear [${x}] ${outFeatures}${bias ? '' : ' no bias'}${activation ? ` ${activation}` : ''}`,
    run: (input, weight, b) => linear(input as Tensor, weight as Tensor, b, activation && { activation }),
    // Other numbers in each, so that sums do not come out on a kink.
    inputs: shapes.map((shape, k) => ({ shape, values: (i) => irregular(i + 31 * k) })),
    reference: linearReference(activation ?? 'none'),
    ...row,
  };
}

const linears = (Object.keys(f) as (keyof typeof f)[]).flatMap((activation) => [
  linearRow([3, 4], 2, { activation }),
  linearRow([2, 3, 4], 3, { activation, bias: false }),
  linearRow([5], 3, { activation }),
  linearRow([0, 3], 2, { activation }),
  linearRow([2, 0], 3, { activation }),
  linearRow([300, 65], 17, { activation }, forwardOnly),
]);

const rows: OpRow[] = [
  ...flagRows,
  ...vectors,
  ...empty,
  ...large,
  matmulRow([4, 1], [1, 3], undefined, { name: 'matmul NaN, ∞, huge and tiny', inputs: special, gradient: false }),
  ...linears,
  linearRow([2, 3], 0),
  linearRow([2, 1, 2, 3], 2),
  linearRow([64, 784], 128, { activation: 'relu' }, forwardOnly),
];

const ints = (): Tensor => tensor([[1, 2]], { dtype: 'int32' });

const error = (name: string, call: () => unknown, type: ErrorRow['error'], message: string): ErrorRow => ({
  name,
  call,
  error: type,
  message,
});

const errors: ErrorRow[] = [
  error(
    'matmul inner dimensions',
    () => matmul(ones([2, 3]), ones([4, 5])),
    ShapeError,
    'matmul: inner dimensions must match, got a [2, 3] and b [4, 5] (3 ≠ 4)',
  ),
  error(
    'matmul inner dimensions, transposed',
    () => matmul(ones([2, 3]), ones([4, 5]), { transposeA: true, transposeB: true }),
    ShapeError,
    'matmul: inner dimensions must match, got a [2, 3] transposed and b [4, 5] transposed (2 ≠ 5)',
  ),
  error(
    'matmul vectors',
    () => matmul(ones([3]), ones([4])),
    ShapeError,
    'matmul: inner dimensions must match, got a [3] and b [4] (3 ≠ 4)',
  ),
  error(
    'matmul leading dimensions',
    () => matmul(ones([2, 3, 4]), ones([5, 4, 6])),
    ShapeError,
    'matmul: leading dimensions must broadcast, got a [2, 3, 4] and b [5, 4, 6] (2 ≠ 5)',
  ),
  error(
    'matmul scalar',
    () => matmul(ones([]), ones([2, 2])),
    ShapeError,
    'matmul: a and b must have at least 1 dimension, got a [] and b [2, 2]; multiply by a scalar with mul',
  ),
  error(
    'matmul transposed vector',
    () => matmul(ones([3]), ones([3, 2]), { transposeA: true }),
    ShapeError,
    'matmul: transposeA needs at least 2 dimensions, got a [3]',
  ),
  error(
    'matmul flag',
    () => matmul(ones([2, 2]), ones([2, 2]), { transposeB: 1 as never }),
    ArgumentError,
    'matmul: transposeB must be a boolean, got 1',
  ),
  error(
    'matmul unknown option',
    () => matmul(ones([2, 2]), ones([2, 2]), { transpose: true } as never),
    ArgumentError,
    'matmul: unknown option "transpose"; known are transposeA, transposeB',
  ),
  error(
    'matmul not a tensor',
    () => matmul([[1]] as never, ones([2, 2])),
    ArgumentError,
    'matmul: a must be a tensor, got an array of 1',
  ),
  error(
    'matmul integers',
    () => matmul(ints(), ints()),
    DTypeError,
    "matmul: a must be float32 or float64, got int32; convert it by a.to('float32')",
  ),
  error(
    'matmul mixed dtypes',
    () => matmul(ones([2, 2]), ones([2, 2], { dtype: 'float64' })),
    DTypeError,
    'matmul: dtypes must match, got a float32 and b float64; convert one by to(dtype)',
  ),
  error(
    'linear features',
    () => linear(ones([32, 28, 28]), ones([128, 784])),
    ShapeError,
    "linear: last dimension of x must be weight's inFeatures, got x [32, 28, 28] and weight [128, 784] (28 ≠ 784)",
  ),
  error(
    'linear scalar',
    () => linear(ones([]), ones([2, 3])),
    ShapeError,
    "linear: last dimension of x must be weight's inFeatures, got x [] and weight [2, 3] (no dimension ≠ 3)",
  ),
  error(
    'linear weight',
    () => linear(ones([2, 3]), ones([3])),
    ShapeError,
    'linear: weight must be [outFeatures, inFeatures], got weight [3]',
  ),
  error(
    'linear bias',
    () => linear(ones([2, 3]), ones([4, 3]), zeros([3])),
    ShapeError,
    'linear: bias must be [outFeatures], got bias [3] and weight [4, 3]',
  ),
  error(
    'linear activation',
    () => linear(ones([2, 3]), ones([4, 3]), null, { activation: 'gelu' as never }),
    ArgumentError,
    'linear: activation must be none, relu, tanh or sigmoid, got "gelu"',
  ),
  error(
    'linear dtypes',
    () => linear(ones([2, 3]), ones([4, 3]), zeros([4], { dtype: 'float64' })),
    DTypeError,
    'linear: dtypes must match, got x float32 and weight float32 and bias float64; convert one by to(dtype)',
  ),
];

testFamily('matmul', { rows, errors, fused: ['linearBackward'] });
