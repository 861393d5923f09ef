// `nn.utils.parametrizations.orthogonal`: matrices with orthonormal rows or columns.
import { allOrNothing, onUndo } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { layersChanged } from '../context.js';
import { checkChoice, checkFlag, formatShape, ShapeError } from '../errors.js';
import { clone, detach } from '../ops/copy.js';
import { eye, zeros } from '../ops/creation.js';
import { add, div, mul, neg, sign, square, sub } from '../ops/elementwise.js';
import { eq, where } from '../ops/elementwise-compare.js';
import { allclose } from '../ops/elementwise-pairs.js';
import { asRows, diagonalOf, eyes, mT } from '../ops/linalg-common.js';
import { matrixExp } from '../ops/linalg-products.js';
import { householderProduct } from '../ops/linalg-qr.js';
import { solve } from '../ops/linalg-solve.js';
import { geqrf } from '../ops/linalg-torch.js';
import { matmul } from '../ops/matmul.js';
import { randn } from '../ops/random.js';
import { sum } from '../ops/reduce.js';
import { tril } from '../ops/shape.js';
import { narrow } from '../ops/shape-parts.js';
import { cat } from '../ops/shape-slice.js';
import { type Shape, sameShape } from '../shape.js';
import { checkFloat, type Tensor } from '../tensor.js';
import { Module } from './module.js';
import { registerParametrization } from './parametrize.js';
import { type Parametrization, type Parametrized, tensorAt } from './parametrize-list.js';
import { Buffer } from './roles.js';

/** How an orthogonal matrix is made of the one that is trained. */
export type OrthogonalMap = 'matrixExp' | 'cayley' | 'householder';

/** Options of `orthogonal`. */
export interface OrthogonalOptions {
  /** The name of the tensor; default `weight`. */
  name?: string;
  /** Default `matrixExp` for square matrices, else `householder`. */
  orthogonalMap?: OrthogonalMap;
  /**
   * Whether the matrix is a factor of a fixed one, the buffer `base`, by which the module keeps its weight or gets any other;
   * default true.
   */
  useTrivialization?: boolean;
}

class Orthogonal extends Module implements Parametrization {
  /** Factor of the matrix that is made; null: none. */
  base: Tensor | null = null;

  constructor(
    readonly shape: Shape,
    readonly orthogonalMap: OrthogonalMap,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    const isWide = (x.dims.at(-2) as number) < (x.dims.at(-1) as number);
    const tall = isWide ? mT(x) : x;
    const q = this.orthogonalMap === 'householder' ? byReflections(tall) : byRotation(tall, this.orthogonalMap);
    const y = this.base === null ? q : matmul(this.base, q);
    return isWide ? mT(y) : y;
  }

  protected checkShape(value: Tensor): void {
    if (sameShape(value.dims, this.shape)) return;
    const rule = `value must have the shape of the parametrized tensor ${formatShape(this.shape)}`;
    throw new ShapeError(`orthogonal: ${rule}, got ${formatShape(value.dims)}`);
  }
}

// exp(A) or its approximation of Cayley, (I + A/2)(I - A/2)⁻¹, of the antisymmetric matrix A below whose diagonal is x [n, k].
function byRotation(x: Tensor, map: 'matrixExp' | 'cayley'): Tensor {
  const [n, k] = x.dims.slice(-2) as [number, number];
  const lower = tril(x);
  const full = n === k ? lower : cat([lower, zeros([...x.dims.slice(0, -1), n - k], { dtype: x.dtype })], -1);
  const a = sub(full, mT(full));
  const identity = eyes(x.dims.slice(0, -2), n, x);
  const half = mul(a, 0.5);
  const q = map === 'matrixExp' ? matrixExp(a) : solve(sub(identity, half), add(identity, half));
  return n === k ? q : narrow(q, -1, 0, k);
}

// The product of the reflections whose vectors stand below the diagonal. The signs on the diagonal are those of the columns, and
// not trained: PyTorch takes them for integers, which weight decay would make 0.
function byReflections(x: Tensor): Tensor {
  const vectors = tril(x, -1);
  const tau = div(2, add(sum(square(vectors), { dim: -2 }), 1));
  return mul(householderProduct(vectors, tau), asRows(sign(diagonalOf(detach(x)))));
}

// The Q of the factorisation QR of x [n, k], n ≥ k, in which R has no negative number on its diagonal.
function orthonormal(x: Tensor): Tensor {
  const { a, tau } = geqrf(x);
  return mul(householderProduct(a, tau), asRows(sign(diagonalOf(a))));
}

const identityLike = (shape: Shape, like: Tensor): Tensor => {
  const [n, k] = shape.slice(-2) as [number, number];
  return eye(n, { m: k, dtype: like.dtype });
};

/** With a base, which may be any orthogonal matrix: what is trained begins at the identity. */
class OrthogonalFromBase extends Orthogonal {
  rightInverse(value: Tensor): Tensor {
    this.checkShape(value);
    const [rows, columns] = this.shape.slice(-2) as [number, number];
    const tall = rows < columns ? mT(value) : value;
    const before = this.base;
    onUndo(() => {
      this.base = before;
    });
    this.base = new Buffer(noGrad(() => completed(detach(tall))));
    layersChanged();
    return sub(zeros(value.dims, { dtype: value.dtype }), identityLike(value.dims, value));
  }
}

// A square orthogonal matrix whose first columns span those of x [n, k]: x itself where its columns are orthonormal.
function completed(x: Tensor): Tensor {
  const [n, k] = x.dims.slice(-2) as [number, number];
  if (n !== k) return orthonormal(cat([x, randn([...x.dims.slice(0, -1), n - k], { dtype: x.dtype })], -1));
  const epsilon = x.dtype === 'float32' ? 2 ** -23 : 2 ** -52;
  const isOrthogonal = allclose(matmul(mT(x), x), eyes(x.dims.slice(0, -2), n, x), { atol: 10 * n * epsilon });
  return isOrthogonal ? clone(x) : orthonormal(x);
}

/** Without a base, where the reflections can be found. */
class HouseholderOrthogonal extends Orthogonal {
  rightInverse(value: Tensor): Tensor {
    this.checkShape(value);
    const isWide = (value.dims.at(-2) as number) < (value.dims.at(-1) as number);
    const { a, tau } = geqrf(isWide ? mT(value) : value);
    const diagonal = diagonalOf(a);
    // R without negative numbers on its diagonal; where LAPACK does not reflect, tau is 0 and the forward pass would.
    const signs = where(eq(tau, 0), neg(sign(diagonal)), sign(diagonal));
    const signed = add(a, mul(identityLike(a.dims, a), asRows(sub(signs, diagonal))));
    return isWide ? mT(signed) : signed;
  }
}

function make(shape: Shape, map: OrthogonalMap, useTrivialization: boolean): Orthogonal {
  if (useTrivialization) return new OrthogonalFromBase(shape, map);
  return map === 'householder' ? new HouseholderOrthogonal(shape, map) : new Orthogonal(shape, map);
}

/**
 * Makes a matrix, or each of a batch, orthogonal: its columns are orthonormal, or its rows where it has fewer of them. See
 * Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", 2019, https://arxiv.org/abs/1909.09501.
 *
 * `parametrizations.weight.original` is trained, from which the matrix is made by the exponential of an antisymmetric matrix,
 * Cayley's map or a product of Householder reflections, times the buffer `parametrizations.weight.0.base`.
 *
 * @param args name (default 'weight'); orthogonalMap: 'matrixExp', the default for square matrices, 'cayley' or 'householder',
 *   the default for others; option: useTrivialization (default true): without it there is no `base`, and only 'householder' begins at
 *   the weight that the module has
 * @returns the module
 * @throws ShapeError when the tensor has fewer than two dimensions; ArgumentError when the module has no such parameter
 * @example
 * const layer = nn.utils.parametrizations.orthogonal(new nn.Linear(2, 3));
 * layer.weight.T.matmul(layer.weight); // [[1, 0], [0, 1]]
 */
export function orthogonal<M extends Module>(
  module: M,
  ...args: Positional<OrthogonalOptions, [name: 'name', orthogonalMap: 'orthogonalMap']>
): Parametrized<M> {
  const operation = 'orthogonal';
  const o = optionsOf<OrthogonalOptions>(operation, args, ['name', 'orthogonalMap'], ['useTrivialization']);
  const name = o.name ?? 'weight';
  const weight = tensorAt(operation, module, name);
  checkFloat(operation, name, weight);
  const { dims: shape } = weight;
  if (weight.rank < 2) {
    throw new ShapeError(`${operation}: ${name} must have at least 2 dimensions, got ${formatShape(shape)}`);
  }
  const isSquare = shape.at(-1) === shape.at(-2);
  const maps = ['matrixExp', 'cayley', 'householder'] as const;
  const map = checkChoice(operation, 'orthogonalMap', o.orthogonalMap, maps, isSquare ? 'matrixExp' : 'householder');
  const isTrivialized = checkFlag(operation, 'useTrivialization', o.useTrivialization, true);
  const parametrization = make(shape, map, isTrivialized);
  return allOrNothing(() => registerParametrization(module, name, parametrization, { unsafe: true }));
}
