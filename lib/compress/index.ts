/** Smaller and faster models: pruning, shared weights, distillation, integers in place of floats. @module */

export { type ClusterOptions, cluster } from './clusters.js';
export { attentionLoss, type DistillationOptions, distillationLoss, featureLoss } from './distill.js';
export { type FakeQuantizeOptions, fakeQuantize } from './fake-quantize.js';
export { makePermanent, type PruneOptions, type PruningMethod, prune, type Sparsity, sparsity } from './prune.js';
export {
  convert,
  type PrepareOptions,
  prepare,
  prepareQat,
  type QuantizeOptions,
  quantizeDynamic,
} from './quantize.js';
export { PruningSchedule, type PruningScheduleOptions } from './schedule.js';
export { type ShrinkOptions, shrink } from './shrink.js';
