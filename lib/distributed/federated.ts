import { randomInt } from 'node:crypto';
import { noGrad } from '../autograd/tape.js';
import { refuseReading } from '../context.js';
import {
  ArgumentError,
  checkFunction,
  checkInteger,
  checkNumber,
  describe,
  formatShape,
  StateError,
} from '../errors.js';
import { keep } from '../memory.js';
import type { Module } from '../nn/module.js';
import { tensor, zeros } from '../ops/creation.js';
import { Generator } from '../ops/generator.js';
import { randn, randperm } from '../ops/random.js';
import { cat } from '../ops/shape-slice.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import { allReduce_, type GroupOptions } from './collectives.js';
import { tellOthers } from './failures.js';
import { groupOf } from './init.js';
import type { ProcessGroup } from './process-group.js';
import { gatherNumbers } from './reduce.js';
import { checkSame, takeFirst } from './same.js';
import { vectorOf, writeVector } from './vector.js';

/** Which client it is, and when. */
export interface ClientPlace {
  /** Its number among the clients of all processes, in the order of ranks. */
  client: number;
  /** All clients that take part in this round, in ascending order. */
  clients: readonly number[];
  /** From 0. */
  round: number;
}

/** Options of {@link FederatedAverage}. */
export interface FederatedAverageOptions<M, Client> extends GroupOptions {
  /**
   * Trains the model with one client's data, in place, for as long as a round lasts.
   *
   * @returns how many samples the client has, by which it counts
   */
  train: (model: M, client: Client, place: ClientPlace) => number | Promise<number>;
  /** Which part of all clients takes part in a round, at least one; default 1. */
  fraction?: number;
  /** Of the choice of clients; the same in all processes; default 0. */
  seed?: number;
  /** The L2 norm to which each client's update is cut down; default: none. */
  maxNorm?: number;
  /** The standard deviation of the noise added to the sum of all updates, in units of maxNorm; default 0. */
  noiseMultiplier?: number;
  /**
   * Changes what a client sends, so that only the sum over the clients of the round means anything: what it adds must cancel.
   *
   * @param update float64 [number of values + 1]: the client's update times its weight, and the weight
   */
  mask?: (update: Tensor, place: ClientPlace) => Tensor | Promise<Tensor>;
}

/** What a round of {@link FederatedAverage} was. */
export interface FederatedRound {
  /** From 0. */
  round: number;
  /** The clients that took part, in ascending order. */
  clients: readonly number[];
  /** The sum of their weights: of their samples, or their number with noise. */
  weight: number;
}

const name = 'FederatedAverage';
const known = ['train', 'fraction', 'seed', 'maxNorm', 'noiseMultiplier', 'mask', 'group'];

/**
 * Federated averaging: clients keep their data, and train the model in rounds. In each, some of them begin with the common
 * weights w and train for a while, each alone; only what that has changed, Δₖ, is sent, and w ← w + Σₖ nₖ Δₖ / Σₖ nₖ with nₖ
 * samples of client k. Parameters and float buffers are averaged, other buffers stay as they are. Each process of a run has the clients of its own; in a run of
 * one process it is a simulation of all of them.
 *
 * - `maxNorm` C and `noiseMultiplier` σ: each update is cut to ‖Δₖ‖ ≤ C, all of m clients count the same, and their mean gets
 *   Gaussian noise of standard deviation σ C / m, of which each process adds its part before anything is sent. What privacy that
 *   gives over all rounds must be computed elsewhere, from σ, `fraction` and the number of rounds.
 * - `mask` is where secure aggregation comes in: with masks that pairs of clients agree upon, and that one of them adds and the
 *   other subtracts, nobody sees a single update. They must cancel in float64 sums.
 *
 * From: McMahan et al., "Communication-efficient learning of deep networks from decentralized data" (2017,
 * https://arxiv.org/abs/1602.05629), "Learning differentially private recurrent language models" (2018,
 * https://arxiv.org/abs/1710.06963); Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning"
 * (2017, https://doi.org/10.1145/3133956.3133982).
 *
 * @throws ArgumentError when there are no clients in any process; DistributedError when another process has another model
 * @example
 * await distributed.init();
 * const network = new nn.Linear(3, 1);
 * const sgd = new optim.SGD(network.parameters(), { lr: 0.1 });
 * const clients = [1, 2, 3].map((k) => ({ x: randn([8 * k, 3]), y: randn([8 * k, 1]) }));
 * const federated = new distributed.FederatedAverage(network, clients, {
 *   fraction: 0.7,
 *   train: (net, { x, y }) => {
 *     for (let i = 0; i < 5; i++) {
 *       sgd.zeroGrad();
 *       nn.functional.mseLoss(net.forward(x), y).backward();
 *       sgd.step();
 *     }
 *     return x.length;
 *   },
 * });
 * for (let i = 0; i < 3; i++) await federated.round();
 * await distributed.destroy();
 */
export class FederatedAverage<M extends Module, Client> {
  /** The model that is trained; between rounds it has the common weights. */
  readonly model: M;
  /** The parameters with which the round began, in the order of the model's; for a proximal term in a client's loss, say. */
  readonly globalParameters: readonly Tensor[];
  /** How many rounds are over; to be set when a training goes on. */
  rounds = 0;
  readonly #clients: readonly Client[];
  readonly #options: FederatedAverageOptions<M, Client>;
  readonly #group: ProcessGroup;
  /** Parameters and float buffers, which are averaged, and then other buffers, with which each client begins. */
  readonly #state: readonly Tensor[];
  /** The same at the beginning of the round. */
  readonly #global: readonly Tensor[];
  readonly #averaged: number;
  readonly #total: number;
  /** The number of this process's first client. */
  readonly #first: number;
  /** Of noise: nobody may know its seed. */
  readonly #secret = new Generator(randomInt(2 ** 48 - 1));
  #isRunning = false;

  /**
   * @param model the same in all processes, which begin with rank 0's values
   * @param clients this process's: whatever `train` understands, such as a dataset each; may be empty in some processes
   */
  constructor(model: M, clients: readonly Client[], options: FederatedAverageOptions<M, Client>) {
    const isModel = typeof model?.namedParameters === 'function' && typeof model.namedBuffers === 'function';
    if (!isModel) throw new ArgumentError(`${name}: model must be a module, got ${describe(model)}`);
    if (!Array.isArray(clients)) throw new ArgumentError(`${name}: clients must be an array, got ${describe(clients)}`);
    this.#options = checked(options);
    this.#group = groupOf(name, options.group);
    this.model = model;
    this.#clients = [...clients];
    const all = [...model.namedParameters(), ...model.namedBuffers()];
    const floats = all.filter(([, t]) => t.dtype === 'float32' || t.dtype === 'float64');
    if (floats.length === 0) throw new ArgumentError(`${name}: model must have parameters, got ${describe(model)}`);
    this.#state = [...new Set([...floats, ...all].map(([, t]) => t))];
    this.#averaged = floats.length;
    if (this.#group.size > 1) {
      this.#group._checkOpen(name);
      checkSame(name, this.#group, all);
      takeFirst(
        name,
        this.#group,
        all.map(([, t]) => t),
      );
    }
    this.#global = noGrad(() => this.#state.map((t) => keep(t.detach().clone())));
    this.globalParameters = Object.freeze(this.#global.slice(0, model.parameters().length));
    const counts = gatherNumbers(name, this.#group, [clients.length]).map(([n]) => n as number);
    this.#total = counts.reduce((sum, n) => sum + n, 0);
    this.#first = counts.slice(0, this.#group.rank).reduce((sum, n) => sum + n, 0);
    if (this.#total === 0) throw new ArgumentError(`${name}: clients must not be empty in all processes, got none`);
  }

  /**
   * Lets some clients train, and averages what they have learned into the model. All processes call it.
   *
   * @throws StateError for a client whose update is not finite; DistributedError that names a process that is lost, or whose
   *   client has failed. The model is as before then.
   */
  async round(): Promise<FederatedRound> {
    const operation = `${name}.round`;
    refuseReading(operation, 'call it outside of the compiled function');
    if (this.#isRunning) throw new StateError(`${operation}: must not be called before the last one is over; await it`);
    this.#group._checkOpen(operation);
    const round = checkInteger(name, 'rounds', this.rounds, 0, 2 ** 40);
    const clients = this.#choose(round);
    this.#isRunning = true;
    this.#copy(this.#global, this.#state);
    try {
      const sum = await this.#sumOfUpdates(clients, round, operation);
      const total = await allReduce_(sum, { group: this.#group });
      const values = total.size - 1;
      const weight = total.narrow(0, values, 1).item();
      if (!(weight > 0)) {
        throw new StateError(`${operation}: the weights must have a positive sum, got ${weight}; do the masks cancel?`);
      }
      const next = total.narrow(0, 0, values).div(weight).add(this.#values(this.#global));
      writeVector(this.#state.slice(0, this.#averaged), next);
      this.rounds++;
      return { round, clients, weight };
    } catch (error) {
      this.#copy(this.#state, this.#global);
      await tellOthers(this.#group, 'in a round', error);
      throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Those of a round: the same in all processes. */
  #choose(round: number): readonly number[] {
    const { fraction = 1, seed = 0 } = this.#options;
    const count = Math.max(1, Math.round(fraction * this.#total));
    const order = randperm(this.#total, { generator: new Generator(seed + round) });
    return Object.freeze([...order.toTypedArray().subarray(0, count)].map(Number).sort((a, b) => a - b));
  }

  async #sumOfUpdates(clients: readonly number[], round: number, operation: string): Promise<Tensor> {
    const { size } = this.#values(this.#global);
    let sum = zeros([size + 1], { dtype: 'float64' });
    for (const client of clients) {
      const own = client - this.#first;
      if (own < 0 || own >= this.#clients.length) continue;
      this.#copy(this.#state, this.#global);
      const place = { client, clients, round };
      const { train, mask } = this.#options;
      const samples = await train(this.model, this.#clients[own] as Client, place);
      let update = this.#updateOf(checkNumber(operation, 'what train returns', samples, { min: 1 }), place, operation);
      if (mask !== undefined) update = checkMasked(operation, await mask(update, place), size + 1);
      sum = sum.add(update);
    }
    this.#copy(this.#state, this.#global);
    const { noiseMultiplier = 0, maxNorm = 0 } = this.#options;
    if (noiseMultiplier === 0) return sum;
    const deviation = (noiseMultiplier * maxNorm) / Math.sqrt(this.#group.size);
    const noise = randn([size], { dtype: 'float64', generator: this.#secret }).mul(deviation);
    return sum.add(cat([noise, zeros([1], { dtype: 'float64' })], 0));
  }

  #updateOf(samples: number, { client }: ClientPlace, operation: string): Tensor {
    const { maxNorm, noiseMultiplier = 0 } = this.#options;
    const change = this.#values(this.#state).sub(this.#values(this.#global));
    const norm = Math.sqrt(change.square().sum().item());
    if (!Number.isFinite(norm)) {
      throw new StateError(`${operation}: updates must be finite, got ${norm} as the norm of that of client ${client}`);
    }
    const weight = noiseMultiplier > 0 ? 1 : samples;
    const factor = maxNorm === undefined ? 1 : Math.min(1, maxNorm / norm);
    return cat([change.mul(factor * weight), tensor([weight], { dtype: 'float64' })], 0);
  }

  #values(tensors: readonly Tensor[]): Tensor {
    return vectorOf(tensors.slice(0, this.#averaged), 'float64');
  }

  #copy(to: readonly Tensor[], from: readonly Tensor[]): void {
    noGrad(() => {
      for (const [i, t] of to.entries()) t.copy_(from[i] as Tensor);
    });
  }
}

function checked<M, Client>(options: FederatedAverageOptions<M, Client>): FederatedAverageOptions<M, Client> {
  checkOptions(name, options, known);
  const { train, fraction = 1, seed = 0, maxNorm, noiseMultiplier = 0, mask } = Object(options) as typeof options;
  checkFunction(name, 'train', train);
  if (mask !== undefined) checkFunction(name, 'mask', mask);
  checkNumber(name, 'fraction', fraction, { min: 0, max: 1 });
  checkInteger(name, 'seed', seed, 0, 2 ** 40);
  checkNumber(name, 'noiseMultiplier', noiseMultiplier, { min: 0 });
  if (maxNorm !== undefined) checkNumber(name, 'maxNorm', maxNorm, { min: 0, open: true });
  if (noiseMultiplier > 0 && maxNorm === undefined) {
    throw new ArgumentError(`${name}: noiseMultiplier must come with maxNorm, got none; noise is in units of it`);
  }
  return { ...options };
}

function checkMasked(operation: string, value: unknown, size: number): Tensor {
  const masked = checkTensor(operation, 'what mask returns', value);
  if (masked.dtype === 'float64' && masked.shape.length === 1 && masked.size === size) return masked.detach();
  throw new ArgumentError(
    `${operation}: what mask returns must be float64 [${size}], got ${masked.dtype} ${formatShape(masked.dims)}`,
  );
}
