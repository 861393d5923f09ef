export { Adagrad, type AdagradOptions } from './adagrad.js';
export { Adam, type AdamOptions, AdamW } from './adam.js';
export * as lrScheduler from './lr-scheduler.js';
export { Optimizer, type StateOf } from './optimizer.js';
export type { OptionTensor, OptionTensors, ParameterGroup } from './options.js';
export type { GivenGroup, Parameters } from './parameters.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export { SGD, type SGDOptions } from './sgd.js';
export type { OptimizerState } from './state.js';
