// What the engine runs: the steps of `fit`, or a step function of the caller.
import { detectAnomaly } from '../backward/anomaly.js';
import { AdjointError, ArgumentError, DistributedError, describe, isPlain } from '../errors.js';
import type { Stateful } from '../io/checkpoint-state.js';
import { Module } from '../nn/module.js';
import { defaultGenerator, type Generator } from '../ops/generator.js';
import { AveragedModel } from '../optim/averaged-model.js';
import type { ReduceLROnPlateau } from '../optim/plateau.js';
import { Tensor } from '../tensor.js';
import { type Parts, partsOf, samplesIn } from './batch.js';
import type { Evaluator } from './evaluate.js';
import type { Groups } from './feed.js';
import type { Runner } from './runner.js';
import type { Schedule } from './schedule.js';
import { snapshot } from './snapshot.js';
import type { AnyOptimizer } from './step.js';
import type { LossSums } from './sums.js';

/** @internal */
export interface Work<Item> {
  readonly operation: string;
  readonly model: Module | null;
  /** The values that there will be, where they are known. */
  readonly names: readonly string[] | null;
  /** What is saved in checkpoints, by name. */
  readonly things: Readonly<Record<string, Stateful | Generator>>;
  itemOf(batch: unknown): { item: Item; samples: number };
  /** The buffers of all models. */
  buffers(): Tensor[];
  /** Makes a step of each group. */
  run(groups: Groups<Item>): Promise<void>;
  /** Sums since the last call, and what they mean. */
  take(): Record<string, readonly [sum: number, count: number]>;
  /** Sums that have not been taken, for checkpoints. */
  sums(): unknown;
  setSums(state: unknown): void;
  /** The learning rate, if there is one. */
  rate(): Record<string, number>;
  validate: (() => Promise<Record<string, number>>) | null;
  /** Ends an epoch with these values: schedules that count epochs step. */
  endEpoch(values: Readonly<Record<string, number>>): void;
  /** Keeps the state, to find the first NaN of the steps that follow. */
  keep(): void;
  /** The error of the first NaN, and how many of the steps since then come before its own. */
  findNaN(): { error: Error; before: number } | null;
  dispose(): void;
}

type Things = Work<unknown>['things'];

function buffersOf(things: Things): Tensor[] {
  const models = Object.values(things).map((thing) => (thing instanceof AveragedModel ? thing.module : thing));
  return models.flatMap((model) => (model instanceof Module ? model.buffers() : []));
}

interface FitParts {
  operation: string;
  model: Module;
  optimizer: AnyOptimizer;
  schedule: Schedule | null;
  things: Readonly<Record<string, Stateful | Generator>>;
  names: readonly string[] | null;
  step: (group: Parts[]) => void;
  runner: Runner<void>;
  sums: LossSums;
  evaluator: Evaluator | null;
  validate: (() => Promise<Record<string, number>>) | null;
}

/** @internal The steps of `fit`. */
export class FitWork implements Work<Parts> {
  readonly operation: string;
  readonly model: Module;
  readonly names: readonly string[] | null;
  readonly things: Readonly<Record<string, Stateful | Generator>>;
  readonly validate: (() => Promise<Record<string, number>>) | null;
  #kept: { putBack: () => void; groups: Parts[][] } | null = null;

  constructor(private readonly parts: FitParts) {
    ({ operation: this.operation, model: this.model, names: this.names, things: this.things } = parts);
    this.validate = parts.validate;
  }

  itemOf(batch: unknown): { item: Parts; samples: number } {
    const item = partsOf(this.operation, batch);
    return { item, samples: samplesIn(this.operation, item) };
  }

  buffers(): Tensor[] {
    return buffersOf(this.things);
  }

  run(groups: Groups<Parts>): Promise<void> {
    return this.parts.runner.run(this.#kept === null ? groups : this.#noted(groups, this.#kept.groups));
  }

  async *#noted(groups: Groups<Parts>, into: Parts[][]): AsyncIterableIterator<Parts[]> {
    for await (const group of groups) {
      into.push(group);
      yield group;
    }
  }

  take(): Record<string, readonly [number, number]> {
    const { sums } = this.parts;
    const taken = sums.take();
    const count = taken.at(-1) as number;
    return Object.fromEntries(sums.names.map((name, i) => [name, [taken[i] as number, count] as const]));
  }

  sums(): Float64Array {
    return this.parts.sums.get();
  }

  setSums(state: unknown): void {
    this.parts.sums.set(state);
  }

  rate(): Record<string, number> {
    return { lr: this.parts.optimizer.paramGroups[0]?.lr as number };
  }

  endEpoch(values: Readonly<Record<string, number>>): void {
    const { schedule } = this.parts;
    if (schedule === null || schedule.every === 'step') return;
    if (schedule.monitor === null) (schedule.scheduler as { step(): void }).step();
    else (schedule.scheduler as ReduceLROnPlateau).step(values[schedule.monitor] as number);
  }

  keep(): void {
    this.#kept = { putBack: snapshot([...Object.values(this.#trained()), defaultGenerator()]), groups: [] };
  }

  // The data is no part of it: its batches are kept.
  #trained(): Record<string, Stateful | Generator> {
    const { data: _, ...trained } = this.things as Record<string, Stateful | Generator>;
    return trained;
  }

  findNaN(): { error: Error; before: number } | null {
    if (this.#kept === null) return null;
    const { putBack, groups } = this.#kept;
    putBack();
    for (const [before, group] of groups.entries()) {
      const undo = snapshot([...Object.values(this.#trained()), defaultGenerator()]);
      try {
        detectAnomaly(() => this.parts.step(group));
      } catch (error) {
        undo();
        this.parts.optimizer.zeroGrad();
        // Another process that has found its own says so.
        if (error instanceof AdjointError && !(error instanceof DistributedError)) return { error, before };
        throw error;
      }
    }
    return null;
  }

  dispose(): void {
    this.parts.runner.dispose();
    this.parts.evaluator?.dispose();
  }
}

/** What a step function of the caller gives: numbers and tensors of one element, by name. */
export type StepValues = Readonly<Record<string, number | Tensor>>;

/**
 * A step of the caller's, given a batch of the data, or undefined where there is none. It may be asynchronous, and gives
 * {@link StepValues} or nothing.
 */
// biome-ignore lint/suspicious/noExplicitAny: batches are what the data makes
export type StepFunction = (batch: any) => unknown;

interface OwnParts {
  operation: string;
  step: StepFunction;
  things: Readonly<Record<string, Stateful | Generator>>;
  validate: (() => Promise<Record<string, number>>) | null;
}

/** @internal A step function of the caller. */
export class OwnWork implements Work<unknown> {
  readonly operation: string;
  readonly model = null;
  readonly names = null;
  readonly things: Readonly<Record<string, Stateful | Generator>>;
  readonly validate: (() => Promise<Record<string, number>>) | null;
  #sums: Record<string, [number, number]> = {};

  constructor(private readonly parts: OwnParts) {
    ({ operation: this.operation, things: this.things, validate: this.validate } = parts);
  }

  itemOf(batch: unknown): { item: unknown; samples: number } {
    return { item: batch, samples: samplesOf(batch) };
  }

  buffers(): Tensor[] {
    return buffersOf(this.things);
  }

  async run(groups: Groups<unknown>): Promise<void> {
    for await (const [batch] of groups) {
      const values = await this.parts.step(batch);
      if (values !== undefined) this.#add(values);
    }
  }

  #add(values: unknown): void {
    if (!isPlain(values)) {
      const hint = 'return { loss }, say';
      throw new ArgumentError(`${this.operation}: step must give values by name, got ${describe(values)}; ${hint}`);
    }
    for (const [name, given] of Object.entries(values)) {
      const value = given instanceof Tensor && given.size === 1 ? given.item() : given;
      if (typeof value !== 'number') {
        throw new ArgumentError(`${this.operation}: ${name} of the step must be a number, got ${describe(given)}`);
      }
      const sum = this.#sums[name];
      if (sum === undefined) this.#sums[name] = [value, 1];
      else {
        sum[0] += value;
        sum[1]++;
      }
    }
  }

  take(): Record<string, readonly [number, number]> {
    const taken = this.#sums;
    this.#sums = {};
    return taken;
  }

  sums(): unknown {
    return this.#sums;
  }

  setSums(state: unknown): void {
    this.#sums = isPlain(state) ? (state as Record<string, [number, number]>) : {};
  }

  rate(): Record<string, number> {
    return {};
  }

  endEpoch(): void {}

  keep(): void {}

  findNaN(): null {
    return null;
  }

  dispose(): void {}
}

// Of batches that are not those of `fit`, as well as it can be told.
function samplesOf(batch: unknown): number {
  const first = Array.isArray(batch) ? batch[0] : batch;
  return first instanceof Tensor && first.rank > 0 ? (first.shape[0] as number) : 0;
}
