// Reductions, softmax, and what finds or counts elements.
import { dtypeTraits, isFloat } from '../../dtype.js';
import { to } from '../../ops/copy.js';
import { full } from '../../ops/creation.js';
import { abs, add, div, log, mul, sqrt, square, sub } from '../../ops/elementwise.js';
import { eq, where } from '../../ops/elementwise-compare.js';
import { oneHot } from '../../ops/indexing.js';
import { nonzero } from '../../ops/indexing-select.js';
import { localResponseNorm } from '../../ops/rearrange.js';
import { mean, prod, sum } from '../../ops/reduce.js';
import { amax, amin } from '../../ops/reduce-composed.js';
import { argmax, argmin } from '../../ops/reduce-extremes.js';
import { logsumexp } from '../../ops/reduce-statistics.js';
import { flip, permute, reshape, unsqueeze } from '../../ops/shape.js';
import { slice } from '../../ops/shape-slice.js';
import { logSoftmax, softmax } from '../../ops/softmax.js';
import { sort, topk } from '../../ops/sort.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operator, Operators } from './call.js';
import { axisOf } from './operators-shape.js';

interface Along {
  dim: number[];
  keepDim: boolean;
}

function reduction(f: (x: Tensor, along: Along) => Tensor): Operator {
  return (call, x: Tensor, axes?: Tensor) => {
    const keepDim = call.int('keepdims', 1) !== 0;
    const list = call.list(axes, 'axes') ?? [];
    if (list.length === 0 && call.int('noop_with_empty_axes') !== 0) {
      // The function of each element: a reduction over an axis of size 1.
      return f(unsqueeze(x, 0), { dim: [0], keepDim: false });
    }
    const dim = list.length === 0 ? x.dims.map((_, i) => i) : list.map((a) => axisOf(call, a, x.rank));
    return f(x, { dim, keepDim });
  };
}

const summed = (x: Tensor, along: Along): Tensor => {
  if (along.dim.length === 0) return x;
  return to(sum(x, along), x.dtype);
};

function multiplied(x: Tensor, { dim, keepDim }: Along): Tensor {
  const ordered = [...dim].sort((a, b) => b - a);
  return ordered.reduce((y, d) => to(prod(y, { dim: d, keepDim }), x.dtype), x);
}

function averaged(x: Tensor, along: Along): Tensor {
  if (along.dim.length === 0) return x;
  if (isFloat(x.dtype)) return mean(x, along);
  return to(mean(to(x, 'float64'), along), x.dtype);
}

const inFloat =
  (f: (x: Tensor, along: Along) => Tensor) =>
  (x: Tensor, along: Along): Tensor =>
    isFloat(x.dtype) ? f(x, along) : to(f(to(x, 'float64'), along), x.dtype);

/** The greatest or least elements; of none, the least or greatest number of the type. */
function extreme(f: typeof amax, isLargest: boolean): (x: Tensor, along: Along) => Tensor {
  return (x, { dim, keepDim }) => {
    if (dim.length === 0) return x;
    if (x.size > 0 || !dim.some((d) => x.dims[d] === 0)) return f(x, { dim, keepDim });
    const shape = x.dims.map((n, i) => (dim.includes(i) ? 1 : n)).filter((_, i) => keepDim || !dim.includes(i));
    return full(shape, dtypeTraits[x.dtype].range[isLargest ? 0 : 1], { dtype: x.dtype });
  };
}

function logSumExp(x: Tensor, along: Along): Tensor {
  return along.dim.length === 0 ? x : logsumexp(x, along);
}

// Before version 13, of the matrix that Flatten makes.
function along(f: (x: Tensor, dim: number) => Tensor): Operator {
  return (call, x: Tensor) => {
    if (call.version >= 13) return f(x, axisOf(call, call.int('axis', -1), x.rank));
    const axis = axisOf(call, call.int('axis', 1), x.rank);
    const rows = x.dims.slice(0, axis).reduce((a, b) => a * b, 1);
    return reshape(f(reshape(x, [rows, rows === 0 ? 0 : x.size / rows]), 1), x.dims);
  };
}

function hardmax(x: Tensor, dim: number): Tensor {
  const places = oneHot(argmax(x, { dim }), x.dims[dim] as number);
  const order = x.dims.map((_, i) => (i < dim ? i : i === dim ? x.rank - 1 : i - 1));
  return to(permute(places, order), x.dtype);
}

function position(f: typeof argmax): Operator {
  return (call, x: Tensor) => {
    const dim = axisOf(call, call.int('axis'), x.rank);
    const keepDim = call.int('keepdims', 1) !== 0;
    if (call.int('select_last_index') === 0) return f(x, { dim, keepDim });
    const fromEnd = f(flip(x, [dim]), { dim, keepDim });
    return sub((x.dims[dim] as number) - 1, fromEnd);
  };
}

function topK(call: Call, x: Tensor, count?: Tensor): Tensor[] {
  const k = count === undefined ? call.int('k') : (call.numbers(count)[0] as number);
  const dim = axisOf(call, call.int('axis', -1), x.rank);
  const isLargest = call.int('largest', 1) !== 0;
  if (k === 0 || k > (x.dims[dim] as number)) {
    const all = sort(x, { dim, descending: isLargest });
    return [slice(all.values, { dim, start: 0, end: k }), slice(all.indices, { dim, start: 0, end: k })];
  }
  const { values, indices } = topk(x, { k, dim, largest: isLargest });
  return [values, indices];
}

function lpNormalization(call: Call, x: Tensor): Tensor {
  const dim = axisOf(call, call.int('axis', -1), x.rank);
  const options = { dim: [dim], keepDim: true };
  const size = call.int('p', 2) === 1 ? sum(abs(x), options) : sqrt(sum(square(x), options));
  return div(x, where(eq(size, 0), 1, size));
}

function meanVariance(call: Call, x: Tensor): Tensor {
  const options = { dim: call.ints('axes') ?? [0, 2, 3], keepDim: true };
  const centred = sub(x, mean(x, options));
  return div(centred, add(sqrt(mean(square(centred), options)), 1e-9));
}

function lrn(call: Call, x: Tensor): Tensor {
  const [alpha, beta, k] = [call.float('alpha', 1e-4), call.float('beta', 0.75), call.float('bias', 1)];
  return localResponseNorm(x, { size: call.int('size', 1), alpha, beta, k });
}

export const reductions: Operators = {
  ArgMax: position(argmax),
  ArgMin: position(argmin),
  Hardmax: along(hardmax),
  LRN: lrn,
  LogSoftmax: along((x, dim) => logSoftmax(x, dim)),
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVariance,
  NonZero: (_, x: Tensor) => permute(nonzero(x), [1, 0]),
  ReduceL1: reduction((x, o) => summed(abs(x), o)),
  ReduceL2: reduction(inFloat((x, o) => sqrt(summed(square(x), o)))),
  ReduceLogSum: reduction(inFloat((x, o) => log(summed(x, o)))),
  ReduceLogSumExp: reduction(inFloat(logSumExp)),
  ReduceMax: reduction(extreme(amax, true)),
  ReduceMean: reduction(averaged),
  ReduceMin: reduction(extreme(amin, false)),
  ReduceProd: reduction(multiplied),
  ReduceSum: reduction(summed),
  ReduceSumSquare: reduction((x, o) => summed(mul(x, x), o)),
  Softmax: along((x, dim) => softmax(x, dim)),
  TopK: topK,
};
