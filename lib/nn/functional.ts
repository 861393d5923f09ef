// What layers and losses compute, as functions under PyTorch's names.
export {
  elu,
  gelu,
  hardtanh,
  leakyRelu,
  mish,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from '../ops/activation.js';
export {
  celu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  logsigmoid,
  prelu,
  relu6,
  rrelu,
  softmin,
  softshrink,
  softsign,
  tanhshrink,
  threshold,
} from '../ops/activation-composed.js';
export { scaledDotProductAttention } from '../ops/attention.js';
export { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from '../ops/conv.js';
export { cosineSimilarity, normalize, pairwiseDistance, pdist } from '../ops/distance.js';
export { embedding } from '../ops/embedding.js';
export { embeddingBag } from '../ops/embedding-bag.js';
export {
  type AffineGridArguments,
  affineGrid,
  type GridOptions,
  type GridSampleArguments,
  type GridSampleOptions,
  gridSample,
} from '../ops/grid-sample.js';
export { oneHot } from '../ops/indexing.js';
export { linear } from '../ops/matmul-linear.js';
export { groupNorm, layerNorm, rmsNorm } from '../ops/norm.js';
export { batchNorm } from '../ops/norm-batch.js';
export { instanceNorm } from '../ops/norm-instance.js';
export { pad } from '../ops/padding.js';
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
} from '../ops/pool.js';
export {
  type FractionalMaxPoolArguments,
  type FractionalMaxPoolIndicesArguments,
  type FractionalMaxPoolOptions,
  fractionalMaxPool2d,
  fractionalMaxPool3d,
} from '../ops/pool-fractional.js';
export { lpPool1d, lpPool2d, lpPool3d } from '../ops/pool-lp.js';
export {
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from '../ops/pool-max.js';
export {
  type MaxUnpoolArguments,
  type MaxUnpoolOptions,
  maxPool1dWithIndices,
  maxPool2dWithIndices,
  maxPool3dWithIndices,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
} from '../ops/pool-unpool.js';
export {
  alphaDropout,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
  stochasticDepth,
} from '../ops/random-dropout.js';
export { gumbelSoftmax } from '../ops/random-gumbel.js';
export { bilinear, channelShuffle, localResponseNorm, pixelUnshuffle } from '../ops/rearrange.js';
export { logSoftmax, softmax } from '../ops/softmax.js';
export { fold, unfold } from '../ops/unfold.js';
export { interpolate, pixelShuffle } from '../ops/upsample.js';
export { type GradientPenaltyOptions, gradientPenalty } from './gradient-penalty.js';
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
} from './loss.js';
export { ntXentLoss } from './loss-contrastive.js';
export { ctcLoss } from './loss-ctc.js';
export {
  linearCrossEntropy,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  sigmoidFocalLoss,
} from './loss-labels.js';
export { gaussianNllLoss, klDiv, poissonNllLoss } from './loss-likelihood.js';
export {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  marginRankingLoss,
  softMarginLoss,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from './loss-margin.js';
export { cornLoss, cornProbabilities, pinballLoss } from './loss-ordered.js';
