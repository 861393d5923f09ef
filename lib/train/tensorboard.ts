// Curves, histograms, pictures and more, as files that TensorBoard shows.
import { join } from 'node:path';
import { ArgumentError, checkFunction, checkInteger, checkText, describe, isPlain, ShapeError } from '../errors.js';
import { checkPath } from '../io/files.js';
import { encodePng } from '../io/png.js';
import type { Module } from '../nn/module.js';
import { checkOptions } from '../options.js';
import { Tensor } from '../tensor.js';
import { type EmbeddingOptions, writeEmbedding, writeEmbeddingList } from './tensorboard-embedding.js';
import { EventFile } from './tensorboard-file.js';
import { graphOf } from './tensorboard-graph.js';
import { type DataFormats, pixelsOf } from './tensorboard-image.js';
import { type Bytes, event, graphDef, type Hparam, hparamValues, value } from './tensorboard-proto.js';
import { type HistogramOptions, histogramOf, numbersOf } from './tensorboard-values.js';

/** Options of {@link TensorBoard}. */
export interface TensorBoardOptions {
  /** From which step on TensorBoard no longer shows what an earlier run has left in the folder, as when a run is resumed. */
  purgeStep?: number;
  /** A clock in milliseconds, default `Date.now`. */
  now?: () => number;
}

/** A number, or a tensor of one element. */
export type Scalar = number | Tensor;

/**
 * Writes what TensorBoard shows of a run: one file of events in a folder, which `tensorboard --logdir` follows while it grows. The
 * names are those of PyTorch's `SummaryWriter`. Each entry is written at once and whole, so that a run that is killed keeps all
 * before; a step is an integer of at least 0.
 *
 * @throws FileError when the file cannot be written, which is then as it was; StateError after `close`
 * @example
 * const board = new train.TensorBoard('runs/first');
 * for (let step = 0; step < 3; step++) board.addScalar('loss/train', 1 / (step + 1), step);
 * board.addHistogram('weights', model.parameters()[0]!, 2);
 * board.close();
 */
export class TensorBoard {
  readonly #file: EventFile;
  readonly #now: () => number;
  /** Of `addScalars` and `addHparams`, by folder. */
  readonly #runs = new Map<string, TensorBoard>();
  readonly #embeddings = new Map<string, string>();

  /** @param dir the folder of the run, which is made if there is none */
  constructor(dir: string, options: TensorBoardOptions = {}) {
    checkPath('TensorBoard', dir, 'dir');
    checkOptions('TensorBoard', options, ['purgeStep', 'now']);
    const { purgeStep, now = Date.now } = options;
    checkFunction('TensorBoard', 'now', now);
    if (purgeStep !== undefined) checkInteger('TensorBoard', 'purgeStep', purgeStep);
    this.#now = now;
    const time = timeOf(now);
    const first = purgeStep === undefined ? [] : [event.restart(timeOf(now), purgeStep)];
    this.#file = new EventFile(dir, time, first);
  }

  /** The folder of the run. */
  get logDir(): string {
    return this.#file.folder;
  }

  /** The file of events. */
  get path(): string {
    return this.#file.path;
  }

  #add(operation: string, step: unknown, ...values: readonly Bytes[]): void {
    checkInteger(operation, 'step', step);
    this.#file.write(operation, event.summary(timeOf(this.#now), step as number, values));
  }

  /**
   * Adds a point to a curve. Slashes in the tag make groups: `loss/train`.
   *
   * @param scalar a number, also NaN or an infinity, or a tensor of one element; kept as float32
   */
  addScalar(tag: string, scalar: Scalar, step = 0): void {
    const operation = 'TensorBoard.addScalar';
    this.#add(operation, step, value.scalar(checkTag(operation, tag), numberOf(operation, scalar)));
  }

  /** Adds a point to each of several curves in one diagram: each is a run of its own, in the folder `<dir>/<tag>_<name>`. */
  addScalars(mainTag: string, scalars: Readonly<Record<string, Scalar>>, step = 0): void {
    const operation = 'TensorBoard.addScalars';
    checkTag(operation, mainTag);
    const numbers = recordOf(operation, 'scalars', scalars).map(
      ([name, scalar]) => [name, numberOf(operation, scalar)] as const,
    );
    checkInteger(operation, 'step', step);
    for (const [name, number] of numbers) {
      this.#run(folderName(operation, `${mainTag}_${name}`)).addScalar(mainTag, number, step);
    }
  }

  /**
   * Adds how often which values occur, of weights or gradients, say.
   *
   * @param values finite numbers, at least one
   */
  addHistogram(
    tag: string,
    values: Tensor | ArrayLike<number> | readonly number[],
    step = 0,
    options: HistogramOptions = {},
  ): void {
    const operation = 'TensorBoard.addHistogram';
    checkOptions(operation, options, ['bins']);
    const parts = histogramOf(operation, numbersOf(operation, 'values', values), options);
    this.#add(operation, step, value.histogram(checkTag(operation, tag), parts));
  }

  /**
   * Adds a picture.
   *
   * @param image uint8, or floats from 0 to 1
   * @param options.dataformats the order of its dimensions: `CHW` (default), `HWC` or `HW`; 1 channel is grey, 3 are colours
   */
  addImage(tag: string, image: Tensor, step = 0, options: { dataformats?: DataFormats } = {}): void {
    const operation = 'TensorBoard.addImage';
    checkOptions(operation, options, ['dataformats']);
    const pixels = pixelsOf(operation, image, options.dataformats);
    const { width, height } = pixels;
    const channels = pixels.data.length / (width * height);
    const picture = { width, height, channels, png: encodePng(pixels) };
    this.#add(operation, step, value.image(checkTag(operation, tag), picture));
  }

  /** Adds a text, which TensorBoard shows as Markdown. */
  addText(tag: string, text: string, step = 0): void {
    const operation = 'TensorBoard.addText';
    this.#add(operation, step, value.text(checkTag(operation, tag), checkText(operation, 'text', text)));
  }

  /**
   * Adds hyperparameters and what they led to, as a run of its own, so that runs can be compared.
   *
   * @param hparams numbers, texts and booleans
   * @param metrics numbers, or tensors of one element
   * @param options.runName the folder of the run within that of the writer; default the time in seconds
   */
  addHparams(
    hparams: Readonly<Record<string, Hparam>>,
    metrics: Readonly<Record<string, Scalar>>,
    options: { runName?: string } = {},
  ): void {
    const operation = 'TensorBoard.addHparams';
    checkOptions(operation, options, ['runName']);
    for (const [name, v] of recordOf(operation, 'hparams', hparams)) {
      if (typeof v === 'string' || typeof v === 'boolean' || typeof v === 'number') continue;
      throw new ArgumentError(`${operation}: ${name} must be a number, a text or a boolean, got ${describe(v)}`);
    }
    const measured = recordOf(operation, 'metrics', metrics).map(
      ([name, scalar]) => [checkTag(operation, name), numberOf(operation, scalar)] as const,
    );
    const run = this.#run(folderName(operation, options.runName ?? String(timeOf(this.#now))));
    for (const part of hparamValues(hparams, Object.keys(metrics))) run.#add(operation, 0, part);
    for (const [name, number] of measured) run.addScalar(name, number);
  }

  /**
   * Adds vectors for the embedding projector, [rows, columns], with a label or an image for each row.
   */
  addEmbedding(mat: Tensor, options: EmbeddingOptions = {}): void {
    this.#file.checkOpen('TensorBoard.addEmbedding');
    const [place, entry] = writeEmbedding(this.logDir, mat, options);
    this.#embeddings.set(place, entry);
    writeEmbeddingList(this.logDir, [...this.#embeddings.values()]);
  }

  /**
   * Adds the graph of a model: the operations of a prediction from these inputs by a copy of it, grouped by module. Of a tensor, the
   * operations that are recorded for its gradient.
   *
   * @throws ArgumentError when `forward` gives anything but a tensor
   */
  addGraph(model: Module | Tensor, ...inputs: readonly unknown[]): void {
    const operation = 'TensorBoard.addGraph';
    const nodes = graphOf(operation, model, inputs);
    this.#file.write(operation, event.graph(timeOf(this.#now), graphDef(nodes)));
  }

  /** Waits until everything is on the disk. Readers see it before. */
  flush(): void {
    for (const run of this.#runs.values()) run.flush();
    this.#file.flush('TensorBoard.flush');
  }

  /** Closes the files; closing twice does nothing. */
  close(): void {
    for (const run of this.#runs.values()) run.close();
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #run(name: string): TensorBoard {
    this.#file.checkOpen('TensorBoard');
    const existing = this.#runs.get(name);
    if (existing !== undefined) return existing;
    const run = new TensorBoard(join(this.logDir, name), { now: this.#now });
    this.#runs.set(name, run);
    return run;
  }
}

/** Seconds. */
function timeOf(now: () => number): number {
  const time = now();
  if (typeof time === 'number' && time >= 0 && time < 2 ** 53) return time / 1000;
  throw new ArgumentError(`TensorBoard: now must give milliseconds since 1970, got ${describe(time)}`);
}

function checkTag(operation: string, tag: unknown): string {
  if (checkText(operation, 'tag', tag) !== '') return tag as string;
  throw new ArgumentError(`${operation}: tag must not be empty`);
}

function numberOf(operation: string, scalar: unknown): number {
  if (typeof scalar === 'number') return scalar;
  if (!(scalar instanceof Tensor)) {
    throw new ArgumentError(
      `${operation}: a value must be a number or a tensor of one element, got ${describe(scalar)}`,
    );
  }
  if (scalar.size !== 1) throw new ShapeError(`${operation}: a value must have one element, got ${scalar.size}`);
  return scalar.item();
}

function recordOf(operation: string, name: string, record: unknown): [string, unknown][] {
  if (isPlain(record)) return Object.entries(record);
  throw new ArgumentError(`${operation}: ${name} must be an object such as { name: value }, got ${describe(record)}`);
}

/** The name of a run's folder, of which slashes make no folders. */
function folderName(operation: string, name: unknown): string {
  const folder = checkText(operation, 'runName', name).replace(/[\\/]/g, '_');
  if (!['', '.', '..'].includes(folder) && !folder.includes('\0')) return folder;
  throw new ArgumentError(`${operation}: the name of a run must be one of a folder, got ${describe(name)}`);
}
