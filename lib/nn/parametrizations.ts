// Parametrizations that are ready made: `nn.utils.parametrizations`.
import { aboutToChange, allOrNothing } from '../all-or-nothing.js';
import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { checkInteger, checkNumber } from '../errors.js';
import { clone, copy_, detach } from '../ops/copy.js';
import { normalize } from '../ops/distance.js';
import { abs, div, mul } from '../ops/elementwise.js';
import { vectorNorm } from '../ops/linalg-norm.js';
import { matmul } from '../ops/matmul.js';
import { dot, mv } from '../ops/matmul-products.js';
import { randn } from '../ops/random.js';
import { permute, reshape } from '../ops/shape.js';
import { checkDim } from '../shape.js';
import { checkFloat, type Tensor } from '../tensor.js';
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from './conv.js';
import { Module } from './module.js';
import { registerParametrization } from './parametrize.js';
import { type Parametrization, type Parametrized, tensorAt } from './parametrize-list.js';
import { Buffer } from './roles.js';

export { type OrthogonalMap, type OrthogonalOptions, orthogonal } from './parametrizations-orthogonal.js';

/** Options of `weightNorm`. */
export interface WeightNormOptions {
  /** The name of the tensor; default `weight`. */
  name?: string;
  /** The dimension each of whose slices has a norm of its own; default 0. Null or -1: one norm for the whole tensor. */
  dim?: number | null;
}

class WeightNorm extends Module implements Parametrization {
  constructor(
    /** Null: all dimensions. */
    readonly dim: number | null,
  ) {
    super();
  }

  forward(g: Tensor, v: Tensor): Tensor {
    return mul(v, div(g, this.normOf(v)));
  }

  rightInverse(weight: Tensor): Tensor[] {
    return [this.normOf(weight), weight];
  }

  private normOf(v: Tensor): Tensor {
    if (this.dim === null) return vectorNorm(v);
    const others = v.dims.map((_, i) => i).filter((i) => i !== this.dim);
    return others.length === 0 ? abs(v) : vectorNorm(v, { dim: others, keepDim: true });
  }
}

/**
 * Weight norm (Salimans and Kingma, 2016, https://arxiv.org/abs/1602.07868): weight = g · v / ‖v‖, with the length g and the
 * direction v trained on their own.
 *
 * In state dicts g is `parametrizations.weight.original0`, [n, 1, …] for the default `dim` 0, and v
 * `parametrizations.weight.original1`, like the weight. `parametrize.removeParametrizations` makes the weight a parameter again.
 *
 * @param args name (default 'weight'); dim (default 0): the dimension whose slices have norms of their own, null for one norm
 * @returns the module
 * @throws ArgumentError when the module has no such parameter
 * @example
 * const layer = nn.utils.parametrizations.weightNorm(new nn.Linear(20, 40));
 * layer.parametrizations.get('weight').original0; // [40, 1]
 */
export function weightNorm<M extends Module>(
  module: M,
  ...args: Positional<WeightNormOptions, [name: 'name', dim: 'dim']>
): Parametrized<M> {
  const operation = 'weightNorm';
  const o = optionsOf<WeightNormOptions>(operation, args, ['name', 'dim'], [], ['dim']);
  const name = o.name ?? 'weight';
  const weight = tensorAt(operation, module, name);
  checkFloat(operation, name, weight);
  const given = o.dim === undefined ? 0 : o.dim;
  const isWhole = given === null || given === -1; // as in PyTorch, where -1 stands for None
  const dim = isWhole ? null : checkDim(operation, given, weight.rank);
  return registerParametrization(module, name, new WeightNorm(dim), { unsafe: true });
}

/** Options of `spectralNorm`. */
export interface SpectralNormOptions {
  /** The name of the tensor; default `weight`. */
  name?: string;
  /** Power iterations each time that the tensor is read in training; default 1. */
  nPowerIterations?: number;
  /** The least norm by which is divided; default 1e-12. */
  eps?: number;
  /** The dimension of the outputs, which are the rows of the matrix; default 0, in transposed convolutions 1. */
  dim?: number;
}

class SpectralNorm extends Module implements Parametrization {
  /** The first singular vectors, estimated; not for vectors, whose norm is known. */
  private readonly _u: Tensor | null = null;
  private readonly _v: Tensor | null = null;

  constructor(
    weight: Tensor,
    readonly nPowerIterations: number,
    readonly eps: number,
    readonly dim: number,
  ) {
    super();
    if (weight.rank < 2) return;
    const matrix = this.matrixOf(detach(weight));
    const draw = (n: number): Tensor => new Buffer(normalize(randn([n], { dtype: weight.dtype }), { dim: 0, eps }));
    this._u = draw(matrix.dims[0] as number);
    this._v = draw(matrix.dims[1] as number);
    this.iterate(matrix, 15);
  }

  forward(weight: Tensor): Tensor {
    const { _u: u, _v: v, eps } = this;
    if (u === null || v === null) return normalize(weight, { dim: 0, eps });
    const matrix = this.matrixOf(weight);
    if (this.training) this.iterate(matrix, this.nPowerIterations);
    // Copies: the next call changes u and v, which a backward pass through this one still needs.
    const [left, right] = noGrad(() => [clone(u), clone(v)]);
    return div(weight, dot(left, mv(matrix, right)));
  }

  rightInverse(value: Tensor): Tensor {
    return value;
  }

  private matrixOf(weight: Tensor): Tensor {
    const { dim } = this;
    const order = [dim, ...weight.dims.map((_, i) => i).filter((i) => i !== dim)];
    const rows = weight.dims[dim] as number;
    return reshape(dim === 0 ? weight : permute(weight, order), [rows, rows === 0 ? 0 : weight.size / rows]);
  }

  private iterate(matrix: Tensor, times: number): void {
    const [u, v] = [this._u as Tensor, this._v as Tensor];
    for (const t of [u, v]) aboutToChange('spectralNorm', t);
    const options = { dim: 0, eps: this.eps };
    noGrad(() => {
      for (let i = 0; i < times; i++) {
        copy_(u, normalize(mv(matrix, v), options));
        copy_(v, normalize(matmul(u, matrix), options));
      }
    });
  }
}

/**
 * Spectral norm (Miyato et al., 2018, https://arxiv.org/abs/1802.05957): weight / σ, with σ the largest singular value of the
 * weight as a matrix [outputs, the rest], so that the layer's Lipschitz constant is 1. A vector is divided by its norm.
 *
 * σ = uᵀ · weight · v, where each reading of the weight in training improves the singular vectors u and v by
 * `nPowerIterations` steps of power iteration; in evaluation they stay as they are. In state dicts they are
 * `parametrizations.weight.0._u` and `_v`, and what is trained is `parametrizations.weight.original`.
 *
 * @param args name (default 'weight'), nPowerIterations (1), eps (1e-12), dim (0, in transposed convolutions 1)
 * @returns the module
 * @throws ArgumentError when the module has no such parameter
 * @example
 * const layer = nn.utils.parametrizations.spectralNorm(new nn.Linear(20, 40), { nPowerIterations: 20 });
 * linalg.matrixNorm(layer.weight, 2); // 1
 */
export function spectralNorm<M extends Module>(
  module: M,
  ...args: Positional<SpectralNormOptions, [name: 'name', nPowerIterations: 'nPowerIterations', eps: 'eps', dim: 'dim']>
): Parametrized<M> {
  const operation = 'spectralNorm';
  const o = optionsOf<SpectralNormOptions>(operation, args, ['name', 'nPowerIterations', 'eps', 'dim']);
  const name = o.name ?? 'weight';
  const weight = tensorAt(operation, module, name);
  checkFloat(operation, name, weight);
  const times = checkInteger(operation, 'nPowerIterations', o.nPowerIterations ?? 1, 1);
  const eps = checkNumber(operation, 'eps', o.eps ?? 1e-12, { min: 0 });
  const isTransposed = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d].some((Class) => module instanceof Class);
  const dim = checkDim(operation, o.dim ?? (isTransposed ? 1 : 0), weight.rank);
  return allOrNothing(() => registerParametrization(module, name, new SpectralNorm(weight, times, eps, dim)));
}
