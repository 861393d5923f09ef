// Data to train on: datasets, the loader that makes batches of them, and files.
export { type AugmentOptions, type AugmentRange, augment } from './augment.js';
export { type Collated, collate } from './collate.js';
export { ConcatDataset, Subset } from './combined.js';
export { type Dataset, TensorDataset } from './dataset.js';
export { type IdxArray, readIdx } from './idx.js';
export { DataLoader, type DataLoaderOptions } from './loader.js';
export { mnist } from './mnist.js';
export { standardise } from './standardise.js';
