export { Adagrad, type AdagradOptions } from './adagrad.js';
export { Adam, type AdamOptions, AdamW } from './adam.js';
export { type ClipGradNormOptions, clipGradNorm_, clipGradValue_ } from './clip.js';
export { Optimizer, type ParameterGroup, type Parameters } from './optimizer.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export * from './schedulers/index.js';
export { SGD, type SGDOptions } from './sgd.js';
export type { OptimizerState } from './state.js';
