// Predictions over data, in batches.
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkInteger, describe, isPlain } from '../errors.js';
import type { Module } from '../nn/module.js';
import { cat, slice } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { Tensor } from '../tensor.js';
import { type BatchSource, checkData, outputOf, type Parts } from './batch.js';
import { checkMode, checkModel, inEvaluation } from './evaluate.js';
import { Feed } from './feed.js';
import { Runner } from './runner.js';

/** Options of {@link predict} and {@link predictStream}. */
export interface PredictOptions {
  /** The samples in a batch when `data` is a tensor; default 256. */
  batchSize?: number;
  /** Whether the forward pass is compiled; default: where the model allows. */
  compile?: boolean;
}

/** Batches that are computed before the first of them is handed out. */
const ahead = 8;

/**
 * What a model gives for some data, batch by batch, in evaluation mode and without gradients.
 *
 * @param data a tensor of samples, or a loader or another iterable of batches: tensors, or arrays and objects as for `fit`, whose
 *   targets are left out
 * @returns the outputs of all samples, joined
 * @throws ArgumentError for data without a batch
 * @example
 * const scores = await train.predict(model, x.detach(), { batchSize: 16 });
 */
export async function predict<Output = Tensor>(
  model: Module,
  data: Tensor | BatchSource,
  options?: PredictOptions,
): Promise<Output> {
  const outputs: unknown[] = [];
  for await (const output of outputsOf('predict', model, data, options)) outputs.push(output);
  if (outputs.length === 0) throw new ArgumentError('predict: data must hold a batch, got none');
  return join(outputs) as Output;
}

/**
 * The same as {@link predict}, one batch after the other: for data that does not fit into memory.
 *
 * @example
 * for await (const scores of train.predictStream(model, x.detach(), { batchSize: 16 })) console.log(scores.shape);
 */
export function predictStream<Output = Tensor>(
  model: Module,
  data: Tensor | BatchSource,
  options?: PredictOptions,
): AsyncGenerator<Output> {
  return outputsOf('predictStream', model, data, options) as AsyncGenerator<Output>;
}

function outputsOf(
  name: string,
  model: Module,
  data: Tensor | BatchSource,
  options: PredictOptions | undefined,
): AsyncGenerator<unknown> {
  checkModel(name, model);
  checkOptions(name, options, ['batchSize', 'compile']);
  const batchSize = checkInteger(name, 'batchSize', options?.batchSize ?? 256, 1);
  const mode = checkMode(name, options?.compile);
  const batches = data instanceof Tensor ? slices(name, data, batchSize) : checkData(name, 'data', data);
  return generate(model, batches, mode);
}

async function* generate(model: Module, batches: BatchSource, mode: 'auto' | boolean): AsyncGenerator<unknown> {
  let outputs: unknown[] = [];
  const forward = ([batch]: Parts[]) => noGrad(() => outputOf(model, batch?.input));
  const runner = new Runner<unknown>(
    forward,
    mode,
    () => {},
    (output) => outputs.push(output),
  );
  const feed = new Feed<Parts>(batches, 1, (batch) => ({ item: inputOf(batch), samples: 0 }));
  try {
    while (!feed.ended) {
      outputs = [];
      await inEvaluation(model, () => runner.run(feed.next(ahead)));
      yield* outputs;
      feed.check();
    }
  } finally {
    await feed.close();
    runner.dispose();
  }
}

function inputOf(batch: unknown): Parts {
  const isNamed = isPlain(batch) && 'input' in batch;
  const input = Array.isArray(batch) ? batch[0] : isNamed ? (batch as { input: unknown }).input : batch;
  return { input, target: undefined, weights: undefined };
}

function* slices(name: string, x: Tensor, batchSize: number): Generator<Tensor> {
  if (x.rank === 0) throw new ArgumentError(`${name}: data must have a dimension of samples, got a scalar`);
  const samples = x.shape[0] as number;
  for (let start = 0; start < samples; start += batchSize) {
    yield slice(x, { start, end: Math.min(samples, start + batchSize) });
  }
}

function join(outputs: readonly unknown[]): unknown {
  const [first] = outputs;
  if (first instanceof Tensor) return cat(outputs as Tensor[]);
  if (Array.isArray(first)) return first.map((_, i) => join(outputs.map((o) => (o as unknown[])[i])));
  if (isPlain(first)) {
    const keys = Object.keys(first);
    return Object.fromEntries(keys.map((key) => [key, join(outputs.map((o) => (o as Record<string, unknown>)[key]))]));
  }
  throw new ArgumentError(`predict: a model must give tensors, got ${describe(first)}`);
}
