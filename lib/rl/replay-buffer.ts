// What an agent has lived through, to learn from again and again.
import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe, StateError } from '../errors.js';
import { tensor } from '../ops/creation.js';
import type { Generator } from '../ops/generator.js';
import { checkGenerator, rand } from '../ops/random.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import type { Action } from './environment.js';
import { type BoxSpace, checkAction, checkBox, checkSpace, type Space, sizeOf } from './spaces.js';

/** The spaces of an environment: an environment itself, or a vector of them, has them. */
export interface Spaces {
  readonly observationSpace: BoxSpace;
  readonly actionSpace: Space;
}

/** One step: what was seen, done, gained, and seen next. */
export interface Experience {
  observation: ArrayLike<number>;
  action: Action;
  reward: number;
  nextObservation: ArrayLike<number>;
  /** Whether the task ended there, so that nothing follows; not where the episode was only cut. */
  terminated: boolean;
}

/** A batch of steps, each tensor with one row or element a step. */
export interface ReplayBatch {
  /** float32 [batch, …shape] */
  observations: Tensor;
  /** int32 [batch], or float32 [batch, …shape] of numbers */
  actions: Tensor;
  /** float32 [batch] */
  rewards: Tensor;
  /** float32 [batch, …shape] */
  nextObservations: Tensor;
  /** float32 [batch], 1 where the task ended */
  terminated: Tensor;
}

/**
 * Keeps the newest steps up to a capacity, and gives batches of them, drawn uniformly and with replacement.
 *
 * Lin, "Self-improving reactive agents based on reinforcement learning, planning and teaching", 1992,
 * https://doi.org/10.1007/BF00992699
 *
 * @example
 * const pole = new rl.CartPole();
 * const buffer = new rl.ReplayBuffer(10_000, pole);
 * const { observation } = pole.reset({ seed: 1 });
 * const { observation: nextObservation, reward, terminated } = pole.step(1);
 * buffer.add({ observation, action: 1, reward, nextObservation, terminated });
 * buffer.sample(32).observations; // [32, 4]
 */
export class ReplayBuffer {
  readonly #actionSpace: Space;
  readonly #shape: readonly number[];
  readonly #observations: Float32Array;
  readonly #nextObservations: Float32Array;
  readonly #actions: Int32Array | Float32Array;
  readonly #rewards: Float32Array;
  readonly #terminated: Float32Array;
  #added = 0;

  /**
   * @param capacity how many steps it keeps
   * @param spaces the environment, or its `observationSpace` and `actionSpace`
   */
  constructor(
    readonly capacity: number,
    spaces: Spaces,
  ) {
    const operation = new.target.name;
    checkInteger(operation, 'capacity', capacity, 1, 2 ** 28);
    const { observationSpace, actionSpace } = Object(spaces) as Spaces;
    const { shape, low } = checkBox(operation, 'observationSpace', observationSpace);
    this.#shape = shape;
    this.#actionSpace = checkSpace(operation, 'actionSpace', actionSpace);
    const [size, actions] = [low.length, sizeOf(this.#actionSpace)];
    if (capacity * Math.max(size, actions) > 2 ** 31) {
      const hint = `${capacity} steps of ${size} numbers`;
      throw new ArgumentError(`${operation}: capacity must leave at most 2^31 numbers of one kind, got ${hint}`);
    }
    this.#observations = new Float32Array(capacity * size);
    this.#nextObservations = new Float32Array(capacity * size);
    const Numbers = this.#actionSpace.kind === 'discrete' ? Int32Array : Float32Array;
    this.#actions = new Numbers(capacity * actions);
    this.#rewards = new Float32Array(capacity);
    this.#terminated = new Float32Array(capacity);
  }

  /** How many steps it holds. */
  get length(): number {
    return Math.min(this.#added, this.capacity);
  }

  /**
   * Adds a step; when it is full, the oldest one goes.
   *
   * @returns where it is kept, from 0 to `capacity` − 1
   */
  add(experience: Experience): number {
    const operation = `${this.constructor.name}.add`;
    checkOptions(operation, experience, ['observation', 'action', 'reward', 'nextObservation', 'terminated']);
    const { observation, action, reward, nextObservation, terminated } = Object(experience) as Experience;
    const size = this.#observations.length / this.capacity;
    for (const [name, row] of Object.entries({ observation, nextObservation })) checkRow(operation, name, row, size);
    const done = checkAction(operation, this.#actionSpace, action);
    checkNumber(operation, 'reward', reward);
    checkFlag(operation, 'terminated', terminated);
    const at = this.#added % this.capacity;
    this.#observations.set(observation, at * size);
    this.#nextObservations.set(nextObservation, at * size);
    if (typeof done === 'number') this.#actions[at] = done;
    else this.#actions.set(done, at * done.length);
    this.#rewards[at] = reward;
    this.#terminated[at] = Number(terminated);
    this.#added++;
    return at;
  }

  /**
   * Draws a batch.
   *
   * @param options generator: of the random numbers; default the one that `manualSeed` seeds
   * @throws StateError when it is empty
   */
  sample(batchSize: number, options: { generator?: Generator } = {}): ReplayBatch {
    const operation = `${this.constructor.name}.sample`;
    checkOptions(operation, options, ['generator']);
    return allOrNothing(() => {
      const draws = this.draws(operation, batchSize, options.generator);
      return this.batch(Int32Array.from(draws, (draw) => Math.floor(draw * this.length)));
    });
  }

  /** @internal Numbers uniform in [0, 1), one for each step of a batch. */
  protected draws(operation: string, batchSize: unknown, generator: unknown): Float64Array {
    const count = checkInteger(operation, 'batchSize', batchSize, 1, 2 ** 24);
    const checked = checkGenerator(operation, generator);
    if (this.length === 0) throw new StateError(`${operation}: the buffer is empty; add steps first`);
    const drawn = rand([count], { dtype: 'float64', generator: checked });
    const numbers = drawn.toTypedArray() as Float64Array;
    drawn.dispose();
    return numbers;
  }

  /** @internal The steps at some places. */
  protected batch(places: Int32Array): ReplayBatch {
    const count = places.length;
    const rows = (from: Float32Array | Int32Array, shape: readonly number[]): Tensor => {
      const size = from.length / this.capacity;
      const Numbers = from.constructor as new (length: number) => Float32Array | Int32Array;
      const to = new Numbers(count * size);
      for (let i = 0; i < count; i++) {
        const start = (places[i] as number) * size;
        for (let k = 0; k < size; k++) to[i * size + k] = from[start + k] as number;
      }
      return tensor(to, { shape: [count, ...shape] });
    };
    return {
      observations: rows(this.#observations, this.#shape),
      actions: rows(this.#actions, this.#actionSpace.kind === 'discrete' ? [] : this.#actionSpace.shape),
      rewards: rows(this.#rewards, []),
      nextObservations: rows(this.#nextObservations, this.#shape),
      terminated: rows(this.#terminated, []),
    };
  }
}

function checkRow(operation: string, name: string, row: unknown, size: number): void {
  const list = Object(row) as ArrayLike<unknown>;
  const isList = ArrayBuffer.isView(row) || Array.isArray(row);
  if (!isList || list.length !== size) {
    const got = isList ? String(list.length) : describe(row);
    throw new ArgumentError(`${operation}: ${name} must be ${size} numbers, got ${got}`);
  }
  for (let i = 0; i < size; i++) {
    if (!Number.isFinite(list[i])) throw new ArgumentError(`${operation}: ${name} must be finite numbers, got ${describe(list[i])}`); // biome-ignore format: one line
  }
}
