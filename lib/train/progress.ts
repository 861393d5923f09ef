import { ArgumentError, checkFunction, checkInteger, checkNumber, describe } from '../errors.js';
import { checkOptions } from '../options.js';

/** What a progress display writes to: `process.stdout`, or anything with `write`. */
export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Options of a {@link Progress}. */
export interface ProgressOptions {
  /** Steps in each epoch. */
  steps: number;
  /** Epochs in all, default 1. */
  epochs?: number;
  /** Default `process.stdout`. A bar where it is a terminal, plain lines elsewhere. */
  stream?: ProgressStream;
  /** A clock in milliseconds, default `performance.now`. */
  now?: () => number;
}

const redrawInterval = 100;
const plainInterval = 1000;
const plainPatience = 10_000;

/**
 * Shows how far training is: epoch, bar, percentage, loss, samples per second, time left in all epochs. On a terminal one
 * line is redrawn at most ten times a second; elsewhere a plain line appears every tenth of an epoch (at most one a second)
 * or every ten seconds, and at the end of each epoch.
 *
 * ```ts
 * const progress = new Progress({ steps: loader.length, epochs: 5 });
 * for (let epoch = 0; epoch < 5; epoch++) {
 *   for (const [x, y] of loader) progress.step(x.shape[0], () => train(x, y).item());
 *   progress.endEpoch('test accuracy 97.4 %');
 * }
 * ```
 * @throws ArgumentError for steps or epochs that are not integers of at least 1, and for unknown options.
 */
export class Progress {
  readonly #steps: number;
  readonly #epochs: number;
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #start: number;
  #epoch = 1;
  #epochStart: number;
  #done = 0;
  #samples = 0;
  #drawn = Number.NEGATIVE_INFINITY;
  #printed: number;
  #printedStep = 0;
  #loss: number | (() => number) | undefined;

  constructor(options: ProgressOptions) {
    checkOptions('Progress', options, ['steps', 'epochs', 'stream', 'now']);
    this.#steps = checkInteger('Progress', 'steps', options?.steps, 1);
    this.#epochs = checkInteger('Progress', 'epochs', options.epochs ?? 1, 1);
    this.#stream = options.stream ?? process.stdout;
    checkFunction('Progress', 'stream.write', this.#stream.write);
    this.#now = options.now ?? (() => performance.now());
    checkFunction('Progress', 'now', this.#now);
    this.#start = this.#epochStart = this.#printed = this.#now();
  }

  /**
   * Counts one more step of the epoch.
   * @param samples how many samples it used.
   * @param loss its loss, or a function that fetches it, called only when the display is drawn.
   */
  step(samples: number, loss?: number | (() => number)): void {
    checkNumber('Progress', 'samples', samples, { min: 0 });
    if (loss !== undefined && typeof loss !== 'number' && typeof loss !== 'function') {
      throw new ArgumentError(`Progress: loss must be a number or a function that fetches it, got ${describe(loss)}`);
    }
    this.#done++;
    this.#samples += samples;
    this.#loss = loss;
    const now = this.#now();
    if (this.#stream.isTTY) {
      if (now - this.#drawn < redrawInterval) return;
      this.#drawn = now;
      this.#stream.write(`\r${this.#line(now, this.#columns())}\x1b[K`);
      return;
    }
    const waited = now - this.#printed;
    const tenth = this.#done - this.#printedStep >= this.#steps / 10;
    if (this.#done < this.#steps && ((tenth && waited >= plainInterval) || waited >= plainPatience)) {
      this.#printed = now;
      this.#printedStep = this.#done;
      this.#stream.write(`${this.#line(now)}\n`);
    }
  }

  /** Ends the epoch with a line of its own, to which `summary` (the test accuracy, say) is appended, and begins the next. */
  endEpoch(summary = ''): void {
    checkText('summary', summary);
    const now = this.#now();
    const seconds = (now - this.#epochStart) / 1000;
    const parts = [
      this.#title(),
      this.#lossText(),
      this.#speedText(now),
      `${formatSeconds(seconds)}`,
      oneLine(summary),
    ];
    this.log(parts.filter((part) => part !== '').join('  '));
    this.#epoch++;
    this.#done = this.#samples = this.#printedStep = 0;
    this.#drawn = Number.NEGATIVE_INFINITY;
    this.#epochStart = this.#printed = now;
  }

  /** Prints a line of its own; the bar, if any, goes on below it. */
  log(text: string): void {
    checkText('text', text);
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[K${text}\n` : `${text}\n`);
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  /** One column stays free: a terminal begins a new line once its last column is filled. */
  #columns(): number {
    return Math.max(1, (this.#stream.columns || 80) - 1);
  }

  /** The line of plain output; with `columns`, a bar and as much else as fits. */
  #line(now: number, columns?: number): string {
    const share = Math.min(1, this.#done / this.#steps);
    const percentage = `${Math.floor(share * 100)} %`.padStart(5);
    const rest = [this.#lossText(), this.#speedText(now), this.#timeLeft(now)].filter((part) => part !== '');
    if (columns === undefined) return [this.#title(), percentage, ...rest].join('  ');
    const min = 10; // a shorter bar is useless: first leave out other parts, from the right
    const fits = () => [this.#title(), percentage, ...rest].join('  ').length + 4 + min <= columns;
    while (rest.length > 0 && !fits()) rest.pop();
    const width = Math.min(30, columns - [this.#title(), percentage, ...rest].join('  ').length - 4);
    if (width < min) return `${this.#title()}  ${percentage}`.slice(0, columns);
    const filled = Math.round(share * width);
    const head = filled > 0 && filled < width ? '>' : '';
    const bar = `[${('='.repeat(filled - head.length) + head).padEnd(width)}]`;
    return [this.#title(), bar, percentage, ...rest].join('  ');
  }

  #title(): string {
    return `epoch ${String(this.#epoch).padStart(String(this.#epochs).length)}/${this.#epochs}`;
  }

  #lossText(): string {
    const loss = typeof this.#loss === 'function' ? this.#loss() : this.#loss;
    if (loss === undefined) return '';
    const small = loss !== 0 && Math.abs(loss) < 1e-3;
    return `loss ${Number.isFinite(loss) ? (small || Math.abs(loss) >= 1e6 ? loss.toExponential(2) : loss.toFixed(4)) : loss}`;
  }

  #speedText(now: number): string {
    const seconds = (now - this.#epochStart) / 1000;
    if (seconds <= 0) return '';
    const rate = this.#samples / seconds;
    return `${rate >= 100 ? Math.round(rate).toLocaleString('en-US') : rate.toPrecision(2)} samples/s`;
  }

  /** From the steps of all epochs so far; work between epochs counts, because it will recur. */
  #timeLeft(now: number): string {
    const done = (this.#epoch - 1) * this.#steps + this.#done;
    const left = this.#epochs * this.#steps - done;
    return `${formatSeconds((((now - this.#start) / done) * Math.max(0, left)) / 1000)} left`;
  }
}

function checkText(name: string, text: unknown): void {
  if (typeof text !== 'string') throw new ArgumentError(`Progress: ${name} must be a text, got ${describe(text)}`);
}

/** `7.3 s`, `1:05`, `2:00:09`. */
function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Line ends and other control characters would break the bar's line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}
