// `func`: derivatives of functions as functions, and modules as functions of their parameters, as in torch.func.
export { type FunctionalCallOptions, functionalCall, type NamedTensors, stackModuleState } from './modules.js';
export { perSampleGradients } from './per-sample.js';
export { type AnyFunction, type Derivative, type GradOptions, grad, gradAndValue, hessian, jacrev, jvp, vjp } from './transforms.js'; // biome-ignore format: one line
export type { Tree } from './trees.js';
