// Low-rank adapters.

import { allOrNothing } from '../all-or-nothing.js';
import { optionsOf } from '../arguments.js';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkFlag, checkInteger, checkNumber, describe, StateError } from '../errors.js';
import { copy_ } from '../ops/copy.js';
import { add, mul } from '../ops/elementwise.js';
import { matmul } from '../ops/matmul.js';
import { checkOptions } from '../options.js';
import type { Tensor } from '../tensor.js';
import { Dropout } from './dropout.js';
import { freeze, matching, type NamePattern, unfreeze } from './freeze.js';
import { zeros_ } from './init.js';
import { Linear } from './linear.js';
import { checkPart } from './lookup.js';
import { Module } from './module.js';
import { listAt } from './parametrize-list.js';
import { loadState, type StateDict } from './state.js';

/** Options of `LoRA.apply`. */
export interface LoRAOptions {
  /** Columns of A's rows: the rank of what is learned; default 8, as in PEFT. */
  rank?: number;
  /** What is learned is multiplied by alpha / rank; default 8, as in PEFT. */
  alpha?: number;
  /** Which linear layers, by parts of their names (`['query', 'value']`) or expressions. */
  targets: NamePattern;
  /** Probability with which an input of A is set to 0 in training; default 0. */
  dropout?: number;
  /** Modules that are trained as a whole and saved with the adapter, such as a new head; default none. */
  modulesToSave?: NamePattern;
}

// A layer with a weight of [outFeatures, inFeatures], or the other way round.
type Base = Module & { weight: Tensor; bias: Tensor | null; forward(x: Tensor): Tensor };

const isTurned = (layer: Module): boolean => (layer as { fanInFanOut?: unknown }).fanInFanOut === true;
const isLinear = (layer: Module): layer is Base => layer instanceof Linear || isTurned(layer);

/** A linear layer and what is learned beside it: y = base(x) + alpha / rank · B · A · x. Made by {@link LoRA.apply}. */
class LoRALinear extends Module {
  base_layer: Base;
  lora_A: Linear;
  lora_B: Linear;
  lora_dropout: Dropout;
  merged = false;

  constructor(
    base: Base,
    rank: number,
    readonly scaling: number,
    dropout: number,
  ) {
    super();
    const [rows, columns] = base.weight.shape as [number, number];
    const [outFeatures, inFeatures] = isTurned(base) ? [columns, rows] : [rows, columns];
    const { dtype } = base.weight;
    this.base_layer = base;
    this.lora_A = new Linear(inFeatures, rank, { bias: false, dtype });
    this.lora_B = new Linear(rank, outFeatures, { bias: false, dtype });
    this.lora_dropout = new Dropout(dropout);
    zeros_(this.lora_B.weight);
  }

  get weight(): Tensor {
    return this.base_layer.weight;
  }

  get bias(): Tensor | null {
    return this.base_layer.bias;
  }

  forward(x: Tensor): Tensor {
    const y = this.base_layer.forward(x);
    if (this.merged) return y;
    const low = mul(this.lora_A.forward(this.lora_dropout.forward(x)), this.scaling);
    return add(y, this.lora_B.forward(low));
  }

  /** @internal Adds what is learned to the base's weight, or takes it away. */
  _merge(sign: 1 | -1): void {
    const { weight } = this.base_layer;
    noGrad(() => {
      const [a, b] = [this.lora_A.weight, this.lora_B.weight];
      const product = isTurned(this.base_layer) ? matmul(a, b, { transposeA: true, transposeB: true }) : matmul(b, a);
      copy_(weight, add(weight, mul(product, sign * this.scaling)));
    });
    this.merged = sign === 1;
  }

  override toString(): string {
    return `LoRALinear(${this.base_layer}, rank ${this.lora_A.outFeatures})`;
  }
}

/**
 * Low-rank adaptation: of chosen linear layers W the change alone is learned, as a product of two thin matrices,
 * W + alpha / rank · B · A, A [rank, inFeatures], B [outFeatures, rank]. Everything else is frozen: it needs no gradients, no state of
 * an optimizer and few saved activations. A starts as a linear layer does and B as zeros, so that at first nothing changes. The same as PEFT's
 * `LoraConfig`; `models.saveAdapter` writes its files.
 *
 * Hu et al., "LoRA: low-rank adaptation of large language models", 2021, https://arxiv.org/abs/2106.09685
 *
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.Tanh(), new nn.Linear(16, 2));
 * const lora = nn.LoRA.apply(model, { rank: 4, alpha: 8, targets: ['0'], modulesToSave: ['2'] });
 * const optimizer = new optim.AdamW(lora.parameters(), { lr: 1e-3 });
 * // … training …
 * lora.merge(); // as fast as before
 */
export class LoRA {
  private constructor(
    /** The model that has the adapters. */
    readonly model: Module,
    /** All options, with their defaults. */
    readonly options: Readonly<Required<LoRAOptions>>,
    private readonly layers: ReadonlyMap<string, LoRALinear>,
    private readonly saved: ReadonlyMap<string, Tensor>,
    /** The names of the modules that are trained as a whole. */
    readonly modulesToSave: readonly string[],
  ) {}

  /**
   * Puts adapters on linear layers of a model, and freezes the rest.
   *
   * @throws ArgumentError when no linear layer has such a name, or for an option
   */
  static apply(model: Module, options: LoRAOptions): LoRA {
    const name = 'LoRA.apply';
    checkPart(name, model);
    checkOptions(name, options, ['rank', 'alpha', 'targets', 'dropout', 'modulesToSave']);
    const rank = checkInteger(name, 'rank', options?.rank ?? 8, 1);
    const alpha = checkNumber(name, 'alpha', options?.alpha ?? 8, { min: 0, open: true });
    const dropout = checkNumber(name, 'dropout', options?.dropout ?? 0, { min: 0, max: 1 });
    const { targets, modulesToSave = [] } = options ?? {};
    const linear = model.namedModules().filter((entry): entry is [string, Base] => isLinear(entry[1]));
    if (model.modules().some((part) => part instanceof LoRALinear)) {
      throw new StateError(`${name}: the model must have no adapters yet; unload those that it has`);
    }
    const chosen = linear.filter(([path]) => path !== '' && matching(name, 'targets', targets)(path));
    if (chosen.length === 0) {
      const ends = [...new Set(linear.map(([path]) => path.split('.').at(-1)))].slice(0, 20);
      throw new ArgumentError(
        `${name}: targets must name a linear layer, got ${describe(targets)}; their names end in ${ends.join(', ')}`,
      );
    }
    const isSaved = matching(name, 'modulesToSave', modulesToSave);
    const named = model.namedModules().filter(([path]) => path !== '' && isSaved(path));
    const whole = named.filter(([path]) => !named.some(([outer]) => path.startsWith(`${outer}.`)));
    // First what may fail.
    const layers = allOrNothing(() =>
      chosen.map(([path, base]) => [path, new LoRALinear(base, rank, alpha / rank, dropout), base] as const),
    );
    freeze(model);
    for (const [path, layer, base] of layers) {
      layer.train(base.training);
      model.setSubmodule(path, layer);
    }
    for (const [, part] of whole) unfreeze(part);
    const saved = whole.flatMap(([path, part]) =>
      [...part.stateDict()].map(([key, t]) => [`${path}.${key}`, t] as const),
    );
    const all = { rank, alpha, targets, dropout, modulesToSave };
    return new LoRA(
      model,
      Object.freeze(all),
      new Map(layers.map(([path, layer]) => [path, layer])),
      new Map(saved),
      whole.map(([path]) => path),
    );
  }

  /** What is trained: A and B of each layer, and the modules that are trained as a whole. */
  parameters(): Tensor[] {
    return this.model.parameters().filter((p) => p.requiresGrad);
  }

  /** The names of the layers with adapters. */
  get targets(): string[] {
    return [...this.layers.keys()];
  }

  /** @internal Whether the weights of the layers with adapters are [inFeatures, outFeatures]. */
  get _fanInFanOut(): boolean {
    return [...this.layers.values()].some(({ base_layer }) => isTurned(base_layer));
  }

  /** Whether the base's weights have been given what is learned. */
  get merged(): boolean {
    return [...this.layers.values()].some(({ merged }) => merged);
  }

  /**
   * Adds what is learned to the base's weights, so that the model costs what it cost before.
   *
   * @throws StateError when it has been done, or for a weight that is computed, as where layers are pruned
   */
  merge(): this {
    this.expect(false, 'merge');
    for (const layer of this.layers.values()) layer._merge(1);
    return this;
  }

  /**
   * Takes it away again, but for rounding.
   *
   * @throws StateError when it has not been added, or for a weight that is computed
   */
  unmerge(): this {
    this.expect(true, 'unmerge');
    for (const layer of this.layers.values()) layer._merge(-1);
    return this;
  }

  private expect(merged: boolean, operation: string): void {
    if (this.merged !== merged) {
      throw new StateError(`LoRA.${operation}: the adapters must ${merged ? '' : 'not '}be merged`);
    }
    for (const [path, { base_layer }] of this.layers) {
      if (listAt(base_layer, 'weight') === null) continue;
      const rule = `${path}.weight must be a parameter, which can be changed`;
      const hint = 'nn.utils.parametrize.removeParametrizations or compress.makePermanent makes one of it';
      throw new StateError(`LoRA.${operation}: ${rule}, got one that is computed, as where layers are pruned; ${hint}`);
    }
  }

  /**
   * Puts the linear layers back.
   *
   * @param args merge (default true): whether they keep what has been learned
   * @returns the model
   */
  unload(...args: [merge: boolean] | [options?: { merge?: boolean }]): Module {
    const o = optionsOf<{ merge: boolean }>('LoRA.unload', args, ['merge']);
    const merge = checkFlag('LoRA.unload', 'merge', o.merge, true);
    if (this.merged !== merge) merge ? this.merge() : this.unmerge();
    for (const [path, layer] of this.layers) this.model.setSubmodule(path, layer.base_layer);
    return this.model;
  }

  /** A and B, and the modules that are trained as a whole, under PEFT's names. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [path, { lora_A, lora_B }] of this.layers) {
      state.set(`${prefix}${path}.lora_A.weight`, lora_A.weight);
      state.set(`${prefix}${path}.lora_B.weight`, lora_B.weight);
    }
    for (const [key, t] of this.saved) state.set(prefix + key, t);
    return state;
  }

  /**
   * Takes over what {@link stateDict} of another gave, or PEFT's file.
   *
   * @throws StateError that lists all keys and shapes that do not fit, or when the adapters are merged
   */
  loadStateDict(state: StateDict): void {
    this.expect(false, 'loadStateDict');
    loadState(state, this.stateDict(), true);
  }

  toString(): string {
    return `LoRA(rank ${this.options.rank}, ${this.layers.size} layers)`;
  }
}

const prefix = 'base_model.model.';
