// A task that an agent learns by trying.
import { ArgumentError, checkEach, checkFlag, checkInteger, checkNumber, describe, StateError } from '../errors.js';
import { checkOptions } from '../options.js';
import { type Random, randomOf } from './random.js';
import { type BoxSpace, checkAction, checkBox, checkSpace, type Space } from './spaces.js';

/** An action: an integer of a discrete space, or the numbers of a box. */
export type Action = number | ArrayLike<number>;

/** What a step of an environment gives. */
export interface Step {
  /** What is seen now, float32, in the shape of `observationSpace`. */
  observation: Float32Array;
  reward: number;
  /** Whether the task has ended: nothing follows, and no reward. */
  terminated: boolean;
  /** Whether the episode was cut at `maxSteps`: the task would go on. */
  truncated: boolean;
}

/** What an environment does in one step, before the limit of steps. */
export interface Transition {
  state: readonly number[];
  reward: number;
  terminated: boolean;
}

/** Spaces of an environment, and the length of its episodes. */
export interface EnvironmentOptions {
  observationSpace: BoxSpace;
  actionSpace: Space;
  /** After how many steps an episode is cut; default: never. */
  maxSteps?: number;
}

// Not checkEach, which copies: environments take millions of steps.
function checkNumbers(operation: string, what: string, given: unknown, rounded?: Float32Array): void {
  const list = given as ArrayLike<unknown>;
  if (given === null || typeof given !== 'object' || typeof list.length !== 'number') {
    throw new ArgumentError(`${operation}: ${what} must be a list of finite numbers, got ${describe(given)}`);
  }
  const numbers = rounded ?? list;
  for (let i = 0; i < list.length; i++) {
    if (typeof list[i] === 'number' && Number.isFinite(numbers[i])) continue;
    const kind = rounded === undefined ? 'numbers' : 'numbers of a float32';
    throw new ArgumentError(`${operation}: ${what} must be finite ${kind}, got ${describe(list[i])} at ${i}`);
  }
}

type Phase = 'new' | 'running' | 'ended';

/**
 * A task in the manner of Gymnasium: `reset` begins an episode, `step` does an action, until one of `terminated` and
 * `truncated` is true. A class of your own says how a state begins, what follows from it, and what is seen of it; states
 * are lists of numbers, so that episodes can begin in any of them.
 *
 * Towers et al., "Gymnasium: a standard interface for reinforcement learning environments", 2024, https://arxiv.org/abs/2407.17032
 *
 * @example
 * class Walk extends rl.Environment {
 *   constructor() {
 *     super({
 *       observationSpace: { kind: 'box', shape: [1], low: [-3], high: [3] },
 *       actionSpace: { kind: 'discrete', n: 2 },
 *       maxSteps: 20,
 *     });
 *   }
 *   protected start() {
 *     return [0];
 *   }
 *   protected transition([x = 0]: readonly number[], action: number) {
 *     const next = x + (action === 1 ? 1 : -1);
 *     return { state: [next], reward: next === 3 ? 1 : 0, terminated: Math.abs(next) === 3 };
 *   }
 * }
 * const walk = new Walk();
 * walk.reset();
 * walk.step(1).terminated; // false
 */
export abstract class Environment {
  readonly observationSpace: BoxSpace;
  readonly actionSpace: Space;
  /** After how many steps an episode is cut; Infinity for never. */
  readonly maxSteps: number;
  #random: Random | null = null;
  #state: readonly number[] = [];
  #steps = 0;
  #phase: Phase = 'new';

  /** @throws ArgumentError for spaces that are none */
  constructor(options: EnvironmentOptions) {
    const operation = new.target.name || 'Environment';
    checkOptions(operation, options, ['observationSpace', 'actionSpace', 'maxSteps']);
    this.observationSpace = checkBox(operation, 'observationSpace', options?.observationSpace);
    this.actionSpace = checkSpace(operation, 'actionSpace', options.actionSpace);
    const { maxSteps = Number.POSITIVE_INFINITY } = options;
    this.maxSteps = maxSteps === Number.POSITIVE_INFINITY ? maxSteps : checkInteger(operation, 'maxSteps', maxSteps, 1);
  }

  /** The first state of an episode. @param random gives numbers uniform in [0, 1) */
  protected abstract start(random: Random): readonly number[];

  /** What an action leads to. It must change neither the state that it is given nor anything else. */
  protected abstract transition(state: readonly number[], action: number | number[], random: Random): Transition;

  /** What is seen of a state; default: all of it. */
  protected observe(state: readonly number[]): ArrayLike<number> {
    return state;
  }

  /** The numbers that the dynamics work on, a copy. @throws StateError before the first reset */
  get state(): number[] {
    if (this.#phase === 'new') throw this.#needsReset('state');
    return Array.from(this.#state);
  }

  /** Whether an episode is running: after `reset`, until its end. */
  get isRunning(): boolean {
    return this.#phase === 'running';
  }

  /**
   * Begins an episode.
   *
   * @param options seed: begins the environment's random numbers anew, by default they go on; state: begins there, such as one
   *   that `state` gave
   */
  reset(options: { seed?: number; state?: ArrayLike<number> } = {}): { observation: Float32Array } {
    const operation = `${this.constructor.name}.reset`;
    checkOptions(operation, options, ['seed', 'state']);
    const { seed, state } = options;
    if (seed !== undefined) checkInteger(operation, 'seed', seed);
    const isSeeded = seed !== undefined || this.#random === null;
    const random = isSeeded ? randomOf(seed ?? Math.floor(Math.random() * 2 ** 53)) : (this.#random as Random);
    // A state that is refused must leave the random numbers where they were.
    const own = this.start(state === undefined ? random : randomOf(0));
    checkNumbers(operation, 'the state that start returns', own);
    const first = state === undefined ? Array.from(own) : this.checkState(operation, state, own.length);
    const observation = this.#seen(operation, first);
    this.#random = random;
    this.#state = first;
    this.#steps = 0;
    this.#phase = 'running';
    return { observation };
  }

  /**
   * Does an action.
   *
   * @param action an integer, or the numbers of a box, which are cut to its bounds
   * @throws StateError before `reset`, and after the end of an episode
   * @throws ArgumentError for an action that is not of the action space
   */
  step(action: Action): Step {
    const operation = `${this.constructor.name}.step`;
    if (this.#phase !== 'running') throw this.#needsReset('step');
    const checked = checkAction(operation, this.actionSpace, action);
    const next: unknown = this.transition(this.#state, checked, this.#random as Random);
    if (next === null || typeof next !== 'object') {
      const rule = 'what transition returns must be { state, reward, terminated }';
      throw new ArgumentError(`${operation}: ${rule}, got ${describe(next)}`);
    }
    const { state, reward, terminated } = next as Transition;
    checkNumbers(operation, 'the state that transition returns', state);
    checkNumber(operation, 'the reward that transition returns', reward);
    checkFlag(operation, 'terminated, which transition returns,', terminated);
    const observation = this.#seen(operation, state);
    this.#state = state;
    this.#steps++;
    const truncated = this.#steps >= this.maxSteps;
    if (terminated || truncated) this.#phase = 'ended';
    return { observation, reward, terminated, truncated };
  }

  /** @internal A state from the caller. */
  protected checkState(operation: string, given: unknown, count: number): number[] {
    const list = checkEach(operation, 'state', `must be ${count} numbers`, given, (value) =>
      checkNumber(operation, 'state', value),
    );
    if (list.length === count) return list;
    throw new ArgumentError(`${operation}: state must be ${count} numbers, got ${list.length}`);
  }

  #seen(operation: string, state: readonly number[]): Float32Array {
    const numbers = this.observe(state);
    const count = this.observationSpace.low.length;
    if (numbers?.length !== count) {
      const got = numbers === null || typeof numbers !== 'object' ? describe(numbers) : String(numbers.length);
      throw new ArgumentError(`${operation}: what observe returns must be ${count} numbers, got ${got}`);
    }
    const observation = Float32Array.from(numbers);
    checkNumbers(operation, 'what observe returns', numbers, observation);
    return observation;
  }

  #needsReset(what: string): StateError {
    const name = this.constructor.name;
    const rule = this.#phase === 'new' ? 'call reset first' : 'the episode has ended; call reset to begin another';
    return new StateError(`${name}.${what}: ${rule}`);
  }
}
