// One step of `fit`: forward, backward and update for a group of batches, and the sums of their losses.

import { backward } from '../backward/engine.js';
import { ArgumentError, describe } from '../errors.js';
import { clipGradNorm_ } from '../nn/clip-grad.js';
import { DistributedDataParallel } from '../nn/data-parallel.js';
import type { Module } from '../nn/module.js';
import type { AveragedModel } from '../optim/averaged-model.js';
import type { LRScheduler } from '../optim/lr-scheduler.js';
import { Optimizer } from '../optim/optimizer.js';
import type { Tensor } from '../tensor.js';
import { outputOf, type Parts, samplesIn } from './batch.js';
import type { LossFunction } from './losses.js';
import type { LossSums } from './sums.js';

/** @internal An optimizer as training sees it. */
export interface AnyOptimizer {
  readonly paramGroups: readonly { lr: number; params: Tensor[] }[];
  zeroGrad(): void;
  step(): unknown;
  stateDict(): unknown;
  loadStateDict(state: never): unknown;
}

/** @internal An optimizer that has parameters of the model. */
export function checkOptimizer(operation: string, model: Module, optimizer: unknown): AnyOptimizer {
  if (!(optimizer instanceof Optimizer)) {
    const hint = 'new optim.Adam(model.parameters()), say';
    throw new ArgumentError(`${operation}: optimizer must be an optimizer, got ${describe(optimizer)}; ${hint}`);
  }
  const own = new Set(model.parameters());
  if (optimizer.paramGroups.some((group) => (group.params as Tensor[]).some((p) => own.has(p)))) {
    return optimizer as unknown as AnyOptimizer;
  }
  const rule = 'optimizer must have parameters of the model, got none of them';
  throw new ArgumentError(`${operation}: ${rule}; make it of model.parameters()`);
}

/** @internal What is saved and averaged of a model: a `DistributedDataParallel` has it inside. */
export function innerOf(model: Module): Module {
  return model instanceof DistributedDataParallel ? model.module : model;
}

/** @internal What a step is made of. */
export interface StepParts {
  model: Module;
  loss: LossFunction;
  optimizer: AnyOptimizer;
  /** A schedule that counts steps. */
  schedule: LRScheduler | null;
  clipGradNorm: number | null;
  ema: AveragedModel | null;
  sums: LossSums;
}

/** @internal The function of a step; it can be compiled. The loss of a group of batches is the mean over their samples. */
export function stepFunction(operation: string, parts: StepParts): (group: Parts[]) => void {
  const { model, loss, optimizer, schedule, clipGradNorm, ema, sums } = parts;
  const params = optimizer.paramGroups.flatMap((group) => group.params);
  const update = (group: Parts[]): void => {
    const counts = group.map((batch) => samplesIn(operation, batch));
    const all = counts.reduce((a, b) => a + b);
    const one = (batch: Parts, count: number): void => {
      const value = loss.of(outputOf(model, batch.input), batch.target, batch.weights);
      sums.add(value.all, count, batch.weights);
      backward(group.length === 1 ? value.total : value.total.mul(count / all));
    };
    group.forEach((batch, i) => {
      const run = () => one(batch, counts[i] as number);
      // Several processes exchange the gradients of all batches at once.
      if (model instanceof DistributedDataParallel && i < group.length - 1) model.noSync(run);
      else run();
    });
    if (clipGradNorm !== null) clipGradNorm_(params, clipGradNorm);
    optimizer.step();
    schedule?.step();
    ema?.updateParameters(innerOf(model));
  };
  return (group) => {
    optimizer.zeroGrad();
    try {
      update(group);
    } finally {
      optimizer.zeroGrad();
    }
  };
}
