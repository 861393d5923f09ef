// `nn.utils`: functions over the parameters of a model.
export {
  type ClipGradNormOptions,
  clipGradNorm_,
  clipGradsWithNorm_,
  clipGradValue_,
  getTotalNorm,
  type TotalNormOptions,
} from './clip-grad.js';
export { parametersToVector, vectorToParameters } from './convert-parameters.js';
export { freeze, type NamePattern, unfreeze } from './freeze.js';
export {
  type Convolution,
  fuseConvBnEval,
  fuseConvBnWeights,
  fuseLinearBnEval,
  fuseLinearBnWeights,
  type TransposeArguments,
} from './fuse.js';
export * as rnn from './packed-functions.js';
export * as parametrizations from './parametrizations.js';
export * as parametrize from './parametrize.js';
