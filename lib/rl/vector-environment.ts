// Many environments at once, so that a network sees a batch.
import { ArgumentError, checkInteger, checkText, describe, isClass, StateError } from '../errors.js';
import { checkOptions } from '../options.js';
import { Environment } from './environment.js';
import * as environments from './environments.js';
import { EnvironmentGroup, type VectorStep } from './group.js';
import { type BoxSpace, checkAction, type Space, sizeOf } from './spaces.js';
import { WorkerGroup } from './worker-group.js';

/** How many environments there are, and where. */
export interface VectorEnvironmentOptions<Settings = unknown> {
  /** How many. */
  count: number;
  /** What each is made with, as the only argument of its constructor. */
  settings?: Settings;
  /** In how many threads; default 0: in this one, which is faster unless a step takes longer than 20 µs or so. */
  workers?: number;
  /** With workers, for a class of your own: the `import.meta.url` of the module that exports it under its name. */
  module?: string;
}

/** One place where environments run. */
interface Group {
  readonly count: number;
  reset(seed: number | undefined): Promise<Float32Array> | Float32Array;
  step(actions: Float64Array): Promise<VectorStep> | VectorStep;
  close(): Promise<void>;
}

type Phase = 'new' | 'running' | 'busy' | 'failed' | 'closed';

const joined = <T extends Float32Array | Uint8Array>(parts: readonly T[]): T => {
  const [one] = parts as [T];
  if (parts.length === 1) return one;
  const Kind = one.constructor as new (length: number) => T;
  const whole = new Kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/**
 * Many environments of one class that are stepped together. One whose episode ends begins the next one at once: `observations` has
 * its first observation, `nextObservations` the last one of what ended. With `workers` they run in threads; one that dies, or an
 * environment that throws, rejects the step with what happened, and nothing waits for it.
 *
 * @example
 * const poles = new rl.VectorEnvironment(rl.CartPole, { count: 8 });
 * let observations = await poles.reset({ seed: 1 }); // a Float32Array of 8 × 4
 * const step = await poles.step(new Int32Array(8).fill(1));
 * step.rewards.length; // 8
 * await poles.close();
 */
export class VectorEnvironment<Settings = unknown> {
  readonly count: number;
  /** Of each environment. */
  readonly observationSpace: BoxSpace;
  /** Of each environment. */
  readonly actionSpace: Space;
  readonly #groups: readonly Group[];
  #phase: Phase = 'new';

  /**
   * @param Class a class of environments
   * @throws ArgumentError for a class that is none, or that a thread cannot find
   */
  constructor(Class: new (settings?: Settings) => Environment, options: VectorEnvironmentOptions<Settings>) {
    const operation = 'VectorEnvironment';
    checkOptions(operation, options, ['count', 'settings', 'workers', 'module']);
    if (!isClass(Class) || !((Class as { prototype?: unknown }).prototype instanceof Environment)) {
      const rule = 'Class must be a class of environments, such as rl.CartPole';
      throw new ArgumentError(`${operation}: ${rule}, got ${describe(Class)}`);
    }
    this.count = checkInteger(operation, 'count', options?.count, 1, 65_536);
    const workers = checkInteger(operation, 'workers', options.workers ?? 0, 0, Math.min(this.count, 256));
    const { settings, module } = options;
    if (module !== undefined) checkText(operation, 'module', module);
    const make = (): Environment => (settings === undefined ? new Class() : new Class(settings));
    const one = make();
    ({ observationSpace: this.observationSpace, actionSpace: this.actionSpace } = one);
    if (workers === 0) {
      this.#groups = [ownGroup([one, ...Array.from({ length: this.count - 1 }, make)])];
      return;
    }
    const name = checkName(Class, module, settings);
    this.#groups = Array.from({ length: workers }, (_, i) => {
      const first = Math.floor((i * this.count) / workers);
      const count = Math.floor(((i + 1) * this.count) / workers) - first;
      return threadGroup(new WorkerGroup({ name, module, settings, first, count }), count);
    });
  }

  /**
   * Begins all episodes.
   *
   * @param options seed: environment i gets seed + i; by default their random numbers go on
   * @returns what is seen, a row for each environment
   */
  async reset(options: { seed?: number } = {}): Promise<Float32Array> {
    const operation = 'VectorEnvironment.reset';
    checkOptions(operation, options, ['seed']);
    const { seed } = options;
    if (seed !== undefined) checkInteger(operation, 'seed', seed, 0, Number.MAX_SAFE_INTEGER - this.count);
    this.#checkFree(operation);
    return joined(await this.#all((group) => group.reset(seed)));
  }

  /**
   * Does an action in each environment.
   *
   * @param actions an integer for each, or the numbers of each one after the other, cut to the bounds
   * @throws StateError before `reset`, during another step, after `close`, when an environment fails or a thread is lost
   * @throws ArgumentError for actions that are not of the action space; then no environment has taken a step
   */
  async step(actions: ArrayLike<number>): Promise<VectorStep> {
    const operation = 'VectorEnvironment.step';
    this.#checkFree(operation);
    if (this.#phase !== 'running') throw new StateError(`${operation}: call reset first`);
    const checked = this.#checked(operation, actions);
    const size = sizeOf(this.actionSpace);
    let at = 0;
    const steps = await this.#all((group) => {
      const from = at;
      at += group.count * size;
      return group.step(checked.slice(from, at));
    });
    return {
      observations: joined(steps.map((step) => step.observations)),
      rewards: joined(steps.map((step) => step.rewards)),
      terminated: joined(steps.map((step) => step.terminated)),
      truncated: joined(steps.map((step) => step.truncated)),
      nextObservations: joined(steps.map((step) => step.nextObservations)),
      episodes: steps.flatMap((step) => step.episodes),
    };
  }

  /** Ends the threads; a step that is under way rejects. It may be called twice. */
  async close(): Promise<void> {
    this.#phase = 'closed';
    await Promise.all(this.#groups.map((group) => group.close()));
  }

  // All groups at once; if one fails, the others' answers are awaited, so that a reset can follow.
  async #all<T>(ask: (group: Group) => Promise<T> | T): Promise<T[]> {
    this.#phase = 'busy';
    const answers = await Promise.allSettled(this.#groups.map(async (group) => ask(group)));
    const failed = answers.find((answer) => answer.status === 'rejected');
    if ((this.#phase as Phase) !== 'closed') this.#phase = failed === undefined ? 'running' : 'failed';
    if (failed !== undefined) throw failed.reason;
    return answers.map((answer) => (answer as PromiseFulfilledResult<T>).value);
  }

  #checkFree(operation: string): void {
    if (this.#phase === 'closed') throw new StateError(`${operation}: the environments are closed; make new ones`);
    if (this.#phase === 'busy') throw new StateError(`${operation}: await the call before, which is under way`);
  }

  #checked(operation: string, actions: unknown): Float64Array {
    const size = sizeOf(this.actionSpace);
    const list = actions as ArrayLike<number>;
    if (typeof actions !== 'object' || actions === null || list.length !== this.count * size) {
      const rule = `actions must be ${this.count * size} numbers`;
      const got = Number.isInteger(Object(actions).length) ? String(list.length) : describe(actions);
      throw new ArgumentError(`${operation}: ${rule}, got ${got}`);
    }
    const checked = new Float64Array(list.length);
    for (let i = 0; i < this.count; i++) {
      const own = size === 1 ? list[i] : Array.from({ length: size }, (_, k) => list[i * size + k]);
      const action = checkAction(operation, this.actionSpace, own);
      if (typeof action === 'number') checked[i] = action;
      else checked.set(action, i * size);
    }
    return checked;
  }
}

function ownGroup(made: readonly Environment[]): Group {
  const group = new EnvironmentGroup(made);
  const tried = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new StateError(`VectorEnvironment: an environment has failed: ${text}`, { cause: error });
    }
  };
  return {
    count: made.length,
    reset: (seed) => tried(() => group.reset(seed)),
    step: (actions) => tried(() => group.step(actions)),
    close: async () => {},
  };
}

const threadGroup = (group: WorkerGroup, count: number): Group => ({
  count,
  reset: (seed) => group.ask<Float32Array>({ reset: seed === undefined ? {} : { seed } }),
  step: (actions) => group.ask<VectorStep>({ step: actions }),
  close: () => group.close(),
});

// By what a thread finds the class.
function checkName(Class: { name: string }, module: string | undefined, settings: unknown): string {
  const operation = 'VectorEnvironment';
  const isOwn = Object.values(environments).some((one) => one === Class);
  if (!isOwn && module === undefined) {
    const hint = 'module: import.meta.url of the module that exports it';
    throw new ArgumentError(`${operation}: a thread must find the class ${Class.name}; give ${hint}`);
  }
  try {
    structuredClone(settings);
  } catch {
    throw new ArgumentError(`${operation}: settings must be plain data, which can be sent to a thread; use workers: 0`);
  }
  return Class.name;
}
