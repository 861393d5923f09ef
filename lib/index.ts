import './methods.js';
import { type BuildInfo, native } from './native.js';

export { graphDot, graphText, type LeafNames } from './autograd/graph.js';
export { customFunction, type RemovableHandle, registerHook, retainGrad } from './autograd/hooks.js';
export { enableGrad, noGrad } from './autograd/tape.js';
export { checkpoint } from './backward/checkpoint.js';
export { type BackwardOptions, backward, grad } from './backward/engine.js';
export { type GradcheckOptions, gradcheck, gradgradcheck, numericalGradient } from './backward/gradcheck.js';
export * as autograd from './backward/index.js';
export * as charts from './charts/index.js';
export * as compress from './compress/index.js';
export { isGradEnabled } from './context.js';
export * as data from './data/index.js';
export * as distributed from './distributed/index.js';
export * as distributions from './distributions/index.js';
export { poisson } from './distributions/poisson.js';
export type { DType, TypedArray } from './dtype.js';
export {
  AdjointError,
  AllocationError,
  ArgumentError,
  AutogradError,
  DistributedError,
  DTypeError,
  FileError,
  ShapeError,
  StateError,
} from './errors.js';
export * as explain from './explain/index.js';
export * as func from './func/index.js';
export * as io from './io/index.js';
export { freeMemory, getNumThreads, memoryStats, scope, setMemoryLimit, setNumThreads } from './memory.js';
export * as metrics from './metrics/index.js';
export * as models from './models/index.js';
export type { BuildInfo, MemoryStats } from './native.js';
export type { NestedArray } from './nest.js';
export * as nn from './nn/index.js';
export { elu, gelu, hardtanh, leakyRelu, mish, relu, selu, sigmoid, silu, softplus, tanh } from './ops/activation.js';
export { type AttentionOptions, scaledDotProductAttention } from './ops/attention.js';
export type { Operand } from './ops/broadcast.js';
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from './ops/conv.js';
export { add_, clone, copy_, detach, fill_, sub_, to, zero_ } from './ops/copy.js';
export {
  arange,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  type TensorData,
  type TensorOptions,
  tensor,
  zeros,
  zerosLike,
} from './ops/creation.js';
export {
  empty,
  emptyLike,
  type LogspaceOptions,
  logspace,
  vander,
} from './ops/creation-spaced.js';
export {
  bartlettWindow,
  blackmanWindow,
  type HammingWindowOptions,
  hammingWindow,
  hannWindow,
  type KaiserWindowOptions,
  kaiserWindow,
  type SignalWindowArguments,
  type SignalWindowOptions,
} from './ops/creation-windows.js';
export {
  type CosineSimilarityOptions,
  cdist,
  cosineSimilarity,
  type NormalizeOptions,
  normalize,
  type OrderArguments,
  type PairwiseDistanceOptions,
  pairwiseDistance,
  pdist,
} from './ops/distance.js';
export { einsum } from './ops/einsum.js';
export { type Index, indexPut, type Slice } from './ops/element.js';
export {
  abs,
  add,
  ceil,
  cos,
  erf,
  exp,
  expm1,
  floor,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  rsqrt,
  sign,
  sin,
  sqrt,
  square,
  sub,
} from './ops/elementwise.js';
export {
  clamp,
  clip,
  eq,
  ge,
  gt,
  isfinite,
  isnan,
  le,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  lt,
  ne,
  where,
} from './ops/elementwise-compare.js';
export { i0, igamma, igammac, mvlgamma } from './ops/elementwise-gamma.js';
export {
  addcdiv,
  addcmul,
  allclose,
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  equal,
  isclose,
  lerp,
  type NanToNumOptions,
  nanToNum,
  type ToleranceArguments,
  type ToleranceOptions,
} from './ops/elementwise-pairs.js';
export {
  copysign,
  div,
  floorDivide,
  fmod,
  frac,
  heaviside,
  isinf,
  isneginf,
  isposinf,
  remainder,
  round,
  signbit,
  trunc,
} from './ops/elementwise-rounding.js';
export {
  digamma,
  erfc,
  erfinv,
  exp2,
  lgamma,
  log2,
  log10,
  logaddexp,
  logaddexp2,
  logit,
  polygamma,
  xlogy,
} from './ops/elementwise-special.js';
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cosh,
  deg2rad,
  hypot,
  rad2deg,
  sinc,
  sinh,
  tan,
} from './ops/elementwise-trigonometry.js';
export {
  bitwiseLeftShift,
  bitwiseRightShift,
  type Frexp,
  fmax,
  fmin,
  frexp,
  gcd,
  lcm,
  ldexp,
  nextafter,
  positive,
} from './ops/elementwise-values.js';
export { type EmbeddingOptions, embedding } from './ops/embedding.js';
export { type BagMode, type EmbeddingBagOptions, embeddingBag } from './ops/embedding-bag.js';
export type { LimitOptions } from './ops/embedding-rows.js';
export { defaultGenerator, Generator, manualSeed } from './ops/generator.js';
export { gather, indexSelect, maskedFill, oneHot, scatterAdd } from './ops/indexing.js';
export { type BincountOptions, bincount, type HistogramOptions, histc } from './ops/indexing-count.js';
export {
  diagonalScatter,
  maskedScatter,
  put,
  type SliceArguments,
  type SlicePart,
  selectScatter,
  sliceScatter,
} from './ops/indexing-replace.js';
export { type SegmentOptions, type SegmentReduction, segmentReduce } from './ops/indexing-segments.js';
export {
  argwhere,
  maskedSelect,
  nonzero,
  type RepeatOptions,
  repeatInterleave,
  take,
  takeAlongDim,
} from './ops/indexing-select.js';
export { type Unique, type UniqueOptions, unique, uniqueConsecutive } from './ops/indexing-unique.js';
export {
  indexAdd,
  indexCopy,
  indexFill,
  indexReduce,
  type ScatterReduction,
  scatter,
  scatterReduce,
} from './ops/indexing-write.js';
export { broadcastShapes, isFloatingPoint, isSigned, t } from './ops/like.js';
export * as linalg from './ops/linalg.js';
export { det, slogdet } from './ops/linalg-det.js';
export {
  type LowRankSvd,
  type PcaLowrankOptions,
  pcaLowrank,
  type SvdLowrankOptions,
  svdLowrank,
} from './ops/linalg-lowrank.js';
export { matrixExp, matrixPower } from './ops/linalg-products.js';
export {
  choleskyInverse,
  choleskySolve,
  geqrf,
  inverse,
  type LuUnpackOptions,
  logdet,
  luUnpack,
  type OrmqrOptions,
  orgqr,
  ormqr,
  pinverse,
  type UpperArguments,
} from './ops/linalg-torch.js';
export { type MatmulOptions, matmul } from './ops/matmul.js';
export { type LinearActivation, type LinearOptions, linear } from './ops/matmul-linear.js';
export {
  type AddedProductOptions,
  addbmm,
  addmm,
  addmv,
  addr,
  baddbmm,
  bmm,
  type ContractedDims,
  dot,
  inner,
  kron,
  mm,
  mv,
  outer,
  tensordot,
  vdot,
} from './ops/matmul-products.js';
export {
  type GroupNormOptions,
  groupNorm,
  type LayerNormOptions,
  layerNorm,
  type RMSNormOptions,
  rmsNorm,
} from './ops/norm.js';
export { type BatchNormOptions, batchNorm } from './ops/norm-batch.js';
export { type InstanceNormOptions, instanceNorm } from './ops/norm-instance.js';
export { type PaddingMode, type PadMode, type PadOptions, pad } from './ops/padding.js';
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
} from './ops/pool.js';
export type { LPPoolArguments, LPPoolOptions } from './ops/pool-lp.js';
export {
  type AdaptiveMaxPoolOptions,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from './ops/pool-max.js';
export type {
  AdaptivePoolOptions,
  AdaptiveSize,
  AvgPool2dOptions,
  AvgPoolOptions,
  MaxPoolOptions,
} from './ops/pool-sizes.js';
export {
  normal,
  type RandomOptions,
  rand,
  randint,
  randn,
  randperm,
} from './ops/random.js';
export {
  alphaDropout,
  type DropoutOptions,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
  type StochasticDepthOptions,
  stochasticDepth,
} from './ops/random-dropout.js';
export {
  bernoulli,
  randintLike,
  randLike,
  randnLike,
} from './ops/random-like.js';
export { type MultinomialOptions, multinomial } from './ops/random-multinomial.js';
export { channelShuffle, pixelUnshuffle } from './ops/rearrange.js';
export { all, any, cumsum, mean, prod, type ReduceOptions, sum, type TotalOptions } from './ops/reduce.js';
export {
  amax,
  amin,
  aminmax,
  type CovOptions,
  corrcoef,
  countNonzero,
  cov,
  cumulativeTrapezoid,
  type DiffOptions,
  diff,
  nanmean,
  nansum,
  stdMean,
  type TrapezoidArguments,
  type TrapezoidOptions,
  trapezoid,
  varMean,
} from './ops/reduce-composed.js';
export {
  cross,
  dist,
  type GradientOptions,
  gradient,
  renorm,
} from './ops/reduce-differences.js';
export { argmax, argmin, type Extremes, max, min, type PositionOptions } from './ops/reduce-extremes.js';
export {
  type ModeArguments,
  median,
  mode,
  nanmedian,
  nanquantile,
  type QuantileArguments,
  type QuantileOptions,
  quantile,
} from './ops/reduce-order.js';
export {
  cummax,
  cummin,
  cumprod,
  logcumsumexp,
} from './ops/reduce-running.js';
export {
  logsumexp,
  type NormArguments,
  type NormOptions,
  norm,
  std,
  type VarArguments,
  type VarOptions,
  var,
} from './ops/reduce-statistics.js';
export { type RotaryOptions, rotaryEmbedding } from './ops/rotary.js';
export {
  expand,
  flatten,
  flip,
  permute,
  reshape,
  squeeze,
  tile,
  transpose,
  tril,
  triu,
  unsqueeze,
} from './ops/shape.js';
export {
  broadcastTensors,
  broadcastTo,
  cartesianProd,
  combinations,
  type MeshgridArguments,
  type MeshgridOptions,
  meshgrid,
} from './ops/shape-combine.js';
export {
  type DiagonalArguments,
  type DiagonalPlace,
  diag,
  diagEmbed,
  diagflat,
  diagonal,
  type OffsetArguments,
  trace,
  trilIndices,
  triuIndices,
} from './ops/shape-diagonal.js';
export {
  atleast1d,
  atleast2d,
  atleast3d,
  blockDiag,
  columnStack,
  concat,
  dstack,
  hstack,
  type Tensors,
  vstack,
} from './ops/shape-join.js';
export { movedim, swapaxes, swapdims } from './ops/shape-order.js';
export { fliplr, flipud, narrow, ravel, roll, rot90, select, unbind, unflatten } from './ops/shape-parts.js';
export { dsplit, hsplit, type Sections, tensorSplit, vsplit } from './ops/shape-sections.js';
export { cat, chunk, slice, split, stack } from './ops/shape-slice.js';
export { logSoftmax, softmax } from './ops/softmax.js';
export { argsort, type SortOptions, sort, topk } from './ops/sort.js';
export {
  type Histogram,
  type HistogramClassOptions,
  type HistogramddOptions,
  type HistogramOfPoints,
  histogram,
  histogramdd,
} from './ops/sort-histogram.js';
export {
  type IsinOptions,
  isin,
  type KthvalueOptions,
  kthvalue,
  msort,
  type NonzeroStaticOptions,
  nonzeroStatic,
  unravelIndex,
} from './ops/sort-kth.js';
export {
  bucketize,
  type SearchOptions,
  type SearchsortedOptions,
  searchsorted,
} from './ops/sort-search.js';
export type { FoldOptions, UnfoldOptions } from './ops/unfold.js';
export { type InterpolateFunctionOptions, type InterpolateOptions, interpolate, pixelShuffle } from './ops/upsample.js';
export type { PerDimension } from './ops/windows.js';
export * as optim from './optim/index.js';
export * as privacy from './privacy/index.js';
export {
  type Compilable,
  type CompiledStep,
  type CompileOptions,
  compile,
  type Given,
  type Traced,
} from './program/compile.js';
export type { RunOptions, RunResult } from './program/feeder.js';
export * as rl from './rl/index.js';
export * as robust from './robust/index.js';
export type { Shape } from './shape.js';
export { Tensor } from './tensor.js';
export * as train from './train/index.js';

/** Which BLAS, instruction-set level and number of threads the library runs on. */
export function buildInfo(): BuildInfo {
  return native.buildInfo();
}
