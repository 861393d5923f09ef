// Environments that are stepped together, in this thread or in one of their own.
import type { Environment } from './environment.js';
import { sizeOf } from './spaces.js';

/** An episode that has ended. */
export interface Episode {
  /** Which environment's, counted from 0. */
  environment: number;
  /** The sum of its rewards. */
  return: number;
  /** How many steps it took. */
  length: number;
}

/** What a step of all environments gives, one row or element for each. */
export interface VectorStep {
  /** What to act on next: of those whose episode has ended, the first of the next one. */
  observations: Float32Array;
  rewards: Float32Array;
  /** 1 where the task has ended: nothing follows. */
  terminated: Uint8Array;
  /** 1 where the episode was cut. */
  truncated: Uint8Array;
  /** What the actions led to, also at the end of episodes: for values of what follows. */
  nextObservations: Float32Array;
  /** Those that have ended in this step. */
  episodes: Episode[];
}

/** @internal */
export class EnvironmentGroup {
  readonly #environments: readonly Environment[];
  readonly #first: number;
  readonly #returns: Float64Array;
  readonly #lengths: Float64Array;

  /** @param first which of all environments its first one is */
  constructor(environments: readonly Environment[], first = 0) {
    this.#environments = environments;
    this.#first = first;
    this.#returns = new Float64Array(environments.length);
    this.#lengths = new Float64Array(environments.length);
  }

  /** Begins all episodes; environment i gets seed + i. */
  reset(seed?: number): Float32Array {
    const observations = this.#rows();
    for (const [i, environment] of this.#environments.entries()) {
      const { observation } = environment.reset(seed === undefined ? {} : { seed: seed + this.#first + i });
      observations.set(observation, i * observation.length);
    }
    this.#returns.fill(0);
    this.#lengths.fill(0);
    return observations;
  }

  /** @param actions the numbers of each environment's action, one after the other */
  step(actions: Float64Array): VectorStep {
    const count = this.#environments.length;
    const step: VectorStep = {
      observations: this.#rows(),
      rewards: new Float32Array(count),
      terminated: new Uint8Array(count),
      truncated: new Uint8Array(count),
      nextObservations: this.#rows(),
      episodes: [],
    };
    for (let i = 0; i < count; i++) this.#stepOne(i, actions, step);
    return step;
  }

  #stepOne(i: number, actions: Float64Array, into: VectorStep): void {
    const environment = this.#environments[i] as Environment;
    const size = sizeOf(environment.actionSpace);
    const action = actions.subarray(i * size, (i + 1) * size);
    const { observation, reward, terminated, truncated } = environment.step(
      environment.actionSpace.kind === 'discrete' ? (action[0] as number) : action,
    );
    into.rewards[i] = reward;
    into.terminated[i] = Number(terminated);
    into.truncated[i] = Number(truncated);
    into.nextObservations.set(observation, i * observation.length);
    this.#returns[i] = (this.#returns[i] as number) + reward;
    this.#lengths[i] = (this.#lengths[i] as number) + 1;
    const next = terminated || truncated ? this.#end(i, environment, into) : observation;
    into.observations.set(next, i * next.length);
  }

  #end(i: number, environment: Environment, into: VectorStep): Float32Array {
    const [sum, length] = [this.#returns[i] as number, this.#lengths[i] as number];
    into.episodes.push({ environment: this.#first + i, return: sum, length });
    this.#returns[i] = 0;
    this.#lengths[i] = 0;
    return environment.reset().observation;
  }

  #rows(): Float32Array {
    const [one] = this.#environments;
    return new Float32Array(this.#environments.length * (one?.observationSpace.low.length ?? 0));
  }
}
