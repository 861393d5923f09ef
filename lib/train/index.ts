// Helpers for training loops.

export { type Importance, type ImportanceOptions, permutationImportance } from './importance.js';
export { Progress, type ProgressOptions, type ProgressStream } from './progress.js';
export type { Numbers } from './record.js';
export { type ReportOptions, report } from './report.js';
export { type Position, RunLog, type RunLogOptions, type ShownSample } from './run-log.js';
export type { TabularRows } from './tabular/align.js';
export type { TabularColumn } from './tabular/encoder.js';
export type { EpochReport } from './tabular/learn.js';
export { TabularModel, type TabularProvenance } from './tabular/model.js';
export type { TabularScores } from './tabular/scores.js';
export type { TabularSettings } from './tabular/settings.js';
export { type TabularOptions, type TabularProgress, tabular } from './tabular/tabular.js';
export type { Label, TabularTask } from './tabular/target.js';
