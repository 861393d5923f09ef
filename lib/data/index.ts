// Data to train on: datasets, the loader that makes batches of them, and files.
export { type AugmentOptions, type AugmentRange, augment } from './augment.js';
export { type Collated, defaultCollate } from './collate.js';
export type {
  CategoryColumn,
  Cell,
  Column,
  ColumnSchema,
  ColumnType,
  NumericColumn,
  Row,
  TextColumn,
} from './column.js';
export { ConcatDataset, StackDataset, type Stacked, Subset } from './combined.js';
export { type CsvStreamOptions, csv, csvStream } from './csv.js';
export type { CsvOptions } from './csv-options.js';
export { Dataset, TensorDataset } from './dataset.js';
export { Features, type FeaturesJSON, type FeaturesOptions, type FeatureTensors } from './features.js';
export type { FeatureTransform } from './features-fit.js';
export type { FeatureRows } from './features-rows.js';
export { type Fold, GroupKFold, KFold, type KFoldOptions, StratifiedKFold } from './folds.js';
export { type IdxArray, readIdx } from './idx.js';
export { type ImageFolder, type ImageFolderOptions, imageFolder } from './image-folder.js';
export { ChainDataset, IterableDataset, type ShardOptions } from './iterable.js';
export { type JsonlOptions, jsonl, jsonlStream } from './jsonl.js';
export { DataLoader } from './loader.js';
export type { DataLoaderOptions } from './loader-options.js';
export type { DataLoaderState } from './loader-state.js';
export { mnist } from './mnist.js';
export { type PadSequenceOptions, padSequence } from './pad-sequence.js';
export { parquet } from './parquet.js';
export { rows } from './rows.js';
export {
  type GeneratorOptions,
  RandomSampler,
  type RandomSamplerOptions,
  Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedRandomSamplerOptions,
} from './sampler.js';
export { BatchSampler, BucketBatchSampler, type BucketBatchSamplerOptions } from './sampler-batch.js';
export { DistributedSampler, type DistributedSamplerOptions } from './sampler-distributed.js';
export type { ByteSource } from './sources.js';
export { randomSplit, type TrainTestParts, type TrainTestSplitOptions, trainTestSplit } from './split.js';
export type { Part, RowValues, Splittable } from './split-values.js';
export { standardise } from './standardise.js';
export { Table } from './table.js';
export type { TableStreamOptions } from './table-batches.js';
export type { TableOptions } from './table-builder.js';
export { type Label, Labels, TargetScaler, type Targets } from './targets.js';
