// Helpers for training loops.

export { type Importance, type ImportanceOptions, permutationImportance } from './importance.js';
export { Progress, type ProgressOptions, type ProgressStream } from './progress.js';
export type { Numbers } from './record.js';
export { type ReportOptions, report } from './report.js';
export { type Position, RunLog, type RunLogOptions, type ShownSample } from './run-log.js';
