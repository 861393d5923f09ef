// The record of a training: a folder with run.json, what was set and where it ran, and events.jsonl, a line of JSON for
// each event. This file has the format, version 1; run-log.ts writes it, run-reader.ts reads it. docs/reports.md describes it.
import type { EncodedPicture, EncodedPictures } from '../charts/pictures.js';
import { FileError } from '../errors.js';

/** run.json. */
export interface RunHeader {
  /** 1: a later version is refused. */
  version: number;
  name: string;
  /** ISO 8601. */
  started: string;
  configuration: Record<string, unknown>;
  environment: Record<string, unknown>;
}

/** Numbers by name; what is not finite stands in the file as a text. */
export type Numbers = Readonly<Record<string, number>>;

/** What every event has. */
interface Common {
  /** Steps so far. */
  step: number;
  /** Whole epochs, or the number of the one that goes on. */
  epoch: number;
  /** Milliseconds since 1970. */
  time: number;
}

/** Values of a step, of an epoch, or of validation. */
export interface ValuesEvent extends Common {
  type: 'step' | 'epoch' | 'validate';
  values: Numbers;
}

/** Training begins, or goes on from `step`: what came after that step is void. */
export interface BeginEvent extends Common {
  type: 'start';
}

/** Something to know of, or the reason why it ended. */
export interface TextEvent extends Common {
  type: 'warning' | 'end';
  text: string;
}

/** A curve: a point for each element. */
export interface Curve {
  x: number[];
  y: number[];
}

/** How predictions of classes fit. */
export interface ClassesEvent extends Common {
  type: 'classes';
  classes: string[];
  /** Of each class (row), how many were taken for each. */
  confusion: number[][];
  /** Of each class against the others: false and true positive rates. */
  roc: (Curve & { auc: number })[];
  /** Of bins of confidence: its mean, and the share that was right. */
  calibration: Curve & { counts: number[]; error: number };
}

/** Counts of values between `low` and `high`, in bins of one width. */
export interface Histogram {
  low: number;
  high: number;
  counts: number[];
}

/** Histograms of tensors by name. */
export interface HistogramsEvent extends Common {
  type: 'weights' | 'gradients';
  tensors: Record<string, Histogram>;
}

/** A prediction to look at. */
export interface Sample {
  /** A PNG file in base64. */
  image?: string;
  text?: string;
  target: string;
  prediction: string;
  isWrong: boolean;
  loss?: number;
}

/** Some predictions, or those that are most wrong. */
export interface SamplesEvent extends Common {
  type: 'samples' | 'errors';
  samples: Sample[];
}

/** Pictures under a title, the size of each in pixels. */
export interface PicturesEvent extends Common, EncodedPictures {
  type: 'pictures';
}

/** How much worse a metric gets when a feature is shuffled. */
export interface ImportanceEvent extends Common {
  type: 'importance';
  metric: string;
  features: { name: string; mean: number; std: number }[];
}

/** A line of events.jsonl. */
export type RunEvent =
  | BeginEvent
  | ValuesEvent
  | TextEvent
  | ClassesEvent
  | HistogramsEvent
  | SamplesEvent
  | PicturesEvent
  | ImportanceEvent;

/** JSON of a value, with texts for numbers that JSON has not. */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_, v) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v));
}

/** How long lists may be: a hostile file must not cost much. */
const most = 10_000;

type Check<T> = (value: unknown) => T;

const fail = (rule: string): never => {
  throw new FileError(`must be ${rule}`);
};
const text: Check<string> = (value) => (typeof value === 'string' ? value : fail('a text'));
const flag: Check<boolean> = (value) => (typeof value === 'boolean' ? value : fail('true or false'));
const number: Check<number> = (value) => {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : fail('a number');
};
const count: Check<number> = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : fail('an integer of at least 0');
const size: Check<number> = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : fail('an integer of at least 1');
const png: Check<string> = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? value : fail('base64');

const list =
  <T>(check: Check<T>): Check<T[]> =>
  (value) =>
    Array.isArray(value) && value.length <= most ? value.map(check) : fail(`a list of at most ${most}`);

const record =
  <T>(check: Check<T>): Check<Record<string, T>> =>
  (value) => {
    const entries = entriesOf(value);
    if (entries.length > most) fail(`an object of at most ${most} values`);
    return Object.fromEntries(entries.map(([name, v]) => [name, at(name, () => check(v))]));
  };

const object =
  <T extends object>(checks: { [K in keyof T]-?: Check<T[K]> }): Check<T> =>
  (value) => {
    const given = Object.fromEntries(entriesOf(value));
    const names = Object.keys(checks) as (keyof T & string)[];
    return Object.fromEntries(names.map((name) => [name, at(name, () => checks[name](given[name]))])) as T;
  };

const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value) =>
    value === undefined ? undefined : check(value);

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : fail('an object');
}

/** Names the place of what is wrong. */
function at<T>(name: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof FileError ? new FileError(`${name}: ${error.message}`) : error;
  }
}

const common = { step: count, epoch: count, time: number };
const curve = { x: list(number), y: list(number) };
const values = object({ ...common, values: record(number) });
const said = object({ ...common, text });
const histograms = object({
  ...common,
  tensors: record(object<Histogram>({ low: number, high: number, counts: list(number) })),
});
const sample = object({
  ...{ image: optional(png), text: optional(text), target: text, prediction: text },
  ...{ isWrong: flag, loss: optional(number) },
});
const samples = object({ ...common, samples: list(sample) });

const kinds: Readonly<Record<string, Check<object>>> = {
  start: object(common),
  step: values,
  epoch: values,
  validate: values,
  warning: said,
  end: said,
  classes: object({
    ...common,
    classes: list(text),
    confusion: list(list(number)),
    roc: list(object({ ...curve, auc: number })),
    calibration: object({ ...curve, counts: list(number), error: number }),
  }),
  weights: histograms,
  gradients: histograms,
  samples,
  errors: samples,
  pictures: object({
    ...{ ...common, title: text, columns: size, size },
    pictures: list(object<EncodedPicture>({ image: png, width: size, height: size, caption: text, marked: flag })),
  }),
  importance: object({
    ...common,
    metric: text,
    features: list(object({ name: text, mean: number, std: number })),
  }),
};

/**
 * A line of events.jsonl, checked; undefined for an event of a kind that is not known.
 *
 * @throws FileError that says what is wrong with it
 */
export function decodeEvent(line: string): RunEvent | undefined {
  const value = parse(line);
  const { type } = Object.fromEntries(entriesOf(value));
  const kind = at('type', () => text(type));
  const check = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return check && ({ type: kind, ...at(kind, () => check(value)) } as RunEvent);
}

const header = object<RunHeader>({
  version: count,
  name: text,
  started: text,
  configuration: record((value) => value),
  environment: record((value) => value),
});

/** run.json, checked. */
export function decodeHeader(json: string): RunHeader {
  const found = header(parse(json));
  return found.version === 1 ? found : fail(`of version 1, got ${found.version}, which a later adjoint has written`);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return fail('JSON');
  }
}
