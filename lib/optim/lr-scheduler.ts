// `optim.lrScheduler`: learning-rate schedulers, under PyTorch's names.
export { CosineAnnealingLR, CosineAnnealingWarmRestarts, type WarmRestartsOptions } from './cosine.js';
export { CyclicLR, type CyclicOptions } from './cyclic.js';
export { LambdaLR, type LRLambda, MultiplicativeLR } from './lambda-lr.js';
export { LRScheduler, type ScheduledGroup, type ScheduledOptimizer, type SchedulerState } from './lr-scheduler-base.js';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.js';
export { type PlateauOptions, ReduceLROnPlateau } from './plateau.js';
export { ChainedScheduler, SequentialLR } from './sequential.js';
export {
  ConstantLR,
  ExponentialLR,
  LinearLR,
  type LinearLROptions,
  MultiStepLR,
  PolynomialLR,
  StepLR,
} from './step-lr.js';
