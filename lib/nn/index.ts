export * from './activation.js';
export * from './activation-composed.js';
export { type AttendOptions, MultiheadAttention, type MultiheadAttentionOptions } from './attention.js';
export {
  Flatten,
  type FlattenOptions,
  Identity,
  type Layer,
  type Layers,
  Sequential,
  sequential,
} from './containers.js';
export { ModuleDict, type Named, ParameterDict } from './containers-dict.js';
export { ModuleList, ParameterList } from './containers-list.js';
export * from './conv.js';
export {
  DistributedDataParallel,
  type DistributedDataParallelOptions,
  type GradientCompression,
} from './data-parallel.js';
export * from './distance.js';
export * from './dropout.js';
export * from './embedding.js';
export * as functional from './functional.js';
export type {
  BackwardHook,
  BackwardPreHook,
  ForwardHook,
  ForwardPreHook,
  Gradients,
} from './hooks.js';
export * as init from './init.js';
export { KeyValueCache } from './key-value-cache.js';
export * from './lazy.js';
export { Linear, type LinearLayerOptions } from './linear.js';
export { LoRA, type LoRAOptions } from './lora.js';
export type {
  BinaryCrossEntropyOptions,
  BinaryCrossEntropyWithLogitsOptions,
  CrossEntropyOptions,
  NLLLossOptions,
} from './loss.js';
export type { ElementWeightOptions, LossOptions, Reduction, WeightedArguments } from './loss-common.js';
export type { NTXentLossOptions } from './loss-contrastive.js';
export { CTCLoss, type CTCLossArguments, type CTCLossOptions, type Lengths } from './loss-ctc.js';
export type {
  LinearCrossEntropyOptions,
  MultiMarginArguments,
  MultiMarginOptions,
  SigmoidFocalLossOptions,
} from './loss-labels.js';
export type { GaussianNLLLossOptions, KLDivOptions, PoissonNLLLossOptions } from './loss-likelihood.js';
export * from './loss-linear.js';
export type {
  DistanceFunction,
  MarginArguments,
  MarginOptions,
  TripletMarginArguments,
  TripletMarginOptions,
  TripletMarginWithDistanceOptions,
} from './loss-margin.js';
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  L1Loss,
  type Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from './loss-modules.js';
export * from './loss-modules-labels.js';
export * from './loss-modules-likelihood.js';
export * from './loss-modules-margin.js';
export { Module } from './module.js';
export {
  GroupNorm,
  type GroupNormLayerOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LayerNorm,
  type LayerNormLayerOptions,
  RMSNorm,
  type RMSNormLayerOptions,
} from './norm.js';
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormLayerOptions } from './norm-batch.js';
export { SyncBatchNorm, type SyncBatchNormArguments, type SyncBatchNormOptions } from './norm-sync.js';
export * from './padding.js';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
} from './pool.js';
export * from './pool-fractional.js';
export * from './pool-lp.js';
export * from './pool-max.js';
export * from './pool-unpool.js';
export { SinusoidalPositions } from './positions.js';
export * from './rearrange.js';
export * from './recurrent.js';
export * from './recurrent-cells.js';
export type { LSTMState } from './recurrent-common.js';
export * from './recurrent-module.js';
export { Buffer, Parameter } from './roles.js';
export type { StateDict } from './state.js';
export {
  type EncodeLayerOptions,
  type EncodeOptions,
  type FeedForwardActivation,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerEncoderOptions,
  type TransformerLayerOptions,
} from './transformer.js';
export * from './transformer-decoder.js';
export * from './transformer-whole.js';
export { type TaskKind, UncertaintyWeighting } from './uncertainty-weighting.js';
export * from './unfold.js';
export * from './upsample.js';
export * as utils from './utils.js';
