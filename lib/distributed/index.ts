// `distributed`: training over many processes and machines, on Gloo.
export {
  allGather,
  allGatherObject,
  allReduce_,
  barrier,
  broadcast_,
  broadcastObject,
  type GroupOptions,
  type MessageOptions,
  monitoredBarrier,
  type ReduceOptions,
  recv,
  reduceScatter,
  send,
} from './collectives.js';
export type { ErrorFeedback, ErrorFeedbackState } from './error-feedback.js';
export {
  type ClientPlace,
  FederatedAverage,
  type FederatedAverageOptions,
  type FederatedRound,
} from './federated.js';
export { FileStore } from './file-store.js';
export {
  destroy,
  getLocalRank,
  getRank,
  getWorldSize,
  init,
  isAvailable,
  isInitialized,
  newGroup,
} from './init.js';
export { PeriodicModelAverager, type PeriodicModelAveragerOptions } from './model-averager.js';
export { PipelineStage, type PipelineStepOptions, Schedule1F1B, ScheduleGPipe } from './pipeline.js';
export type { InitOptions, TLSFiles } from './plan.js';
export type { ProcessGroup, ReduceOp } from './process-group.js';
export { broadcastState } from './state.js';
export type { Store } from './store.js';
