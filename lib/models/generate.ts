// Writing: the next token, again and again.
import { setImmediate } from 'node:timers/promises';
import { noGrad } from '../autograd/tape.js';
import { ArgumentError, checkInteger, checkNumber, describe } from '../errors.js';
import { scope } from '../memory.js';
import { tensor } from '../ops/creation.js';
import { defaultGenerator, Generator } from '../ops/generator.js';
import { checkOptions } from '../options.js';
import { CausalLM } from './causal.js';
import { chooseToken, processScores, type Sampling } from './sampling.js';

/** Options of `generate` and `generateStream`. */
export interface GenerateOptions {
  /** How many tokens are written at most; default 20. */
  maxNewTokens?: number;
  /** Divides the scores: below 1 the probable becomes more so. 0 takes the most probable token. Default 1 with topK or topP, else 0. */
  temperature?: number;
  /** Draws from the topK most probable tokens only; default: from all. */
  topK?: number;
  /** Draws from the most probable tokens whose probabilities together reach topP; default 1: from all. */
  topP?: number;
  /** Divides the scores of tokens that are there already; default 1. */
  repetitionPenalty?: number;
  /** What ends the text: a token, several, or a function of all tokens written; default the configuration's eosTokenId. */
  stop?: number | readonly number[] | ((written: readonly number[]) => boolean);
  /** Where random numbers come from; default: the generator that `manualSeed` seeds. */
  generator?: Generator;
  /** In place of a generator: the same seed writes the same text. */
  seed?: number;
  /** Ends the writing between two tokens: both functions then throw its reason. */
  signal?: AbortSignal;
}

const names = [
  'maxNewTokens',
  'temperature',
  'topK',
  'topP',
  'repetitionPenalty',
  'stop',
  'generator',
  'seed',
  'signal',
];

interface Plan extends Sampling {
  maxNewTokens: number;
  isEnd: (written: readonly number[]) => boolean;
  generator: Generator;
  signal: AbortSignal | undefined;
}

function planOf(name: string, model: CausalLM, ids: readonly number[], options: GenerateOptions): Plan {
  checkOptions(name, options, names);
  const { stop, generator, seed, signal } = options;
  const isSampled = options.topK !== undefined || options.topP !== undefined;
  const maxNewTokens = checkInteger(name, 'maxNewTokens', options.maxNewTokens ?? 20, 1);
  if (ids.length + maxNewTokens > model._positions) {
    const got = `${ids.length} + ${maxNewTokens}`;
    throw new ArgumentError(`${name}: ids and maxNewTokens must be at most ${model._positions} together, got ${got}`);
  }
  if (generator !== undefined && !(generator instanceof Generator)) {
    throw new ArgumentError(`${name}: generator must be a Generator, got ${describe(generator)}`);
  }
  if (generator !== undefined && seed !== undefined) {
    throw new ArgumentError(`${name}: generator and seed must not both be given`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ArgumentError(`${name}: signal must be an AbortSignal, got ${describe(signal)}`);
  }
  return {
    maxNewTokens,
    temperature: checkNumber(name, 'temperature', options.temperature ?? (isSampled ? 1 : 0), { min: 0 }),
    topK: options.topK === undefined ? null : checkInteger(name, 'topK', options.topK, 1),
    topP: checkNumber(name, 'topP', options.topP ?? 1, { min: 0, max: 1 }),
    repetitionPenalty: checkNumber(name, 'repetitionPenalty', options.repetitionPenalty ?? 1, { min: 0, open: true }),
    isEnd: endOf(name, stop === undefined ? (model._end ?? []) : stop),
    generator: generator ?? (seed === undefined ? defaultGenerator() : new Generator(seed)),
    signal,
  };
}

function endOf(name: string, stop: unknown): (written: readonly number[]) => boolean {
  if (typeof stop === 'function') return stop as (written: readonly number[]) => boolean;
  const list = new Set(Array.isArray(stop) ? stop : [stop]);
  for (const id of list) checkInteger(name, 'stop', id);
  return (written) => list.has(written.at(-1));
}

function checkTokens(name: string, ids: unknown): number[] {
  const isList = Array.isArray(ids) || ids instanceof Int32Array;
  if (!isList || ids.length === 0) {
    throw new ArgumentError(`${name}: ids must be a list of at least one token, got ${describe(ids)}`);
  }
  return Array.from(ids, (id) => checkInteger(name, 'ids', id, 0, 2 ** 31 - 1));
}

function checkModel(name: string, model: unknown): void {
  if (model instanceof CausalLM) return;
  const rule = 'model must score the next token, as GPT2LMHeadModel and LlamaForCausalLM do';
  throw new ArgumentError(`${name}: ${rule}, got ${describe(model)}`);
}

async function* write(model: CausalLM, ids: readonly number[], plan: Plan): AsyncGenerator<number, void, undefined> {
  const caches = model.newCaches();
  const written: number[] = [];
  let next = ids;
  try {
    while (written.length < plan.maxNewTokens) {
      await setImmediate(); // a server answers between two tokens
      plan.signal?.throwIfAborted();
      const scores = scope(() =>
        noGrad(() =>
          model
            .forward(tensor([next], { dtype: 'int32' }), { caches, logitsToKeep: 1 })
            .to('float32')
            .toTypedArray(),
        ),
      ) as Float32Array;
      const id = chooseToken(processScores(scores, [...ids, ...written], plan), plan.temperature, plan.generator);
      next = [id];
      written.push(id);
      yield id;
      if (plan.isEnd(written)) return;
    }
  } finally {
    for (const cache of caches) cache.dispose();
  }
}

/**
 * Goes on after a text, token by token, as an async iterable: each token comes as soon as it is known. Keys and values of
 * earlier tokens are kept, so that each costs one row. The event loop is free between two tokens. Scores are processed in
 * the order of transformers: repetitionPenalty, temperature, topK, topP. Put the model in evaluation mode first.
 *
 * @param ids the tokens of the beginning
 * @returns the tokens that follow, one by one; the one that ends the text is the last
 * @throws ArgumentError when ids are empty or do not fit, or for an option
 * @example
 * const model = new models.GPT2LMHeadModel({ vocabSize: 100, nPositions: 32, nEmbd: 32, nLayer: 2, nHead: 4 }).eval();
 * for await (const id of models.generateStream(model, [2, 17, 5], { maxNewTokens: 8, topK: 10, seed: 1 })) {
 *   console.log(id);
 * }
 */
export function generateStream(
  model: CausalLM,
  ids: readonly number[] | Int32Array,
  options: GenerateOptions = {},
): AsyncGenerator<number, void, undefined> {
  const name = 'generateStream';
  checkModel(name, model);
  const beginning = checkTokens(name, ids);
  return write(model, beginning, planOf(name, model, beginning, options));
}

/**
 * Goes on after a text; see {@link generateStream}. By default it takes the most probable token each time.
 *
 * @param ids the tokens of the beginning
 * @returns the tokens that follow; the one that ends the text is the last
 * @throws ArgumentError when ids are empty or do not fit, or for an option
 * @example
 * const model = new models.GPT2LMHeadModel({ vocabSize: 100, nPositions: 32, nEmbd: 32, nLayer: 2, nHead: 4 }).eval();
 * const written = await models.generate(model, [2, 17, 5], { maxNewTokens: 8, temperature: 0.7, topP: 0.9, seed: 1 });
 */
export async function generate(
  model: CausalLM,
  ids: readonly number[] | Int32Array,
  options: GenerateOptions = {},
): Promise<number[]> {
  const name = 'generate';
  checkModel(name, model);
  const beginning = checkTokens(name, ids);
  const written: number[] = [];
  for await (const id of write(model, beginning, planOf(name, model, beginning, options))) written.push(id);
  return written;
}
