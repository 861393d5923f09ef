// Initialisers of whole matrices and kernels: orthogonal, truncated normal, identities, sparse. Each makes its numbers first and
// then copies them, so that a tensor is as it was when one fails.
import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { checkInteger, checkNumber, formatShape, ShapeError } from '../errors.js';
import { copy_, to } from '../ops/copy.js';
import { eye, tensor } from '../ops/creation.js';
import { add, erf, mul, sign, sub } from '../ops/elementwise.js';
import { clamp, lt } from '../ops/elementwise-compare.js';
import { erfinv } from '../ops/elementwise-special.js';
import { maskedFill } from '../ops/indexing.js';
import { qr } from '../ops/linalg-qr.js';
import { rand, randn } from '../ops/random.js';
import { sum } from '../ops/reduce.js';
import { reshape, transpose } from '../ops/shape.js';
import { argsort } from '../ops/sort.js';
import { sizeOf } from '../shape.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import type { InitOptions } from './init.js';

function checkWeight(name: string, t: Tensor): void {
  checkTensor(name, 't', t);
  checkFloat(name, 't', t);
}

/** Fills t with what `make` makes; random positions go back when one part fails. */
function fill(t: Tensor, make: () => Tensor): Tensor {
  return allOrNothing(() => noGrad(() => copy_(t, to(make(), t.dtype))));
}

const from = ({ generator }: InitOptions): { generator?: InitOptions['generator'] & object } =>
  generator === undefined ? {} : { generator };

/** Options of `orthogonal_`. */
export interface OrthogonalOptions extends InitOptions {
  /** Factor of all elements; default 1. */
  gain?: number;
}

/**
 * Fills with gain times a random matrix of orthonormal rows or columns, whichever are fewer. (Saxe et al., Exact solutions to
 * the nonlinear dynamics of learning in deep linear neural networks, 2013, https://arxiv.org/abs/1312.6120)
 *
 * @param t [rows, …], taken as a matrix [rows, the rest]
 * @param args gain (default 1), generator
 * @throws ShapeError when t has fewer than two dimensions
 * @example
 * const weight = nn.init.orthogonal_(zeros([2, 3])); // weight · weightᵀ is the identity
 */
export function orthogonal_(t: Tensor, ...args: Positional<OrthogonalOptions, [gain: 'gain']>): Tensor {
  const options = optionsOf<OrthogonalOptions>('orthogonal_', args, ['gain'], ['generator']);
  const gain = checkNumber('orthogonal_', 'gain', options.gain ?? 1);
  checkWeight('orthogonal_', t);
  if (t.rank < 2) {
    throw new ShapeError(`orthogonal_: needs a tensor of at least two dimensions, got ${formatShape(t.dims)}`);
  }
  if (t.size === 0) return t;
  const rows = t.dims[0] as number;
  const columns = t.size / rows;
  return fill(t, () => {
    const [large, small] = [Math.max(rows, columns), Math.min(rows, columns)];
    const { Q, R } = qr(randn([large, small], { dtype: t.dtype, ...from(options) }));
    // With the signs of R's diagonal all orthogonal matrices are equally likely.
    const signs = sign(sum(mul(R, eye(small, { dtype: t.dtype })), 0));
    const q = mul(mul(Q, signs), gain);
    return reshape(rows < columns ? transpose(q, 0, 1) : q, t.dims);
  });
}

/** Options of `truncNormal_`. */
export interface TruncNormalOptions extends InitOptions {
  /** Of the normal distribution before it is cut; default 0. */
  mean?: number;
  /** Its standard deviation, above 0; default 1. */
  std?: number;
  /** The least value; default -2. */
  a?: number;
  /** The largest value; default 2. */
  b?: number;
}

/**
 * Fills with normal numbers within [a, b]: the inverse of the normal distribution's function at uniform numbers.
 *
 * @param args mean (default 0), std (1), a (-2) and b (2), all in the numbers' own unit, generator
 * @throws ArgumentError when b is not above a
 * @example
 * nn.init.truncNormal_(zeros([3, 4]), { std: 0.02, a: -0.04, b: 0.04 }); // [3, 4]
 */
export function truncNormal_(
  t: Tensor,
  ...args: Positional<TruncNormalOptions, [mean: 'mean', std: 'std', a: 'a', b: 'b']>
): Tensor {
  const name = 'truncNormal_';
  const options = optionsOf<TruncNormalOptions>(name, args, ['mean', 'std', 'a', 'b'], ['generator']);
  const mean = checkNumber(name, 'mean', options.mean ?? 0);
  const std = checkNumber(name, 'std', options.std ?? 1, { min: 0, open: true });
  const a = checkNumber(name, 'a', options.a ?? -2);
  const b = checkNumber(name, 'b', options.b ?? 2, { min: a, open: true });
  checkWeight(name, t);
  return fill(t, () => {
    const at = (bound: number): Tensor => erf(tensor(Float64Array.of((bound - mean) / (std * Math.SQRT2))));
    const [low, high] = [at(a), at(b)];
    const u = add(mul(rand(t.dims, { dtype: 'float64', ...from(options) }), sub(high, low)), low);
    return clamp(to(add(mul(erfinv(u), std * Math.SQRT2), mean), t.dtype), a, b);
  });
}

/**
 * Fills a matrix with the identity: a `Linear` layer then passes on as many inputs as it can.
 *
 * @throws ShapeError when t is not a matrix
 * @example
 * nn.init.eye_(zeros([2, 3])); // [[1, 0, 0], [0, 1, 0]]
 */
export function eye_(t: Tensor): Tensor {
  checkTensor('eye_', 't', t);
  if (t.rank !== 2) throw new ShapeError(`eye_: needs a matrix, got ${formatShape(t.dims)}`);
  const [rows, columns] = t.dims as [number, number];
  return fill(t, () => eye(rows, columns, { dtype: t.dtype }));
}

/**
 * Fills the kernels of a convolution with Dirac's delta, 1 in the middle: the layer then passes on as many channels as it can,
 * those of each group.
 *
 * @param t [outChannels, inChannels / groups, …kernel] of 3, 4 or 5 dimensions
 * @param args groups (default 1)
 * @throws ShapeError for another number of dimensions, or when groups do not divide outChannels
 * @example
 * nn.init.dirac_(zeros([1, 1, 3])); // [[[0, 1, 0]]]
 */
export function dirac_(t: Tensor, ...args: Positional<{ groups?: number }, [groups: 'groups']>): Tensor {
  const groups = checkInteger(
    'dirac_',
    'groups',
    optionsOf<{ groups: number }>('dirac_', args, ['groups']).groups ?? 1,
    1,
  );
  checkWeight('dirac_', t);
  if (t.rank < 3 || t.rank > 5) {
    throw new ShapeError(`dirac_: needs kernels of 3, 4 or 5 dimensions, got ${formatShape(t.dims)}`);
  }
  const [out, into, ...kernel] = t.dims as [number, number, ...number[]];
  if (out % groups !== 0) {
    throw new ShapeError(
      `dirac_: outChannels must be divisible by groups, got ${formatShape(t.dims)} and ${groups} groups`,
    );
  }
  const size = sizeOf(kernel);
  const middle = kernel.reduce((at, n) => at * n + Math.floor(n / 2), 0);
  const ofGroup = out / groups;
  const values = new Float32Array(t.size);
  for (let o = 0; o < out; o++) {
    const channel = o % ofGroup;
    if (channel < into && size > 0) values[(o * into + channel) * size + middle] = 1;
  }
  return fill(t, () => tensor(values, { shape: t.dims }));
}

/** Options of `sparse_`. */
export interface SparseOptions extends InitOptions {
  /** The share of elements in each column that are 0, in [0, 1]. */
  sparsity: number;
  /** The standard deviation of the others; default 0.01. */
  std?: number;
}

/**
 * Fills a matrix with normal numbers, of which a share of each column is 0. (Martens, Deep learning via Hessian-free
 * optimization, 2010)
 *
 * @param args sparsity, std (default 0.01), generator
 * @throws ShapeError when t is not a matrix
 * @example
 * nn.init.sparse_(zeros([4, 2]), 0.5); // two zeros in each column
 */
export function sparse_(t: Tensor, ...args: Positional<SparseOptions, [sparsity: 'sparsity', std: 'std']>): Tensor {
  const options = optionsOf<SparseOptions>('sparse_', args, ['sparsity', 'std'], ['generator']);
  const sparsity = checkNumber('sparse_', 'sparsity', options.sparsity, { min: 0, max: 1 });
  const std = checkNumber('sparse_', 'std', options.std ?? 0.01, { min: 0 });
  checkWeight('sparse_', t);
  if (t.rank !== 2) throw new ShapeError(`sparse_: needs a matrix, got ${formatShape(t.dims)}`);
  const zeros = Math.ceil(sparsity * (t.dims[0] as number));
  return fill(t, () => {
    const values = mul(randn(t.dims, { dtype: t.dtype, ...from(options) }), std);
    const order = argsort(rand(t.dims, from(options)), 0); // a random permutation in each column
    return maskedFill(values, lt(order, zeros), 0);
  });
}
