import './methods.js';

export { type BackwardOptions, backward, grad } from './autograd/engine.js';
export { type GradcheckOptions, gradcheck, gradgradcheck, numericalGradient } from './autograd/gradcheck.js';
export { graphDot, graphText, type LeafNames } from './autograd/graph.js';
export { customFunction, registerHook, retainGrad } from './autograd/hooks.js';
export { enableGrad, isGradEnabled, noGrad } from './autograd/tape.js';
export type { DType, TypedArray } from './dtype.js';
export * from './errors.js';
export { freeMemory, getNumThreads, memoryStats, scope, setMemoryLimit, setNumThreads } from './memory.js';
export type { BuildInfo, MemoryStats } from './native.js';
export * from './ops/copy.js';
export { arange, eye, full, fullLike, linspace, ones, onesLike, zeros, zerosLike } from './ops/creation.js';
export { add, mul, type Operand } from './ops/elementwise.js';
export type { Shape } from './shape.js';
export { type NestedArray, Tensor, type TensorData, type TensorOptions, tensor } from './tensor.js';

import { native } from './native.js';

/** Which BLAS, instruction-set level and number of threads the library runs on. */
export function buildInfo(): import('./native.js').BuildInfo {
  return native.buildInfo();
}
