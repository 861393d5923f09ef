// Losses and metrics over data.
import { noGrad } from '../autograd/tape.js';
import { type AdjointError, ArgumentError, checkFlag, describe } from '../errors.js';
import { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { type BatchSource, checkData, outputOf, type Parts, partsOf, samplesIn } from './batch.js';
import type { Values } from './events.js';
import { Feed } from './feed.js';
import { type Loss, type Losses, LossFunction } from './losses.js';
import { type Metric, Metrics } from './metrics.js';
import { type CompileMode, Runner } from './runner.js';
import { innerOf } from './step.js';
import { LossSums } from './sums.js';
import { Team } from './team.js';

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /** A loader, or another iterable of batches. */
  data: BatchSource;
  /** As for `fit`. */
  loss?: Loss | Losses;
  /** The weights of several losses, by name; default 1. */
  lossWeights?: Readonly<Record<string, number>>;
  /** By name. */
  metrics?: Readonly<Record<string, Metric>>;
  /** Whether the forward pass is compiled; default: where the model allows. */
  compile?: boolean;
}

/**
 * The mean losses over the samples of some data, and metrics: in evaluation mode, without gradients. The modes of the modules
 * are as before afterwards. With a `nn.DistributedDataParallel`, they are those over the data of all processes, in each.
 *
 * @param options data, loss, lossWeights, metrics, compile
 * @returns `loss`, `loss.name` where there are several, and the metrics under their names
 * @throws ArgumentError for data without a batch, or without loss and metrics
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(x.detach(), labels), { batchSize: 16 });
 * const accuracy = (output: Tensor, target: Tensor) => output.argmax(1).eq(target).to('float32').mean();
 * await train.evaluate(model, { data: loader, loss: nn.functional.crossEntropy, metrics: { accuracy } });
 */
export async function evaluate(model: Module, options: EvaluateOptions): Promise<Record<string, number>> {
  const name = 'evaluate';
  checkModel(name, model);
  checkOptions(name, options, ['data', 'loss', 'lossWeights', 'metrics', 'compile']);
  const { data, loss, lossWeights, metrics } = (options ?? {}) as Partial<EvaluateOptions>;
  if (loss === undefined && metrics === undefined) {
    throw new ArgumentError(`${name}: loss or metrics must be given, got neither`);
  }
  const team = Team.of([model]);
  const evaluator = new Evaluator(name, innerOf(model), {
    data: checkData(name, 'data', data),
    loss: loss === undefined ? null : new LossFunction(name, loss, lossWeights),
    metrics: new Metrics(name, metrics, team !== null),
    compile: checkMode(name, options.compile),
    team,
  });
  try {
    await team?.share(model.buffers()); // so that it is one model
    return await evaluator.run();
  } catch (error) {
    throw team === null ? error : await team.failed(name, error);
  } finally {
    evaluator.dispose();
  }
}

/** @internal */
export function checkModel(operation: string, model: unknown): Module {
  if (model instanceof Module) return model;
  throw new ArgumentError(`${operation}: model must be a module, got ${describe(model)}`);
}

/** @internal */
export function checkMode(operation: string, compile: unknown): CompileMode {
  return compile === undefined ? 'auto' : checkFlag(operation, 'compile', compile);
}

/** @internal Runs `fn` while all modules are in evaluation mode. */
export async function inEvaluation<T>(model: Module, fn: () => Promise<T>): Promise<T> {
  const before = model.modules().map((m) => [m, m.training] as const);
  model.eval();
  try {
    return await fn();
  } finally {
    for (const [m, training] of before) m.training = training;
  }
}

interface Evaluation {
  data: BatchSource;
  loss: LossFunction | null;
  metrics: Metrics;
  compile: CompileMode;
  /** Those whose data counts, too. */
  team: Team | null;
}

/** @internal Evaluates again and again, with one compiled function. */
export class Evaluator {
  readonly names: readonly string[];
  readonly #sums: LossSums | null;
  readonly #runner: Runner<unknown>;
  #waiting: Parts[] = []; // those whose results are to come

  constructor(
    private readonly operation: string,
    private readonly model: Module,
    private readonly o: Evaluation,
    onEager: (error: AdjointError) => void = () => {},
  ) {
    const { loss, metrics } = o;
    this.names = [...(loss?.names ?? []), ...metrics.names];
    this.#sums = loss === null ? null : new LossSums(loss.names);
    const forward = (group: Parts[]) => noGrad(() => this.#forward(group[0] as Parts));
    this.#runner = new Runner<unknown>(forward, o.compile, onEager, (output) => this.#use(output));
  }

  #forward(batch: Parts): unknown {
    const output = outputOf(this.model, batch.input);
    const losses = this.o.loss?.of(output, batch.target, batch.weights);
    if (losses !== undefined) this.#sums?.add(losses.all, samplesIn(this.operation, batch), batch.weights);
    return this.o.metrics.names.length === 0 ? undefined : output;
  }

  #use(output: unknown): void {
    const batch = this.#waiting.shift() as Parts;
    this.o.metrics.update(output, batch.target, batch.weights as Tensor, samplesIn(this.operation, batch));
  }

  async run(): Promise<Record<string, number>> {
    const { data, metrics } = this.o;
    this.#waiting = [];
    this.#sums?.take();
    metrics.reset();
    const feed = new Feed<Parts>(data, 1, (batch) => {
      const item = partsOf(this.operation, batch);
      this.#waiting.push(item);
      return { item, samples: samplesIn(this.operation, item) };
    });
    await inEvaluation(this.model, () => this.#runner.run(feed.next(Number.POSITIVE_INFINITY)));
    feed.check();
    const own = { groups: feed.groups, sums: this.#sums?.take() ?? [] };
    const { team } = this.o;
    const all = team === null ? [own] : await team.gather({ ...own, metrics: metrics.states() });
    if (all.every(({ groups }) => groups === 0)) {
      throw new ArgumentError(`${this.operation}: data must hold a batch, got none`);
    }
    const sums = own.sums.map((_, i) => all.reduce((sum, one) => sum + (one.sums[i] as number), 0));
    const losses: Values = this.#sums?.means(sums) ?? {};
    const merged = all as { metrics?: unknown[] }[];
    return {
      ...losses,
      ...(team === null ? metrics.compute() : metrics.computeOf(merged.map((one) => one.metrics as unknown[]))),
    };
  }

  dispose(): void {
    this.#runner.dispose();
  }
}
