// Every operation is also a method: `softmax(x, options)` is `x.softmax(options)`. A new family is one line in each list.

import * as hooks from './autograd/hooks.js';
import * as autograd from './backward/engine.js';
import { ArgumentError } from './errors.js';
import * as activation from './ops/activation.js';
import type { Operand } from './ops/broadcast.js';
import * as conv from './ops/conv.js';
import * as copy from './ops/copy.js';
import * as element from './ops/element.js';
import * as elementwise from './ops/elementwise.js';
import * as compare from './ops/elementwise-compare.js';
import * as gammas from './ops/elementwise-gamma.js';
import * as pairs from './ops/elementwise-pairs.js';
import * as rounding from './ops/elementwise-rounding.js';
import * as special from './ops/elementwise-special.js';
import * as trigonometry from './ops/elementwise-trigonometry.js';
import * as numbers from './ops/elementwise-values.js';
import { inPlaceOf } from './ops/in-place.js';
import * as indexing from './ops/indexing.js';
import * as replacements from './ops/indexing-replace.js';
import * as choices from './ops/indexing-select.js';
import * as writes from './ops/indexing-write.js';
import * as like from './ops/like.js';
import * as products from './ops/linalg-products.js';
import * as systems from './ops/linalg-solve.js';
import * as algebra from './ops/linalg-torch.js';
import * as matmul from './ops/matmul.js';
import * as vectors from './ops/matmul-products.js';
import * as norm from './ops/norm.js';
import * as batchnorm from './ops/norm-batch.js';
import * as instancenorm from './ops/norm-instance.js';
import * as padding from './ops/padding.js';
import * as pool from './ops/pool.js';
import * as randoms from './ops/random-in-place.js';
import * as likes from './ops/random-like.js';
import * as sampling from './ops/random-multinomial.js';
import * as reduce from './ops/reduce.js';
import * as composed from './ops/reduce-composed.js';
import * as differences from './ops/reduce-differences.js';
import * as extremes from './ops/reduce-extremes.js';
import * as orders from './ops/reduce-order.js';
import * as runs from './ops/reduce-running.js';
import * as statistics from './ops/reduce-statistics.js';
import * as shape from './ops/shape.js';
import * as joins from './ops/shape-join.js';
import * as parts from './ops/shape-parts.js';
import * as slice from './ops/shape-slice.js';
import * as softmax from './ops/softmax.js';
import * as ordering from './ops/sort.js';
import * as kth from './ops/sort-kth.js';
import * as searches from './ops/sort-search.js';
import * as windows from './ops/unfold-dimension.js';
import * as upsample from './ops/upsample.js';
import { Tensor } from './tensor.js';

/** The functions of a module whose first argument is a tensor, without it. */
type Methods<F> = {
  [K in keyof F]: F[K] extends (x: Tensor, ...rest: infer R) => infer Result ? (...rest: R) => Result : never;
};

// biome-ignore format: one line a family
const methods = {
  ...pick(activation, ['elu', 'gelu', 'hardtanh', 'leakyRelu', 'mish', 'relu', 'selu', 'sigmoid', 'silu', 'softplus', 'tanh']),
  ...pick(algebra, ['choleskyInverse', 'choleskySolve', 'geqrf', 'inverse', 'logdet', 'orgqr', 'ormqr', 'pinverse']),
  ...pick(autograd, ['backward']),
  ...pick(batchnorm, ['batchNorm']),
  ...pick(compare, ['clamp', 'clip', 'eq', 'ge', 'gt', 'isfinite', 'isnan', 'le', 'logicalAnd', 'logicalNot', 'logicalOr', 'logicalXor', 'lt', 'ne']),
  ...pick(conv, ['conv1d', 'conv2d', 'conv3d', 'convTranspose1d', 'convTranspose2d', 'convTranspose3d']),
  ...pick(copy, ['add_', 'clone', 'copy_', 'detach', 'fill_', 'sub_', 'to', 'zero_']),
  ...pick(element, ['at', 'byte', 'double', 'float', 'index', 'indexPut', 'indexPut_', 'int']),
  ...pick(elementwise, ['abs', 'add', 'ceil', 'cos', 'div', 'erf', 'exp', 'expm1', 'floor', 'log', 'log1p', 'maximum', 'minimum', 'mul', 'neg', 'pow', 'reciprocal', 'round', 'rsqrt', 'sign', 'sin', 'sqrt', 'square', 'sub']),
  ...pick(extremes, ['argmax', 'argmin']),
  ...pick(hooks, ['registerHook', 'retainGrad']),
  ...pick(indexing, ['gather', 'indexSelect', 'maskedFill', 'oneHot', 'scatterAdd']),
  ...pick(matmul, ['linear', 'matmul']),
  ...pick(instancenorm, ['instanceNorm']),
  ...pick(norm, ['groupNorm', 'layerNorm', 'rmsNorm']),
  ...pick(pool, ['adaptiveAvgPool1d', 'adaptiveAvgPool2d', 'adaptiveAvgPool3d', 'adaptiveMaxPool1d', 'adaptiveMaxPool2d', 'adaptiveMaxPool3d', 'avgPool1d', 'avgPool2d', 'avgPool3d', 'maxPool1d', 'maxPool2d', 'maxPool3d']),
  ...pick(products, ['matrixExp', 'matrixPower']),
  ...pick(randoms, ['bernoulli_', 'cauchy_', 'exponential_', 'geometric_', 'logNormal_', 'normal_', 'random_', 'uniform_']),
  ...pick(reduce, ['all', 'any', 'cumsum', 'mean', 'prod', 'sum']),
  ...pick(sampling, ['multinomial']),
  ...pick(shape, ['expand', 'flatten', 'flip', 'permute', 'reshape', 'squeeze', 'tile', 'transpose', 'tril', 'triu', 'unsqueeze']),
  ...pick(padding, ['pad']),
  ...pick(slice, ['chunk', 'slice', 'split']),
  ...pick(softmax, ['logSoftmax', 'softmax']),
  ...pick(ordering, ['argsort', 'sort', 'topk']),
  ...pick(statistics, ['logsumexp', 'norm', 'std', 'var']),
  ...pick(systems, ['det', 'slogdet']),
  ...pick(windows, ['unfold']),
  ...pick(trigonometry, ['acos', 'acosh', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'cosh', 'deg2rad', 'hypot', 'rad2deg', 'sinc', 'sinh', 'tan']),
  ...pick(special, ['digamma', 'erfc', 'erfinv', 'exp2', 'lgamma', 'log10', 'log2', 'logaddexp', 'logaddexp2', 'logit', 'xlogy']),
  ...pick(rounding, ['copysign', 'floorDivide', 'fmod', 'frac', 'heaviside', 'isinf', 'isneginf', 'isposinf', 'remainder', 'signbit', 'trunc']),
  ...pick(pairs, ['addcdiv', 'addcmul', 'allclose', 'bitwiseAnd', 'bitwiseNot', 'bitwiseOr', 'bitwiseXor', 'equal', 'isclose', 'lerp', 'nanToNum']),
  ...pick(orders, ['mode', 'nanquantile', 'quantile']),
  ...pick(searches, ['bucketize']),
  ...pick(runs, ['cummax', 'cummin', 'cumprod', 'logcumsumexp']),
  ...pick(composed, ['amax', 'amin', 'aminmax', 'corrcoef', 'countNonzero', 'cov', 'diff', 'nanmean', 'nansum']),
  ...pick(joins, ['broadcastTo', 'dsplit', 'hsplit', 'movedim', 'swapaxes', 'swapdims', 'tensorSplit', 'vsplit']),
  ...pick(parts, ['diag', 'diagEmbed', 'diagflat', 'diagonal', 'fliplr', 'flipud', 'narrow', 'ravel', 'roll', 'rot90', 'select', 'trace', 'unbind', 'unflatten', 'view']),
  ...pick(vectors, ['addbmm', 'addmm', 'addmv', 'addr', 'baddbmm', 'bmm', 'dot', 'inner', 'kron', 'mm', 'mv', 'outer', 'vdot']),
  ...pick(choices, ['argwhere', 'bincount', 'histc', 'maskedSelect', 'repeatInterleave', 'take', 'takeAlongDim']),
  ...pick(writes, ['indexAdd', 'indexCopy', 'indexFill', 'indexReduce', 'scatter', 'scatterReduce']),
  ...pick(likes, ['bernoulli']),
  ...pick(differences, ['cross', 'dist', 'renorm']),
  ...pick(gammas, ['i0', 'igamma', 'igammac', 'mvlgamma']),
  ...pick(numbers, ['bitwiseLeftShift', 'bitwiseRightShift', 'fmax', 'fmin', 'frexp', 'gcd', 'lcm', 'ldexp', 'nextafter', 'positive']),
  ...pick(replacements, ['diagonalScatter', 'maskedScatter', 'put', 'selectScatter', 'sliceScatter']),
  ...pick(like, ['expandAs', 'isSigned', 'newEmpty', 'newFull', 'newOnes', 'newTensor', 'newZeros', 'repeat', 'reshapeAs', 'sumToSize', 't', 'typeAs', 'viewAs']),
  ...pick(kth, ['histogram', 'kthvalue', 'msort', 'nonzeroStatic']),
  ...pick(upsample, ['interpolate', 'pixelShuffle']),
  ...inPlaceOf(activation, ['elu', 'hardtanh', 'leakyRelu', 'relu', 'selu', 'sigmoid', 'tanh']),
  ...inPlaceOf(compare, ['clamp', 'eq', 'ge', 'gt', 'le', 'logicalAnd', 'logicalNot', 'logicalOr', 'logicalXor', 'lt', 'ne']),
  ...inPlaceOf(elementwise, ['abs', 'ceil', 'cos', 'div', 'erf', 'exp', 'expm1', 'floor', 'log', 'log1p', 'mul', 'neg', 'pow', 'reciprocal', 'round', 'rsqrt', 'sign', 'sin', 'sqrt', 'square']),
  ...inPlaceOf(indexing, ['maskedFill', 'scatterAdd']),
  ...inPlaceOf(pairs, ['addcdiv', 'addcmul', 'bitwiseAnd', 'bitwiseNot', 'bitwiseOr', 'bitwiseXor', 'lerp', 'nanToNum']),
  ...inPlaceOf(reduce, ['cumsum']),
  ...inPlaceOf(rounding, ['copysign', 'floorDivide', 'fmod', 'frac', 'heaviside', 'remainder', 'trunc']),
  ...inPlaceOf(runs, ['cumprod']),
  ...inPlaceOf(shape, ['tril', 'triu']),
  ...inPlaceOf(special, ['digamma', 'erfc', 'erfinv', 'exp2', 'lgamma', 'log10', 'log2', 'logit', 'xlogy']),
  ...inPlaceOf(trigonometry, ['acos', 'acosh', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'cosh', 'deg2rad', 'hypot', 'rad2deg', 'sinc', 'sinh', 'tan']),
  ...inPlaceOf(vectors, ['addbmm', 'addmm', 'addmv', 'addr', 'baddbmm']),
  ...inPlaceOf(writes, ['indexAdd', 'indexCopy', 'indexFill', 'indexReduce', 'scatter', 'scatterReduce']),
};

function pick<F extends object, K extends keyof F>(family: F, names: readonly K[]): Pick<F, K> {
  return Object.fromEntries(names.map((name) => [name, family[name]])) as Pick<F, K>;
}

declare module './tensor.js' {
  interface Tensor extends Methods<typeof methods> {
    // Overloads are lost in a mapped type.
    max(): Tensor;
    max(...args: extremes.ExtremesArguments): extremes.Extremes;
    max(other: Tensor): Tensor;
    min(): Tensor;
    min(...args: extremes.ExtremesArguments): extremes.Extremes;
    min(other: Tensor): Tensor;
    median(): Tensor;
    median(...args: extremes.ExtremesArguments): extremes.Extremes;
    nanmedian(): Tensor;
    nanmedian(...args: extremes.ExtremesArguments): extremes.Extremes;
    nonzero(): Tensor;
    nonzero(options: { asTuple: true }): Tensor[];
    nonzero(options?: { asTuple?: boolean }): Tensor | Tensor[];
    unique(): Tensor;
    unique(options: { dim: number }): Tensor;
    unique(options: choices.UniqueOptions & { returnInverse: true; returnCounts: true }): choices.Unique;
    unique(options?: choices.UniqueOptions): Tensor | Partial<choices.Unique>;
    uniqueConsecutive(): Tensor;
    uniqueConsecutive(options: { dim: number }): Tensor;
    uniqueConsecutive(options: choices.UniqueOptions & { returnInverse: true; returnCounts: true }): choices.Unique;
    uniqueConsecutive(options?: choices.UniqueOptions): Tensor | Partial<choices.Unique>;
    /** The number of rows: the size of the first dimension. Reading it of a scalar is a ShapeError. */
    readonly length: number;
    /** The dimensions in reverse order: the transposed matrix. A copy, as tensors are contiguous. */
    readonly T: Tensor;
    /** The last two dimensions swapped: transposed matrices. A copy, as tensors are contiguous. */
    readonly mT: Tensor;
    /** The rows along the first dimension, `for (const row of x)`. Undefined for a scalar, which has none. */
    readonly [Symbol.iterator]: () => IterableIterator<Tensor>;
    /** `where(condition, this, other)` */
    where(condition: Tensor, other: Operand): Tensor;
  }
}

const overloaded = {
  max: extremes.max,
  min: extremes.min,
  median: orders.median,
  nanmedian: orders.nanmedian,
  nonzero: choices.nonzero,
  unique: choices.unique,
  uniqueConsecutive: choices.uniqueConsecutive,
  where: (x: Tensor, condition: Tensor, other: Operand) => compare.where(condition, x, other),
};

const all: Record<string, unknown> = { ...methods, ...overloaded };
for (const [name, run] of Object.entries(all) as [string, (x: Tensor, ...args: unknown[]) => unknown][]) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return run(this, ...args);
    },
    writable: true,
    configurable: true,
  });
}

const getters: [name: string | symbol, get: (x: Tensor) => unknown][] = [
  ['length', element.lengthOf],
  ['T', element.transposed],
  ['mT', element.matrixTransposed],
  // Equality in Vitest and Jest walks through whatever is iterable, scalars included if they were.
  [
    Symbol.iterator,
    (x) => (!(x instanceof Tensor) || x.rank === 0 ? undefined : () => element.rowsOf(x)[Symbol.iterator]()),
  ],
];
// No brackets without a proxy, which would slow down every access; these cost nothing and name the remedy.
for (let i = -1; i < 10; i++) getters.push([String(i), () => refuseBrackets(i)]);
for (const [name, get] of getters) {
  Object.defineProperty(Tensor.prototype, name, {
    get(this: Tensor) {
      return get(this);
    },
    configurable: true,
  });
}

function refuseBrackets(i: number): never {
  throw new ArgumentError(
    `[${i}]: a tensor has no elements in brackets; use at(${i}), or index for several dimensions`,
  );
}
