// Logs of values in files.
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { checkChoice, FileError } from '../errors.js';
import { checkPath } from '../io/files.js';
import { checkOptions } from '../options.js';
import type { Callback, EpochEvent, StartEvent, StepEvent, Training } from './events.js';

/** Options of {@link CsvLog} and {@link JsonLog}. */
export interface LogOptions {
  /** Whether a line is written for each epoch, or for each `step` event; default epoch. */
  every?: 'epoch' | 'step';
}

/** What both logs share: a file, of which a resumed training keeps the lines up to its checkpoint. */
abstract class Log implements Callback {
  abstract readonly name: string;
  readonly rankZeroOnly = true;
  readonly path: string;
  readonly #every: 'epoch' | 'step';
  #bytes = 0;

  constructor(operation: string, path: string, options?: LogOptions) {
    this.path = checkPath(operation, path);
    checkOptions(operation, options, ['every']);
    this.#every = checkChoice(operation, 'every', options?.every, ['epoch', 'step'], 'epoch');
  }

  protected abstract line(event: StepEvent | EpochEvent): string;

  protected forget(): void {}

  onStart({ resumed }: StartEvent): void {
    this.#write(() => {
      if (resumed === null || !existsSync(this.path)) {
        this.#bytes = 0;
        this.forget();
        writeFileSync(this.path, '');
      } else {
        truncateSync(this.path, this.#bytes); // what came after the checkpoint comes again
      }
    });
  }

  onStep(event: StepEvent): void {
    if (this.#every === 'step') this.#add(this.line(event));
  }

  onEpoch(event: EpochEvent): void {
    if (this.#every === 'epoch') this.#add(this.line(event));
  }

  #add(text: string): void {
    this.#write(() => appendFileSync(this.path, text));
    this.#bytes += Buffer.byteLength(text);
  }

  #write(action: () => void): void {
    try {
      action();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FileError(`${this.name}: cannot write ${JSON.stringify(this.path)} (${reason})`, { cause });
    }
  }

  stateDict(): { bytes: number } {
    return { bytes: this.#bytes };
  }

  loadStateDict(state: { bytes: number }): void {
    const { bytes } = state;
    this.#bytes = Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : 0;
  }
}

/**
 * A callback that writes a line of JSON for each epoch, or each `step` event: epoch, step, values, samples and seconds.
 * NaN and infinities are texts. A resumed training goes on after the line of its checkpoint.
 *
 * @throws FileError when the file cannot be written
 * @example
 * const log = new train.JsonLog('log.jsonl', { every: 'step' });
 */
export class JsonLog extends Log {
  readonly name = 'JsonLog';

  constructor(path: string, options?: LogOptions) {
    super('JsonLog', path, options);
  }

  protected line({ epoch, step, values, samples, seconds }: StepEvent | EpochEvent): string {
    const texts = Object.entries(values).map(([key, v]) => [key, Number.isFinite(v) ? v : String(v)]);
    return `${JSON.stringify({ epoch, step, values: Object.fromEntries(texts), samples, seconds })}\n`;
  }
}

/**
 * A callback that writes a table, one row for each epoch, or each `step` event, with the names of the values in the first
 * line. A resumed training goes on after the row of its checkpoint.
 *
 * @throws FileError when the file cannot be written
 * @example
 * const log = new train.CsvLog('log.csv');
 */
export class CsvLog extends Log {
  readonly name = 'CsvLog';
  #columns: string[] | null = null;

  constructor(path: string, options?: LogOptions) {
    super('CsvLog', path, options);
  }

  protected override forget(): void {
    this.#columns = null;
  }

  override onStart(event: StartEvent, _?: Training): void {
    super.onStart(event);
    const first = existsSync(this.path) ? readFileSync(this.path, 'utf8').split('\n', 1)[0] : '';
    this.#columns = first === '' ? null : (first as string).split(',').slice(fixed.length);
  }

  protected line({ epoch, step, values, samples, seconds }: StepEvent | EpochEvent): string {
    const head = this.#columns === null ? `${[...fixed, ...Object.keys(values).map(quoted)].join()}\n` : '';
    this.#columns ??= Object.keys(values).map(quoted);
    const named = new Map(Object.entries(values).map(([key, value]) => [quoted(key), value]));
    const cells = this.#columns.map((column) => named.get(column) ?? '');
    return `${head}${[epoch, step, samples, seconds, ...cells].join()}\n`;
  }
}

const fixed = ['epoch', 'step', 'samples', 'seconds'];
const quoted = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
