// Training a model: `fit`, and `run`, which it consumes.
import { ArgumentError, checkInteger, checkNumber, describe, isClass, isPlain } from '../errors.js';
import type { Stateful } from '../io/checkpoint-state.js';
import { DistributedDataParallel } from '../nn/data-parallel.js';
import { Module } from '../nn/module.js';
import { AveragedModel } from '../optim/averaged-model.js';
import { EMA } from '../optim/ema.js';
import type { LRScheduler } from '../optim/lr-scheduler.js';
import { checkOptions } from '../options.js';
import { checkData } from './batch.js';
import { Engine } from './engine.js';
import { checkMode, Evaluator } from './evaluate.js';
import type { TrainEvent, TrainResult } from './events.js';
import { Feed } from './feed.js';
import { LossFunction } from './losses.js';
import { Metrics } from './metrics.js';
import {
  engineOptions,
  type FitOptions,
  partsOfState,
  type RunOptions,
  reserved,
  reservedByFit,
  seed,
} from './options.js';
import { Runner } from './runner.js';
import { checkLength, scheduleOf } from './schedule.js';
import { checkOptimizer, innerOf, stepFunction } from './step.js';
import { LossSums } from './sums.js';
import { Team } from './team.js';
import { together, wantedOf } from './together.js';
import { FitWork, OwnWork, type StepFunction } from './work.js';

const common = ['epochs', 'maxSteps', 'callbacks', 'signal', 'sigint', 'seed', 'logEvery', 'resume', 'state', 'data'];
const ofFit = [
  'loss',
  'lossWeights',
  'optimizer',
  'schedule',
  'validate',
  'metrics',
  'clipGradNorm',
  'accumulate',
  'ema',
];

/**
 * Trains a model on batches of input and target: forward, loss, backward, update, epoch by epoch. The numbers are bit for bit
 * those of the plain loop, compiled or not, and of a training that was resumed. With `distributed`, or as a
 * `nn.DistributedDataParallel`, it trains in all processes of a run together.
 *
 * @param options see {@link FitOptions}
 * @returns the history of the epochs, and why training ended
 * @throws ArgumentError for options that do not fit each other, before anything is changed; what the model, the data and
 *   callbacks throw
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(x.detach(), labels), { batchSize: 16, shuffle: true, seed: 1 });
 * const { history } = await train.fit(model, { data: loader, loss: nn.functional.crossEntropy, optimizer, epochs: 2 });
 */
export async function fit(model: Module, options: FitOptions): Promise<TrainResult> {
  let result: TrainResult | undefined;
  const listens = options?.callbacks?.some?.((c) => c?.onWarning !== undefined);
  for await (const event of start('fit', model, options)) {
    if (event.type === 'end') result = event.result;
    if (event.type === 'warning' && !listens) {
      process.emitWarning(`fit: ${event.message}`, {
        type: 'AdjointWarning',
        code: `ADJOINT_FIT_${event.code.toUpperCase()}`,
      });
    }
  }
  return result as TrainResult;
}

/**
 * The same as {@link fit}, as events one after the other: each comes when no step is going on, and training goes on when the next
 * one is asked for; leaving the loop ends it. In place of a model it takes a step function of yours, for models that are
 * trained in their own way: the values that it gives are reported, and `state` names what its checkpoints hold.
 *
 * @param options those of `fit`, or {@link RunOptions}
 * @throws ArgumentError for options that do not fit each other
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(x.detach(), labels), { batchSize: 16 });
 * const options = { data: loader, loss: nn.functional.crossEntropy, optimizer };
 * for await (const event of train.run(model, options)) if (event.type === 'epoch') console.log(event.values.loss);
 */
export function run(model: Module, options: FitOptions): AsyncGenerator<TrainEvent, void, undefined>;
export function run(step: StepFunction, options: RunOptions): AsyncGenerator<TrainEvent, void, undefined>;
export function run(
  model: Module | StepFunction,
  options: FitOptions | RunOptions,
): AsyncGenerator<TrainEvent, void, undefined> {
  if (model instanceof Module) return start('run', model, options as FitOptions);
  if (typeof model !== 'function' || isClass(model)) {
    throw new ArgumentError(`run: model must be a module or a step function, got ${describe(model)}`);
  }
  return startOwn('run', model, options as RunOptions);
}

function startOwn(name: string, step: StepFunction, options: RunOptions): AsyncGenerator<TrainEvent, void, undefined> {
  checkOptions(name, options, [...common, 'validate']);
  const o = options ?? {};
  if (o.data === undefined && o.maxSteps === undefined) {
    throw new ArgumentError(`${name}: data or maxSteps must be given, got neither`);
  }
  if (o.validate !== undefined && typeof o.validate !== 'function') {
    throw new ArgumentError(`${name}: validate must be a function that gives values, got ${describe(o.validate)}`);
  }
  const data = o.data === undefined ? null : checkData(name, 'data', o.data);
  const { things, values } = partsOfState(name, o.state, data, reserved);
  const engine = engineOptions(name, o, data, 1, values);
  seed(name, o);
  const work = new OwnWork({
    operation: name,
    step,
    things,
    validate: validationOf(name, o.validate as () => unknown, Team.of(Object.values(things))),
  });
  return new Engine(work, engine).run();
}

function start(name: string, model: Module, options: FitOptions): AsyncGenerator<TrainEvent, void, undefined> {
  if (!(model instanceof Module)) {
    const hint = typeof model === 'function' ? '; train.run takes step functions' : '';
    throw new ArgumentError(`${name}: model must be a module, got ${describe(model)}${hint}`);
  }
  checkOptions(name, options, [...common, ...ofFit, 'compile', 'distributed']);
  const { distributed, ...o } = (options ?? {}) as FitOptions;
  const how = wantedOf(name, distributed);
  return how === null ? begin(name, model, o) : together(model, o, how, (m, own) => begin(name, m, own));
}

function begin(name: string, model: Module, o: FitOptions): AsyncGenerator<TrainEvent, void, undefined> {
  const data = checkData(name, 'data', o.data);
  const loss = new LossFunction(name, o.loss, o.lossWeights);
  const optimizer = checkOptimizer(name, model, o.optimizer);
  const accumulate = checkInteger(name, 'accumulate', o.accumulate ?? 1, 1);
  const clipGradNorm =
    o.clipGradNorm === undefined ? null : checkNumber(name, 'clipGradNorm', o.clipGradNorm, { min: 0, open: true });
  const inner = innerOf(model);
  const ema = emaOf(name, inner, o.ema);
  const mode = checkMode(name, o.compile);
  const team = Team.of([model]);
  const metrics = new Metrics(name, o.metrics, team !== null);
  const isOwnValidation = typeof o.validate === 'function';
  if (metrics.names.length > 0 && (o.validate === undefined || isOwnValidation)) {
    throw new ArgumentError(`${name}: metrics are those of the validation, got no data for it; give validate a loader`);
  }
  const { things: more, values } = partsOfState(name, o.state, data, reservedByFit);
  const engine = engineOptions(name, o, data, accumulate, values);
  const validation = o.validate === undefined || isOwnValidation ? null : checkData(name, 'validate', o.validate);
  const validated = validation === null ? [] : [...loss.names, ...metrics.names].map((key) => `validation.${key}`);
  const names = [...loss.names, 'lr', ...validated];
  const schedule = scheduleOf(name, o.schedule, names);
  const steps = Feed.length(data, accumulate);
  checkLength(name, schedule, engine.epochs, steps && Math.min(engine.maxSteps, steps * engine.epochs));
  seed(name, o);
  if (!model.training) model.train();
  const things = {
    model: inner,
    optimizer: o.optimizer,
    ...(schedule !== null && { schedule: schedule.scheduler }),
    ...(ema !== null && { ema }),
    ...errorFeedbackOf(model),
    ...more,
  };
  const sums = new LossSums(loss.names);
  const perStep = schedule?.every === 'step' ? (schedule.scheduler as LRScheduler) : null;
  const step = stepFunction(name, { model, loss, optimizer, schedule: perStep, clipGradNorm, ema, sums });
  const warnings: { run?: Engine<never> } = {};
  const onEager = (what: string) => (error: Error) =>
    warnings.run?.warn('eager', `${what} is not compiled: ${error.message}`, error);
  const evaluator =
    validation === null
      ? null
      : new Evaluator(
          name,
          ema?.module ?? inner,
          { data: validation, loss, metrics, compile: mode, team },
          onEager('validation'),
        );
  const runner = new Runner<void>(step, mode, onEager('the step'));
  const validate = evaluator === null ? validationOf(name, o.validate as () => unknown, team) : prefixed(evaluator);
  const work = new FitWork({
    ...{ operation: name, model, optimizer, schedule, things, names: isOwnValidation ? null : names },
    ...{ step, runner, sums, evaluator, validate },
  });
  const engineRun = new Engine(work, engine);
  warnings.run = engineRun as unknown as Engine<never>;
  return engineRun.run();
}

// What compression has left of the gradients is part of the training.
function errorFeedbackOf(model: Module): Record<string, Stateful> {
  return model instanceof DistributedDataParallel && model._isCompressed ? { errorFeedback: model.errorFeedback } : {};
}

function prefixed(evaluator: Evaluator): () => Promise<Record<string, number>> {
  return async () => {
    const values = await evaluator.run();
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [`validation.${key}`, value]));
  };
}

function validationOf(
  name: string,
  validate: (() => unknown) | undefined,
  team: Team | null,
): (() => Promise<Record<string, number>>) | null {
  if (validate === undefined) return null;
  return async () => {
    const values = await validate();
    if (isPlain(values) && Object.values(values).every((value) => typeof value === 'number')) {
      if (team === null) return { ...(values as Record<string, number>) };
      return meansOver(await team.gather(values as Record<string, number>));
    }
    throw new ArgumentError(`${name}: validate must give numbers by name, got ${describe(values)}`);
  };
}

// The means over all processes, whose decisions are then the same.
function meansOver(all: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(all[0] as Record<string, number>);
  const mean = (key: string) => all.reduce((sum, values) => sum + (values[key] as number), 0) / all.length;
  return Object.fromEntries(names.map((key) => [key, mean(key)]));
}

function emaOf(name: string, model: Module, ema: unknown): AveragedModel | null {
  if (ema === undefined) return null;
  if (ema instanceof AveragedModel) return ema;
  if (typeof ema === 'number') return new EMA(model, checkNumber(name, 'ema', ema, { min: 0, max: 1 }));
  throw new ArgumentError(`${name}: ema must be an averaged model or its decay, got ${describe(ema)}; optim.EMA, say`);
}
