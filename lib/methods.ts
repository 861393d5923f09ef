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
import * as counts from './ops/indexing-count.js';
import * as replacements from './ops/indexing-replace.js';
import * as choices from './ops/indexing-select.js';
import * as different from './ops/indexing-unique.js';
import * as writes from './ops/indexing-write.js';
import * as like from './ops/like.js';
import * as determinants from './ops/linalg-det.js';
import * as products from './ops/linalg-products.js';
import * as algebra from './ops/linalg-torch.js';
import * as matmul from './ops/matmul.js';
import * as linears from './ops/matmul-linear.js';
import * as vectors from './ops/matmul-products.js';
import * as norm from './ops/norm.js';
import * as batchnorm from './ops/norm-batch.js';
import * as instancenorm from './ops/norm-instance.js';
import * as padding from './ops/padding.js';
import * as pool from './ops/pool.js';
import * as maxpool from './ops/pool-max.js';
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
import * as combinations from './ops/shape-combine.js';
import * as diagonals from './ops/shape-diagonal.js';
import * as dimensions from './ops/shape-order.js';
import * as parts from './ops/shape-parts.js';
import * as sections from './ops/shape-sections.js';
import * as slice from './ops/shape-slice.js';
import * as softmax from './ops/softmax.js';
import * as ordering from './ops/sort.js';
import * as classes from './ops/sort-histogram.js';
import * as kth from './ops/sort-kth.js';
import * as searches from './ops/sort-search.js';
import * as windows from './ops/unfold-dimension.js';
import * as upsample from './ops/upsample.js';
import { Tensor } from './tensor.js';

/** The functions of a module whose first argument is a tensor, without it. */
type Methods<F> = {
  [K in keyof F]: F[K] extends (x: Tensor, ...rest: infer R) => infer Result ? (...rest: R) => Result : never;
};

// Neither lists of names nor `...`: V8 takes ten times as long for these, at each start.
// biome-ignore format: one line a family
const methods = {
  elu: activation.elu, gelu: activation.gelu, hardtanh: activation.hardtanh, leakyRelu: activation.leakyRelu, mish: activation.mish, relu: activation.relu, selu: activation.selu, sigmoid: activation.sigmoid, silu: activation.silu, softplus: activation.softplus, tanh: activation.tanh,
  choleskyInverse: algebra.choleskyInverse, choleskySolve: algebra.choleskySolve, geqrf: algebra.geqrf, inverse: algebra.inverse, logdet: algebra.logdet, orgqr: algebra.orgqr, ormqr: algebra.ormqr, pinverse: algebra.pinverse,
  backward: autograd.backward,
  batchNorm: batchnorm.batchNorm,
  clamp: compare.clamp, clip: compare.clip, eq: compare.eq, ge: compare.ge, gt: compare.gt, isfinite: compare.isfinite, isnan: compare.isnan, le: compare.le, logicalAnd: compare.logicalAnd, logicalNot: compare.logicalNot, logicalOr: compare.logicalOr, logicalXor: compare.logicalXor, lt: compare.lt, ne: compare.ne,
  conv1d: conv.conv1d, conv2d: conv.conv2d, conv3d: conv.conv3d, convTranspose1d: conv.convTranspose1d, convTranspose2d: conv.convTranspose2d, convTranspose3d: conv.convTranspose3d,
  add_: copy.add_, clone: copy.clone, copy_: copy.copy_, detach: copy.detach, fill_: copy.fill_, sub_: copy.sub_, to: copy.to, zero_: copy.zero_,
  at: element.at, byte: element.byte, double: element.double, float: element.float, index: element.index, indexPut: element.indexPut, indexPut_: element.indexPut_, int: element.int,
  abs: elementwise.abs, add: elementwise.add, ceil: elementwise.ceil, cos: elementwise.cos, div: rounding.div, erf: elementwise.erf, exp: elementwise.exp, expm1: elementwise.expm1, floor: elementwise.floor, log: elementwise.log, log1p: elementwise.log1p, maximum: elementwise.maximum, minimum: elementwise.minimum, mul: elementwise.mul, neg: elementwise.neg, pow: elementwise.pow, reciprocal: elementwise.reciprocal, round: rounding.round, rsqrt: elementwise.rsqrt, sign: elementwise.sign, sin: elementwise.sin, sqrt: elementwise.sqrt, square: elementwise.square, sub: elementwise.sub,
  argmax: extremes.argmax, argmin: extremes.argmin,
  registerHook: hooks.registerHook, retainGrad: hooks.retainGrad,
  gather: indexing.gather, indexSelect: indexing.indexSelect, maskedFill: indexing.maskedFill, oneHot: indexing.oneHot, scatterAdd: indexing.scatterAdd,
  linear: linears.linear,
  matmul: matmul.matmul,
  instanceNorm: instancenorm.instanceNorm,
  groupNorm: norm.groupNorm, layerNorm: norm.layerNorm, rmsNorm: norm.rmsNorm,
  adaptiveAvgPool1d: pool.adaptiveAvgPool1d, adaptiveAvgPool2d: pool.adaptiveAvgPool2d, adaptiveAvgPool3d: pool.adaptiveAvgPool3d, adaptiveMaxPool1d: maxpool.adaptiveMaxPool1d, adaptiveMaxPool2d: maxpool.adaptiveMaxPool2d, adaptiveMaxPool3d: maxpool.adaptiveMaxPool3d, avgPool1d: pool.avgPool1d, avgPool2d: pool.avgPool2d, avgPool3d: pool.avgPool3d, maxPool1d: maxpool.maxPool1d, maxPool2d: maxpool.maxPool2d, maxPool3d: maxpool.maxPool3d,
  matrixExp: products.matrixExp, matrixPower: products.matrixPower,
  bernoulli_: randoms.bernoulli_, cauchy_: randoms.cauchy_, exponential_: randoms.exponential_, geometric_: randoms.geometric_, logNormal_: randoms.logNormal_, normal_: randoms.normal_, random_: randoms.random_, uniform_: randoms.uniform_,
  all: reduce.all, any: reduce.any, cumsum: reduce.cumsum, mean: reduce.mean, prod: reduce.prod, sum: reduce.sum,
  multinomial: sampling.multinomial,
  expand: shape.expand, flatten: shape.flatten, flip: shape.flip, permute: shape.permute, reshape: shape.reshape, squeeze: shape.squeeze, tile: shape.tile, transpose: shape.transpose, tril: shape.tril, triu: shape.triu, unsqueeze: shape.unsqueeze,
  pad: padding.pad,
  chunk: slice.chunk, slice: slice.slice, split: slice.split,
  logSoftmax: softmax.logSoftmax, softmax: softmax.softmax,
  argsort: ordering.argsort, sort: ordering.sort, topk: ordering.topk,
  logsumexp: statistics.logsumexp, norm: statistics.norm, std: statistics.std, var: statistics.var,
  det: determinants.det, slogdet: determinants.slogdet,
  unfold: windows.unfold,
  acos: trigonometry.acos, acosh: trigonometry.acosh, asin: trigonometry.asin, asinh: trigonometry.asinh, atan: trigonometry.atan, atan2: trigonometry.atan2, atanh: trigonometry.atanh, cosh: trigonometry.cosh, deg2rad: trigonometry.deg2rad, hypot: trigonometry.hypot, rad2deg: trigonometry.rad2deg, sinc: trigonometry.sinc, sinh: trigonometry.sinh, tan: trigonometry.tan,
  digamma: special.digamma, erfc: special.erfc, erfinv: special.erfinv, exp2: special.exp2, lgamma: special.lgamma, log10: special.log10, log2: special.log2, logaddexp: special.logaddexp, logaddexp2: special.logaddexp2, logit: special.logit, xlogy: special.xlogy,
  copysign: rounding.copysign, floorDivide: rounding.floorDivide, fmod: rounding.fmod, frac: rounding.frac, heaviside: rounding.heaviside, isinf: rounding.isinf, isneginf: rounding.isneginf, isposinf: rounding.isposinf, remainder: rounding.remainder, signbit: rounding.signbit, trunc: rounding.trunc,
  addcdiv: pairs.addcdiv, addcmul: pairs.addcmul, allclose: pairs.allclose, bitwiseAnd: pairs.bitwiseAnd, bitwiseNot: pairs.bitwiseNot, bitwiseOr: pairs.bitwiseOr, bitwiseXor: pairs.bitwiseXor, equal: pairs.equal, isclose: pairs.isclose, lerp: pairs.lerp, nanToNum: pairs.nanToNum,
  mode: orders.mode, nanquantile: orders.nanquantile, quantile: orders.quantile,
  bucketize: searches.bucketize,
  cummax: runs.cummax, cummin: runs.cummin, cumprod: runs.cumprod, logcumsumexp: runs.logcumsumexp,
  amax: composed.amax, amin: composed.amin, aminmax: composed.aminmax, corrcoef: composed.corrcoef, countNonzero: composed.countNonzero, cov: composed.cov, diff: composed.diff, nanmean: composed.nanmean, nansum: composed.nansum,
  broadcastTo: combinations.broadcastTo,
  movedim: dimensions.movedim, swapaxes: dimensions.swapaxes, swapdims: dimensions.swapdims,
  diag: diagonals.diag, diagEmbed: diagonals.diagEmbed, diagflat: diagonals.diagflat, diagonal: diagonals.diagonal, trace: diagonals.trace,
  dsplit: sections.dsplit, hsplit: sections.hsplit, tensorSplit: sections.tensorSplit, vsplit: sections.vsplit,
  fliplr: parts.fliplr, flipud: parts.flipud, narrow: parts.narrow, ravel: parts.ravel, roll: parts.roll, rot90: parts.rot90, select: parts.select, unbind: parts.unbind, unflatten: parts.unflatten, view: parts.view,
  addbmm: vectors.addbmm, addmm: vectors.addmm, addmv: vectors.addmv, addr: vectors.addr, baddbmm: vectors.baddbmm, bmm: vectors.bmm, dot: vectors.dot, inner: vectors.inner, kron: vectors.kron, mm: vectors.mm, mv: vectors.mv, outer: vectors.outer, vdot: vectors.vdot,
  bincount: counts.bincount, histc: counts.histc,
  argwhere: choices.argwhere, maskedSelect: choices.maskedSelect, repeatInterleave: choices.repeatInterleave, take: choices.take, takeAlongDim: choices.takeAlongDim,
  indexAdd: writes.indexAdd, indexCopy: writes.indexCopy, indexFill: writes.indexFill, indexReduce: writes.indexReduce, scatter: writes.scatter, scatterReduce: writes.scatterReduce,
  bernoulli: likes.bernoulli,
  cross: differences.cross, dist: differences.dist, renorm: differences.renorm,
  i0: gammas.i0, igamma: gammas.igamma, igammac: gammas.igammac, mvlgamma: gammas.mvlgamma,
  fillDiagonal_: replacements.fillDiagonal_,
  bitwiseLeftShift: numbers.bitwiseLeftShift, bitwiseRightShift: numbers.bitwiseRightShift, fmax: numbers.fmax, fmin: numbers.fmin, frexp: numbers.frexp, gcd: numbers.gcd, lcm: numbers.lcm, ldexp: numbers.ldexp, nextafter: numbers.nextafter, positive: numbers.positive,
  diagonalScatter: replacements.diagonalScatter, maskedScatter: replacements.maskedScatter, put: replacements.put, selectScatter: replacements.selectScatter, sliceScatter: replacements.sliceScatter,
  expandAs: like.expandAs, isSigned: like.isSigned, newEmpty: like.newEmpty, newFull: like.newFull, newOnes: like.newOnes, newTensor: like.newTensor, newZeros: like.newZeros, repeat: like.repeat, reshapeAs: like.reshapeAs, sumToSize: like.sumToSize, t: like.t, typeAs: like.typeAs, viewAs: like.viewAs,
  histogram: classes.histogram,
  kthvalue: kth.kthvalue, msort: kth.msort, nonzeroStatic: kth.nonzeroStatic,
  interpolate: upsample.interpolate, pixelShuffle: upsample.pixelShuffle,
};

// biome-ignore format: one line a family
const inPlace = inPlaceOf({
  elu: activation.elu, hardtanh: activation.hardtanh, leakyRelu: activation.leakyRelu, relu: activation.relu, selu: activation.selu, sigmoid: activation.sigmoid, tanh: activation.tanh,
  clamp: compare.clamp, clip: compare.clip, eq: compare.eq, ge: compare.ge, gt: compare.gt, le: compare.le, logicalAnd: compare.logicalAnd, logicalNot: compare.logicalNot, logicalOr: compare.logicalOr, logicalXor: compare.logicalXor, lt: compare.lt, ne: compare.ne,
  abs: elementwise.abs, ceil: elementwise.ceil, cos: elementwise.cos, div: rounding.div, erf: elementwise.erf, exp: elementwise.exp, expm1: elementwise.expm1, floor: elementwise.floor, log: elementwise.log, log1p: elementwise.log1p, mul: elementwise.mul, neg: elementwise.neg, pow: elementwise.pow, reciprocal: elementwise.reciprocal, round: rounding.round, rsqrt: elementwise.rsqrt, sign: elementwise.sign, sin: elementwise.sin, sqrt: elementwise.sqrt, square: elementwise.square,
  renorm: differences.renorm,
  i0: gammas.i0, igamma: gammas.igamma, igammac: gammas.igammac, mvlgamma: gammas.mvlgamma,
  maskedFill: indexing.maskedFill, scatterAdd: indexing.scatterAdd,
  bitwiseLeftShift: numbers.bitwiseLeftShift, bitwiseRightShift: numbers.bitwiseRightShift, gcd: numbers.gcd, lcm: numbers.lcm, ldexp: numbers.ldexp, nextafter: numbers.nextafter,
  addcdiv: pairs.addcdiv, addcmul: pairs.addcmul, bitwiseAnd: pairs.bitwiseAnd, bitwiseNot: pairs.bitwiseNot, bitwiseOr: pairs.bitwiseOr, bitwiseXor: pairs.bitwiseXor, lerp: pairs.lerp, nanToNum: pairs.nanToNum,
  cumsum: reduce.cumsum,
  copysign: rounding.copysign, floorDivide: rounding.floorDivide, fmod: rounding.fmod, frac: rounding.frac, heaviside: rounding.heaviside, remainder: rounding.remainder, trunc: rounding.trunc,
  maskedScatter: replacements.maskedScatter, put: replacements.put,
  cumprod: runs.cumprod,
  tril: shape.tril, triu: shape.triu,
  digamma: special.digamma, erfc: special.erfc, erfinv: special.erfinv, exp2: special.exp2, lgamma: special.lgamma, log10: special.log10, log2: special.log2, logit: special.logit, xlogy: special.xlogy,
  acos: trigonometry.acos, acosh: trigonometry.acosh, asin: trigonometry.asin, asinh: trigonometry.asinh, atan: trigonometry.atan, atan2: trigonometry.atan2, atanh: trigonometry.atanh, cosh: trigonometry.cosh, deg2rad: trigonometry.deg2rad, hypot: trigonometry.hypot, rad2deg: trigonometry.rad2deg, sinc: trigonometry.sinc, sinh: trigonometry.sinh, tan: trigonometry.tan,
  addbmm: vectors.addbmm, addmm: vectors.addmm, addmv: vectors.addmv, addr: vectors.addr, baddbmm: vectors.baddbmm,
  indexAdd: writes.indexAdd, indexCopy: writes.indexCopy, indexFill: writes.indexFill, indexReduce: writes.indexReduce, scatter: writes.scatter, scatterReduce: writes.scatterReduce,
});

declare module './tensor.js' {
  interface Tensor extends Methods<typeof methods & typeof inPlace> {
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
    unique(options: different.UniqueOptions & { returnInverse: true; returnCounts: true }): different.Unique;
    unique(options?: different.UniqueOptions): Tensor | Partial<different.Unique>;
    uniqueConsecutive(): Tensor;
    uniqueConsecutive(options: { dim: number }): Tensor;
    uniqueConsecutive(options: different.UniqueOptions & { returnInverse: true; returnCounts: true }): different.Unique;
    uniqueConsecutive(options?: different.UniqueOptions): Tensor | Partial<different.Unique>;
    /** The number of rows: the size of the first dimension. Reading it of a scalar is a ShapeError. */
    readonly length: number;
    /** The dimensions in reverse order: the transposed matrix. A copy, as tensors are contiguous. */
    readonly T: Tensor;
    /** The last two dimensions swapped: transposed matrices. A copy, as tensors are contiguous. */
    readonly mT: Tensor;
    /** The rows along the first dimension, `for (const row of x)`. Undefined for a scalar, which has none. */
    readonly [Symbol.iterator]: () => IterableIterator<Tensor>;
    /** `polygamma(n, this)` */
    polygamma(n: number): Tensor;
    /** `polygamma` in place. */
    polygamma_(n: number): Tensor;
    /** `where(condition, this, other)` */
    where(condition: Tensor, other: Operand): Tensor;
  }
}

// PyTorch's function has the order before the tensor.
const polygamma = (x: Tensor, n: number) => special.polygamma(n, x);

const overloaded = {
  max: extremes.max,
  min: extremes.min,
  median: orders.median,
  nanmedian: orders.nanmedian,
  nonzero: choices.nonzero,
  unique: different.unique,
  uniqueConsecutive: different.uniqueConsecutive,
  polygamma,
  ...inPlaceOf({ polygamma }),
  where: (x: Tensor, condition: Tensor, other: Operand) => compare.where(condition, x, other),
};

type Run = (x: Tensor, ...args: unknown[]) => unknown;
const all = [methods, inPlace, overloaded].flatMap((group) => Object.entries(group)) as [string, Run][];
for (const [name, run] of all) {
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
