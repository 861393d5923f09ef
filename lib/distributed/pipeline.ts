import { optionsOf, type Positional } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import {
  ArgumentError,
  checkFunction,
  checkInteger,
  describe,
  formatShape,
  ShapeError,
  StateError,
} from '../errors.js';
import type { Module } from '../nn/module.js';
import { cat } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { checkTensor, Tensor } from '../tensor.js';
import type { GroupOptions } from './collectives.js';
import { tellOthers } from './failures.js';
import { groupOf } from './init.js';
import { receiveAny, sendAny } from './pipeline-messages.js';
import type { ProcessGroup } from './process-group.js';

/** Options of a schedule's `step`. */
export interface PipelineStepOptions {
  /** The batch, in the process of the first stage; its first dimension is cut into the micro-batches. */
  x?: Tensor;
  /** What the loss compares the output with, in the process of the last stage: one for each sample. */
  target?: Tensor;
  /** Gets the loss of each micro-batch, in the process of the last stage. */
  losses?: Tensor[];
}

type Stage = Module & { forward(x: Tensor): Tensor };

/**
 * One part of a model that was split by hand: that of this process. Stage i is in the process of rank i; it gets the output of
 * stage i - 1, one tensor, and gives its own to stage i + 1. A schedule runs it: {@link ScheduleGPipe}, {@link Schedule1F1B}.
 *
 * @throws ArgumentError when the stages are not as many as the processes of the group
 * @example
 * await distributed.init();
 * const stage = new distributed.PipelineStage(model, distributed.getRank(), distributed.getWorldSize());
 * const schedule = new distributed.ScheduleGPipe(stage, 4, nn.functional.crossEntropy);
 * await distributed.destroy();
 */
export class PipelineStage<M extends Stage = Stage> {
  /** This process's part. */
  readonly submodule: M;
  /** Which part it is, from 0. */
  readonly stageIndex: number;
  /** How many there are. */
  readonly numStages: number;
  /** @internal */
  readonly _group: ProcessGroup;

  /**
   * @param submodule takes one tensor and gives one
   * @param stageIndex the rank of this process in the group
   * @param numStages the number of processes of the group
   */
  constructor(submodule: M, stageIndex: number, numStages: number, options: GroupOptions = {}) {
    const name = 'PipelineStage';
    if (typeof submodule?.forward !== 'function' || typeof submodule.parameters !== 'function') {
      throw new ArgumentError(`${name}: submodule must be a module, got ${describe(submodule)}`);
    }
    checkOptions(name, options, ['group']);
    const group = groupOf(name, options.group);
    this.stageIndex = checkInteger(name, 'stageIndex', stageIndex, group.rank, group.rank);
    this.numStages = checkInteger(name, 'numStages', numStages, group.size, group.size);
    this.submodule = submodule;
    this._group = group;
  }

  get isFirst(): boolean {
    return this.stageIndex === 0;
  }

  get isLast(): boolean {
    return this.stageIndex === this.numStages - 1;
  }
}

/** What a stage does: forward or backward of one micro-batch. */
type Action = readonly ['forward' | 'backward', number];

const forwards = (from: number, to: number): Action[] =>
  Array.from({ length: to - from }, (_, i): Action => ['forward', from + i]);
const backwards = (from: number, to: number): Action[] =>
  Array.from({ length: to - from }, (_, i): Action => ['backward', from + i]);

/** A micro-batch on its way. */
interface Passed {
  /** What it was given; a leaf, but in the first stage. */
  readonly x: Tensor;
  readonly y: Tensor;
  /** In the last stage. */
  readonly loss: Tensor | null;
}

/** What schedules have in common. */
abstract class Schedule {
  readonly #stage: PipelineStage;
  readonly #count: number;
  readonly #lossFn: (output: Tensor, target: Tensor) => Tensor;

  /**
   * @param stage that of this process
   * @param nMicrobatches into how many parts a batch is cut
   * @param lossFn a mean over samples, of the last stage's output and of the target; all processes may give it
   */
  constructor(stage: PipelineStage, nMicrobatches: number, lossFn: (output: Tensor, target: Tensor) => Tensor) {
    const { name } = new.target;
    if (!(stage instanceof PipelineStage)) {
      throw new ArgumentError(`${name}: stage must be a PipelineStage, got ${describe(stage)}`);
    }
    this.#stage = stage;
    this.#count = checkInteger(name, 'nMicrobatches', nMicrobatches, 1, 2 ** 20);
    checkFunction(name, 'lossFn', lossFn);
    this.#lossFn = lossFn;
  }

  /** @internal What stage `index` of `stages` does with `count` micro-batches, in order. */
  protected abstract order(index: number, stages: number, count: number): readonly Action[];

  /**
   * Passes a batch through all stages, and its gradients back. All processes call it; each adds to the gradients of its own part
   * those of the mean loss, as `backward` does.
   *
   * @param args x: the batch, where the first stage is; target and losses: where the last one is
   * @returns the output for the whole batch in the process of the last stage, null in the others
   * @throws DistributedError that names a process that is lost, or whose part has failed; gradients may be incomplete then
   */
  async step(...args: Positional<PipelineStepOptions, [x: 'x']>): Promise<Tensor | null> {
    const operation = `${this.constructor.name}.step`;
    const settings = optionsOf<PipelineStepOptions>(operation, args, ['x'], ['target', 'losses']);
    const { isLast } = this.#stage;
    const xs = this.#parts(operation, 'x', settings.x, this.#stage.isFirst);
    const targets = this.#parts(operation, 'target', settings.target, isLast);
    const { stageIndex, numStages } = this.#stage;
    const losses = isLast ? settings.losses : undefined;
    if (losses !== undefined && !Array.isArray(losses)) {
      throw new ArgumentError(`${operation}: losses must be an array, got ${describe(losses)}`);
    }
    return this.#run(operation, this.order(stageIndex, numStages, this.#count), xs, targets, losses);
  }

  /**
   * Passes a batch through all stages without gradients, for predictions.
   *
   * @param x the batch, in the process of the first stage
   * @returns the output in the process of the last stage, null in the others
   */
  async eval(x?: Tensor): Promise<Tensor | null> {
    const operation = `${this.constructor.name}.eval`;
    const xs = this.#parts(operation, 'x', x, this.#stage.isFirst);
    return this.#run(operation, forwards(0, this.#count), xs, [], undefined);
  }

  #parts(operation: string, name: string, value: unknown, isHere: boolean): readonly Tensor[] {
    if (!isHere) {
      if (value === undefined) return [];
      const where = name === 'x' ? 'first' : 'last';
      throw new ArgumentError(`${operation}: ${name} must be given in the process of the ${where} stage alone`);
    }
    const t = checkTensor(operation, name, value);
    const [size] = t.shape;
    if (size === undefined || size === 0 || size % this.#count !== 0) {
      throw new ShapeError(
        `${operation}: the first dimension of ${name} must be a multiple of ${this.#count} micro-batches, got ${formatShape(t.dims)}`,
      );
    }
    return t.chunk(this.#count, 0);
  }

  async #run(
    operation: string,
    actions: readonly Action[],
    xs: readonly Tensor[],
    targets: readonly Tensor[],
    losses: Tensor[] | undefined,
  ): Promise<Tensor | null> {
    refuseReading(operation, 'call it outside of the compiled function');
    const { _group: group, isLast } = this.#stage;
    group._checkOpen(operation);
    const work = new Passage(this.#stage, this.#count, actions.length > this.#count, xs, targets, this.#lossFn);
    try {
      for (const [what, i] of actions) await work[what](i);
      await Promise.all(work.sent);
    } catch (error) {
      await tellOthers(group, 'in a pipeline', error);
      throw error;
    }
    for (const loss of work.losses) losses?.push(loss);
    return isLast ? cat(work.outputs, 0) : null;
  }
}

/** One batch on its way through a stage. */
class Passage {
  readonly sent: Promise<void>[] = [];
  readonly outputs: Tensor[] = [];
  readonly losses: Tensor[] = [];
  readonly #passed = new Map<number, Passed>();

  constructor(
    readonly stage: PipelineStage,
    readonly count: number,
    readonly isTraining: boolean,
    readonly xs: readonly Tensor[],
    readonly targets: readonly Tensor[],
    readonly lossFn: (output: Tensor, target: Tensor) => Tensor,
  ) {}

  async forward(i: number): Promise<void> {
    const { _group: group, stageIndex, submodule, isFirst, isLast } = this.stage;
    const x = isFirst ? (this.xs[i] as Tensor) : await receiveAny(group, stageIndex - 1);
    const target = this.targets[i];
    const y = this.isTraining ? submodule.forward(x) : noGrad(() => submodule.forward(x));
    if (!(y instanceof Tensor)) {
      throw new StateError(`PipelineStage: submodule must return one tensor, got ${describe(y)}`);
    }
    const loss = target === undefined ? null : this.lossFn(y, target);
    if (isLast) this.outputs.push(y.detach());
    else this.#send(y, stageIndex + 1);
    if (loss !== null) this.losses.push(loss.detach());
    if (this.isTraining) this.#passed.set(i, { x, y, loss });
  }

  async backward(i: number): Promise<void> {
    const { _group: group, stageIndex, isFirst } = this.stage;
    const { x, y, loss } = this.#passed.get(i) as Passed;
    this.#passed.delete(i);
    if (loss !== null) loss.div(this.count).backward();
    else if (y.requiresGrad) y.backward(await receiveAny(group, stageIndex + 1));
    if (!isFirst && x.requiresGrad) this.#send((x.grad ?? x.mul(0)).detach(), stageIndex - 1);
  }

  #send(t: Tensor, to: number): void {
    const sending = sendAny(this.stage._group, t, to);
    sending.catch(() => {}); // the step waits for it at its end
    this.sent.push(sending);
  }
}

/**
 * GPipe: a batch is cut into micro-batches, so that stages work at the same time; each does all forward passes, and then all
 * backward passes. The gradients are those of one process with the whole model, to rounding.
 *
 * From: Huang et al., "GPipe: Efficient training of giant neural networks using pipeline parallelism" (2019,
 * https://arxiv.org/abs/1811.06965).
 *
 * @example
 * await distributed.init();
 * const part = nn.sequential(new nn.Linear(3, 8), nn.functional.relu, new nn.Linear(8, 2)); // in a run of one process: all
 * const stage = new distributed.PipelineStage(part, 0, 1);
 * const schedule = new distributed.ScheduleGPipe(stage, 4, nn.functional.crossEntropy);
 * const losses: Tensor[] = [];
 * await schedule.step(randn([8, 3]), { target: randint(2, [8]), losses });
 * await distributed.destroy();
 */
export class ScheduleGPipe extends Schedule {
  protected order(_index: number, _stages: number, count: number): readonly Action[] {
    return [...forwards(0, count), ...backwards(0, count)];
  }
}

/**
 * One forward, one backward: as {@link ScheduleGPipe}, but each stage goes back with a micro-batch as soon as it can, so that it keeps
 * the intermediate results of at most as many micro-batches as there are stages from it to the last one.
 *
 * From: Narayanan et al., "PipeDream: Generalized pipeline parallelism for DNN training" (2019,
 * https://doi.org/10.1145/3341301.3359646).
 *
 * @example
 * await distributed.init();
 * const stage = new distributed.PipelineStage(new nn.Linear(3, 2), 0, 1);
 * const schedule = new distributed.Schedule1F1B(stage, 4, nn.functional.crossEntropy);
 * await schedule.step(randn([8, 3]), { target: randint(2, [8]) });
 * await distributed.destroy();
 */
export class Schedule1F1B extends Schedule {
  protected order(index: number, stages: number, count: number): readonly Action[] {
    const ahead = Math.min(count, stages - index);
    const steady = forwards(ahead, count).flatMap((action, i): Action[] => [['backward', i], action]);
    return [...forwards(0, ahead), ...steady, ...backwards(count - ahead, count)];
  }
}
