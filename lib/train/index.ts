// Training: the loop with events, callbacks and checkpoints, and helpers for loops of your own.
export type { Batch, BatchSource } from './batch.js';
export { Checkpoint, type CheckpointOptions } from './checkpoint.js';
export { EarlyStopping, type EarlyStoppingOptions } from './early-stopping.js';
export { type EvaluateOptions, evaluate } from './evaluate.js';
export type {
  Callback,
  CheckpointEvent,
  EndEvent,
  EpochEvent,
  EpochRecord,
  StartEvent,
  StepEvent,
  TrainEvent,
  Training,
  TrainResult,
  ValidateEvent,
  Values,
  WarningEvent,
} from './events.js';
export { type FindLearningRateOptions, findLearningRate, type LearningRates } from './find-learning-rate.js';
export { fit, run } from './fit.js';
export { GradualUnfreezing, type GradualUnfreezingOptions } from './gradual-unfreezing.js';
export { type Importance, type ImportanceOptions, permutationImportance } from './importance.js';
export { CsvLog, JsonLog, type LogOptions } from './logs.js';
export type { Loss, Losses } from './losses.js';
export type { Metric, StreamingMetric } from './metrics.js';
export type { MonitorOptions } from './monitor.js';
export { NaNGuard } from './nan-guard.js';
export type { FitOptions, RunOptions, TrainOptions } from './options.js';
export { type PredictOptions, predict, predictStream } from './predict.js';
export { Progress, type ProgressOptions, type ProgressStream } from './progress.js';
export type { Numbers } from './record.js';
export { type ReportOptions, report } from './report.js';
export { type Position, RunLog, type RunLogOptions } from './run-log.js';
export type { ShownSample } from './run-samples.js';
export type { ScheduleOptions } from './schedule.js';
export { type RunServer, type ServeOptions, serve } from './serve.js';
export { ShowProgress, type ShowProgressOptions } from './show-progress.js';
export { type TabularOptions, type TabularProgress, tabular } from './tabular.js';
export type { EpochReport } from './tabular-learn.js';
export { type TabularColumn, type TabularField, TabularModel, type TabularProvenance } from './tabular-model.js';
export type { TabularScores } from './tabular-scores.js';
export type { TabularSettings } from './tabular-settings.js';
export type { Label, TabularTask } from './tabular-target.js';
export type { TabularTrial } from './tabular-tune.js';
export { type Scalar, TensorBoard, type TensorBoardOptions } from './tensorboard.js';
export type { EmbeddingOptions as TensorBoardEmbeddingOptions } from './tensorboard-embedding.js';
export type { DataFormats } from './tensorboard-image.js';
export { TensorBoardLog, type TensorBoardLogOptions } from './tensorboard-log.js';
export type { Hparam } from './tensorboard-proto.js';
export type { HistogramOptions as TensorBoardHistogramOptions } from './tensorboard-values.js';
export type { StepFunction, StepValues } from './work.js';
