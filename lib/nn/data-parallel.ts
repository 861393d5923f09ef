import { setImmediate as immediate } from 'node:timers/promises';
import { noGrad } from '../autograd/tape.js';
import { watchLeaves } from '../backward/watch.js';
import { currentRecording } from '../context.js';
import { ErrorFeedback } from '../distributed/error-feedback.js';
import { groupOf } from '../distributed/init.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import { gatherNumbers, sumOver } from '../distributed/reduce.js';
import { Reducer } from '../distributed/reducer.js';
import { checkSame, takeFirst, takeFrom } from '../distributed/same.js';
import {
  ArgumentError,
  checkChoice,
  checkFlag,
  checkFunction,
  checkInteger,
  checkNumber,
  describe,
  isPlain,
} from '../errors.js';
import { isPromise } from '../memory.js';
import { full, zeros } from '../ops/creation.js';
import type { Wire } from '../ops/distributed.js';
import { checkOptions } from '../options.js';
import { Module } from './module.js';

/** What of the gradients {@link DistributedDataParallel} sends. */
export interface GradientCompression {
  /**
   * Which part of each bucket's gradients, above 0 and at most 1: those with the largest magnitudes. What is left is added to the next
   * step's gradients (Lin et al., "Deep gradient compression", 2018, https://arxiv.org/abs/1712.01887; Stich et al.,
   * "Sparsified SGD with memory", 2018, https://arxiv.org/abs/1809.07599).
   */
  topK: number;
}

/** Options of {@link DistributedDataParallel}. */
export interface DistributedDataParallelOptions {
  /** Default: all processes of the run. */
  group?: ProcessGroup;
  /** Gradients that are sent together, in bytes; default 1 MiB, and at most a third of all of them. */
  bucketBytes?: number;
  /** What float32 gradients are while they travel; default float32. */
  wire?: Wire;
  /** Sends only part of the gradients; default: all of them. */
  compression?: GradientCompression;
  /** Whether a parameter may get no gradient in some process; default false: that is an error. */
  findUnusedParameters?: boolean;
  /** Whether buffers, such as running statistics, are those of rank 0 before each forward in training; default true. */
  broadcastBuffers?: boolean;
}

const name = 'DistributedDataParallel';
const alone = { isDue: () => false, advance: () => () => {} };
const known = ['group', 'bucketBytes', 'wire', 'compression', 'findUnusedParameters', 'broadcastBuffers'];

/**
 * A module whose gradients are the means over all processes: each computes with its own part of the data, and `backward`
 * averages ∂L/∂w ← (1/n) Σᵣ ∂Lᵣ/∂w while it computes the next gradients. With equal parts and a loss that is a mean, training is
 * that of one process with the whole batch. Parameters and buffers are those of rank 0 from the start. Compiled steps work.
 *
 * From: Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training" (2020,
 * https://arxiv.org/abs/2006.15704).
 *
 * @param module any module with parameters, the same in all processes
 * @throws DistributedError when another process has another model; StateError in `backward` for parameters without a gradient
 * @example
 * const parallel = new nn.DistributedDataParallel(model);
 * parallel.forward(x).mean().backward();
 */
export class DistributedDataParallel<M extends Module = Module> extends Module {
  /** The module inside. */
  readonly module: M;
  readonly #group: ProcessGroup;
  readonly #reducer: Reducer | null;
  /** What compression has left of the gradients, part of the state of a training; empty without it. */
  readonly errorFeedback: ErrorFeedback;
  readonly #isCompressed: boolean;
  readonly #broadcastBuffers: boolean;
  /** How many processes make the pass that was announced last; a recorded step keeps what is written into it. */
  readonly #passes = zeros([1], { dtype: 'float64' });

  constructor(module: M, options: DistributedDataParallelOptions = {}) {
    super();
    if (!(module instanceof Module))
      throw new ArgumentError(`${name}: module must be a module, got ${describe(module)}`);
    checkOptions(name, options, known);
    this.#group = groupOf(name, options.group);
    this.#broadcastBuffers = checkFlag(name, 'broadcastBuffers', options.broadcastBuffers, true);
    const topK = topKOf(options);
    const settings = {
      bucketBytes: checkInteger(name, 'bucketBytes', options.bucketBytes ?? 2 ** 20, 1),
      wire: checkChoice(name, 'wire', options.wire, ['float32', 'bfloat16'], 'float32'),
      findUnusedParameters: checkFlag(name, 'findUnusedParameters', options.findUnusedParameters, false),
    };
    const params = module.namedParameters();
    if (params.length === 0) throw new ArgumentError(`${name}: module must have parameters, got ${describe(module)}`);
    this.module = module;
    this.#reducer = null;
    const names = new Map(params.map(([path, t]) => [t, path]));
    this.errorFeedback = new ErrorFeedback(this.#group, names);
    this.#isCompressed = topK !== undefined;
    if (this.#group.size === 1) {
      watchLeaves(module.parameters(), null); // an earlier group may have
      return;
    }
    this.#group._checkOpen(name);
    const all = [...params, ...module.namedBuffers()];
    checkSame(name, this.#group, all);
    for (const [, t] of all) takeFirst(name, this.#group, [t]);
    const compression = topK === undefined ? null : { topK, feedback: this.errorFeedback };
    this.#reducer = new Reducer(this.#group, names, { ...settings, compression });
    watchLeaves([...names.keys()], this.#reducer);
  }

  /** @internal */
  get _isCompressed(): boolean {
    return this.#isCompressed;
  }

  /** @internal */
  get _group(): ProcessGroup {
    return this.#group;
  }

  /** That of the module inside. */
  forward(...inputs: Parameters<M['forward']>): ReturnType<M['forward']> {
    const reducer = this.#reducer;
    if (reducer === null) this.#checkAlone();
    if (reducer !== null && this.training && !reducer.isLocal) {
      const { isJoined } = reducer;
      // A recorded step tells of its pass, or does not.
      currentRecording()?.follow({ ...alone, holds: () => reducer.isJoined === isJoined });
      if (isJoined) this.#announce(1);
      else if (this.#broadcastBuffers) takeFirst(name, this.#group, this.module.buffers());
    }
    return this.module.forward(...inputs);
  }

  /** One process alone sends nothing that fails when the launcher forms another group. */
  #checkAlone(): void {
    const group = this.#group;
    if (group._hasFailed) group._checkOpen(name);
    currentRecording()?.follow({ ...alone, holds: () => !group._hasFailed });
  }

  /** Tells that a pass comes, or not. */
  #announce(pass: 0 | 1): void {
    noGrad(() => this.#passes.copy_(sumOver(name, this.#group, full([1], pass, { dtype: 'float64' }))));
  }

  /**
   * Runs a loop over data of which processes have different amounts: those that have no more stand in with gradients of zero for the
   * steps of the others until all are done, and then take parameters and buffers of the one that was last. Gradients are still
   * divided by the number of all processes. Each forward pass in training is followed by a backward pass; meanwhile buffers
   * are each process's own. Optimizers of the others know nothing of the steps that they did not make.
   *
   * @param fn may be asynchronous
   * @throws ArgumentError with findUnusedParameters; DistributedError when another process has failed
   * @example
   * const parallel = new nn.DistributedDataParallel(model);
   * await parallel.join(() => {
   *   for (const part of x.detach().split(16)) parallel.forward(part).mean().backward();
   * });
   */
  async join<T>(fn: () => T | Promise<T>): Promise<T> {
    checkFunction('join', 'fn', fn);
    const reducer = this.#reducer;
    if (reducer === null) return fn();
    reducer.join();
    try {
      const result = await fn();
      let stoodIn = 0;
      for (this.#announce(0); this.#passes.item() > 0; this.#announce(0)) {
        reducer.standIn();
        stoodIn++;
        await immediate(); // others may compute for long
      }
      const all = gatherNumbers('join', this.#group, [stoodIn]).map(([passes]) => passes as number);
      const last = all.indexOf(all.reduce((a, b) => Math.min(a, b)));
      takeFrom('join', this.#group, last, [...this.module.parameters(), ...this.module.buffers()]);
      return result;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      await this.#group._fail(`rank ${this.#group.ranks[this.#group.rank]} has failed: ${text}`);
      throw error;
    } finally {
      reducer.isJoined = false;
    }
  }

  /**
   * Runs a function whose backward passes leave gradients in this process, to be averaged with those of the next pass outside of it:
   * gradients of several small batches are then sent once.
   *
   * @param fn synchronous
   * @example
   * const parallel = new nn.DistributedDataParallel(model);
   * parallel.noSync(() => parallel.forward(x).mean().backward());
   * parallel.forward(x).mean().backward();
   */
  noSync<T>(fn: () => T): T {
    checkFunction('noSync', 'fn', fn);
    const reducer = this.#reducer;
    if (reducer === null) return fn();
    const before = reducer.isLocal;
    reducer.isLocal = true;
    try {
      const result = fn();
      if (isPromise(result)) throw new ArgumentError('noSync: fn must be synchronous, got one that returns a promise');
      return result;
    } finally {
      reducer.isLocal = before;
    }
  }
}

function topKOf({ compression, wire }: DistributedDataParallelOptions): number | undefined {
  if (compression === undefined) return undefined;
  if (!isPlain(compression)) {
    throw new ArgumentError(`${name}: compression must be such as { topK: 0.01 }, got ${describe(compression)}`);
  }
  checkOptions(name, compression, ['topK']);
  if (wire === 'bfloat16') {
    throw new ArgumentError(`${name}: wire must be float32 with compression, got bfloat16, which cannot hold places`);
  }
  return checkNumber(name, 'compression.topK', compression.topK, { min: 0, max: 1, open: true });
}
