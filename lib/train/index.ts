// Helpers for training loops.
export { Progress, type ProgressOptions, type ProgressStream } from './progress.js';
