// Batches as `fit` takes them.
import { IterableDataset } from '../data/iterable.js';
import { DataLoader } from '../data/loader.js';
import { ArgumentError, describe, isPlain } from '../errors.js';
import type { Module } from '../nn/module.js';
import { type Pulled, pull } from '../pulled.js';
import { Tensor } from '../tensor.js';

/**
 * A batch: inputs and targets, each a tensor, or an array or plain object of tensors, and a weight for each sample. An array of
 * inputs is what `forward` takes one by one.
 */
export type Batch =
  | readonly [input: unknown, target: unknown, weights?: Tensor]
  | { readonly input: unknown; readonly target: unknown; readonly weights?: Tensor };

/** @internal A batch by names, and how many samples it has. */
export interface Parts {
  input: unknown;
  target: unknown;
  weights: Tensor | undefined;
}

/** @internal */
export function partsOf(operation: string, batch: unknown): Parts {
  if (Array.isArray(batch) && (batch.length === 2 || batch.length === 3)) {
    return checkWeights(operation, { input: batch[0], target: batch[1], weights: batch[2] });
  }
  if (isPlain(batch) && 'input' in batch && 'target' in batch) {
    const { input, target, weights } = batch as { input: unknown; target: unknown; weights?: Tensor };
    return checkWeights(operation, { input, target, weights });
  }
  const rule = 'a batch must be [input, target], [input, target, weights] or { input, target, weights }';
  throw new ArgumentError(
    `${operation}: ${rule}, got ${describe(batch)}; give the loader a transform: ([x]) => [x, x], say`,
  );
}

function checkWeights(operation: string, parts: Parts): Parts {
  const { weights } = parts;
  if (weights === undefined) return parts;
  if (!(weights instanceof Tensor) || weights.rank !== 1 || weights.size !== samplesIn(operation, parts)) {
    const got = weights instanceof Tensor ? `[${weights.shape.join(', ')}]` : describe(weights);
    throw new ArgumentError(`${operation}: weights of a batch must be one for each sample, got ${got}`);
  }
  return parts;
}

/** @internal The samples of a batch: the first size of its first tensor. */
export function samplesIn(operation: string, { input, target }: Parts): number {
  const first = firstTensor(input) ?? firstTensor(target);
  if (first === null || first.rank === 0) {
    const got = first === null ? 'none' : 'a scalar';
    throw new ArgumentError(
      `${operation}: a batch must hold a tensor whose first dimension is that of samples, got ${got}`,
    );
  }
  return first.shape[0] as number;
}

function firstTensor(value: unknown): Tensor | null {
  if (value instanceof Tensor) return value;
  if (!Array.isArray(value) && !isPlain(value)) return null;
  for (const v of Object.values(value)) {
    const t = firstTensor(v);
    if (t !== null) return t;
  }
  return null;
}

/** @internal What a model gives for the input of a batch. */
export function outputOf(model: Module, input: unknown): unknown {
  return Array.isArray(input) ? model.forward(...input) : model.forward(input);
}

/** Data that can be read again and again, one pass an epoch. */
export type BatchSource = (Iterable<unknown> | AsyncIterable<unknown>) & { readonly length?: number };

/** @internal */
export function checkData(operation: string, name: string, data: unknown): BatchSource {
  const { get } = Object(data) as { get?: unknown };
  const isIterable =
    typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data);
  if (!isIterable || data instanceof Tensor) {
    const hint =
      typeof get === 'function'
        ? 'new data.DataLoader(dataset, { batchSize: 32 })'
        : 'data.DataLoader, or an array of batches';
    throw new ArgumentError(
      `${operation}: ${name} must be a loader or another iterable of batches, got ${describe(data)}; use ${hint}`,
    );
  }
  if (lengthOf(data as BatchSource) === 0) {
    throw new ArgumentError(`${operation}: ${name} must hold a batch, got none`);
  }
  return data as BatchSource;
}

/** @internal How many batches there are, where that is known. */
export function lengthOf(data: BatchSource): number | undefined {
  if (data instanceof DataLoader && data.dataset instanceof IterableDataset) return undefined;
  const { length } = data as { length?: unknown };
  return typeof length === 'number' && Number.isInteger(length) && length >= 0 ? length : undefined;
}

/** @internal Tells samplers such as `data.DistributedSampler` which epoch begins. */
export function startEpoch(data: BatchSource | null, epoch: number): void {
  if (data instanceof DataLoader) data._setEpoch(epoch);
}

/** @internal One pass over the data, and whether nobody else has its tensors. */
export function passOver(data: BatchSource): { batches: Pulled<unknown>; areFresh: boolean } {
  return data instanceof DataLoader ? data._pass() : { batches: pull<unknown>(data), areFresh: false };
}
