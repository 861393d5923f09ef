// Fine-tuning from the head down: one more group of layers is trained every so many epochs.
import { ArgumentError, checkEach, checkInteger, describe } from '../errors.js';
import { matching, type NamePattern } from '../nn/freeze.js';
import type { Parameter } from '../nn/roles.js';
import { checkOptions } from '../options.js';
import type { Callback, EpochEvent, StartEvent, Training } from './events.js';

/** Options of {@link GradualUnfreezing}. */
export interface GradualUnfreezingOptions {
  /** What is trained from the first epoch on, then what is added to it, and so on: names of parameters or modules, from the head down. */
  groups: readonly NamePattern[];
  /** Epochs from one group to the next; default 1. */
  every?: number;
}

/**
 * A callback that trains the first group of parameters alone, and one more group every so many epochs, until all are trained.
 * What pretraining learned is not spoiled by a head that knows nothing yet (ULMFiT: Howard & Ruder, "Universal language model
 * fine-tuning for text classification", 2018). What is in no group is frozen all the time.
 *
 * The optimizer is made from all parameters, in groups of its own if you like: it passes over those that are frozen, and
 * keeps no state for them before they are trained. A compiled step is recorded again with each group. What is trained depends on the epoch alone, so that
 * a resumed training goes on as it was.
 *
 * @throws ArgumentError, when training starts, for a group that names no parameter that is not in one before, and for a step function
 *   in place of a model
 * @example
 * const unfreezing = new train.GradualUnfreezing({ groups: ['classifier', /layer\.[89]/, /layer/, 'embeddings'] });
 */
export class GradualUnfreezing implements Callback {
  readonly #groups: readonly ((name: string) => boolean)[];
  readonly #patterns: readonly unknown[];
  readonly #every: number;
  #parameters: Parameter[][] = [];

  constructor(options: GradualUnfreezingOptions) {
    const name = 'GradualUnfreezing';
    checkOptions(name, options, ['groups', 'every']);
    const { groups, every = 1 } = options ?? {};
    const rule = 'must be a list of names or regular expressions, or of lists of them';
    this.#patterns = checkEach(name, 'groups', rule, groups, (group) => group);
    const empty = [groups, ...this.#patterns].find((list) => Array.isArray(list) && list.length === 0);
    if (empty !== undefined) throw new ArgumentError(`${name}: groups ${rule}, got ${describe(empty)}`);
    this.#groups = this.#patterns.map((group, i) => matching(name, `groups[${i}]`, group));
    this.#every = checkInteger(name, 'every', every, 1);
  }

  onStart({ epoch }: StartEvent, { model }: Training): void {
    if (model === null) throw new ArgumentError('GradualUnfreezing: it must be given to train.fit, which has a model');
    const parameters = model.namedParameters();
    const groupOf = ([name]: [string, Parameter]) => this.#groups.findIndex((isMeant) => isMeant(name));
    this.#parameters = this.#groups.map((_, i) => parameters.filter((p) => groupOf(p) === i).map(([, p]) => p));
    const empty = this.#parameters.findIndex((group) => group.length === 0);
    if (empty >= 0) {
      const got = `${describe(this.#patterns[empty])} of ${parameters
        .map(([name]) => name)
        .slice(0, 5)
        .join(', ')}, …`;
      throw new ArgumentError(
        `GradualUnfreezing: groups[${empty}] must name a parameter that is in no group before it, got ${got}`,
      );
    }
    for (const [, p] of parameters) p.requiresGrad = false;
    this.#open(epoch);
  }

  onEpoch({ epoch }: EpochEvent): void {
    this.#open(epoch);
  }

  /** Trains what is due after so many epochs. */
  #open(epochs: number): void {
    const due = this.#parameters.slice(0, 1 + Math.floor(epochs / this.#every));
    for (const p of due.flat()) p.requiresGrad = true;
  }
}
