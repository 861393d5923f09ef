// Adapters in PEFT's files: adapter_config.json and adapter_model.safetensors.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { allOrNothing } from '../all-or-nothing.js';
import { ArgumentError, describe, FileError, isPlain } from '../errors.js';
import { writeFileAtomic } from '../io/atomic.js';
import { checkPath, systemError, withFile } from '../io/files.js';
import { load } from '../io/load.js';
import { save } from '../io/save.js';
import { checkPart } from '../nn/lookup.js';
import { LoRA } from '../nn/lora.js';
import type { Module } from '../nn/module.js';

const configFile = 'adapter_config.json';
const weightsFile = 'adapter_model.safetensors';
/** Bytes of the longest configuration that is read. */
const longest = 2 ** 22;

/**
 * Writes the adapters of a model to a folder, in the files of Hugging Face's PEFT, whose `PeftModel.from_pretrained` reads them:
 * `adapter_config.json` and `adapter_model.safetensors`. The base's weights are not among them.
 *
 * @throws FileError when they cannot be written
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.Linear(16, 2));
 * const lora = nn.LoRA.apply(model, { rank: 4, targets: ['0'] });
 * models.saveAdapter('adapter', lora);
 */
export function saveAdapter(folder: string, lora: LoRA): void {
  checkPath('saveAdapter', folder, 'folder');
  if (!(lora instanceof LoRA)) {
    throw new ArgumentError(`saveAdapter: lora must be what nn.LoRA.apply returns, got ${describe(lora)}`);
  }
  const { rank, alpha, dropout } = lora.options;
  const config = {
    peft_type: 'LORA',
    base_model_name_or_path: null,
    task_type: null,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    target_modules: lora.targets,
    modules_to_save: lora.modulesToSave.length === 0 ? null : lora.modulesToSave,
    bias: 'none',
    fan_in_fan_out: lora._fanInFanOut,
  };
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw systemError('saveAdapter', 'make', folder, cause);
  }
  save(join(folder, weightsFile), lora.stateDict());
  const bytes = new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`);
  writeFileAtomic('saveAdapter', join(folder, configFile), [bytes]);
}

type Json = Readonly<Record<string, unknown>>;

function readConfig(path: string): Json {
  const text = withFile('loadAdapter', path, ({ size, read }) => {
    if (size > longest) {
      throw new FileError(`loadAdapter: ${JSON.stringify(path)} must be a configuration, got ${size} bytes`);
    }
    const bytes = new Uint8Array(size);
    read(0, bytes);
    return new TextDecoder().decode(bytes);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FileError(`loadAdapter: ${JSON.stringify(path)} must be JSON (${(cause as Error).message})`, { cause });
  }
  if (isPlain(json)) return json as Json;
  throw new FileError(`loadAdapter: ${JSON.stringify(path)} must hold an object, got ${describe(json)}`);
}

// What PEFT can do and LoRA cannot; it is in a configuration with one of these values where it is not used.
const unused: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ['LORA'],
  bias: ['none'],
  use_dora: [false],
  use_rslora: [false],
  layers_to_transform: [],
  layer_replication: [],
  trainable_token_indices: [],
  target_parameters: [],
  lora_bias: [false],
};

function checkUnused(json: Json, source: string): void {
  for (const [name, values] of Object.entries(unused)) {
    const value = json[name];
    if (value === undefined || value === null || values.includes(value)) continue;
    const rule = values.length === 0 ? 'null' : values.map(describe).join(' or ');
    throw new FileError(`${source}: ${name} must be ${rule} here, got ${describe(value)}`);
  }
  for (const name of ['rank_pattern', 'alpha_pattern']) {
    const value = json[name] ?? {};
    if (isPlain(value) && Object.keys(value).length === 0) continue;
    throw new FileError(`${source}: ${name} must be empty here, got ${describe(value)}`);
  }
}

/** The most names in a list. */
const mostNames = 10_000;
/** Milliseconds for an expression to match the names of a model; one of nested repetitions could take for ever. */
const matchTime = 1000;

// PEFT's names: a text is an expression for the whole name, a list has names and ends of names. They become those of the model.
function namesOf(json: Json, name: string, source: string, model: Module): RegExp[] {
  const value = json[name] ?? [];
  const paths = model.namedModules().map(([path]) => path);
  const exactly = (path: string) => new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  if (typeof value === 'string') {
    try {
      const pattern = new RegExp(`^(?:${value})$`);
      const code = 'paths.filter((path) => pattern.test(path))';
      return (runInNewContext(code, { paths, pattern }, { timeout: matchTime }) as string[]).map(exactly);
    } catch (cause) {
      throw new FileError(`${source}: ${name} must be an expression that JavaScript knows, and matches in a second`, {
        cause,
      });
    }
  }
  if (
    Array.isArray(value) &&
    value.length <= mostNames &&
    value.every((one) => typeof one === 'string' && one !== '')
  ) {
    const ends = new Set<string>(value);
    const isNamed = (path: string) => path.split('.').some((_, i, parts) => ends.has(parts.slice(i).join('.')));
    return paths.filter(isNamed).map(exactly);
  }
  throw new FileError(`${source}: ${name} must be a list of at most ${mostNames} names, got ${describe(value)}`);
}

/**
 * Puts the adapters of a folder, written by {@link saveAdapter} or by Hugging Face's PEFT, on a model, whose weights must be those that
 * they were trained with.
 *
 * @returns the adapters, as `nn.LoRA.apply` gives them
 * @throws FileError when the files are missing, damaged or of another method; ArgumentError, StateError when they do not fit
 *   the model, which has no adapters then
 * @example
 * const model = nn.sequential(new nn.Linear(8, 16), new nn.Linear(16, 2));
 * const lora = models.loadAdapter('adapter', model);
 * lora.merge();
 */
export function loadAdapter(folder: string, model: Module): LoRA {
  checkPath('loadAdapter', folder, 'folder');
  checkPart('loadAdapter', model);
  const path = join(folder, configFile);
  const source = `loadAdapter: ${JSON.stringify(path)}`;
  const json = readConfig(path);
  checkUnused(json, source);
  const numberAt = (name: string): number => {
    const value = json[name];
    if (typeof value === 'number' && value >= 0 && (name !== 'r' || (Number.isInteger(value) && value > 0)))
      return value;
    throw new FileError(`${source}: ${name} must be a number above 0, got ${describe(value)}`);
  };
  const options = { rank: numberAt('r'), alpha: numberAt('lora_alpha'), dropout: numberAt('lora_dropout') };
  const state = load(join(folder, weightsFile));
  const trained = new Map(model.namedParameters().map(([, p]) => [p, p.requiresGrad]));
  let lora: LoRA | undefined;
  try {
    const targets = namesOf(json, 'target_modules', source, model);
    const settings = { ...options, targets, modulesToSave: namesOf(json, 'modules_to_save', source, model) };
    return allOrNothing(() => {
      lora = LoRA.apply(model, settings);
      lora.loadStateDict(state);
      return lora;
    });
  } catch (error) {
    lora?.unload({ merge: false });
    for (const [p, value] of trained) p.requiresGrad = value;
    throw error;
  } finally {
    for (const t of state.values()) t.dispose();
  }
}
