import { unknownColumn } from '../data/column.js';
import { checkTable, Features } from '../data/features.js';
import { Table } from '../data/table.js';
import {
  ArgumentError,
  checkChoice,
  checkEach,
  checkFunction,
  checkInteger,
  checkText,
  describe,
  StateError,
} from '../errors.js';
import { checkPath } from '../io/files.js';
import { Generator } from '../ops/generator.js';
import { randperm } from '../ops/random.js';
import { checkOptions } from '../options.js';
import { checkFileText } from './tabular-file.js';
import { type EpochReport, type Examples, type Learned, learn } from './tabular-learn.js';
import { architectureOf, inputsOf, type TabularMember, valuesOf } from './tabular-member.js';
import { type TabularColumn, TabularModel } from './tabular-model.js';
import { scoresOf } from './tabular-scores.js';
import { settingsOf, type TabularSettings } from './tabular-settings.js';
import { type TabularTask, type Target, targetOf, targetTensor, targetValues } from './tabular-target.js';
import { search, type TabularTrial } from './tabular-tune.js';

/** What is told of each epoch of `train.tabular`. */
export interface TabularProgress extends EpochReport {
  /** Which network, from 1, and how many there are. */
  readonly member: number;
  readonly members: number;
  /** Epochs at most. */
  readonly epochs: number;
}

/** Options of {@link tabular}. */
export interface TabularOptions {
  /** The column to predict. */
  target: string;
  /** Default: by the target, `regression` for numbers unless they are ten different integers at most. */
  task?: TabularTask;
  /** Columns that are not to be read, such as numbers of customers. */
  ignore?: readonly string[];
  /** How many networks, each with another part of the rows for validation; default 5 below 5000 rows, 3 below 50,000, else 1. */
  ensemble?: number;
  /** How many settings are tried on one split before the networks are trained with the best three; default 0. */
  tune?: number;
  /** A file to which each of these trials is written, so that a search that was interrupted goes on there. */
  tuneLog?: string;
  /** How networks are built and trained; where the search begins. */
  settings?: Partial<TabularSettings>;
  /** Of all that is random; default 0. */
  seed?: number;
  /** Ends the training early; the model is then of what was reached. */
  signal?: AbortSignal;
  /** Called after each epoch. */
  onEpoch?: (progress: TabularProgress) => void;
  /** Called after each trial of `tune`. */
  onTrial?: (trial: TabularTrial) => void;
}

const tabularOptions = [
  ...['target', 'task', 'ignore', 'ensemble', 'tune', 'tuneLog', 'settings', 'seed', 'signal', 'onEpoch', 'onTrial'],
];
/** Of the settings that a search found best, how many are used in turns. */
const bestOnes = 3;

/**
 * Trains a model of a table: networks that predict one column from the others.
 *
 * The task follows from the target. Columns go through `data.Features`, which are fitted on the training part alone and kept in the
 * model: numbers are scaled by median and quartiles and bent to within ±3 (`robust`), dates become their parts, categories embeddings,
 * and missing values are marked.
 * Columns of texts are not used. The network is RealMLP (Holzmüller et al., "Better by default: strong pre-tuned MLPs and boosted
 * trees on tabular data", 2024, https://arxiv.org/abs/2407.04491), with numbers also shown as learned cosines (Gorishniy et al.,
 * "On embeddings for numerical features in tabular deep learning", 2022, https://arxiv.org/abs/2203.05556), trained by AdamW
 * along half a cosine in a compiled step. Each network keeps a fifth of the rows for validation (a tenth above 10,000 rows),
 * another one than the others, ends when that no longer improves, and has the weights of its best epoch. The same seed and thread count
 * give the same model.
 *
 * @param table the rows; those without a target are left out
 * @throws ArgumentError for a target or other columns that nothing can be learned from, and for categories that a model's file could not
 *   hold (2²⁴ characters of names and categories, over all networks); StateError when the loss of a network is never a number
 * @example
 * const table = data.Table.fromRows(Array.from({ length: 40 }, (_, i) => ({ x: i, y: i % 2 ? 'odd' : 'even' })));
 * const parity = await train.tabular(table, { target: 'y', settings: { epochs: 2 } });
 * await parity.predict([{ x: 3 }]);
 */
export async function tabular(table: Table, options: TabularOptions): Promise<TabularModel> {
  const began = performance.now();
  const plan = planOf(table, options);
  const { target, columns, members, seed } = plan;
  const fold = foldsOf(plan);
  const first = splitOf(plan, fold, 0);
  const ranked = await rank(table, plan, options, first);
  const made: (Fitted & { settings: TabularSettings })[] = [];
  const seen: { predicted: Float64Array; rows: Int32Array }[] = [];
  for (let m = 0; m < members; m++) {
    const split = m === 0 ? first : splitOf(plan, fold, m);
    const settings = ranked[m % Math.min(bestOnes, ranked.length)] as TabularSettings;
    const report = (progress: EpochReport): void =>
      options.onEpoch?.({ ...progress, member: m + 1, members, epochs: settings.epochs });
    try {
      const fitted = await memberOf(target, split, settings, seed + m, report, options.signal);
      if (fitted.loss === Number.POSITIVE_INFINITY) throw diverged(settings);
      made.push({ ...fitted, settings });
      const predicted = await valuesOf(target, fitted.member, plan.known.select(split.apart));
      seen.push({ predicted, rows: split.apart });
    } catch (error) {
      if (options.signal?.aborted !== true || made.length === 0) throw error;
    }
    if (options.signal?.aborted === true) break;
  }
  const { length } = plan.known;
  const provenance = {
    created: new Date().toISOString(),
    rows: length,
    skipped: table.length - length,
    seed,
    seconds: (performance.now() - began) / 1000,
    members: made.map(({ epochs, best, settings }) => ({ epochs, best, settings })),
  };
  const metrics = outOfFold(plan, seen);
  return new TabularModel({ target, columns, members: made.map(({ member }) => member), metrics, provenance });
}

const diverged = ({ epochs, lr }: TabularSettings): StateError =>
  new StateError(
    `tabular: the validation loss must be a number after some epoch, got none in ${epochs} epochs; give a settings.lr below ${lr}`,
  );

/** The settings to train with: the given ones, or those of a search, the best first. */
async function rank(table: Table, plan: Plan, options: TabularOptions, split: Split): Promise<TabularSettings[]> {
  const { trials, seed, settings, target, columns, known } = plan;
  if (trials === 0) return [settings];
  const { signal, onTrial } = options;
  const found = await search({
    ...{ trials, seed, signal, base: settings, log: options.tuneLog },
    about: [target, columns, known.length, table.length, table.get(0), table.get(table.length - 1)],
    lossOf: async (tried, ownSeed) => (await memberOf(target, split, tried, ownSeed, () => {}, signal)).loss,
    onTrial: (trial) => onTrial?.(trial),
  });
  const sound = found.filter(({ loss }) => loss < Number.POSITIVE_INFINITY);
  return sound.length === 0 ? [settings] : sound.map((trial) => trial.settings);
}

type Plan = ReturnType<typeof planOf>;

/** Checks the arguments and decides what they leave open. */
function planOf(table: Table, options: TabularOptions) {
  const name = 'tabular';
  checkTable(name, table);
  checkOptions(name, options, tabularOptions);
  const given = checkText(name, 'target', options?.target);
  if (!table.names.includes(given)) throw unknownColumn(`${name}: target`, given, table.names);
  const task =
    options.task === undefined
      ? undefined
      : checkChoice(name, 'task', options.task, ['binary', 'multiclass', 'regression']);
  const ignored = checkEach(name, 'ignore', 'must be names of columns', options.ignore ?? [], (column) => {
    const ignored = checkText(name, 'each of ignore', column);
    if (!table.names.includes(ignored)) throw unknownColumn(`${name}: ignore`, ignored, table.names);
    return ignored;
  });
  const seed = checkInteger(name, 'seed', options.seed ?? 0, 0, 2 ** 52);
  if (options.onEpoch !== undefined) checkFunction(name, 'onEpoch', options.onEpoch);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new ArgumentError(`${name}: signal must be an AbortSignal, got ${describe(options.signal)}`);
  }
  if (options.onTrial !== undefined) checkFunction(name, 'onTrial', options.onTrial);
  if (options.tuneLog !== undefined) checkPath(name, options.tuneLog, 'tuneLog');
  const trials = checkInteger(name, 'tune', options.tune ?? 0, 0, 10_000);
  const { target, rows } = targetOf(name, table, given, task);
  const columns = table.names
    .filter((column) => column !== given && !ignored.includes(column) && table.column(column).type !== 'text')
    .map((column): TabularColumn => ({ name: column, type: table.column(column).type }));
  if (columns.length === 0) throw nothingToLearn(given);
  const usual = rows.length < 5000 ? 5 : rows.length < 50_000 ? 3 : 1;
  const members = checkInteger(
    name,
    'ensemble',
    options.ensemble ?? Math.min(usual, rows.length),
    1,
    Math.min(100, rows.length),
  );
  const folds = Math.max(members, rows.length > 10_000 ? 10 : 5);
  const settings = settingsOf(name, options.settings, { rows: rows.length, isNumber: target.task === 'regression' });
  const read = new Table(new Map(columns.map((column) => [column.name, table.column(column.name)])));
  checkFileText(name, read, members);
  const known = rows.length === table.length ? read : read.select(rows);
  const values = targetValues(target, table.column(given), rows);
  return { target, columns, known, values, members, folds, seed, settings, trials };
}

function nothingToLearn(target: string, cause?: unknown): ArgumentError {
  const rule = `there must be a column to learn from beside the target ${JSON.stringify(target)}`;
  const hint = 'columns of texts are not used, and constant ones tell nothing';
  return new ArgumentError(`tabular: ${rule}; ${hint}`, { cause });
}

/** Of each row, the part that it belongs to: parts of about the same size and, of classes, with the same share of each. */
function foldsOf({ target, known, values, folds, seed }: Plan): Uint8Array {
  const order = [...randperm(known.length, { generator: new Generator(seed) }).toTypedArray()] as number[];
  if (target.task !== 'regression') order.sort((a, b) => (values[a] as number) - (values[b] as number));
  const fold = new Uint8Array(known.length);
  for (const [i, place] of order.entries()) fold[place] = i % folds;
  return fold;
}

/** What one network is trained on, and what it is validated on. */
interface Split {
  readonly features: Features;
  readonly examples: Examples;
  readonly shown: Int32Array;
  readonly apart: Int32Array;
}

function splitOf({ target, known, values }: Plan, fold: Uint8Array, m: number): Split {
  const all = Int32Array.from(fold.keys());
  const [shown, apart] = [all.filter((row) => fold[row] !== m), all.filter((row) => fold[row] === m)];
  const features = new Features({ number: 'robust', fill: 'median', constant: 'drop', maxCategories: 2 ** 24 });
  try {
    features.fit(known.select(shown));
  } catch (error) {
    throw error instanceof ArgumentError ? nothingToLearn(target.name, error) : error;
  }
  return { features, shown, apart, examples: { ...inputsOf(features, known), targets: targetTensor(target, values) } };
}

/** A network that was trained, after how many epochs, and the validation loss of the best of them. */
interface Fitted extends Omit<Learned, 'network'> {
  readonly member: TabularMember;
}

async function memberOf(
  target: Target,
  { features, ...split }: Split,
  settings: TabularSettings,
  seed: number,
  onEpoch: (report: EpochReport) => void,
  signal: AbortSignal | undefined,
): Promise<Fitted> {
  const architecture = architectureOf(features, target, settings);
  const { network, ...reached } = await learn({ architecture, settings, ...split, seed, signal, onEpoch });
  return { member: { features, network }, ...reached };
}

function outOfFold({ target, values }: Plan, seen: readonly { predicted: Float64Array; rows: Int32Array }[]) {
  const rows = seen.flatMap((part) => [...part.rows]);
  const predicted = Float64Array.from(seen.flatMap((part) => [...part.predicted]));
  const truth = rows.map((row) => values[row] as number);
  return scoresOf(target, predicted, target.task === 'regression' ? Float64Array.from(truth) : Int32Array.from(truth));
}
