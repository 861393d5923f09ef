import { optionsOf, type Positional } from '../arguments.js';
import { refuseReading } from '../context.js';
import { floatTypes } from '../dtype.js';
import { checkInteger } from '../errors.js';
import { listOf } from '../lists.js';
import { checkFloat, checkTensor, type Tensor } from '../tensor.js';
import { allReduce_, type GroupOptions } from './collectives.js';
import { groupOf } from './init.js';
import type { ProcessGroup } from './process-group.js';
import { vectorOf, writeVector } from './vector.js';

/** Options of {@link PeriodicModelAverager}. */
export interface PeriodicModelAveragerOptions extends GroupOptions {
  /** After how many calls parameters are averaged. */
  period: number;
  /** How many calls at first do nothing, while gradients are averaged instead; default 0. */
  warmupSteps?: number;
}

const name = 'PeriodicModelAverager';

/**
 * Local SGD: each process trains alone, and every few steps parameters become their means over all processes, w ← (1/n) Σᵣ wᵣ.
 * Where the link is slow, that is much less to send than gradients in each step. With `warmupSteps`, during which
 * `nn.DistributedDataParallel` averages gradients, it is post-local SGD.
 *
 * From: Stich, "Local SGD converges fast and communicates little" (2019, https://arxiv.org/abs/1805.09767); Lin et al., "Don't
 * use large mini-batches, use local SGD" (2020, https://arxiv.org/abs/1808.07217).
 *
 * @example
 * const averager = new distributed.PeriodicModelAverager(4);
 * for (let i = 0; i < 8; i++) {
 *   // … a step of this process's optimizer, compiled or not …
 *   await averager.averageParameters(model.parameters());
 * }
 */
export class PeriodicModelAverager {
  /** How often {@link averageParameters} has been called; to be set when a training goes on. */
  step = 0;
  readonly #period: number;
  readonly #warmupSteps: number;
  readonly #group: ProcessGroup;

  /** @param args period: calls between averages; warmupSteps: default 0; group: default all processes of the run */
  constructor(
    ...args: Positional<PeriodicModelAveragerOptions, [period: 'period', warmupSteps: 'warmupSteps', group: 'group']>
  ) {
    const positions = ['period', 'warmupSteps', 'group'];
    const options = optionsOf<PeriodicModelAveragerOptions>(name, args, positions);
    this.#period = checkInteger(name, 'period', options.period, 1);
    this.#warmupSteps = checkInteger(name, 'warmupSteps', options.warmupSteps ?? 0, 0);
    this.#group = groupOf(name, options.group);
  }

  /**
   * Averages the parameters when it is time. All processes call it after each step.
   *
   * @param params float tensors, the same in all processes
   * @returns whether they have been averaged
   * @throws DistributedError that names a process that is lost or does something else
   */
  async averageParameters(params: Iterable<Tensor>): Promise<boolean> {
    const operation = 'averageParameters';
    refuseReading(operation, 'call it after the compiled step');
    const list = listOf(operation, 'params', params, 'must be tensors', (p) => {
      checkFloat(operation, 'parameter', checkTensor(operation, 'a parameter', p));
      return p as Tensor;
    });
    const number = this.step - this.#warmupSteps;
    const isTime = number >= 0 && number % this.#period === 0;
    if (isTime && this.#group.size > 1) {
      for (const dtype of floatTypes) {
        const own = list.filter((p) => p.dtype === dtype);
        if (own.length === 0) continue;
        writeVector(own, await allReduce_(vectorOf(own, dtype), { op: 'mean', group: this.#group }));
      }
    }
    this.step++;
    return isTime;
  }
}
