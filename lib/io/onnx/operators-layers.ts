// Products, normalisation, dropout and losses.
import { crossEntropy, nllLoss } from '../../nn/loss.js';
import { to } from '../../ops/copy.js';
import { onesLike } from '../../ops/creation.js';
import { einsum } from '../../ops/einsum.js';
import { add, mul, rsqrt, square, sub } from '../../ops/elementwise.js';
import { gt } from '../../ops/elementwise-compare.js';
import { det } from '../../ops/linalg-det.js';
import { matmul } from '../../ops/matmul.js';
import { linear } from '../../ops/matmul-linear.js';
import { groupNorm, layerNorm, rmsNorm } from '../../ops/norm.js';
import { batchNorm } from '../../ops/norm-batch.js';
import { instanceNorm } from '../../ops/norm-instance.js';
import { normal, rand } from '../../ops/random.js';
import { dropout } from '../../ops/random-dropout.js';
import { bernoulli } from '../../ops/random-like.js';
import { mean } from '../../ops/reduce.js';
import { reshape } from '../../ops/shape.js';
import { logSoftmax } from '../../ops/softmax.js';
import type { Tensor } from '../../tensor.js';
import type { Call, Operators, Value } from './call.js';
import { typeOf } from './operators-elementwise.js';
import { axisOf } from './operators-shape.js';

function gemm(call: Call, a: Tensor, b: Tensor, c?: Tensor): Tensor {
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const [transposeA, transposeB] = [call.int('transA') !== 0, call.int('transB') !== 0];
  if (c?.rank === 1 && transposeB && !transposeA && alpha === 1 && beta === 1 && c.dims[0] === b.dims[0]) {
    return linear(a, b, { bias: c });
  }
  const product = matmul(a, b, { transposeA, transposeB });
  const scaled = alpha === 1 ? product : mul(product, alpha);
  if (c === undefined || beta === 0) return scaled;
  return add(scaled, beta === 1 ? c : mul(c, beta));
}

/** Integers in double precision, in which sums of products of them are exact below 2⁵³. */
function product(a: Tensor, b: Tensor): Tensor {
  if (a.dtype.startsWith('float')) return matmul(a, b);
  return to(matmul(to(a, 'float64'), to(b, 'float64')), a.dtype);
}

// In training mode of the module running statistics follow, as in PyTorch. In training mode of the node they are results.
function batchNormalization(
  call: Call,
  x: Tensor,
  scale: Tensor,
  bias: Tensor,
  average: Tensor,
  variance: Tensor,
): Value[] {
  const [eps, momentum] = [call.float('epsilon', 1e-5), call.float('momentum', 0.9)];
  if (call.int('training_mode') === 0) {
    const shared = { weight: scale, bias, eps, training: call.training, momentum: 1 - momentum };
    return [batchNorm(x, { runningMean: average, runningVar: variance, ...shared })];
  }
  const dim = x.dims.map((_, i) => i).filter((i) => i !== 1);
  const shape = x.dims.map((n, i) => (i === 1 ? n : 1));
  const centre = mean(x, { dim, keepDim: true });
  const spread = mean(square(sub(x, centre)), { dim, keepDim: true });
  const normalised = mul(sub(x, centre), rsqrt(add(spread, eps)));
  const y = add(mul(normalised, reshape(scale, shape)), reshape(bias, shape));
  const moved = (running: Tensor, batch: Tensor) =>
    add(mul(running, momentum), mul(reshape(batch, running.dims), 1 - momentum));
  return [y, moved(average, centre), moved(variance, spread)];
}

function layerNormalization(call: Call, x: Tensor, scale: Tensor, bias?: Tensor): Value[] {
  const axis = axisOf(call, call.int('axis', -1), x.rank);
  const eps = call.float('epsilon', 1e-5);
  const normalizedShape = x.dims.slice(axis);
  const fits = scale.rank === normalizedShape.length && scale.dims.every((n, i) => n === normalizedShape[i]);
  const fused = fits && (bias === undefined || bias.rank === scale.rank);
  const plain = layerNorm(x, { normalizedShape, eps, ...(fused ? { weight: scale, ...(bias ? { bias } : {}) } : {}) });
  const scaled = fused ? plain : mul(plain, scale);
  const y = fused || bias === undefined ? scaled : add(scaled, bias);
  if (call.outputs < 2) return [y];
  const dim = x.dims.map((_, i) => i).slice(axis);
  const centre = mean(x, { dim, keepDim: true });
  return [y, centre, rsqrt(add(mean(square(sub(x, centre)), { dim, keepDim: true }), eps))];
}

function rmsNormalization(call: Call, x: Tensor, scale: Tensor): Tensor {
  const axis = axisOf(call, call.int('axis', -1), x.rank);
  const plain = rmsNorm(x, { normalizedShape: x.dims.slice(axis), eps: call.float('epsilon', 1e-5) });
  return mul(plain, scale);
}

// Before version 21, scale and bias were of groups.
function groupNormalization(call: Call, x: Tensor, scale: Tensor, bias: Tensor): Tensor {
  const numGroups = call.int('num_groups', 1);
  const eps = call.float('epsilon', 1e-5);
  const channels = x.dims[1] as number;
  if (call.version >= 21 || scale.dims[0] === channels) return groupNorm(x, { numGroups, weight: scale, bias, eps });
  const grouped = reshape(groupNorm(x, { numGroups, eps }), [x.dims[0] as number, numGroups, -1]);
  return reshape(add(mul(grouped, reshape(scale, [1, -1, 1])), reshape(bias, [1, -1, 1])), x.dims);
}

function instanceNormalization(call: Call, x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return instanceNorm(x, { weight, bias, eps: call.float('epsilon', 1e-5) });
}

function dropoutOf(call: Call, x: Tensor, ratio?: Tensor, training?: Tensor): Tensor[] {
  const p = ratio === undefined ? call.float('ratio', 0.5) : (call.numbers(ratio)[0] as number);
  const isOn = call.training || (training !== undefined && call.numbers(training)[0] !== 0);
  if (call.outputs < 2) return [isOn && p > 0 ? dropout(x, { p, training: true }) : x];
  const factors = isOn && p > 0 ? dropout(onesLike(x), { p, training: true }) : onesLike(x);
  return [isOn && p > 0 ? mul(x, factors) : x, gt(factors, 0)];
}

function classLoss(call: Call, isOfScores: boolean, x: Tensor, target: Tensor, weight?: Tensor): Tensor {
  const reduction = call.text('reduction', 'mean') as 'mean' | 'sum' | 'none';
  // PyTorch knows labels below 0 as ignored, too, if told so.
  const options = { reduction, ...(weight ? { weight } : {}), ignoreIndex: call.int('ignore_index', -100) };
  return isOfScores ? crossEntropy(x, target, options) : nllLoss(x, target, options);
}

function softmaxCrossEntropy(call: Call, x: Tensor, target: Tensor, weight?: Tensor): Tensor[] {
  const loss = classLoss(call, true, x, target, weight);
  return call.outputs < 2 ? [loss] : [loss, logSoftmax(x, 1)];
}

/** Draws with a shape: a node's own random state follows the library's seed. */
function drawn(call: Call, shape: readonly number[], dtype: 'float32' | 'float64'): Tensor {
  if (call.operator.startsWith('RandomNormal')) {
    return normal(call.float('mean'), call.float('scale', 1), shape, { dtype });
  }
  const [low, high] = [call.float('low'), call.float('high', 1)];
  return add(mul(rand(shape, { dtype }), high - low), low);
}

function random(call: Call): Tensor {
  return drawn(call, call.ints('shape') ?? [], floatOf(call, 'float32'));
}

function randomLike(call: Call, x: Tensor): Tensor {
  return drawn(call, x.dims, floatOf(call, x.dtype));
}

function floatOf(call: Call, fallback: string): 'float32' | 'float64' {
  return (call.has('dtype') ? typeOf(call, call.int('dtype')) : fallback) === 'float64' ? 'float64' : 'float32';
}

export const layers: Operators = {
  BatchNormalization: batchNormalization,
  Bernoulli: (_, x: Tensor) => bernoulli(x),
  Det: (_, x: Tensor) => det(x),
  Dropout: dropoutOf,
  Einsum: (call, ...xs: Tensor[]) => einsum(call.text('equation'), ...xs),
  Gemm: gemm,
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  MatMul: (_, a: Tensor, b: Tensor) => product(a, b),
  NegativeLogLikelihoodLoss: (call, x, target, weight) => classLoss(call, false, x, target, weight),
  RMSNormalization: rmsNormalization,
  RandomNormal: random,
  RandomNormalLike: randomLike,
  RandomUniform: random,
  RandomUniformLike: randomLike,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
