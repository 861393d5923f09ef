export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from './cosine.js';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.js';
export { type PlateauOptions, ReduceLROnPlateau } from './plateau.js';
export { type ScheduledGroup, type ScheduledOptimizer, Scheduler, type SchedulerState } from './scheduler.js';
export { SequentialLR } from './sequential.js';
export { ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR } from './simple.js';
