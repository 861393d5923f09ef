// Reads the record of a run, again and again while it grows.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { FileError } from '../errors.js';
import { systemError } from '../io/files.js';
import {
  type ClassesEvent,
  decodeEvent,
  decodeHeader,
  type HistogramsEvent,
  type ImportanceEvent,
  type PicturesEvent,
  type RunEvent,
  type RunHeader,
  type SamplesEvent,
} from './record.js';

/** Values by step, thinned to `points` at most. */
export interface Series {
  x: number[];
  y: number[];
}

/** What is kept of a run: its header, curves, and the newest event of each other kind. */
export interface RunRecord extends RunHeader {
  folder: string;
  /** By kind of event and name. */
  step: Map<string, Series>;
  epoch: Map<string, Series>;
  validate: Map<string, Series>;
  warnings: string[];
  /** Why it ended; undefined while it goes on, or if it was killed. */
  end?: string;
  classes?: ClassesEvent;
  weights?: HistogramsEvent;
  gradients?: HistogramsEvent;
  samples?: SamplesEvent;
  errors?: SamplesEvent;
  /** By title. */
  pictures: Map<string, PicturesEvent>;
  importance?: ImportanceEvent;
  /** Of the last event. */
  at: { step: number; epoch: number; time: number };
  /** How many events there are. */
  events: number;
}

const points = 20_000;
const longestLine = 32 * 2 ** 20;
const chunk = 2 ** 20;

/** Follows the record in a folder. */
export class RunReader {
  readonly run: RunRecord;
  #offset = 0;
  #line = 0;
  #rest = Buffer.alloc(0);

  /** @throws FileError when there is no record, or it is damaged or of a later version. */
  constructor(
    private readonly operation: string,
    folder: string,
  ) {
    const path = join(folder, 'run.json');
    const header = this.#explain(JSON.stringify(path), () => decodeHeader(readText(operation, path)));
    const curves = { step: new Map(), epoch: new Map(), validate: new Map() };
    const started = Date.parse(header.started) || 0;
    this.run = {
      ...header,
      folder,
      ...curves,
      warnings: [],
      pictures: new Map(),
      at: { step: 0, epoch: 0, time: started },
      events: 0,
    };
    this.update();
  }

  /** Reads what has been added; says whether there was anything. The last line may be unfinished. */
  update(): boolean {
    const path = join(this.run.folder, 'events.jsonl');
    const before = this.run.events;
    const file = open(this.operation, path);
    if (file === undefined) return false;
    try {
      const { size } = fstatSync(file);
      if (size < this.#offset)
        throw new FileError(`${this.operation}: ${JSON.stringify(path)} must only grow, got a shorter file`);
      const block = Buffer.alloc(Math.min(chunk, Math.max(0, size - this.#offset)));
      while (this.#offset < size) {
        const count = readSync(file, block, 0, Math.min(block.length, size - this.#offset), this.#offset);
        if (count === 0) break;
        this.#offset += count;
        this.#take(path, block.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
    return this.run.events !== before;
  }

  #take(path: string, bytes: Buffer): void {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const line = Buffer.concat([this.#rest, bytes.subarray(from, end)]).toString('utf8');
      [this.#rest, from] = [Buffer.alloc(0), end + 1];
      this.#line++;
      if (line.trim() !== '')
        this.#explain(`${JSON.stringify(path)} line ${this.#line}`, () => this.#add(decodeEvent(line)));
    }
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(from)]);
    if (this.#rest.length > longestLine) {
      throw new FileError(
        `${this.operation}: ${JSON.stringify(path)} line ${this.#line + 1} must be shorter than 32 MB`,
      );
    }
  }

  #add(event: RunEvent | undefined): void {
    const { run } = this;
    run.events++;
    if (event === undefined) return;
    run.at = { step: event.step, epoch: event.epoch, time: event.time };
    if (event.type !== 'end' && event.type !== 'warning') delete run.end;
    switch (event.type) {
      case 'step':
      case 'epoch':
      case 'validate':
        for (const [name, value] of Object.entries(event.values)) append(run[event.type], name, event.step, value);
        break;
      case 'start':
        for (const curves of [run.step, run.epoch, run.validate]) for (const s of curves.values()) cut(s, event.step);
        break;
      case 'warning':
        if (run.warnings.length < 100) run.warnings.push(event.text);
        break;
      case 'end':
        run.end = event.text;
        break;
      case 'classes':
        run.classes = event;
        break;
      case 'pictures':
        if (run.pictures.has(event.title) || run.pictures.size < 100) run.pictures.set(event.title, event);
        break;
      case 'importance':
        run.importance = event;
        break;
      case 'weights':
      case 'gradients':
        run[event.type] = event;
        break;
      case 'samples':
      case 'errors':
        run[event.type] = event;
    }
  }

  #explain<T>(place: string, action: () => T): T {
    try {
      return action();
    } catch (cause) {
      if (!(cause instanceof FileError) || cause.message.startsWith(this.operation)) throw cause;
      throw new FileError(`${this.operation}: ${place}: ${cause.message}`);
    }
  }
}

function readText(operation: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw systemError(operation, 'read', path, cause);
  }
}

/** A file that need not be there yet. */
function open(operation: string, path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return undefined;
    throw systemError(operation, 'read', path, cause);
  }
}

const mostNames = 200;

function append(curves: Map<string, Series>, name: string, x: number, y: number): void {
  let series = curves.get(name);
  if (series === undefined) {
    if (curves.size >= mostNames) return;
    series = { x: [], y: [] };
    curves.set(name, series);
  }
  series.x.push(x);
  series.y.push(y);
  if (series.x.length <= points) return;
  // Every second point becomes the mean of two.
  const half = (list: number[]) =>
    Array.from({ length: list.length >> 1 }, (_, i) => ((list[2 * i] as number) + (list[2 * i + 1] as number)) / 2);
  [series.x, series.y] = [half(series.x), half(series.y)];
}

/** Forgets what came after a step. */
function cut(series: Series, step: number): void {
  const end = series.x.findIndex((x) => x > step);
  if (end >= 0) {
    series.x.length = end;
    series.y.length = end;
  }
}

/** The names of the folders in a folder that hold a record. */
export function runsIn(operation: string, folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return entries
      .map(({ name }) => name)
      .filter((name) => has(join(folder, name)))
      .sort();
  } catch (cause) {
    throw systemError(operation, 'read', folder, cause);
  }
}

function has(folder: string): boolean {
  try {
    return readdirSync(folder).includes('run.json');
  } catch {
    return false;
  }
}
