// The search for better settings: some that are known to be sound, drawn at random, on one split.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { FileError } from '../errors.js';
import { systemError } from '../io/files.js';
import { getNumThreads } from '../memory.js';
import { Generator } from '../ops/generator.js';
import { rand } from '../ops/random.js';
import type { TabularSettings } from './tabular-settings.js';

/** What is told of each trial of the search. */
export interface TabularTrial {
  /** From 0; the first has the default settings. */
  readonly trial: number;
  readonly settings: TabularSettings;
  /** The lowest validation loss that it reached; infinite where it was never a number. */
  readonly loss: number;
}

const diverged = Number.POSITIVE_INFINITY;

/** A search. */
export interface Search {
  readonly trials: number;
  readonly seed: number;
  readonly base: TabularSettings;
  /** A file of JSON lines, to which each trial is written and from which an earlier search goes on. */
  readonly log: string | undefined;
  /** What the losses depend on beside the settings. */
  readonly about: unknown;
  readonly signal: AbortSignal | undefined;
  readonly lossOf: (settings: TabularSettings, seed: number) => Promise<number>;
  readonly onTrial: (trial: TabularTrial) => void;
}

/** The settings of a trial, which depend on the seed and its number alone. */
export function drawSettings(base: TabularSettings, seed: number, trial: number): TabularSettings {
  if (trial === 0) return base;
  const draws = rand([8], { generator: new Generator(seed + trial) }).toTypedArray();
  const one = <T>(i: number, choices: readonly T[]): T =>
    choices[Math.floor((draws[i] as number) * choices.length)] as T;
  const between = (i: number, low: number, high: number): number => low * (high / low) ** (draws[i] as number);
  return {
    ...base,
    hidden: one(0, [
      [256, 256, 256],
      [256, 256],
      [512, 512],
      [128, 128, 128],
    ]),
    dropout: one(1, [0, 0.1, 0.2, 0.3]),
    frequencies: one(2, [0, 16, 16]),
    sigma: between(3, 0.05, 2),
    lr: base.lr * between(4, 0.3, 3),
    weightDecay: one(5, [0, 0.005, 0.02, 0.08]),
    labelSmoothing: one(6, [0, 0.03, 0.1]),
  };
}

/**
 * The trials, the best first. As many as there are threads train at one time, each on a native thread of its own.
 *
 * @throws FileError when the log is of another search
 */
export async function search({
  trials,
  seed,
  base,
  log,
  about,
  signal,
  lossOf,
  onTrial,
}: Search): Promise<TabularTrial[]> {
  const key = createHash('sha256')
    .update(JSON.stringify([about, base, seed]))
    .digest('hex')
    .slice(0, 16);
  const known = log === undefined ? new Map<number, number>() : readLog(log, key);
  const done: TabularTrial[] = [];
  let next = 0;
  const isStopped = (): boolean => signal?.aborted === true;
  const work = async (): Promise<void> => {
    while (next < trials && !isStopped()) {
      const trial = next++;
      const settings = drawSettings(base, seed, trial);
      const loss = known.get(trial) ?? (await lossOf(settings, seed + trial));
      if (log !== undefined && !known.has(trial) && !isStopped()) {
        append(log, `${JSON.stringify({ key, trial, loss: loss === diverged ? null : loss, settings })}\n`);
      }
      done.push({ trial, settings, loss });
      onTrial({ trial, settings, loss });
    }
  };
  await Promise.all(Array.from({ length: Math.min(trials, getNumThreads()) }, work));
  return done.sort((a, b) => a.loss - b.loss || a.trial - b.trial);
}

function append(path: string, line: string): void {
  try {
    appendFileSync(path, line);
  } catch (cause) {
    throw systemError('tabular', 'write', path, cause);
  }
}

/** The text of a log without a last line that was cut off when the process ended, which is removed from the file, too. */
function wholeLines(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole !== text) truncateSync(path, Buffer.byteLength(whole));
    return whole;
  } catch (cause) {
    throw systemError('tabular', 'read', path, cause);
  }
}

function readLog(path: string, key: string): Map<number, number> {
  const known = new Map<number, number>();
  if (!existsSync(path)) return known;
  const lines = wholeLines(path).split('\n').slice(0, -1);
  for (const [i, line] of lines.entries()) {
    const wrong = (rule: string) => new FileError(`tabular: line ${i + 1} of ${JSON.stringify(path)} ${rule}`);
    let read: { key?: unknown; trial?: unknown; loss?: unknown } | null;
    try {
      read = JSON.parse(line);
    } catch {
      throw wrong('must be JSON, as the search writes it');
    }
    if (read?.key !== key) throw wrong('must be of a search on this table with these options; give another tuneLog');
    const { trial, loss } = read;
    if (!Number.isInteger(trial) || (typeof loss !== 'number' && loss !== null))
      throw wrong('must have a trial and its loss');
    known.set(trial as number, loss ?? diverged);
  }
  return known;
}
