// What models that write have in common: their inputs, and what generation needs of them.
import { optionsOf, type Positional } from '../arguments.js';
import { ArgumentError, checkInteger, describe } from '../errors.js';
import { KeyValueCache } from '../nn/key-value-cache.js';
import { Module } from '../nn/module.js';
import { slice } from '../ops/shape-slice.js';
import type { Tensor } from '../tensor.js';
import type { TokenIds } from './config.js';

/** Inputs of a model that writes, beside the tokens. */
export interface CausalInputs {
  /** int32 or uint8 [batch, rows before and now]: 1 for tokens, 0 for padding; default all 1. */
  attentionMask?: Tensor | null;
  /** One for each layer, of {@link CausalLM.newCaches}: what came before, to which these tokens are added. Needs `noGrad`. */
  caches?: readonly KeyValueCache[];
}

/** Inputs of a model with scores of the next token. */
export interface ScoreInputs extends CausalInputs {
  /** Of how many of the last tokens scores are computed; default 0: of all. */
  logitsToKeep?: number;
}

/** The rest parameter of `forward`. */
export type CausalArguments<Inputs extends CausalInputs> = Positional<Inputs, [attentionMask: 'attentionMask']>;

/** @internal The inputs of a call, checked but for the mask. */
export function causalInputs<Inputs extends CausalInputs>(
  operation: string,
  args: readonly unknown[],
  layers: number,
  named: readonly (keyof Inputs & string)[] = [],
): Partial<Inputs> {
  const o = optionsOf<Inputs>(operation, args, ['attentionMask'], ['caches', ...named], ['attentionMask']);
  const { caches } = o;
  if (caches === undefined) return o;
  const areCaches =
    Array.isArray(caches) && caches.length === layers && [...caches].every((cache) => cache instanceof KeyValueCache);
  if (areCaches) return o;
  const rule = `caches must be ${layers} of KeyValueCache, one for each layer`;
  throw new ArgumentError(`${operation}: ${rule}, got ${describe(caches)}; use model.newCaches()`);
}

/** @internal The last rows of hidden states, of which scores are computed. */
export function lastRows(operation: string, hidden: Tensor, logitsToKeep: number | undefined): Tensor {
  const kept = checkInteger(operation, 'logitsToKeep', logitsToKeep ?? 0);
  const rows = hidden.shape[1] as number;
  return kept === 0 || kept >= rows ? hidden : slice(hidden, { dim: 1, start: rows - kept });
}

/** The base of models that score the next token: what `generate` takes. */
export abstract class CausalLM extends Module {
  /** @internal The number of layers, each of which has a cache. */
  abstract readonly _layers: number;
  /** @internal The most tokens of a text. */
  abstract readonly _positions: number;
  /** @internal The tokens that end a text. */
  abstract readonly _end: TokenIds;

  /**
   * @param inputIds int32 [batch, rows]
   * @param args attentionMask (all tokens); options: caches (none), logitsToKeep (all)
   * @returns scores of the next token, [batch, rows, vocabSize]
   */
  abstract override forward(inputIds: Tensor, ...args: CausalArguments<ScoreInputs>): Tensor;

  /** An empty cache for each layer, for {@link CausalInputs}. */
  newCaches(): KeyValueCache[] {
    return Array.from({ length: this._layers }, () => new KeyValueCache());
  }
}
