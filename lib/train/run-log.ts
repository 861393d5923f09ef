import { appendFileSync, existsSync } from 'node:fs';
import { arch, cpus, hostname, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { checkNames, checkNumbers } from '../charts/frame.js';
import { checkPictures, type PicturesOptions } from '../charts/pictures.js';
import { ArgumentError, checkInteger, checkText, describe, isPlain } from '../errors.js';
import { writeFileAtomic } from '../io/atomic.js';
import { checkPath, systemError } from '../io/files.js';
import { makeFolder } from '../io/make-folder.js';
import { native } from '../native.js';
import { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import { checkTensor, type Tensor } from '../tensor.js';
import type { Importance } from './importance.js';
import { encode, type Histogram, type Numbers, type RunEvent, type RunHeader } from './record.js';
import { summarise } from './run-classes.js';
import { checkSamples, type ShownSample } from './run-samples.js';

/** Options of a {@link RunLog}. */
export interface RunLogOptions {
  /** Default the name of the folder. */
  name?: string;
  /** What was set, as JSON: shown by the report, and compared with that of other runs. */
  configuration?: Record<string, unknown>;
}

/** Where a training is. */
export interface Position {
  epoch: number;
  step: number;
}

/**
 * Records a training in a folder, of which `train.report` makes a page and which `train.serve` follows: a callback for
 * `train.fit`, or to be called by a loop of your own. A folder that has a record is continued.
 *
 * @throws ArgumentError for a configuration that is no object, FileError when the folder cannot be written
 * @example
 * const log = new train.RunLog('runs/first', { configuration: { lr: 0.1 } });
 * log.onStep({ epoch: 1, step: 1, values: { loss: 2.3 } });
 */
export class RunLog {
  readonly folder: string;
  readonly name: string = 'RunLog';
  readonly rankZeroOnly = true;
  #position: Position = { epoch: 0, step: 0 };

  constructor(folder: string, options?: RunLogOptions) {
    this.folder = checkPath('RunLog', folder, 'folder');
    checkOptions('RunLog', options, ['name', 'configuration']);
    const name = checkText('RunLog', 'name', options?.name ?? folder.split(/[\\/]/).filter(Boolean).at(-1) ?? folder);
    const configuration = options?.configuration ?? {};
    if (!isPlain(configuration)) {
      throw new ArgumentError(`RunLog: configuration must be an object, got ${describe(configuration)}`);
    }
    const started = new Date().toISOString();
    const header: RunHeader = { version: 1, name, started, configuration, environment: environment() };
    const json = toJson(header);
    this.#write(() => {
      makeFolder(folder);
      if (!existsSync(join(folder, 'run.json')))
        writeFileAtomic('RunLog', join(folder, 'run.json'), [Buffer.from(json)]);
    });
  }

  /** Training begins or, after a checkpoint, goes on from that step. */
  onStart(event: Position): void {
    this.#add('start', this.#at(event), {});
  }

  /** Values of a step, such as its loss and learning rate. */
  onStep(event: Position & { values: Numbers }): void {
    this.#add('step', this.#at(event), { values: checkValues(event.values) });
  }

  /** Values of validation. */
  onValidate(event: Position & { values: Numbers }): void {
    this.#add('validate', this.#at(event), { values: checkValues(event.values) });
  }

  /** Values of an epoch. */
  onEpoch(event: Position & { values: Numbers }): void {
    this.#add('epoch', this.#at(event), { values: checkValues(event.values) });
  }

  /** Something to know of. */
  onWarning(event: { message: string }): void {
    this.#add('warning', this.#position, {
      text: checkText('RunLog', 'message', checkObject('RunLog', 'event', event).message),
    });
  }

  /** The end, and why. */
  onEnd(event: { result: { stopped: string; reason?: string } }): void {
    const { stopped, reason = '' } = checkObject('RunLog', 'result', checkObject('RunLog', 'event', event).result);
    const parts = [checkText('RunLog', 'stopped', stopped), checkText('RunLog', 'reason', reason)];
    const text = parts.filter((part) => part !== '').join(': ');
    this.#add('end', this.#position, { text });
  }

  /**
   * Records what was taken for what: confusion matrix, ROC curves, calibration.
   *
   * @param options.classes names of the classes
   * @param options.target classes as integers, [n]
   * @param options.probabilities [n, classes], or [n] of the second of two classes
   */
  recordClasses(options: { classes: readonly string[]; target: Tensor; probabilities: Tensor }): void {
    checkOptions('recordClasses', options ?? null, ['classes', 'target', 'probabilities']);
    const classes = checkNames('recordClasses', 'classes', options.classes);
    const target = checkTensor('recordClasses', 'target', options.target).toTypedArray();
    const { shape } = checkTensor('recordClasses', 'probabilities', options.probabilities);
    const flat = Float64Array.from(options.probabilities.toTypedArray(), checkProbability);
    const isBinary = shape.length === 1 && classes.length === 2;
    if (!isBinary && (shape.length !== 2 || shape[1] !== classes.length)) {
      const rule = `probabilities must be [n, ${classes.length}]`;
      throw new ArgumentError(`recordClasses: ${rule}, got ${describe([...shape])}`);
    }
    if (shape[0] !== target.length || target.length === 0) {
      const rule = 'target must have a class for each row of probabilities, and there must be one at least';
      throw new ArgumentError(`recordClasses: ${rule}, got ${target.length} and ${shape[0]}`);
    }
    target.forEach((label, i) => {
      checkInteger('recordClasses', `target[${i}]`, label, 0, classes.length - 1);
    });
    const rows = Array.from(target, (_, i) => {
      if (isBinary) return [1 - (flat[i] as number), flat[i] as number];
      return flat.subarray(i * classes.length, (i + 1) * classes.length);
    });
    this.#add('classes', this.#position, { classes, ...summarise(classes.length, target, rows) });
  }

  /** Records histograms of a model's weights and of those gradients that there are. */
  recordHistograms(model: Module): void {
    if (!(model instanceof Module)) {
      throw new ArgumentError(`recordHistograms: model must be a module, got ${describe(model)}`);
    }
    const named = model.namedParameters();
    const gradients = named.flatMap(([name, p]): [string, Tensor][] => (p.grad ? [[name, p.grad]] : []));
    for (const [type, tensors] of [
      ['weights', named],
      ['gradients', gradients],
    ] as const) {
      if (tensors.length === 0) continue;
      const counted = tensors.map(([name, t]) => [name, histogramOf(t.toTypedArray())]);
      this.#add(type, this.#position, { tensors: Object.fromEntries(counted) });
    }
  }

  /** Records predictions to look at. */
  recordSamples(samples: readonly ShownSample[]): void {
    this.#add('samples', this.#position, { samples: checkSamples('recordSamples', samples) });
  }

  /** Records the predictions that are most wrong, the worst first. */
  recordErrors(samples: readonly ShownSample[]): void {
    this.#add('errors', this.#position, { samples: checkSamples('recordErrors', samples) });
  }

  /**
   * Records pictures, such as attributions, filters or what a network makes: the options are those of `charts.pictures`. Of each title
   * the report shows the newest ones.
   *
   * @throws ArgumentError for what is not a picture, and unknown options
   * @example
   * const image = { width: 2, height: 2, data: Uint8Array.of(0, 255, 255, 0) };
   * new train.RunLog('runs/drawn').recordPictures({ title: 'Filters', pictures: [{ image, caption: 'first' }] });
   */
  recordPictures(options: PicturesOptions): void {
    this.#add('pictures', this.#position, checkPictures('recordPictures', options));
  }

  /** Records what `train.permutationImportance` gave. */
  recordImportance(importance: Omit<Importance, 'importances'>, options?: { metric?: string }): void {
    checkOptions('recordImportance', options, ['metric']);
    const metric = checkText('recordImportance', 'metric', options?.metric ?? 'metric');
    const given = checkObject('recordImportance', 'importance', importance);
    const names = checkNames('recordImportance', 'names', given.names);
    const [means, deviations] = (['importancesMean', 'importancesStd'] as const).map((key) => {
      const list = checkNumbers('recordImportance', key, given[key]);
      if (list.length === names.length) return list;
      const got = `got ${list.length} for ${names.length} names`;
      throw new ArgumentError(`recordImportance: ${key} must be one for each name, ${got}`);
    }) as [Float64Array, Float64Array];
    const features = names.map((name, i) => ({ name, mean: means[i], std: deviations[i] }));
    this.#add('importance', this.#position, { metric, features });
  }

  #at(event: Position): Position {
    const given = checkObject('RunLog', 'event', event);
    const epoch = checkInteger('RunLog', 'epoch', given.epoch);
    const step = checkInteger('RunLog', 'step', given.step);
    this.#position = { epoch, step };
    return this.#position;
  }

  #add(type: RunEvent['type'], { epoch, step }: Position, rest: object): void {
    const line = `${encode({ type, epoch, step, time: Date.now(), ...rest })}\n`;
    this.#write(() => appendFileSync(join(this.folder, 'events.jsonl'), line));
  }

  #write(action: () => void): void {
    try {
      action();
    } catch (cause) {
      throw systemError('RunLog', 'write', this.folder, cause);
    }
  }
}

function toJson(header: RunHeader): string {
  try {
    JSON.stringify(header.configuration, checkKept);
    return `${encode(header)}\n`;
  } catch (cause) {
    if (cause instanceof ArgumentError) throw cause;
    throw new ArgumentError('RunLog: configuration must be values of JSON', { cause });
  }
}

// JSON leaves such values out without a word.
function checkKept(key: string, value: unknown): unknown {
  if (typeof value !== 'function' && typeof value !== 'symbol') return value;
  throw new ArgumentError(`RunLog: configuration must be values of JSON, got ${describe(value)} as ${key}`);
}

function environment(): Record<string, unknown> {
  const { blas, isa, threads } = native.buildInfo();
  return {
    node: process.version,
    system: `${platform()} ${arch()}`,
    host: hostname(),
    processor: cpus()[0]?.model ?? '',
    processors: cpus().length,
    'memory in GB': Math.round(totalmem() / 1e8) / 10,
    threads,
    'instruction set': isa,
    blas,
    command: process.argv
      .slice(1)
      .map((part) => part.split(/[\\/]/).at(-1))
      .join(' '),
  };
}

/** A probability, which rounding may have moved a little beyond 0 or 1. */
function checkProbability(p: number): number {
  if (p >= -1e-5 && p <= 1 + 1e-5) return Math.min(1, Math.max(0, p));
  const hint = 'apply softmax or sigmoid to scores';
  throw new ArgumentError(`recordClasses: probabilities must be from 0 to 1, got ${p}; ${hint}`);
}

function checkObject<T extends object>(operation: string, name: string, value: T): T {
  if (isPlain(value)) return value;
  throw new ArgumentError(`${operation}: ${name} must be an object, got ${describe(value)}`);
}

function checkValues(values: unknown): Numbers {
  if (!isPlain(values)) throw new ArgumentError(`RunLog: values must be numbers by name, got ${describe(values)}`);
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'number') throw new ArgumentError(`RunLog: ${name} must be a number, got ${describe(value)}`);
  }
  return values as Numbers;
}

/** Counts of the finite values in 40 bins. */
export function histogramOf(values: ArrayLike<number>): Histogram {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (!Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(low < high)) [low, high] = low === high ? [low - 0.5, high + 0.5] : [0, 1];
  const counts = new Array<number>(40).fill(0);
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (!Number.isFinite(v)) continue;
    const bin = Math.min(39, Math.floor(((v - low) / (high - low)) * 40));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { low, high, counts };
}
