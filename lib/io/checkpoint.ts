// Checkpoints: everything that training goes on from, in one safetensors file. docs/checkpoints.md describes the format.
import { crc32 } from 'node:zlib';
import type { DType, TypedArray } from '../dtype.js';
import { ArgumentError, checkFunction, checkInteger, describe, FileError, isPlain } from '../errors.js';
import { native } from '../native.js';
import { checkOptions } from '../options.js';
import { empty, type Tensor } from '../tensor.js';
import { isFolder, keepNewest, nextIn, numbered, numbersIn } from './checkpoint-folder.js';
import { type CheckpointState, type CheckpointTargets, checkTargets, restore, stateOf } from './checkpoint-state.js';
import { decode, type Encoded, encode } from './checkpoint-tree.js';
import { checkPath, rename } from './files.js';
import { visitSafetensors, writeParts } from './safetensors.js';

const version = 1;

/** Errors of files that are whole, but of another version: older files are no substitute for them. */
const later = new WeakSet<Error>();

/** Options of {@link saveCheckpoint}. */
export interface SaveCheckpointOptions {
  /** How many checkpoints a folder keeps; without it `path` is a file. */
  keep?: number;
}

/** Options of {@link loadCheckpoint} and {@link latestCheckpoint}. */
export interface LoadCheckpointOptions {
  /** Called with the error of each damaged checkpoint that is passed over; by default a warning of the process. */
  onDamaged?: (error: FileError) => void;
}

/**
 * Saves the state of a training in one file: models, optimizers, schedules, averages and loaders by their `stateDict()`,
 * random generators, and values such as numbers of epochs, metrics and tensors. A crash or a full disk leaves the earlier
 * files whole. The random functions' own generator is `defaultGenerator()`.
 *
 * @param path a file, which is replaced; with `keep` a folder, in which a new file is written and the oldest removed
 * @param options keep: how many files the folder keeps
 * @returns the path of the file
 * @throws ArgumentError for a value that cannot be kept, which it names; FileError when the file cannot be written
 * @example
 * const state = { model, optimizer, generator: defaultGenerator() };
 * io.saveCheckpoint('run', { ...state, epoch: 3 }, { keep: 2 });
 * const { epoch } = io.loadCheckpoint('run', state);
 */
export function saveCheckpoint(path: string, state: CheckpointState, options?: SaveCheckpointOptions): string {
  const name = 'saveCheckpoint';
  checkPath(name, path);
  checkOptions(name, options, ['keep']);
  if (!isPlain(state)) {
    const hint = 'pass { model, optimizer, epoch }, say';
    throw new ArgumentError(`${name}: state must be an object, got ${describe(state)}; ${hint}`);
  }
  const keep = options?.keep === undefined ? undefined : checkInteger(name, 'keep', options.keep, 1);
  const given = Object.entries(state).filter(([, value]) => value !== undefined);
  const encoded = encode(name, Object.fromEntries(given.map(([key, value]) => [key, stateOf(value)])));
  const metadata = {
    'adjoint.checkpoint': `${version}`,
    'adjoint.state': encoded.text,
    'adjoint.crc32': `${checksumOf(encoded)}`,
  };
  const file = keep === undefined ? path : nextIn(name, path);
  writeParts(name, file, encoded.parts, metadata);
  if (keep !== undefined) keepNewest(name, path, keep);
  return file;
}

function checksumOf({ text, parts }: Encoded): number {
  let sum = 0;
  for (const { name, fileDType, shape, data } of parts) sum = addTensor(sum, name, fileDType, shape, data());
  return addText(sum, `${version}`, text);
}

// Later versions keep this rule, so that a file of theirs is told from a damaged one.
const addText = (sum: number, format: string, text: string): number => crc32(`${format}\n${text}`, sum);

function addTensor(sum: number, name: string, fileDType: string, shape: readonly number[], data: TypedArray): number {
  const head = crc32(`${name}\n${fileDType}\n${shape.join()}\n`, sum);
  return crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head);
}

/**
 * Loads a checkpoint into the objects of these names, all of them or, when one does not fit, none.
 *
 * @param path a file, or a folder, whose newest undamaged file is loaded
 * @param state the objects and generators to load, by the names under which they were saved; default none
 * @param options onDamaged: called with the error of each damaged file of the folder that is newer
 * @returns what was saved under other names, as it was: numbers, lists, tensors, states
 * @throws FileError when there is no undamaged checkpoint, or it is of a later version; StateError, which names what is
 *   missing or does not fit, when it is of another model or optimizer: nothing is changed then
 * @example
 * io.saveCheckpoint('run.safetensors', { model, metrics: { accuracy: 0.97 } });
 * const { metrics } = io.loadCheckpoint('run.safetensors', { model });
 */
export function loadCheckpoint<Values extends object = Record<string, unknown>>(
  path: string,
  state: CheckpointTargets = {},
  options?: LoadCheckpointOptions,
): Values {
  const name = 'loadCheckpoint';
  checkPath(name, path);
  checkLoadOptions(name, options);
  checkTargets(name, state);
  const file = isFolder(path) ? latest(name, path, options) : path;
  if (file === null) {
    throw new FileError(`${name}: ${JSON.stringify(path)} must hold an undamaged checkpoint, got none`);
  }
  const saved = read(name, file);
  restore(name, JSON.stringify(file), saved, state);
  return Object.fromEntries(Object.entries(saved).filter(([key]) => !Object.hasOwn(state, key))) as Values;
}

/**
 * The newest undamaged checkpoint of a folder: each is read and its checksum compared, the newest first.
 *
 * @param path a folder
 * @param options onDamaged: called with the error of each damaged one that is passed over
 * @returns the path of the file; null when there is none
 * @example
 * const file = io.latestCheckpoint('runs/digits');
 */
export function latestCheckpoint(path: string, options?: LoadCheckpointOptions): string | null {
  const name = 'latestCheckpoint';
  checkPath(name, path);
  checkLoadOptions(name, options);
  return isFolder(path) ? latest(name, path, options) : null;
}

function checkLoadOptions(name: string, options: LoadCheckpointOptions | undefined): void {
  checkOptions(name, options, ['onDamaged']);
  if (options?.onDamaged !== undefined) checkFunction(name, 'onDamaged', options.onDamaged);
}

function latest(name: string, folder: string, options: LoadCheckpointOptions | undefined): string | null {
  for (const number of numbersIn(name, folder)) {
    const file = numbered(folder, number);
    try {
      check(name, file);
      return file;
    } catch (error) {
      if (!(error instanceof FileError) || later.has(error)) throw error;
      if (options?.onDamaged !== undefined) options.onDamaged(error);
      else process.emitWarning(error.message, { type: 'AdjointWarning', code: 'ADJOINT_DAMAGED_CHECKPOINT' });
    }
  }
  return null;
}

type Visit = (key: string, dtype: DType, shape: readonly number[], data: TypedArray) => void;

/** Reads a checkpoint, passes its tensors to `visit` one by one and compares the checksum; returns the text of the state. */
function check(name: string, path: string, visit?: Visit): string {
  const fail = (rule: string) => new FileError(`${name}: ${JSON.stringify(path)} ${rule}`);
  let sum = 0;
  const metadata = inOperation(name, () =>
    visitSafetensors(path, (key, { dtype, shape, fileDType }, readData) => {
      const data = readData();
      sum = addTensor(sum, key, fileDType as string, shape, data);
      visit?.(key, dtype, shape, data);
    }),
  );
  const { 'adjoint.checkpoint': format, 'adjoint.state': text, 'adjoint.crc32': expected } = metadata;
  if (format === undefined) throw fail('must be a checkpoint, got a file of tensors alone; read it with io.load');
  if (text === undefined || expected === undefined) throw fail('must have its state and checksum, got none');
  if (`${addText(sum, format, text)}` !== expected) {
    throw fail(`must have the checksum ${describe(expected)}, got ${addText(sum, format, text)}; it is damaged`);
  }
  if (format !== `${version}`) {
    const hint = 'read it with the release that wrote it, or a later one';
    const error = fail(`must have version ${version} of the format, got ${describe(format)}; ${hint}`);
    later.add(error);
    throw error;
  }
  return text;
}

/** Errors of reading tensors, in the name of this operation. */
function inOperation<T>(name: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw rename(name, error);
  }
}

function read(name: string, path: string): Record<string, unknown> {
  const tensors = new Map<string, Tensor>();
  try {
    const text = check(name, path, (key, dtype, shape, data) => {
      const t = inOperation(name, () => empty(shape, dtype));
      tensors.set(key, t);
      native.write(t.handle, data);
    });
    const fail = (rule: string) => new FileError(`${name}: ${JSON.stringify(path)} ${rule}`);
    return decode(text, (key) => tensors.get(key), fail);
  } catch (error) {
    for (const t of tensors.values()) t.dispose();
    throw error;
  }
}
