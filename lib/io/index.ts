// Files: weights as safetensors, checkpoints of whole trainings, pictures as PNG.
export {
  type LoadCheckpointOptions,
  latestCheckpoint,
  loadCheckpoint,
  type SaveCheckpointOptions,
  saveCheckpoint,
} from './checkpoint.js';
export type { CheckpointState, CheckpointTargets, CheckpointValue, Stateful } from './checkpoint-state.js';
export { load, loadAsync, loadMetadata, loadTorch } from './load.js';
export * as onnx from './onnx/index.js';
export { encodePng, type Image, writePng } from './png.js';
export { safeOpen, TensorFile } from './safe-open.js';
export { type SaveOptions, type StateDict, save, saveAsync } from './save.js';
export type { SavedDType } from './save-options.js';
