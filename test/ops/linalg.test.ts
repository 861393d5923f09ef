// Systems of equations and factorisations against plain references, and each function differentiated twice. Values from
// PyTorch: linalg-golden.test.ts; large and hard matrices: linalg-hard.test.ts.
import { describe, expect, it } from 'vitest';
import { gradcheck, gradgradcheck } from '../../lib/backward/gradcheck.js';
import { ArgumentError, AutogradError, DTypeError, ShapeError } from '../../lib/errors.js';
import {
  backward,
  choleskyInverse,
  choleskySolve,
  compile,
  geqrf,
  grad,
  inverse,
  linalg,
  logdet,
  luUnpack,
  ormqr,
  pinverse,
} from '../../lib/index.js';
import { eye, full, ones, tensor, zeros } from '../../lib/ops/creation.js';
import { stack } from '../../lib/ops/shape-slice.js';
import type { Tensor } from '../../lib/tensor.js';
import { testFamily } from '../support/family.js';
import { type ErrorRow, type InputSpec, irregular, type OpRow, type Plain } from '../support/harness.js';

const { LinAlgError } = linalg;
type Run = (...inputs: Tensor[]) => Tensor;

const mT = (x: Tensor): Tensor => x.transpose(-2, -1);
const identity = (x: Tensor): Tensor => eye(x.shape.at(-1) as number, undefined, { dtype: x.dtype });
const definite = (x: Tensor): Tensor => x.matmul(mT(x)).add(identity(x));
const symmetric = (x: Tensor): Tensor => x.add(mT(x));

/** Square matrices whose diagonal outweighs the rest. */
const square = (...shape: number[]): InputSpec => {
  const n = shape.at(-1) as number;
  const onDiagonal = (i: number) => Math.floor(i / n) % n === i % n;
  return { shape, values: (i) => irregular(i) + (onDiagonal(i) ? 3 * Math.sqrt(n) : 0) };
};

/** A reference whose elements are sums: compared relative to the largest one. */
const summed = (x: Plain): Plain => {
  const most = x.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  return { ...x, magnitude: x.data.map(() => 20 * most) };
};

/** For each matrix of a batch, a·x = b by Gauss-Jordan elimination, and the determinant of a. */
function gauss(a: Plain, b: Plain): { x: Plain; determinants: number[] } {
  const [n, k] = [a.shape.at(-1) as number, b.shape.at(-1) as number];
  const count = a.shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const data: number[] = [];
  const determinants: number[] = [];
  for (let m = 0; m < count; m++) {
    const rows = Array.from({ length: n }, (_, i) => [
      ...a.data.slice((m * n + i) * n, (m * n + i + 1) * n),
      ...b.data.slice((m * n + i) * k, (m * n + i + 1) * k),
    ]);
    let determinant = 1;
    for (let j = 0; j < n; j++) {
      let pivot = j;
      for (let i = j; i < n; i++) if (Math.abs(rows[i]![j]!) > Math.abs(rows[pivot]![j]!)) pivot = i;
      if (pivot !== j) determinant = -determinant;
      [rows[j], rows[pivot]] = [rows[pivot]!, rows[j]!];
      determinant *= rows[j]![j]!;
      for (let i = 0; i < n; i++) {
        const factor = rows[i]![j]! / rows[j]![j]!;
        for (let c = j; i !== j && c < n + k; c++) rows[i]![c]! -= factor * rows[j]![c]!;
      }
    }
    for (let i = 0; i < n; i++) for (let c = 0; c < k; c++) data.push(rows[i]![n + c]! / rows[i]![i]!);
    determinants.push(determinant);
  }
  return { x: summed({ shape: b.shape, data }), determinants };
}

const identities = ({ shape }: Plain): Plain => {
  const n = shape.at(-1) as number;
  const length = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Array.from({ length }, (_, i) => Number(Math.floor(i / n) % n === i % n)) };
};
const triangles = (x: Plain, upper: boolean): Plain => {
  const n = x.shape.at(-1) as number;
  const isIn = (i: number, j: number) => (upper ? i <= j : i >= j);
  return { ...x, data: x.data.map((v, at) => (isIn(Math.floor(at / n) % n, at % n) ? v : 0)) };
};

const systems: [a: number[], b: number[]][] = [
  [
    [3, 3],
    [3, 2],
  ],
  [
    [2, 3, 3],
    [2, 3, 1],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [50, 50],
    [50, 5],
  ],
  [
    [0, 0],
    [0, 2],
  ],
  [
    [3, 3],
    [3, 0],
  ],
  [
    [0, 2, 2],
    [0, 2, 1],
  ],
];
const solveRows = systems.flatMap(([a, b]): OpRow[] => {
  const inputs = [square(...a), { shape: b }];
  const name = `[${a}] [${b}]`;
  const gradient = (a.at(-1) as number) < 10;
  return [
    {
      name: `solve ${name}`,
      run: (x, y) => linalg.solve(x!, y!),
      inputs,
      gradient,
      reference: (x, y) => gauss(x!, y!).x,
    },
    ...[true, false].map(
      (upper): OpRow => ({
        name: `solveTriangular ${upper ? 'upper' : 'lower'} ${name}`,
        run: (x, y) => linalg.solveTriangular(x!, y!, { upper }),
        reference: (x, y) => gauss(triangles(x!, upper), y!).x,
        inputs,
        gradient,
      }),
    ),
  ];
});
const squareRows = [
  [3, 3],
  [2, 3, 3],
  [1, 1],
  [0, 0],
  [0, 2, 2],
  [20, 20],
].flatMap((shape): OpRow[] => {
  const inputs = [square(...shape)];
  const gradient = (shape.at(-1) as number) < 10;
  const lead = shape.slice(0, -2);
  const determinants = (x: Plain): number[] => gauss(x, identities(x)).determinants;
  return [
    {
      name: `inv [${shape}]`,
      run: (x) => linalg.inv(x!),
      inputs,
      gradient,
      reference: (x) => gauss(x!, identities(x!)).x,
    },
    {
      name: `det [${shape}]`,
      run: (x) => linalg.det(x!),
      inputs,
      gradient,
      reference: (x) => summed({ shape: lead, data: determinants(x!) }),
    },
    {
      name: `slogdet [${shape}]`,
      run: (x) => linalg.slogdet(x!).logabsdet,
      inputs,
      gradient,
      reference: (x) => summed({ shape: lead, data: determinants(x!).map((d) => Math.log(Math.abs(d))) }),
    },
  ];
});

/** What must give the input again. */
const wholes: Record<string, Run> = {
  qr: (x) => linalg.qr(x!).Q.matmul(linalg.qr(x!).R),
  svd: (x) => {
    const { U, S, Vh } = linalg.svd(x!, false);
    return U.mul(S.unsqueeze(-2)).matmul(Vh);
  },
  lu: (x) => {
    const { P, L, U } = linalg.lu(x!);
    return P.matmul(L).matmul(U);
  },
};
const wholeRows = Object.entries(wholes).flatMap(([name, run]) =>
  [
    [3, 3],
    [2, 4, 3],
    [3, 5],
    [1, 1],
    [4, 1],
    [0, 3],
    [3, 0],
    [0, 2, 2],
  ].map((shape): OpRow => ({ name: `${name} [${shape}]`, run, inputs: [{ shape }], reference: (x) => summed(x!) })),
);

testFamily('linalg', { rows: [...solveRows, ...squareRows, ...wholeRows], errors: errorRows() });

/** Vectors have arbitrary signs. */
const unsigned = (x: Tensor): Tensor => x.abs();
const both: [name: string, Run, ...shapes: number[][]][] = [
  ['solve, broadcast', (a, b) => linalg.solve(a!, b!), [3, 3], [2, 3, 2]],
  ['solve, left: false', (a, b) => linalg.solve(a!, b!, { left: false }), [2, 3, 3], [2, 3]],
  ['solve, a vector', (a, b) => linalg.solve(a!, b!), [2, 3, 3], [2, 3]],
  ['solveEx', (a, b) => linalg.solveEx(a!, b!).result, [3, 3], [3, 2]],
  ['invEx', (a) => linalg.invEx(a!).inverse, [3, 3]],
  [
    'solveTriangular, unit',
    (a, b) => linalg.solveTriangular(a!, b!, { upper: true, unitriangular: true }),
    [3, 3],
    [3, 2],
  ],
  ['solveTriangular, left', (a, b) => linalg.solveTriangular(a!, b!, { upper: false, left: false }), [3, 3], [2, 3]],
  ['cholesky', (a) => linalg.cholesky(definite(a!)), [2, 3, 3]],
  ['cholesky, upper', (a) => linalg.choleskyEx(definite(a!), { upper: true }).L, [3, 3]],
  ['luFactor', (a) => linalg.luFactor(a!).LU, [2, 3, 3]],
  ['luFactor, tall', (a) => linalg.luFactor(a!).LU, [4, 3]],
  ['luFactor, wide', (a) => linalg.luFactorEx(a!).LU, [3, 4]],
  ['lu, L', (a) => linalg.lu(a!).L, [4, 3]],
  [
    'luSolve',
    (a, b) => {
      const { LU, pivots } = linalg.luFactor(a!);
      return linalg.luSolve(LU, pivots, b!);
    },
    [3, 3],
    [2, 3, 2],
  ],
  [
    'ldlSolve',
    (b) => {
      const a = tensor(
        Float64Array.from({ length: 16 }, (_, i) => irregular(i)),
        { shape: [4, 4] },
      );
      const { LD, pivots } = linalg.ldlFactor(a);
      return linalg.ldlSolve(LD, pivots, b!);
    },
    [2, 4, 3],
  ],
  ['qr, Q', (a) => linalg.qr(a!).Q, [2, 4, 3]],
  ['qr, R', (a) => linalg.qr(a!).R, [3, 3]],
  ['qr, R alone', (a) => linalg.qr(a!, 'r').R, [4, 3]],
  ['qr, Q of a wide one', (a) => linalg.qr(a!).Q, [3, 4]],
  ['qr, R of a wide one', (a) => linalg.qr(a!, { mode: 'complete' }).R, [2, 3, 4]],
  ['householderProduct', (a, tau) => linalg.householderProduct(a!, tau!), [2, 4, 3], [2, 3]],
  ['eigh, values', (a) => linalg.eigh(symmetric(a!)).eigenvalues, [2, 3, 3]],
  ['eigh, vectors', (a) => unsigned(linalg.eigh(symmetric(a!), 'U').eigenvectors), [2, 3, 3]],
  ['eigvalsh', (a) => linalg.eigvalsh(symmetric(a!), { UPLO: 'U' }), [3, 3]],
  ['matrixSqrth', (a) => linalg.matrixSqrth(definite(a!)), [3, 3]],
  ['svd, U', (a) => unsigned(linalg.svd(a!, false).U), [2, 4, 3]],
  ['svd, U of a wide one', (a) => unsigned(linalg.svd(a!, { fullMatrices: false }).U), [3, 4]],
  ['svd, Vh', (a) => unsigned(linalg.svd(a!).Vh), [3, 3]],
  ['svd, Vh of a wide one', (a) => unsigned(linalg.svd(a!, false).Vh), [3, 4]],
  ['svdvals', (a) => linalg.svdvals(a!), [2, 3, 4]],
  ['polar, U', (a) => linalg.polar(a!).U, [4, 3]],
  ['polar, H', (a) => linalg.polar(a!).H, [3, 3]],
  ['pinv', (a) => linalg.pinv(a!), [2, 4, 3]],
  ['pinv, wide', (a) => linalg.pinv(a!), [3, 4]],
  ['pinv, hermitian', (a) => linalg.pinv(symmetric(a!), { hermitian: true }), [3, 3]],
  ['pinv, rank 1', (u, w) => linalg.pinv(u!.matmul(w!)), [3, 1], [1, 3]],
  ['lstsq', (a, b) => linalg.lstsq(a!, b!).solution, [4, 3], [2, 4, 2]],
  ['lstsq, residuals', (a, b) => linalg.lstsq(a!, b!).residuals, [4, 2], [4, 2]],
  ['lstsq, a vector', (a, b) => linalg.lstsq(a!, b!, 1e-10).solution, [2, 3, 4], [2, 3]],
  ...(['fro', 'nuc', 1, -1, 2, -2, Infinity, -Infinity] as const).map((ord): [string, Run, number[]] => [
    `matrixNorm ${ord}`,
    (a) => linalg.matrixNorm(a!, ord),
    [2, 3, 4],
  ]),
  ['matrixNorm, dim', (a) => linalg.matrixNorm(a!, 'nuc', [0, 2], { keepDim: true }), [3, 2, 4]],
  ['cond', (a) => linalg.cond(a!), [3, 3]],
  ['cond 1', (a) => linalg.cond(a!, 1), [3, 3]],
  ['cross', (a, b) => linalg.cross(a!, b!), [2, 3], [1, 3]],
  ['vecdot', (a, b) => linalg.vecdot(a!, b!, { dim: 0 }), [2, 3], [2, 1]],
  ['diagonal', (a) => linalg.diagonal(a!, { offset: -1, dim1: 2, dim2: 0 }), [3, 2, 4]],
  ['matrixPower', (a) => linalg.matrixPower(a!, -3), [3, 3]],
  ['multiDot', (...list) => linalg.multiDot(list), [2], [2, 5], [5, 3], [3, 4]],
  ['vander', (a) => linalg.vander(a!, { N: 4 }), [2, 3]],
  ['tensorinv', (a) => linalg.tensorinv(a!), [2, 3, 6]],
  ['tensorsolve', (a, b) => linalg.tensorsolve(a!, b!), [2, 3, 6], [2, 3]],
  ['matrixExp', (a) => linalg.matrixExp(a!), [2, 3, 3]],
  ['logdet', (a) => logdet(definite(a!)), [2, 3, 3]],
  ['inverse', (a) => inverse(a!), [3, 3]],
  ['pinverse', (a) => pinverse(a!, 1e-10), [4, 3]],
  ['choleskySolve', (b, L) => choleskySolve(b!, L!), [3, 2], [2, 3, 3]],
  ['choleskyInverse', (L) => choleskyInverse(L!, { upper: true }), [3, 3]],
  ['ormqr', (x, tau, other) => ormqr(x!, tau!, other!, true, true), [4, 3], [2], [4, 2]],
  ['luUnpack', (a) => luUnpack(a!, tensor([2, 2], { dtype: 'int32' }), { unpackPivots: false }).L, [3, 2]],
];
const inputsOf = (shapes: number[][]): Tensor[] =>
  shapes.map((shape, k) =>
    tensor(
      Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => irregular(i + 100 * k + 5)),
      { shape, requiresGrad: true },
    ),
  );

describe.each(both)('%s', (_, run, ...shapes) => {
  it('is differentiated twice', () => {
    gradcheck(run, inputsOf(shapes));
    gradgradcheck(run, inputsOf(shapes));
  });

  it('is the same, compiled, with its gradients', () => {
    const inputs = inputsOf(shapes);
    const f = (given: Tensor[]): Tensor[] => {
      const y = run(...given);
      return [y, ...(grad([y.square().sum()], given) as Tensor[])];
    };
    const want = f(inputs).map((y) => y.toArray());
    const step = compile(f);
    step.sync(inputs);
    expect(step.sync(inputs).map((y) => y.toArray())).toEqual(want);
  });
});

it('a compiled step names the matrix that is singular', () => {
  const step = compile((a: Tensor) => linalg.inv(a));
  step.sync(stack([eye(2), eye(2)]));
  expect(() => step.sync(stack([eye(2), ones([2, 2])]))).toThrow(
    'linalg.inv: a must be invertible, got a singular matrix (matrix [1] of the batch)',
  );
});

it('what tells instead of throwing', () => {
  const a = stack([eye(2), ones([2, 2])]);
  expect(linalg.invEx(a).info.toArray()).toEqual([0, 2]);
  expect(linalg.solveEx(a, ones([2, 2, 1])).info.toArray()).toEqual([0, 2]);
  expect(linalg.choleskyEx(a).info.toArray()).toEqual([0, 2]);
  expect(linalg.luFactorEx(zeros([3, 2])).info.toArray()).toBe(1);
  expect(linalg.ldlFactorEx(zeros([2, 2])).info.toArray()).toBe(1);
  expect(linalg.slogdet(a).sign.toArray()).toEqual([1, 0]);
  expect(linalg.slogdet(a).logabsdet.toArray()).toEqual([0, -Infinity]);
  expect(linalg.cond(a, 1).toArray()).toEqual([1, Infinity]);
});

const nothing: [name: string, () => Tensor, shape: number[]][] = [
  ['det', () => linalg.det(zeros([2, 0, 0])), [2]],
  ['slogdet', () => linalg.slogdet(zeros([0, 0])).logabsdet, []],
  ['invEx', () => linalg.invEx(zeros([2, 0, 0])).info, [2]],
  ['cholesky', () => linalg.cholesky(zeros([2, 0, 0])), [2, 0, 0]],
  ['choleskyEx', () => linalg.choleskyEx(zeros([2, 0, 0])).info, [2]],
  ['eigh', () => linalg.eigh(zeros([0, 0])).eigenvectors, [0, 0]],
  ['eigvalsh', () => linalg.eigvalsh(zeros([0, 3, 3])), [0, 3]],
  ['qr', () => linalg.qr(zeros([3, 0]), 'complete').Q, [3, 3]],
  ['qr, R', () => linalg.qr(zeros([0, 3]), 'r').R, [0, 3]],
  ['svd, U', () => linalg.svd(zeros([3, 0])).U, [3, 3]],
  ['svd, Vh', () => linalg.svd(zeros([0, 3])).Vh, [3, 3]],
  ['svdvals', () => linalg.svdvals(zeros([2, 0, 3])), [2, 0]],
  ['pinv', () => linalg.pinv(zeros([0, 3])), [3, 0]],
  ['lstsq', () => linalg.lstsq(zeros([0, 2]), zeros([0, 1])).solution, [2, 1]],
  ['matrixRank', () => linalg.matrixRank(zeros([2, 0, 3])), [2]],
  ['matrixNorm', () => linalg.matrixNorm(zeros([0, 3]), 2), []],
  ['matrixNorm, nuclear', () => linalg.matrixNorm(zeros([2, 3, 0]), 'nuc'), [2]],
  ['cond', () => linalg.cond(zeros([2, 0, 0]), 'fro'), [2]],
  ['luFactor', () => linalg.luFactor(zeros([0, 3])).LU, [0, 3]],
  ['lu', () => linalg.lu(zeros([3, 0])).P, [3, 3]],
  ['ldlFactor', () => linalg.ldlFactor(zeros([2, 0, 0])).LD, [2, 0, 0]],
  ['householderProduct', () => linalg.householderProduct(ones([3, 2]), zeros([0])), [3, 2]],
  ['matrixExp', () => linalg.matrixExp(zeros([0, 0])), [0, 0]],
  ['matrixPower', () => linalg.matrixPower(zeros([0, 0]), -1), [0, 0]],
  ['diagonal', () => linalg.diagonal(zeros([2, 3]), { offset: 3 }), [0]],
  ['cross', () => linalg.cross(zeros([0, 3]), zeros([0, 3])), [0, 3]],
  ['multiDot', () => linalg.multiDot([zeros([2, 0]), zeros([0, 3])]), [2, 3]],
];
it.each(nothing)('%s of nothing', (_, run, shape) => {
  const y = run();
  expect(y.shape).toEqual(shape);
  expect(y.toTypedArray().every((v) => Number.isFinite(v))).toBe(true);
});

function errorRows(): ErrorRow[] {
  const bad = stack([eye(2), ones([2, 2])]);
  return [
    {
      name: 'not a matrix',
      call: () => linalg.inv(ones([3])),
      error: ShapeError,
      message: 'linalg.inv: a must have at least 2 dimensions, got a [3]',
    },
    {
      name: 'not square',
      call: () => linalg.det(ones([2, 3])),
      error: ShapeError,
      message: 'linalg.det: a must be square matrices, got a [2, 3]',
    },
    {
      name: 'no float',
      call: () => linalg.svd(ones([2, 3], { dtype: 'int32' })),
      error: DTypeError,
      message: "linalg.svd: a must be float32 or float64, got int32; convert it by a.to('float32')",
    },
    {
      name: 'singular',
      call: () => linalg.inv(zeros([2, 2])),
      error: LinAlgError,
      message: 'linalg.inv: a must be invertible, got a singular matrix',
    },
    {
      name: 'singular in a batch',
      call: () => linalg.solve(bad.reshape([2, 1, 2, 2]), ones([2, 1])),
      error: LinAlgError,
      message: 'linalg.solve: a must be invertible, got a singular matrix (matrix [1, 0] of the batch)',
    },
    {
      name: 'singular, asked for',
      call: () => linalg.invEx(bad, { checkErrors: true }),
      error: LinAlgError,
      message: 'linalg.invEx: a must be invertible, got a singular matrix (matrix [1] of the batch)',
    },
    {
      name: 'not definite',
      call: () => linalg.cholesky(bad),
      error: LinAlgError,
      message:
        'linalg.cholesky: a must be positive definite, got one whose leading minor of order 2 is not positive (matrix [1] of the batch)',
    },
    {
      name: 'NaN',
      call: () => linalg.cholesky(full([2, 2], Number.NaN)),
      error: LinAlgError,
      message: 'linalg.cholesky: a must be positive definite, got one whose leading minor of order 1 is not positive',
    },
    {
      name: 'not finite',
      call: () => linalg.svd(full([1, 2, 2], Infinity)),
      error: LinAlgError,
      message: 'linalg.svd: a must be finite, got one with NaN or infinities (matrix [0] of the batch)',
    },
    {
      name: 'zero pivot',
      call: () => linalg.luFactorEx(bad, { checkErrors: true }),
      error: LinAlgError,
      message: 'linalg.luFactorEx: a must have no zero pivot, got info 0, 2',
    },
    {
      name: 'rows',
      call: () => linalg.solve(eye(2), ones([3, 1])),
      error: ShapeError,
      message: 'linalg.solve: b must have as many rows as a, got a [2, 2] and b [3, 1]',
    },
    {
      name: 'columns',
      call: () => linalg.solve(eye(2), ones([1, 3]), { left: false }),
      error: ShapeError,
      message: 'linalg.solve: b must have as many columns as a, got a [2, 2] and b [1, 3]',
    },
    {
      name: 'rows of b',
      call: () => linalg.lstsq(ones([3, 2]), ones([2, 1])),
      error: ShapeError,
      message: 'linalg.lstsq: b must have as many rows as a, got a [3, 2] and b [2, 1]',
    },
    {
      name: 'upper',
      call: () => linalg.solveTriangular(eye(2), ones([2, 1]), {} as never),
      error: ArgumentError,
      message: 'linalg.solveTriangular: upper must be a boolean, got undefined',
    },
    {
      name: 'mode',
      call: () => linalg.qr(eye(2), 'full' as never),
      error: ArgumentError,
      message: 'linalg.qr: mode must be reduced, complete or r, got "full"',
    },
    {
      name: 'complete',
      call: () => backward(linalg.qr(ones([3, 2], { requiresGrad: true }), 'complete').R.sum()),
      error: AutogradError,
      message:
        "linalg.qr: mode 'complete' has a gradient only where a has at least as many columns as rows, got a [3, 2]; use 'reduced'",
    },
    {
      name: 'UPLO',
      call: () => linalg.eigh(eye(2), 'lower' as never),
      error: ArgumentError,
      message: 'linalg.eigh: UPLO must be L or U, got "lower"',
    },
    {
      name: 'polar',
      call: () => linalg.polar(ones([2, 3])),
      error: ShapeError,
      message: 'linalg.polar: a must have at least as many rows as columns, got a [2, 3]',
    },
    {
      name: 'ord',
      call: () => linalg.matrixNorm(eye(2), 3),
      error: ArgumentError,
      message: "linalg.matrixNorm: ord of matrices must be 'fro', 'nuc', 1, -1, 2, -2, Infinity or -Infinity, got 3",
    },
    {
      name: 'ord of nothing',
      call: () => linalg.matrixNorm(zeros([0, 2]), 1 / 0),
      error: ShapeError,
      message: 'linalg.matrixNorm: ord Infinity needs at least one element, got a [0, 2]',
    },
    {
      name: 'dims',
      call: () => linalg.matrixNorm(eye(2), 'fro', [0]),
      error: ArgumentError,
      message: 'linalg.matrixNorm: dim must be two different dimensions, got [0]',
    },
    {
      name: 'cross',
      call: () => linalg.cross(ones([2]), ones([2])),
      error: ShapeError,
      message: 'linalg.cross: dimension 0 must have the size 3, got a [2] and b [2]',
    },
    {
      name: 'multiDot',
      call: () => linalg.multiDot([ones([2, 3]), ones([2, 3])]),
      error: ShapeError,
      message: 'linalg.multiDot: inner dimensions must match, got tensors[0] [2, 3] and tensors[1] [2, 3]',
    },
    {
      name: 'multiDot of one',
      call: () => linalg.multiDot([ones([2, 3])]),
      error: ArgumentError,
      message: 'linalg.multiDot: tensors must be at least 2, got 1',
    },
    {
      name: 'tau',
      call: () => linalg.householderProduct(ones([3, 2]), ones([3])),
      error: ShapeError,
      message:
        'linalg.householderProduct: a must be […, m, n] and tau […, k], with k ≤ n ≤ m and the same leading dimensions, got a [3, 2] and tau [3]',
    },
    {
      name: 'pivots',
      call: () => linalg.luSolve(eye(2), tensor([1, 3], { dtype: 'int32' }), ones([2, 1])),
      error: ArgumentError,
      message: 'linalg.luSolve: pivots must be row numbers from 1 to 2, got 3 (element 1)',
    },
    {
      name: 'choleskySolve',
      call: () => choleskySolve(ones([3, 1]), eye(2)),
      error: ShapeError,
      message: 'choleskySolve: b must have as many rows as L, got b [3, 1] and L [2, 2]',
    },
    {
      name: 'ormqr',
      call: () => ormqr(ones([3, 2]), ones([2]), ones([2, 2])),
      error: ShapeError,
      message: 'ormqr: x must be […, m, n] with n ≤ m and other have m rows, got x [3, 2] and other [2, 2]',
    },
    {
      name: 'geqrf',
      call: () => backward(geqrf(ones([3, 2], { requiresGrad: true })).a.sum()),
      error: AutogradError,
      message: 'geqrf: has no gradient; use linalg.qr',
    },
    {
      name: 'luUnpack',
      call: () => luUnpack(ones([3, 2]), tensor([1, 2, 3], { dtype: 'int32' })),
      error: ShapeError,
      message:
        'luUnpack: pivots must be one for each row or column of LU, whichever are fewer, got LU [3, 2] and pivots [3]',
    },
    {
      name: 'inverse',
      call: () => inverse(zeros([1, 2, 2])),
      error: LinAlgError,
      message: 'inverse: x must be invertible, got a singular matrix (matrix [0] of the batch)',
    },
    {
      name: 'ldlFactor, gradient',
      call: () => backward(linalg.ldlFactor(ones([2, 2], { requiresGrad: true })).LD.sum()),
      error: AutogradError,
      message: 'linalg.ldlFactor: has no gradient; use linalg.solve',
    },
    {
      name: 'ldlSolve, half a block of two',
      call: () => linalg.ldlSolve(eye(2), tensor([1, -2], { dtype: 'int32' }), ones([2, 1])),
      error: ArgumentError,
      message: 'linalg.ldlSolve: pivots must be those of linalg.ldlFactor, got -2 (element 1)',
    },
    {
      name: 'tensorinv',
      call: () => linalg.tensorinv(ones([2, 3, 4])),
      error: ShapeError,
      message:
        'linalg.tensorinv: the first ind sizes and the others must have the same product, got a [2, 3, 4] and ind 2',
    },
  ];
}
