// Finding a learning rate by trying a range of them.
import { ArgumentError, checkInteger, checkNumber, describe } from '../errors.js';
import { isStateful } from '../io/checkpoint-state.js';
import { Module } from '../nn/module.js';
import { defaultGenerator } from '../ops/generator.js';
import type { Optimizer } from '../optim/optimizer.js';
import { checkOptions } from '../options.js';
import { type BatchSource, checkData, type Parts, partsOf, samplesIn } from './batch.js';
import { Feed } from './feed.js';
import { type Loss, type Losses, LossFunction } from './losses.js';
import { snapshot } from './snapshot.js';
import { checkOptimizer, stepFunction } from './step.js';
import { LossSums } from './sums.js';
import { Team } from './team.js';

/** Options of {@link findLearningRate}. */
export interface FindLearningRateOptions {
  /** A loader, or another iterable of batches, as for `fit`. */
  data: BatchSource;
  loss: Loss | Losses;
  lossWeights?: Readonly<Record<string, number>>;
  // biome-ignore lint/suspicious/noExplicitAny: of any options and state
  optimizer: Optimizer<any, any>;
  /** The lowest learning rate; default 1e-7. */
  from?: number;
  /** The highest; default 10. */
  to?: number;
  /** How many are tried, each for one step; default 100. */
  steps?: number;
}

/** What {@link findLearningRate} gives. */
export interface LearningRates {
  /** The learning rates that were tried, and the loss with each, smoothed. */
  rates: number[];
  losses: number[];
  /** The rate where the loss falls most steeply: a good one to begin with. */
  suggestion: number;
}

const smoothing = 0.05; // the part of each new loss in the average
const tooMuch = 4; // times the best loss: it diverges

/**
 * Trains for some steps with a learning rate that grows from one to the next by a factor, and tells how the loss goes (Smith,
 * "Cyclical learning rates for training neural networks", 2015, https://arxiv.org/abs/1506.01186). It ends early when the loss
 * exceeds four times the best. Model, optimizer and random generator are then as they were.
 *
 * @param options data, loss, lossWeights, optimizer, from, to, steps
 * @throws ArgumentError for data without a batch, or when the loss is not finite from the first step on
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(x.detach(), labels), { batchSize: 16 });
 * const options = { data: loader, loss: nn.functional.crossEntropy, optimizer, steps: 20 };
 * const { suggestion } = await train.findLearningRate(model, options);
 */
export async function findLearningRate(model: Module, options: FindLearningRateOptions): Promise<LearningRates> {
  const name = 'findLearningRate';
  if (!(model instanceof Module)) throw new ArgumentError(`${name}: model must be a module, got ${describe(model)}`);
  checkOptions(name, options, ['data', 'loss', 'lossWeights', 'optimizer', 'from', 'to', 'steps']);
  const o = (options ?? {}) as FindLearningRateOptions;
  const data = checkData(name, 'data', o.data);
  const loss = new LossFunction(name, o.loss, o.lossWeights);
  const from = checkNumber(name, 'from', o.from ?? 1e-7, { min: 0, open: true });
  const to = checkNumber(name, 'to', o.to ?? 10, { min: from, open: true });
  const steps = checkInteger(name, 'steps', o.steps ?? 100, 2);
  const optimizer = checkOptimizer(name, model, o.optimizer);
  const sums = new LossSums(loss.names);
  const none = { schedule: null, clipGradNorm: null, ema: null };
  const step = stepFunction(name, { model, loss, optimizer, sums, ...none });
  const things = [model, o.optimizer, defaultGenerator(), ...(isStateful(data) ? [data] : [])];
  const team = Team.of([model]); // whose losses decide together
  const putBack = snapshot(things);
  const training = model.training;
  try {
    if (!training) model.train();
    const rate = (i: number): number => from * (to / from) ** (i / (steps - 1));
    const losses = await tried(name, data, steps, async (i, batch) => {
      const first = optimizer.paramGroups[0] as { lr: number };
      const factor = rate(i) / first.lr;
      for (const group of optimizer.paramGroups) group.lr *= factor;
      first.lr = rate(i);
      step([batch]);
      const all = team === null ? [sums.take()] : await team.gather(sums.take());
      return sums.means(all.reduce((a, b) => a.map((value, k) => value + (b[k] as number)))).loss as number;
    });
    const rates = losses.map((_, i) => rate(i));
    return { rates, losses, suggestion: steepest(name, rates, losses) };
  } finally {
    putBack();
    if (!training) model.eval();
  }
}

/** The smoothed losses, up to where they diverge. */
async function tried(
  name: string,
  data: BatchSource,
  steps: number,
  step: (i: number, batch: Parts) => Promise<number>,
): Promise<number[]> {
  const losses: number[] = [];
  const itemOf = (batch: unknown) => {
    const item = partsOf(name, batch);
    return { item, samples: samplesIn(name, item) };
  };
  let average = 0;
  let best = Number.POSITIVE_INFINITY;
  while (losses.length < steps) {
    const feed = new Feed<Parts>(data, 1, itemOf);
    for await (const [batch] of feed.next(steps - losses.length)) {
      const loss = await step(losses.length, batch as Parts);
      average += smoothing * (loss - average);
      const smooth = average / (1 - (1 - smoothing) ** (losses.length + 1));
      if (!Number.isFinite(smooth) || (losses.length > 0 && smooth > tooMuch * best)) return losses;
      best = Math.min(best, smooth);
      losses.push(smooth);
    }
    feed.check();
    if (feed.groups === 0) throw new ArgumentError(`${name}: data must hold a batch, got none`);
  }
  return losses;
}

// The middle of the two rates between which the loss falls most.
function steepest(name: string, rates: readonly number[], losses: readonly number[]): number {
  if (losses.length < 2) {
    throw new ArgumentError(`${name}: the loss must be finite for two steps, got ${losses.length}; give a lower from`);
  }
  let at = 1;
  const fall = (i: number): number => (losses[i] as number) - (losses[i - 1] as number);
  for (let i = 2; i < losses.length; i++) if (fall(i) < fall(at)) at = i;
  return Math.sqrt((rates[at] as number) * (rates[at - 1] as number));
}
