// How good predictions are: functions of all samples, and classes that count batch by batch.
export {
  Accuracy,
  type AccuracyOptions,
  accuracyScore,
  BalancedAccuracy,
  type BalancedAccuracyOptions,
  balancedAccuracyScore,
  ConfusionMatrix,
  type ConfusionMatrixOptions,
  confusionMatrix,
} from './accuracy.js';
export {
  CohenKappa,
  type CohenKappaOptions,
  cohenKappaScore,
  MatthewsCorrcoef,
  matthewsCorrcoef,
} from './agreement.js';
export {
  AreaMetric,
  type AreaOptions,
  AveragePrecision,
  averagePrecisionScore,
  type ClassAverage,
  RocAuc,
  rocAucScore,
} from './areas.js';
export {
  type Calibration,
  CalibrationCurve,
  type CalibrationOptions,
  calibrationCurve,
  ExpectedCalibrationError,
  expectedCalibrationError,
} from './calibration.js';
export {
  PearsonCorrcoef,
  pearsonCorrcoef,
  R2,
  type R2Multioutput,
  type R2Options,
  r2Score,
  SpearmanCorrcoef,
  spearmanCorrcoef,
} from './correlation.js';
export {
  type CurveOptions,
  type PrecisionRecall,
  PrecisionRecallCurve,
  precisionRecallCurve,
  type Roc,
  RocCurve,
  rocCurve,
} from './curves.js';
export { frechetDistance, type InceptionScoreOptions, inceptionScore } from './generated.js';
export { LabelMetric, type LabelOptions } from './labels.js';
export { MeanMetric } from './mean.js';
export { Metric, type MetricState, type SampleWeight } from './metric.js';
export { Perplexity, type PerplexityOptions, perplexity } from './perplexity.js';
export {
  type Average,
  F1,
  Fbeta,
  type FbetaOptions,
  FoundMetric,
  f1Score,
  fbetaScore,
  Precision,
  type PrecisionOptions,
  precisionScore,
  Recall,
  recallScore,
  type Scores,
} from './precision-recall.js';
export {
  type BrierOptions,
  BrierScoreLoss,
  brierScoreLoss,
  LogLoss,
  type LogLossOptions,
  logLoss,
  TopKAccuracy,
  type TopKOptions,
  topKAccuracyScore,
} from './probabilities.js';
export { RankingMetric, type RankingOptions } from './ranking.js';
export {
  ErrorMetric,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanPinballLoss,
  MeanSquaredError,
  type Multioutput,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanPinballLoss,
  meanSquaredError,
  type Outputs,
  type PinballOptions,
  type RegressionOptions,
  RootMeanSquaredError,
  rootMeanSquaredError,
} from './regression.js';
export { Ndcg, ndcgScore, RecallAtK, type RetrievalOptions, recallAtK } from './retrieval.js';
export { f1Thresholds } from './thresholds.js';
export type { Values } from './values.js';
